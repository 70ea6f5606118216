"""Wrong data: a record is voided, never deleted; the case is then as if it had never come."""

from __future__ import annotations

from domain.case.correction import NotVoidable, RecordVoided, VoidRecord, WhichRecordRequired
from domain.case.state import Case
from domain.case.support import OutcomeProgressed, OutcomeSet
from domain.errors import AlreadyRecorded, NotFound
from domain.loading import fold
from domain.messages import CaseEvent, OutcomeId
from tests.support.scenario import COORDINATOR, Outcome, States, a_case, a_worker, given, like, some_id

SAM = a_worker("sam")
OUTCOME = OutcomeId(some_id("rehab"))
STORY = a_case().active(SAM)
STORY = STORY.then_also(
    OutcomeSet(**STORY.ids, outcome_id=OUTCOME, set_by="resident", wording="Rehab"),
    OutcomeProgressed(**STORY.ids, outcome_id=OUTCOME, progress="some"),
)
LAST = sum(isinstance(fact, CaseEvent) for fact in STORY.facts)


def void(version: int) -> VoidRecord:
    return VoidRecord(case_id=STORY.case_id, version=version, explanation="Written into the wrong case")


def voided(version: int) -> Outcome:
    return given(SAM, STORY).when(void(version), as_=COORDINATOR)


def case_after(outcome: Outcome) -> Case:
    """The case as the application folds it from the log."""
    history = States((*outcome.before, *outcome.happened)).history(STORY.case_id)
    return fold("Case", STORY.case_id, history)


def test_what_speaks_of_the_same_thing_is_listed_for_somebody_to_look_at() -> None:
    voided(LAST - 1).then(
        like(RecordVoided, voided_version=LAST - 1, voided_topic="OutcomeSet", followed_by=(LAST,))
    )


def test_nobody_made_progress_towards_an_outcome_that_never_was() -> None:
    gone = voided(LAST - 1)
    assert case_after(gone).outcomes == {}
    its_progress = given(*gone.before, *gone.happened).when(void(LAST), as_=COORDINATOR)
    its_progress.then(like(RecordVoided, voided_version=LAST, voided_topic="OutcomeProgressed"))
    assert case_after(its_progress).outcomes == {}


def test_the_newest_of_a_kind_is_found_without_counting() -> None:
    def newest(kind: str) -> VoidRecord:
        return VoidRecord(case_id=STORY.case_id, newest=kind, explanation="Somebody else")

    once = given(SAM, STORY).when(newest("OutcomeProgressed"), as_=COORDINATOR)
    once.then(like(RecordVoided, voided_version=LAST, voided_topic="OutcomeProgressed"))
    twice = given(*once.before, *once.happened).when(newest("OutcomeProgressed"), as_=COORDINATOR)
    twice.refused(NotFound, id="OutcomeProgressed")
    given(SAM, STORY).when(newest("ReferralSubmitted"), as_=COORDINATOR).refused(NotVoidable)


def test_one_way_of_saying_which_record_is_meant() -> None:
    said: tuple[dict[str, object], ...] = ({}, {"version": LAST, "newest": "OutcomeProgressed"})
    for which in said:
        command = VoidRecord.model_validate({"case_id": STORY.case_id, "explanation": "Wrong"} | which)
        given(SAM, STORY).when(command, as_=COORDINATOR).refused(WhichRecordRequired)


def test_the_case_is_then_as_if_the_record_had_never_come() -> None:
    assert case_after(voided(LAST)).outcomes == {OUTCOME: "not_started"}


def test_a_record_that_moved_the_case_is_not_voided_and_one_is_voided_once() -> None:
    voided(1).refused(NotVoidable, version=1)
    voided(LAST + 5).refused(NotFound)
    once = voided(LAST)
    given(*once.before, *once.happened).when(void(LAST), as_=COORDINATOR).refused(AlreadyRecorded)
