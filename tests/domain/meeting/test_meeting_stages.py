"""Which step a meeting takes from which stage: every pair of them, for the meeting and for each kind of item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pytest

from domain import catalogue
from domain.case.advice_item import RecordEngagementAdvice, ScheduleAdviceItem
from domain.case.forum_decision import RecordDecision
from domain.case.review_item import RecordReviewDecision, ScheduleReviewItem
from domain.case.sharing import Category
from domain.meeting import events as m
from domain.meeting.in_session import DeclareInterest, RecordDissent, ShareInformation
from domain.meeting.inquorate import ChairDecides, MarkChairDecisionOverdue, RatifyUrgentDecisions
from domain.meeting.items import AddUrgentItem, ScheduleItem
from domain.meeting.lifecycle import (
    CloseAgenda,
    ConcludeMeeting,
    MarkAgendaOverdue,
    MarkConclusionOverdue,
    MarkStartOverdue,
    OpenAgenda,
    StartMeeting,
)
from domain.meeting.minutes import CorrectMinutes, IssueMinutes, MarkMinutesOverdue
from domain.meeting.off_agenda import WithdrawItem
from domain.meeting.planning import CancelMeeting, PlanMeeting, PlanNextMeeting
from domain.meeting.state import MOVES, Meeting, MeetingStage, WrongMeetingStage, evolve
from domain.messages import EVENTS, Actor, Command
from tests.support.scenario import (
    AGENDA_CLOSED,
    AGENDA_OPENED,
    CGL,
    CHAIR,
    COMMUNITY_SAFETY,
    DECIDED,
    HOUSING,
    MEETS,
    POLICE,
    QUORUM,
    SHELTER,
    SYSTEM,
    CaseStory,
    MeetingStory,
    a_case,
    a_meeting,
    given,
    london,
)

S = MeetingStage
MEETING = a_meeting(repeats=True)
EARLIER = a_meeting("december", starts_at=london(2026, 12, 9, 10)).handled_by_chair(a_case("kim"))
AFTER, MUCH_LATER = london(2027, 1, 21, 17), london(2027, 2, 1, 9)
MEETING_ID = MEETING.meeting_id
CASE = a_case()
REGISTER = tuple(line.model_dump() for line in QUORUM)

STORIES: dict[MeetingStage, Callable[[], MeetingStory]] = {
    S.PLANNED: lambda: MEETING,
    S.AGENDA_OPEN: MEETING.agenda_open,
    S.AGENDA_CLOSED: MEETING.agenda_closed,
    S.IN_SESSION: MEETING.in_session,
    S.CONCLUDED: MEETING.concluded,
    S.MINUTES_ISSUED: MEETING.minutes_issued,
    S.CANCELLED: MEETING.cancelled,
    S.INQUORATE: MEETING.inquorate,
}

EVERY = frozenset(S) - {S.NEW}
ACCEPTED: dict[str, Any] = {
    "case_id": CASE.case_id,
    "decision": "advice",
    "reasons": "Already well held",
}


@dataclass(frozen=True)
class Pair:
    """A command, when it comes, from which stages it is carried out, what the case is there as, and which events follow."""

    command: Command
    at: datetime
    allowed: frozenset[MeetingStage]
    then: tuple[str, ...]
    case: Literal["ready", "listed", "review", "advice", "active", "waits"] = "listed"
    by: Actor = CHAIR


# Source: machine C of the pathway (domain reference 2.6); items are machine A's (2.4).
COMMANDS: dict[str, Pair] = {
    "plan-meeting": Pair(
        PlanMeeting(meeting_id=MEETING_ID, forum="ardwick-longsight", starts_at=MEETS),
        AGENDA_OPENED,
        frozenset(),
        ("MeetingPlanned",),
    ),
    "plan-next-meeting": Pair(
        PlanNextMeeting(meeting_id=MEETING_ID),
        MEETS,
        EVERY,
        ("NextMeetingPlanned", "MeetingPlanned"),
        by=SYSTEM,
    ),
    "open-agenda": Pair(
        OpenAgenda(meeting_id=MEETING_ID), AGENDA_OPENED, frozenset({S.PLANNED}), ("AgendaOpened",)
    ),
    "mark-agenda-overdue": Pair(
        MarkAgendaOverdue(meeting_id=MEETING_ID), MEETS, frozenset({S.PLANNED}), ("AgendaOverdue",), by=SYSTEM
    ),
    "close-agenda": Pair(
        CloseAgenda(meeting_id=MEETING_ID), AGENDA_CLOSED, frozenset({S.AGENDA_OPEN}), ("AgendaPublished",)
    ),
    "start-meeting": Pair(
        StartMeeting(meeting_id=MEETING_ID, attendees=REGISTER),
        MEETS,
        frozenset({S.AGENDA_CLOSED}),
        ("MeetingStarted",),
    ),
    "mark-start-overdue": Pair(
        MarkStartOverdue(meeting_id=MEETING_ID),
        AFTER,
        frozenset({S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED}),
        ("MeetingStartOverdue",),
        by=SYSTEM,
    ),
    "mark-conclusion-overdue": Pair(
        MarkConclusionOverdue(meeting_id=MEETING_ID),
        AFTER,
        frozenset({S.IN_SESSION}),
        ("MeetingConclusionOverdue",),
        by=SYSTEM,
    ),
    "chair-decides": Pair(
        ChairDecides(meeting_id=MEETING_ID),
        DECIDED,
        frozenset({S.INQUORATE}),
        ("ItemsDeferred", "ForumItemWithdrawn", "AgendaItemRemoved"),
    ),
    "chair-decides-urgent": Pair(
        ChairDecides.model_validate(
            {"meeting_id": MEETING_ID, "urgent": [ACCEPTED], "explanation": "It cannot wait"}
        ),
        DECIDED,
        frozenset({S.INQUORATE}),
        (
            "UrgentItemsHandledByChair",
            "ForumDecisionRecorded",
            "ForumDeclined",
            "EpisodeEnded",
            "MeetingItemDecided",
        ),
    ),
    "mark-chair-decision-overdue": Pair(
        MarkChairDecisionOverdue(meeting_id=MEETING_ID),
        AFTER,
        frozenset({S.INQUORATE}),
        ("ChairDecisionOverdue",),
        by=SYSTEM,
    ),
    "ratify-urgent-decisions": Pair(
        RatifyUrgentDecisions(meeting_id=MEETING_ID, earlier_meeting=EARLIER.meeting_id),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("UrgentDecisionsRatified", "EarlierDecisionsConsidered"),
    ),
    "declare-interest": Pair(
        DeclareInterest(
            meeting_id=MEETING_ID, case_id=CASE.case_id, attendee=QUORUM[3].person, ground="relative"
        ),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("InterestDeclared",),
    ),
    "share-information": Pair(
        ShareInformation(
            case_id=CASE.case_id,
            meeting_id=MEETING_ID,
            agency=POLICE,
            categories=(Category.IDENTITY,),
            information="Known to officers",
            left_the_room=(HOUSING, CGL, SHELTER, COMMUNITY_SAFETY),
        ),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("InformationShared",),
    ),
    "record-dissent": Pair(
        RecordDissent(
            case_id=CASE.case_id,
            meeting_id=MEETING_ID,
            agency=HOUSING,
            dissenter=QUORUM[3].person,
            dissent="Housing first",
        ),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("DissentRecorded",),
    ),
    "conclude-meeting": Pair(
        ConcludeMeeting(meeting_id=MEETING_ID),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("MeetingConcluded",),
        case="ready",
    ),
    "issue-minutes": Pair(
        IssueMinutes(meeting_id=MEETING_ID, minutes_ref="minutes-1"),
        MEETS,
        frozenset({S.CONCLUDED}),
        ("MinutesIssued",),
    ),
    "mark-minutes-overdue": Pair(
        MarkMinutesOverdue(meeting_id=MEETING_ID),
        MUCH_LATER,
        frozenset({S.CONCLUDED}),
        ("MinutesOverdue",),
        by=SYSTEM,
    ),
    "correct-minutes": Pair(
        CorrectMinutes(meeting_id=MEETING_ID, minutes_ref="minutes-2", explanation="A wrong name"),
        MUCH_LATER,
        frozenset({S.MINUTES_ISSUED}),
        ("MinutesCorrected",),
    ),
    "cancel-meeting": Pair(
        CancelMeeting(meeting_id=MEETING_ID, explanation="Flood in the hall"),
        AGENDA_OPENED,
        frozenset({S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED}),
        ("MeetingCancelled", "ForumItemWithdrawn", "AgendaItemRemoved"),
    ),
    "schedule-item": Pair(
        ScheduleItem(case_id=CASE.case_id, meeting_id=MEETING_ID),
        AGENDA_OPENED,
        frozenset({S.AGENDA_OPEN}),
        ("ForumItemScheduled", "AgendaItemAdded"),
        case="ready",
    ),
    "add-urgent-item": Pair(
        AddUrgentItem(case_id=CASE.case_id, meeting_id=MEETING_ID, risk="Two overdoses"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_CLOSED}),
        ("ForumItemScheduled", "UrgentItemAdded"),
        case="ready",
    ),
    "schedule-review-item": Pair(
        ScheduleReviewItem(case_id=CASE.case_id, meeting_id=MEETING_ID),
        AGENDA_OPENED,
        frozenset({S.AGENDA_OPEN}),
        ("ReviewItemScheduled", "AgendaItemAdded"),
        case="active",
    ),
    "schedule-advice-item": Pair(
        ScheduleAdviceItem(case_id=CASE.case_id, meeting_id=MEETING_ID),
        AGENDA_OPENED,
        frozenset({S.AGENDA_OPEN}),
        ("AdviceItemScheduled", "AdviceItemAdded"),
        case="waits",
    ),
    "withdraw-item": Pair(
        WithdrawItem(case_id=CASE.case_id, explanation="In hospital"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_OPEN, S.AGENDA_CLOSED}),
        ("ForumItemWithdrawn", "AgendaItemRemoved"),
    ),
    "withdraw-review-item": Pair(
        WithdrawItem(case_id=CASE.case_id, explanation="In hospital"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_OPEN, S.AGENDA_CLOSED}),
        ("ReviewItemWithdrawn", "AgendaItemRemoved"),
        case="review",
    ),
    "withdraw-advice-item": Pair(
        WithdrawItem(case_id=CASE.case_id, explanation="She has agreed"),
        AGENDA_CLOSED,
        frozenset({S.AGENDA_OPEN, S.AGENDA_CLOSED}),
        ("AdviceItemWithdrawn", "AgendaItemRemoved"),
        case="advice",
    ),
    "record-decision": Pair(
        RecordDecision.model_validate(ACCEPTED),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("ForumDecisionRecorded", "ForumDeclined", "EpisodeEnded", "MeetingItemDecided"),
    ),
    "record-review-decision": Pair(
        RecordReviewDecision(case_id=CASE.case_id, outcome="continue", reasons="It goes well"),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("ForumReviewRecorded", "MeetingItemDecided"),
        case="review",
    ),
    "record-engagement-advice": Pair(
        RecordEngagementAdvice(case_id=CASE.case_id, advice="Ask a worker whom the person trusts"),
        DECIDED,
        frozenset({S.IN_SESSION}),
        ("EngagementAdviceRecorded", "MeetingItemDecided"),
        case="advice",
    ),
}


def standing(kind: str, meeting: MeetingStory) -> CaseStory:
    """The case of a pair, as it stands there."""
    match kind:
        case "ready":
            return CASE.ready_for_forum()
        case "listed":
            return CASE.with_grant(POLICE).ready_for_forum().on_agenda(meeting)
        case "active":
            return CASE.active()
        case "review":
            return CASE.active().up_for_review(meeting)
        case "waits":
            return CASE.consent_overdue()
        case _:
            return CASE.up_for_advice(meeting)


@pytest.mark.parametrize("stage", STORIES)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_meeting_takes_a_step_only_from_the_stages_that_the_table_names(
    name: str, stage: MeetingStage
) -> None:
    pair = COMMANDS[name]
    meeting = STORIES[stage]()
    assert meeting.meeting.stage is stage
    outcome = given(meeting, standing(pair.case, meeting), EARLIER).when(
        pair.command, as_=pair.by, at=pair.at
    )
    if stage in pair.allowed:
        assert tuple(event.TOPIC for event in outcome.accepted().happened) == pair.then
    else:
        outcome.refused(WrongMeetingStage, stage=stage)


def test_the_table_has_every_command_about_a_meeting_or_its_items() -> None:
    about_meetings = {
        command.NAME
        for command in catalogue.commands()
        if any(kind == "Meeting" for _, kind in catalogue.decision(command.NAME).reads)
        and command.__module__.startswith(("domain.meeting", "domain.case"))
    }
    # What runs beside the stages of a meeting: a clock of one that is over, and what is sent about it.
    beside = {"mark-ratification-overdue", "retry-meeting-notification"}
    assert about_meetings <= {pair.command.NAME for pair in COMMANDS.values()} | beside


def test_a_meeting_that_nobody_planned_is_planned() -> None:
    pair = COMMANDS["plan-meeting"]
    assert given().when(pair.command, at=pair.at).accepted().after.meeting.stage is S.PLANNED


@pytest.mark.parametrize("stage", list(S))
@pytest.mark.parametrize("topic", MOVES)
def test_no_event_moves_a_meeting_where_the_table_does_not(topic: str, stage: MeetingStage) -> None:
    story = MEETING.agenda_open().agenda_closed().in_session().concluded().minutes_issued().cancelled()
    deferred = m.ItemsDeferred(meeting_id=MEETING_ID, items=(), minutes_due_at=MEETS)
    story = story.then_also(*MEETING.handled_by_chair(), deferred)
    event = next(one for one in story if topic == one.TOPIC)
    assert type(event) is EVENTS[topic]
    meeting = Meeting(MEETING_ID, stage=stage)
    evolve(meeting, event)  # type: ignore[arg-type]
    assert meeting.stage is MOVES[topic].get(stage, stage)


def test_every_stage_of_a_meeting_can_be_reached() -> None:
    reached = {to for moves in MOVES.values() for to in moves.values()}
    assert reached == set(S) - {S.NEW}
