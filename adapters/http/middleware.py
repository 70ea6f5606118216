"""Round every request: an id, one log line, headers, and the last net for errors.

A log line has the method, the template of the route, the status and the time taken; never a path with ids, a query
string, a header or a body, for any of them may hold personal data.
"""

from __future__ import annotations

from time import perf_counter
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.responses import problem_response
from adapters.logs import described
from adapters.problems import Refused, problem_of
from adapters.settings import is_loopback

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
log = structlog.stdlib.get_logger("ccp.http")


class RoundEveryRequest:
    """Outermost part of the API."""

    def __init__(self, app: ASGIApp, *, only_local_names: bool) -> None:
        self._app = app
        self._only_local_names = only_local_names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=str(request_id))
        began, status = perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        try:
            if self._only_local_names and not is_loopback(_host(headers.get("host", ""))):
                await _misdirected(request_id)(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the last net: whatever it was, the caller gets one clear answer
            problem = problem_of(error, request_id=request_id)
            if problem.status >= 500:
                log.error(  # noqa: TRY400 - the message of an exception may hold personal data
                    "http.failed", code=problem.code, instance=problem.instance, **described(error)
                )
            if not status:
                await problem_response(problem)(scope, receive, send_with_headers)
        finally:
            log.info(
                "http.request",
                method=scope["method"] if scope["method"] in _METHODS else "other",
                route=getattr(scope.get("route"), "path", None) or "none",
                status=status,
                ms=round((perf_counter() - began) * 1000, 1),
            )
            structlog.contextvars.clear_contextvars()


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: UUID) -> None:
    headers["X-Request-Id"] = str(request_id)
    # Answers are about people: no cache on the way may keep them, and no browser may guess their kind.
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    key = scope["state"].get("idempotency_key")
    if key is not None:
        headers["Idempotency-Key"] = key


def _request_id(given: str | None) -> UUID:
    try:
        return UUID(given) if given else uuid4()
    except ValueError:
        return uuid4()


def _host(header: str) -> str:
    name, _, port = header.rpartition(":")
    return name if name and port.isdigit() else header


def _misdirected(request_id: UUID) -> JSONResponse:
    """A web page elsewhere can point its own name at this machine and would then read cases in a person's browser."""
    refused = Refused(
        421,
        "host_not_allowed",
        "This server answers only to names of this machine, such as 127.0.0.1 or localhost.",
        headers={"Connection": "close"},
    )
    return problem_response(problem_of(refused, request_id=request_id))
