"""Suspension: what stands still, what runs on, when it is looked at, and how each clock goes on."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from domain.case import allocation as al
from domain.case import introduction as i
from domain.case import suspension as sp
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from tests.support.scenario import (
    A_SECOND,
    ENGAGED,
    MANAGER,
    SHELTER,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
)

SAM = a_worker("sam")
ACTIVE = a_case().active(SAM)
INTRODUCED = a_case().allocated_to(SAM).met()
STILL = {"contact", "disengagement", "forum_review"}


def suspend(case: CaseStory, day: date = date(2027, 3, 31)) -> sp.Suspend:
    return sp.Suspend(case_id=case.case_id, reason="prison", review_on=day)


def test_the_pathways_clocks_stand_still_and_the_review_has_a_date() -> None:
    """Scenario 40: eight weeks in prison."""
    told = given(ACTIVE).when(suspend(ACTIVE), as_=SAM.actor, at=london(2027, 2, 3, 9))
    told.then(like(sp.CaseSuspended, reason="prison", review_due_at=london(2027, 3, 31)))
    case = told.after.case
    assert (case.stage, set(case.paused)) == (Stage.SUSPENDED, STILL)
    assert "suspension_review" in case.due
    assert not STILL & case.due.keys()


def test_what_runs_beside_the_pathway_does_not_rest() -> None:
    worried = ACTIVE.with_concern()
    case = given(worried).when(suspend(ACTIVE), as_=SAM.actor).after.case
    assert {clock.partition(":")[0] for clock in case.due} >= {"screening"}
    assert case.open_actions


@pytest.mark.parametrize(("days", "ahead"), [(-1, False), (0, False), (1, True)])
def test_a_suspension_is_looked_at_on_a_day_to_come(days: int, ahead: bool) -> None:
    outcome = given(ACTIVE).when(
        suspend(ACTIVE, ENGAGED.date() + timedelta(days=days)), as_=SAM.actor, at=ENGAGED
    )
    outcome.accepted() if ahead else outcome.refused(sp.ReviewMustBeAhead)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True)])
def test_the_review_is_due_on_its_day(after: timedelta, due: bool) -> None:
    rests = ACTIVE.suspended()
    command = sp.RaiseSuspensionReview(case_id=rests.case_id)
    outcome = given(rests).when(command, at=london(2027, 3, 31) + after)
    if due:
        outcome.then(like(sp.SuspensionReviewDue, due_at=london(2027, 3, 31)))
        assert outcome.after.case.stage is Stage.SUSPENDED
        given(*rests, *outcome.happened).when(command, at=london(2027, 3, 31)).refused(AlreadyRecorded)
    else:
        outcome.refused(NotYetDue)


def test_a_review_may_find_that_it_goes_on() -> None:
    rests = ACTIVE.suspended()
    due = rests.then_also(
        sp.SuspensionReviewDue(**rests.ids, due_at=london(2027, 3, 31)), at=london(2027, 3, 31)
    )
    command = sp.ReviewSuspension(case_id=rests.case_id, review_on=date(2027, 5, 28))
    case = given(due).when(command, as_=SAM.actor).after.case
    assert (case.due["suspension_review"], case.overdue & {"suspension_review"}) == (
        london(2027, 5, 28),
        set(),
    )


# Suspended on Wednesday 3 February 2027 at noon; what is left then, and when it runs out after resuming.
@pytest.mark.parametrize(
    ("resumed", "contact", "review"),
    [
        pytest.param(
            london(2027, 3, 31, 12),
            london(2027, 4, 12, 17),
            london(2027, 4, 28, 10, 40),
            id="over Easter and summer time",
        ),
        pytest.param(
            london(2027, 2, 4, 12), london(2027, 2, 16, 17), london(2027, 3, 4, 10, 40), id="next day"
        ),
        pytest.param(
            london(2027, 2, 6, 12),
            london(2027, 2, 17, 17),
            london(2027, 3, 8, 17),
            id="resumed on a Saturday",
        ),
    ],
)
def test_each_clock_gets_the_time_it_had_left(resumed: datetime, contact: datetime, review: datetime) -> None:
    """Eight working days of contact were left, and 28 days less an hour and twenty minutes of forum review."""
    rests = ACTIVE.suspended(at=london(2027, 2, 3, 12))
    told = given(rests).when(sp.Resume(case_id=rests.case_id), as_=SAM.actor, at=resumed)
    clocks = told.one(sp.CaseResumed).clocks
    assert (clocks["contact"], clocks["forum_review"]) == (contact, review)
    case = told.after.case
    assert (case.stage, case.paused) == (Stage.ACTIVE, {})
    assert case.due.keys() >= STILL
    assert "suspension_review" not in case.due


def test_what_had_run_out_before_stays_run_out() -> None:
    late = ACTIVE.suspended(at=london(2027, 2, 16, 12))
    told = given(late).when(sp.Resume(case_id=late.case_id), as_=SAM.actor, at=london(2027, 3, 30, 12))
    assert told.one(sp.CaseResumed).clocks["contact"] == london(2027, 2, 15, 17)


def test_a_case_suspended_in_the_introduction_goes_back_there() -> None:
    rests = INTRODUCED.suspended()
    told = given(rests).when(sp.Resume(case_id=rests.case_id), as_=SAM.actor, at=london(2027, 3, 30, 12))
    assert (told.after.case.stage, "introduction" in told.after.case.due) == (Stage.INTRODUCTION, True)


def test_with_another_worker_support_begins_again_with_an_introduction() -> None:
    alex = a_worker("alex")
    rests = ACTIVE.suspended()
    ended = al.AllocationEnded(**rests.ids, worker_id=SAM.worker_id, because="other_worker")
    given_to = al.KeyWorkerAllocated(
        **rests.ids,
        worker_id=alex.worker_id,
        worker_name="Alex",
        points=4,
        answer_due_at=london(2027, 3, 3, 17),
        first_contact_due_at=london(2027, 3, 3, 17),
    )
    changed = rests.then_also(ended, *alex, given_to)
    told = given(changed).when(sp.Resume(case_id=rests.case_id), as_=MANAGER, at=london(2027, 3, 30, 12))
    assert told.one(sp.CaseResumed).to_stage is Stage.INTRODUCTION
    assert {"introduction", "disengagement"} <= told.after.case.due.keys()


def test_without_any_worker_one_is_sought() -> None:
    rests = ACTIVE.suspended()
    ended = al.AllocationEnded(**rests.ids, worker_id=SAM.worker_id, because="other_worker")
    told = given(rests.then_also(ended)).when(
        sp.Resume(case_id=rests.case_id), as_=MANAGER, at=london(2027, 3, 30, 12)
    )
    assert told.after.case.stage is Stage.AWAITING_ALLOCATION
    assert "allocation" in told.after.case.due


def test_only_support_can_rest_and_only_what_rests_resumes() -> None:
    proposed = a_case().active(SAM).step_down_proposed()
    given(proposed).when(suspend(proposed), as_=SAM.actor).refused(WrongStage)
    given(ACTIVE).when(sp.Resume(case_id=ACTIVE.case_id), as_=SAM.actor).refused(WrongStage)
    other = actor("key_worker", person="other", agency=SHELTER)
    given(ACTIVE).when(suspend(ACTIVE), as_=other).refused(al.NotTheKeyWorker)


def test_an_introduction_is_overdue_after_four_weeks_and_can_be_extended() -> None:
    due = london(2027, 2, 19, 11)
    mark = i.MarkIntroductionOverdue(case_id=INTRODUCED.case_id)
    given(INTRODUCED).when(mark, at=due - A_SECOND).refused(NotYetDue)
    told = given(INTRODUCED).when(mark, at=due).then(like(i.IntroductionOverdue, due_at=due))
    late = INTRODUCED.then_also(*told.happened, at=due)
    given(late).when(mark).refused(AlreadyRecorded)
    more = i.ExtendIntroduction(case_id=late.case_id, until=date(2027, 3, 20), explanation="Slowly")
    extended = given(late).when(more, as_=SAM.actor)
    extended.then(like(i.IntroductionExtended, introduction_due_at=london(2027, 3, 22, 17)))
    assert "introduction" not in extended.after.case.overdue
    early = more.model_copy(update={"until": date(2027, 2, 18)})
    given(late).when(early, as_=SAM.actor).refused(i.ExtensionMustBeLater)
