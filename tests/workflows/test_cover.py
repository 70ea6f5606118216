"""What the cover's process does by itself: nobody's case is left without somebody who answers for it."""

from __future__ import annotations

from datetime import timedelta

from domain.calendar import LONDON
from domain.case.cover import StartCover
from domain.keyworker.worker import EndAbsence, RecordAbsence, RecordKeyWorkerLeaving
from tests.support.scenario import a_worker
from tests.workflows.world import World, accepted
from workflows.contracts import ProcessKind

SAM, ALEX = a_worker("sam"), a_worker("alex")


async def test_a_worker_leaves_on_friday_without_cover_and_on_monday_the_case_is_orphaned_and_escalated(
    world: World,
) -> None:
    case = accepted("robin", at=world.now).active(SAM, at=world.now)
    await world.given(case)
    monday = world.now.astimezone(LONDON).date()
    friday = monday + timedelta(days=4)
    await world.when(RecordKeyWorkerLeaving(worker_id=SAM.worker_id, last_day=friday))
    done = dict(await world.done_by_the_engine(case))
    assert done.keys() == {"HandoverStartDue"}, "less than twenty working days are left, so at once"
    assert await world.is_running(ProcessKind.COVER, case)
    await world.time.advance(timedelta(days=8))
    done = dict(await world.done_by_the_engine(case))
    assert {"AllocationOrphaned", "EscalationRaised"} <= done.keys()
    assert done["AllocationOrphaned"].astimezone(LONDON).date() == friday + timedelta(days=3)
    assert done["EscalationRaised"] == done["AllocationOrphaned"]


async def test_a_cover_that_ends_while_the_worker_is_away_starts_the_alarm_anew_until_they_are_back(
    world: World,
) -> None:
    case = accepted("robin", at=world.now).active(SAM, at=world.now)
    for story in (case, ALEX):
        await world.given(story)
    today = world.now.astimezone(LONDON).date()
    await world.when(RecordAbsence(worker_id=SAM.worker_id, first_day=today))
    await world.when(
        StartCover(
            case_id=case.case_id,
            cover_worker_id=ALEX.worker_id,
            until=today + timedelta(days=1),
            ground="immediate_risk",
            told_by="manager-1",
            told_on=today,
        )
    )
    waiting = await world.waiting(ProcessKind.COVER, case)
    assert (waiting.waits_for, waiting.next_step) == ("the key worker's return", "mark-cover-ended")
    await world.time.advance(timedelta(days=5))
    topics = [topic for topic, _ in await world.done_by_the_engine(case)]
    assert topics.index("CoverEnded") < topics.index("AllocationOrphaned")
    await world.when(EndAbsence(worker_id=SAM.worker_id))
    assert not await world.is_running(ProcessKind.COVER, case)
