"""One route for each command of the catalogue. No route knows a stage: a new command appears here by being defined."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from pydantic.json_schema import models_json_schema

from adapters.answers import Done, done
from adapters.command_views import refusals
from adapters.http.acting import SIGN_IN_REQUIRED, Acting, acting
from adapters.http.responses import Documented, Examples
from adapters.input import InvalidInput, command_from, json_object
from adapters.problems import AWAY, INTERNAL, Problem, Refused, problem_of
from domain import catalogue
from domain.application import Request as Order
from domain.application import command_id_from
from domain.decisions import Decision
from domain.messages import Command

if TYPE_CHECKING:
    from adapters.product import Product

LARGEST_BODY = 1_048_576
"""Bytes. The longest referral, every letter escaped, is well below."""

log = structlog.stdlib.get_logger("ccp.http")


def add_command_routes(app: FastAPI, product: Product, examples: Examples, *, declared_actors: bool) -> None:
    """Add `POST /commands/{name}` for every command."""

    async def only_declared_actors() -> None:
        if not declared_actors:
            raise SIGN_IN_REQUIRED

    for decision in map(catalogue.decision, [one.NAME for one in catalogue.commands()]):
        command = decision.command
        app.add_api_route(
            f"/commands/{command.NAME}",
            _endpoint(product, command),
            methods=["POST"],
            name=command.NAME,
            operation_id=command.NAME,
            summary=command.NAME.replace("-", " ").capitalize(),
            description=_description(decision),
            tags=["commands"],
            dependencies=[Depends(only_declared_actors)],
            response_model=Done,
            response_model_exclude_none=True,
            response_description="Done, or done before under the same key.",
            responses=_responses(decision, examples),
            openapi_extra={"requestBody": _body(command)},
        )
    app.add_api_route("/commands/{name}", _unknown, methods=["POST"], include_in_schema=False)


def _endpoint(product: Product, command: type[Command]) -> Callable[..., Awaitable[Done]]:
    async def issue(request: Request, by: Annotated[Acting, Depends(acting)]) -> Done:
        request.state.command = command
        order = Order(
            command=command_from(command, json_object(await body_of(request))),
            actor=by.actor,
            command_id=command_id_from(by.key, agency=by.actor.agency),
            effective_at=by.effective_at,
            reason=by.reason,
            correlation_id=by.correlation_id,
        )
        answer = await product.application.execute(order)
        log.info(
            "command.done",
            command=command.NAME,
            command_id=str(answer.command_id),
            repeated=answer.repeated,
            role=by.actor.role.value,
        )
        return await done(answer, order.command, product.log)

    return issue


async def _unknown(name: str) -> None:
    # The name is repeated only if it could be a command's: anything may stand in an address.
    shown = name if name.replace("-", "").isalpha() and name.isascii() and name.islower() else "of this name"
    catalogue.decision(shown)


async def body_of(request: Request) -> bytes:
    """The body of a request as it came, if it says that it is JSON and is not too large.

    Raises: Refused.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise UNSUPPORTED
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > LARGEST_BODY:
        raise TOO_LARGE
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise TOO_LARGE
    return bytes(body)


UNSUPPORTED = Refused(415, "unsupported_media_type", "Send JSON and say so: Content-Type: application/json.")
TOO_LARGE = Refused(
    413, "body_too_large", f"A command has at most {LARGEST_BODY} bytes.", headers={"Connection": "close"}
)


# -- documentation ---------------------------------------------------------------------------------------------------


def command_schemas() -> dict[str, Any]:
    """The schemas of every command and its parts, for the components of the OpenAPI document."""
    _, found = models_json_schema(
        [(command, "validation") for command in catalogue.commands()],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = found.get("$defs", {})
    for schema in schemas.values():
        # An edge refuses unknown fields in parts too, which events forgive.
        if schema.get("type") == "object":
            schema["additionalProperties"] = False
    return schemas


def _description(decision: Decision) -> str:
    command = decision.command
    roles = ", ".join(f"`{role}`" for role in sorted(catalogue.may_issue(command)))
    return f"{' '.join((command.__doc__ or '').split())}\n\nFor: {roles}."


def _body(command: type[Command]) -> dict[str, Any]:
    return {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{command.__name__}"},
                "examples": {command.NAME: {"value": dict(command.EXAMPLE)}},
            }
        },
    }


def _responses(decision: Decision, examples: Examples) -> Documented:
    problems = [problem_of(one(), command=decision.command) for one in refusals(decision)]
    return examples.documented([*problems, *COMMON])


COMMON = (
    problem_of(SIGN_IN_REQUIRED),
    problem_of(TOO_LARGE),
    problem_of(UNSUPPORTED),
    Problem(
        type="urn:ccp:refusal:invalid_input",
        title="Invalid input",
        status=422,
        detail="case_id: is required.",
        code=InvalidInput.code,
        errors=[{"field": "case_id", "rule": "is required"}],
    ),
    Problem(
        type="urn:ccp:refusal:internal_error",
        title="Internal error",
        status=500,
        detail=INTERNAL,
        code="internal_error",
    ),
    Problem(
        type="urn:ccp:refusal:log_unavailable",
        title="Log unavailable",
        status=503,
        detail=AWAY,
        code="log_unavailable",
    ),
)
"""What any command may meet at this edge."""
