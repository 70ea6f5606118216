"""A worker is replaced by a newer one while processes are under way: they go on, under the newer code, to their end.

The older workflows are kept as they were in `versions/`. Whoever changes the steps of a workflow in a way that its
recorded histories do not bear keeps a copy of what it was there, and tells here how it is taken over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.worker import Worker

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.virtual import VirtualTime
from adapters.temporal.worker import WORKFLOWS, build_worker
from domain.application import Application
from domain.case.action_work import ActionCompleted
from domain.case.monitoring import OutcomeSustained, RecordCheckIn
from domain.rules import Rules
from tests.support.scenario import CaseStory, a_case, a_meeting, a_worker
from tests.workflows.versions.v1.consent import Consent
from tests.workflows.versions.v1.forum_review import ForumReview
from tests.workflows.versions.v1.step_down import StepDown
from tests.workflows.world import TASK_QUEUE, World, accepted, decided, next_working_monday, with_a_plan
from workflows.activities import PathwayActivities
from workflows.contracts import ProcessKind, workflow_id
from workflows.routing import CaseProgress

V1 = (Consent, ForumReview, StepDown)
OLD_NAMES = {old.__name__ for old in V1}
ALL_AS_IN_V1: tuple[type, ...] = (*V1, *(one for one in WORKFLOWS if one.__name__ not in OLD_NAMES))
"""What is not looked at here is of the present version from the start."""


class Upgradable(World):
    """A world whose worker runs version 1 until it is upgraded."""

    def __init__(
        self, time: VirtualTime, log: PostgresEventLog, application: Application, rules: Rules
    ) -> None:
        super().__init__(time, log, application, rules)
        self._worker = AsyncExitStack()

    async def start_version_1(self) -> None:
        issue = PathwayActivities(self.application).issue
        old = Worker(
            self.time.client,
            task_queue=TASK_QUEUE,
            workflows=ALL_AS_IN_V1,
            activities=[issue],
            # A server gives what a worker kept in memory to others after a while; the time-skipping one never does.
            max_cached_workflows=0,
        )
        await self._worker.enter_async_context(old)

    async def upgrade(self) -> None:
        """Stop the old worker and start the present one."""
        await self.stop()
        await self._worker.enter_async_context(
            build_worker(self.time.client, self.application, task_queue=TASK_QUEUE)
        )

    async def stop(self) -> None:
        await self._worker.aclose()


@asynccontextmanager
async def _a_world(pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> AsyncIterator[Upgradable]:
    async with VirtualTime.started() as time:
        application = Application(log=log, identities=log, pool=log, clock=time.clock, rules=rules)
        dispatcher = Dispatcher(pool, log, time.client, task_queue=TASK_QUEUE)
        time.watch(dispatcher, log)
        world = Upgradable(time, log, application, rules)
        await world.start_version_1()
        telling = asyncio.create_task(dispatcher.run())
        try:
            await time.advance_to(next_working_monday(time.now, rules))
            yield world
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
            await world.stop()


@pytest.fixture
async def world(pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> AsyncIterator[Upgradable]:
    async with _a_world(pool, log, rules) as world:
        yield world


async def ended_well(world: World, kind: ProcessKind, case: CaseStory) -> None:
    """The process has come to its end, in one run, and no version was ever at a loss about what it found."""
    handle = world.time.client.get_workflow_handle(workflow_id(kind, case.case_id))
    kinds = [event.event_type async for event in handle.fetch_history_events()]
    assert EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED not in kinds
    assert kinds[-1] == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED


async def test_a_consent_that_was_asked_for_under_version_1_is_gained_under_this_one(
    world: Upgradable,
) -> None:
    case = a_case("robin").awaiting_consent(at=world.now)
    await world.given(case)
    overdue = world.due("consent_wait")
    await world.time.advance_to(world.due("consent_first_attempt"))
    assert await topics(world, case) == ["ConsentReminderRaised"]
    await world.upgrade()
    await world.time.advance_to(overdue)
    so_far = await topics(world, case)
    assert so_far[-1] == "ConsentOverdue"
    assert set(so_far[:-1]) == {"ConsentReminderRaised"}
    await world.given(case := case.ready_for_forum(at=world.now))
    await ended_well(world, ProcessKind.CONSENT, case)


async def test_a_forum_review_that_began_under_version_1_sees_its_decision_and_its_actions_through(
    world: Upgradable,
) -> None:
    case = a_case("robin").ready_for_forum(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=20))
    meeting = a_meeting("robin", starts_at=world.now + timedelta(days=14))
    await world.given(case := case.on_agenda(meeting, at=world.now))
    await world.time.advance_to(meeting.starts_at - timedelta(days=1))
    assert await topics(world, case) == ["ForumListingOverdue", "InformationReturnsMissing"]
    await world.upgrade()
    await world.time.advance_to(world.due("decision_record", meeting.starts_at))
    assert (await topics(world, case))[2:] == ["ForumDecisionOverdue"]
    case = with_a_plan(decided(case, "accept_key_worker", at=world.now), at=world.now)
    visit = world.now + timedelta(days=5)
    await world.given(case := case.with_action("visit", due_at=visit, at=world.now))
    await world.time.advance_to(visit)
    # Two processes watch over the action now, that of version 1 and the present one; it is told once all the same.
    assert (await topics(world, case)).count("ActionOverdue") == 1
    waiting = await world.waiting(ProcessKind.FORUM_REVIEW, case)
    assert waiting.waits_for == "the completion of open actions"
    await world.given(case := case.then_also(done(case)))
    await ended_well(world, ProcessKind.FORUM_REVIEW, case)


async def test_a_forum_review_that_was_down_to_its_actions_at_the_upgrade_ends_with_them(
    world: Upgradable,
) -> None:
    case = a_case("robin").ready_for_forum(at=world.now)
    await world.given(case)
    case = case.on_agenda(a_meeting("robin", starts_at=world.now), at=world.now)
    case = with_a_plan(decided(case, "accept_key_worker", at=world.now), at=world.now)
    visit = world.now + timedelta(days=5)
    await world.given(case := case.with_action("visit", due_at=visit, at=world.now))
    await world.time.advance(timedelta(days=1))
    waiting = await world.waiting(ProcessKind.FORUM_REVIEW, case)
    assert (waiting.waits_for, waiting.next_due) == ("the completion of open actions", visit)
    await world.upgrade()
    await world.time.advance_to(visit + timedelta(days=1))
    await world.given(case := case.then_also(done(case)))
    await ended_well(world, ProcessKind.FORUM_REVIEW, case)


async def test_a_step_down_that_was_proposed_under_version_1_is_monitored_to_its_end_under_this_one(
    world: Upgradable,
) -> None:
    case = accepted("robin", at=world.now).allocated_to(a_worker(), at=world.now)
    case = case.met().active(at=world.now).reviewed(at=world.now).step_down_proposed(at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(days=10))
    assert await topics(world, case) == ["StepDownApprovalOverdue"]
    await world.given(case := case.stepping_down(at=world.now))
    await world.upgrade()
    await world.time.advance_to(world.due("step_down_overlap"))
    assert "HandoverOverdue" in await topics(world, case)
    await world.given(case := case.handed_over(at=world.now))
    end = world.due("monitoring")
    await world.time.advance_to(world.due("check_in_every"))
    await world.when(RecordCheckIn(case_id=case.case_id, status="good"))
    await world.time.advance_to(end)
    assert (await topics(world, case))[-3:] == ["CheckInDue", "CheckInMissed", "MonitoringWindowElapsed"]
    await world.given(case := case.then_also(OutcomeSustained(**case.ids, summary="In college")))
    await ended_well(world, ProcessKind.STEP_DOWN, case)


async def test_a_process_with_a_longer_history_than_is_usual_today_keeps_to_the_limit_of_its_time(
    world: Upgradable,
) -> None:
    case = a_case("robin").awaiting_consent(at=world.now)
    await world.given(case)
    process = world.time.client.get_workflow_handle(workflow_id(ProcessKind.CONSENT, case.case_id))
    progress = CaseProgress(case.case_id)
    progress.read(await world.story_of(case.case_id))

    async def told(first: int, last: int) -> None:
        now = progress.brief(())
        briefs = (now.model_copy(update={"position": 1_000 + position}) for position in range(first, last))
        await asyncio.gather(*(process.signal("heard", brief) for brief in briefs))
        await world.time.settle()

    # As much as before, several times, so that version 1 takes it in more than one turn.
    for first in range(0, 2_200, 550):
        await told(first, first + 550)
    await world.upgrade()
    await told(2_200, 2_210)
    events = [event async for event in process.fetch_history_events()]
    assert len(events) > 2_200
    failed = [event for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]
    assert failed == []


async def topics(world: World, case: CaseStory) -> list[str]:
    """What the engine did by itself, in order."""
    return [topic for topic, _ in await world.done_by_the_engine(case)]


def done(case: CaseStory) -> ActionCompleted:
    """The visit took place, and late."""
    return ActionCompleted(
        **case.ids, action_id=case.action_id("visit"), evidence="note-3", effective=True, late=True
    )
