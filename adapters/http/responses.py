"""Problems as HTTP responses, and how they are documented. The words are made in `adapters.problems`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from adapters.input import FieldError, rule_of
from adapters.problems import MEDIA_TYPE, Problem, Refused, problem_of
from domain.messages import Command

Documented = dict[int | str, dict[str, Any]]


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem as a response; one that may pass by itself says when to try again."""
    wait = {"Retry-After": "1"} if problem.status == 503 else {}
    return JSONResponse(
        problem.as_json(),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**wait, **(headers or {})},
    )


async def refused(request: Request, error: Exception) -> Response:
    """Answer an exception of ours that an endpoint raised."""
    command: type[Command] | None = getattr(request.state, "command", None)
    problem = problem_of(error, command=command, request_id=request_id(request))
    return problem_response(problem, error.headers if isinstance(error, Refused) else None)


async def unreadable_request(request: Request, error: Exception) -> Response:
    """Answer what FastAPI refuses in a header, a path or a query; the values may be personal data and are left out."""
    assert isinstance(error, RequestValidationError)
    errors = [_in_request(one) for one in error.errors()]
    detail = "; ".join(map(str, errors)) + "."
    return await refused(request, Refused(422, "invalid_input", detail, errors=errors))


def _in_request(error: Mapping[str, Any]) -> FieldError:
    field, rule = str(error["loc"][1] if len(error["loc"]) > 1 else error["loc"][-1]), rule_of(error)
    who = ": say who acts" if error["type"] == "missing" and field.startswith("Ccp-") else ""
    return FieldError(field, rule + who)


_HTTP_ERRORS = {
    400: ("bad_request", "This is not a request that HTTP knows."),
    404: ("route_unknown", "There is nothing at this address; /openapi.json lists what there is."),
    405: ("method_not_allowed", "This address does not take this method; see the header Allow."),
}


async def not_routed(request: Request, error: Exception) -> Response:
    """Answer an address or method that the API does not have."""
    assert isinstance(error, HTTPException)
    code, detail = _HTTP_ERRORS.get(error.status_code, ("refused", "This request cannot be answered."))
    return await refused(request, Refused(error.status_code, code, detail, headers=error.headers))


def request_id(request: Request) -> UUID | None:
    """The id of this request, as the middleware gave it."""
    found: UUID | None = getattr(request.state, "request_id", None)
    return found


# -- documentation ---------------------------------------------------------------------------------------------------

SCHEMA = {"$ref": "#/components/schemas/Problem"}


class Examples:
    """One example for each code, kept once in the document however many routes may answer it."""

    def __init__(self) -> None:
        self.by_code: dict[str, dict[str, Any]] = {}

    def documented(self, problems: Iterable[Problem]) -> Documented:
        """Problems as OpenAPI responses: one entry for each status, with an example for each code."""
        by_status: dict[int, list[Problem]] = {}
        for problem in problems:
            by_status.setdefault(problem.status, []).append(problem)
            self.by_code.setdefault(problem.code, {"summary": problem.title, "value": problem.as_json()})
        return {
            status: {
                "description": "\n".join(f"- `{one.code}`: {one.detail}" for one in group),
                "content": {
                    MEDIA_TYPE: {
                        "schema": SCHEMA,
                        "examples": {
                            one.code: {"$ref": f"#/components/examples/{one.code}"} for one in group
                        },
                    }
                },
            }
            for status, group in sorted(by_status.items())
        }
