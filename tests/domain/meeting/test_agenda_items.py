"""How a case comes on the agenda of a meeting, and off it again."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta

import pytest

from domain.case.forum_review import ForumItemScheduled, ForumItemWithdrawn, ForumListingOverdue
from domain.case.route import RouteNotKnown
from domain.case.sharing import Category
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue, WrongStage
from domain.meeting import events as m
from domain.meeting.items import (
    AddUrgentItem,
    AgendaFull,
    ChairOnly,
    ForumDoesNotServe,
    MarkListingOverdue,
    OtherProgramme,
    RiskReasonRequired,
    ScheduleItem,
)
from domain.meeting.off_agenda import WithdrawalReasonRequired, WithdrawItem
from domain.messages import Command
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CHAIR,
    COORDINATOR,
    HOUSING,
    KEY_WORKER,
    LISTED,
    MEETS,
    POLICE,
    SHELTER,
    SYSTEM,
    CaseStory,
    MeetingStory,
    a_case,
    a_meeting,
    given,
    like,
    london,
    rules,
)

ROBIN = a_case()
MEETING_ID = a_meeting().meeting_id
WYTHENSHAWE = "wythenshawe-northenden"


def schedule(*asked: str) -> ScheduleItem:
    return ScheduleItem(case_id=ROBIN.case_id, meeting_id=MEETING_ID, agencies_asked=asked)


def urgent(risk: str = "Two overdoses in one week") -> AddUrgentItem:
    return AddUrgentItem(case_id=ROBIN.case_id, meeting_id=MEETING_ID, risk=risk)


# -- listing ---------------------------------------------------------------------------------------------------------


def test_a_case_that_is_ready_is_listed_and_agencies_are_asked_what_they_know() -> None:
    outcome = given(a_meeting().agenda_open(), ROBIN.ready_for_forum()).when(
        schedule(HOUSING, CGL), as_=COORDINATOR, at=LISTED
    )
    asked = (POLICE, HOUSING, CGL)
    outcome.then(
        ForumItemScheduled(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            forum="ardwick-longsight",
            meeting_at=MEETS,
            agencies_asked=asked,
            returns_due_at=london(2027, 1, 15, 17),
            decision_due_at=london(2027, 1, 21, 17),
        ),
        m.AgendaItemAdded(meeting_id=MEETING_ID, **ROBIN.ids, referring_agency=POLICE, agencies_asked=asked),
    )
    assert outcome.after.case.stage is Stage.ON_AGENDA
    assert set(outcome.after.case.due) == {"returns", "decision"}


def asked_with(story: CaseStory, *named: str) -> tuple[str, ...]:
    outcome = given(a_meeting().agenda_open(), story).when(schedule(*named))
    return outcome.one(ForumItemScheduled).agencies_asked


def test_with_nobody_named_the_agencies_of_the_consents_and_of_the_programme_are_asked() -> None:
    story = ROBIN.with_grant(SHELTER).with_grant(HOUSING, recipient=SHELTER).ready_for_forum()
    assert asked_with(story) == (POLICE, SHELTER, CGL)


def test_the_referring_agency_is_always_asked_and_every_agency_once() -> None:
    assert asked_with(ROBIN.ready_for_forum(), "GMP", "CGL", "Change Grow Live", "Friends of the Park") == (
        POLICE,
        CGL,
        "Friends of the Park",
    )


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(ROBIN.submitted(), id="Submitted"),
        pytest.param(ROBIN.in_triage(), id="Triage"),
        pytest.param(ROBIN.awaiting_consent(), id="AwaitingConsent"),
        pytest.param(ROBIN.on_agenda(), id="OnAgenda"),
        pytest.param(ROBIN.accepted(), id="AwaitingAllocation"),
        pytest.param(ROBIN.closed(), id="Closed"),
    ],
)
@pytest.mark.parametrize("command", [schedule(), urgent()], ids=["scheduled", "urgent"])
def test_only_a_case_with_a_consent_position_is_listed(command: Command, story: CaseStory) -> None:
    meeting = a_meeting().agenda_open() if isinstance(command, ScheduleItem) else a_meeting().agenda_closed()
    given(meeting, story).when(command, as_=CHAIR).refused(WrongStage, allowed="ReadyForForum")


def test_a_case_is_not_listed_for_a_meeting_that_there_is_not() -> None:
    given(ROBIN.ready_for_forum()).when(schedule()).refused(NotFound, kind="meeting")


def test_a_key_worker_does_not_list_a_case() -> None:
    story = (a_meeting().agenda_open(), ROBIN.ready_for_forum())
    given(*story).when(schedule(), as_=KEY_WORKER).refused(NotPermitted)


@pytest.mark.parametrize("command", [schedule(), urgent()], ids=["scheduled", "urgent"])
def test_a_case_is_heard_by_the_forum_of_its_neighbourhood(command: Command) -> None:
    meeting = a_meeting(forum=WYTHENSHAWE).agenda_open()
    story = meeting if isinstance(command, ScheduleItem) else meeting.agenda_closed()
    given(story, ROBIN.ready_for_forum()).when(command, as_=CHAIR).refused(
        ForumDoesNotServe, forum=WYTHENSHAWE, neighbourhood="ardwick-longsight", day="2027-01-20"
    )


@pytest.mark.parametrize(
    "neighbourhood",
    ["wythenshawe-baguley-sharston-woodhouse-park", "wythenshawe-brooklands-northenden"],
)
def test_a_combined_forum_hears_the_cases_of_each_of_its_neighbourhoods(neighbourhood: str) -> None:
    """Scenario 6: one forum, two neighbourhoods."""
    case = a_case(neighbourhood=neighbourhood).ready_for_forum()
    given(a_meeting(forum=WYTHENSHAWE).agenda_open(), case).when(schedule()).accepted()


def test_a_forum_serves_a_neighbourhood_on_the_day_of_the_meeting() -> None:
    before_forums_began = a_meeting(starts_at=london(2019, 6, 5, 10)).agenda_open()
    given(before_forums_began, ROBIN.ready_for_forum()).when(schedule()).refused(
        ForumDoesNotServe, day="2019-06-05"
    )


def test_a_case_without_a_neighbourhood_is_on_no_agenda() -> None:
    case = a_case(neighbourhood=None).ready_for_forum()
    given(a_meeting().agenda_open(), case).when(schedule()).refused(RouteNotKnown)


@pytest.mark.parametrize("command", [schedule(), urgent()], ids=["scheduled", "urgent"])
def test_a_meeting_hears_cases_of_its_own_programme(command: Command) -> None:
    meeting = a_meeting().agenda_open()
    meeting = meeting if isinstance(command, ScheduleItem) else meeting.agenda_closed()
    planned = meeting.facts[0].model_copy(update={"programme": "another"})
    other = dataclasses.replace(meeting, facts=(planned, *meeting.facts[1:]))
    given(other, ROBIN.ready_for_forum()).when(command, as_=CHAIR).refused(OtherProgramme)


def full_of(cases: int) -> MeetingStory:
    return a_meeting().agenda_open().hearing(*(a_case(f"other-{number}") for number in range(cases)))


@pytest.mark.parametrize(("short_of", "full"), [(2, False), (1, False), (0, True)])
def test_an_agenda_takes_as_many_cases_as_the_programme_says(short_of: int, full: bool) -> None:
    capacity = rules().programme("manchester-maps").agenda.capacity
    outcome = given(full_of(capacity - short_of), ROBIN.ready_for_forum()).when(schedule())
    outcome.refused(AgendaFull, capacity=capacity) if full else outcome.accepted()


# -- urgent items ----------------------------------------------------------------------------------------------------


def test_the_chair_adds_a_case_to_a_closed_agenda_because_of_a_risk() -> None:
    given(a_meeting().agenda_closed(), ROBIN.ready_for_forum()).when(urgent(), as_=CHAIR).then(
        like(ForumItemScheduled, returns_due_at=london(2027, 1, 15, 17)),
        m.UrgentItemAdded(
            meeting_id=MEETING_ID,
            **ROBIN.ids,
            referring_agency=POLICE,
            agencies_asked=(POLICE, CGL),
            risk="Two overdoses in one week",
        ),
    )


@pytest.mark.parametrize(
    ("after", "due_at"),
    [
        (-A_SECOND, london(2027, 1, 15, 17)),
        (timedelta(0), MEETS),
        (A_SECOND, MEETS),
    ],
)
def test_of_an_item_listed_after_the_date_for_returns_they_are_due_when_the_meeting_begins(
    after: timedelta, due_at: datetime
) -> None:
    outcome = given(a_meeting().agenda_closed(), ROBIN.ready_for_forum()).when(
        urgent(), as_=CHAIR, at=london(2027, 1, 15, 17) + after
    )
    assert outcome.one(ForumItemScheduled).returns_due_at == due_at


def test_a_coordinator_does_not_add_to_a_closed_agenda() -> None:
    story = (a_meeting().agenda_closed(), ROBIN.ready_for_forum())
    given(*story).when(urgent(), as_=COORDINATOR).refused(ChairOnly, role="coordinator")


@pytest.mark.parametrize("risk", ["", "  "])
def test_an_urgent_item_needs_its_risk(risk: str) -> None:
    story = (a_meeting().agenda_closed(), ROBIN.ready_for_forum())
    given(*story).when(urgent(risk), as_=CHAIR).refused(RiskReasonRequired)


def test_risk_does_not_wait_for_room_on_the_agenda() -> None:
    capacity = rules().programme("manchester-maps").agenda.capacity
    story = (full_of(capacity).agenda_closed(), ROBIN.ready_for_forum())
    given(*story).when(urgent(), as_=CHAIR).accepted()


# -- off again -------------------------------------------------------------------------------------------------------


def test_a_withdrawn_case_is_ready_for_another_meeting() -> None:
    meeting = a_meeting().agenda_open()
    outcome = given(
        meeting, ROBIN.with_grant(POLICE, Category.OFFENDING).ready_for_forum().on_agenda(meeting)
    ).when(WithdrawItem(case_id=ROBIN.case_id, explanation="In hospital"), at=london(2027, 1, 12, 9))
    outcome.then(
        ForumItemWithdrawn(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            because="withdrawn",
            explanation="In hospital",
            listing_due_at=london(2027, 1, 19, 17),
        ),
        m.AgendaItemRemoved(meeting_id=MEETING_ID, case_id=ROBIN.case_id),
    )
    assert outcome.after.case.stage is Stage.READY_FOR_FORUM
    assert outcome.after.meeting.items == {}
    # The consent it came with stays: the next agenda needs no new one.
    assert outcome.after.case.grants


def test_a_case_that_was_withdrawn_can_be_listed_again() -> None:
    meeting, next_one = a_meeting().agenda_open(), a_meeting("february", starts_at=london(2027, 2, 17, 10))
    listed = ROBIN.on_agenda(meeting)
    withdrawn = given(meeting, listed, next_one.agenda_open()).when(
        WithdrawItem(case_id=ROBIN.case_id, explanation="In hospital")
    )
    given(*withdrawn.before, *withdrawn.happened).when(
        ScheduleItem(case_id=ROBIN.case_id, meeting_id=next_one.meeting_id)
    ).then(like(ForumItemScheduled, meeting_id=next_one.meeting_id), m.AgendaItemAdded)


@pytest.mark.parametrize("explanation", ["", "  "])
def test_a_case_is_not_withdrawn_without_a_reason(explanation: str) -> None:
    meeting = a_meeting().agenda_open()
    command = WithdrawItem(case_id=ROBIN.case_id, explanation=explanation)
    given(meeting, ROBIN.on_agenda(meeting)).when(command).refused(WithdrawalReasonRequired)


def test_a_case_on_no_agenda_is_not_withdrawn_from_one() -> None:
    command = WithdrawItem(case_id=ROBIN.case_id, explanation="In hospital")
    given(ROBIN.ready_for_forum()).when(command).refused(WrongStage, allowed="OnAgenda")


# -- the engine's clock ----------------------------------------------------------------------------------------------

LISTING_DUE = london(2027, 1, 15, 17)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_a_case_that_is_ready_and_unlisted_is_overdue_after_its_time(after: timedelta, due: bool) -> None:
    outcome = given(ROBIN.ready_for_forum()).when(
        MarkListingOverdue(case_id=ROBIN.case_id), as_=SYSTEM, at=LISTING_DUE + after
    )
    if due:
        outcome.then(ForumListingOverdue(**ROBIN.ids, due_at=LISTING_DUE))
    else:
        outcome.refused(NotYetDue)


def test_overdue_listing_is_recorded_once() -> None:
    story = ROBIN.ready_for_forum().then_also(ForumListingOverdue(**ROBIN.ids, due_at=LISTING_DUE))
    given(story).when(MarkListingOverdue(case_id=ROBIN.case_id), at=LISTING_DUE).refused(AlreadyRecorded)


def test_a_listed_case_is_not_overdue_for_listing() -> None:
    given(ROBIN.on_agenda()).when(MarkListingOverdue(case_id=ROBIN.case_id), at=MEETS).refused(WrongStage)


def test_nobody_but_the_engine_records_overdue_listing() -> None:
    given(ROBIN.ready_for_forum()).when(MarkListingOverdue(case_id=ROBIN.case_id), as_=CHAIR).refused(
        NotPermitted
    )
