"""Allocation: the engine proposes with its reasons, a manager decides, the worker accepts or queries."""

from datetime import date, timedelta

import pytest

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import allocation_deadlines as ad
from domain.case import matching, override
from domain.case import wishes as wi
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue, WrongStage
from domain.keyworker import events as k
from domain.messages import Actor, Command, Event, WorkerId
from domain.programmes import Intensity
from tests.support.scenario import (
    A_SECOND,
    ALLOCATED,
    COORDINATOR,
    KEY_WORKER,
    MANAGER,
    SYSTEM,
    CaseStory,
    WorkerStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
    rules,
    some_id,
)

PROGRAMME = "manchester-maps"


def allocate(case: CaseStory, worker: WorkerStory, **more: object) -> alc.AllocateKeyWorker:
    ids: dict[str, object] = {"case_id": case.case_id, "worker_id": worker.worker_id}
    return alc.AllocateKeyWorker.model_validate(ids | more)


# -- proposing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [SYSTEM, COORDINATOR, MANAGER], ids=lambda by: by.role)
def test_the_engine_a_coordinator_or_a_manager_may_ask_who_could_take_a_case(by: Actor) -> None:
    case, worker = a_case().accepted(), a_worker()
    proposed = given(case, worker).when(al.ProposeMatch(case_id=case.case_id), as_=by)
    [candidate] = proposed.one(al.MatchesProposed).candidates
    assert candidate.worker_id == worker.worker_id
    assert proposed.after.case.stage is Stage.AWAITING_ALLOCATION, "a proposal allocates nobody"


def test_a_proposal_names_the_reasons_for_and_against_each_worker() -> None:
    case = a_case(first_language="Urdu").accepted()
    fits = a_worker("fits", specialisms=("substance_misuse",), languages=("urdu",))
    elsewhere = a_worker("elsewhere", forums=())
    busy, full = a_worker("busy").carrying(10), a_worker("full").carrying(15)
    gone = a_worker("gone").leaving(date(2027, 1, 19))
    proposed = given(case, fits, elsewhere, busy, full, gone).when(al.ProposeMatch(case_id=case.case_id))
    event = proposed.one(al.MatchesProposed)
    assert [(one.worker_id, one.score, one.because) for one in event.candidates] == [
        (
            fits.worker_id,
            26,
            ("within_soft_limit", "specialism_matches", "attached_to_forum", "speaks_first_language"),
        ),
        (elsewhere.worker_id, 16, ("within_soft_limit",)),
        (busy.worker_id, 4, ("needs_manager_approval", "attached_to_forum")),
    ]
    assert {one.worker_id: one.because for one in event.exclusions} == {
        full.worker_id: ("worker_at_hard_limit",),
        gone.worker_id: ("worker_not_active",),
    }


def test_a_proposal_without_anybody_is_a_proposal_all_the_same() -> None:
    case, full = a_case().accepted(), a_worker().carrying(15)
    proposed = given(case, full).when(al.ProposeMatch(case_id=case.case_id)).one(al.MatchesProposed)
    assert proposed.candidates == ()
    assert len(proposed.exclusions) == 1
    nobody = given(case).when(al.ProposeMatch(case_id=case.case_id))
    nobody.then(like(al.MatchesProposed, candidates=(), exclusions=()))


def test_no_worker_is_proposed_before_the_forum_has_accepted_the_case() -> None:
    case = a_case().on_agenda()
    given(case).when(al.ProposeMatch(case_id=case.case_id)).refused(WrongStage)


# -- what the person wants -------------------------------------------------------------------------------------------


def test_the_person_says_what_they_want_and_do_not_want_of_a_worker() -> None:
    case, worker = a_case().accepted(), a_worker()
    wish = wi.RecordWorkerPreference(
        case_id=case.case_id, refuses_worker=worker.worker_id, wants_gender="female"
    )
    told = given(case, worker).when(wish, as_=actor("person"))
    told.then(like(wi.WorkerPreferenceRecorded, refuses_worker=worker.worker_id, wants_gender="female"))


def test_a_preference_says_something() -> None:
    case = a_case().accepted()
    given(case).when(wi.RecordWorkerPreference(case_id=case.case_id)).refused(wi.PreferenceRequired)


