"""Sixteen writers on twenty hot streams and a reader at the end of the log, while parts of the world are killed.

What was acknowledged is there, what was refused is not, nothing is there twice, versions and positions have no hole, and
the reader sees each event once, in order, and none before it is certain.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.errors import LogBusy, LogUnavailable
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from domain.messages import Recorded
from domain.ports import VersionConflict
from tests.log.lossy import Loss, a_lossy_line
from tests.log.writing import following, note, positions, the_whole_log, until
from tests.support.directories import reachable_directory

WRITERS = 16
STREAMS = [uuid4() for _ in range(20)]
ROOT = Path(__file__).parents[2]


@dataclass
class Told:
    """What the writers were told of each command they sent."""

    sent: set[UUID] = field(default_factory=set)
    accepted: dict[UUID, list[int]] = field(default_factory=dict)
    refused: set[UUID] = field(default_factory=set)

    def hear(self, line: str) -> None:
        match line.split():
            case ["sent", command_id]:
                self.sent.add(UUID(command_id))
            case ["accepted", command_id, *where]:
                self.accepted[UUID(command_id)] = [int(position) for position in where]
            case ["refused", command_id]:
                self.refused.add(UUID(command_id))

    def must_agree_with(self, log: Sequence[Recorded]) -> None:
        by_command: dict[UUID, list[Recorded]] = {}
        for one in log:
            by_command.setdefault(one.envelope.command_id, []).append(one)
        assert positions(log) == list(range(1, len(log) + 1))
        versions = Counter[UUID]()
        for one in log:
            versions[one.stream_id] += 1
            assert one.version == versions[one.stream_id]
        # Each command is there whole, once, and together.
        for events in by_command.values():
            assert len({one.stream_id for one in events}) == len(events) == 2
            assert events[1].position == events[0].position + 1
        for command_id, where in self.accepted.items():
            assert positions(by_command[command_id]) == where
        assert not self.refused & set(by_command)
        assert set(by_command) <= self.sent


class CarefulReader:
    """Follows the log; sees each event the moment it can be read, and compares at the end."""

    def __init__(self, log: PostgresEventLog) -> None:
        self.seen: list[Recorded] = []
        self._task = asyncio.create_task(following(log, self.seen, batch=13))

    async def must_have_seen(self, log: Sequence[Recorded]) -> None:
        await until(lambda: len(self.seen) >= len(log))
        # Nothing that is not there for good was ever shown, and nothing was left out, doubled or out of order.
        assert self.seen == list(log)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


@contextlib.asynccontextmanager
async def a_careful_reader(dsn: str) -> AsyncIterator[CarefulReader]:
    pool = await open_pool(dsn, max_size=3)
    reader = CarefulReader(PostgresEventLog(pool))
    try:
        yield reader
    finally:
        await reader.end()
        pool.terminate()


async def write(log: PostgresEventLog, name: int, told: Told, enough: Callable[[int], bool]) -> None:
    """One writer in this process: load two streams, append to both; sent again with the same id when nobody knows.

    It goes on until `enough` says of its number of commands, and of whatever the test is about, that it may end.
    """
    chance = random.Random(name)
    for commands in itertools.count():
        if enough(commands):
            break
        try:
            stands = [(stream, (await log.load(stream)).version) for stream in chance.sample(STREAMS, 2)]
        except LogUnavailable:
            continue
        append = note(*stands)
        told.sent.add(append.command_id)
        while True:
            try:
                answer = await log.append(append)
            except VersionConflict:
                told.refused.add(append.command_id)
            except (LogUnavailable, LogBusy):
                continue
            else:
                told.accepted[append.command_id] = [written.position for written in answer.events]
            break


async def test_sixteen_writers_leave_no_hole_and_the_reader_misses_none_and_sees_none_early(
    database: str,
) -> None:
    told = Told()
    async with a_careful_reader(database) as reader:
        # Half of them in one process, so that their commands share batches; half in others.
        pools = [await open_pool(database, max_size=3) for _ in range(5)]
        logs = [PostgresEventLog(pool) for pool in pools]
        await asyncio.gather(
            *(
                write(logs[max(0, n - 11)], n, told, lambda commands: commands >= 40 and bool(told.refused))
                for n in range(WRITERS)
            )
        )
        log = await the_whole_log(logs[0])
        told.must_agree_with(log)
        await reader.must_have_seen(log)
        for pool in pools:
            await pool.close()
    assert len(log) == 2 * len(told.accepted)
    assert len(told.sent) == len(told.accepted) + len(told.refused)


async def test_writers_that_are_killed_at_random_leave_what_was_acknowledged_and_nothing_that_was_refused(
    database: str,
) -> None:
    told = Told()
    chance = random.Random(4)

    async def one(name: int) -> None:
        """A writer and its successors, who write until they are killed, and at last one who may end."""
        for life in itertools.count():
            last = life >= 2 and told.accepted and told.refused
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-m",
                    "tests.log.writer",
                    database,
                    f"{name}.{life}",
                    "60" if last else "-1",
                ),
                *map(str, STREAMS),
                stdout=asyncio.subprocess.PIPE,
                cwd=ROOT,
            )
            assert process.stdout is not None
            spoken, lives = 0, chance.randint(5, 60)
            async for line in process.stdout:
                told.hear(line.decode())
                spoken += 1
                if not last and spoken == lives:
                    process.kill()
            await process.wait()
            if last:
                break

    async with a_careful_reader(database) as reader:
        # Four writers at once in each of four processes.
        await asyncio.gather(*(one(name) for name in range(WRITERS // 4)))
        pool = await open_pool(database, max_size=2)
        log = await the_whole_log(PostgresEventLog(pool))
        told.must_agree_with(log)
        await reader.must_have_seen(log)
        await pool.close()


async def test_writers_whose_line_is_cut_around_the_commit_are_told_what_became_of_each_command(
    database: str,
) -> None:
    parts = urlsplit(database)
    server = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    told = Told()
    chance = random.Random(7)
    with reachable_directory() as directory:
        async with (
            a_lossy_line(server, directory / ".s.PGSQL.5432") as line,
            a_careful_reader(database) as reader,
        ):
            pool = await open_pool(parts._replace(query=f"host={directory}&port=5432").geturl(), max_size=6)
            log = PostgresEventLog(pool)

            async def cut() -> None:
                while True:
                    await asyncio.sleep(chance.uniform(0.03, 0.2))
                    line.lose = chance.choice([Loss.QUESTION, Loss.ANSWER, Loss.ANSWER])

            cutter = asyncio.create_task(cut())
            await asyncio.gather(
                *(
                    write(log, n, told, lambda commands: commands >= 12 and line.losses >= 8)
                    for n in range(WRITERS)
                )
            )
            cutter.cancel()
            await asyncio.wait([cutter])
            line.lose = Loss.NOTHING
            written = await the_whole_log(log)
            told.must_agree_with(written)
            await reader.must_have_seen(written)
            pool.terminate()
    # However often a line was lost, every command was answered, and whatever is in the log was acknowledged.
    assert len(written) == 2 * len(told.accepted)


async def test_a_server_that_is_stopped_at_once_in_the_middle_loses_nothing_that_was_acknowledged() -> None:
    told = Told()
    stopped = 0
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory / "data") as server:
            await migrate(server.dsn)
            pools = [await open_pool(server.dsn, max_size=3) for _ in range(2)]
            logs = [PostgresEventLog(pool) for pool in pools]
            async with a_careful_reader(server.dsn) as reader:
                writers = [
                    asyncio.create_task(
                        write(
                            logs[n % 2],
                            n,
                            told,
                            lambda commands: commands >= 30 and stopped == 2 and bool(told.refused),
                        )
                    )
                    for n in range(WRITERS)
                ]
                for enough in (60, 150):
                    await until(lambda enough=enough: len(reader.seen) > enough)
                    # What `pg_ctl stop -m immediate` sends: no transaction is finished, no buffer written.
                    os.kill(server.pid, signal.SIGQUIT)
                    await server.wait_dead()
                    await server.restart()
                    stopped += 1
                await asyncio.gather(*writers)
                log = await the_whole_log(logs[0])
                told.must_agree_with(log)
                await reader.must_have_seen(log)
            for pool in pools:
                pool.terminate()
    # Whoever was not answered sent the same command again, until it was.
    assert len(log) == 2 * len(told.accepted)


@pytest.mark.parametrize("line", ["accepted", "nonsense", ""])
def test_a_line_that_a_killed_writer_did_not_finish_tells_nothing(line: str) -> None:
    told = Told()
    told.hear(line)
    assert told == Told()
