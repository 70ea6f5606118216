"""Virtual time: the real domain, log, projections and processes under a Temporal server whose clock can be moved.

Months pass in seconds, and in order: on the way to an instant the time stops at every deadline that a process waits
for, and goes on only when everything that follows from it is in the log. For stories and tests, never for real cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.empty_pb2 import Empty
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.embedded import TimeSkippingTemporal
from adapters.temporal.client import DATA_CONVERTER, sdk_runtime
from adapters.temporal.search_attributes import register
from adapters.temporal.turnstile import Turnstile
from workflows.search_attributes import NEXT_DUE

if TYPE_CHECKING:
    from adapters.outbox.post import Post
    from adapters.temporal.dispatcher import Dispatcher
    from domain.ports import Clock, LogReader

# A timer fires a little after the deadline it was set for, by the time that the step before it took.
_SLACK: Final = timedelta(milliseconds=20)
_SHORT_WHILE: Final = 0.002
_PATIENCE_SECONDS: Final = 30.0
_RUNNING: Final = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_OF_A_WORKFLOW_TASK: Final = frozenset(
    (
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    )
)


class DoesNotSettle(Exception):
    """After {seconds} s something is still under way that nothing seems to end: {what}."""

    def __init__(self, what: str) -> None:
        super().__init__(" ".join((self.__doc__ or "").split()).format(seconds=_PATIENCE_SECONDS, what=what))


class HeldClock:
    """The product's clock in virtual time: it stands still until it is moved, so that nothing depends on our speed."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    async def now(self) -> datetime:
        return self.instant


