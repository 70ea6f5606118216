"""Back from a step-down: the receiving service withdraws, or support steps up again, and goes on as before."""

from datetime import date, timedelta

import pytest

from domain.case import allocation as al
from domain.case import involvement as inv
from domain.case import monitoring as mo
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import step_up as up
from domain.case.allocation_end import EndAllocation
from domain.case.bands import band_of
from domain.case.stages import Stage
from domain.keyworker.events import CaseReleased, CaseReweighed, KeyWorkerLeft
from domain.messages import Actor, Command
from tests.support.scenario import (
    CGL,
    HOUSING,
    MANAGER,
    MENTAL_HEALTH,
    POLICE,
    SHELTER,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    rules,
)

SAM = a_worker("sam")


def test_when_the_receiving_service_withdraws_support_goes_on_and_weighs_as_before() -> None:
    case = a_case().active(SAM).stepping_down()
    fail = ho.FailStepDown(case_id=case.case_id, explanation="The house has closed")
    failed = given(case).when(fail, as_=actor("forum_member", agency=HOUSING))
    failed.then(ho.StepDownFailed, CaseReweighed(worker_id=SAM.worker_id, case_id=case.case_id, points=4))
    assert failed.after.case.stage is Stage.ACTIVE
    assert "handover" not in failed.after.case.due


def test_a_step_down_that_fails_when_the_worker_has_gone_looks_for_another_before_others() -> None:
    case = a_case().active(SAM).stepping_down()
    gone = given(case).when(EndAllocation(case_id=case.case_id, because="step_down"))
    fail = ho.FailStepDown(case_id=case.case_id, explanation="The house has closed")
    failed = given(case, gone.happened).when(fail, as_=actor("forum_member", agency=HOUSING))
    failed.then(ho.StepDownFailed)
    stands = failed.after.case
    assert (stands.stage, stands.priority_uplift) == (Stage.AWAITING_ALLOCATION, True)
    assert "allocation" in stands.due


def test_a_step_down_that_fails_goes_back_to_the_agency_that_leads_the_case() -> None:
    case = a_case().led_by(HOUSING).stepping_down()
    fail = ho.FailStepDown(case_id=case.case_id, explanation="The house has closed")
    failed = given(case).when(fail, as_=actor("forum_member", agency=HOUSING))
    assert failed.accepted().after.case.stage is Stage.ACTIVE


@pytest.mark.parametrize(
    "case",
    [
        a_case().active(SAM).stepping_down(),
        a_case().active(SAM).handed_over(),
        a_case().active(SAM).check_in_asked(),
        a_case().active(SAM).checked_in("deteriorating"),
    ],
    ids=["stepping down", "monitoring", "asked", "deteriorating"],
)
def test_support_steps_back_up_with_the_same_worker_and_plan_and_no_clock_of_the_step_down_runs_on(
    case: CaseStory,
) -> None:
    back = up.StepBackUp(case_id=case.case_id, deterioration="Has left the house")
    stepped = given(case).when(back, as_=SAM.actor)
    stepped.then(
        like(up.SteppedBackUp, by_agency=SHELTER),
        CaseReweighed(worker_id=SAM.worker_id, case_id=case.case_id, points=4),
    )
    after = stepped.after.case
    assert (after.stage, after.worker_id) == (Stage.ACTIVE, SAM.worker_id)
    assert not {"handover", "check_in", "check_in_answer", "monitoring"} & after.due.keys()


@pytest.mark.parametrize(
    ("by", "involved"),
    [
        (actor("forum_member", agency=HOUSING), True),
        (actor("forum_member", agency=CGL), True),
        (actor("adapter", agency=POLICE), True),
        (actor("key_worker", agency=SHELTER), True),
        (actor("forum_member", agency=MENTAL_HEALTH), False),
        (actor("adapter", agency=MENTAL_HEALTH), False),
        (actor("coordinator", agency=MENTAL_HEALTH), True),
        (actor("manager", agency=MENTAL_HEALTH), True),
    ],
    ids=lambda value: f"{value.role}, {value.agency}" if isinstance(value, Actor) else "",
)
def test_any_involved_agency_may_step_a_case_back_up(by: Actor, involved: bool) -> None:
    case = a_case().active(SAM).handed_over()
    back = up.StepBackUp(case_id=case.case_id, deterioration="Has left the house")
    outcome = given(case).when(back, as_=by)
    if involved:
        assert outcome.one(up.SteppedBackUp).by_agency == by.agency
    else:
        outcome.refused(inv.InvolvedAgenciesOnly)


