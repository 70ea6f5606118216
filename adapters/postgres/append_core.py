"""Group commit: the commands of a process that want to append at the same moment are written by one statement.

Everything here is below the codec: topics, stored bytes and ids. Whoever brings events of another kind (the interchange
with the library `eventsourcing`) uses the same core on a schema of their own. Must not decide or decode anything.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Hashable, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import asyncpg

from adapters.postgres.errors import LogBusy, LogDefect, LogError, LogNotReady, LogUnavailable
from adapters.postgres.migrate import migrations
from adapters.postgres.patience import FIRST_PAUSE, LONGEST_PAUSE, LOST, NOT_MIGRATED, PATIENCE_SECONDS, named
from adapters.postgres.pool import leave_nothing
from adapters.postgres.sql import in_schema, named_queries

if TYPE_CHECKING:
    from asyncpg import Pool, Record

CAPACITY: Final = 1_000
"""How many commands may wait in a process; one more is told to come again."""
BATCH_COMMANDS: Final = 256
BATCH_BYTES: Final = 4_000_000
"""What goes into one statement: much more makes it no faster per command, and everybody in it wait longer."""
LINES: Final = 2
"""How many batches may be on their way at once: one is written, and the next is there when its turn comes."""
_MAKING_SECONDS: Final = 0.00005
_WRITING_SECONDS: Final = 0.00004
"""What one command costs this process, and the database without the commit. Two batches of half, with a commit each, are
better than one of all while a commit takes less than this process needs for the commands of all who are about."""
_LINGER_SECONDS: Final = 0.005
"""How long an idle flusher keeps its connection: whoever appends again and again finds it still there."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))


def schema_sql(schema: str) -> str:
    """The statements by which the owner makes the tables and the function of a log in a schema that is there."""
    steps = {
        "0002_event_log",
        "0003_append",
        "0006_append_with_less_to_sort",
        "0008_one_index_less",
        "0010_append_nearly_always_all",
        "0011_envelopes_as_written",
    }
    return in_schema("\n".join(step.sql for step in migrations() if step.name in steps), schema)


class RawEvent(NamedTuple):
    """One event as it is stored; `metadata` is the text of a JSON object."""

    stream_id: UUID
    topic: str
    state: bytes
    event_id: UUID
    metadata: str


class RawStream(NamedTuple):
    """A stream that was read or is written, and the version it must still stand at.

    0 for a new stream, whose first event gets version 1; -1 for a new stream that starts at version 0 (the library's
    may); None for wherever it stands.
    """

    stream_id: UUID
    expected: int | None


class RawReservation(NamedTuple):
    """`holder` takes one of the `limit` places of a key, or gives it back when `limit` is None."""

    scope: str
    key: str
    holder: UUID
    limit: int | None


class RawAppend(NamedTuple):
    """One command: its events over one or more streams, written all or not at all.

    Every stream of `events` must be among `streams`. A command id that was carried out is never carried out again.
    Each identity key's holders must be among `people_seen`; it is then kept for `registers`, if there is one.
    """

    command_id: UUID
    streams: Sequence[RawStream]
    events: Sequence[RawEvent]
    identity_keys: Sequence[tuple[str, str]] = ()
    people_seen: Sequence[UUID] = ()
    registers: UUID | None = None
    reservations: Sequence[RawReservation] = ()


class Outcome(Enum):
    """What became of a command; the numbers are those of the SQL function."""

    WRITTEN = 0
    REPEATED = 1
    """Its id had been carried out before; nothing was added."""
    CONFLICT = 2
    """A stream stands elsewhere, somebody appeared, or no place is left; nothing was added."""


class RawAnswer(NamedTuple):
    """What became of a command. Its events stand at `first_position` and those after it, with these versions.

    `sent_again` says that a line was lost on the way: then REPEATED may be this very command's own first attempt.
    Positions and versions are given for WRITTEN only.
    """

    outcome: Outcome
    first_position: int = 0
    versions: Sequence[int] = ()
    sent_again: bool = False


class _Waiting:
    """A command in the queue: what it touches, since when it waits, and where its answer goes."""

    __slots__ = ("answer", "places", "raw", "since", "size", "touches")

    def __init__(self, raw: RawAppend) -> None:
        if not raw.events:
            raise ValueError("a command is to be written without an event")
        stream_ids = [stream_id for stream_id, _ in raw.streams]
        self.raw = raw
        self.places = [stream_ids.index(event[0]) for event in raw.events]
        self.size = sum([len(event[2]) for event in raw.events])
        """Of its events, in bytes."""
        self.answer: asyncio.Future[RawAnswer] = asyncio.get_running_loop().create_future()
        self.since = time.monotonic()
        # An id as the number it is: a number is compared without a call into Python.
        self.touches: list[Hashable] = [raw.command_id.int, *[stream_id.int for stream_id in stream_ids]]
        if raw.identity_keys:
            self.touches += raw.identity_keys
        if raw.reservations:
            self.touches += [(scope, key, "") for scope, key, _, _ in raw.reservations]

    def settle(self, result: RawAnswer | LogError) -> None:
        """Answer the caller, if they are still there."""
        if self.answer.done():
            return
        if isinstance(result, LogError):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


