"""The runner: each event counts once, whoever dies when, and one runner at a time keeps a read model."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from asyncpg import Pool

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.append_core import AppendCore, RawAppend, RawEvent, RawStream
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from projections import PROJECTIONS, ProjectionRunner, ReadModels, prepare, rebuild, status
from projections.batch import KINDS, Batch
from projections.builds import Build, all_builds
from projections.keeper import Keeper, PositionMoved
from projections.sql import Queries
from projections.tables import Tables
from tests.projections.telling import Teller, every_row
from tests.support.directories import reachable_directory
from tests.support.scenario import a_case, a_meeting, a_worker

CASES = PROJECTIONS[0]


@contextlib.asynccontextmanager
async def running(*runners: ProjectionRunner) -> AsyncIterator[list[asyncio.Task[None]]]:
    """These runners, until the block ends."""
    tasks = [asyncio.create_task(runner.run()) for runner in runners]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_what_is_written_is_known_a_moment_later(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    async with running(runner):
        story = a_case().submitted()
        position = await teller.tell(story)
        assert await models.wait_for(position, timeout=60)
        assert await models.case(story.case_id) is not None
        position = await teller.tell(a_case("next").submitted())
        assert await models.wait_for(position, timeout=60)
        assert (await models.cases()).total == 2


async def test_waiting_for_what_never_comes_ends(teller: Teller, models: ReadModels) -> None:
    position = await teller.tell(a_case().submitted())
    assert not await models.wait_for(position, timeout=0.05)
    assert await models.wait_for(0, timeout=0)


async def test_one_may_wait_for_one_read_model_alone(
    teller: Teller, pool: Pool, log: PostgresEventLog, models: ReadModels
) -> None:
    position = await teller.tell(a_case().submitted())
    await ProjectionRunner(pool, log, [CASES]).catch_up()
    assert await models.wait_for(position, models=["cases"])
    assert not await models.wait_for(position, timeout=0)


async def test_a_move_is_announced_after_it_is_written(
    database: str, teller: Teller, runner: ProjectionRunner
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(database)
    try:
        await connection.add_listener("ccp_read", lambda *told: heard.put_nowait(str(told[-1])))
        position = await teller.tell(a_case().submitted())
        await runner.catch_up()
        told = {await asyncio.wait_for(heard.get(), 60) for _ in PROJECTIONS}
        assert told == {f"{projection.NAME} {position}" for projection in PROJECTIONS}
    finally:
        await connection.close()


async def test_a_batch_that_was_applied_is_not_applied_again(
    pool: Pool, teller: Teller, log: PostgresEventLog, runner: ProjectionRunner
) -> None:
    await teller.tell(a_case().accepted(), a_worker(), a_meeting())
    await runner.catch_up()
    rows = await every_row(pool)
    events = await log.read_stored(after=0, limit=500)
    keeper = Keeper(log, PROJECTIONS, batch=500)
    async with pool.acquire() as connection:
        for build in await all_builds(pool):
            with pytest.raises(PositionMoved):
                async with connection.transaction():
                    await keeper.apply(connection, [build], 0, events)
    await runner.catch_up()
    assert await every_row(pool) == rows


async def test_of_two_who_apply_the_same_batch_at_once_one_writes(
    pool: Pool, teller: Teller, log: PostgresEventLog
) -> None:
    await prepare(pool)
    await teller.tell(a_case().accepted())
    events = await log.read_stored(after=0, limit=500)

    async def apply(build: Build) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await Keeper(log, PROJECTIONS, batch=500).apply(connection, [build], 0, events)

    for build in await all_builds(pool):
        outcomes = await asyncio.gather(apply(build), apply(build), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "PositionMoved"]


class Watched:
    """A read model of this test's own: it only counts the events that each runner gave it."""

    NAME: ClassVar[str] = "watched"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = Queries(Path(__file__).with_name("watched.sql"))
    HEARS: ClassVar[frozenset[str]] = frozenset(KINDS)
    OPENS: ClassVar[frozenset[str]] = frozenset()
    DATES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def apply(self, tables: Tables, batch: Batch) -> None:
        await tables.copy("watched", [(event.position, event.stream_id) for event in batch.told])
        self.seen += [event.position for event in batch.told]


async def test_of_two_runners_one_works_and_the_other_takes_over_when_it_is_gone(
    pool: Pool, teller: Teller, log: PostgresEventLog
) -> None:
    first, second = Watched(), Watched()
    async with running(ProjectionRunner(pool, log, [first])) as (working,):
        await teller.tell(a_case("one").submitted())
        await until(lambda: len(first.seen) == 3)
        async with running(ProjectionRunner(pool, log, [second])):
            await teller.tell(a_case("two").submitted())
            await until(lambda: len(first.seen) == 6)
            assert second.seen == []
            working.cancel()
            await teller.tell(a_case("three").submitted())
            await until(lambda: len(second.seen) == 3)
    assert first.seen + second.seen == list(range(1, 10))


async def test_a_runner_that_dies_between_two_batches_is_resumed_by_the_next(
    pool: Pool, teller: Teller, log: PostgresEventLog
) -> None:
    position = await teller.tell(a_case().accepted(), a_worker().carrying(3), a_meeting().concluded())
    dying, next_one = Dying(3), Watched()
    with pytest.raises(asyncpg.UndefinedTableError):
        await ProjectionRunner(pool, log, [dying], batch=2).catch_up()
    assert await pool.fetchval("SELECT position FROM read.build WHERE name = 'watched'") == 4
    assert await pool.fetchval("SELECT count(*) FROM read.watched") == 4
    await ProjectionRunner(pool, log, [next_one], batch=2).catch_up()
    assert next_one.seen == list(range(5, position + 1))
    assert await pool.fetchval("SELECT count(*) FROM read.watched") == position


