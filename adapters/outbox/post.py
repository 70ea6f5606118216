"""The post: writes messages as the log grows, once each, and delivers them until they have arrived.

One works per database, others stand by. Messages and the position in the log are written in one transaction, and only
from where this sender had found it, so that a crash or a second sender neither loses nor doubles one. What is delivered
is noted afterwards; between the two the mailbox knows the message by its id. Must not decide who is told what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from adapters.outbox.writing import HEARD, Written, read_batch
from adapters.postgres.leading import Overtaken, for_ever, leading
from adapters.postgres.sql import named_queries
from domain.ports import Mailbox, Notification
from projections.tasks import rung

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from adapters.postgres.event_log import PostgresEventLog

NAME: Final = "outbox"
"""Under which name the position is kept."""
TRIES: Final = 12
"""How often a message is tried before somebody has to look: for about half an hour."""
LONGEST_WAIT_SECONDS: Final = 300.0

_SQL: Final = named_queries(Path(__file__).with_name("outbox.sql"))
_BATCH: Final = 500
_AT_ONCE: Final = 16
"""How many messages are being delivered at the same moment."""
_POLL_SECONDS: Final = 1.0
_TRY_AGAIN_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 30.0

_log = structlog.get_logger(__name__)


class Post:
    """Writes and delivers. `run` goes on for ever; cancel it to stop."""

    def __init__(self, pool: Pool, log: PostgresEventLog, mailbox: Mailbox) -> None:
        self._pool = pool
        self._log = log
        self._mailbox = mailbox
        self._position = 0
        self._written = 0
        self._looked_after = -1
        self._something_to_deliver = asyncio.Event()

    def at_rest(self, head: int) -> bool:
        """Whether everything up to a position of the log is written, and what was to be delivered has been tried.

        Only the one that works can say so.
        """
        return self._position >= head and self._looked_after == self._written

    async def run(self) -> None:
        """Write and deliver what was not yet, and what comes."""
        await for_ever(self._wait_and_lead, called="outbox", position=lambda: self._position)

    async def _wait_and_lead(self) -> None:
        # Messages are written over the connection that holds the lock.
        async with leading(self._pool, "ccp-outbox", NAME) as connection:
            await self._lead(connection)

    async def _lead(self, connection: Any) -> None:
        self._position = await connection.fetchval(_SQL["position"], NAME)
        _log.info("outbox.started", position=self._position)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(connection))
                group.create_task(self._deliver())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    # -- writing -----------------------------------------------------------------------------------------------------

    async def _write(self, connection: Any) -> None:
        loop = asyncio.get_running_loop()
        tried_again = -_TRY_AGAIN_SECONDS
        async with self._log.growing() as bell:
            while True:
                # Before looking, not after: what is written in between rings again.
                bell.clear()
                if loop.time() > tried_again + _TRY_AGAIN_SECONDS:
                    await self._read_again(connection)
                    tried_again = loop.time()
                batch = await self._log.read_stored(
                    after=self._position, limit=_BATCH, contents=HEARD, envelopes=HEARD
                )
                if not batch:
                    await rung(bell, _POLL_SECONDS)
                    continue
                written = await read_batch(self._log, batch)
                async with asyncio.timeout(_ANSWER_SECONDS), connection.transaction():
                    await self._advance(connection, batch[-1].position)
                    await self._keep(connection, written)
                self._written += len(written.messages) + len(written.retried)
                self._position = batch[-1].position
                self._something_to_deliver.set()

    async def _advance(self, connection: Any, position: int) -> None:
        if await connection.fetchval(_SQL["advance"], NAME, self._position, position) is None:
            raise Overtaken

    async def _keep(self, connection: Any, written: Written) -> None:
        if written.messages:
            await connection.execute(_SQL["write"], *map(list, zip(*written.messages, strict=True)), TRIES)
        if written.retried:
            await connection.execute(_SQL["retry"], written.retried, TRIES)
        if written.unread:
            await connection.execute(_SQL["set_aside"], list(written.unread), list(written.unread.values()))
            _log.warning("outbox.events_unread", positions=sorted(written.unread))

    async def _read_again(self, connection: Any) -> None:
        """What could not be read before may be readable by the software of today."""
        for row in await connection.fetch(_SQL["unread"], _BATCH):
            position = row["position"]
            batch = await self._log.read_stored(after=position - 1, limit=1, contents=HEARD, envelopes=HEARD)
            written = await read_batch(self._log, batch)
            if written.unread:
                continue
            async with connection.transaction():
                if await connection.fetchval(_SQL["make_good"], position) is not None:
                    await self._keep(connection, written)
            self._written += len(written.messages)
            self._something_to_deliver.set()

    # -- delivering --------------------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        while True:
            self._something_to_deliver.clear()
            written = self._written
            waiting = await self._pool.fetch(_SQL["waiting"], _BATCH)
            if waiting:
                await self._deliver_all(waiting)
                continue
            self._looked_after = written
            seconds = await self._pool.fetchval(_SQL["next_attempt"])
            pause = _POLL_SECONDS if seconds is None else min(max(seconds, 0.0), _POLL_SECONDS)
            await rung(self._something_to_deliver, pause)

    async def _deliver_all(self, waiting: Sequence[Record]) -> None:
        for begin in range(0, len(waiting), _AT_ONCE):
            some = waiting[begin : begin + _AT_ONCE]
            errors = await asyncio.gather(*(self._try(row) for row in some))
            arrived = [row["message_id"] for row, error in zip(some, errors, strict=True) if error is None]
            await self._pool.execute(_SQL["delivered"], arrived)
            for row, error in zip(some, errors, strict=True):
                if error is not None:
                    await self._try_later(row, error)

    async def _try(self, row: Record) -> str | None:
        """The kind of error that kept a message from arriving, if any did."""
        try:
            await self._mailbox.deliver(_notification(row))
        except Exception as error:  # noqa: BLE001 - a mailbox may fail in its own ways; none ends the post
            return type(error).__name__
        return None

    async def _try_later(self, row: Record, error: str) -> None:
        last = row["tries_left"] <= 1
        seconds = min(2.0 ** (TRIES - row["tries_left"]), LONGEST_WAIT_SECONDS)
        await self._pool.execute(_SQL["failed"], row["message_id"], error, None if last else seconds)
        told = _log.error if last else _log.warning
        told("outbox.not_delivered", message_id=str(row["message_id"]), error=error, given_up=last)


def _notification(row: Record) -> Notification:
    return Notification(
        message_id=row["message_id"],
        to=row["recipient"],
        about=row["about"],
        agency=row["agency"],
        worker_id=row["worker_id"],
        case_id=row["case_id"],
        meeting_id=row["meeting_id"],
        at=row["at"],
        correlation_id=row["correlation_id"],
    )
