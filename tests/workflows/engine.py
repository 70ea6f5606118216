"""Dispatcher and worker on a real Temporal server and in real time, to be stopped and started again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from temporalio.client import Client

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.worker import build_worker
from domain.application import Application
from domain.messages import Recorded
from domain.rules import Rules
from tests.support.scenario import CaseStory, Story
from tests.workflows.world import write
from workflows.contracts import ProcessKind, workflow_id


class MachineClock:
    async def now(self) -> datetime:
        return datetime.now(UTC)


async def eventually(holds: Callable[[], Awaitable[bool]], *, seconds: float = 60) -> None:
    """Wait until it holds; fail if it does not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline, "it did not come to hold in time"
        await asyncio.sleep(0.02)


@dataclass
class Engine:
    """What runs by itself beside one log."""

    client: Client
    pool: asyncpg.Pool
    log: PostgresEventLog
    rules: Rules
    task_queue: str = field(default_factory=lambda: f"test-{uuid4()}")
    told: dict[str, int] = field(default_factory=dict)

    @property
    def application(self) -> Application:
        return Application(
            log=self.log, identities=self.log, pool=self.log, clock=MachineClock(), rules=self.rules
        )

    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.pool, self.log, self.client, task_queue=self.task_queue)

    @asynccontextmanager
    async def dispatching(self) -> AsyncIterator[Dispatcher]:
        """A dispatcher runs, until it is stopped as a crash would: at once, wherever it is."""
        dispatcher = self.dispatcher()
        telling = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """A worker runs."""
        async with build_worker(self.client, self.application, task_queue=self.task_queue):
            yield

    async def given(self, story: Story) -> None:
        """What is new in the story is in the log; who has heard of it is another matter."""
        new = story.facts[self.told.get(story.name, 0) :]
        self.told[story.name] = len(story.facts)
        await write(self.log, new, at=datetime.now(UTC))

    async def facts(self, case: CaseStory) -> list[str]:
        """What the log holds of the case."""
        recorded: list[Recorded] = list(await self.log.read_stream(case.case_id))
        return [one.event.TOPIC for one in recorded]

    async def has_caught_up(self, dispatcher: Dispatcher) -> None:
        """Everything in the log has been told."""

        async def caught_up() -> bool:
            return dispatcher.position >= await self.log.head()

        await eventually(caught_up)

    async def runs_of(self, kind: ProcessKind, case: CaseStory) -> list[str]:
        """How each run of a process stands, by the server's own list."""
        query = f"WorkflowId = '{workflow_id(kind, case.case_id)}'"
        found = [one async for one in self.client.list_workflows(query)]
        return sorted(one.status.name for one in found if one.status)

    async def comes_to(self, kind: ProcessKind, case: CaseStory, *runs: str) -> None:
        """The process gets to have these runs, and keeps them for a moment."""

        async def holds() -> bool:
            return await self.runs_of(kind, case) == sorted(runs)

        await eventually(holds)
        await asyncio.sleep(0.1)
        assert await holds()