class AppendCore:
    """The queue and its flushers, which run while somebody waits and hold a connection of the pool each meanwhile.

    There is one; a second helps while commits are quick and the pool has a connection left. A statement whose
    connection is lost is sent again on another, for a few seconds; that is safe, because the log never carries out a
    command id twice.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        schema: str = "log",
        patience_seconds: float = PATIENCE_SECONDS,
        capacity: int = CAPACITY,
    ) -> None:
        self._pool = pool
        self._statement = in_schema(_SQL["append"], schema)
        self._patience_seconds = patience_seconds
        self._capacity = capacity
        self._queue: deque[_Waiting] = deque()
        self._more = asyncio.Event()
        self._lines: list[_Line] = []
        self._quick = False
        self._last_answer = 0.0

    async def append(self, raw: RawAppend) -> RawAnswer:
        """Write one command's events, all or none, together with whoever else is writing.

        Raises: LogBusy when too many are waiting, and then nothing was written; LogUnavailable, after which nobody
        knows, and the same command id may be sent again; LogNotReady; LogDefect. A caller that is cancelled before
        its turn has written nothing; later it may have: its command id answers.
        """
        if len(self._queue) >= self._capacity:
            raise LogBusy(waiting=len(self._queue))
        waiting = _Waiting(raw)
        self._queue.append(waiting)
        self._call_a_flusher()
        return await waiting.answer

    # -- the flushers ------------------------------------------------------------------------------------------------

    def _call_a_flusher(self) -> None:
        """Wake those who have nothing to do; if all are busy, and another would help, start it."""
        self._more.set()
        if not self._lines or (
            self._quick
            and len(self._lines) < LINES
            and all(line.batch for line in self._lines)
            and (self._pool.get_idle_size() or self._pool.get_size() < self._pool.get_max_size())
        ):
            line = _Line(self._pool)
            self._lines.append(line)
            line.flusher = asyncio.create_task(self._flush(line), name="ccp-log-append")

    async def _flush(self, line: _Line) -> None:
        try:
            while True:
                self._more.clear()
                while batch := self._next_batch():
                    line.batch = batch
                    if self._queue:
                        self._call_a_flusher()
                    began = time.monotonic()
                    await self._write(line, batch, began + self._patience_seconds)
                    line.batch = []
                    self._learn(len(batch), began)
                    # Whoever was just answered and comes again at once shall not miss the next batch.
                    await asyncio.sleep(0)
                if await _set_within(self._more, _LINGER_SECONDS):
                    continue  # also for one that was written while it came: then the wait begins anew
                # Others may want the connection; a command that comes while it is given back is still ours, unless
                # the other flusher is busy and will look for more when it is done.
                await line.end()
                if not self._queue or self._on_their_way():
                    break
        finally:
            # Only when something is wrong here, or the loop is ending, is anybody left: nobody shall wait for ever.
            self._lines.remove(line)
            left = line.batch if self._lines else [*line.batch, *self._queue]
            for one in left:
                one.settle(LogDefect(cause="the flusher has ended"))
            if not self._lines:
                self._queue.clear()

    def _learn(self, commands: int, began: float) -> None:
        """See from a batch that was just answered whether commits are quick."""
        now = time.monotonic()
        # Before, the database was writing the other batch.
        commit = now - max(began, self._last_answer) - commands * _WRITING_SECONDS
        self._last_answer = now
        about = commands + len(self._queue) + len(self._on_their_way())
        self._quick = commit < about * _MAKING_SECONDS

    def _on_their_way(self) -> list[_Waiting]:
        return [one for line in self._lines for one in line.batch]

    def _next_batch(self) -> list[_Waiting]:
        """The first commands of the queue that touch neither each other nor what is on its way, in their order.

        A command also waits for an earlier one that waits itself, so that those who touch the same come in turn.
        """
        queue = self._queue
        on_their_way = self._on_their_way()
        if not queue or (on_their_way and not self._quick):
            return []
        most = BATCH_COMMANDS
        if self._quick:
            # Half of those who are about: while the database writes them, the others make their next commands.
            most = min((len(queue) + len(on_their_way) + 1) // 2, BATCH_COMMANDS)
        batch: list[_Waiting] = []
        left: list[_Waiting] = []
        touched = {what for one in on_their_way for what in one.touches}
        size = 0
        given_up = time.monotonic() - self._patience_seconds
        while queue and len(batch) < most and size < BATCH_BYTES:
            one = queue.popleft()
            if one.answer.done():  # cancelled before its turn
                continue
            if one.since < given_up:
                one.settle(LogBusy(waiting=len(queue)))
                continue
            if touched.isdisjoint(one.touches):
                batch.append(one)
                size += one.size
            else:
                left.append(one)
            touched.update(one.touches)
        queue.extendleft(reversed(left))
        return batch

    async def _write(self, line: _Line, batch: list[_Waiting], deadline: float) -> None:
        """Send a batch until it is answered; if the database refuses it, its commands one by one."""
        pause = FIRST_PAUSE
        sent_again = False
        arguments = _arguments(batch)
        while True:
            if self._pool.is_closing():
                return _give_up(batch, LogDefect, cause="the pool is closed")
            remaining = max(deadline - time.monotonic(), FIRST_PAUSE)
            try:
                row = await line.fetchrow(self._statement, arguments, remaining)
            except (ValueError, TypeError, OverflowError) as unfit:  # asyncpg cannot encode an argument
                return await self._refused(line, batch, unfit, deadline)
            except LOST as lost:
                if time.monotonic() + pause > deadline:
                    return _give_up(batch, LogUnavailable, cause=named(lost))
            except NOT_MIGRATED as missing:
                return _give_up(batch, LogNotReady, cause=named(missing))
            except asyncpg.PostgresError as refused:
                return await self._refused(line, batch, refused, deadline)
            else:
                return _answer(batch, row, sent_again=sent_again)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            sent_again = True

    async def _refused(
        self, line: _Line, batch: Sequence[_Waiting], error: Exception, deadline: float
    ) -> None:
        """Find the command that is at fault, so that its neighbours do not suffer for it."""
        if len(batch) == 1:
            return _give_up(batch, LogDefect, cause=named(error))
        for one in batch:
            await self._write(line, [one], deadline)
        return None


class _Line:
    """A flusher, the batch it has on its way, and its connection, kept from one batch to the next."""

    def __init__(self, pool: Pool) -> None:
        self.flusher: asyncio.Task[None] | None = None
        self.batch: list[_Waiting] = []
        self._pool = pool
        self._held: tuple[Any, Any] | None = None

    async def fetchrow(self, statement: str, arguments: Sequence[object], seconds: float) -> Record:
        if self._held is None:
            context = self._pool.acquire(timeout=seconds)
            connection = await context.__aenter__()
            leave_nothing(connection)
            self._held = context, connection
        try:
            # One round trip, and a transaction of its own.
            return (await self._held[1].fetch(statement, *arguments, timeout=seconds))[0]
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Give the connection back."""
        if self._held is not None:
            (context, _), self._held = self._held, None
            with suppress(*LOST):  # then the pool has thrown it away
                await context.__aexit__(None, None, None)


