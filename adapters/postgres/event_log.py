"""The event log on PostgreSQL: what commands are written through, and what everything derived reads.

Each method is one statement on one connection. When a connection is lost, the statement is sent again on another,
for a few seconds; a lost append too, since the log answers a command id that it has carried out and never carries it
out twice. Must not decide anything, and must not know a stage.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from adapters.postgres.codec import Codec
from adapters.postgres.errors import LogDefect, LogError, LogNotReady, LogUnavailable
from adapters.postgres.news import News
from adapters.postgres.sql import named_queries
from domain.keyworker.events import KeyWorkerRegistered
from domain.messages import PersonId, Recorded, WorkerId
from domain.ports import Answer, Append, IdentityKey, VersionConflict, Written

if TYPE_CHECKING:
    from asyncpg import Pool, Record

PATIENCE_SECONDS: Final = 5.0
"""How long a database that is away is waited for."""
POLL_SECONDS: Final = 1.0
"""How often a follower looks by itself, whatever it hears."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_END: Final = 2**63 - 1
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5

# The statement did not end, or nobody knows whether it did: the same statement may succeed on another connection.
_LOST: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg makes of a session that was ended between two statements
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, crashed, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # no connection left, no room on the disk
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that was not promoted yet
)
_NOT_MIGRATED: Final = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
)


class PostgresEventLog:
    """EventLog, IdentityIndex, WorkerPool and LogReader of `domain.ports`, on a pool made by `open_pool`."""

    def __init__(
        self, pool: Pool, *, codec: Codec | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._pool = pool
        self._codec = codec or Codec()
        self._patience_seconds = patience_seconds
        self._news = News(pool)

    # -- writing ---------------------------------------------------------------------------------------------

    async def append(self, append: Append) -> Answer:
        """Write one command's events, all or none.

        Raises: VersionConflict; LogUnavailable, after which nobody knows, and the same command id may be sent again.
        """
        new = [(change.stream_id, one) for change in append.changes for one in change.events]
        stored = [(stream_id, self._codec.encode(one)) for stream_id, one in new]
        if not stored:
            raise ValueError(f"the command {append.command} is to be written without an event")
        rows, sent_again = await self._persist(
            "append",
            append.command_id,
            [change.stream_id for change in append.changes],
            [change.expected_version for change in append.changes],
            [stream_id for stream_id, _ in stored],
            [one.topic for _, one in stored],
            [one.state for _, one in stored],
            [one.event_id for _, one in stored],
            [one.metadata for _, one in stored],
            [key.kind for key in append.identity_keys],
            [key.value for key in append.identity_keys],
            list(append.people_seen),
            append.registers,
        )
        if rows[0]["outcome"] == "conflict":
            raise VersionConflict
        # A connection may be lost after the commit: then what we find when we send it again is our own. Another call
        # with the same id would have been recorded at another instant.
        ours = sent_again and rows[0]["recorded_at"] == new[0][1].envelope.recorded_at
        return _answer(append.command_id, rows, repeated=rows[0]["outcome"] == "repeated" and not ours)

    async def answer_to(self, command_id: UUID) -> Answer | None:
        """The answer a command got, if it was carried out."""
        rows = await self._ask("answer_to", command_id)
        return _answer(command_id, rows, repeated=True) if rows else None

    # -- reading ---------------------------------------------------------------------------------------------

    async def read_stream(
        self, stream_id: UUID, *, after_version: int = 0, up_to_position: int | None = None
    ) -> Sequence[Recorded]:
        """One stream's events in order, up to a position of the log when one is given."""
        position = _END if up_to_position is None else up_to_position
        rows = await self._ask("read_stream", stream_id, after_version, position)
        return [self._codec.decode(row) for row in rows]

    async def head(self) -> int:
        """The last position written; 0 for an empty log."""
        position: int = (await self._ask("head"))[0][0]
        return position

    async def read_all(self, *, after: int, limit: int) -> Sequence[Recorded]:
        """At most `limit` events after a position, in order.

        Fewer when one of them cannot be read: then those before it come first, and reading on from there raises.
        """
        read: list[Recorded] = []
        for row in await self._ask("read_all", after, limit):
            try:
                read.append(self._codec.decode(row))
            except LogError:
                if read:
                    break
                raise
        return read

    async def follow(self, *, after: int, batch: int = 500) -> AsyncIterator[Sequence[Recorded]]:
        """Events after a position in batches, for ever; a database that is away is waited for.

        Raises: UnknownTopic, NewerSchema or UnreadableEvent when such an event comes next. Whoever stops early
        should close the iterator (`contextlib.aclosing`), so that its connection is free at once.
        """
        async with self._news.subscribed() as bell:
            position = after
            while True:
                # Before looking, not after: what is written in between rings again.
                bell.clear()
                try:
                    found = await self.read_all(after=position, limit=batch)
                except LogUnavailable:
                    continue
                if found:
                    position = found[-1].position
                    yield found
                else:
                    await _rung(bell, POLL_SECONDS)

    async def people_with(self, keys: Sequence[IdentityKey]) -> frozenset[PersonId]:
        """Everybody who holds at least one of the keys."""
        if not keys:
            return frozenset()
        rows = await self._ask("people_with", [key.kind for key in keys], [key.value for key in keys])
        return frozenset(row["person_id"] for row in rows)

    async def workers_of(self, programme: str) -> Sequence[WorkerId]:
        """Every registered key worker of a programme, in the order of registration."""
        registered = [self._codec.decode(row).event for row in await self._ask("key_workers_registered")]
        return list(
            dict.fromkeys(
                event.worker_id
                for event in registered
                if isinstance(event, KeyWorkerRegistered) and event.programme == programme
            )
        )

    # -- one statement ---------------------------------------------------------------------------------------

    async def _ask(self, query: str, *arguments: object) -> list[Record]:
        return (await self._persist(query, *arguments))[0]

    async def _persist(self, query: str, *arguments: object) -> tuple[list[Record], bool]:
        """Send one statement until it is answered, and say whether it was sent more than once."""
        deadline = time.monotonic() + self._patience_seconds
        pause = _FIRST_PAUSE
        sent_again = False
        while True:
            if self._pool.is_closing():
                raise LogDefect(cause="the pool is closed")
            remaining = max(deadline - time.monotonic(), _FIRST_PAUSE)
            try:
                async with self._pool.acquire(timeout=remaining) as connection:
                    return await connection.fetch(_SQL[query], *arguments, timeout=remaining), sent_again
            except _LOST as lost:
                if time.monotonic() + pause > deadline:
                    raise LogUnavailable(cause=_named(lost)) from None
            except _NOT_MIGRATED as missing:
                raise LogNotReady(cause=_named(missing)) from None
            except asyncpg.PostgresError as refused:
                raise LogDefect(cause=_named(refused)) from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            sent_again = True


def _answer(command_id: UUID, rows: Sequence[Record], *, repeated: bool) -> Answer:
    return Answer(
        command_id=command_id,
        command=rows[0]["command"],
        recorded_at=rows[0]["recorded_at"],
        events=tuple(
            Written(row["topic"], row["event_id"], row["stream_id"], row["version"], row["position"])
            for row in rows
        ),
        repeated=repeated,
    )


def _named(error: BaseException) -> str:
    """What went wrong, in words of ours: the database's own may quote a row."""
    words = [type(error).__name__]
    words += [str(named) for name in ("sqlstate", "constraint_name") if (named := getattr(error, name, None))]
    return " ".join(words)


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
