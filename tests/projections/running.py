"""A runner of read models in a process of its own, so that it can be killed as a machine would kill it."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerProcess

from adapters.loop import run_main
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from projections import ProjectionRunner

_CONTEXT = multiprocessing.get_context("forkserver")
# What takes long to load is loaded once, so that a runner can be killed every few moments.
_CONTEXT.set_forkserver_preload([__name__])


def a_runner(dsn: str) -> ForkServerProcess:
    """A runner that works until it is killed, in small batches, so that it is mostly in the middle of one."""
    process = _CONTEXT.Process(target=_run, args=(dsn,), daemon=True)
    process.start()
    return process


def _run(dsn: str) -> None:
    run_main(_run_for_ever(dsn))


async def _run_for_ever(dsn: str) -> None:
    pool = await open_pool(dsn)
    await ProjectionRunner(pool, PostgresEventLog(pool), batch=20).run()
