"""Packs and the calendar of meetings at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.postgres.event_log import PostgresEventLog
from tests.support.scenario import FORUM, POLICE, a_case, a_meeting
from tests.support.situations import tell


async def test_a_pack_is_shown_for_one_agency(running: Callable[..., Any], log: PostgresEventLog) -> None:
    meeting = a_meeting().agenda_open()
    robin = a_case()
    await tell(log, [meeting, robin.on_agenda(meeting)])
    shown = await running("meeting", "pack", str(meeting.meeting_id), "--agency", POLICE)
    assert shown.exit_code == 0, shown.err
    assert str(robin.case_id)[:8] in shown.out
    redacted = await running("meeting", "pack", str(meeting.meeting_id), "--agency", "CGL", "--json")
    assert [item["kind"] for item in redacted.json["items"]] == ["redacted"]


async def test_the_calendar_goes_to_a_file(running: Callable[..., Any], log: PostgresEventLog) -> None:
    await tell(log, [a_meeting(), a_meeting("other", forum="wythenshawe-northenden")])
    written = await running("meeting", "calendar", "--forum", FORUM)
    assert written.exit_code == 0, written.err
    assert written.out.count("BEGIN:VEVENT") == 1
    refused = await running("meeting", "calendar", "--forum", "atlantis")
    assert refused.exit_code == 2
