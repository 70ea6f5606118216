"""Reads about forum meetings: their agendas, what one agency may see of their items, and the calendar file.

Must not decide what an agency may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Path as InPath
from fastapi import Response

from adapters.http.queries import Cursor, Forum, Limit, Read, Since, Text
from adapters.meetings import read_calendar, read_pack
from domain.errors import NotFound
from domain.meeting.packs import Pack
from projections.agenda import MeetingRow
from projections.page import Page

if TYPE_CHECKING:
    from adapters.product import Product


class CalendarFile(Response):
    """An iCalendar file."""

    media_type = "text/calendar"


def add_meeting_routes(read: Read, product: Product) -> None:
    """Add every read about meetings."""

    @read("/meetings", Page[MeetingRow], tag="lists", read_models=True)
    async def meetings(
        forum: Forum = None,
        programme: Text | None = None,
        since: Since = None,
        until: Since = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[MeetingRow]:
        """Forum meetings in order of time, with their items."""
        return await product.read_models.agenda(
            forum=forum, programme=programme, since=since, until=until, limit=limit, after=after
        )

    @read("/meetings/{meeting_id}/agenda", MeetingRow, tag="lists", read_models=True, missing="meeting")
    async def agenda(meeting_id: UUID) -> MeetingRow:
        """One meeting with its items: what agencies returned, what is missing, what was decided."""
        found = await product.read_models.agenda(meeting=meeting_id)
        if not found.rows:
            raise NotFound(kind="meeting", id=meeting_id)
        return found.rows[0]

    @read("/meetings/{meeting_id}/packs/{agency}", Pack, tag="lists", missing="meeting")
    async def pack(
        meeting_id: UUID, agency: Annotated[Text, InPath(description="Name of an agency, any spelling.")]
    ) -> Pack:
        """What an agency may see at this moment of each item of a meeting; the rest is there by its place alone."""
        return await read_pack(product, meeting_id, agency)

    @read("/meetings.ics", None, tag="lists", about_people=False, read_models=True, as_file=CalendarFile)
    async def calendar(forum: Forum = None) -> CalendarFile:
        """The meetings of a forum, or of all, as an iCalendar file; nothing in it is about a person."""
        return CalendarFile(await read_calendar(product, forum))
