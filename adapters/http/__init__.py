"""The HTTP API, made from the catalogue of commands and from the read models. Decides nothing by itself."""

from adapters.http.app import create_app

__all__ = ["create_app"]
