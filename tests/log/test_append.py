"""Writing to the log: versions, positions, all or nothing, and a repeated command's first answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.append_core import _SQL, RawAppend, RawEvent, RawStream, _arguments, _Waiting
from adapters.postgres.errors import LogDefect, TextHasNul
from adapters.postgres.event_log import _SQL as READING
from adapters.postgres.event_log import PostgresEventLog
from domain.messages import Recorded
from domain.ports import ANY_VERSION, Append, NewEvent, Stream, StreamChange, VersionConflict
from tests.log.writing import Noted, as_owner, change, envelope, note, positions, the_whole_log, until


def a_raw_note() -> _Waiting:
    stream = uuid4()
    noted = RawEvent(stream, "TestNoted", b"{}", uuid4(), '{"command": "Note"}')
    return _Waiting(RawAppend(uuid4(), [RawStream(stream, 0)], [noted]))


async def test_events_get_the_next_versions_of_their_streams_and_the_next_positions_of_the_log(
    log: PostgresEventLog,
) -> None:
    case, person = uuid4(), uuid4()
    first = await log.append(note((case, 0), (person, 0), texts=("one", "two")))
    second = await log.append(note((case, 2), texts=("three",)))

    assert [(one.stream_id, one.version, one.position) for one in first.events] == [
        (case, 1, 1),
        (case, 2, 2),
        (person, 1, 3),
        (person, 2, 4),
    ]
    assert (second.events[0].version, second.position) == (3, 5)
    assert await log.head() == 5
    assert [one.event.text for one in await log.read_stream(case)] == ["one", "two", "three"]


async def test_what_was_written_is_read_back_with_its_envelope(log: PostgresEventLog) -> None:
    stream, command_id = uuid4(), uuid4()
    new = NewEvent(
        Noted(stream=stream, text="O'Neill — naïve “quotes” \\u0000 is no NUL \n"),
        envelope(command_id, reason="a reason with ünïcode and \\u0000"),
    )
    answer = await log.append(Append(command_id, "Note", (StreamChange(stream, 0, (new,)),)))

    [read] = await log.read_stream(stream)
    assert (read.event, read.envelope) == (new.event, new.envelope)
    assert (read.position, read.version, read.stream_id) == (1, 1, stream)
    assert (answer.command, answer.recorded_at) == ("Note", new.envelope.recorded_at)
    assert (answer.events[0].topic, answer.events[0].event_id) == ("TestNoted", new.envelope.event_id)


@pytest.mark.parametrize("expected", [0, 1, 3])
async def test_a_stream_that_stands_elsewhere_is_a_conflict(log: PostgresEventLog, expected: int) -> None:
    stream = uuid4()
    await log.append(note((stream, 0), texts=("one", "two")))
    with pytest.raises(VersionConflict):
        await log.append(note((stream, expected)))
    assert await log.head() == 2


async def test_a_conflict_on_one_stream_leaves_nothing_on_the_others(log: PostgresEventLog) -> None:
    moved_on, new = uuid4(), uuid4()
    await log.append(note((moved_on, 0)))
    with pytest.raises(VersionConflict):
        await log.append(note((new, 0), (moved_on, 0)))
    assert await log.read_stream(new) == []


async def test_a_stream_that_was_only_read_must_not_have_moved_either(log: PostgresEventLog) -> None:
    read, written = uuid4(), uuid4()
    await log.append(note((read, 0)))
    command_id = uuid4()
    writing = change(command_id, written, 0, "a note")
    with pytest.raises(VersionConflict):
        await log.append(Append(command_id, "Note", (StreamChange(read, 0, ()), writing)))
    await log.append(Append(command_id, "Note", (StreamChange(read, 1, ()), writing)))
    assert await log.head() == 2


async def test_a_stream_that_is_only_told_of_something_is_appended_to_wherever_it_stands(
    log: PostgresEventLog,
) -> None:
    stream = uuid4()
    for _ in range(3):
        await log.append(note((stream, ANY_VERSION)))
    assert [one.version for one in await log.read_stream(stream)] == [1, 2, 3]


async def test_a_repeated_command_gets_its_first_answer_and_adds_nothing(log: PostgresEventLog) -> None:
    stream = uuid4()
    append = note((stream, 0), texts=("one", "two"))
    first = await log.append(append)
    await log.append(note((stream, 2)))

    again = await log.append(append)
    # Even where trying it again would decide something else.
    otherwise = await log.append(note((uuid4(), 0), command_id=append.command_id, texts=("three",)))

    assert again == otherwise == replace(first, repeated=True)
    assert await log.answer_to(append.command_id) == again
    assert await log.head() == 3


async def test_a_command_that_was_not_carried_out_has_no_answer(log: PostgresEventLog) -> None:
    stream = uuid4()
    await log.append(note((stream, 0)))
    refused = note((stream, 0))
    with pytest.raises(VersionConflict):
        await log.append(refused)
    assert await log.answer_to(refused.command_id) is None


async def test_the_same_command_sent_many_times_at_once_is_carried_out_once(log: PostgresEventLog) -> None:
    stream, command_id = uuid4(), uuid4()
    answers = await asyncio.gather(
        *(log.append(note((stream, ANY_VERSION), command_id=command_id)) for _ in range(12))
    )
    assert sorted(answer.repeated for answer in answers) == [False] + [True] * 11
    assert len({answer.events for answer in answers}) == 1
    assert await log.head() == 1


async def test_an_append_without_an_event_is_a_mistake_of_the_program(log: PostgresEventLog) -> None:
    with pytest.raises(ValueError, match="without an event"):
        await log.append(Append(uuid4(), "Note", (StreamChange(uuid4(), 0, ()),)))


async def test_the_character_nul_is_refused_before_anything_is_written(log: PostgresEventLog) -> None:
    stream, command_id = uuid4(), uuid4()
    in_event = NewEvent(Noted(stream=stream, text="before\0after"), envelope(command_id))
    in_reason = NewEvent(Noted(stream=stream), envelope(command_id, reason="\\\0"))
    for new in (in_event, in_reason):
        with pytest.raises(TextHasNul) as refused:
            await log.append(Append(command_id, "Note", (StreamChange(stream, 0, (new,)),)))
        assert "before" not in str(refused.value)
    assert await log.head() == 0


async def test_an_append_that_is_rolled_back_leaves_no_gap(log: PostgresEventLog, pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert await connection.fetchrow(_SQL["append"], *_arguments([a_raw_note()])) == ([0], 0, [0])
        await transaction.rollback()
    assert (await log.append(note((uuid4(), 0)))).position == 1


async def test_an_append_on_an_old_snapshot_is_refused(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        with pytest.raises(asyncpg.InvalidTransactionStateError, match="read committed"):
            await connection.fetch(_SQL["append"], *_arguments([a_raw_note()]))


async def test_each_append_is_announced_once_with_its_last_position(
    log: PostgresEventLog, database: str
) -> None:
    heard: list[str] = []
    connection = await asyncpg.connect(database)
    await connection.add_listener("ccp_log", lambda *news: heard.append(news[3]))
    append = note((uuid4(), 0), texts=("one", "two", "three"))
    await log.append(append)
    await log.append(append)
    await log.append(note((uuid4(), 0)))
    await until(lambda: len(heard) == 2)
    assert heard == ["3", "4"]
    await connection.close()


async def test_an_event_id_is_never_used_twice_and_the_refusal_quotes_no_data(log: PostgresEventLog) -> None:
    stream, command = uuid4(), uuid4()
    new = NewEvent(Noted(stream=stream, text="Robin Example"), envelope(command))
    with pytest.raises(LogDefect, match="UniqueViolationError") as refused:
        await log.append(Append(command, "Note", (StreamChange(stream, 0, (new, new)),)))
    assert "Robin" not in str(refused.value)
    assert refused.value.__context__ is None
    assert await log.head() == 0


async def test_a_stream_is_read_from_after_a_version_and_up_to_a_position(log: PostgresEventLog) -> None:
    stream = uuid4()
    for at in range(4):
        await log.append(note((stream, at), (uuid4(), 0)))
    assert positions(await log.read_stream(stream)) == [1, 3, 5, 7]
    assert positions(await log.read_stream(stream, after_version=2)) == [5, 7]
    assert positions(await log.read_stream(stream, up_to_position=4)) == [1, 3]
    assert positions(await log.read_stream(stream, after_version=1, up_to_position=5)) == [3, 5]
    assert await log.read_stream(uuid4()) == []


async def test_the_whole_log_is_read_in_order_from_after_a_position(log: PostgresEventLog) -> None:
    assert (await log.head(), await the_whole_log(log)) == (0, [])
    for _ in range(5):
        await log.append(note((uuid4(), 0)))
    assert positions(await log.read_all(after=0, limit=3)) == [1, 2, 3]
    assert positions(await log.read_all(after=3, limit=3)) == [4, 5]
    assert await log.read_all(after=5, limit=3) == []


@pytest.mark.parametrize("batch", [1, 3, 7, 8, 500])
async def test_log_and_streams_are_read_in_batches_that_end(log: PostgresEventLog, batch: int) -> None:
    stream, other = uuid4(), uuid4()
    for at in range(7):
        await log.append(note((stream, at), (other, at)))

    def flat(batches: list[Sequence[Recorded]]) -> list[Recorded]:
        assert all(len(one) == batch for one in batches[:-1])
        return [one for some in batches for one in some]

    whole = flat([some async for some in log.in_batches(batch=batch)])
    assert whole == await the_whole_log(log)
    part = flat([some async for some in log.in_batches(after=3, up_to=12, batch=batch)])
    assert positions(part) == list(range(4, 13))
    assert [some async for some in log.in_batches(after=14)] == []
    assert flat([some async for some in log.stream_in_batches(stream, batch=batch)]) == await log.read_stream(
        stream
    )
    rest = flat([some async for some in log.stream_in_batches(stream, after_version=4, batch=batch)])
    assert [one.version for one in rest] == [5, 6, 7]
    assert [some async for some in log.stream_in_batches(uuid4())] == []


async def test_a_decision_loads_the_events_of_a_stream_and_where_it_stands(log: PostgresEventLog) -> None:
    stream = uuid4()
    assert (await log.load(stream)) == Stream(0, [])
    await log.append(note((stream, 0), texts=("one", "two")))
    await log.append(note((stream, 2), (uuid4(), 0), texts=("three",)))
    loaded = await log.load(stream)
    assert (loaded.version, loaded.events) == (3, [one.event for one in await log.read_stream(stream)])


async def test_a_decision_loads_several_streams_as_it_would_each(log: PostgresEventLog) -> None:
    first, second, nowhere = uuid4(), uuid4(), uuid4()
    await log.append(note((first, 0), (second, 0), texts=("one", "two")))
    await log.append(note((first, 2), texts=("three",)))
    wanted = [second, nowhere, first]
    loaded = await log.load_all(wanted)
    assert list(loaded) == wanted
    assert loaded == {stream: await log.load(stream) for stream in wanted}
    assert [loaded[stream].version for stream in wanted] == [2, 0, 3]
    assert await log.load_all([]) == {}


async def test_autovacuum_of_the_log_does_not_hold_up_writers(log: PostgresEventLog, database: str) -> None:
    vacuuming = await asyncpg.connect(database)
    async with vacuuming.transaction():
        # The lock that vacuum and analyse take for as long as they work.
        await vacuuming.execute("LOCK TABLE log.event IN SHARE UPDATE EXCLUSIVE MODE")
        await asyncio.wait_for(log.append(note((uuid4(), 0))), 2)
    await vacuuming.close()


async def test_every_named_query_runs(pool: asyncpg.Pool, database: str) -> None:
    for query in (_SQL | READING).values():
        async with pool.acquire() as connection:
            await connection.prepare(query)
    assert await as_owner(database, "SELECT * FROM log.turn") == []