class VirtualTime:
    """A time-skipping Temporal server and the product's clock with it. Make one with `VirtualTime.started()`."""

    def __init__(self, client: Client, turnstile: Turnstile, instant: datetime) -> None:
        self._client = client
        self._turnstile = turnstile
        self._clock = HeldClock(instant)
        self._watched: tuple[Dispatcher, LogReader] | None = None
        self._post: Post | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def started(cls, directory: Path | None = None) -> AsyncIterator[VirtualTime]:
        """Start the server at the present time, to the second, and hold its clock.

        The server's log is written to the directory, or to one of our own that is gone afterwards.
        """
        async with contextlib.AsyncExitStack() as stack:
            place = directory or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ccp-virtual-")))
            server = await stack.enter_async_context(TimeSkippingTemporal(place))
            yield await cls.on(server.address)

    @classmethod
    async def on(cls, address: str) -> VirtualTime:
        """Virtual time on a time-skipping server that runs already and that nobody else uses meanwhile."""
        turnstile = Turnstile()
        client = await _connected(address, turnstile)
        await register(client)
        now = await _time_of(client)
        return cls(client, turnstile, now.replace(microsecond=0))

    async def begin(self, instant: datetime) -> None:
        """Set the product's clock to an instant, earlier or later than now; nothing may be under way.

        The server's own clock cannot go back, so every process is told by how much ours is ahead of it.
        """
        self._clock.instant = instant.astimezone(UTC)
        self._turnstile.clock_ahead = self._clock.instant - await _time_of(self._client)

    async def end(self) -> None:
        """End every process that was begun, so that none wakes in the time of another story."""
        self._watched = self._post = None
        self._turnstile.open()
        for workflow_id in list(self._turnstile.started):
            try:
                await self._client.get_workflow_handle(workflow_id).terminate("the story is over")
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            del self._turnstile.started[workflow_id]

    @property
    def client(self) -> Client:
        """The client for dispatcher and worker."""
        return self._client

    @property
    def clock(self) -> Clock:
        """The clock for the application."""
        return self._clock

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self._clock.instant

    def watch(self, dispatcher: Dispatcher, log: LogReader, post: Post | None = None) -> None:
        """Say who has to come to rest before time may go on."""
        self._watched, self._post = (dispatcher, log), post
        self._turnstile.one_at_a_time = True

    async def advance(self, duration: timedelta) -> None:
        """Let time pass; see `advance_to`."""
        await self.advance_to(self.now + duration)

    async def advance_to(self, instant: datetime) -> None:
        """Go to an instant, by way of every deadline that some process waits for until then."""
        if instant < self.now:
            raise ValueError(f"time goes only forward, and it is {self.now.isoformat()}")
        while True:
            due_at = await self.settle()
            if due_at is None or due_at > instant:
                break
            await self._move_to(max(due_at, self.now))
        await self._move_to(instant.astimezone(UTC))
        await self.settle()

    async def settle(self) -> datetime | None:
        """Wait until everything that follows from what has happened is in the log; answer the next deadline, if any.

        Raises: DoesNotSettle.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE_SECONDS
        while True:
            busy, next_due = await self._look()
            if not busy:
                return next_due
            if loop.time() > deadline:
                raise DoesNotSettle(busy)
            await asyncio.sleep(_SHORT_WHILE)

    async def _look(self) -> tuple[str, datetime | None]:
        """What is under way, if anything; otherwise the earliest deadline that a process waits for."""
        if self._watched is None:
            return "", None
        dispatcher, log = self._watched
        head = await log.head()
        if dispatcher.position < head:
            return "the dispatcher", None
        next_due: datetime | None = None
        for workflow_id in sorted(self._turnstile.started):
            description = await self._describe(workflow_id)
            if description.workflow_execution_info.status != _RUNNING:
                del self._turnstile.started[workflow_id]
            elif self._turnstile.waits(workflow_id):
                continue
            elif await self._is_busy(description):
                return workflow_id, None
            elif due_at := _next_due(description):
                next_due = min(due_at, next_due or due_at)
        if await log.head() != head:
            return "the log", None
        # Everybody else is at rest: now, and only now, it is clear whose turn is next.
        if acts_now := self._turnstile.let_through():
            return acts_now, next_due
        # Messages follow from the log and nothing from them, so they are waited for last.
        if self._post is not None and not self._post.at_rest(head):
            return "the post", None
        return "", next_due

    async def _describe(self, workflow_id: str) -> DescribeWorkflowExecutionResponse:
        # Not by the SDK's own reading: this server keeps an attribute that was unset as null, which that cannot read.
        return await self.client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=self.client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
            )
        )

    async def _is_busy(self, description: DescribeWorkflowExecutionResponse) -> bool:
        if description.pending_activities:
            await self._let_a_retry_happen(description)
            return True
        execution = description.workflow_execution_info.execution
        length = description.workflow_execution_info.history_length
        if self._turnstile.started[execution.workflow_id] == length:
            return False
        # This server does not tell whether a workflow task is pending, so the history has to.
        handle = self.client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id)
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        last = next(kind for kind in reversed(kinds) if kind in _OF_A_WORKFLOW_TASK)
        # A history that has grown since tells of another state than the description.
        if len(kinds) != length or last != EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            return True
        self._turnstile.started[execution.workflow_id] = length
        return False

    async def _move_to(self, instant: datetime) -> None:
        ahead = instant + _SLACK - await self._reached()
        if instant == self.now:
            # A deadline that has passed, and whose timer has not fired yet: it was set late.
            ahead = max(ahead, _SLACK)
        # Ours first: a timer that fires on the way must find its deadline passed.
        self._clock.instant = instant
        if ahead > timedelta(0):
            request = SleepRequest()
            request.duration.FromTimedelta(ahead)
            await self._client.test_service.unlock_time_skipping_with_sleep(request)

    async def _let_a_retry_happen(self, description: DescribeWorkflowExecutionResponse) -> None:
        # The server's clock cannot be stopped. Should it reach a deadline that ours has not, ours follows.
        if any(activity.attempt > 1 for activity in description.pending_activities):
            self._clock.instant = max(self._clock.instant, await self._reached())

    async def _reached(self) -> datetime:
        """What the server's clock shows, in our time."""
        return await _time_of(self._client) + self._turnstile.clock_ahead


async def _connected(address: str, turnstile: Turnstile) -> Client:
    # It warns of what this old kind of server cannot do.
    runtime = sdk_runtime("ERROR")
    return await Client.connect(
        address, data_converter=DATA_CONVERTER, interceptors=[turnstile], runtime=runtime
    )


async def _time_of(client: Client) -> datetime:
    answer = await client.test_service.get_current_time(Empty())
    return answer.time.ToDatetime().replace(tzinfo=UTC)


def _next_due(description: DescribeWorkflowExecutionResponse) -> datetime | None:
    payload = description.workflow_execution_info.search_attributes.indexed_fields[NEXT_DUE.name]
    value = json.loads(payload.data) if payload.data else None
    return datetime.fromisoformat(value) if value else None
