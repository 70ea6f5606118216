"""The event log on PostgreSQL: what commands are written through, and what everything derived reads.

Reading is one statement on one connection, sent again on another for a few seconds when that is lost; writing is done
by the append core. Must not decide anything, and must not know a stage.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import asyncpg

from adapters.postgres.append_core import CAPACITY, AppendCore, Outcome, RawAppend, RawReservation, RawStream
from adapters.postgres.codec import Codec
from adapters.postgres.errors import LogDefect, LogError, LogNotReady, LogUnavailable
from adapters.postgres.news import News
from adapters.postgres.patience import FIRST_PAUSE, LONGEST_PAUSE, LOST, NOT_MIGRATED, PATIENCE_SECONDS, named
from adapters.postgres.pool import leave_nothing
from adapters.postgres.sql import named_queries
from adapters.postgres.stored import StoredEvent
from domain.keyworker.events import KeyWorkerRegistered
from domain.messages import CaseId, PersonId, Recorded, WorkerId
from domain.ports import ANY_VERSION, Answer, Append, IdentityKey, Stream, VersionConflict, Written

if TYPE_CHECKING:
    from asyncpg import Pool, Record

POLL_SECONDS: Final = 1.0
"""How often a follower looks by itself, whatever it hears."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_END: Final = 2**63 - 1
_DIGEST_BYTES: Final = 16
_FIFTH: Final = itemgetter(4)
# Looked up once: to ask an enumeration for a member is a call.
_REPEATED, _CONFLICT = Outcome.REPEATED, Outcome.CONFLICT


