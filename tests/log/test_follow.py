"""Following the log: everything, once, in order, soon, from anywhere, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres import event_log
from adapters.postgres.codec import Codec
from adapters.postgres.errors import LogDefect, NewerSchema, UnknownTopic, UnreadableEvent
from adapters.postgres.event_log import PostgresEventLog
from domain.messages import Recorded
from domain.ports import VersionConflict
from tests.log.writing import Noted, as_owner, following, note, positions, until

LISTENERS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN \"ccp_log\"'"
)


@contextlib.asynccontextmanager
async def a_follower(
    log: PostgresEventLog, *, after: int = 0, batch: int = 500
) -> AsyncIterator[list[Recorded]]:
    seen: list[Recorded] = []
    task = asyncio.create_task(following(log, seen, after=after, batch=batch))
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("after", [0, 1, 4, 5])
async def test_a_follower_gets_what_is_there_and_then_what_comes_from_any_position(
    log: PostgresEventLog, after: int
) -> None:
    for _ in range(5):
        await log.append(note((uuid4(), 0)))
    async with a_follower(log, after=after, batch=2) as seen:
        await until(lambda: len(seen) == 5 - after)
        await log.append(note((uuid4(), 0), texts=("one", "two", "three")))
        await until(lambda: len(seen) == 8 - after)
        assert positions(seen) == list(range(after + 1, 9))


async def test_news_comes_without_the_next_look(
    log: PostgresEventLog, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "POLL_SECONDS", 3_600)
    async with a_follower(log) as seen:
        await _listening(database)
        for n in range(1, 6):
            await log.append(note((uuid4(), 0)))
            await until(lambda n=n: len(seen) == n)


async def test_what_was_announced_to_nobody_is_found_at_the_next_look(
    log: PostgresEventLog, database: str
) -> None:
    async with a_follower(log) as seen:
        await _listening(database)
        # Past the append function, as a restored backup would bring it.
        await as_owner(
            database,
            "INSERT INTO log.event SELECT gen_random_uuid(), 1, 'TestNoted',"
            " convert_to(json_build_object('stream', gen_random_uuid())::text, 'UTF8'), 1, gen_random_uuid(), id,"
            " json_build_object('command', 'Note', 'recorded_at', now(), 'effective_at', now(), 'correlation_id', id,"
            " 'actor', json_build_object('person', 'p', 'role', 'system', 'agency', 'a'))::jsonb"
            " FROM gen_random_uuid() AS id",
        )
        await until(lambda: len(seen) == 1)


async def test_a_follower_whose_connection_is_ended_hears_news_again(
    log: PostgresEventLog, database: str
) -> None:
    async with a_follower(log) as seen:
        for n in range(1, 4):
            [listener] = await _listening(database)
            await as_owner(database, "SELECT pg_terminate_backend($1)", listener)
            await log.append(note((uuid4(), 0)))
            await until(lambda n=n: len(seen) == n)
        assert positions(seen) == [1, 2, 3]
        await _listening(database)


async def test_all_followers_of_a_process_share_one_connection_and_give_it_back(
    log: PostgresEventLog, pool: asyncpg.Pool, database: str
) -> None:
    async with contextlib.AsyncExitStack() as followers:
        everybody = [await followers.enter_async_context(a_follower(log)) for _ in range(15)]
        assert len(await _listening(database)) == 1
        await log.append(note((uuid4(), 0)))
        await until(lambda: all(len(seen) == 1 for seen in everybody))
    await until(lambda: pool.get_idle_size() == pool.get_size())
    assert await as_owner(database, LISTENERS) == []
    async with a_follower(log, after=1) as seen:
        await log.append(note((uuid4(), 0)))
        await until(lambda: positions(seen) == [2])


async def test_a_follower_of_a_closed_pool_ends_with_an_error_and_does_not_turn_in_circles(
    log: PostgresEventLog, pool: asyncpg.Pool
) -> None:
    pool.terminate()
    with pytest.raises(LogDefect, match="closed"):
        await asyncio.wait_for(following(log, []), 5)


async def test_nothing_is_missed_doubled_or_out_of_order_while_sixteen_write_to_a_few_streams(
    log: PostgresEventLog,
) -> None:
    streams = [uuid4() for _ in range(6)]
    accepted: list[int] = []
    conflicts = 0

    async def write(writer: int) -> None:
        nonlocal conflicts
        chance = random.Random(writer)
        for turn in itertools.count():
            # On until the race has been one.
            if turn >= 25 and conflicts:
                break
            one, other = chance.sample(streams, 2)
            at = {stream: len(await log.read_stream(stream)) for stream in (one, other)}
            try:
                answer = await log.append(note((one, at[one]), (other, at[other])))
            except VersionConflict:
                conflicts += 1
            else:
                accepted.extend(written.position for written in answer.events)

    async with a_follower(log, batch=7) as seen, a_follower(log) as seen_too:
        await asyncio.gather(*(write(writer) for writer in range(16)))
        await until(lambda: len(seen) == len(seen_too) == len(accepted))

    # What was written has no gap in positions and none in any stream's versions.
    assert positions(seen) == positions(seen_too) == sorted(accepted) == list(range(1, len(accepted) + 1))
    versions = Counter[object]()
    for one in seen:
        versions[one.stream_id] += 1
        assert one.version == versions[one.stream_id]


async def test_an_event_of_an_unknown_topic_stops_the_follower_after_all_that_came_before(
    log: PostgresEventLog, pool: asyncpg.Pool
) -> None:
    for _ in range(3):
        await log.append(note((uuid4(), 0)))
    older = PostgresEventLog(pool, codec=Codec({}))
    with pytest.raises(UnknownTopic) as unknown:
        await older.read_all(after=0, limit=10)
    assert unknown.value.data == {"topic": "TestNoted", "position": 1}
    assert "TestNoted" in str(unknown.value)
    assert "position 1" in str(unknown.value)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        ("UPDATE log.event SET topic = 'TestOfTheFuture' WHERE notification_id = 3", UnknownTopic),
        (
            "UPDATE log.event SET metadata = jsonb_set(metadata::jsonb, '{schema_version}', '2') WHERE notification_id = 3",
            NewerSchema,
        ),
        (
            """UPDATE log.event SET state = '{"stream": "Robin Example"}' WHERE notification_id = 3""",
            UnreadableEvent,
        ),
        ("UPDATE log.event SET state = 'Robin Example' WHERE notification_id = 3", UnreadableEvent),
        (
            """UPDATE log.event SET metadata = '{"actor": {"person": "Robin Example"}}' WHERE notification_id = 3""",
            UnreadableEvent,
        ),
    ],
)
async def test_what_cannot_be_read_is_named_by_topic_and_position_and_never_by_its_text(
    log: PostgresEventLog, database: str, damage: str, error: type[Exception]
) -> None:
    for _ in range(4):
        await log.append(note((uuid4(), 0), texts=("Robin Example",)))
    connection = await asyncpg.connect(database)
    await connection.execute("ALTER TABLE log.event DISABLE TRIGGER refuse_change")
    await connection.execute(damage)
    await connection.close()

    seen: list[Recorded] = []
    with pytest.raises(error, match="position 3") as raised:
        await asyncio.wait_for(following(log, seen), 5)
    assert positions(seen) == [1, 2]
    assert "Robin" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None or raised.value.__suppress_context__
    # Whoever can do without it goes on after it.
    assert positions(await log.read_all(after=3, limit=10)) == [4]
    assert isinstance((await log.read_all(after=3, limit=10))[0].event, Noted)


async def _listening(database: str) -> list[int]:
    """Wait until somebody listens, and answer who."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        rows = await as_owner(database, LISTENERS)
        if rows:
            return [row["pid"] for row in rows]
        await asyncio.sleep(0.02)
    raise AssertionError("nobody listens")