def test_only_a_worker_whom_we_know_can_be_refused_so_that_a_slip_of_the_pen_is_noticed() -> None:
    case = a_case().accepted()
    nobody = wi.RecordWorkerPreference(case_id=case.case_id, refuses_worker=WorkerId(some_id("nobody")))
    given(case, a_worker()).when(nobody).refused(NotFound, kind="key worker")


# -- allocating ------------------------------------------------------------------------------------------------------


def test_a_manager_gives_a_case_to_a_worker_and_the_clocks_start() -> None:
    case, worker = a_case().accepted(intensity="intensive"), a_worker()
    allocated = given(case, worker).when(allocate(case, worker), as_=MANAGER, at=ALLOCATED)
    allocated.then(
        like(
            al.KeyWorkerAllocated,
            worker_id=worker.worker_id,
            worker_name="Sam",
            points=6,
            override_reason=None,
            approved_over_soft_limit=False,
            answer_due_at=london(2027, 1, 26, 17),
            first_contact_due_at=london(2027, 1, 27, 17),
        ),
        k.CaseTaken(worker_id=worker.worker_id, case_id=case.case_id, points=6),
    )
    assert allocated.after.case.stage is Stage.INTRODUCTION


def test_a_case_on_the_waiting_list_leaves_it_when_it_is_allocated() -> None:
    case, worker = a_case().waiting(), a_worker()
    allocated = given(case, worker).when(allocate(case, worker))
    allocated.then(like(al.WaitingListLeft, because="allocated"), al.KeyWorkerAllocated, k.CaseTaken)
    assert allocated.after.case.stage is Stage.INTRODUCTION
    assert "waiting_check" not in allocated.after.case.due


@pytest.mark.parametrize("by", [COORDINATOR, KEY_WORKER, SYSTEM], ids=lambda by: by.role)
def test_nobody_but_a_manager_allocates_the_engine_included(by: Actor) -> None:
    case, worker = a_case().accepted(), a_worker()
    given(case, worker).when(allocate(case, worker), as_=by).refused(NotPermitted)


@pytest.mark.parametrize(
    ("intensity", "interpreter", "concern", "points"),
    [
        ("low", False, False, 2),
        ("standard", False, False, 4),
        ("standard", True, False, 5),
        ("intensive", True, True, 8),
    ],
)
def test_the_points_of_a_case_come_from_the_programme(
    intensity: Intensity, interpreter: bool, concern: bool, points: int
) -> None:
    case, worker = a_case(interpreter_needed=interpreter).accepted(intensity=intensity), a_worker()
    case = case.with_concern() if concern else case
    assert given(case, worker).when(allocate(case, worker)).one(k.CaseTaken).points == points


@pytest.mark.parametrize("carries", [9, 10, 11, 14])
@pytest.mark.parametrize("approved", [False, True])
def test_one_case_above_the_soft_limit_needs_a_managers_approval(carries: int, approved: bool) -> None:
    case, worker = a_case().accepted(), a_worker().carrying(carries)
    outcome = given(case, worker).when(allocate(case, worker, approved_over_soft_limit=approved))
    if carries < 10:
        assert outcome.one(al.KeyWorkerAllocated).approved_over_soft_limit is False, "none was needed"
    elif approved:
        assert outcome.one(al.KeyWorkerAllocated).approved_over_soft_limit is True
    else:
        outcome.refused(alc.SoftLimitNeedsApproval, cases=carries, limit=10)


@pytest.mark.parametrize("carries", [14, 15, 16])
def test_a_reason_alone_does_not_pass_the_hard_limit(carries: int) -> None:
    case, worker = a_case().accepted(), a_worker().carrying(carries)
    all_said = allocate(case, worker, approved_over_soft_limit=True, override_reason="Nobody else")
    outcome = given(case, worker).when(all_said)
    if carries < 15:
        assert outcome.one(al.KeyWorkerAllocated).override_reason is None, "there was nothing to override"
    else:
        outcome.refused(override.OverrideReviewDateRequired)
        given(case, worker).when(allocate(case, worker)).refused(matching.WorkerAtHardLimit)


@pytest.mark.parametrize(
    ("first", "last", "active"),
    [
        (date(2027, 1, 22), None, True),
        (date(2027, 1, 23), None, False),
        (date(2026, 1, 1), date(2027, 1, 22), True),
        (date(2026, 1, 1), date(2027, 1, 21), False),
    ],
)
def test_the_worker_is_in_the_pool_on_the_day_of_the_allocation(
    first: date, last: date | None, active: bool
) -> None:
    case, worker = a_case().accepted(), a_worker(active_from=first)
    worker = worker.leaving(last) if last else worker
    outcome = given(case, worker).when(allocate(case, worker), at=ALLOCATED)
    if active:
        outcome.one(al.KeyWorkerAllocated)
    else:
        outcome.refused(matching.WorkerNotActive)


