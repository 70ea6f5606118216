"""Virtual time: the real domain, log, projections and processes under a Temporal server whose clock can be moved.

Months pass in seconds, and in order: on the way to an instant the time stops at every deadline that a process waits
for, and goes on only when everything that follows from it is in the log. For stories and tests, never for real cases.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    TerminateWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from adapters.embedded import TimeSkippingTemporal
from adapters.temporal.client import DATA_CONVERTER, sdk_runtime
from adapters.temporal.search_attributes import register
from adapters.temporal.skipping_clock import SkippingClock
from adapters.temporal.turnstile import Turnstile
from workflows.search_attributes import NEXT_DUE

if TYPE_CHECKING:
    from adapters.outbox.post import Post
    from adapters.temporal.dispatcher import Dispatcher
    from domain.ports import Clock, LogReader

_SHORT_WHILE: Final = 0.002
_PATIENCE_SECONDS: Final = 30.0
_AT_ONCE: Final = 16
"""How many processes are looked at at the same moment."""
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
    """The product's clock in virtual time: it stands still until it is moved, so that nothing depends on our speed.

    Where much is done together it follows the server's: a step that is taken a little later finds its deadline passed.
    """

    def __init__(self, instant: datetime, server: SkippingClock) -> None:
        self.instant = instant
        self.follows = False
        self._server = server

    async def now(self) -> datetime:
        return max(self.instant, await self._server.shows()) if self.follows else self.instant


class VirtualTime:
    """A time-skipping Temporal server and the product's clock with it. Make one with `VirtualTime.started()`."""

    def __init__(self, client: Client, turnstile: Turnstile, instant: datetime) -> None:
        self._client = client
        self._turnstile = turnstile
        self._server = SkippingClock(client)
        self._clock = HeldClock(instant, self._server)
        self._watched: tuple[Dispatcher, LogReader] | None = None
        self._post: Post | None = None
        self._together: timedelta | None = None
        self._at_rest: dict[str, datetime | None] = {}
        """Every process that is known to rest, and its next deadline."""
        self._lengths: dict[str, tuple[str, int]] = {}
        """Of those that are not: which run it was when last looked at, and how long its history."""
        self._unfinished: dict[str, tuple[str, int]] = {}
        """The same of those whose history was read then and ended in a workflow task that was not completed."""
        self._begin_anew: Callable[[str], Awaitable[None]] | None = None
        self.longest_history = 0
        """How many entries the history of any one run has had."""
        self._beginning: list[asyncio.Future[None]] = []
        self.lost = 0
        """How many processes the server has lost, which were begun anew."""

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
        now = await SkippingClock(client).shows()
        return cls(client, turnstile, now.replace(microsecond=0))

    async def begin(self, instant: datetime) -> None:
        """Set the product's clock to an instant, earlier or later than now; nothing may be under way.

        The server's own clock cannot go back, so every process is told by how much ours is ahead of it.
        """
        self._clock.instant = instant.astimezone(UTC)
        self._server.ahead += self._clock.instant - await self._server.shows()
        self._turnstile.clock_ahead = self._server.ahead

    async def end(self) -> None:
        """End every process that was begun, so that none wakes in the time of another story."""
        self._watched = self._post = None
        self._turnstile.open_for_good()
        for workflow_id in list(self._turnstile.open):
            await self._terminate(workflow_id, "the story is over")

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

    @property
    def processes_begun(self) -> int:
        """How many processes there have been."""
        return self._turnstile.begun

    @property
    def processes_open(self) -> int:
        """How many have not ended."""
        return len(self._turnstile.open)

    def watch(
        self,
        dispatcher: Dispatcher,
        log: LogReader,
        post: Post | None = None,
        *,
        together: timedelta | None = None,
        begin_anew: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Say who has to come to rest before time may go on.

        The engine takes its steps one at a time, always in the same order, and each at its own instant. With `together`,
        all that falls due within so much time is done together and up to so much late, which is faster. Under much load
        this server loses a process now and then; `begin_anew` begins it from the log, as after the loss of a cluster.
        """
        self._begin_anew = begin_anew
        self._watched, self._post = (dispatcher, log), post
        self._together = together
        self._turnstile.one_at_a_time = together is None
        self._clock.follows = together is not None

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
            await self._move_to(min(due_at + (self._together or timedelta(0)), instant))
        await self._move_to(instant.astimezone(UTC))
        await self.settle()

    async def settle(self) -> datetime | None:
        """Wait until everything that follows from what has happened is in the log; answer the next deadline, if any.

        Raises: DoesNotSettle.
        """
        loop = asyncio.get_running_loop()
        before, deadline = None, loop.time()
        while True:
            busy, next_due = await self._look()
            if not busy:
                return next_due
            # Much may be under way for long; what must not be is that nothing comes of it.
            now = busy, len(self._turnstile.touched), self._watched and self._watched[0].position
            if now != before:
                before, deadline = now, loop.time() + _PATIENCE_SECONDS
            elif loop.time() > deadline:
                await self._give_up_on(busy)
                before = None
            # The more is under way the longer it takes, and each look costs those who work some of their time.
            await asyncio.sleep(_SHORT_WHILE * (1 + len(self._turnstile.touched) // _AT_ONCE))

    async def _give_up_on(self, busy: str) -> None:
        """End what nothing comes of, and have it begun anew, if it is a process and somebody can. Raises: DoesNotSettle."""
        if self._begin_anew is None or busy not in self._turnstile.open:
            raise DoesNotSettle(busy)
        await self._terminate(busy, "lost by the time-skipping server")
        self.lost += 1
        # It may be one of those that everybody waits for to wake; until then nobody is told anything, nor begun.
        self._beginning.append(asyncio.ensure_future(self._begin_anew(busy)))

    async def _terminate(self, workflow_id: str, why: str) -> None:
        request = TerminateWorkflowExecutionRequest(
            namespace=self.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            reason=why,
        )
        try:
            await self.client.workflow_service.terminate_workflow_execution(request)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        self._forget(workflow_id)

    async def _look(self) -> tuple[str, datetime | None]:
        """What is under way, if anything; otherwise the earliest deadline that a process waits for."""
        if self._watched is None:
            return "", None
        dispatcher, log = self._watched
        if await self._server.hold_if_it_runs():
            self._clock.instant = max(self._clock.instant, await self._server.shows())
            return "the clock", None
        if asleep := await self._wake_all():
            return asleep, None
        while self._beginning and self._beginning[0].done():
            self._beginning.pop(0).result()
        if self._beginning:
            return "what is begun anew", None
        head = await log.head()
        if dispatcher.position < head:
            return "the dispatcher", None
        if busy := await self._look_at_the_touched():
            return busy, None
        if await log.head() != head:
            return "the log", None
        # Everybody else is at rest: now, and only now, it is clear whose turn is next.
        if acts_now := self._turnstile.let_through():
            return acts_now, None
        # Messages follow from the log and nothing from them, so they are waited for last.
        if self._post is not None and not self._post.at_rest(head):
            return "the post", None
        return "", min((due_at for due_at in self._at_rest.values() if due_at), default=None)

    async def _wake_all(self) -> str | None:
        """Which process has yet to wake, of those whose deadline has come. Once all have, they may be told things again.

        Should a process put its timer off, because it is told something, at the moment when that fires, this server (not
        the real one) loses the process.
        """
        if self._turnstile.all_are_awake.is_set():
            return None
        reached = await self._server.shows()
        due = [one for one, due_at in self._at_rest.items() if due_at is not None and due_at <= reached]
        for first in range(0, len(due), _AT_ONCE):
            some = due[first : first + _AT_ONCE]
            asleep = await asyncio.gather(*(self._is_asleep(one) for one in some))
            for workflow_id, is_asleep in zip(some, asleep, strict=True):
                if is_asleep:
                    return workflow_id
                del self._at_rest[workflow_id]
                self._turnstile.touch(workflow_id)
        self._turnstile.all_are_awake.set()
        return None

    async def _is_asleep(self, workflow_id: str) -> bool:
        """Whether nothing has happened to it since it was seen at rest."""
        seen = (await self._describe(workflow_id)).workflow_execution_info
        return self._lengths.get(workflow_id) == (seen.execution.run_id, seen.history_length)

    async def _look_at_the_touched(self) -> str | None:
        """Which process is under way, if any: of those that something has happened to, or whose deadline has come."""
        reached = await self._server.shows()
        for workflow_id, due_at in self._at_rest.items():
            if due_at is not None and due_at <= reached and workflow_id not in self._turnstile.touched:
                self._turnstile.touch(workflow_id)
        touched = sorted(self._turnstile.touched.items())
        for first in range(0, len(touched), _AT_ONCE):
            some = touched[first : first + _AT_ONCE]
            busy = await asyncio.gather(*(self._is_under_way(*one, reached) for one in some))
            for (workflow_id, _), is_busy in zip(some, busy, strict=True):
                if is_busy:
                    return workflow_id
        return None

    async def _is_under_way(self, workflow_id: str, touched: int, reached: datetime) -> bool:
        try:
            description = await self._describe(workflow_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return True  # it is being started
        length = description.workflow_execution_info.history_length
        self.longest_history = max(self.longest_history, length)
        if description.workflow_execution_info.status != _RUNNING:
            if self._turnstile.touched.get(workflow_id) == touched:
                self._forget(workflow_id)
            return False
        if self._turnstile.waits(workflow_id):
            return False
        if await self._is_busy(workflow_id, description):
            return True
        self._at_rest[workflow_id] = due_at = _next_due(description)
        # A timer that was set late fires soon after its deadline; until it has, nobody may tell the process anything.
        if due_at is not None and due_at <= reached:
            return True
        self._turnstile.rests(workflow_id, touched)
        return False

    def _forget(self, workflow_id: str) -> None:
        self._turnstile.has_ended(workflow_id)
        self._at_rest.pop(workflow_id, None)
        self._lengths.pop(workflow_id, None)
        self._unfinished.pop(workflow_id, None)

    async def _describe(self, workflow_id: str) -> DescribeWorkflowExecutionResponse:
        # Not by the SDK's own reading: this server keeps an attribute that was unset as null, which that cannot read.
        return await self.client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=self.client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
            ),
            retry=True,
        )

    async def _is_busy(self, workflow_id: str, description: DescribeWorkflowExecutionResponse) -> bool:
        if description.pending_activities:
            await self._let_a_retry_happen(description)
            return True
        execution = description.workflow_execution_info.execution
        seen = execution.run_id, description.workflow_execution_info.history_length
        # While it still grows there is no use in reading it.
        if self._lengths.get(workflow_id) != seen:
            self._lengths[workflow_id] = seen
            return True
        # A history only grows: as long as it is, it ends as it did.
        if self._unfinished.get(workflow_id) == seen:
            return True
        # This server does not tell whether a workflow task is pending, so the history has to.
        handle = self.client.get_workflow_handle(execution.workflow_id, run_id=execution.run_id)
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        last = next(kind for kind in reversed(kinds) if kind in _OF_A_WORKFLOW_TASK)
        # A history that has grown since tells of another state than the description.
        if len(kinds) != seen[1]:
            return True
        if last != EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            self._unfinished[workflow_id] = seen
            return True
        self._unfinished.pop(workflow_id, None)
        return False

    async def _move_to(self, instant: datetime) -> None:
        # Ours first: a timer that fires on the way must find its deadline passed.
        self._clock.instant = instant
        if self._watched is not None and not self._turnstile.one_at_a_time:
            self._turnstile.all_are_awake.clear()
        await self._server.move_to(instant)

    async def _let_a_retry_happen(self, description: DescribeWorkflowExecutionResponse) -> None:
        # The server's clock cannot be stopped. Should it reach a deadline that ours has not, ours follows.
        if any(activity.attempt > 1 for activity in description.pending_activities):
            self._clock.instant = max(self._clock.instant, await self._server.shows())


async def _connected(address: str, turnstile: Turnstile) -> Client:
    # It warns of what this old kind of server cannot do.
    runtime = sdk_runtime("ERROR")
    return await Client.connect(
        address, data_converter=DATA_CONVERTER, interceptors=[turnstile], runtime=runtime
    )


def _next_due(description: DescribeWorkflowExecutionResponse) -> datetime | None:
    payload = description.workflow_execution_info.search_attributes.indexed_fields[NEXT_DUE.name]
    value = json.loads(payload.data) if payload.data else None
    return datetime.fromisoformat(value) if value else None
