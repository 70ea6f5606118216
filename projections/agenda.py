"""Agenda: the meetings of a forum, the cases on each, which agencies have told what they know, and what was decided.

What an agency told is not here: only that it did, when, and whether it had nothing to share.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from asyncpg import Pool

from domain.case.forum_review import ForumDecisionRecorded, InformationReturned
from domain.meeting.state import Meeting, MeetingStage
from domain.messages import CaseId, MeetingId
from projections.batch import MEETING_TOPICS, Batch, opened
from projections.page import Page, ReadRow, asking, can_occur, page_size, read_cursor, write_cursor
from projections.source import Stored
from projections.sql import Queries
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
_OF_CASES: Final = frozenset({InformationReturned.TOPIC, ForumDecisionRecorded.TOPIC})


class ReturnRow(ReadRow):
    """One agency's return."""

    agency: str
    nothing_to_share: bool
    received_at: datetime


class ItemRow(ReadRow):
    """One case on an agenda. `outcome` is what the meeting closed the item with, `decision` what the case records."""

    case_id: CaseId
    kind: Literal["case", "review", "advice"]
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
    """Keeps meetings and items from the meeting's events; returns and decisions from each case's, one by one."""

    NAME: ClassVar[str] = "agenda"
    VERSION: ClassVar[int] = 3
    QUERIES: ClassVar[Queries] = SQL
    HEARS: ClassVar[frozenset[str]] = MEETING_TOPICS | _OF_CASES
    OPENS: ClassVar[frozenset[str]] = HEARS
    DATES: ClassVar[frozenset[str]] = _OF_CASES

    async def apply(self, tables: Tables, batch: Batch) -> None:
        if meetings := await batch.meetings():
            await tables.execute("drop_meetings", list(meetings))
            await tables.copy("agenda_meeting", [_meeting(meeting) for meeting in meetings.values()])
            await tables.copy("agenda_item", [row for one in meetings.values() for row in _items(one)])
        told = [one for one in batch.told if one.topic in _OF_CASES]
        returns = [one for one in told if one.topic == InformationReturned.TOPIC]
        await tables.copy("agenda_return", [_return(one, opened(one)) for one in returns])
        # The last word of a meeting about a case counts.
        decisions = {
            (one.stream_id, opened(one).meeting_id): _decision(one, opened(one))
            for one in told
            if one.topic == ForumDecisionRecorded.TOPIC
        }
        if decisions:
            await tables.put("drop_decisions", list(decisions))
            await tables.copy("agenda_decision", list(decisions.values()))


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
            item.kind,
            item.urgent,
            item.referring_agency,
            list(item.agencies_asked),
            item.outcome,
        )


def _return(stored: Stored, event: InformationReturned) -> tuple[object, ...]:
    return (
        event.case_id,
        event.meeting_id,
        stored.version,
        event.agency,
        event.nothing_to_share,
        stored.envelope.recorded_at,
    )


def _decision(stored: Stored, event: ForumDecisionRecorded) -> tuple[object, ...]:
    return (event.case_id, event.meeting_id, event.decision, stored.envelope.effective_at)


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
    async with asking(pool) as connection:
        records = await connection.fetch(
            SQL["meetings"], forum, programme, meeting, since, until, *cursor, size + 1
        )
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
