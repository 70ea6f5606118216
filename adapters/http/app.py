"""The API as a whole: routes from the catalogue and the read models, problems for every error, and its description.

Everything it needs comes in as an argument; nothing is opened or read from the environment here.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from adapters.http.commands import add_command_routes, command_schemas
from adapters.http.health import add_health_routes
from adapters.http.middleware import RoundEveryRequest
from adapters.http.reads import add_read_routes
from adapters.http.responses import Examples, not_routed, refused, unreadable_request
from adapters.input import InvalidInput
from adapters.problems import Problem, Refused
from adapters.settings import is_loopback
from domain.errors import DomainError

if TYPE_CHECKING:
    from adapters.product import Product

DISTRIBUTION = "coordinated-care-pathway"

ABOUT = """The coordinated care pathway: referral, consent, forum review, key-worker allocation, support, step-down.

Every step is a command: `POST /commands/{name}`. The answer is one of two: done, or refused with the rule that refused it
(problem details, RFC 9457, with a stable `code`). Send an `Idempotency-Key` and a retry never doubles anything. Reads show
what followed; give the `position` of an answer as `after_position` to see your own write.

Until people can sign in, the headers `Ccp-Person`, `Ccp-Role` and `Ccp-Agency` say who acts, and only a server that other
machines cannot reach believes them."""


def create_app(product: Product, *, loopback: bool) -> FastAPI:
    """Make the API of a product. `loopback` says that only this machine can reach the server it will run in."""
    declared_actors = loopback or product.settings.allow_declared_actors
    app = FastAPI(
        title="ccp: coordinated care pathway",
        version=version(DISTRIBUTION),
        description=ABOUT,
        # The usual pages load scripts from elsewhere into an origin that shows personal data.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    examples = Examples()
    add_command_routes(app, product, examples, declared_actors=declared_actors)
    add_read_routes(app, product, examples, declared_actors=declared_actors)
    add_health_routes(app, product)
    for ours in (DomainError, InvalidInput, Refused):
        app.add_exception_handler(ours, refused)
    app.add_exception_handler(RequestValidationError, unreadable_request)
    app.add_exception_handler(HTTPException, not_routed)
    # Behind a gateway, or inside a container, the name that callers use is not ours to know.
    app.add_middleware(RoundEveryRequest, only_local_names=loopback and is_loopback(product.settings.host))
    app.openapi = lambda: _openapi(app, examples)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _openapi(app: FastAPI, examples: Examples) -> dict[str, Any]:
    """FastAPI's document, with the schemas of the commands, whose bodies we read ourselves, and of problems."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(command_schemas())
        schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schemas["Problem"].pop("$defs", {}))
        document["components"]["examples"] = examples.by_code
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema
