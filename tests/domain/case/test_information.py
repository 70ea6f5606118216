"""Triage asks the referrer a question, reminds them once, and goes on without an answer."""

from __future__ import annotations

import pytest

from domain.case.closure import CaseClosed
from domain.case.information import (
    CloseInsufficientInformation,
    InformationNotAwaited,
    InformationReminderRaised,
    InformationRequested,
    InformationRequestLapsed,
    InformationSupplied,
    LapseInformationRequest,
    RemindOfInformation,
    RequestInformation,
    SupplyInformation,
)
from domain.case.referral_form import NeedNotInProgramme
from domain.case.stages import Stage
from domain.case.triage import ReferrerOnly
from domain.errors import NotYetDue, WrongStage
from domain.person.identity import EpisodeEnded
from domain.roles import Role
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    POLICE,
    REFERRER,
    TRIAGED,
    a_case,
    actor,
    given,
    like,
    london,
)

CASE = a_case().in_triage()
ASKED = a_case().asked_for_information()
ASK = RequestInformation(case_id=CASE.case_id, question="Which ward?")
ANSWER = SupplyInformation(case_id=CASE.case_id, answer="Ardwick", further_needs=("rent_arrears",))


def test_a_question_to_the_referrer_has_five_working_days_and_a_reminder_after_three() -> None:
    asked = given(CASE).when(ASK, as_=COORDINATOR, at=TRIAGED)
    told = asked.one(InformationRequested)
    assert (told.to_agency, told.reminder_due_at, told.due_at) == (
        POLICE,
        london(2027, 1, 8, 17),
        london(2027, 1, 12, 17),
    )
    assert asked.after.case.stage is Stage.INFO_REQUESTED


def test_the_clock_of_the_triage_decision_stands_still_while_the_case_waits() -> None:
    assert "triage" in CASE.case.due
    assert ASKED.case.due.keys() & {"triage", "information_reminder", "information_request"} == {
        "information_reminder",
        "information_request",
    }


def test_the_referrers_answer_brings_the_case_back_to_triage_with_the_needs_it_names() -> None:
    at = london(2027, 1, 7, 9)
    answered = given(ASKED).when(ANSWER, as_=REFERRER, at=at)
    answered.then(like(InformationSupplied, by_agency=POLICE, triage_due_at=london(2027, 1, 11, 17)))
    case = answered.after.case
    assert case.stage is Stage.TRIAGE
    assert case.needs == (*ASKED.case.needs, "rent_arrears")
    assert case.due.keys() & {"triage", "information_request", "information_reminder"} == {"triage"}


def test_a_coordinator_may_write_down_what_the_referrer_said() -> None:
    given(ASKED).when(ANSWER, as_=COORDINATOR).then(InformationSupplied)


def test_another_agency_does_not_answer_for_the_referrer() -> None:
    given(ASKED).when(ANSWER, as_=actor(Role.REFERRER, agency=HOUSING)).refused(ReferrerOnly)


def test_an_answer_names_needs_of_the_programme_only() -> None:
    odd = SupplyInformation(case_id=CASE.case_id, answer="Yes", further_needs=("flying",))
    given(ASKED).when(odd, as_=REFERRER).refused(NeedNotInProgramme, unknown="flying")


def test_the_reminder_is_raised_once_and_only_when_it_is_due() -> None:
    due = ASKED.case.due["information_reminder"]
    remind = RemindOfInformation(case_id=CASE.case_id)
    given(ASKED).when(remind, at=london(2027, 1, 8, 16)).refused(NotYetDue)
    reminded = given(ASKED).when(remind, at=due)
    reminded.then(InformationReminderRaised(**ASKED.ids, to_agency=POLICE, due_at=due))
    given(*reminded.before, *reminded.happened).when(remind, at=due).refused(WrongStage)


def test_an_unanswered_question_lapses_and_triage_goes_on_with_a_clock_of_its_own() -> None:
    lapse, due = LapseInformationRequest(case_id=CASE.case_id), ASKED.case.due["information_request"]
    lapsed = given(ASKED).when(lapse, at=due)
    lapsed.then(
        InformationReminderRaised,
        InformationRequestLapsed(**ASKED.ids, due_at=due, triage_due_at=london(2027, 1, 14, 17)),
    )
    assert lapsed.after.case.stage is Stage.TRIAGE


def test_what_was_never_answered_may_be_closed_by_a_coordinator() -> None:
    close = CloseInsufficientInformation(case_id=CASE.case_id, explanation="No ward, no number")
    given(CASE).when(close, as_=COORDINATOR).refused(InformationNotAwaited)
    closed = given(a_case().unanswered()).when(close, as_=COORDINATOR)
    closed.then(like(CaseClosed, because="insufficient_information"), EpisodeEnded)
    assert closed.after.case.closed_because == "insufficient_information"


@pytest.mark.parametrize("command", [ASK, ANSWER], ids=lambda one: one.NAME)
def test_questions_and_answers_have_their_stage(command: RequestInformation | SupplyInformation) -> None:
    given(a_case().awaiting_consent()).when(command).refused(WrongStage)
