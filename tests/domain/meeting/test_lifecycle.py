"""A forum meeting from its planning to its minutes, and what happens when it cannot be held."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.case.forum_review import ForumItemWithdrawn
from domain.case.sharing import Category
from domain.case.stages import Stage
from domain.errors import NotFound, NotPermitted
from domain.meeting import events as m
from domain.meeting.items import ChairOnly
from domain.meeting.lifecycle import (
    AgendaClosesTooEarly,
    AgendaOpensTooLate,
    CloseAgenda,
    ConcludeMeeting,
    ConfidentialityNotAcknowledged,
    ItemsUndecided,
    MeetingStartsTooEarly,
    OpenAgenda,
    RegisterLine,
    StartMeeting,
)
from domain.meeting.minutes import IssueMinutes
from domain.meeting.planning import (
    CancelMeeting,
    ForumNotHeld,
    MeetingCancellationReasonRequired,
    MeetingInPast,
    PlanMeeting,
)
from domain.messages import MeetingId
from domain.rules import UnknownProgramme
from tests.support.scenario import (
    A_SECOND,
    AGENDA_CLOSED,
    CGL,
    CHAIR,
    COMMUNITY_SAFETY,
    COORDINATOR,
    FORUM,
    HOUSING,
    MANAGER,
    MEETS,
    MENTAL_HEALTH,
    PLANNED,
    POLICE,
    PROGRAMME,
    QUORUM,
    SHELTER,
    SOCIAL_CARE,
    Outcome,
    a_case,
    a_meeting,
    attendee,
    given,
    like,
    london,
    new_id,
    rules,
)

MEETING_ID = a_meeting().meeting_id
OPENS_BY = london(2027, 1, 6, 17)
CLOSES_ON = london(2027, 1, 13)
BACK_ON_TRACK = "Back on Track"
MIND = "Manchester Mind"


def register(*attendees: m.Attendee) -> tuple[RegisterLine, ...]:
    return tuple(RegisterLine.model_validate(one.model_dump()) for one in attendees)


def start(*attendees: m.Attendee) -> StartMeeting:
    return StartMeeting(meeting_id=MEETING_ID, attendees=register(*attendees))


def members(*agencies: str) -> tuple[m.Attendee, ...]:
    return tuple(attendee("member", agency) for agency in agencies)


def as_seen(person: str, agency: str, part: Any) -> m.Attendee:
    return m.Attendee(person=person, agency=agency, part=part)


# -- planning --------------------------------------------------------------------------------------------------------


def test_a_planned_meeting_has_its_dates_counted_back_in_working_days() -> None:
    given().when(PlanMeeting(forum=FORUM, starts_at=MEETS), at=PLANNED).then(
        m.MeetingPlanned(
            meeting_id=MeetingId(new_id("meeting")),
            forum=FORUM,
            programme=PROGRAMME,
            programme_version="2026.1",
            starts_at=MEETS,
            agenda_opens_at=OPENS_BY,
            agenda_closes_at=london(2027, 1, 13, 17),
            returns_due_at=london(2027, 1, 15, 17),
            start_due_at=london(2027, 1, 21, 17),
        )
    )


def test_a_meeting_after_the_holidays_counts_no_bank_holiday() -> None:
    planned = given().when(PlanMeeting(forum=FORUM, starts_at=london(2027, 1, 5, 10)), at=PLANNED)
    # 4 January, 31, 30, 29 December; 28 December and 1 January are bank holidays; 24 December is the fifth.
    assert planned.one(m.MeetingPlanned).agenda_closes_at == london(2026, 12, 24, 17)


@pytest.mark.parametrize(("ahead", "is_past"), [(-A_SECOND, True), (timedelta(0), True), (A_SECOND, False)])
def test_a_meeting_is_planned_ahead(ahead: timedelta, is_past: bool) -> None:
    outcome = given().when(PlanMeeting(forum=FORUM, starts_at=MEETS), at=MEETS - ahead)
    outcome.refused(MeetingInPast) if is_past else outcome.accepted()


def test_a_meeting_of_a_forum_that_there_is_not_is_refused_with_those_there_are() -> None:
    refused = given().when(PlanMeeting(forum="atlantis", starts_at=MEETS), at=PLANNED).refused(ForumNotHeld)
    assert FORUM in str(refused)


def test_a_meeting_before_the_forum_began_is_refused() -> None:
    early = london(2019, 6, 5, 10)
    given().when(PlanMeeting(forum=FORUM, starts_at=early), at=early - A_SECOND).refused(ForumNotHeld)


def test_a_meeting_of_an_unknown_programme_is_refused() -> None:
    command = PlanMeeting(programme="atlantis", forum=FORUM, starts_at=MEETS)
    outcome = given().when(command, at=PLANNED)
    assert isinstance(outcome.refusal, UnknownProgramme)


def test_a_meeting_is_run_by_its_coordinator_or_chair_only() -> None:
    given(a_meeting()).when(OpenAgenda(meeting_id=MEETING_ID), as_=MANAGER).refused(NotPermitted)


def test_a_meeting_that_nobody_planned_has_no_agenda() -> None:
    given().when(OpenAgenda(meeting_id=MEETING_ID)).refused(NotFound)


# -- opening and closing the agenda ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "in_time"), [(-A_SECOND, True), (timedelta(0), True), (A_SECOND, False)])
def test_an_agenda_opens_at_least_ten_working_days_before(after: timedelta, in_time: bool) -> None:
    outcome = given(a_meeting()).when(OpenAgenda(meeting_id=MEETING_ID), at=OPENS_BY + after)
    opened = m.AgendaOpened(meeting_id=MEETING_ID, publish_due_at=london(2027, 1, 13, 17))
    outcome.then(opened) if in_time else outcome.refused(AgendaOpensTooLate)


def test_later_the_chair_opens_an_agenda_with_a_reason() -> None:
    command = OpenAgenda(meeting_id=MEETING_ID, short_notice_reason="Extraordinary meeting, high risk")
    given(a_meeting()).when(command, as_=CHAIR, at=OPENS_BY + A_SECOND).then(
        m.AgendaOpened(
            meeting_id=MEETING_ID,
            short_notice_reason="Extraordinary meeting, high risk",
            publish_due_at=london(2027, 1, 13, 17),
        )
    )


def test_later_a_coordinator_does_not_open_an_agenda_whatever_the_reason() -> None:
    command = OpenAgenda(meeting_id=MEETING_ID, short_notice_reason="Extraordinary meeting, high risk")
    given(a_meeting()).when(command, as_=COORDINATOR, at=OPENS_BY + A_SECOND).refused(AgendaOpensTooLate)


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_later_the_chair_does_not_open_an_agenda_without_a_reason(reason: str | None) -> None:
    command = OpenAgenda(meeting_id=MEETING_ID, short_notice_reason=reason)
    given(a_meeting()).when(command, as_=CHAIR, at=OPENS_BY + A_SECOND).refused(AgendaOpensTooLate)


@pytest.mark.parametrize(
    ("after", "allowed"), [(-A_SECOND, False), (timedelta(0), True), (timedelta(days=3), True)]
)
def test_an_agenda_closes_on_the_fifth_working_day_before_or_later(after: timedelta, allowed: bool) -> None:
    story = a_meeting().agenda_open()
    outcome = given(story).when(CloseAgenda(meeting_id=MEETING_ID), at=CLOSES_ON + after)
    if allowed:
        outcome.then(m.AgendaPublished(meeting_id=MEETING_ID, items=()))
    else:
        outcome.refused(AgendaClosesTooEarly, day="2027-01-13")


def test_the_published_agenda_names_its_cases_in_the_order_they_came() -> None:
    robin, kim = a_case("robin"), a_case("kim")
    story = a_meeting().agenda_open()
    listed = (kim.on_agenda(story), robin.on_agenda(story))
    published = given(story, *listed).when(CloseAgenda(meeting_id=MEETING_ID), at=AGENDA_CLOSED)
    assert published.one(m.AgendaPublished).items == (kim.case_id, robin.case_id)


def test_an_agenda_is_published_without_names_for_agencies_that_the_person_has_not_allowed_to_know() -> None:
    """Scenario 8: the person says yes to housing and has not been asked about the others."""
    story = a_meeting().agenda_open()
    robin = a_case().with_grant(POLICE, Category.IDENTITY, recipient=HOUSING).ready_for_forum()
    published = given(story, robin.on_agenda(story)).when(
        CloseAgenda(meeting_id=MEETING_ID), at=AGENDA_CLOSED
    )
    redacted = m.Redaction(case_id=robin.case_id, agencies=(CGL,))
    assert published.one(m.AgendaPublished).redacted == (redacted,)


# -- beginning -------------------------------------------------------------------------------------------------------


def begin(*attendees: m.Attendee) -> Outcome:
    return given(a_meeting().agenda_closed()).when(start(*attendees), at=MEETS)


def test_a_quorate_meeting_begins() -> None:
    begin(*QUORUM).then(
        m.MeetingStarted(meeting_id=MEETING_ID, attendees=QUORUM, conclude_due_at=london(2027, 1, 21, 17))
    )


def test_a_deputy_chair_may_chair() -> None:
    begin(attendee("deputy_chair"), *QUORUM[1:]).then(m.MeetingStarted)


def test_deputies_count_for_their_agencies() -> None:
    seats = tuple(attendee("deputy", agency) for agency in (POLICE, CGL, SHELTER, MIND))
    begin(*QUORUM[:2], *seats).then(m.MeetingStarted)


@pytest.mark.parametrize(("silent", "refused"), [(0, False), (1, True), (2, True)])
def test_a_meeting_waits_until_everybody_acknowledged_confidentiality(silent: int, refused: bool) -> None:
    quiet = tuple(one.model_copy(update={"confidentiality_acknowledged": False}) for one in QUORUM[:silent])
    outcome = begin(*quiet, *QUORUM[silent:])
    if refused:
        outcome.refused(ConfidentialityNotAcknowledged, how_many=silent)
    else:
        outcome.accepted()


def test_in_the_register_silence_acknowledges_nothing() -> None:
    assert not RegisterLine(person="officer-7", agency=POLICE).confidentiality_acknowledged


@pytest.mark.parametrize(
    ("attendees", "missing"),
    [
        pytest.param((), ("chair_or_deputy", "coordinator", "agencies", "sector"), id="nobody"),
        pytest.param(QUORUM[1:], ("chair_or_deputy",), id="no chair"),
        pytest.param((QUORUM[0], *QUORUM[2:]), ("coordinator",), id="no coordinator"),
        pytest.param(QUORUM[:-1], ("agencies",), id="three agencies"),
        pytest.param(
            (*QUORUM[:2], *members(CGL, SHELTER, BACK_ON_TRACK, MIND)), ("sector",), id="no core sector"
        ),
        pytest.param((*QUORUM[:-1], attendee("member", "GMP")), ("agencies",), id="one agency, two names"),
        pytest.param((*QUORUM[:-1], attendee("deputy", CGL)), ("agencies",), id="member and deputy of one"),
    ],
)
def test_an_inquorate_meeting_does_not_begin_and_says_what_was_missing(
    attendees: tuple[m.Attendee, ...], missing: tuple[str, ...]
) -> None:
    seen = tuple(one.model_copy(update={"agency": rules().agency_name(one.agency)}) for one in attendees)
    begin(*attendees).then(
        m.MeetingInquorate(
            meeting_id=MEETING_ID,
            attendees=seen,
            missing=missing,
            chair_decides_by=london(2027, 1, 21, 17),
        )
    )


@pytest.mark.parametrize("core", [SOCIAL_CARE, MENTAL_HEALTH, POLICE, HOUSING])
def test_one_agency_of_a_core_sector_is_enough(core: str) -> None:
    begin(*QUORUM[:2], *members(core, CGL, SHELTER, MIND)).then(m.MeetingStarted)


def test_more_agencies_than_needed_and_some_that_nobody_knows_are_welcome() -> None:
    begin(*QUORUM, attendee("member", "Friends of the Park")).then(m.MeetingStarted)


def test_the_chairs_and_the_coordinators_own_agency_is_not_counted_as_a_fourth() -> None:
    """Scenario 21: chair and three agencies are inquorate."""
    sitting = (attendee("chair", MENTAL_HEALTH), attendee("coordinator", COMMUNITY_SAFETY))
    begin(*sitting, *members(POLICE, HOUSING, CGL)).then(like(m.MeetingInquorate, missing=("agencies",)))


def test_the_cases_of_an_inquorate_meeting_stay_listed_until_the_chair_has_decided() -> None:
    story = a_meeting().agenda_open()
    robin = a_case().on_agenda(story)
    outcome = given(story.agenda_closed(), robin).when(start(), at=MEETS).then(m.MeetingInquorate)
    assert outcome.after.case.stage is Stage.ON_AGENDA
    assert outcome.after.meeting.due == {"chair_decision": london(2027, 1, 21, 17)}


@pytest.mark.parametrize(
    ("early", "refused"),
    [
        (timedelta(minutes=15) + A_SECOND, True),
        (timedelta(minutes=15), False),
        (timedelta(minutes=14, seconds=59), False),
        (timedelta(0), False),
        (-timedelta(days=1), False),
    ],
)
def test_a_meeting_does_not_begin_before_its_time(early: timedelta, refused: bool) -> None:
    outcome = given(a_meeting().agenda_closed()).when(start(*QUORUM), at=MEETS - early)
    if refused:
        outcome.refused(MeetingStartsTooEarly, minutes=15)
    else:
        outcome.accepted()


@pytest.mark.parametrize(
    ("attendees", "missing"),
    [
        pytest.param((as_seen("chair-1", COMMUNITY_SAFETY, "coordinator"), *QUORUM[:1], *QUORUM[2:]),
                     ("coordinator",), id="the chair is the coordinator too"),
        pytest.param((*QUORUM[:5], as_seen("chair-1", SHELTER, "member")), ("agencies",), id="the chair is a member too"),
        pytest.param((*QUORUM[:5], as_seen(QUORUM[4].person, SHELTER, "deputy")), ("agencies",),
                     id="one person sits for two agencies"),
        pytest.param((*QUORUM[:5], as_seen(QUORUM[4].person.upper() + " ", SHELTER, "deputy")), ("agencies",),
                     id="and is written otherwise"),
    ],
)  # fmt: skip
def test_a_person_who_fills_several_seats_counts_once(
    attendees: tuple[m.Attendee, ...], missing: tuple[str, ...]
) -> None:
    begin(*attendees).then(like(m.MeetingInquorate, missing=missing))


# -- ending ----------------------------------------------------------------------------------------------------------


def test_a_meeting_ends_once_every_case_has_an_outcome() -> None:
    meeting = a_meeting().in_session()
    given(meeting, a_case().on_agenda(meeting).accepted()).when(
        ConcludeMeeting(meeting_id=MEETING_ID), at=london(2027, 1, 20, 12)
    ).then(m.MeetingConcluded(meeting_id=MEETING_ID, minutes_due_at=london(2027, 1, 25, 17)))


def test_a_meeting_with_an_undecided_case_does_not_end() -> None:
    meeting = a_meeting().in_session()
    listed = (a_case("robin").on_agenda(meeting).accepted(), a_case("kim").on_agenda(meeting))
    given(meeting, *listed).when(ConcludeMeeting(meeting_id=MEETING_ID)).refused(ItemsUndecided, undecided=1)


def test_a_case_that_closed_while_it_was_on_the_agenda_does_not_hold_the_meeting_up() -> None:
    meeting = a_meeting().in_session()
    robin = a_case().on_agenda(meeting)
    gone = robin.closed()
    given(meeting, gone).when(ConcludeMeeting(meeting_id=MEETING_ID)).then(
        m.AgendaItemRemoved(meeting_id=MEETING_ID, case_id=robin.case_id), m.MeetingConcluded
    )


def test_a_meeting_without_a_case_ends_too() -> None:
    given(a_meeting().in_session()).when(ConcludeMeeting(meeting_id=MEETING_ID)).then(m.MeetingConcluded)


@pytest.mark.parametrize(("after", "late"), [(-A_SECOND, False), (timedelta(0), False), (A_SECOND, True)])
def test_minutes_are_due_within_three_working_days_and_late_ones_count_as_late(
    after: timedelta, late: bool
) -> None:
    sent = london(2027, 1, 25, 17) + after
    given(a_meeting().concluded()).when(
        IssueMinutes(meeting_id=MEETING_ID, minutes_ref="minutes-2027-01-20"), at=sent
    ).then(m.MinutesIssued(meeting_id=MEETING_ID, minutes_ref="minutes-2027-01-20", late=late))


def test_minutes_sent_in_time_and_recorded_later_are_in_time() -> None:
    sent = london(2027, 1, 25, 16)
    outcome = given(a_meeting().concluded()).when(
        IssueMinutes(meeting_id=MEETING_ID, minutes_ref="minutes-1"),
        at=sent + timedelta(days=7),
        effective_at=sent,
    )
    assert not outcome.one(m.MinutesIssued).late


# -- calling off -----------------------------------------------------------------------------------------------------


def test_the_chair_calls_a_meeting_off_and_every_case_goes_back() -> None:
    meeting = a_meeting().agenda_open()
    robin = a_case().on_agenda(meeting)
    outcome = given(meeting, robin).when(
        CancelMeeting(meeting_id=MEETING_ID, explanation="The building is closed"),
        as_=CHAIR,
        at=london(2027, 1, 12, 9),
    )
    outcome.then(
        m.MeetingCancelled(meeting_id=MEETING_ID, explanation="The building is closed"),
        ForumItemWithdrawn(
            **robin.ids,
            meeting_id=MEETING_ID,
            because="meeting_cancelled",
            listing_due_at=london(2027, 1, 19, 17),
        ),
        m.AgendaItemRemoved(meeting_id=MEETING_ID, case_id=robin.case_id),
    )
    assert outcome.after.case.stage is Stage.READY_FOR_FORUM
    assert outcome.after.case.due == {"listing": london(2027, 1, 19, 17)}


def test_a_coordinator_does_not_call_a_meeting_off() -> None:
    command = CancelMeeting(meeting_id=MEETING_ID, explanation="The building is closed")
    given(a_meeting()).when(command, as_=COORDINATOR).refused(ChairOnly, role="coordinator")


@pytest.mark.parametrize("explanation", ["", "   "])
def test_a_meeting_is_not_called_off_without_a_reason(explanation: str) -> None:
    command = CancelMeeting(meeting_id=MEETING_ID, explanation=explanation)
    given(a_meeting()).when(command, as_=CHAIR).refused(MeetingCancellationReasonRequired)
