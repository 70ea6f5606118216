"""A runner that is killed again and again while ten thousand events come in: the rows are those of a rebuild."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain

import pytest
from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from projections import PROJECTIONS, ReadModels, verify
from tests.projections.running import a_runner
from tests.projections.telling import Teller, every_row
from tests.projections.test_rebuild import one_history, rows_of_a_rebuild
from tests.workflows.engine import eventually

EVENTS = 10_000
KILLS = 12
PATIENCE_SECONDS = 120


@pytest.mark.timeout(290)
async def test_the_rows_of_runners_that_were_killed_are_those_of_a_rebuild(
    database: str, pool: Pool, log: PostgresEventLog, teller: Teller
) -> None:
    async with _telling(teller) as (told, enough):
        await _kill_while_they_tell(database, pool, log, told, enough)
    assert await log.head() >= EVENTS
    rows = await every_row(pool)
    assert all(rows.values()), {table for table, found in rows.items() if not found}
    for projection in PROJECTIONS:
        verification = await verify(pool, log, projection)
        assert verification.is_sound, verification
    assert await rows_of_a_rebuild(pool, log, 500) == rows


@asynccontextmanager
async def _telling(teller: Teller) -> AsyncIterator[tuple[asyncio.Task[None], asyncio.Event]]:
    """Histories happen one after the other until there are events enough, and the runners were killed often enough."""
    enough = asyncio.Event()

    async def tell() -> None:
        position, number = 0, 0
        while position < EVENTS or not enough.is_set():
            number += 1
            position = await teller.tell(chain.from_iterable(one_history(f"killed-{number}").values()))

    told = asyncio.create_task(tell())
    try:
        yield told, enough
        await told
    finally:
        told.cancel()


async def _kill_while_they_tell(
    database: str, pool: Pool, log: PostgresEventLog, told: asyncio.Task[None], enough: asyncio.Event
) -> None:
    """Two run, and the older one, which leads, is killed wherever it is; the last two bring all to an end."""
    chance = random.Random(7)
    runners = [a_runner(database) for _ in range(2)]

    models = ReadModels(pool)

    async def applied() -> int:
        return max((await models.positions()).values(), default=0)

    try:
        for _ in range(KILLS):
            before = await applied()

            async def somebody_works(before: int = before) -> bool:
                return await applied() > before

            await eventually(somebody_works, seconds=PATIENCE_SECONDS)
            await asyncio.sleep(chance.uniform(0, 0.4))
            runners.pop(0).kill()
            runners.append(a_runner(database))
        enough.set()
        await told
        assert await models.wait_for(await log.head(), timeout=PATIENCE_SECONDS)
    finally:
        for one in runners:
            one.kill()
