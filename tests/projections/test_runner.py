"""The runner: each event counts once, whoever dies when, and one runner at a time keeps a read model."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg
import pytest
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from domain.messages import Event, Recorded
from projections import PROJECTIONS, ProjectionRunner, ReadModels, prepare, rebuild
from projections.batch import Batch
from projections.runner import PositionMoved, Projection
from projections.sql import Queries
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
        assert await models.wait_for(position, timeout=10)
        assert await models.case(story.case_id) is not None
        position = await teller.tell(a_case("next").submitted())
        assert await models.wait_for(position, timeout=10)
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
        told = {await asyncio.wait_for(heard.get(), 10) for _ in PROJECTIONS}
        assert told == {f"{projection.NAME} {position}" for projection in PROJECTIONS}
    finally:
        await connection.close()


async def test_a_batch_that_was_applied_is_not_applied_again(
    pool: Pool, teller: Teller, log: PostgresEventLog, runner: ProjectionRunner
) -> None:
    await teller.tell(a_case().accepted(), a_worker(), a_meeting())
    await runner.catch_up()
    rows = await every_row(pool)
    batch = await Batch.load(log, await log.read_all(after=0, limit=500))
    async with pool.acquire() as connection:
        for projection in PROJECTIONS:
            with pytest.raises(PositionMoved):
                await runner._apply(connection, projection, 0, batch)
    await runner.catch_up()
    assert await every_row(pool) == rows


async def test_of_two_who_apply_the_same_batch_at_once_one_writes(
    pool: Pool, teller: Teller, log: PostgresEventLog, runner: ProjectionRunner
) -> None:
    await prepare(pool)
    await teller.tell(a_case().accepted())
    batch = await Batch.load(log, await log.read_all(after=0, limit=500))

    async def apply(projection: Projection) -> None:
        async with pool.acquire() as connection:
            await runner._apply(connection, projection, 0, batch)

    for projection in PROJECTIONS:
        outcomes = await asyncio.gather(apply(projection), apply(projection), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "PositionMoved"]


class Watched:
    """A read model of this test's own: it only counts the events that each runner gave it."""

    NAME: ClassVar[str] = "watched"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = Queries(Path(__file__).with_name("watched.sql"))

    def __init__(self) -> None:
        self.seen: list[int] = []

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        await connection.executemany(self.QUERIES["put"], [(event.position,) for event in batch.events])
        self.seen += [event.position for event in batch.events]


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
    with pytest.raises(Died):
        await ProjectionRunner(pool, log, [dying], batch=2).catch_up()
    assert await pool.fetchval("SELECT position FROM read.position WHERE name = 'watched'") == 4
    assert await pool.fetchval("SELECT count(*) FROM read.watched_v1") == 4
    await ProjectionRunner(pool, log, [next_one], batch=2).catch_up()
    assert next_one.seen == list(range(5, position + 1))
    assert await pool.fetchval("SELECT count(*) FROM read.watched_v1") == position


class Died(Exception):
    """The process is no more."""


class Dying(Watched):
    """Writes its rows and dies before they are committed, in the batch of this number."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self._left = batch

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        await super().apply(connection, batch)
        self._left -= 1
        if self._left == 0:
            raise Died


async def test_a_read_model_that_fails_does_not_hold_up_the_others(
    pool: Pool, teller: Teller, log: PostgresEventLog, models: ReadModels, caplog: pytest.LogCaptureFixture
) -> None:
    position = await teller.tell(a_case().submitted())
    runner = ProjectionRunner(pool, log, [Dying(1), *PROJECTIONS])
    async with running(runner):
        assert await models.wait_for(position, timeout=10)
        assert (await runner.lag())["watched"] == position
        assert (await runner.lag())["cases"] == 0


async def test_lag_counts_the_events_that_are_not_applied_yet(
    pool: Pool, teller: Teller, log: PostgresEventLog, runner: ProjectionRunner
) -> None:
    await teller.tell(a_case("one").submitted())
    await runner.catch_up()
    await teller.tell(a_case("two").submitted())
    await ProjectionRunner(pool, log, [CASES]).catch_up()
    assert await runner.lag() == {"cases": 0, "due": 3, "caseload": 3, "agenda": 3, "audit": 3}


class FromTheFuture(Event):
    """An event of a later version of the product, in the stream of a case."""

    case_id: UUID

    @property
    def stream_id(self) -> UUID:
        return self.case_id


class WithOneMore(PostgresEventLog):
    """A log whose last event, in every stream and in the whole, is one that nobody here knows."""

    async def head(self) -> int:
        return await super().head() + 1

    async def read_all(self, *, after: int, limit: int) -> Sequence[Recorded]:
        head = await super().head()
        known = await super().read_all(after=after, limit=limit)
        if not known and after == head:
            last = (await super().read_all(after=head - 1, limit=1))[0]
            return [
                Recorded(
                    head + 1,
                    last.stream_id,
                    last.version + 1,
                    FromTheFuture(case_id=last.stream_id),
                    last.envelope,
                )
            ]
        return known

    async def read_stream(
        self, stream_id: UUID, *, after_version: int = 0, up_to_position: int | None = None
    ) -> Sequence[Recorded]:
        known = await super().read_stream(
            stream_id, after_version=after_version, up_to_position=up_to_position
        )
        last = known[-1]
        return [
            *known,
            Recorded(0, stream_id, last.version + 1, FromTheFuture(case_id=stream_id), last.envelope),
        ]


async def test_an_event_that_nobody_knows_only_moves_the_position(
    pool: Pool, teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    position = await teller.tell(a_case().submitted())
    await runner.catch_up()
    rows = await every_row(pool)
    await ProjectionRunner(pool, WithOneMore(pool)).catch_up()
    assert set((await models.positions()).values()) == {position + 1}
    assert await every_row(pool) == rows


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
                assert await models.wait_for(position, timeout=10)
                await owner.execute(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid()"""
                )
            position = await teller.tell(a_case("four").submitted())
            assert await models.wait_for(position, timeout=20)
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
                log, models = PostgresEventLog(pool, patience_seconds=1), ReadModels(pool)
                teller = Teller(log)
                async with running(ProjectionRunner(pool, log)):
                    position = await teller.tell(a_case("one").submitted())
                    assert await models.wait_for(position, timeout=20)
                    os.kill(server.pid, signal.SIGKILL)
                    await server.wait_dead()
                    await server.restart()
                    position = await teller.tell(a_case("two").submitted())
                    assert await models.wait_for(position, timeout=20)
                    assert (await models.cases()).total == 2
            finally:
                pool.terminate()


async def until(happened: Callable[[], bool], *, seconds: float = 15) -> None:
    """Wait for something that a runner does."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - what is watched knows nothing of this test
            await asyncio.sleep(0.01)
