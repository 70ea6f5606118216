"""A small world in virtual time: log, application, dispatcher and worker, for stories of a case and what the engine does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.virtual import VirtualTime
from adapters.temporal.worker import build_worker
from domain.application import Application
from domain.rules import Rules
from tests.workflows.world import TASK_QUEUE, World, next_working_monday


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-histories",
        action="store_true",
        help="write the histories of a whole case to tests/workflows/histories/ (run with tests/workflows)",
    )


@pytest.fixture
async def world(pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> AsyncIterator[World]:
    """The pathway in virtual time, on a Monday at ten."""
    async with VirtualTime.started() as time:
        application = Application(log=log, identities=log, pool=log, clock=time.clock, rules=rules)
        dispatcher = Dispatcher(pool, log, time.client, task_queue=TASK_QUEUE)
        time.watch(dispatcher, log)
        async with build_worker(time.client, application, task_queue=TASK_QUEUE):
            telling = asyncio.create_task(dispatcher.run())
            try:
                await time.advance_to(next_working_monday(time.now, rules))
                yield World(time, log, application, rules)
            finally:
                telling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await telling
