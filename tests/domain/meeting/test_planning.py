"""Forums that meet regularly, meetings at short notice, replacements, and what the engine does when nobody else has."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue
from domain.meeting import events as m
from domain.meeting.lifecycle import (
    AgendaOpensTooLate,
    CloseAgenda,
    MarkAgendaOverdue,
    MarkConclusionOverdue,
    MarkStartOverdue,
    OpenAgenda,
)
from domain.meeting.minutes import (
    CorrectionOverwritesOriginal,
    CorrectionReasonRequired,
    CorrectMinutes,
    MarkMinutesOverdue,
)
from domain.meeting.planning import (
    CadenceGoesOn,
    CancelMeeting,
    MeetingInPast,
    NoCadence,
    PlanMeeting,
    PlanNextMeeting,
)
from domain.messages import Command, MeetingId
from tests.support.scenario import (
    A_SECOND,
    CHAIR,
    COORDINATOR,
    FORUM,
    MEETS,
    PLANNED,
    SYSTEM,
    a_meeting,
    given,
    like,
    london,
    new_id,
)

REGULAR = a_meeting(repeats=True)
MEETING_ID = REGULAR.meeting_id
NEXT = MeetingId(new_id("meeting"))
PLAN_NEXT = PlanNextMeeting(meeting_id=MEETING_ID)
FEBRUARY = london(2027, 2, 17, 10)


# -- cadence ---------------------------------------------------------------------------------------------------------


def test_a_meeting_that_repeats_begins_a_cadence() -> None:
    planned = given().when(PlanMeeting(forum=FORUM, starts_at=MEETS, repeats=True), at=PLANNED)
    event = planned.one(m.MeetingPlanned)
    assert (event.cadence_slot, event.next_planned_at) == (MEETS, MEETS)
    assert planned.after.meeting.due["next_meeting"] == MEETS


def test_four_weeks_later_the_forum_meets_again() -> None:
    outcome = given(REGULAR).when(PLAN_NEXT, as_=SYSTEM, at=MEETS)
    outcome.then(
        m.NextMeetingPlanned(meeting_id=MEETING_ID, next_meeting=NEXT, starts_at=FEBRUARY),
        m.MeetingPlanned(
            meeting_id=NEXT,
            forum=FORUM,
            programme="manchester-maps",
            programme_version="2026.1",
            starts_at=FEBRUARY,
            agenda_opens_at=london(2027, 2, 3, 17),
            agenda_closes_at=london(2027, 2, 10, 17),
            returns_due_at=london(2027, 2, 12, 17),
            start_due_at=london(2027, 2, 18, 17),
            cadence_slot=FEBRUARY,
            next_planned_at=FEBRUARY,
        ),
    )
    assert "next_meeting" not in outcome.after.meeting.due


def test_a_cadence_keeps_its_time_of_day_when_the_clocks_change() -> None:
    march = a_meeting(starts_at=london(2027, 3, 3, 10), repeats=True)
    given(march).when(PLAN_NEXT, at=march.starts_at).then(
        m.NextMeetingPlanned, like(m.MeetingPlanned, starts_at=london(2027, 3, 31, 10))
    )


def test_a_meeting_that_would_fall_on_a_bank_holiday_is_on_the_next_working_day_and_the_cadence_stays() -> (
    None
):
    # Four weeks after 29 November 2027 is 27 December, the substitute day for Christmas; 28 December is one too.
    november = a_meeting(starts_at=london(2027, 11, 29, 10), repeats=True)
    outcome = given(november).when(PLAN_NEXT, at=november.starts_at)
    december = outcome.one(m.MeetingPlanned)
    assert (december.starts_at, december.cadence_slot) == (london(2027, 12, 29, 10), london(2027, 12, 27, 10))
    assert december.next_planned_at == december.starts_at


def test_turns_that_nobody_was_there_for_are_left_out() -> None:
    late = london(2027, 3, 10, 9)
    planned = given(REGULAR).when(PLAN_NEXT, at=late).one(m.MeetingPlanned)
    # 17 February is over, and the agenda of 17 March should have been opened by 3 March.
    assert (planned.starts_at, planned.short_notice) == (london(2027, 4, 14, 10), False)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_the_next_meeting_is_planned_when_none_is_ahead(after: timedelta, due: bool) -> None:
    outcome = given(REGULAR).when(PLAN_NEXT, at=MEETS + after)
    outcome.accepted() if due else outcome.refused(NotYetDue)


def test_it_is_planned_once_and_only_for_a_forum_that_meets_regularly() -> None:
    first = given(REGULAR).when(PLAN_NEXT, at=MEETS)
    given(REGULAR, *first.happened).when(PLAN_NEXT, at=MEETS).refused(AlreadyRecorded)
    given(a_meeting()).when(PLAN_NEXT, at=MEETS).refused(NoCadence)
    given(REGULAR).when(PLAN_NEXT, as_=COORDINATOR, at=MEETS).refused(NotPermitted)


# -- calling off -----------------------------------------------------------------------------------------------------


def cancel(at: datetime | None = None, *, ends_cadence: bool = False) -> CancelMeeting:
    return CancelMeeting(
        meeting_id=MEETING_ID,
        explanation="The building is closed",
        replacement_starts_at=at,
        ends_cadence=ends_cadence,
    )


def test_a_replacement_takes_over_the_turn_of_the_meeting_that_was_called_off() -> None:
    instead = london(2027, 2, 3, 14)
    outcome = given(REGULAR).when(cancel(instead), as_=CHAIR, at=PLANNED)
    replacement = MeetingId(new_id("replacement"))
    outcome.then(
        m.MeetingCancelled(
            meeting_id=MEETING_ID, explanation="The building is closed", replaced_by=replacement
        ),
        like(m.MeetingPlanned, meeting_id=replacement, starts_at=instead, cadence_slot=MEETS, forum=FORUM),
    )
    assert outcome.after.meetings[MEETING_ID].due == {}
    planned = given(*outcome.happened).when(PlanNextMeeting(meeting_id=replacement), at=instead)
    assert planned.one(m.MeetingPlanned).starts_at == FEBRUARY


def test_without_a_replacement_the_next_turn_is_still_planned() -> None:
    outcome = given(REGULAR).when(cancel(), as_=CHAIR, at=PLANNED)
    assert outcome.after.meeting.due == {"next_meeting": MEETS}
    given(REGULAR, *outcome.happened).when(PLAN_NEXT, at=MEETS).then(
        m.NextMeetingPlanned, like(m.MeetingPlanned, starts_at=FEBRUARY)
    )


def test_unless_the_forum_no_longer_meets_regularly() -> None:
    outcome = given(REGULAR).when(cancel(ends_cadence=True), as_=CHAIR, at=PLANNED)
    assert outcome.after.meeting.due == {}


def test_a_meeting_called_off_when_the_next_is_planned_already_hands_no_turn_on() -> None:
    late = MEETS + timedelta(hours=1)
    story = (REGULAR, *given(REGULAR).when(PLAN_NEXT, at=MEETS).happened)
    outcome = given(*story).when(cancel(london(2027, 1, 27, 14)), as_=CHAIR, at=late)
    outcome.then(m.MeetingCancelled, like(m.MeetingPlanned, cadence_slot=None, next_planned_at=None))
    given(*story).when(cancel(ends_cadence=True), as_=CHAIR, at=late).refused(CadenceGoesOn)


def test_a_replacement_is_ahead() -> None:
    given(REGULAR).when(cancel(PLANNED), as_=CHAIR, at=PLANNED).refused(MeetingInPast)


# -- what the engine does in time ------------------------------------------------------------------------------------

OPENS_BY, CLOSES_BY = london(2027, 1, 6, 17), london(2027, 1, 13, 17)


@pytest.mark.parametrize(
    ("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (timedelta(days=1), True)]
)
def test_an_agenda_that_nobody_opened_is_opened_by_the_engine_at_its_last_hour(
    after: timedelta, due: bool
) -> None:
    outcome = given(a_meeting()).when(OpenAgenda(meeting_id=MEETING_ID), as_=SYSTEM, at=OPENS_BY + after)
    outcome.then(m.AgendaOpened) if due else outcome.refused(NotYetDue)


def test_the_engine_does_not_open_an_agenda_on_short_notice_but_says_that_it_is_late() -> None:
    meeting = a_meeting(short_notice=True)
    given(meeting).when(OpenAgenda(meeting_id=MEETING_ID), as_=SYSTEM, at=MEETS).refused(AgendaOpensTooLate)
    given(meeting).when(MarkAgendaOverdue(meeting_id=MEETING_ID), as_=SYSTEM, at=MEETS).then(
        m.AgendaOverdue(meeting_id=MEETING_ID, due_at=OPENS_BY)
    )


@pytest.mark.parametrize(("ahead", "short"), [(A_SECOND, True), (timedelta(0), False), (-A_SECOND, False)])
def test_a_meeting_is_at_short_notice_when_its_agenda_should_have_been_open(
    ahead: timedelta, short: bool
) -> None:
    planned = given().when(PlanMeeting(forum=FORUM, starts_at=MEETS), at=OPENS_BY + ahead)
    assert planned.one(m.MeetingPlanned).short_notice is short


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True)])
def test_an_agenda_that_nobody_closed_is_published_by_the_engine(after: timedelta, due: bool) -> None:
    story = a_meeting().then_also(m.AgendaOpened(meeting_id=MEETING_ID, publish_due_at=CLOSES_BY))
    outcome = given(story).when(CloseAgenda(meeting_id=MEETING_ID), as_=SYSTEM, at=CLOSES_BY + after)
    outcome.then(m.AgendaPublished) if due else outcome.refused(NotYetDue)


def test_on_short_notice_the_agenda_takes_cases_until_the_meeting_begins() -> None:
    command = OpenAgenda(meeting_id=MEETING_ID, short_notice_reason="High risk")
    late = london(2027, 1, 18, 9)
    outcome = given(a_meeting(short_notice=True)).when(command, as_=CHAIR, at=late)
    assert outcome.one(m.AgendaOpened).publish_due_at == MEETS
    given(a_meeting(short_notice=True), *outcome.happened).when(
        CloseAgenda(meeting_id=MEETING_ID), as_=SYSTEM, at=late
    ).refused(NotYetDue)


MINUTES_DUE = london(2027, 1, 25, 17)
LATE: dict[str, tuple[Command, object, datetime, type]] = {
    "agenda": (MarkAgendaOverdue(meeting_id=MEETING_ID), a_meeting(), OPENS_BY, m.AgendaOverdue),
    "start": (
        MarkStartOverdue(meeting_id=MEETING_ID),
        a_meeting().agenda_closed(),
        london(2027, 1, 21, 17),
        m.MeetingStartOverdue,
    ),
    "conclusion": (
        MarkConclusionOverdue(meeting_id=MEETING_ID),
        a_meeting().in_session(),
        london(2027, 1, 21, 17),
        m.MeetingConclusionOverdue,
    ),
    "minutes": (
        MarkMinutesOverdue(meeting_id=MEETING_ID),
        a_meeting().concluded(),
        MINUTES_DUE,
        m.MinutesOverdue,
    ),
}


@pytest.mark.parametrize("name", LATE)
@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_what_a_meeting_is_late_with_is_recorded_once(name: str, after: timedelta, due: bool) -> None:
    command, story, due_at, late = LATE[name]
    outcome = given(story).when(command, as_=SYSTEM, at=due_at + after)  # type: ignore[arg-type]
    if not due:
        outcome.refused(NotYetDue)
        return
    outcome.then(late(meeting_id=MEETING_ID, due_at=due_at))
    given(story, *outcome.happened).when(command, at=due_at + after).refused(AlreadyRecorded)  # type: ignore[arg-type]


# -- minutes ---------------------------------------------------------------------------------------------------------


def correct(
    ref: str = "minutes-1-b", why: str = "An action was minuted for the wrong agency"
) -> CorrectMinutes:
    return CorrectMinutes(meeting_id=MEETING_ID, minutes_ref=ref, explanation=why)


def test_minutes_are_corrected_and_the_original_is_kept() -> None:
    outcome = given(a_meeting().minutes_issued()).when(correct())
    outcome.then(
        m.MinutesCorrected(
            meeting_id=MEETING_ID,
            minutes_ref="minutes-1-b",
            corrects="minutes-1",
            explanation="An action was minuted for the wrong agency",
        )
    )
    assert outcome.after.meeting.minutes_refs == ("minutes-1", "minutes-1-b")
    again = given(a_meeting().minutes_issued(), *outcome.happened).when(correct("minutes-1-c"))
    assert again.one(m.MinutesCorrected).corrects == "minutes-1-b"


def test_a_correction_has_a_reason_and_does_not_overwrite() -> None:
    given(a_meeting().minutes_issued()).when(correct(why=" ")).refused(CorrectionReasonRequired)
    given(a_meeting().minutes_issued()).when(correct("minutes-1")).refused(CorrectionOverwritesOriginal)
