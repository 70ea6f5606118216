"""What the forum review's process does by itself, before the meeting and after it."""

from __future__ import annotations

from datetime import timedelta

from tests.support.scenario import a_case
from tests.workflows.world import World, on_agenda
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
