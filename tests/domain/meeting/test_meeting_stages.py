"""Which step a meeting takes from which stage: every pair of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from domain.case.forum_review import RecordDecision
from domain.meeting.items import AddUrgentItem, ScheduleItem, WithdrawItem
from domain.meeting.lifecycle import (
    CancelMeeting,
    CloseAgenda,
    ConcludeMeeting,
    IssueMinutes,
    OpenAgenda,
    PlanMeeting,
    StartMeeting,
)
from domain.meeting.state import MOVES, Meeting, MeetingStage, WrongMeetingStage, evolve
from domain.messages import EVENTS, Command
from tests.support.scenario import (
    AGENDA_CLOSED,
    AGENDA_OPENED,
    CHAIR,
    DECIDED,
    MEETS,
    QUORUM,
    MeetingStory,
    a_case,
    a_meeting,
    given,
)

S = MeetingStage
MEETING = a_meeting()
MEETING_ID = MEETING.meeting_id
CASE = a_case()
REGISTER = tuple(line.model_dump() for line in QUORUM)

STORIES: dict[MeetingStage, Callable[[], MeetingStory]] = {
    S.PLANNED: a_meeting,
    S.AGENDA_OPEN: MEETING.agenda_open,
    S.AGENDA_CLOSED: MEETING.agenda_closed,
    S.IN_SESSION: MEETING.in_session,
    S.CONCLUDED: MEETING.concluded,
    S.MINUTES_ISSUED: MEETING.minutes_issued,
    S.CANCELLED: MEETING.cancelled,
    S.INQUORATE: MEETING.inquorate,
}

# Source: machine C of the pathway (domain reference 2.6); withdrawing an item is machine A's, before the meeting.
COMMANDS: dict[str, tuple[Command, datetime, frozenset[MeetingStage]]] = {
    "plan": (
        PlanMeeting(meeting_id=MEETING_ID, forum="ardwick-longsight", starts_at=MEETS),
        AGENDA_OPENED,
        frozenset(),
    ),
    "open": (OpenAgenda(meeting_id=MEETING_ID), AGENDA_OPENED, frozenset({S.PLANNED})),
    "close": (CloseAgenda(meeting_id=MEETING_ID), AGENDA_CLOSED, frozenset({S.AGENDA_OPEN})),
    "start": (
        StartMeeting(meeting_id=MEETING_ID, attendees=REGISTER),
        MEETS,
        frozenset({S.AGENDA_CLOSED}),
    ),
    "conclude": (ConcludeMeeting(meeting_id=MEETING_ID), DECIDED, frozenset({S.IN_SESSION})),
    "minutes": (
        IssueMinutes(meeting_id=MEETING_ID, minutes_ref="minutes-1"),
        MEETS,
        frozenset({S.CONCLUDED}),
    ),
    "cancel": (
        CancelMeeting(meeting_id=MEETING_ID, explanation="Flood in the hall"),
        AGENDA_OPENED,
        frozenset({S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED}),
    ),
    "schedule": (
        ScheduleItem(case_id=CASE.case_id, meeting_id=MEETING_ID),
        AGENDA_OPENED,
        frozenset({S.AGENDA_OPEN}),
    ),
    "urgent": (
        AddUrgentItem(case_id=CASE.case_id, meeting_id=MEETING_ID, risk="Two overdoses"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_CLOSED}),
    ),
    "withdraw": (
        WithdrawItem(case_id=CASE.case_id, explanation="In hospital"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_OPEN, S.AGENDA_CLOSED}),
    ),
    "decide": (
        RecordDecision(case_id=CASE.case_id, decision="advice", reasons="Already well held"),
        DECIDED,
        frozenset({S.IN_SESSION}),
    ),
}


@pytest.mark.parametrize("stage", STORIES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_meeting_takes_a_step_only_from_the_stages_that_the_table_names(
    name: str, stage: MeetingStage
) -> None:
    command, at, allowed = COMMANDS[name]
    meeting = STORIES[stage]()
    assert meeting.meeting.stage is stage
    case = CASE.on_agenda(meeting) if name in ("withdraw", "decide") else CASE.ready_for_forum()
    outcome = given(meeting, case).when(command, as_=CHAIR, at=at)
    if stage in allowed:
        outcome.accepted()
    else:
        outcome.refused(WrongMeetingStage, stage=stage)


def test_a_meeting_that_nobody_planned_is_planned() -> None:
    command, at, _ = COMMANDS["plan"]
    assert given().when(command, at=at).accepted().after.meeting.stage is S.PLANNED


@pytest.mark.parametrize("stage", list(S))
@pytest.mark.parametrize("topic", [topic for topic in MOVES if topic != "MeetingInquorate"])
def test_no_event_moves_a_meeting_where_the_table_does_not(topic: str, stage: MeetingStage) -> None:
    story = MEETING.agenda_open().agenda_closed().in_session().concluded().minutes_issued().cancelled()
    event = next(one for one in story if topic == one.TOPIC)
    assert type(event) is EVENTS[topic]
    meeting = Meeting(MEETING_ID, stage=stage)
    evolve(meeting, event)  # type: ignore[arg-type]
    assert meeting.stage is MOVES[topic].get(stage, stage)


def test_every_stage_of_a_meeting_can_be_reached() -> None:
    reached = {to for moves in MOVES.values() for to in moves.values()}
    assert reached == set(S) - {S.NEW}
