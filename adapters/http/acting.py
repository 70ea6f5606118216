"""Who is acting, as request headers declare it, until people sign in.

Only a server that others cannot reach believes a declaration. Names outside Latin-1 come percent-encoded in UTF-8.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import unquote
from uuid import UUID, uuid4

from fastapi import Header, Request

from adapters.input import FieldError, InvalidInput, instant_from, unkeepable
from adapters.problems import Refused
from domain.messages import Actor, Channel
from domain.roles import Role

ROLES = tuple(role.value for role in Role if role is not Role.SYSTEM)
_CHANNELS = (Channel.HUMAN.value, Channel.ADAPTER.value)

SIGN_IN_REQUIRED = Refused(
    403,
    "sign_in_required",
    "Other machines can reach this server, and nobody can sign in to it yet, so it believes nobody who merely says "
    "who they are. Bind it to 127.0.0.1, or set CCP_ALLOW_DECLARED_ACTORS where a trusted gateway stands before it.",
)


@dataclass(frozen=True, slots=True)
class Acting:
    """Who issues a command, under which key, when it happened and why."""

    actor: Actor
    key: str
    effective_at: datetime | None
    reason: str | None
    correlation_id: UUID | None


async def acting(
    request: Request,
    person: Annotated[
        str,
        Header(alias="Ccp-Person", description="Who acts, by a staff reference.", examples=["coordinator-1"]),
    ],
    role: Annotated[
        str,
        Header(
            alias="Ccp-Role",
            description="In which role.",
            json_schema_extra={"enum": list(ROLES)},
            examples=["coordinator"],
        ),
    ],
    agency: Annotated[
        str,
        Header(alias="Ccp-Agency", description="For which agency.", examples=["Manchester City Council"]),
    ],
    on_behalf_of: Annotated[
        str | None, Header(alias="Ccp-On-Behalf-Of", description="For whom, if not for themselves.")
    ] = None,
    channel: Annotated[
        str | None,
        Header(
            alias="Ccp-Channel",
            description="By which way; `adapter` for the role adapter, else `human`.",
            json_schema_extra={"enum": list(_CHANNELS)},
        ),
    ] = None,
    reason: Annotated[
        str | None, Header(alias="Ccp-Reason", description="Why; kept with the events.")
    ] = None,
    effective_at: Annotated[
        str | None,
        Header(
            alias="Ccp-Effective-At",
            description="When it happened, if not now: ISO 8601; Europe/London when no offset is given.",
            examples=["2027-03-01T14:30+00:00"],
        ),
    ] = None,
    correlation_id: Annotated[
        str | None,
        Header(
            alias="Ccp-Correlation-Id",
            description="A UUID that ties several requests together.",
            json_schema_extra={"format": "uuid"},
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A UUID, or 1 to 200 printable characters. The same key again gives the first answer and adds "
            "nothing. Made for the request when left out, and always given back.",
            examples=["gmp-2027-00417"],
        ),
    ] = None,
) -> Acting:
    """Read who is acting from the headers. As all that routes depend on, a coroutine: plain functions go through threads.

    Raises: InvalidInput, naming each header that breaks a rule.
    """
    errors: list[FieldError] = []
    key = _key(idempotency_key, errors)
    request.state.idempotency_key = key
    if role not in ROLES:
        errors.append(FieldError("Ccp-Role", f"must be one of {', '.join(ROLES)}"))
    if channel is not None and channel not in _CHANNELS:
        errors.append(FieldError("Ccp-Channel", f"must be one of {', '.join(_CHANNELS)}"))
    named = {
        "Ccp-Person": _text(person, "Ccp-Person", 120, errors),
        "Ccp-Agency": _text(agency, "Ccp-Agency", 120, errors),
        "Ccp-On-Behalf-Of": _text(on_behalf_of, "Ccp-On-Behalf-Of", 120, errors),
        "Ccp-Reason": _text(reason, "Ccp-Reason", 4000, errors),
    }
    when = None if effective_at is None else _instant(effective_at, errors)
    correlation = None if correlation_id is None else _uuid(correlation_id, "Ccp-Correlation-Id", errors)
    if errors:
        raise InvalidInput(*errors)
    default = Channel.ADAPTER if role == Role.ADAPTER else Channel.HUMAN
    return Acting(
        actor=Actor(
            person=named["Ccp-Person"] or "",
            role=Role(role),
            agency=named["Ccp-Agency"] or "",
            on_behalf_of=named["Ccp-On-Behalf-Of"],
            channel=Channel(channel) if channel else default,
        ),
        key=key,
        effective_at=when,
        reason=named["Ccp-Reason"],
        correlation_id=correlation,
    )


async def acting_role(
    role: Annotated[
        str,
        Header(
            alias="Ccp-Role",
            description="In which role somebody reads.",
            json_schema_extra={"enum": list(ROLES)},
            examples=["safeguarding_lead"],
        ),
    ],
) -> Role:
    """Read from the headers in which role somebody reads what is not for everybody.

    Raises: InvalidInput.
    """
    if role not in ROLES:
        raise InvalidInput(FieldError("Ccp-Role", f"must be one of {', '.join(ROLES)}"))
    return Role(role)


def decoded(header: str) -> str:
    """A header's text: percent-encoded UTF-8, plain UTF-8 as some clients send it, or Latin-1."""
    try:
        plain = header.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        plain = header
    try:
        return unquote(plain, errors="strict").strip()
    except UnicodeDecodeError:
        return plain.strip()


def _text(given: str | None, header: str, longest: int, errors: list[FieldError]) -> str | None:
    if given is None:
        return None
    text = decoded(given)
    if not 1 <= len(text) <= longest or unkeepable(text) or not text.isprintable():
        errors.append(FieldError(header, f"must be 1 to {longest} printable characters on one line"))
    return text


def _key(given: str | None, errors: list[FieldError]) -> str:
    if given is None:
        return str(uuid4())
    if not 1 <= len(given) <= 200 or not given.isprintable():
        errors.append(FieldError("Idempotency-Key", "must be a UUID or 1 to 200 printable characters"))
        return str(uuid4())
    return given


def _instant(given: str, errors: list[FieldError]) -> datetime | None:
    try:
        return instant_from(given, "Ccp-Effective-At")
    except InvalidInput as refused:
        errors.extend(refused.errors)
        return None


def _uuid(given: str, header: str, errors: list[FieldError]) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        errors.append(FieldError(header, "must be a UUID such as 0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"))
        return None
