"""Handover from one key worker to the next: planned, in an emergency, and of a whole caseload at once."""

from datetime import date, datetime

import pytest

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import allocation_deadlines as ad
from domain.case import allocation_end as ae
from domain.case import caseload_handover as ch
from domain.case import cover as co
from domain.case import matching
from domain.case import worker_handover as wh
from domain.case.override import OverrideReviewDateRequired
from domain.case.stages import Stage
from domain.errors import WrongStage
from domain.keyworker import events as k
from domain.keyworker import worker as wo
from domain.messages import Event
from tests.support.scenario import (
    ALLOCATED,
    MANAGER,
    SYSTEM,
    CaseStory,
    WorkerStory,
    a_case,
    a_worker,
    given,
    like,
    london,
    some_id,
)

SAM, ALEX, KIM = a_worker("sam"), a_worker("alex"), a_worker("kim")
MONDAY = london(2027, 3, 1, 9)
READY = {"summary_ready": True, "chronology_ready": True, "plan_ready": True}
TOLD = {"told_by": "manager-1", "told_on": "2027-03-01"}


def active() -> CaseStory:
    return a_case().active(SAM)


def plan(**more: object) -> wh.PlanHandover:
    ids = {"case_id": active().case_id, "successor_id": ALEX.worker_id, "joint_visit_on": "2027-03-04"}
    return wh.PlanHandover.model_validate({**ids, **READY, **more})


def complete(**more: object) -> wh.CompleteWorkerHandover:
    return wh.CompleteWorkerHandover.model_validate(
        {"case_id": active().case_id, "joint_visit_held": True, **TOLD, **more}
    )


def planned(*more: Event | WorkerStory, **fields: object) -> list[Event]:
    story = [*active(), *(ALEX if not more else ())]
    story += [one for each in more for one in ([each] if isinstance(each, Event) else each)]
    return [*story, *given(*story).when(plan(**fields), at=MONDAY).accepted().happened]


# -- one case --------------------------------------------------------------------------------------------------------


def test_a_handover_is_planned_and_completed_and_the_case_changes_hands_on_every_record() -> None:
    story = planned()
    assert story[-1] == like(wh.HandoverPlanned, successor_id=ALEX.worker_id, joint_visit_on=date(2027, 3, 4))
    changed = given(*story).when(complete(), as_=MANAGER, at=MONDAY)
    changed.then(
        like(wh.KeyWorkerChanged, from_worker=SAM.worker_id, to_worker=ALEX.worker_id, points=4),
        k.CaseReleased(worker_id=SAM.worker_id, case_id=active().case_id),
        k.CaseTaken(worker_id=ALEX.worker_id, case_id=active().case_id, points=4),
    )
    after = changed.after
    assert (after.case.stage, after.case.worker_id) == (Stage.ACTIVE, ALEX.worker_id)
    assert not after.workers[SAM.worker_id].cases
    given(*story, *changed.happened).when(complete(), at=MONDAY).refused(wh.NoHandoverPlanned)


@pytest.mark.parametrize("missing", ["summary_ready", "chronology_ready", "plan_ready"])
def test_records_are_up_to_date_before_a_handover_is_planned(missing: str) -> None:
    outcome = given(active(), ALEX).when(plan(**{missing: False}), at=MONDAY)
    outcome.refused(wh.RecordsNotReady, missing=missing)


@pytest.mark.parametrize(("day", "allowed"), [(None, False), ("2027-02-28", False), ("2027-03-01", True)])
def test_a_joint_visit_has_a_day_from_today_on(day: str | None, allowed: bool) -> None:
    outcome = given(active(), ALEX).when(plan(joint_visit_on=day), at=MONDAY)
    if allowed:
        outcome.one(wh.HandoverPlanned)
    else:
        outcome.refused(wh.JointVisitDateRequired)


def test_an_emergency_needs_no_visit_but_a_summary_the_same_day() -> None:
    unready = {**dict.fromkeys(READY, False), "joint_visit_on": None, "emergency": True}
    given(active(), ALEX).when(plan(**unready), at=MONDAY).refused(wh.SummaryRequired)
    story = planned(**unready, summary="Lives alone, sees the nurse on Tuesdays")
    given(*story).when(complete(joint_visit_held=False), at=MONDAY).refused(wh.JointVisitNotHeld)
    without = complete(joint_visit_held=False, no_joint_visit_because="Sam left at once")
    given(*story).when(without, at=MONDAY).one(wh.KeyWorkerChanged)


def test_the_person_is_told_of_a_new_worker_or_it_is_said_why_not() -> None:
    given(*planned()).when(complete(told_by=None), at=MONDAY).refused(co.PersonNotTold)
    untold = complete(told_by=None, told_on=None, not_told_because="In hospital, not awake")
    given(*planned()).when(untold, at=MONDAY).one(wh.KeyWorkerChanged)