def test_an_allocation_written_down_later_counts_from_the_day_it_was_made() -> None:
    case, worker = a_case().accepted(), a_worker(active_from=date(2027, 1, 22))
    day_before = ALLOCATED - timedelta(days=1)
    late = given(case, worker).when(allocate(case, worker), at=ALLOCATED, effective_at=day_before)
    late.refused(matching.WorkerNotActive)


@pytest.mark.parametrize("reason", [None, "Nobody else speaks the language"])
def test_no_reason_puts_aside_that_the_person_refused_this_worker(reason: str | None) -> None:
    worker = a_worker()
    case = a_case().accepted().refusing(worker)
    outcome = given(case, worker).when(allocate(case, worker, override_reason=reason))
    outcome.refused(matching.PersonRefusedWorker)


def test_a_worker_who_queried_a_case_gets_it_back_only_with_a_managers_reason() -> None:
    worker = a_worker()
    case = a_case().queried_by(worker)
    given(case).when(allocate(case, worker)).refused(matching.WorkerQueriedCase)
    overridden = given(case).when(allocate(case, worker, override_reason="Has room again"))
    assert overridden.one(al.KeyWorkerAllocated).override_reason == "Has room again"


@pytest.mark.parametrize(
    ("gender", "meets"), [("female", True), ("Female", True), ("male", False), (None, False)]
)
def test_a_wish_for_a_workers_gender_is_met_or_overridden_with_a_reason(
    gender: str | None, meets: bool
) -> None:
    case, worker = a_case().accepted().wanting("female"), a_worker(gender=gender)
    outcome = given(case, worker).when(allocate(case, worker))
    if meets:
        outcome.one(al.KeyWorkerAllocated)
    else:
        outcome.refused(matching.PreferenceNotMet)
        against_the_wish = allocate(case, worker, override_reason="No woman free; she agreed")
        given(case, worker).when(against_the_wish).refused(matching.PreferenceNotMet)
        agreed = given(case, worker).when(against_the_wish.model_copy(update={"person_agrees": True}))
        assert agreed.one(al.KeyWorkerAllocated).override_reason == "No woman free; she agreed"


def test_a_worker_of_another_programme_takes_no_case_of_this_one() -> None:
    case, worker = a_case().accepted(), a_worker()
    [registered] = worker
    elsewhere = registered.model_copy(update={"programme": "another"})
    given(case, elsewhere).when(allocate(case, worker)).refused(matching.WorkerOfAnotherProgramme)


def test_a_case_that_a_worker_has_is_not_allocated_again() -> None:
    case, other = a_case().allocated_to(), a_worker("other")
    given(case, other).when(allocate(case, other)).refused(WrongStage)


def test_a_case_goes_only_to_a_worker_who_exists() -> None:
    case = a_case().accepted()
    given(case).when(allocate(case, a_worker())).refused(NotFound, kind="key worker")


# -- answering -------------------------------------------------------------------------------------------------------


def test_the_worker_accepts_once() -> None:
    worker = a_worker()
    case = a_case().allocated_to(worker)
    accepted = given(case).when(al.AcceptAllocation(case_id=case.case_id), as_=worker.actor)
    accepted.then(like(al.AllocationAccepted, worker_id=worker.worker_id))
    assert "allocation_answer" not in accepted.after.case.due
    again = given(*case, *accepted.happened).when(al.AcceptAllocation(case_id=case.case_id), as_=worker.actor)
    again.refused(AlreadyRecorded)


@pytest.mark.parametrize("ground", ["conflict_of_interest", "safety", "capacity"])
def test_a_worker_who_queries_gives_the_case_back_and_another_is_sought(ground: str) -> None:
    worker = a_worker()
    case = a_case().allocated_to(worker)
    query = al.QueryAllocation.model_validate({"case_id": case.case_id, "ground": ground})
    queried = given(case).when(query, as_=worker.actor, at=ALLOCATED)
    queried.then(
        like(al.AllocationQueried, ground=ground, allocation_due_at=london(2027, 1, 29, 17)),
        like(al.AllocationEnded, worker_id=worker.worker_id, because="queried"),
        k.CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
    )
    after = queried.after
    assert (after.case.stage, after.case.worker_id) == (Stage.AWAITING_ALLOCATION, None)
    assert not after.worker.cases
    proposed = given(*case, *queried.happened).when(al.ProposeMatch(case_id=case.case_id))
    [left_out] = proposed.one(al.MatchesProposed).exclusions
    conflict = ("worker_has_conflict",) if ground == "conflict_of_interest" else ()
    assert left_out.because == (*conflict, "worker_queried_case")


