"""What the step-down's process does by itself over the months after the key worker proposed it."""

from __future__ import annotations

from datetime import timedelta

from domain.case.monitoring import RecordCheckIn
from domain.case.step_up import SteppedBackUp
from tests.support.scenario import HOUSING, CaseStory, a_worker
from tests.workflows.world import World, accepted
from workflows.contracts import ProcessKind


def proposed(world: World) -> CaseStory:
    case = accepted("robin", at=world.now).allocated_to(a_worker(), at=world.now)
    return case.met().active(at=world.now).reviewed(at=world.now).step_down_proposed(at=world.now)


async def test_a_late_approval_and_a_late_handover_are_marked(world: World) -> None:
    case = proposed(world)
    approval, review = world.due("step_down_approval"), world.due("forum_review")
    await world.given(case)
    await world.time.advance(timedelta(days=10))
    case = case.stepping_down(at=world.now)
    handover = world.due("step_down_overlap")
    await world.given(case)
    await world.time.advance(timedelta(days=40))
    assert await world.done_by_the_engine(case) == [
        ("StepDownApprovalOverdue", approval),
        ("HandoverOverdue", handover),
        ("ReviewItemRequested", review),
    ]


async def test_check_ins_are_asked_for_missed_ones_noted_and_the_monitoring_time_ends(world: World) -> None:
    case = proposed(world).stepping_down(at=world.now).handed_over(at=world.now)
    end = world.due("monitoring")
    first = world.due("check_in_every")
    await world.given(case)
    await world.time.advance_to(first + timedelta(days=1))
    assert (await world.waiting(ProcessKind.STEP_DOWN, case)).waits_for == "the answer to check-in 1"
    await world.when(RecordCheckIn(case_id=case.case_id, status="good"))
    second = world.due("check_in_every")
    missed = world.due("check_in_grace", second)
    await world.time.advance_to(end)
    assert await world.done_by_the_engine(case) == [
        ("CheckInDue", first),
        ("CheckInDue", second),
        ("CheckInMissed", missed),
        ("MonitoringWindowElapsed", end),
    ]
    waiting = await world.waiting(ProcessKind.STEP_DOWN, case)
    assert waiting.waits_for == "the manager's confirmation that the outcome lasts"
    assert waiting.next_due is None


async def test_nothing_more_is_asked_once_support_is_stepped_back_up(world: World) -> None:
    case = proposed(world).stepping_down(at=world.now).handed_over(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=7))
    await world.given(
        case.then_also(SteppedBackUp(**case.ids, deterioration="Lost the tenancy", by_agency=HOUSING))
    )
    assert not await world.is_running(ProcessKind.STEP_DOWN, case)
    await world.time.advance(timedelta(weeks=20))
    assert await world.done_by_the_engine(case) == []
