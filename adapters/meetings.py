"""Reading of forum meetings for every edge: an agency's pack from the log as it is now, and the calendar of all meetings."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import UUID

from adapters.calendar_file import calendar_file
from adapters.input import FieldError, InvalidInput
from domain.errors import NotFound
from domain.loading import fold
from domain.meeting.packs import Pack, pack_for
from domain.messages import MeetingEvent
from projections.agenda import MeetingRow
from projections.page import LARGEST

if TYPE_CHECKING:
    from adapters.product import Product
    from domain.meeting.state import Meeting


async def read_pack(product: Product, meeting_id: UUID, agency: str) -> Pack:
    """What an agency may see at this moment of each item on a meeting's agenda.

    Raises: NotFound.
    """
    recorded = await product.log.read_stream(meeting_id)
    if not recorded or not isinstance(recorded[0].event, MeetingEvent):
        raise NotFound(kind="meeting", id=meeting_id)
    meeting = cast("Meeting", fold("Meeting", meeting_id, recorded))
    if meeting.starts_at is None:
        raise NotFound(kind="meeting", id=meeting_id)
    cases = [
        fold("Case", case_id, await product.log.read_stream(case_id))
        for case_id, item in meeting.items.items()
        if item.kind != "advice"
    ]
    now = await product.application.clock.now()
    return pack_for(agency, meeting, cases, now, product.rules)


async def read_calendar(product: Product, forum: str | None) -> str:
    """The meetings of one forum, or of all, as an iCalendar file.

    Raises: InvalidInput for a forum that there is not.
    """
    names = {one.code: one.name for one in product.rules.geography.forums()}
    if forum is not None and forum not in names:
        raise InvalidInput(FieldError("forum", f"must be one of {', '.join(sorted(names))}"))
    rows: list[MeetingRow] = []
    after: str | None = None
    while True:
        page = await product.read_models.agenda(forum=forum, limit=LARGEST, after=after)
        rows += page.rows
        after = page.next
        if after is None:
            break
    return calendar_file(
        rows,
        forum_name=lambda code: names.get(code, code),
        minutes=lambda programme: product.rules.programme(programme).forum.meeting_minutes,
        made_at=await product.application.clock.now(),
    )
