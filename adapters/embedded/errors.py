"""What can go wrong with an embedded server, one class per cause, each with a sentence that says what to do.

Shown as it is to the person who started the product, so it holds paths, ports and log lines, and never a
traceback.
"""

from __future__ import annotations


class EmbeddedServerError(Exception):
    """An embedded server cannot run."""


class DataDirectoryInUse(EmbeddedServerError):
    """Another running product owns the data directory."""


class DataDirectoryUnusable(EmbeddedServerError):
    """The data directory cannot be read or written by the account that has to."""


class VersionMismatch(EmbeddedServerError):
    """The data was written by another major version of the server."""


class ServerNotInstalled(EmbeddedServerError):
    """The wheel that holds the server is not in this environment."""


class PortInUse(EmbeddedServerError):
    """Something else listens on the port that was asked for."""


class ServerDied(EmbeddedServerError):
    """The server ended by itself; the message ends with the last lines of its log."""
