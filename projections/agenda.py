"""Agenda: the meetings of a forum, the cases on each, which agencies have told what they know, and what was decided.

What an agency told is not here: only that it did, when, and whether it had nothing to share.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from domain.case.forum_review import ForumDecisionRecorded, InformationReturned
from domain.meeting.state import Meeting, MeetingStage
from domain.messages import CaseId, MeetingId
from projections.batch import Batch, CaseHistory
from projections.page import Page, ReadRow, can_occur, page_size, read_cursor, write_cursor
from projections.sql import Queries, put_many

SQL: Final = Queries.beside(__file__)


class ReturnRow(ReadRow):
    """One agency's return."""

    agency: str
    nothing_to_share: bool
    received_at: datetime


class ItemRow(ReadRow):
    """One case on an agenda. `outcome` is what the meeting closed the item with, `decision` what the case records."""

    case_id: CaseId
    urgent: bool
    referring_agency: str
    agencies_asked: tuple[str, ...]
    returned: tuple[ReturnRow, ...]
    missing: tuple[str, ...]
    outcome: str | None
    decision: str | None
    decided_at: datetime | None


class MeetingRow(ReadRow):
    """One meeting with its items in agenda order."""

    meeting_id: MeetingId
    forum: str
    programme: str
    stage: MeetingStage
    starts_at: datetime
    agenda_opens_at: datetime
    agenda_closes_at: datetime
    returns_due_at: datetime
    minutes_due_at: datetime | None
    attendees: int
    agencies_present: tuple[str, ...]
    items: tuple[ItemRow, ...]


class Agenda:
    """Keeps meetings and items from the meeting's events; returns and decisions from each case's."""

    NAME: ClassVar[str] = "agenda"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        meetings = list(batch.meetings.values())
        await put_many(connection, SQL["put_meeting"], [_meeting(meeting) for meeting in meetings])
        if meetings:
            await connection.execute(SQL["drop_items"], list(batch.meetings))
        await put_many(connection, SQL["put_item"], [row for one in meetings for row in _items(one)])
        histories = list(batch.cases.values())
        if histories:
            await connection.execute(SQL["drop_of_cases"], list(batch.cases))
        await put_many(connection, SQL["put_return"], [row for one in histories for row in _returns(one)])
        await put_many(connection, SQL["put_decision"], [row for one in histories for row in _decisions(one)])


def _meeting(meeting: Meeting) -> tuple[object, ...]:
    return (
        meeting.meeting_id,
        meeting.forum,
        meeting.programme,
        meeting.stage.value,
        meeting.starts_at,
        meeting.agenda_opens_at,
        meeting.agenda_closes_at,
        meeting.returns_due_at,
        meeting.minutes_due_at,
        len(meeting.attendees),
        sorted({attendee.agency for attendee in meeting.attendees}),
    )


def _items(meeting: Meeting) -> Iterator[tuple[object, ...]]:
    for place, item in enumerate(meeting.items.values(), start=1):
        yield (
            meeting.meeting_id,
            place,
            item.case_id,
            item.urgent,
            item.referring_agency,
            list(item.agencies_asked),
            item.outcome,
        )


def _returns(history: CaseHistory) -> Iterator[tuple[object, ...]]:
    for one in history.recorded:
        if isinstance(one.event, InformationReturned):
            yield (
                history.case.case_id,
                one.event.meeting_id,
                one.version,
                one.event.agency,
                one.event.nothing_to_share,
                one.envelope.recorded_at,
            )


def _decisions(history: CaseHistory) -> Iterator[tuple[object, ...]]:
    for one in history.recorded:
        if isinstance(one.event, ForumDecisionRecorded):
            yield (
                history.case.case_id,
                one.event.meeting_id,
                one.event.decision,
                one.envelope.effective_at,
            )


async def find_meetings(
    pool: Pool,
    *,
    forum: str | None = None,
    programme: str | None = None,
    meeting: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    after: str | None = None,
) -> Page[MeetingRow]:
    """Meetings in the order of time, each with its agenda; `since` and `until` bound when they start."""
    if not can_occur(forum, programme):
        return Page(rows=())
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    records = await pool.fetch(SQL["meetings"], forum, programme, meeting, since, until, *cursor, size + 1)
    ids = [record["meeting_id"] for record in records[:size]]
    items = await _items_of(pool, ids)
    rows = tuple(
        MeetingRow.model_validate({**dict(record), "items": items.get(record["meeting_id"], ())})
        for record in records[:size]
    )
    more = len(records) > size
    return Page(rows=rows, next=write_cursor(rows[-1].starts_at, rows[-1].meeting_id) if more else None)


async def _items_of(pool: Pool, meetings: list[UUID]) -> dict[UUID, list[ItemRow]]:
    returned: dict[tuple[UUID, UUID], list[ReturnRow]] = {}
    for record in await pool.fetch(SQL["returns"], meetings):
        about = (record["meeting_id"], record["case_id"])
        returned.setdefault(about, []).append(ReturnRow.model_validate(dict(record)))
    items: dict[UUID, list[ItemRow]] = {}
    for record in await pool.fetch(SQL["items"], meetings):
        received = returned.get((record["meeting_id"], record["case_id"]), [])
        answered = {one.agency for one in received}
        items.setdefault(record["meeting_id"], []).append(
            ItemRow.model_validate(
                {
                    **dict(record),
                    "returned": received,
                    "missing": [agency for agency in record["agencies_asked"] if agency not in answered],
                }
            )
        )
    return items
