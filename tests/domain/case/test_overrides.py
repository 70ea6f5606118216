"""Overrides of an allocation: what a manager's reason lifts, what more it takes, and what nothing lifts."""

from datetime import date

import pytest

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import matching
from domain.case import override as ov
from domain.case import wishes as wi
from domain.case.allocation_end import EndAllocation
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue
from domain.keyworker import events as k
from tests.domain.case.test_allocation import allocate
from tests.support.scenario import A_SECOND, ALLOCATED, MANAGER, a_case, a_worker, given, like, london, rules

REVIEW = {"override_reason": "Nobody else this month", "override_review_on": "2027-02-22"}
BOTH = {**REVIEW, "approved_over_soft_limit": True}


@pytest.mark.parametrize(
    ("day", "passes"), [("2027-01-22", False), ("2027-01-23", True), ("2026-12-01", False), (None, False)]
)
def test_above_the_hard_limit_an_override_has_a_day_ahead_on_which_it_is_reviewed(
    day: str | None, passes: bool
) -> None:
    case, full = a_case().accepted(), a_worker().carrying(15)
    terms = allocate(case, full, **{**BOTH, "override_review_on": day})
    outcome = given(case, full).when(terms, as_=MANAGER, at=ALLOCATED)
    if not passes:
        outcome.refused(ov.OverrideReviewDateRequired)
        return
    allocated = outcome.one(al.KeyWorkerAllocated)
    assert allocated.overrides == ("worker_at_hard_limit",)
    assert allocated.override_review_on == date(2027, 1, 23)
    assert outcome.one(k.CaseTaken).over_hard_limit


@pytest.mark.parametrize(("second", "passes"), [(None, False), (MANAGER.person, False), ("manager-2", True)])
def test_an_override_for_the_first_band_names_a_second_person_other_than_the_one_who_acts(
    second: str | None, passes: bool
) -> None:
    case, full = a_case().accepted().with_concern(), a_worker().carrying(15)
    terms = allocate(case, full, **BOTH, second_person=second)
    outcome = given(case, full).when(terms, as_=MANAGER, at=ALLOCATED)
    if passes:
        assert outcome.one(al.KeyWorkerAllocated).override_second_person == second
    else:
        outcome.refused(ov.OverrideNeedsSecondPerson)


def test_on_its_day_the_manager_is_told_to_look_at_the_override_again() -> None:
    """Source: breach of hard limit, an override with a review date (domain reference 5.1)."""
    case, full = a_case().accepted(), a_worker().carrying(15)
    allocated = given(case, full).when(allocate(case, full, **BOTH), as_=MANAGER, at=ALLOCATED)
    due = london(2027, 2, 22)
    assert allocated.after.case.due["override_review"] == due
    story = (case, full, allocated.happened)
    look = ov.RaiseOverrideReview(case_id=case.case_id)
    given(*story).when(look, at=due - A_SECOND).refused(NotYetDue)
    told = given(*story).when(look, at=due).then(like(ov.OverrideReviewDue, worker_id=full.worker_id))
    assert "override_review" not in told.after.case.due


def test_who_no_longer_has_the_case_has_no_override_to_look_at() -> None:
    case, full = a_case().accepted(), a_worker().carrying(15)
    allocated = given(case, full).when(allocate(case, full, **BOTH), as_=MANAGER, at=ALLOCATED)
    ends = EndAllocation(case_id=case.case_id, because="other_worker")
    ended = given(case, full, allocated.happened).when(ends, as_=MANAGER, at=ALLOCATED)
    assert "override_review" not in ended.after.case.due


def test_the_soft_limit_is_approved_and_not_overridden() -> None:
    case, busy = a_case().accepted(), a_worker().carrying(10)
    given(case, busy).when(allocate(case, busy, **REVIEW)).refused(alc.SoftLimitNeedsApproval)


def test_a_cousin_never_gets_the_case_even_if_there_is_nobody_else() -> None:
    cousin = a_worker()
    case = a_case().accepted()
    declared = given(case, cousin).when(
        wi.DeclareConflictOfInterest(case_id=case.case_id, worker_id=cousin.worker_id, kind="relative")
    )
    after = given(*case, *cousin, *declared.accepted().happened)
    proposal = after.when(al.ProposeMatch(case_id=case.case_id)).one(al.MatchesProposed)
    assert proposal.candidates == ()
    assert [one.because for one in proposal.exclusions] == [("worker_has_conflict",)]
    terms = allocate(case, cousin, **BOTH, second_person="manager-2", person_agrees=True)
    after.when(terms).refused(matching.WorkerHasConflict)


def test_a_key_worker_with_a_conflict_loses_the_case_at_once_and_another_is_sought() -> None:
    cousin = a_worker()
    case = a_case().active(cousin)
    conflict = wi.DeclareConflictOfInterest(case_id=case.case_id, worker_id=cousin.worker_id, kind="relative")
    declared = given(case).when(conflict, as_=cousin.actor)
    ended = declared.one(al.AllocationEnded)
    assert (ended.because, ended.to_stage) == ("conflict_of_interest", Stage.AWAITING_ALLOCATION)
    after = declared.after
    assert (after.case.stage, after.case.worker_id) == (Stage.AWAITING_ALLOCATION, None)
    assert not after.worker.cases
    given(*case, *declared.happened).when(conflict, as_=MANAGER).refused(AlreadyRecorded)


