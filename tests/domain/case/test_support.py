"""Support: the person sets outcomes, the key worker helps towards them, and the plan is reviewed."""

import pytest
from pydantic import ValidationError

from domain.case import allocation as al
from domain.case import support as su
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, WrongStage
from domain.messages import OutcomeId
from tests.support.scenario import (
    HOUSING,
    MANAGER,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    new_id,
    some_id,
)

SAM = a_worker("sam")
COLLEAGUE = a_worker("other").actor
PERSON = actor("person", person="robin", agency="nobody's")


def set_outcome(case: CaseStory, **changed: object) -> su.SetOutcome:
    return su.SetOutcome.model_validate({"case_id": case.case_id, "wording": "Go to rehab"} | changed)


@pytest.mark.parametrize("set_by", ["resident", "worker", "forum"])
def test_the_key_worker_writes_down_an_outcome_and_whose_it_is(set_by: str) -> None:
    case = a_case().active(SAM)
    written = given(case).when(set_outcome(case, set_by=set_by), as_=SAM.actor)
    written.then(like(su.OutcomeSet, outcome_id=new_id("outcome"), set_by=set_by, wording="Go to rehab"))
    assert written.after.case.outcomes == {new_id("outcome"): "not_started"}


def test_an_outcome_is_the_residents_own_unless_somebody_else_is_named() -> None:
    case = a_case().active(SAM)
    given(case).when(set_outcome(case), as_=SAM.actor).then(like(su.OutcomeSet, set_by="resident"))


def test_what_the_person_sets_is_set_by_the_resident() -> None:
    case = a_case().active(SAM)
    given(case).when(set_outcome(case), as_=PERSON).then(like(su.OutcomeSet, set_by="resident"))
    given(case).when(set_outcome(case, set_by="forum"), as_=PERSON).refused(
        su.PersonSetsTheirOwn, set_by="forum"
    )


def test_the_same_outcome_is_set_once() -> None:
    case = a_case().active(SAM).with_outcome("rehab")
    again = set_outcome(case, outcome_id=case.outcome_id("rehab"))
    given(case).when(again, as_=SAM.actor).refused(AlreadyRecorded)


def test_an_outcome_says_something() -> None:
    with pytest.raises(ValidationError, match="wording"):
        set_outcome(a_case(), wording="  ")


def test_progress_is_recorded_by_the_key_worker_or_the_person() -> None:
    case = a_case().active(SAM).with_outcome("rehab")
    update = su.UpdateOutcome(case_id=case.case_id, outcome_id=case.outcome_id("rehab"), progress="most")
    for by in (SAM.actor, PERSON):
        told = given(case).when(update, as_=by).then(like(su.OutcomeProgressed, progress="most"))
        assert told.after.case.outcomes == {case.outcome_id("rehab"): "most"}


def test_there_is_no_progress_towards_an_outcome_that_nobody_set() -> None:
    case = a_case().active(SAM).with_outcome("rehab")
    update = su.UpdateOutcome(case_id=case.case_id, outcome_id=OutcomeId(some_id("none")), progress="some")
    given(case).when(update, as_=SAM.actor).refused(NotFound, kind="outcome")


def test_the_plan_is_reviewed_by_the_key_worker_or_a_manager() -> None:
    case = a_case().active(SAM)
    review = su.ReviewPlan(case_id=case.case_id, summary="Rehab finished")
    for by in (SAM.actor, MANAGER):
        assert given(case).when(review, as_=by).then(su.PlanReviewed).after.case.plan_reviewed
    given(case).when(review, as_=PERSON).refused(NotPermitted)


def test_a_worker_who_does_not_have_the_case_has_no_part_in_its_outcomes_and_plan() -> None:
    case = a_case().active(SAM).with_outcome("rehab")
    for command in (
        set_outcome(case),
        su.UpdateOutcome(case_id=case.case_id, outcome_id=case.outcome_id("rehab"), progress="most"),
        su.ReviewPlan(case_id=case.case_id, summary="Rehab finished"),
    ):
        given(case).when(command, as_=COLLEAGUE).refused(al.NotTheKeyWorker)


def test_without_a_key_worker_only_the_person_and_the_manager_carry_the_plan() -> None:
    case = a_case().led_by(HOUSING)
    review = su.ReviewPlan(case_id=case.case_id, summary="Housing leads on")
    given(case).when(set_outcome(case), as_=PERSON).one(su.OutcomeSet)
    given(case).when(review, as_=MANAGER).one(su.PlanReviewed)
    given(case).when(set_outcome(case), as_=SAM.actor).refused(al.NoKeyWorkerAssigned)
    given(case).when(review, as_=SAM.actor).refused(al.NoKeyWorkerAssigned)


@pytest.mark.parametrize(
    ("case", "sets", "updates"),
    [
        (a_case().allocated_to(SAM), False, False),
        (a_case().active(SAM).with_outcome(), True, True),
        (a_case().active(SAM).with_outcome().step_down_proposed(), False, True),
        (a_case().active(SAM).with_outcome().stepping_down(), False, True),
        (a_case().active(SAM).with_outcome().handed_over(), False, False),
    ],
    ids=lambda value: str(value.case.stage) if isinstance(value, CaseStory) else "",
)
def test_outcomes_are_set_in_support_and_followed_until_the_handover(
    case: CaseStory, sets: bool, updates: bool
) -> None:
    update = su.UpdateOutcome(case_id=case.case_id, outcome_id=case.outcome_id(), progress="achieved")
    for command, possible in (
        (set_outcome(case), sets),
        (su.ReviewPlan(case_id=case.case_id, summary="Rehab finished"), sets),
        (update, updates),
    ):
        outcome = given(case).when(command, as_=SAM.actor)
        if possible:
            assert outcome.accepted().after.case.stage is case.case.stage
        else:
            outcome.refused(WrongStage)


def test_support_has_no_time_limit() -> None:
    """What runs asks for contact and for reviews; nothing ends it. Source: MEAM, as long as needed (domain reference 1.8)."""
    assert a_case().active(SAM).case.due.keys() <= {"acknowledge", "contact", "disengagement", "forum_review"}
