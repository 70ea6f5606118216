"""Virtual time: what it waits for before it says that all is quiet."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from temporalio import workflow
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Worker

from adapters.temporal import skipping_clock
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


async def test_time_goes_on_where_the_server_takes_its_clock_for_held_by_somebody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The same miscount the other way: one more is counted than there are, and the clock would not jump.
    monkeypatch.setattr(skipping_clock, "_PATIENCE_SECONDS", 0.2)
    async with VirtualTime.started() as time:
        began = time.now
        await time.client.test_service.lock_time_skipping(LockTimeSkippingRequest())
        await time.advance(timedelta(hours=8))
        assert time.now == began + timedelta(hours=8)
        await time.advance(timedelta(days=1))
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


@workflow.defn(sandboxed=False)
class NeverComesToRest:
    """Says that it waits for a deadline, and does nothing when that has passed: lost, as seen from outside."""

    @workflow.run
    async def run(self, due_at: datetime) -> None:
        workflow.upsert_search_attributes([NEXT_DUE.value_set(due_at)])
        await workflow.wait_condition(lambda: False)


async def test_a_process_that_the_server_has_lost_is_ended_and_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("adapters.temporal.virtual._PATIENCE_SECONDS", 0.5)
    async with (
        VirtualTime.started() as time,
        Worker(time.client, task_queue="late", workflows=[ActsLate, NeverComesToRest]),
    ):

        async def begin_anew(workflow_id: str) -> None:
            far = time.now + timedelta(days=30)
            await time.client.start_workflow(ActsLate.run, far, id=workflow_id, task_queue="late")

        nobody = cast("Dispatcher", NobodyElse()), cast("LogReader", NobodyElse())
        time.watch(*nobody, together=timedelta(hours=6), begin_anew=begin_anew)
        due = time.now + timedelta(hours=1)
        lost = await time.client.start_workflow(NeverComesToRest.run, due, id="lost", task_queue="late")
        await time.advance(timedelta(days=1))
        assert time.lost == 1
        again = await time.client.get_workflow_handle("lost").describe()
        assert (again.status, again.run_id) != (WorkflowExecutionStatus.RUNNING, lost.first_execution_run_id)
        assert again.status is WorkflowExecutionStatus.RUNNING


async def _shown(time: VirtualTime) -> datetime:
    return await SkippingClock(time.client).shows()