def test_only_the_worker_who_got_the_case_answers_for_it() -> None:
    case = a_case().allocated_to(a_worker())
    for command in (
        al.AcceptAllocation(case_id=case.case_id),
        al.QueryAllocation(case_id=case.case_id, ground="safety"),
    ):
        given(case).when(command, as_=a_worker("other").actor).refused(al.NotTheKeyWorker)
        given(case).when(command, as_=MANAGER).refused(NotPermitted)


def test_there_is_nothing_to_answer_before_an_allocation() -> None:
    case = a_case().accepted()
    given(case).when(al.AcceptAllocation(case_id=case.case_id)).refused(WrongStage)
    given(case).when(al.QueryAllocation(case_id=case.case_id, ground="safety")).refused(WrongStage)


# -- deadlines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "clock", "command", "fact"),
    [
        (a_case().accepted(), "allocation", ad.MarkAllocationOverdue, al.AllocationOverdue),
        (
            a_case().allocated_to(),
            "allocation_answer",
            ad.MarkAllocationAnswerOverdue,
            al.AllocationAnswerOverdue,
        ),
        (a_case().allocated_to(), "first_contact", ad.MarkFirstContactOverdue, al.FirstContactOverdue),
    ],
    ids=["allocation", "allocation_answer", "first_contact"],
)
def test_a_step_is_overdue_at_its_deadline_and_not_a_second_before_and_only_once(
    case: CaseStory, clock: str, command: type[Command], fact: type[Event]
) -> None:
    due = case.case.due[clock]
    mark = command.model_validate({"case_id": case.case_id})
    given(case).when(mark, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    given(case).when(mark, as_=MANAGER, at=due).refused(NotPermitted)
    marked = given(case).when(mark, as_=SYSTEM, at=due).then(like(fact, due_at=due))
    given(*case, *marked.happened).when(mark, as_=SYSTEM, at=due + A_SECOND).refused(AlreadyRecorded)


def test_the_clocks_of_allocation_are_those_of_the_programme() -> None:
    case = a_case().allocated_to(at=ALLOCATED)
    assert case.case.due["allocation_answer"] == rules().deadline(PROGRAMME, "allocation_answer", ALLOCATED)
    assert "allocation" not in case.case.due


# -- a proposal that grows old ---------------------------------------------------------------------------------------


def test_a_case_that_cannot_wait_is_proposed_anew_a_working_day_later_until_somebody_has_it() -> None:
    case, worker = a_case().accepted().with_concern(), a_worker()
    proposed = given(case, worker).when(al.ProposeMatch(case_id=case.case_id), at=ALLOCATED, as_=SYSTEM)
    again = proposed.one(al.MatchesProposed).look_again_at
    assert again == rules().deadline(PROGRAMME, "priority_wait", ALLOCATED)
    assert proposed.after.case.due["proposal"] == again
    nobody = given(*case, *worker.carrying(15), *proposed.happened).when(
        al.ProposeMatch(case_id=case.case_id), at=again, as_=SYSTEM
    )
    assert nobody.one(al.MatchesProposed).look_again_at == rules().deadline(PROGRAMME, "priority_wait", again)


def test_a_case_that_can_wait_is_looked_at_again_no_sooner_than_it_is_late() -> None:
    case, worker = a_case().accepted(), a_worker()
    proposed = given(case, worker).when(al.ProposeMatch(case_id=case.case_id), as_=SYSTEM)
    assert proposed.one(al.MatchesProposed).look_again_at is None


def test_whoever_sets_the_hard_limit_aside_has_set_the_soft_one_aside() -> None:
    case, worker = a_case().accepted(), a_worker().carrying(15)
    over = allocate(
        case, worker, override_reason="Nobody else", override_review_on=ALLOCATED.date() + timedelta(days=30)
    )
    given(case, worker).when(over, at=ALLOCATED).one(al.KeyWorkerAllocated)