def test_a_person_whose_language_nobody_speaks_gets_a_worker_and_an_interpreter() -> None:
    case = a_case(interpreter_needed=True, first_language="Romanian").accepted()
    worker = a_worker(languages=("Urdu",))
    proposed = given(case, worker).when(al.ProposeMatch(case_id=case.case_id)).one(al.MatchesProposed)
    assert [one.worker_id for one in proposed.candidates] == [worker.worker_id], "a language excludes nobody"
    allocated = given(case, worker).when(allocate(case, worker))
    assert allocated.one(al.KeyWorkerAllocated).interpreter == "telephone"
    assert allocated.one(al.KeyWorkerAllocated).points == 5
    allocated.one(al.InterpreterArranged)
    in_person = given(case, worker).when(allocate(case, worker, interpreter="in_person"))
    assert in_person.one(al.InterpreterArranged).route == "in_person"
    given(case, worker).when(allocate(case, worker, interpreter="a_neighbour")).refused(
        alc.InterpreterRouteUnknown
    )


def test_a_worker_who_speaks_the_language_needs_no_interpreter() -> None:
    case = a_case(interpreter_needed=True, first_language="Romanian").accepted()
    worker = a_worker(languages=("romanian",))
    allocated = given(case, worker).when(allocate(case, worker))
    assert allocated.one(al.KeyWorkerAllocated).interpreter is None


def test_without_any_interpreter_a_worker_must_speak_the_only_language() -> None:
    case = a_case(interpreter_needed=True, first_language="Romanian").accepted().case
    programme = rules().programme("manchester-maps")
    none = programme.model_copy(
        update={"allocation": programme.allocation.model_copy(update={"interpreter_routes": ()})}
    )
    speaks, other = a_worker("speaks", languages=("Romanian",)), a_worker("other")
    pool = [given(one).when(al.ProposeMatch(case_id=case.case_id)).after.worker for one in (speaks, other)]
    ranking = matching.rank(case, pool, none, date(2027, 1, 22))
    assert [one.worker_id for one in ranking.candidates] == [speaks.worker_id]
    assert [one.because for one in ranking.left_out] == [("no_common_language",)]


@pytest.mark.parametrize(
    ("risk", "visits", "becomes"),
    [
        ("", None, "alone"),
        ("None known.", "alone", "alone"),
        ("Dog, has threatened staff", None, "paired"),
        ("Dog, has threatened staff", "office_based", "office_based"),
        ("Dog, has threatened staff", "paired", "paired"),
        ("Dog, has threatened staff", "alone", None),
    ],
)
def test_nobody_goes_alone_where_a_risk_to_workers_is_known(
    risk: str, visits: str | None, becomes: str | None
) -> None:
    case, worker = a_case(risk_to_workers=risk).accepted(), a_worker()
    outcome = given(case, worker).when(allocate(case, worker, visits=visits))
    if becomes is None:
        outcome.refused(alc.LoneWorkingNotSafe)
    else:
        assert outcome.one(al.KeyWorkerAllocated).visits == becomes


def test_the_worker_of_an_earlier_allocation_ranks_above_an_equal_one() -> None:
    before, equal = a_worker("before"), a_worker("equal")
    case = a_case().queried_by(before)
    proposed = given(case, equal).when(al.ProposeMatch(case_id=case.case_id)).one(al.MatchesProposed)
    assert [one.worker_id for one in proposed.candidates] == [equal.worker_id], "who queried is left out"
    prior = before.then_also(
        k.CaseTaken(worker_id=before.worker_id, case_id=case.case_id, points=4)
    ).then_also(k.CaseReleased(worker_id=before.worker_id, case_id=case.case_id))
    fresh = a_case().accepted()
    ranked = given(fresh, prior, equal).when(al.ProposeMatch(case_id=fresh.case_id)).one(al.MatchesProposed)
    assert ranked.candidates[0].worker_id == before.worker_id
    assert "worked_with_before" in ranked.candidates[0].because


def test_children_travel_and_other_programmes_weigh_as_the_formula_says() -> None:
    case, worker = a_case(interpreter_needed=True).accepted(intensity="intensive"), a_worker()
    three = given(case, worker).when(allocate(case, worker, children=3)).one(al.KeyWorkerAllocated)
    assert three.points == 9
    many = allocate(case, worker, children=5, long_travel=True, programmes=2)
    outcome = given(case.with_concern(), worker).when(many)
    outcome.one(al.KeyWorkerAllocated)
    assert outcome.one(k.CaseTaken).points == 10, "never above the highest"


def test_what_is_known_of_a_worker_neither_ranks_nor_excludes_without_a_wish_of_the_person() -> None:
    case = a_case().accepted()
    workers = [
        a_worker(f"w{number}", gender=gender) for number, gender in enumerate(("female", "male", None))
    ]
    proposed = given(case, *workers).when(al.ProposeMatch(case_id=case.case_id)).one(al.MatchesProposed)
    assert len({one.score for one in proposed.candidates}) == 1
    assert proposed.exclusions == ()


def test_a_worker_who_is_absent_today_is_left_out_unless_a_manager_says_why() -> None:
    case = a_case().accepted()
    absent = a_worker().then_also(
        k.KeyWorkerAbsent(
            worker_id=a_worker().worker_id, first_day=date(2027, 1, 20), last_day=date(2027, 1, 22)
        )
    )
    given(case, absent).when(allocate(case, absent), at=ALLOCATED).refused(matching.WorkerAbsent)
    back_on_monday = allocate(case, absent, override_reason="Back on Monday")
    outcome = given(case, absent).when(back_on_monday, at=ALLOCATED)
    assert outcome.one(al.KeyWorkerAllocated).overrides == ("worker_absent",)
