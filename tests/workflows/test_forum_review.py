"""What the forum review's process does by itself, before the meeting, after it, and while an action is open."""

from __future__ import annotations

from datetime import timedelta

from domain.case.action import ActionCompleted
from tests.support.scenario import a_case
from tests.workflows.world import World, decided, on_agenda
from workflows.contracts import ProcessKind


async def test_a_case_that_is_on_no_agenda_in_time_is_marked_once(world: World) -> None:
    case = a_case().ready_for_forum(at=world.now)
    due_at = world.due("listing")
    await world.given(case)
    await world.time.advance(timedelta(days=20))
    assert await world.done_by_the_engine(case) == [("ForumListingOverdue", due_at)]
    assert (await world.waiting(ProcessKind.FORUM_REVIEW, case)).waits_for == "a place on an agenda"


async def test_missing_returns_and_a_late_decision_are_marked_each_at_its_time(world: World) -> None:
    meets = world.now + timedelta(days=16)
    case = on_agenda("robin", at=world.now, meets=meets)
    returns, decision = world.due("information_returns", meets), world.due("decision_record", meets)
    await world.given(case)
    await world.time.advance(timedelta(days=30))
    assert await world.done_by_the_engine(case) == [
        ("InformationReturnsMissing", returns),
        ("ForumDecisionOverdue", decision),
    ]


async def test_every_open_action_is_followed_into_the_support_and_no_further(world: World) -> None:
    first, second = world.now + timedelta(days=9), world.now + timedelta(days=12)
    case = on_agenda("robin", at=world.now, meets=world.now)
    case = decided(case, "accept_lead_agency", at=world.now).led_by(at=world.now)
    case = case.with_action("visit", due_at=first).with_action("forms", due_at=second)
    await world.given(case)
    waiting = await world.waiting(ProcessKind.FORUM_REVIEW, case)
    assert (waiting.waits_for, waiting.next_due) == ("the completion of open actions", first)

    await world.time.advance_to(first + timedelta(hours=1))
    done = [
        ActionCompleted(
            **case.ids, action_id=case.action_id(name), evidence="Done", effective=True, late=False
        )
        for name in ("forms", "visit")
    ]
    await world.given(case := case.then_also(done[0]))
    assert await world.is_running(ProcessKind.FORUM_REVIEW, case)
    await world.given(case := case.then_also(done[1]))
    assert not await world.is_running(ProcessKind.FORUM_REVIEW, case)
    await world.time.advance(timedelta(days=30))
    assert await world.done_by_the_engine(case) == [("ActionOverdue", first)]
