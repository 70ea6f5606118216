"""Waiting list: who waits for a key worker, in which order, since when, and whether somebody looked how they are.

The order shown is the one that an offer is decided by (`domain/case/line.py`), as far as this list has seen the log.
Must not name a person: whoever may see a case asks for it by its id.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Final

from asyncpg import Pool

from domain.case.bands import Band
from domain.case.stages import Stage
from domain.messages import CaseId, WorkerId
from projections.case_file import CaseFile
from projections.page import ReadRow, can_occur
from projections.per_case import PerCase
from projections.sql import Queries
from projections.tables import Row

SQL: Final = Queries.beside(__file__)


class WaitingRow(ReadRow):
    """One waiting case. `place` counts within its forum: band first, then who joined earlier."""

    place: int
    case_id: CaseId
    programme: str
    forum: str | None
    neighbourhood: str | None
    band: Band
    joined_at: datetime
    check_due_at: datetime | None
    check_asked: bool
    """Somebody was asked to look how the person is, and has not yet."""
    check_missed: bool
    priority_due_at: datetime | None
    """Until when a case of band P1 may wait."""
    waits_too_long: bool
    offered_worker: WorkerId | None


class WaitingList(PerCase):
    """Keeps one row per waiting case."""

    NAME: ClassVar[str] = "waiting"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL
    TABLE: ClassVar[str] = "waiting_list"

    def rows(self, file: CaseFile) -> Iterator[Row]:
        case = file.case
        if case.stage is not Stage.WAITING_LIST:
            return
        yield (
            case.case_id,
            case.programme,
            case.forum,
            case.neighbourhood,
            case.band or "P3",
            case.joined_at or file.since,
            case.due.get("waiting_check"),
            "waiting_check_answer" in case.due,
            "waiting_check_answer" in case.overdue,
            case.due.get("priority_wait"),
            "priority_wait" in case.overdue,
            case.offer_open.worker_id if case.offer_open is not None else None,
        )


async def waiting_list(
    pool: Pool, *, programme: str | None = None, forum: str | None = None, band: Band | None = None
) -> list[WaitingRow]:
    """Everybody who waits, forum by forum, first in line first. A band chosen does not change the places."""
    if not can_occur(programme, forum):
        return []
    records = await pool.fetch(SQL["waiting_list"], programme, forum, band)
    return [WaitingRow.model_validate(dict(record)) for record in records]
