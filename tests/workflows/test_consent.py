"""What the consent process does by itself: it reminds, it says when it is late, and it assumes nothing."""

from __future__ import annotations

from datetime import timedelta

from domain.case.participation import RecordConsentAttempt
from tests.support.scenario import a_case
from tests.workflows.world import World
from workflows.contracts import ProcessKind


async def test_once_the_consent_position_is_overdue_reminders_come_seldom_but_go_on(world: World) -> None:
    case = a_case().awaiting_consent(at=world.now)
    first, overdue = world.due("consent_first_attempt"), world.due("consent_wait")
    await world.given(case)
    expected = [("ConsentReminderRaised", first)]
    while expected[-1][1] < overdue:
        again = world.due("consent_reminder_every", expected[-1][1])
        expected.append(("ConsentReminderRaised", again))
    assert expected[-1][1] == overdue
    expected.append(("ConsentOverdue", overdue))
    for _ in range(3):
        again = world.due("consent_reminder_overdue", max(due for _, due in expected))
        expected.append(("ConsentReminderRaised", again))

    await world.time.advance_to(expected[-1][1])
    assert await world.done_by_the_engine(case) == expected
    waiting = await world.waiting(ProcessKind.CONSENT, case)
    assert waiting.waits_for == "the person's consent position"
    assert waiting.next_step == "raise-consent-reminder"


async def test_whoever_has_just_tried_is_not_reminded_to(world: World) -> None:
    case = a_case().awaiting_consent(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=3))
    again = world.due("consent_reminder_every")
    await world.when(RecordConsentAttempt(case_id=case.case_id, reached=False, by_channel="telephone"))
    await world.time.advance_to(again)
    assert await world.done_by_the_engine(case) == [("ConsentReminderRaised", again)]


async def test_nobody_is_reminded_once_the_consent_position_is_reached(world: World) -> None:
    case = a_case().awaiting_consent(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=1))
    case = case.ready_for_forum(at=world.now)
    await world.given(case)
    assert not await world.is_running(ProcessKind.CONSENT, case)
    await world.time.advance_to(world.due("consent_reminder_every") - timedelta(hours=1))
    assert await world.done_by_the_engine(case) == []