class PostgresEventLog:
    """EventLog, IdentityIndex, WorkerPool and LogReader of `domain.ports`, on a pool made by `open_pool`."""

    def __init__(
        self,
        pool: Pool,
        *,
        codec: Codec | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        capacity: int = CAPACITY,
    ) -> None:
        self._pool = pool
        self._codec = codec or Codec()
        self._patience_seconds = patience_seconds
        self._core = AppendCore(pool, patience_seconds=patience_seconds, capacity=capacity)
        self._news = News(pool)
        self._digest_key: bytes | None = None

    # -- writing ---------------------------------------------------------------------------------------------

    async def append(self, append: Append) -> Answer:
        """Write one command's events, all or none.

        Raises: VersionConflict; LogBusy, and nothing was written; LogUnavailable, after which nobody knows, and the same
        command id may be sent again.
        """
        encode = self._codec.encode
        raw = RawAppend(
            append.command_id,
            [
                RawStream(
                    change.stream_id,
                    None if change.expected_version == ANY_VERSION else change.expected_version,
                )
                for change in append.changes
            ],
            [encode(change.stream_id, new) for change in append.changes for new in change.events],
            [(key.kind, key.value) for key in append.identity_keys],
            list(append.people_seen),
            append.registers,
            [RawReservation(one.scope, one.key, one.holder, one.limit) for one in append.reservations],
        )
        outcome, position, versions, sent_again = await self._core.append(raw)
        if outcome is _CONFLICT:
            raise VersionConflict
        recorded_at = next(new.envelope.recorded_at for change in append.changes for new in change.events)
        if outcome is _REPEATED:
            return await self._first_answer(append.command_id, recorded_at if sent_again else None)
        written = [
            Written(topic, event_id, stream_id, version, place)
            for (stream_id, topic, _, event_id, _), version, place in zip(
                raw.events, versions, count(position), strict=False
            )
        ]
        return Answer(append.command_id, append.command, recorded_at, tuple(written))

    async def _first_answer(self, command_id: UUID, ours: datetime | None) -> Answer:
        """What a command that is in the log was answered.

        A line may be lost after the commit: then what is found there when the command is sent again is its own.
        Another call with the same id would have been recorded at another instant.
        """
        answer = await self.answer_to(command_id)
        if answer is None:
            raise LogDefect(cause="a command that was carried out cannot be found")
        return replace(answer, repeated=False) if answer.recorded_at == ours else answer

    async def answer_to(self, command_id: UUID) -> Answer | None:
        """The answer a command got, if it was carried out."""
        rows = await self._ask("answer_to", command_id)
        if not rows:
            return None
        return Answer(
            command_id=command_id,
            command=rows[0]["command"],
            recorded_at=rows[0]["recorded_at"],
            events=tuple(
                Written(row["topic"], row["event_id"], row["stream_id"], row["version"], row["position"])
                for row in rows
            ),
            repeated=True,
            body_digest=rows[0]["body_digest"],
        )

    async def digest_of(self, body: bytes) -> str:
        """A digest by the key of this log, from which nobody without the key learns anything."""
        if self._digest_key is None:
            self._digest_key = (await self._ask("digest_key"))[0]["key"]
        return hmac.digest(self._digest_key, body, "sha256")[:_DIGEST_BYTES].hex()

    # -- reading ---------------------------------------------------------------------------------------------

    async def load(self, stream_id: UUID) -> Stream:
        """One stream as it stands, without its envelopes: the short way from the log to a decision."""
        rows = await self._ask("load", stream_id)
        version = rows[-1]["originator_version"] if rows else 0
        return Stream(version, self._codec.decode_events(rows))

    async def load_all(self, stream_ids: Collection[UUID]) -> Mapping[UUID, Stream]:
        """Several streams as `load` gives each, by one question; one that does not exist is empty."""
        rows = await self._ask("load_all", list(stream_ids)) if stream_ids else []
        found = {stream_id: Stream(0, []) for stream_id in stream_ids}
        for stream_id, of_one in groupby(rows, key=_FIFTH):
            events = self._codec.decode_events(of_one)
            found[stream_id] = Stream(len(events), events)
        return found

    async def read_stream(
        self, stream_id: UUID, *, after_version: int = 0, up_to_position: int | None = None
    ) -> Sequence[Recorded]:
        """One stream's events in order, up to a position of the log when one is given."""
        position = _END if up_to_position is None else up_to_position
        rows = await self._ask("read_stream", stream_id, after_version, position, None)
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

    async def in_batches(
        self, *, after: int = 0, up_to: int | None = None, batch: int = 500
    ) -> AsyncIterator[Sequence[Recorded]]:
        """Events after a position in batches, up to a position or to the end of the log as it then is."""
        position, end = after, _END if up_to is None else up_to
        while position < end and (
            found := await self.read_all(after=position, limit=min(batch, end - position))
        ):
            position = found[-1].position
            yield found

    async def stream_in_batches(
        self, stream_id: UUID, *, after_version: int = 0, batch: int = 500
    ) -> AsyncIterator[Sequence[Recorded]]:
        """One stream's events in batches, up to its end as it then is."""
        version = after_version
        while rows := await self._ask("read_stream", stream_id, version, _END, batch):
            version = rows[-1]["originator_version"]
            yield [self._codec.decode(row) for row in rows]

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

    async def read_stored(
        self,
        *,
        after: int,
        limit: int,
        contents: Collection[str] | None = None,
        envelopes: Collection[str] | None = None,
    ) -> list[StoredEvent]:
        """At most `limit` events after a position, in order, to be opened one by one; also those of unknown topics.

        The event comes along only for the topics `contents`, the envelope only for `envelopes`; None stands for all.
        """
        rows = await self._ask(
            "read_stored",
            after,
            limit,
            None if contents is None else list(contents),
            None if envelopes is None else list(envelopes),
        )
        return [StoredEvent(row, self._codec) for row in rows]

    async def read_streams(self, stream_ids: Collection[UUID], *, up_to_position: int) -> list[StoredEvent]:
        """All events of these streams up to a position, each stream's in its order, to be opened one by one."""
        rows = await self._ask("read_streams", list(stream_ids), up_to_position)
        return [StoredEvent(row, self._codec) for row in rows]

    def growing(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event of one's own that is set whenever the log may have grown; a hint, which may be lost."""
        return self._news.subscribed()

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

    async def may_be_waiting(self) -> Sequence[CaseId]:
        """Cases that may be on the waiting list; only their own events tell whether they are."""
        return [CaseId(row["case_id"]) for row in await self._ask("may_be_waiting")]

    # -- one statement ---------------------------------------------------------------------------------------

    async def _ask(self, query: str, *arguments: object) -> list[Record]:
        """Send one statement until it is answered."""
        deadline = time.monotonic() + self._patience_seconds
        pause = FIRST_PAUSE
        while True:
            if self._pool.is_closing():
                raise LogDefect(cause="the pool is closed")
            remaining = max(deadline - time.monotonic(), FIRST_PAUSE)
            try:
                async with self._pool.acquire(timeout=remaining) as connection:
                    leave_nothing(connection)
                    return await connection.fetch(_SQL[query], *arguments, timeout=remaining)
            except LOST as lost:
                if time.monotonic() + pause > deadline:
                    raise LogUnavailable(cause=named(lost)) from None
            except NOT_MIGRATED as missing:
                raise LogNotReady(cause=named(missing)) from None
            except asyncpg.PostgresError as refused:
                raise LogDefect(cause=named(refused)) from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
