"""Months after a case closed as completed, somebody asks whether it has lasted; the case stays closed."""

from __future__ import annotations

import pytest

from domain.case import monitoring as mo
from domain.case import sustained_outcome as so
from domain.case.involvement import InvolvedAgenciesOnly
from domain.case.reopening import ReopenCase
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from domain.person.identity import EpisodeEnded
from tests.support.scenario import A_SECOND, HOUSING, MENTAL_HEALTH, a_case, actor, given, like, london

ASKED_AT = london(2028, 3, 29, 10)
CLOSED = (
    a_case()
    .active()
    .handed_over()
    .checked_in()
    .then_also(
        mo.OutcomeSustained(**a_case().ids, summary="In college", sustained_outcome_due_at=ASKED_AT),
        at=london(2027, 9, 29, 10),
    )
)
RECEIVING = actor("forum_member", person="recovery-1", agency=HOUSING)
RAISE = so.RaiseSustainedOutcomeTest(case_id=CLOSED.case_id)
ASKED = CLOSED.then_also(so.SustainedOutcomeTestDue(**CLOSED.ids, due_at=ASKED_AT), at=ASKED_AT)


def lasted(*, yes: bool = True) -> so.RecordSustainedOutcome:
    return so.RecordSustainedOutcome(case_id=CLOSED.case_id, lasted=yes)


def test_six_months_after_closure_the_engine_asks_once() -> None:
    given(CLOSED).when(RAISE, at=ASKED_AT - A_SECOND).refused(NotYetDue)
    told = given(CLOSED).when(RAISE, at=ASKED_AT).then(like(so.SustainedOutcomeTestDue, due_at=ASKED_AT))
    assert (told.after.case.stage, told.after.case.due) == (Stage.CLOSED, {})
    given(ASKED).when(RAISE).refused(WrongStage)


@pytest.mark.parametrize("yes", [True, False])
def test_an_involved_agency_answers_and_the_case_stays_closed(yes: bool) -> None:
    told = given(ASKED).when(lasted(yes=yes), as_=RECEIVING)
    told.then(like(so.SustainedOutcomeRecorded, lasted=yes))
    assert (told.after.case.stage, told.after.case.outcome_lasted) == (Stage.CLOSED, yes)
    given(*ASKED, *told.happened).when(lasted(), as_=RECEIVING).refused(AlreadyRecorded)


def test_a_case_that_is_reopened_is_not_asked_about_until_it_has_closed_again() -> None:
    reopen = ReopenCase(case_id=CLOSED.case_id, explanation="Came back within the week")
    freed = EpisodeEnded(person_id=CLOSED.person_id, case_id=CLOSED.case_id, programme="manchester-maps")
    told = given(CLOSED.then_also(freed)).when(reopen, at=CLOSED.now).accepted()
    assert told.after.case.stage is Stage.MONITORING
    assert "sustained_outcome" not in told.after.case.due


def test_nobody_answers_before_it_is_asked_or_without_a_part_in_the_case() -> None:
    given(CLOSED).when(lasted(), as_=RECEIVING).refused(so.SustainedOutcomeNotAsked)
    stranger = actor("forum_member", person="nurse-1", agency=MENTAL_HEALTH)
    given(ASKED).when(lasted(), as_=stranger).refused(InvolvedAgenciesOnly)
