"""What virtual time puts between the product and Temporal, so that a story can be told twice and go the same way.

It sees which processes begin, tells each how far the clocks are apart, and lets the engine's steps through one at a time:
several deadlines may pass at one moment, and each is kept when all is quiet, in a fixed order. Where the order does not
matter, it only keeps messages to processes back until all have woken whose deadline has come. Must not know any step.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import (
    CancelWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    SignalWorkflowInput,
    StartWorkflowInput,
    TerminateWorkflowInput,
    WorkflowHandle,
)
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor


class Turnstile(Interceptor, WorkerInterceptor):
    """Given to a client, it works for that client and for every worker made of it."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        """Every workflow that was started and not yet seen ended: the time-skipping server cannot list what it runs."""
        self.begun = 0
        """How many there have been."""
        self.touched: dict[str, int] = {}
        """Those of them that may be under way, with how often they were touched: told of something, or doing a step."""
        self.clock_ahead = timedelta(0)
        self.one_at_a_time = False
        """Whether a step has to wait until it is let through."""
        self.all_are_awake = asyncio.Event()
        """Until then nobody is told anything."""
        self.all_are_awake.set()
        self._waiting: dict[str, asyncio.Future[None]] = {}

    def begins(self, workflow_id: str) -> None:
        """Take note that a workflow is started, unless it runs already."""
        if workflow_id not in self.open:
            self.open.add(workflow_id)
            self.begun += 1

    def touch(self, workflow_id: str) -> None:
        """Take note that something may happen in a workflow."""
        if workflow_id in self.open:
            self.touched[workflow_id] = self.touched.get(workflow_id, 0) + 1

    @contextlib.asynccontextmanager
    async def touching(self, workflow_id: str) -> AsyncIterator[None]:
        """While a workflow is being told of something, and once it has been."""
        await self.all_are_awake.wait()
        self.touch(workflow_id)
        try:
            yield
        finally:
            self.touch(workflow_id)

    def rests(self, workflow_id: str, touched: int) -> None:
        """Take note that a workflow was seen at rest after so many touches; one that came since counts."""
        if self.touched.get(workflow_id) == touched:
            del self.touched[workflow_id]

    def has_ended(self, workflow_id: str) -> None:
        """Take note that a workflow is over; another of its name may begin."""
        self.open.discard(workflow_id)
        self.touched.pop(workflow_id, None)

    def waits(self, workflow_id: str) -> bool:
        """Whether a step of this workflow waits to be let through."""
        return workflow_id in self._waiting

    def let_through(self) -> str | None:
        """Let the first of those that wait do its step; answer whose it was, if anybody waits."""
        first = min(self._waiting, default=None)
        if first is not None and not (turn := self._waiting.pop(first)).done():
            turn.set_result(None)
        return first

    def open_for_good(self) -> None:
        """Let everybody through, now and from now on."""
        self.one_at_a_time = False
        self.all_are_awake.set()
        while self.let_through() is not None:
            pass

    async def pass_through(self, workflow_id: str) -> None:
        """Wait to be let through."""
        self.touch(workflow_id)
        if not self.one_at_a_time:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[workflow_id] = turn
        try:
            await turn
        finally:
            if self._waiting.get(workflow_id) is turn:
                del self._waiting[workflow_id]

    def stamped(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments of a message to a workflow; a brief among them says how far the clocks are apart."""
        return [self._stamped(one) for one in arguments]

    def _stamped(self, one: Any) -> Any:
        if isinstance(one, BaseModel) and "clock_ahead" in type(one).model_fields:
            return one.model_copy(update={"clock_ahead": self.clock_ahead})
        return one

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - named so by the SDK
        return _Client(next, self)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Activities(next, self)


class _Client(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, turnstile: Turnstile) -> None:
        super().__init__(following)
        self._turnstile = turnstile

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        self._turnstile.begins(input.id)
        input.args = self._turnstile.stamped(input.args)
        input.start_signal_args = self._turnstile.stamped(input.start_signal_args)
        async with self._turnstile.touching(input.id):
            return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002
        input.args = self._turnstile.stamped(input.args)
        async with self._turnstile.touching(input.id):
            await super().signal_workflow(input)

    async def cancel_workflow(self, input: CancelWorkflowInput) -> None:  # noqa: A002
        async with self._turnstile.touching(input.id):
            await super().cancel_workflow(input)

    async def terminate_workflow(self, input: TerminateWorkflowInput) -> None:  # noqa: A002
        async with self._turnstile.touching(input.id):
            await super().terminate_workflow(input)


class _Activities(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, turnstile: Turnstile) -> None:
        super().__init__(following)
        self._turnstile = turnstile

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        await self._turnstile.pass_through(activity.info().workflow_id or "")
        return await super().execute_activity(input)
