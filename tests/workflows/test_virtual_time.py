"""Virtual time: what it waits for before it says that all is quiet."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus
from temporalio.worker import Worker

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
