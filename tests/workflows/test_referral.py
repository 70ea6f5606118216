"""What the referral's process does by itself."""

from __future__ import annotations

from datetime import timedelta

from tests.support.scenario import a_case
from tests.workflows.world import World


async def test_a_referral_is_acknowledged_and_its_triage_begun_at_once(world: World) -> None:
    case = a_case().submitted(at=world.now)
    await world.given(case)
    assert await world.done_by_the_engine(case) == [
        ("ReferralAcknowledged", world.now),
        ("TriageStarted", world.now),
    ]


async def test_triage_that_nobody_decides_is_overdue_at_its_deadline_and_once(world: World) -> None:
    case = a_case().submitted(at=world.now)
    due_at = world.due("triage")
    await world.given(case)
    await world.time.advance(timedelta(days=30))
    assert (await world.done_by_the_engine(case))[2:] == [("TriageOverdue", due_at)]