class Dying(Watched):
    """Writes its rows and fails before they are committed, from the batch of this number on."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self._left = batch

    async def apply(self, tables: Tables, batch: Batch) -> None:
        await super().apply(tables, batch)
        self._left -= 1
        if self._left <= 0:
            raise asyncpg.UndefinedTableError("a statement of ours is wrong")


async def test_a_read_model_that_fails_does_not_hold_up_the_others(
    pool: Pool, teller: Teller, log: PostgresEventLog, models: ReadModels
) -> None:
    position = await teller.tell(a_case().submitted())
    every = [Dying(1), *PROJECTIONS]
    async with running(ProjectionRunner(pool, log, every)):
        assert await models.wait_for(position, timeout=60)
        lag = {one.name: one.lag_events for one in await status(pool, log, now=teller.now, projections=every)}
    assert (lag["watched"], lag["cases"]) == (position, 0)
    assert await pool.fetchval("SELECT count(*) FROM read.dead_letter") == 0


async def test_lag_counts_the_events_that_are_not_applied_yet_and_how_long_they_wait(
    pool: Pool, teller: Teller, log: PostgresEventLog, runner: ProjectionRunner
) -> None:
    await teller.tell(a_case("one").submitted())
    await runner.catch_up()
    await teller.tell(a_case("two").submitted())
    await ProjectionRunner(pool, log, [CASES]).catch_up()
    now = teller.now + timedelta(minutes=5)
    rows = await status(pool, log, now=now)
    assert {one.name: one.lag_events for one in rows} == {
        one.NAME: 0 if one is CASES else 3 for one in PROJECTIONS
    }
    # The first of the three events was told two minutes before the last.
    assert {one.name: one.lag_seconds for one in rows} == {
        one.NAME: 0 if one is CASES else 420 for one in PROJECTIONS
    }


async def test_who_keeps_a_read_model_is_shown_and_nobody_when_nobody_does(
    pool: Pool, teller: Teller, log: PostgresEventLog, models: ReadModels
) -> None:
    position = await teller.tell(a_case().submitted())
    async with running(ProjectionRunner(pool, log)):
        assert await models.wait_for(position, timeout=60)
        (keeper,) = {one.kept_by for one in await status(pool, log, now=teller.now)}
        assert keeper is not None
    # A lock ends with its session, which the server may notice a moment later.
    async with asyncio.timeout(60):
        while {one.kept_by for one in await status(pool, log, now=teller.now)} != {None}:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)


async def told_of_another_version(pool: Pool, stream_id: UUID, version: int) -> int:
    """An event of a later version of the product, in a stream of this one."""
    raw = RawEvent(stream_id, "FromTheFuture", b'{"who":"knows"}', uuid4(), "{}")
    answer = await AppendCore(pool).append(RawAppend(uuid4(), [RawStream(stream_id, version)], [raw]))
    return answer.first_position


async def test_an_event_that_nobody_knows_only_moves_the_position(
    pool: Pool, log: PostgresEventLog, teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case()
    *begun, last = story.accepted()
    await teller.tell(begun)
    await runner.catch_up()
    rows = await every_row(pool)
    version = len(await log.read_stream(story.case_id))
    position = await told_of_another_version(pool, story.case_id, version)
    await runner.catch_up()
    assert set((await models.positions()).values()) == {position}
    assert await every_row(pool) == rows
    # What comes after it in the same stream is known again, also to who has the case in memory.
    await teller.tell(last)
    await runner.catch_up()
    live = await every_row(pool)
    assert live != rows
    for projection in PROJECTIONS:
        await rebuild(pool, projection)
    await runner.catch_up()
    assert await every_row(pool) == live


async def test_tables_can_be_made_by_many_at_once(pool: Pool, models: ReadModels) -> None:
    await asyncio.gather(*(prepare(pool) for _ in range(6)))
    assert (await models.cases()).rows == ()


async def test_a_read_model_answers_before_any_runner_was_there(models: ReadModels) -> None:
    assert (await models.cases()).total == 0
    assert await models.caseload() == []


async def test_lost_connections_are_replaced_and_nothing_is_counted_twice(
    database: str, pool: Pool, teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    owner = await asyncpg.connect(database)
    try:
        async with running(runner):
            for name in ("one", "two", "three"):
                position = await teller.tell(a_case(name).submitted())
                assert await models.wait_for(position, timeout=60)
                await owner.execute(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()"""
                )
            position = await teller.tell(a_case("four").submitted())
            assert await models.wait_for(position, timeout=60)
    finally:
        await owner.close()
    rows = await every_row(pool)
    for projection in PROJECTIONS:
        await rebuild(pool, projection)
    await runner.catch_up()
    assert await every_row(pool) == rows


async def test_a_restart_of_postgresql_is_waited_out() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory, durable=False) as server:
            await migrate(server.dsn)
            pool = await open_pool(server.dsn)
            try:
                log, models = PostgresEventLog(pool, patience_seconds=60), ReadModels(pool)
                teller = Teller(log)
                async with running(ProjectionRunner(pool, log)):
                    position = await teller.tell(a_case("one").submitted())
                    assert await models.wait_for(position, timeout=60)
                    os.kill(server.pid, signal.SIGKILL)
                    await server.wait_dead()
                    await server.restart()
                    position = await teller.tell(a_case("two").submitted())
                    assert await models.wait_for(position, timeout=60)
                    assert (await models.cases()).total == 2
            finally:
                pool.terminate()


async def until(happened: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something that a runner does."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - what is watched knows nothing of this test
            await asyncio.sleep(0.01)