def test_limits_and_refusals_hold_for_a_successor_when_planned_and_when_completed() -> None:
    given(active(), ALEX.carrying(15)).when(plan(), at=MONDAY).refused(matching.WorkerAtHardLimit)
    given(active(), ALEX.carrying(10)).when(plan(), at=MONDAY).refused(alc.SoftLimitNeedsApproval)
    given(active().refusing(ALEX), ALEX).when(plan(), at=MONDAY).refused(matching.PersonRefusedWorker)
    given(active()).when(plan(successor_id=SAM.worker_id), at=MONDAY).refused(wh.SuccessorIsTheWorker)
    full = [one for one in ALEX.carrying(15) if isinstance(one, k.CaseTaken)]
    given(*planned(), *full).when(complete(), at=MONDAY).refused(matching.WorkerAtHardLimit)


def test_a_handover_is_from_somebody() -> None:
    case = a_case().led_by()
    nobody = plan(case_id=case.case_id)
    given(case, ALEX).when(nobody, at=MONDAY).refused(al.NoKeyWorkerAssigned)


def wants_a_woman(agrees: bool, reason: str | None = "Nobody else in the north") -> wh.PlanHandover:
    return plan(override_reason=reason, person_agrees=agrees)


@pytest.mark.parametrize(("agrees", "reason"), [(False, "Nobody else in the north"), (True, None)])
def test_a_wish_of_the_person_binds_a_handover_unless_they_agree_and_there_is_a_reason(
    agrees: bool, reason: str | None
) -> None:
    """Source: gender preference, hard unless overridden with consent (domain reference 5.3)."""
    story = [*active().wanting("female"), *ALEX]
    given(*story).when(wants_a_woman(agrees, reason), at=MONDAY).refused(matching.PreferenceNotMet)


def test_what_the_person_agreed_to_when_the_handover_was_planned_stands_when_it_is_completed() -> None:
    story = [*active().wanting("female"), *ALEX]
    told = given(*story).when(wants_a_woman(agrees=True), at=MONDAY)
    told.then(like(wh.HandoverPlanned, overrides=("preference_not_met",), person_agrees=True))
    changed = given(*story, *told.happened).when(complete(), as_=MANAGER, at=MONDAY)
    assert changed.one(wh.KeyWorkerChanged).overrides == ("preference_not_met",)


def test_a_handover_may_pass_the_hard_limit_with_a_reason_and_a_day_on_which_that_is_looked_at() -> None:
    """Source: breach of hard, an override with a review date (domain reference 5.1)."""
    full = a_worker("alex").carrying(15)
    story = [*active(), *full]
    given(*story).when(plan(), at=MONDAY).refused(matching.WorkerAtHardLimit)
    reason = {"override_reason": "Sam leaves today"}
    given(*story).when(plan(**reason), at=MONDAY).refused(OverrideReviewDateRequired)
    told = given(*story).when(plan(**reason, override_review_on="2027-04-01"), at=MONDAY).accepted()
    changed = given(*story, *told.happened).when(complete(), as_=MANAGER, at=MONDAY)
    assert changed.one(k.CaseTaken).over_hard_limit
    assert changed.after.case.due["override_review"] == london(2027, 4, 1)


# -- a whole caseload ------------------------------------------------------------------------------------------------


def three_cases() -> list[CaseStory]:
    first = a_case("one").active(SAM)
    others = [a_case(name).active() for name in ("two", "three")]
    return [first, *others]


def whole(**more: object) -> ch.HandOverCaseload:
    ids = {"worker_id": SAM.worker_id, "no_joint_visit_because": "Left at once", **TOLD}
    return ch.HandOverCaseload.model_validate({**ids, **more})


def test_a_whole_caseload_goes_to_one_successor_in_one_step() -> None:
    stories = three_cases()
    handed = given(*stories, ALEX).when(whole(successor_id=ALEX.worker_id), as_=MANAGER, at=MONDAY)
    after = handed.accepted().after
    assert {case.worker_id for case in after.cases.values()} == {ALEX.worker_id}
    assert after.workers[SAM.worker_id].cases == {}
    assert len(after.workers[ALEX.worker_id].cases) == 3


def test_a_caseload_may_be_split_and_each_case_needs_somebody() -> None:
    stories = three_cases()
    to_kim = [{"case_id": stories[0].case_id, "successor_id": KIM.worker_id}]
    split = whole(successor_id=ALEX.worker_id, assignments=to_kim)
    after = given(*stories, ALEX, KIM).when(split, at=MONDAY).after
    assert after.cases[stories[0].case_id].worker_id == KIM.worker_id
    assert len(after.workers[ALEX.worker_id].cases) == 2
    given(*stories, KIM).when(whole(assignments=to_kim), at=MONDAY).refused(ch.CaseNotAssigned)
    strange = [{"case_id": some_id("strange"), "successor_id": KIM.worker_id}]
    given(*stories, KIM).when(whole(assignments=strange), at=MONDAY).refused(ch.NotOnThisCaseload)
    given(*stories).when(whole(successor_id=SAM.worker_id), at=MONDAY).refused(wh.SuccessorIsTheWorker)