def _arguments(batch: Sequence[_Waiting]) -> tuple[Any, ...]:
    """The parameters of the SQL function: the commands one after the other, column by column."""
    raws = [one.raw for one in batch]
    streams: list[tuple[int, UUID, int | None]] = []
    event_streams: list[int] = []
    events: list[RawEvent] = []
    keys: list[tuple[int, str, str, list[str], str | None]] = []
    places: list[tuple[int, str, str, str, int | None]] = []
    for number, (one, raw) in enumerate(zip(batch, raws, strict=True), 1):
        first = len(streams) + 1
        streams += [(number, stream_id, expected) for stream_id, expected in raw.streams]
        event_streams += [first + place for place in one.places]
        events += raw.events
        if raw.identity_keys:
            seen = [str(person_id) for person_id in raw.people_seen]
            registers = None if raw.registers is None else str(raw.registers)
            keys += [(number, kind, value, seen, registers) for kind, value in raw.identity_keys]
        if raw.reservations:
            places += [
                (number, scope, key, str(holder), limit) for scope, key, holder, limit in raw.reservations
            ]
    _, topics, states, event_ids, metadata = map(list, zip(*events, strict=True))
    return (
        [raw.command_id for raw in raws],
        *map(list, zip(*streams, strict=True)),
        event_streams,
        topics,
        states,
        event_ids,
        metadata,
        len(event_streams) == len(set(event_streams)),
        json.dumps(keys) if keys else None,
        json.dumps(places) if places else None,
    )


def _answer(batch: Sequence[_Waiting], row: Record, *, sent_again: bool) -> None:
    """Tell each caller of a batch what became of their command."""
    position: int = row["position"]
    stood: list[int] = row["versions"]
    written, streams = Outcome.WRITTEN, 0
    for one, outcome in zip(batch, row["outcomes"], strict=True):
        first, streams = streams, streams + len(one.raw.streams)
        if outcome:
            one.settle(RawAnswer(Outcome(outcome), sent_again=sent_again))
            continue
        last = stood[first:streams]
        versions = []
        for place in one.places:
            last[place] += 1
            versions.append(last[place])
        one.settle(RawAnswer(written, position + 1, versions, sent_again))
        position += len(versions)


def _give_up(batch: Sequence[_Waiting], error: type[LogError], *, cause: str) -> None:
    """Raise an error for each caller, one of their own each."""
    for one in batch:
        one.settle(error(cause=cause))


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
