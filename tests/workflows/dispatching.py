"""A dispatcher in a process of its own, so that it can be killed as a machine would kill it."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess

from adapters.loop import run_main
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from adapters.temporal.client import connect
from adapters.temporal.dispatcher import Dispatcher

_CONTEXT = multiprocessing.get_context("forkserver")
# What takes long to load is loaded once, so that a dispatcher can be killed every few moments.
_CONTEXT.set_forkserver_preload([__name__, "temporalio.bridge.client", "temporalio.contrib.pydantic"])


def a_dispatcher(dsn: str, address: str, task_queue: str) -> ForkServerProcess:
    """A dispatcher that runs until it is killed."""
    process = _CONTEXT.Process(target=_dispatch, args=(dsn, address, task_queue), daemon=True)
    process.start()
    return process


def _dispatch(dsn: str, address: str, task_queue: str) -> None:
    run_main(_dispatch_for_ever(dsn, address, task_queue))


async def _dispatch_for_ever(dsn: str, address: str, task_queue: str) -> None:
    pool = await open_pool(dsn)
    client = await connect(address)
    await Dispatcher(pool, PostgresEventLog(pool), client, task_queue=task_queue).run()
