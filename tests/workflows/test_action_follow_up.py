"""What the process that follows up actions does by itself."""

from __future__ import annotations

from datetime import timedelta

from domain.case.action_work import ActionCompleted
from tests.workflows.world import World, decided, on_agenda
from workflows.contracts import ProcessKind


async def test_every_open_action_is_followed_into_the_support_and_no_further(world: World) -> None:
    first, second = world.now + timedelta(days=9), world.now + timedelta(days=12)
    case = on_agenda("robin", at=world.now, meets=world.now)
    case = decided(case, "accept_lead_agency", at=world.now).led_by(at=world.now)
    case = case.with_action("visit", due_at=first).with_action("forms", due_at=second)
    await world.given(case)
    waiting = await world.waiting(ProcessKind.ACTION_FOLLOW_UP, case)
    assert (waiting.waits_for, waiting.next_due) == ("the completion of open actions", first)

    await world.time.advance_to(first + timedelta(hours=1))
    done = [
        ActionCompleted(
            **case.ids, action_id=case.action_id(name), evidence="Done", effective=True, late=False
        )
        for name in ("forms", "visit")
    ]
    await world.given(case := case.then_also(done[0]))
    assert await world.is_running(ProcessKind.ACTION_FOLLOW_UP, case)
    await world.given(case := case.then_also(done[1]))
    assert not await world.is_running(ProcessKind.ACTION_FOLLOW_UP, case)
    await world.time.advance(timedelta(days=30))
    assert await world.done_by_the_engine(case) == [("ActionOverdue", first)]


async def test_an_action_that_stays_undone_is_escalated_and_then_the_ladder_goes_on(world: World) -> None:
    """Scenario 25."""
    due = world.now + timedelta(days=9)
    case = on_agenda("robin", at=world.now, meets=world.now)
    case = decided(case, "accept_lead_agency", at=world.now).led_by(at=world.now)
    await world.given(case.with_action("visit", due_at=due))
    escalates = world.due("action_escalation", due)
    await world.time.advance_to(escalates + timedelta(hours=1))
    assert await world.done_by_the_engine(case) == [
        ("ActionOverdue", due),
        ("ActionEscalated", escalates),
        ("EscalationRaised", escalates),
    ]
