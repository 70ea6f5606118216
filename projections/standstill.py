"""Standstill: the cases that are parked, because nobody has reached the person for long and nothing is in progress.

What counts as contact and as work is the domain's (`domain/case/standstill.py`), for how long is the programme's. The
table holds what may be parked; whether it is depends on the moment at which it is asked. Must not name a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool

from domain.case import standstill
from domain.case.stages import Stage
from domain.case.whose_move import whose_move
from domain.messages import CaseId, WorkerId
from domain.roles import Role
from projections.case_file import CaseFile
from projections.page import COUNTED, Page, ReadRow, asking, can_occur, page_size, read_cursor, write_cursor
from projections.per_case import PerCase
from projections.sql import Queries
from projections.tables import Row

SQL: Final = Queries.beside(__file__)


class ParkedRow(ReadRow):
    """One parked case. `since` is when the last thing was in progress; `role`, `agency` and `worker_id` say whose move it is.

    `last_contact_at` is None when nobody ever reached the person; `stage_since` is when the case came into its stage.
    """

    case_id: CaseId
    stage: Stage
    stage_since: datetime
    since: datetime
    last_contact_at: datetime | None
    role: Role | None
    agency: str | None
    worker_id: WorkerId | None
    programme: str
    forum: str | None
    neighbourhood: str | None


@dataclass(frozen=True, slots=True)
class ParkedFilter:
    """Which parked cases to list; what is None does not matter."""

    forum: str | None = None
    programme: str | None = None
    role: Role | None = None
    worker: UUID | None = None


class Standstill(PerCase):
    """Keeps one row per open case in which nothing is in progress."""

    NAME: ClassVar[str] = "standstill"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL
    TABLE: ClassVar[str] = "standstill"

    def rows(self, file: CaseFile) -> Iterator[Row]:
        case = file.case
        if not standstill.may_be_parked(case):
            return
        mover = whose_move(case)
        yield (
            case.case_id,
            case.programme,
            case.forum,
            case.neighbourhood,
            case.stage.value,
            file.since,
            file.opened_at,
            file.last_contact_at,
            file.worked_at,
            standstill.arranged_until(case),
            mover.role.value if mover and mover.role else None,
            mover.agency if mover else None,
            mover.worker_id if mover else None,
        )


async def find_parked(
    pool: Pool,
    wanted: ParkedFilter,
    unreached_since: Mapping[str, datetime],
    *,
    now: datetime,
    limit: int = 50,
    after: str | None = None,
) -> Page[ParkedRow]:
    """The cases parked at an instant, the longest parked first. Raises CursorInvalid.

    `unreached_since` says by programme since when nobody may have reached the person; one without has no parked case.
    """
    if not can_occur(wanted.forum, wanted.programme):
        return Page(rows=(), total=0)
    filters = (
        now,
        list(unreached_since),
        list(unreached_since.values()),
        wanted.forum,
        wanted.programme,
        wanted.role.value if wanted.role else None,
        wanted.worker,
    )
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    async with asking(pool) as connection:
        records = await connection.fetch(SQL["page"], *filters, *cursor, size + 1)
        total = await connection.fetchval(SQL["count"], *filters, COUNTED + 1)
    rows = tuple(ParkedRow.model_validate(dict(record)) for record in records[:size])
    last = rows[-1] if len(records) > size else None
    return Page(
        rows=rows,
        total=total if total <= COUNTED else None,
        next=write_cursor(last.since, last.case_id) if last else None,
    )
