"""A worker of the simulated year, in a process of its own, so that its memory tells of nothing else. No measurement.

As `ccp worker` runs it, but for the clock, which is the time-skipping server's: `python -m benchmarks.year_worker DSN ADDRESS`.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import datetime

import psutil
from temporalio.client import Client

from adapters.bootstrap import open_product, until_told_to_stop
from adapters.loop import run_main
from adapters.settings import Settings
from adapters.temporal.client import DATA_CONVERTER, sdk_runtime
from adapters.temporal.skipping_clock import SkippingClock
from adapters.temporal.worker import build_worker
from domain.rules import load_rules

TASK_QUEUE = "year"


class _ServersClock:
    """What the server shows: a timer fires when its clock has passed the deadline, and never before."""

    def __init__(self, client: Client) -> None:
        self._server = SkippingClock(client)

    async def now(self) -> datetime:
        return await self._server.shows()


@contextlib.asynccontextmanager
async def a_worker(dsn: str, address: str) -> AsyncIterator[psutil.Process]:
    """The process of a worker, which is told to stop at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.year_worker", dsn, address
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        await process.wait()


async def main(dsn: str, address: str) -> None:
    # It warns of what this old kind of server cannot do.
    client = await Client.connect(address, data_converter=DATA_CONVERTER, runtime=sdk_runtime("ERROR"))
    async with (
        open_product(Settings(), dsn=dsn, clock=_ServersClock(client), rules=load_rules()) as product,
        build_worker(client, product.application, task_queue=TASK_QUEUE),
    ):
        await until_told_to_stop()


if __name__ == "__main__":
    run_main(main(*sys.argv[1:]))
