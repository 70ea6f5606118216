"""What went wrong, as one object that every edge shows: RFC 9457 problem details with a stable code.

The only place where an exception becomes words for a caller. Must never show the message of an exception that is not
one of ours: it may hold values, and those may be personal data.
Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from adapters.fields import fields_of
from adapters.input import FieldError, InvalidInput
from adapters.postgres.errors import LogBusy, LogNotReady, LogUnavailable
from domain.errors import Conflict, DomainError, NotFound, NotPermitted, RuleBroken
from domain.messages import Command

MEDIA_TYPE = "application/problem+json"
_FAMILIES: tuple[tuple[type[DomainError], int], ...] = (
    (NotPermitted, 403),
    (NotFound, 404),
    (Conflict, 409),
    (RuleBroken, 422),
)


class BrokenRule(BaseModel):
    """One field and the rule it broke."""

    field: str = Field(
        description="path of the field, such as form.needs.0; a header or query parameter by its name"
    )
    rule: str
    value: str | int | float | bool | None = Field(
        default=None, description="what was given, only where it cannot be personal data"
    )


class Problem(BaseModel):
    """Why a request was not carried out."""

    type: str = Field(examples=["urn:ccp:refusal:referrer_offer_required"])
    title: str = Field(examples=["Referrer offer required"])
    status: int = Field(examples=[422])
    detail: str = Field(description="one sentence: what is wrong and what to do")
    instance: str | None = Field(
        default=None, description="this request, as it stands in the product's own log lines"
    )
    code: str = Field(description="stable name of the rule", examples=["referrer_offer_required"])
    errors: list[BrokenRule] = Field(default=[], description="the fields that broke a rule")
    data: dict[str, str] = Field(default={}, description="codes and ids that the rule is about")

    def as_json(self) -> dict[str, Any]:
        """The problem as it is sent: what does not apply is left out."""
        return self.model_dump(exclude_defaults=True)


class Refused(Exception):
    """A request that an edge itself refuses, before any command is decided."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.code, self.detail = status, code, detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail)


def problem_of(
    error: BaseException, *, command: type[Command] | None = None, request_id: UUID | None = None
) -> Problem:
    """Put an exception into words for a caller. `command` helps to name the field that a rule is about."""
    instance = f"urn:ccp:request:{request_id}" if request_id else None
    match error:
        case Refused():
            return _problem(error.status, error.code, error.detail, instance, error.errors)
        case InvalidInput():
            return _problem(422, error.code, _sentence(error), instance, error.errors)
        case DomainError():
            problem = _problem(
                status_of(type(error)), error.code, str(error), instance, _about(error, command)
            )
            return problem.model_copy(
                update={"data": {key: _plain(value) for key, value in error.data.items()}}
            )
        case LogBusy() | LogUnavailable() | LogNotReady():
            return _problem(503, error.code, str(error), instance)
        case _ if is_not_set_up(error):
            return _problem(503, LogNotReady.code, str(LogNotReady(cause="tables are missing")), instance)
        case _ if is_log_away(error):
            return _problem(503, LogUnavailable.code, AWAY, instance)
        case _:
            return _problem(500, "internal_error", INTERNAL, f"urn:ccp:error:{uuid4()}")


AWAY = "The event log cannot be reached just now; nothing is known to be recorded. Send the same command again with the same key."
INTERNAL = "An error inside the product, not in what you sent; tell operations the number in `instance`."


def status_of(error: type[DomainError]) -> int:
    """The HTTP status of a family of rules."""
    return next((status for family, status in _FAMILIES if issubclass(error, family)), 422)


def is_log_away(error: BaseException) -> bool:
    """Whether an error means that PostgreSQL cannot be reached, or lets nobody in just now."""
    import asyncpg  # noqa: PLC0415 - loads slowly, and those who never connect do not need it

    away = (
        OSError,
        TimeoutError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InternalClientError,
    )
    return isinstance(error, away)


def is_not_set_up(error: BaseException) -> bool:
    """Whether an error means that the database has no tables of ours, or no longer those of this release."""
    import asyncpg  # noqa: PLC0415 - as above

    return isinstance(error, asyncpg.UndefinedTableError | asyncpg.InvalidSchemaNameError)


def title_of(code: str) -> str:
    """A code as a short title: `open_case_exists` → Open case exists."""
    return code.replace("_", " ").capitalize()


def _problem(
    status: int, code: str, detail: str, instance: str | None, errors: Sequence[FieldError] = ()
) -> Problem:
    return Problem(
        type=f"urn:ccp:refusal:{code}",
        title=title_of(code),
        status=status,
        detail=detail,
        instance=instance,
        code=code,
        errors=[BrokenRule(field=one.field, rule=one.rule, value=one.value) for one in errors],
    )


def _plain(value: object) -> str:
    """A value as machines read it: an instant in UTC with its offset."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)


def _sentence(error: InvalidInput) -> str:
    more = len(error.errors) - 3
    shown = "; ".join(map(str, error.errors[:3]))
    return f"{shown}; and {more} more." if more > 0 else f"{shown}."


def _about(error: DomainError, command: type[Command] | None) -> list[FieldError]:
    """The fields that a rule is about: its sentence opens with one (`offer: every …`) or names some in brackets."""
    sentence = str(error)
    opening = re.match(r"([a-z_]+): (.+)", sentence, re.DOTALL)
    if opening is not None:
        return [FieldError(_full_name(opening[1], command), opening[2])]
    named = re.search(r"\(([a-z_]+(?:, [a-z_]+)*)\)", sentence)
    fields = named[1].split(", ") if named else []
    known = [_full_name(field, command) for field in fields if _is_field(field, command)]
    return [FieldError(field, sentence) for field in known] if len(known) == len(fields) else []


def _is_field(name: str, command: type[Command] | None) -> bool:
    return command is not None and any(name == field.path[-1] for field in fields_of(command))


def _full_name(field: str, command: type[Command] | None) -> str:
    if command is None or field in command.model_fields:
        return field
    return f"form.{field}" if "form" in command.model_fields else field