def test_stepping_back_up_is_never_refused_for_want_of_room() -> None:
    full = SAM.carrying(20)
    case = a_case().active(full).handed_over()
    back = up.StepBackUp(case_id=case.case_id, deterioration="Has left the house")
    given(case).when(back, as_=MANAGER).one(up.SteppedBackUp)


MONITORED = a_case().active(SAM).handed_over()
BACK = up.StepBackUp(case_id=MONITORED.case_id, deterioration="Overdose")
LEFT = KeyWorkerLeft(worker_id=SAM.worker_id, last_day=date(2027, 7, 9))


@pytest.mark.parametrize(
    ("story", "at", "goes_on"),
    [
        pytest.param(a_case().active(SAM).stepping_down(), timedelta(0), True, id="before the handover"),
        pytest.param(MONITORED, timedelta(weeks=12), True, id="on the last day of monitoring"),
        pytest.param(MONITORED, timedelta(weeks=12, seconds=1), False, id="after it"),
        pytest.param(MONITORED.then_also(LEFT), timedelta(days=2), True, id="on the worker's last day"),
        pytest.param(MONITORED.then_also(LEFT), timedelta(days=3), False, id="after the worker left"),
    ],
)
def test_the_same_worker_goes_on_while_monitoring_runs_and_they_are_there(
    story: CaseStory, at: timedelta, goes_on: bool
) -> None:
    """Scenario 52: back up after an overdose, with a new worker if there is none."""
    told = given(story).when(BACK, as_=MANAGER, at=story.now + at)
    if goes_on:
        told.then(like(up.SteppedBackUp, to_stage=Stage.ACTIVE, priority_uplift=False), CaseReweighed)
        assert {"contact", "disengagement", "forum_review"} <= told.after.case.due.keys()
    else:
        told.then(
            like(up.SteppedBackUp, to_stage=Stage.AWAITING_ALLOCATION, priority_uplift=True),
            like(al.AllocationEnded, because="stepped_back_up"),
            CaseReleased,
        )
        case = told.after.case
        assert (case.stage, case.worker_id, "allocation" in case.due) == (
            Stage.AWAITING_ALLOCATION,
            None,
            True,
        )
        assert band_of(case, rules().programme(case.programme)) == "P2"


@pytest.mark.parametrize(
    ("story", "command"),
    [
        (
            a_case().active(SAM).stepping_down(),
            ho.FailStepDown(case_id=MONITORED.case_id, explanation="Closed"),
        ),
        (MONITORED, mo.RecordCheckIn(case_id=MONITORED.case_id, status="good")),
    ],
    ids=["fail-step-down", "record-check-in"],
)
def test_an_agency_without_a_part_in_the_case_has_no_word_in_its_step_down(
    story: CaseStory, command: Command
) -> None:
    stranger = actor("forum_member", person="nurse-1", agency=MENTAL_HEALTH)
    given(story).when(command, as_=stranger).refused(inv.InvolvedAgenciesOnly)
    given(story).when(command, as_=actor("forum_member", agency=HOUSING)).accepted()


@pytest.mark.parametrize(
    ("story", "command"),
    [
        (
            a_case().active(SAM).step_down_proposed(),
            sd.RejectStepDown(case_id=MONITORED.case_id, explanation="Too early"),
        ),
        (
            a_case().active(SAM).stepping_down(),
            ho.FailStepDown(case_id=MONITORED.case_id, explanation="Closed"),
        ),
    ],
    ids=["rejected", "failed"],
)
def test_back_in_active_support_contact_is_watched_again(story: CaseStory, command: Command) -> None:
    assert not {"contact", "disengagement"} & story.case.due.keys()
    told = given(story).when(command, as_=MANAGER)
    assert (told.after.case.stage, {"contact", "disengagement"} <= told.after.case.due.keys()) == (
        Stage.ACTIVE,
        True,
    )
