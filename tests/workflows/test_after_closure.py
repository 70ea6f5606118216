"""After closure: half a year later the engine asks whether the outcome has lasted, and then no more."""

from __future__ import annotations

from datetime import timedelta

from domain.case.monitoring import OutcomeSustained
from tests.support.scenario import a_worker
from tests.workflows.world import World, accepted
from workflows.contracts import ProcessKind


async def test_half_a_year_after_completion_it_is_asked_once_whether_the_outcome_has_lasted(
    world: World,
) -> None:
    case = accepted("robin", at=world.now).allocated_to(a_worker(), at=world.now)
    case = case.met(at=world.now).active(at=world.now).reviewed(at=world.now)
    case = case.step_down_proposed(at=world.now).stepping_down(at=world.now).handed_over(at=world.now)
    asked_at = world.due("sustained_outcome")
    lasting = OutcomeSustained(**case.ids, summary="In college", sustained_outcome_due_at=asked_at)
    await world.given(case := case.then_also(lasting))
    waiting = await world.waiting(ProcessKind.AFTER_CLOSURE, case)
    assert (waiting.waits_for, waiting.next_due) == ("the test whether the outcome lasted", asked_at)
    await world.time.advance_to(asked_at + timedelta(days=30))
    assert await world.done_by_the_engine(case) == [("SustainedOutcomeTestDue", asked_at)]
    assert not await world.is_running(ProcessKind.AFTER_CLOSURE, case)
