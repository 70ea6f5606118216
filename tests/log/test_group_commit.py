"""Commands that come together are written together, and each is treated as if it had come alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres import append_core
from adapters.postgres.append_core import AppendCore, Outcome, RawAppend, RawEvent, RawStream, schema_sql
from adapters.postgres.errors import LogBusy, LogDefect, LogUnavailable
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from adapters.problems import problem_of
from domain.ports import ANY_VERSION, Answer, Append, NewEvent, StreamChange, VersionConflict
from tests.log.writing import (
    Noted,
    as_owner,
    envelope,
    note,
    positions,
    registration,
    the_whole_log,
    until,
)


@contextlib.asynccontextmanager
async def nobody_may_write(database: str) -> AsyncIterator[None]:
    """Somebody else has the turn."""
    somebody = await asyncpg.connect(database)
    async with somebody.transaction():
        await somebody.execute("LOCK TABLE log.turn IN EXCLUSIVE MODE")
        yield
    await somebody.close()


async def statement_waits(database: str) -> None:
    """Until a batch has been sent and waits for its turn."""
    for _ in range(3_000):
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database ="
        waiting += " (SELECT oid FROM pg_database WHERE datname = current_database())"
        if (await as_owner(database, waiting))[0][0]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("nobody waits for a turn")


async def test_commands_that_come_together_are_announced_together(
    log: PostgresEventLog, database: str
) -> None:
    heard: list[str] = []
    connection = await asyncpg.connect(database)
    await connection.add_listener("ccp_log", lambda *news: heard.append(news[3]))
    answers = await asyncio.gather(*(log.append(note((uuid4(), 0))) for _ in range(40)))
    await until(lambda: bool(heard) and heard[-1] == "40")
    assert len(heard) < 6
    # In the order in which they came, each with positions of its own.
    assert [answer.position for answer in answers] == list(range(1, 41))
    await connection.close()


async def test_a_refused_command_leaves_its_neighbours_alone(log: PostgresEventLog) -> None:
    stands_at_one = uuid4()
    await log.append(note((stands_at_one, 0)))
    repeated = note((uuid4(), 0))
    first = await log.append(repeated)
    appends = [
        note((uuid4(), 0), texts=("one", "two")),
        note((stands_at_one, 0), (uuid4(), 0)),  # moved on
        note((uuid4(), 0)),
        repeated,
        note((uuid4(), 3)),  # not there yet
        note((stands_at_one, ANY_VERSION), (uuid4(), 0)),
    ]
    results = await asyncio.gather(*(log.append(append) for append in appends), return_exceptions=True)
    assert [type(result) for result in results] == [
        *(Answer, VersionConflict, Answer, Answer, VersionConflict, Answer),
    ]
    written = [result for result in results if isinstance(result, Answer)]
    assert [[one.position for one in answer.events] for answer in written] == [[3, 4], [5], [2], [6, 7]]
    assert written[2].events == first.events
    assert [answer.repeated for answer in written] == [False, False, True, False]
    assert positions(await the_whole_log(log)) == list(range(1, 8))


async def test_commands_on_one_stream_come_in_turn_and_each_is_told_the_truth(log: PostgresEventLog) -> None:
    stream = uuid4()
    told = await asyncio.gather(*(log.append(note((stream, ANY_VERSION))) for _ in range(30)))
    assert [answer.events[0].version for answer in told] == list(range(1, 31))

    results = await asyncio.gather(
        *(log.append(note((stream, 30 + n % 2))) for n in range(10)), return_exceptions=True
    )
    # The first finds 30, the second 31; all others come too late.
    assert [isinstance(result, Answer) for result in results] == [True, True] + [False] * 8


async def test_two_who_each_read_what_the_other_writes_do_not_both_win(log: PostgresEventLog) -> None:
    one, other = uuid4(), uuid4()

    def reading(read: StreamChange, written: Append) -> Append:
        return Append(written.command_id, "Note", (read, *written.changes))

    results = await asyncio.gather(
        log.append(reading(StreamChange(one, 0, ()), note((other, 0)))),
        log.append(reading(StreamChange(other, 0, ()), note((one, 0)))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Answer, VersionConflict]


async def test_a_command_that_the_database_refuses_fails_alone(log: PostgresEventLog) -> None:
    stream, twice = uuid4(), envelope(uuid4())
    same = NewEvent(Noted(stream=stream), twice)
    bad = Append(twice.command_id, "Note", (StreamChange(stream, 0, (same, same)),))
    half = note((uuid4(), 0), texts=("\ud800",))  # half a character, which no encoding can hold
    results = await asyncio.gather(
        *(log.append(append) for append in (note((uuid4(), 0)), bad, note((uuid4(), 0)))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [Answer, LogDefect, Answer]
    with pytest.raises(ValueError, match="surrogates"):
        await log.append(half)
    assert positions(await the_whole_log(log)) == [1, 2]


async def test_an_argument_that_cannot_be_encoded_fails_its_own_command_alone(pool: asyncpg.Pool) -> None:
    core = AppendCore(pool)

    def raw(topic: str, version: int = 0) -> RawAppend:
        stream = uuid4()
        return RawAppend(
            uuid4(), [RawStream(stream, version)], [RawEvent(stream, topic, b"{}", uuid4(), "{}")]
        )

    results = await asyncio.gather(
        *(core.append(one) for one in (raw("A"), raw("\ud800"), raw("B", 2**70), raw("C"))),
        return_exceptions=True,
    )
    assert [getattr(result, "outcome", type(result)) for result in results] == [
        *(Outcome.WRITTEN, LogDefect, LogDefect, Outcome.WRITTEN),
    ]


async def test_too_many_who_wait_are_told_to_come_again_and_nothing_of_theirs_is_written(
    pool: asyncpg.Pool, database: str
) -> None:
    log = PostgresEventLog(pool, capacity=5)
    async with nobody_may_write(database):
        first = asyncio.create_task(log.append(note((uuid4(), 0))))
        await statement_waits(database)
        waiting = [asyncio.create_task(log.append(note((uuid4(), 0)))) for _ in range(5)]
        await asyncio.sleep(0)
        one_more = note((uuid4(), 0))
        with pytest.raises(LogBusy) as busy:
            await log.append(one_more)
    problem = problem_of(busy.value)
    assert (problem.status, problem.code, busy.value.retryable) == (503, "log_busy", True)
    assert await log.answer_to(one_more.command_id) is None
    assert sorted(answer.position for answer in await asyncio.gather(first, *waiting)) == [1, 2, 3, 4, 5, 6]
    # And then there is room again.
    assert (await log.append(one_more)).position == 7


async def test_whoever_waits_in_vain_is_told_so_and_may_come_again(pool: asyncpg.Pool, database: str) -> None:
    log = PostgresEventLog(pool, patience_seconds=3)
    async with nobody_may_write(database):
        sent = asyncio.create_task(log.append(note((uuid4(), 0))))
        await statement_waits(database)
        behind = [asyncio.create_task(log.append(note((uuid4(), 0)))) for _ in range(3)]
        results = await asyncio.gather(sent, *behind, return_exceptions=True)
    assert all(isinstance(result, LogUnavailable | LogBusy) and result.retryable for result in results)
    await asyncio.sleep(0.2)
    assert await log.head() == 0


async def test_a_caller_who_leaves_before_their_turn_has_written_nothing(
    log: PostgresEventLog, database: str
) -> None:
    async with nobody_may_write(database):
        first = asyncio.create_task(log.append(note((uuid4(), 0))))
        await statement_waits(database)
        left, stays = note((uuid4(), 0)), note((uuid4(), 0))
        leaving, staying = asyncio.create_task(log.append(left)), asyncio.create_task(log.append(stays))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert leaving.cancelled()
    assert {(await first).position, (await staying).position} == {1, 2}
    assert await log.answer_to(left.command_id) is None


async def test_a_caller_who_leaves_when_their_command_is_on_its_way_finds_what_became_of_it_by_its_id(
    log: PostgresEventLog, database: str
) -> None:
    async with nobody_may_write(database):
        gone = note((uuid4(), 0))
        leaving = asyncio.create_task(log.append(gone))
        await statement_waits(database)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert leaving.cancelled()
    await log.append(note((uuid4(), 0)))
    answer = await log.answer_to(gone.command_id)
    assert answer is not None
    assert answer.position == 1
    assert await log.append(gone) == answer


async def test_whoever_is_done_gives_the_connection_back_and_leaves_no_task(
    log: PostgresEventLog, pool: asyncpg.Pool
) -> None:
    await asyncio.gather(*(log.append(note((uuid4(), 0))) for _ in range(10)))
    await until(lambda: pool.get_idle_size() == pool.get_size())
    await until(lambda: not any(task.get_name() == "ccp-log-append" for task in asyncio.all_tasks()))


async def test_a_session_that_somebody_else_changed_is_tidied_up_though_ours_are_not(database: str) -> None:
    pool = await open_pool(database, max_size=1)
    log = PostgresEventLog(pool)
    await log.append(note((uuid4(), 0)))
    await log.head()
    async with pool.acquire() as connection:
        await connection.execute("SELECT pg_advisory_lock(1)")
        await connection.execute("SET statement_timeout = 1")
    await log.head()
    held = await as_owner(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    assert held[0][0] == 0
    assert await pool.fetchval("SHOW statement_timeout") == "1min"
    await pool.close()


async def test_a_large_queue_is_written_in_batches_that_end(
    log: PostgresEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_core, "BATCH_COMMANDS", 7)
    monkeypatch.setattr(append_core, "BATCH_BYTES", 2_000)
    appends = [note((uuid4(), 0), texts=("x" * 500,)) for _ in range(60)]
    answers = await asyncio.gather(*(log.append(append) for append in appends))
    # Two batches may be on their way at once, and then either may be the first.
    assert sorted(answer.position for answer in answers) == list(range(1, 61))


async def test_registrations_of_different_people_are_written_together(log: PostgresEventLog) -> None:
    await asyncio.gather(*(log.append(registration([])) for _ in range(5)))
    assert await log.head() == 5


# -- the function in the database, which trusts nobody ---------------------------------------------------------------


def a_raw_note() -> append_core._Waiting:
    stream = uuid4()
    noted = RawEvent(stream, "TestNoted", b"{}", uuid4(), '{"command": "Note"}')
    return append_core._Waiting(RawAppend(uuid4(), [RawStream(stream, None)], [noted]))


async def test_the_database_refuses_a_batch_whose_commands_touch_each_other(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    one, same_stream, same_command = a_raw_note(), a_raw_note(), a_raw_note()
    same_stream.raw = same_stream.raw._replace(streams=one.raw.streams)
    # The ids of a command's events are made from its own.
    same_command.raw = same_command.raw._replace(command_id=one.raw.command_id, events=one.raw.events)
    for other in (same_stream, same_command):
        with pytest.raises(asyncpg.UniqueViolationError):
            await pool.fetch(append_core._SQL["append"], *append_core._arguments([one, other]))
    assert await log.head() == 0


# -- another schema --------------------------------------------------------------------------------------------------


async def test_the_core_writes_to_a_log_in_another_schema_that_starts_its_streams_at_nought(
    pool: asyncpg.Pool, log: PostgresEventLog, database: str
) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("CREATE SCHEMA other_one; GRANT USAGE ON SCHEMA other_one TO ccp_app")
    await connection.execute(schema_sql("other_one"))
    heard: list[str] = []
    await connection.add_listener("ccp_other_one", lambda *news: heard.append(news[3]))
    core = AppendCore(pool, schema="other_one")
    stream = uuid4()

    def event() -> RawEvent:
        return RawEvent(stream, "app:Event", b"state", uuid4(), "{}")

    first = await core.append(RawAppend(uuid4(), [RawStream(stream, -1)], [event(), event()]))
    assert (first.outcome, first.first_position, list(first.versions)) == (Outcome.WRITTEN, 1, [0, 1])
    again = await core.append(RawAppend(uuid4(), [RawStream(stream, -1)], [event()]))
    assert again.outcome is Outcome.CONFLICT
    later = await core.append(RawAppend(uuid4(), [RawStream(stream, 1)], [event()]))
    assert (later.first_position, list(later.versions)) == (3, [2])
    await until(lambda: heard == ["2", "3"])
    assert await log.head() == 0
    await connection.close()


def test_the_name_of_a_schema_is_a_plain_one() -> None:
    for name in ("", "Log", "a b", 'x"; DROP SCHEMA log; --', "1st"):
        with pytest.raises(ValueError, match="plain name"):
            schema_sql(name)
