"""When the database goes away, is killed, or breaks the line at the worst moment: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.errors import LogUnavailable
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from domain.messages import Recorded
from domain.ports import ANY_VERSION, Answer, Append, VersionConflict
from tests.log.lossy import Loss, LossyLine, a_lossy_line
from tests.log.writing import as_owner, following, note, positions, the_whole_log, until
from tests.support.directories import reachable_directory


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedPostgres]:
    """A server of this test's own, to be killed, that keeps what it has committed."""
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory / "data") as server:
            await migrate(server.dsn)
            yield server


@pytest.fixture
async def own_log(own_server: EmbeddedPostgres) -> AsyncIterator[PostgresEventLog]:
    pool = await open_pool(own_server.dsn)
    yield PostgresEventLog(pool)
    pool.terminate()


@pytest.fixture
async def line(database: str) -> AsyncIterator[tuple[LossyLine, PostgresEventLog]]:
    """The test's database by a line that can be broken, over one connection, so that it is known which breaks."""
    parts = urlsplit(database)
    server = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    with reachable_directory() as directory:
        async with a_lossy_line(server, directory / ".s.PGSQL.5432") as lossy:
            pool = await open_pool(parts._replace(query=f"host={directory}&port=5432").geturl(), max_size=1)
            log = PostgresEventLog(pool)
            # From now on a statement is one question and one answer, since it has been prepared.
            await log.append(note((uuid4(), 0)))
            yield lossy, log
            pool.terminate()


@pytest.mark.parametrize("loss", [Loss.QUESTION, Loss.ANSWER])
async def test_an_append_whose_line_breaks_around_the_commit_is_carried_out_once_and_answered(
    line: tuple[LossyLine, PostgresEventLog], loss: Loss
) -> None:
    lossy, log = line
    stream = uuid4()
    append = note((stream, 0), texts=("one", "two"))
    lossy.lose = loss
    answer = await log.append(append)

    assert lossy.losses == 1
    assert [(one.version, one.position) for one in answer.events] == [(1, 2), (2, 3)]
    # It was this very call that did it, whichever of its attempts.
    assert not answer.repeated
    assert [one.event.text for one in await log.read_stream(stream)] == ["one", "two"]
    assert (await log.append(append)).repeated


async def test_a_repeated_append_whose_line_breaks_is_still_said_to_be_repeated(
    line: tuple[LossyLine, PostgresEventLog],
) -> None:
    lossy, log = line
    stream = uuid4()
    append = note((stream, 0))
    await log.append(append)
    later = note((stream, 0), command_id=append.command_id)
    lossy.lose = Loss.ANSWER
    assert (await log.append(later)).repeated
    assert lossy.losses == 1
    assert await log.head() == 2


async def test_an_append_that_was_lost_and_meets_a_conflict_when_sent_again_is_a_conflict(
    line: tuple[LossyLine, PostgresEventLog], log: PostgresEventLog
) -> None:
    lossy, through = line
    stream = uuid4()
    append = note((stream, 0))
    lossy.lose = Loss.QUESTION
    await log.append(note((stream, 0)))
    with pytest.raises(VersionConflict):
        await through.append(append)
    assert await log.answer_to(append.command_id) is None


async def test_reading_goes_on_when_the_line_breaks(line: tuple[LossyLine, PostgresEventLog]) -> None:
    lossy, log = line
    for loss in (Loss.QUESTION, Loss.ANSWER):
        lossy.lose = loss
        assert await log.head() == 1
        lossy.lose = loss
        assert positions(await log.read_all(after=0, limit=10)) == [1]
    assert lossy.losses == 4


async def test_commands_are_carried_out_once_while_their_sessions_are_ended_at_random(
    log: PostgresEventLog, database: str
) -> None:
    streams = [uuid4() for _ in range(3)]
    answers: list[Answer] = []

    async def end_sessions() -> None:
        owner = await asyncpg.connect(database)
        killed = 0
        while killed < 30:
            answered = len(answers)
            killed += await owner.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM ("
                " SELECT pid FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'ccp'"
                " ORDER BY random() LIMIT 2) AS chosen"
            )
            # A session must live long enough to do something.
            await until(lambda answered=answered: len(answers) > answered)
        await owner.close()

    killer = asyncio.create_task(end_sessions())
    patient = PostgresEventLog(log._pool, patience_seconds=120)
    sent = await _write_until(killer.done, patient, streams, answers)
    await killer

    assert not any(answer.repeated for answer in answers)
    written = await the_whole_log(log)
    assert positions(written) == list(range(1, len(sent) + 1)) == sorted(one.position for one in answers)
    assert Counter(one.envelope.command_id for one in written) == Counter(one.command_id for one in sent)


