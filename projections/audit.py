"""Audit: one case's story and one person's doings, a row per event: who did what, when, why, and under which rules.

The engine's own steps stand in it like anybody's. The log stays the evidence; this is a way to read it. Must not hold
the content of a case: what happened is told in open fields only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar, Final, get_args
from uuid import UUID

from asyncpg import Pool

from domain.messages import CaseId, Channel, Event
from domain.roles import Role
from projections import words
from projections.batch import KINDS, Batch, opened
from projections.page import Page, ReadRow, can_occur, page_size, read_cursor, write_cursor
from projections.source import Stored
from projections.sql import Queries
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)


class AuditRow(ReadRow):
    """One event. `effective_at` is when it happened, `recorded_at` when we learned of it.

    `about` is the kind of record it belongs to; `cases` are all cases that it names.
    """

    position: int
    event_id: UUID
    stream_id: UUID
    version: int
    about: str
    cases: tuple[CaseId, ...]
    topic: str
    what: str
    effective_at: datetime
    recorded_at: datetime
    person: str
    role: Role
    agency: str
    on_behalf_of: str | None
    channel: Channel
    reason: str | None
    command: str
    command_id: UUID
    correlation_id: UUID
    causation_id: UUID | None
    programme_version: str | None

    @property
    def by_engine(self) -> bool:
        """Whether nobody asked for this step: the engine took it by itself."""
        return self.role is Role.SYSTEM


class Audit:
    """Keeps one row per event, and which cases each event names."""

    NAME: ClassVar[str] = "audit"
    VERSION: ClassVar[int] = 2
    QUERIES: ClassVar[Queries] = SQL
    HEARS: ClassVar[frozenset[str]] = frozenset(KINDS)
    OPENS: ClassVar[frozenset[str]] = HEARS
    DATES: ClassVar[frozenset[str]] = HEARS

    async def apply(self, tables: Tables, batch: Batch) -> None:
        named = [cases_named(opened(one)) for one in batch.told]
        await tables.copy(
            "audit", [_values(one, cases) for one, cases in zip(batch.told, named, strict=True)]
        )
        await tables.copy(
            "audit_case",
            [
                (case_id, one.position)
                for one, cases in zip(batch.told, named, strict=True)
                for case_id in cases
            ],
        )


def _values(one: Stored, cases: Sequence[UUID]) -> tuple[object, ...]:
    """The row of one event, in the order of the table's columns."""
    event, envelope = one.event, one.envelope
    actor = envelope.actor
    return (
        one.position,
        envelope.event_id,
        one.stream_id,
        one.version,
        KINDS[one.topic],
        cases,
        one.topic,
        words.sentence(event),
        envelope.effective_at,
        envelope.recorded_at,
        actor.person,
        actor.role.value,
        actor.agency,
        actor.on_behalf_of,
        actor.channel.value,
        envelope.reason,
        envelope.command,
        envelope.command_id,
        envelope.correlation_id,
        envelope.causation_id,
        envelope.programme_version,
    )


def cases_named(event: Event) -> list[UUID]:
    """Every case that an event names, its own first, each once."""
    found: dict[UUID, None] = {}
    for name in _fields_with_cases(type(event)):
        value: Any = getattr(event, name)
        named = [] if value is None else [value] if isinstance(value, UUID) else value
        found.update(dict.fromkeys(named))
    return list(found)


@cache
def _fields_with_cases(event: type[Event]) -> Sequence[str]:
    return tuple(
        name for name, field in event.model_fields.items() if CaseId in set(_types_in(field.annotation))
    )


def _types_in(annotation: object) -> Iterator[object]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types_in(inner)


async def story_of_case(
    pool: Pool,
    case_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page[AuditRow]:
    """Every event that names the case, in the order of the log; `since` and `until` bound when it was recorded."""
    return await _page(pool, "of_case", case_id, since, until, limit, after)


async def doings_of_person(
    pool: Pool,
    person: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page[AuditRow]:
    """Everything that somebody did, or that was done on their behalf, in the order of the log."""
    if not can_occur(person):
        return Page(rows=())
    return await _page(pool, "of_person", person, since, until, limit, after)


async def _page(
    pool: Pool,
    query: str,
    whose: UUID | str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    after: str | None,
) -> Page[AuditRow]:
    size = page_size(limit)
    (position,) = read_cursor(after, (int,)) if after else (0,)
    records = await pool.fetch(SQL[query], whose, since, until, position, size + 1)
    rows = tuple(AuditRow.model_validate(dict(record)) for record in records[:size])
    return Page(rows=rows, next=write_cursor(rows[-1].position) if len(records) > size else None)
