"""Due: what must be done by when, and by whom: running clocks, open actions, returns of agencies, minutes of meetings.

Every instant comes from an event; nothing is calculated here. Must not remind anybody: workflows do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool

from domain.case.stages import OPEN_STAGES
from domain.case.state import Case
from domain.keyworker.events import KeyWorkerRegistered
from domain.meeting.state import Meeting
from domain.messages import ActionId, CaseId, MeetingId, WorkerId
from domain.roles import Role
from projections import words
from projections.batch import MEETING_TOPICS, Batch, opened
from projections.case_file import CASE_TOPICS, DATED_TOPICS, CaseFile
from projections.page import (
    COUNTED,
    Page,
    ReadRow,
    asking,
    can_occur,
    page_size,
    read_cursor,
    write_cursor,
)
from projections.sql import Queries
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)


class DueRow(ReadRow):
    """One thing to do. `role` is who must act, None for the owner of an action; `agency` whose they are, where known.

    `overdue` is true from the due instant on; `marked_overdue` once the engine has recorded it.
    """

    stream_id: UUID
    item: str
    case_id: CaseId | None
    meeting_id: MeetingId | None
    action_id: ActionId | None
    clock: str
    what: str
    role: Role | None
    agency: str | None
    worker_id: WorkerId | None
    worker_name: str | None
    owner: str | None
    programme: str
    forum: str | None
    neighbourhood: str | None
    stage: str
    urgency: str
    due_at: datetime
    overdue: bool
    marked_overdue: bool


@dataclass(frozen=True, slots=True)
class DueFilter:
    """Which of what is due to list; what is None does not matter. `worker` finds also the worker's own actions."""

    forum: str | None = None
    role: Role | None = None
    agency: str | None = None
    worker: UUID | None = None
    until: datetime | None = None
    programme: str | None = None
    case: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    """One thing to do, as a case or a meeting knows it."""

    item: str
    clock: str
    due_at: datetime
    marked_overdue: bool = False
    agency: str | None = None
    owner: str | None = None
    action_id: ActionId | None = None


class Due:
    """Keeps what is due from the events of each case and meeting, and who a key worker is from the worker's."""

    NAME: ClassVar[str] = "due"
    VERSION: ClassVar[int] = 3
    QUERIES: ClassVar[Queries] = SQL
    HEARS: ClassVar[frozenset[str]] = CASE_TOPICS | MEETING_TOPICS | {KeyWorkerRegistered.TOPIC}
    OPENS: ClassVar[frozenset[str]] = HEARS
    DATES: ClassVar[frozenset[str]] = DATED_TOPICS

    async def apply(self, tables: Tables, batch: Batch) -> None:
        workers = {one.stream_id: opened(one) for one in batch.told if one.topic == KeyWorkerRegistered.TOPIC}
        files, meetings = await batch.cases(), await batch.meetings()
        rows = [row for file in files.values() for row in _of_case(file)]
        rows += [row for meeting in meetings.values() for row in _of_meeting(meeting)]
        if touched := [*files, *meetings]:
            await tables.execute("drop", touched)
        await tables.copy("due", rows)
        if workers:
            await tables.execute("drop_workers", list(workers))
            await tables.copy(
                "due_worker",
                [
                    (event.worker_id, event.staff_ref, event.display_name, event.agency)
                    for event in workers.values()
                ],
            )


def _of_case(file: CaseFile) -> Iterator[tuple[object, ...]]:
    case = file.case
    items = [*_clocks(case)]
    if case.stage in OPEN_STAGES:
        items += _actions(case)
    for one in {item.item: item for item in items}.values():
        told = words.clock(one.clock)
        mine = told.role is Role.KEY_WORKER
        yield (
            case.case_id,
            one.item,
            case.case_id,
            None,
            one.action_id,
            one.clock,
            told.what,
            told.role.value if told.role else None,
            one.agency,
            case.worker_id if mine else None,
            one.owner,
            case.programme,
            case.forum,
            case.neighbourhood,
            case.stage.value,
            case.urgency,
            one.due_at,
            one.marked_overdue,
        )


def _clocks(case: Case) -> Iterator[_Item]:
    """One item per running clock; for information returns, one per agency that has not answered."""
    for item, due_at in case.due.items():
        clock, late = item.partition(":")[0], item in case.overdue
        if clock == "returns":
            for agency in dict.fromkeys(case.agencies_asked):
                if agency not in case.returned:
                    yield _Item(f"returns:{agency}", clock, due_at, late, agency)
        elif words.clock(clock).role is Role.FORUM_MEMBER:
            yield _Item(item, clock, due_at, late, case.receiving_agency)
        else:
            yield _Item(item, clock, due_at, late)


def _actions(case: Case) -> Iterator[_Item]:
    for action in case.open_actions:
        yield _Item(
            f"action:{action.action_id}",
            "action",
            action.due_at,
            action.overdue,
            action.agency,
            action.owner,
            action.action_id,
        )


def _of_meeting(meeting: Meeting) -> Iterator[tuple[object, ...]]:
    for clock, due_at in meeting.due.items():
        # The next meeting is planned by the engine, and a meeting to come is not waited for.
        if clock == "next_meeting" or (clock == "start" and clock not in meeting.overdue):
            continue
        told = words.clock(clock)
        yield (
            meeting.meeting_id,
            clock,
            None,
            meeting.meeting_id,
            None,
            clock,
            told.what,
            told.role.value if told.role else None,
            None,
            None,
            None,
            meeting.programme,
            meeting.forum,
            None,
            meeting.stage.value,
            "routine",
            due_at,
            clock in meeting.overdue,
        )


async def find_due(
    pool: Pool, wanted: DueFilter, *, now: datetime, limit: int = 50, after: str | None = None
) -> Page[DueRow]:
    """What is due, soonest first; what ran out by `now` is overdue. With `until=now` only that is listed."""
    if not can_occur(wanted.forum, wanted.agency, wanted.programme):
        return Page(rows=(), total=0)
    filters = (
        wanted.forum,
        wanted.role.value if wanted.role else None,
        wanted.agency,
        wanted.worker,
        wanted.until,
        wanted.programme,
        wanted.case,
    )
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID, str)) if after else (None, None, None)
    async with asking(pool) as connection:
        records = await connection.fetch(SQL["page"], now, *filters, *cursor, size + 1)
        total = await connection.fetchval(SQL["count"], *filters, COUNTED + 1)
    rows = tuple(DueRow.model_validate(dict(record)) for record in records[:size])
    last = rows[-1] if len(records) > size else None
    return Page(
        rows=rows,
        total=total if total <= COUNTED else None,
        next=write_cursor(last.due_at, last.stream_id, last.item) if last else None,
    )
