"""A forum that meets regularly: what the engine prepares and chases by itself, whoever forgets what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.meeting.events import NextMeetingPlanned
from domain.meeting.lifecycle import ConcludeMeeting, OpenAgenda, StartMeeting
from domain.meeting.minutes import IssueMinutes
from domain.meeting.planning import CancelMeeting, PlanMeeting
from domain.messages import MeetingId
from tests.support.scenario import CHAIR, COORDINATOR, FORUM, QUORUM
from tests.workflows.world import World, next_working_monday
from workflows.contracts import ProcessKind, workflow_id
from workflows.process import MeetingProcess

REGISTER = tuple(line.model_dump() for line in QUORUM)


async def planned(world: World, starts_at: datetime, *, repeats: bool = True) -> MeetingId:
    answer = await world.when(PlanMeeting(forum=FORUM, starts_at=starts_at, repeats=repeats), as_=COORDINATOR)
    return MeetingId(answer.events[0].stream_id)


async def by_the_engine(world: World, meeting: MeetingId) -> Sequence[tuple[str, datetime]]:
    return [
        (one.event.TOPIC, one.envelope.recorded_at)
        for one in await world.log.read_stream(meeting)
        if one.envelope.actor.role == "system"
    ]


async def next_of(world: World, meeting: MeetingId) -> NextMeetingPlanned:
    found = [one.event for one in await world.log.read_stream(meeting)]
    return next(event for event in found if isinstance(event, NextMeetingPlanned))


async def says(world: World, meeting: MeetingId) -> Any:
    handle = world.time.client.get_workflow_handle(workflow_id(ProcessKind.MEETING, meeting))
    return await handle.query(MeetingProcess.waiting)


def in_good_time(world: World) -> datetime:
    """A meeting far enough ahead for its agenda to be opened in time, with no bank holiday about."""
    return next_working_monday(world.now + timedelta(weeks=5), world.rules)


async def test_the_engine_opens_and_publishes_the_agenda_that_nobody_else_has(world: World) -> None:
    starts_at = in_good_time(world)
    meeting = await planned(world, starts_at)
    waits = await says(world, meeting)
    assert (waits.waits_for, waits.next_step) == ("the opening of the agenda", "open-agenda")
    await world.time.advance(starts_at - world.now - timedelta(minutes=1))
    assert await by_the_engine(world, meeting) == [
        ("AgendaOpened", world.due("agenda_open", starts_at)),
        ("AgendaPublished", world.due("agenda_published", starts_at)),
    ]


async def test_a_meeting_follows_the_last_one_after_four_weeks_and_goes_on_doing_so(world: World) -> None:
    starts_at = in_good_time(world)
    first = await planned(world, starts_at)
    await world.time.advance(starts_at - world.now)
    second = await next_of(world, first)
    assert second.starts_at == world.due("forum_cadence", starts_at)
    await world.time.advance(second.starts_at - world.now)
    third = await next_of(world, second.next_meeting)
    assert third.starts_at == world.due("forum_cadence", second.starts_at)


async def test_a_meeting_that_nobody_holds_is_noticed(world: World) -> None:
    starts_at = in_good_time(world)
    meeting = await planned(world, starts_at, repeats=False)
    await world.time.advance(starts_at - world.now + timedelta(days=4))
    assert (await by_the_engine(world, meeting))[-1] == (
        "MeetingStartOverdue",
        world.due("decision_record", starts_at),
    )


async def test_a_meeting_that_nobody_concludes_is_noticed(world: World) -> None:
    starts_at = in_good_time(world)
    meeting = await planned(world, starts_at, repeats=False)
    await world.time.advance(starts_at - world.now)
    began = world.now
    await world.when(StartMeeting.model_validate({"meeting_id": meeting, "attendees": REGISTER}), as_=CHAIR)
    assert (await says(world, meeting)).next_step == "mark-conclusion-overdue"
    await world.time.advance(timedelta(days=4))
    assert (await by_the_engine(world, meeting))[-1] == (
        "MeetingConclusionOverdue",
        world.due("decision_record", began),
    )
    ended = world.now
    await world.when(ConcludeMeeting(meeting_id=meeting), as_=CHAIR)
    await world.time.advance(timedelta(days=7))
    assert (await by_the_engine(world, meeting))[-1] == ("MinutesOverdue", world.due("minutes", ended))


async def test_minutes_are_chased_and_the_process_ends_when_they_are_sent(world: World) -> None:
    starts_at = in_good_time(world)
    meeting = await planned(world, starts_at, repeats=False)
    await world.time.advance(starts_at - world.now)
    await world.when(StartMeeting.model_validate({"meeting_id": meeting, "attendees": REGISTER}), as_=CHAIR)
    ended = world.now
    await world.when(ConcludeMeeting(meeting_id=meeting), as_=CHAIR)
    assert (await says(world, meeting)).waits_for == "the minutes"
    await world.time.advance(timedelta(days=7))
    assert (await by_the_engine(world, meeting))[-1] == ("MinutesOverdue", world.due("minutes", ended))
    await world.when(IssueMinutes(meeting_id=meeting, minutes_ref="minutes-1"), as_=COORDINATOR)
    handle = world.time.client.get_workflow_handle(workflow_id(ProcessKind.MEETING, meeting))
    await handle.result()


async def test_at_short_notice_the_engine_opens_nothing_and_says_that_it_is_late(world: World) -> None:
    starts_at = world.now + timedelta(days=3)
    meeting = await planned(world, starts_at, repeats=False)
    assert [topic for topic, _ in await by_the_engine(world, meeting)] == ["AgendaOverdue"]
    await world.when(OpenAgenda(meeting_id=meeting, short_notice_reason="High risk"), as_=CHAIR)
    await world.time.advance(starts_at - world.now)
    assert [topic for topic, _ in await by_the_engine(world, meeting)] == ["AgendaOverdue", "AgendaPublished"]


async def test_a_meeting_that_was_called_off_still_has_a_next_one(world: World) -> None:
    starts_at = in_good_time(world)
    meeting = await planned(world, starts_at)
    await world.when(CancelMeeting(meeting_id=meeting, explanation="The building is closed"), as_=CHAIR)
    await world.time.advance(starts_at - world.now)
    assert [topic for topic, _ in await by_the_engine(world, meeting)] == ["NextMeetingPlanned"]
