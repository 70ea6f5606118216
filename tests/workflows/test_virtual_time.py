"""Virtual time: what it waits for before it says that all is quiet."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from temporalio import workflow
from temporalio.api.testservice.v1 import UnlockTimeSkippingRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Worker

from adapters.temporal.skipping_clock import SkippingClock
from adapters.temporal.virtual import VirtualTime
from workflows.search_attributes import NEXT_DUE

if TYPE_CHECKING:
    from adapters.temporal.dispatcher import Dispatcher
    from domain.ports import LogReader

LATE = timedelta(seconds=2)


@workflow.defn(sandboxed=False)
class ActsLate:
    """Waits for a deadline with a timer that fires some time after it, as one does that was set by a busy worker."""

    @workflow.run
    async def run(self, due_at: datetime) -> None:
        workflow.upsert_search_attributes([NEXT_DUE.value_set(due_at)])
        await asyncio.sleep((due_at + LATE - workflow.now()).total_seconds())


class NobodyElse:
    """A log in which nothing happens, and its dispatcher."""

    position = 0

    async def head(self) -> int:
        return 0


async def test_all_is_not_quiet_before_a_timer_that_was_set_late_has_fired() -> None:
    # The server loses a process that puts a timer off, because it is told something, at the moment when that fires.
    async with (
        VirtualTime.started() as time,
        Worker(time.client, task_queue="late", workflows=[ActsLate]),
    ):
        time.watch(cast("Dispatcher", NobodyElse()), cast("LogReader", NobodyElse()))
        late = await time.client.start_workflow(ActsLate.run, time.now, id="late", task_queue="late")
        await time.settle()
        assert (await late.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_time_goes_on_and_is_held_again_after_the_server_has_let_its_clock_go() -> None:
    # The server miscounts who holds its clock, once in a while and under much load: then nobody does.
    async with VirtualTime.started() as time:
        began = time.now
        await time.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        await time.advance(timedelta(hours=1))
        assert time.now == began + timedelta(hours=1)
        await time.advance(timedelta(days=1))
        await asyncio.sleep(0.2)
        assert await _shown(time) - time.now < timedelta(minutes=1)


async def test_a_clock_that_runs_by_itself_is_held_and_ours_follows() -> None:
    async with VirtualTime.started() as time, Worker(time.client, task_queue="late", workflows=[ActsLate]):
        time.watch(cast("Dispatcher", NobodyElse()), cast("LogReader", NobodyElse()))
        await time.advance(timedelta(hours=1))
        far = time.now + timedelta(days=2)
        await time.client.start_workflow(ActsLate.run, far, id="far", task_queue="late")
        await time.settle()
        await time.client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
        while await _shown(time) < far:  # noqa: ASYNC110 - nobody rings when it moves
            await asyncio.sleep(0.01)
        await time.settle()
        assert time.now >= far
        await time.advance(timedelta(days=1))
        assert await _shown(time) - time.now < timedelta(minutes=1)


async def _shown(time: VirtualTime) -> datetime:
    return await SkippingClock(time.client).shows()
