"""Escalations: what was put to a higher level, where it stands, and by when which level must answer.

Codes and instants only. That something is about safeguarding is told only where it was asked for, which the edges allow
to those who need it. Must not raise or remind: machine J does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool

from domain.case.escalation import EscalationState, Subject
from domain.messages import CaseId, EscalationId
from projections.case_file import CaseFile
from projections.page import Page, ReadRow, asking, can_occur, page_size, read_cursor, write_cursor
from projections.per_case import PerCase
from projections.sql import Queries
from projections.tables import Row

SQL: Final = Queries.beside(__file__)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Where in the list those stand that nobody has to answer; later than any deadline, and a cursor can hold it."""


class EscalationRow(ReadRow):
    """One escalation of a case. `raised_by_agency` is None when a deadline raised it, `answer_due_at` when nobody must answer."""

    case_id: CaseId
    escalation_id: EscalationId
    subject: Subject
    subject_id: UUID | None
    level: int
    level_owner: str
    state: EscalationState
    raised_by_agency: str | None
    answer_due_at: datetime | None
    reminders: int
    programme: str
    forum: str | None


@dataclass(frozen=True, slots=True)
class EscalationFilter:
    """Which escalations to list; what is None does not matter. Those about safeguarding are left out unless asked for."""

    state: EscalationState | None = None
    level: int | None = None
    forum: str | None = None
    case: UUID | None = None
    with_safeguarding: bool = False


class Escalations(PerCase):
    """Keeps the escalations of each case."""

    NAME: ClassVar[str] = "escalations"
    VERSION: ClassVar[int] = 2
    QUERIES: ClassVar[Queries] = SQL
    TABLE: ClassVar[str] = "escalations"

    def rows(self, file: CaseFile) -> Iterator[Row]:
        case = file.case
        for one in case.escalations.values():
            yield (
                case.case_id,
                one.escalation_id,
                one.subject,
                one.subject_id,
                one.level,
                one.owner,
                one.state,
                one.raised_by_agency,
                one.answer_due_at,
                one.reminders,
                case.programme,
                case.forum,
            )


async def find_escalations(
    pool: Pool, wanted: EscalationFilter, *, limit: int = 50, after: str | None = None
) -> Page[EscalationRow]:
    """Escalations, those to be answered first at the top. Raises CursorInvalid."""
    if not can_occur(wanted.forum):
        return Page(rows=(), total=0)
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    async with asking(pool) as connection:
        records = await connection.fetch(
            SQL["page"],
            wanted.state,
            wanted.level,
            wanted.forum,
            wanted.case,
            not wanted.with_safeguarding,
            *cursor,
            size + 1,
        )
    rows = tuple(EscalationRow.model_validate(dict(record)) for record in records[:size])
    last = rows[-1] if len(records) > size else None
    return Page(
        rows=rows, next=write_cursor(last.answer_due_at or _NEVER, last.escalation_id) if last else None
    )
