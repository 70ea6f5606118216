"""Safeguarding: which concerns there are, how each stands, and which must be screened. For safeguarding leads alone.

Codes and instants only: what somebody feared, and why it was decided so, stays in the log. Whoever asks must have been
let through before (`require_safeguarding_lead` in `domain/case/safeguarding.py`); no list for others is made of these rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool

from domain.case.safeguarding import ConcernState
from domain.messages import CaseId, ConcernId
from projections.case_file import CaseFile
from projections.page import Page, ReadRow, asking, can_occur, page_size, read_cursor, write_cursor
from projections.per_case import PerCase
from projections.sql import Queries
from projections.tables import Row

SQL: Final = Queries.beside(__file__)


class ConcernRow(ReadRow):
    """One safeguarding concern of a case. `earlier_concerns` counts those of the case before it."""

    case_id: CaseId
    concern_id: ConcernId
    about: str
    category: str
    state: ConcernState
    immediate_danger: bool
    emergency_services: bool
    screening_due_at: datetime
    screening_overdue: bool
    referred_to: tuple[str, ...]
    earlier_concerns: int
    programme: str
    forum: str | None
    neighbourhood: str | None


@dataclass(frozen=True, slots=True)
class ConcernFilter:
    """Which concerns to list; what is None does not matter."""

    state: ConcernState | None = None
    open: bool | None = None
    forum: str | None = None
    case: UUID | None = None


class SafeguardingList(PerCase):
    """Keeps the concerns of each case."""

    NAME: ClassVar[str] = "safeguarding"
    VERSION: ClassVar[int] = 2
    QUERIES: ClassVar[Queries] = SQL
    TABLE: ClassVar[str] = "safeguarding"

    def rows(self, file: CaseFile) -> Iterator[Row]:
        case = file.case
        for number, concern in enumerate(case.concerns.values()):
            yield (
                case.case_id,
                concern.concern_id,
                concern.about,
                concern.category,
                concern.state,
                concern.immediate_danger,
                concern.emergency_services,
                concern.screening_due_at,
                f"screening:{concern.concern_id}" in case.overdue,
                list(concern.referred_to),
                number,
                case.programme,
                case.forum,
                case.neighbourhood,
            )


async def find_concerns(
    pool: Pool, wanted: ConcernFilter, *, limit: int = 50, after: str | None = None
) -> Page[ConcernRow]:
    """Concerns, those to be screened first at the top. Raises CursorInvalid."""
    if not can_occur(wanted.forum):
        return Page(rows=(), total=0)
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    async with asking(pool) as connection:
        records = await connection.fetch(
            SQL["page"], wanted.state, wanted.open, wanted.forum, wanted.case, *cursor, size + 1
        )
    rows = tuple(ConcernRow.model_validate(dict(record)) for record in records[:size])
    last = rows[-1] if len(records) > size else None
    return Page(rows=rows, next=write_cursor(last.screening_due_at, last.concern_id) if last else None)