@pytest.mark.parametrize(("carries", "fits"), [(12, True), (13, False), (15, False)])
def test_the_hard_limit_holds_for_all_that_a_successor_gets_together(carries: int, fits: bool) -> None:
    stories = three_cases()
    command = whole(successor_id=ALEX.worker_id, approved_over_soft_limit=True)
    outcome = given(*stories, ALEX.carrying(carries)).when(command, at=MONDAY)
    if fits:
        outcome.accepted()
    else:
        outcome.refused(ch.CaseCannotGoTo, because="worker_at_hard_limit")


def test_the_soft_limit_of_a_successor_is_approved_once_for_all() -> None:
    stories = three_cases()
    outcome = given(*stories, ALEX.carrying(9)).when(whole(successor_id=ALEX.worker_id), at=MONDAY)
    outcome.refused(ch.CaseCannotGoTo, because="soft_limit_needs_approval")


def test_a_case_whose_person_refuses_the_successor_keeps_all_where_they_are() -> None:
    stories = [three_cases()[0].refusing(ALEX), *three_cases()[1:]]
    outcome = given(*stories, ALEX).when(whole(successor_id=ALEX.worker_id), at=MONDAY)
    outcome.refused(ch.CaseCannotGoTo, because="person_refused_worker", case_id=stories[0].case_id)
    given(SAM, ALEX).when(whole(successor_id=ALEX.worker_id), at=MONDAY).refused(ch.NothingToHandOver)


# -- the end of an allocation ----------------------------------------------------------------------------------------


def ending(because: str) -> ae.EndAllocation:
    return ae.EndAllocation.model_validate({"case_id": active().case_id, "because": because})


def test_a_person_who_asks_for_another_worker_is_never_offered_the_same_again() -> None:
    ended = given(active()).when(ending("other_worker"), as_=MANAGER, at=MONDAY)
    ended.then(
        like(
            al.AllocationEnded,
            because="other_worker",
            to_stage=Stage.AWAITING_ALLOCATION,
            allocation_due_at=london(2027, 3, 8, 17),
        ),
        k.CaseReleased(worker_id=SAM.worker_id, case_id=active().case_id),
    )
    proposed = given(*active(), *ended.happened).when(al.ProposeMatch(case_id=active().case_id))
    assert [one.because for one in proposed.one(al.MatchesProposed).exclusions] == [
        ("person_refused_worker",)
    ]
    assert not {"contact", "disengagement", "introduction"} & set(ended.after.case.due)


def test_a_worker_who_never_answers_loses_the_case_once_their_time_is_over() -> None:
    case = a_case().allocated_to(SAM)
    given(case).when(ending("worker_did_not_answer"), at=ALLOCATED).refused(ae.WorkerMayStillAnswer)
    overdue_at: datetime = case.case.due["allocation_answer"]
    mark = ad.MarkAllocationAnswerOverdue(case_id=case.case_id)
    overdue = [*case, *given(case).when(mark, as_=SYSTEM, at=overdue_at).accepted().happened]
    ended = given(*overdue).when(ending("worker_did_not_answer"), at=overdue_at)
    assert ended.after.case.stage is Stage.AWAITING_ALLOCATION
    again = given(*overdue, *ended.happened).when(al.ProposeMatch(case_id=case.case_id), at=overdue_at)
    assert [one.because for one in again.one(al.MatchesProposed).exclusions] == [("worker_did_not_answer",)]


def test_a_case_that_steps_down_lets_its_key_worker_go_and_stays_where_it_is() -> None:
    given(active()).when(ending("step_down"), at=MONDAY).refused(WrongStage)
    monitored = a_case().active(SAM).handed_over()
    ended = given(monitored).when(ending("step_down"), as_=MANAGER)
    assert (ended.after.case.stage, ended.after.case.worker_id) == (Stage.MONITORING, None)
    given(*monitored, *ended.happened).when(ending("step_down"), at=monitored.now).refused(
        al.NoKeyWorkerAssigned
    )


def test_a_leavers_handover_stops_the_alarm() -> None:
    leaving = wo.RecordKeyWorkerLeaving(worker_id=SAM.worker_id, last_day=date(2027, 3, 5))
    story = [*active(), *ALEX]
    story += given(*story).when(leaving, at=MONDAY).accepted().happened
    story += given(*story).when(plan(), at=MONDAY).accepted().happened
    changed = given(*story).when(complete(), at=MONDAY)
    assert not {"orphaned", "handover_start"} & set(changed.after.case.due)
