"""What the consent process does by itself: it reminds, it says when it is late, and it assumes nothing."""

from __future__ import annotations

from datetime import timedelta

from tests.support.scenario import a_case
from tests.workflows.world import World
from workflows.contracts import ProcessKind


async def test_reminders_go_on_after_the_consent_position_is_overdue(world: World) -> None:
    case = a_case().awaiting_consent(at=world.now)
    first, overdue = world.due("consent_first_attempt"), world.due("consent_wait")
    await world.given(case)
    expected = [("ConsentReminderRaised", first)]
    while len(expected) < 5:
        again = world.due("consent_reminder_every", expected[-1][1])
        expected.append(("ConsentReminderRaised", again))
    assert expected[3][1] == overdue
    expected.insert(4, ("ConsentOverdue", overdue))

    await world.time.advance_to(expected[-1][1])
    assert await world.done_by_the_engine(case) == expected
    waiting = await world.waiting(ProcessKind.CONSENT, case)
    assert waiting.waits_for == "the person's consent position"
    assert waiting.next_step == "raise-consent-reminder"


async def test_nobody_is_reminded_once_the_consent_position_is_reached(world: World) -> None:
    case = a_case().awaiting_consent(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=1))
    case = case.ready_for_forum(at=world.now)
    await world.given(case)
    assert not await world.is_running(ProcessKind.CONSENT, case)
    await world.time.advance_to(world.due("consent_reminder_every") - timedelta(hours=1))
    assert await world.done_by_the_engine(case) == []