async def test_a_follower_goes_on_over_a_restart_of_the_server(
    own_server: EmbeddedPostgres, own_log: PostgresEventLog
) -> None:
    seen: list[Recorded] = []
    follower = asyncio.create_task(following(own_log, seen))
    await own_log.append(note((uuid4(), 0)))
    await until(lambda: len(seen) == 1)

    await own_server.restart()
    await own_log.append(note((uuid4(), 0)))
    await until(lambda: len(seen) == 2)

    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.wait_dead()
    # Longer than the log's patience: the follower outlasts it.
    await asyncio.sleep(6)
    assert not follower.done()
    await own_server.restart()
    await own_log.append(note((uuid4(), 0)))
    await until(lambda: len(seen) == 3)
    assert positions(seen) == [1, 2, 3]
    follower.cancel()
    await asyncio.wait([follower])


async def test_what_was_answered_survives_the_killing_of_the_server_and_each_command_is_there_once(
    own_server: EmbeddedPostgres, own_log: PostgresEventLog
) -> None:
    answers: list[Answer] = []
    over = asyncio.Event()
    seen: list[Recorded] = []
    follower = asyncio.create_task(following(own_log, seen))
    # However long this machine takes to start a server.
    patient = PostgresEventLog(own_log._pool, patience_seconds=120)
    writing = asyncio.create_task(_write_until(over.is_set, patient, [uuid4()], answers))
    await until(lambda: len(seen) > 20)
    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.wait_dead()
    answered = len(answers)
    await own_server.restart()
    await until(lambda: len(answers) > answered + 20)
    over.set()
    sent = await writing

    written = await the_whole_log(own_log)
    assert positions(written) == list(range(1, len(sent) + 1)) == sorted(one.position for one in answers)
    assert Counter(one.envelope.command_id for one in written) == Counter(one.command_id for one in sent)
    await until(lambda: len(seen) == len(sent))
    assert positions(seen) == positions(written)
    follower.cancel()
    await asyncio.wait([follower])


async def test_a_database_that_is_away_is_said_to_be_away_within_seconds(
    own_server: EmbeddedPostgres, own_log: PostgresEventLog
) -> None:
    append = note((uuid4(), 0))
    await own_log.append(note((uuid4(), 0)))
    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.wait_dead()

    started = time.monotonic()
    results = await asyncio.gather(
        own_log.append(append), own_log.head(), own_log.answer_to(append.command_id), return_exceptions=True
    )
    assert time.monotonic() - started < 30
    for result in results:
        assert isinstance(result, LogUnavailable)
        assert (result.code, result.retryable) == ("log_unavailable", True)
    with pytest.raises(LogUnavailable):
        await open_pool(own_server.dsn)
    with pytest.raises(LogUnavailable):
        await migrate(own_server.dsn)

    # The same command can be sent again once it is back.
    await own_server.restart()
    assert (await own_log.append(append)).position == 2


async def test_a_log_whose_turn_never_comes_is_unavailable_and_not_stuck(
    log: PostgresEventLog, database: str
) -> None:
    somebody = await asyncpg.connect(database)
    append = note((uuid4(), 0))
    async with somebody.transaction():
        await somebody.execute("LOCK TABLE log.turn IN EXCLUSIVE MODE")
        impatient = PostgresEventLog(log._pool, patience_seconds=1)
        started = time.monotonic()
        with pytest.raises(LogUnavailable):
            await impatient.append(append)
        # It is this that ends, and not the session's own waiting for locks, which would be `lock_timeout`.
        assert time.monotonic() - started < 9
        # Reading needs no turn.
        assert await log.head() == 0
    await somebody.close()
    # Given up on means given up: it does not turn up later by itself.
    await asyncio.sleep(0.2)
    assert await log.head() == 0
    assert not (await log.append(append)).repeated


async def test_nothing_of_the_data_is_in_what_is_said_about_an_outage(
    own_server: EmbeddedPostgres, own_log: PostgresEventLog
) -> None:
    os.kill(own_server.pid, signal.SIGKILL)
    await own_server.wait_dead()
    with pytest.raises(LogUnavailable) as away:
        await PostgresEventLog(own_log._pool, patience_seconds=0.2).append(
            note((uuid4(), 0), texts=("Robin",))
        )
    assert "Robin" not in str(away.value)
    assert away.value.__cause__ is None
    assert away.value.__context__ is None


async def _write_until(
    over: Callable[[], bool], log: PostgresEventLog, streams: Sequence[UUID], answers: list[Answer]
) -> list[Append]:
    """Six callers, each with one command after the other on any of the streams; answers all that they sent."""
    sent: list[Append] = []

    async def write() -> None:
        while not over():
            append = note((random.choice(streams), ANY_VERSION))
            sent.append(append)
            answers.append(await log.append(append))

    await asyncio.gather(*(write() for _ in range(6)))
    return sent


async def test_the_owner_sees_who_is_connected(log: PostgresEventLog, database: str) -> None:
    await log.head()
    rows = await as_owner(
        database, "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database()"
    )
    assert "ccp" in {row["application_name"] for row in rows}
