"""Applies the log to builds over one connection: batch by batch, rows and position in one transaction.

The position only moves from where it was, so whoever was overtaken writes nothing; and a build is kept by the session
that holds its lock. Must not know what any read model keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

import structlog

from projections import parked
from projections.batch import FILES, Batch, Memory
from projections.builds import LOCK, AnyConnection, Build, Projection, lock_name
from projections.source import Source, Stored
from projections.sql import Queries
from projections.tables import Tables
from projections.tasks import end

SQL: Final = Queries.beside(__file__)
CHANNEL: Final = "ccp_read"
"""Where every move of a build that answers questions is announced, as its read model's name and position."""

REST_SECONDS: Final = 5.0
"""How long a build that failed is left alone, while the others go on."""
CLAIM_SECONDS: Final = 0.5
"""How often a standby tries to take over."""

_log = structlog.get_logger(__name__)
Wanted = tuple[frozenset[str], frozenset[str]]


class PositionMoved(Exception):
    """A build was not any more where this keeper had found it; nothing was written."""


class Keeper:
    """Keeps builds of some read models over one connection at a time."""

    def __init__(
        self, source: Source, projections: Iterable[Projection], *, batch: int, files: int = FILES
    ) -> None:
        self._source = source
        self._projections = {one.NAME: one for one in projections}
        self._batch = batch
        self._memory = Memory(source, files)
        self._held: set[tuple[str, int]] = set()
        self._resting: dict[tuple[str, int], float] = {}
        self._claim_again = 0.0
        self._asked: frozenset[tuple[str, int]] = frozenset()
        self._ahead = _Ahead(source)

    async def claim(self, connection: AnyConnection, builds: Sequence[Build]) -> list[Build]:
        """Those of these builds that this connection keeps, after trying for the ones it does not."""
        for gone in self._held - {one.key for one in builds}:
            await self._let_go(connection, gone)
        now = asyncio.get_running_loop().time()
        missing = {lock_name(one.key): one.key for one in builds if one.key not in self._held}
        wanted = frozenset(missing.values())
        if missing and (now >= self._claim_again or wanted != self._asked):
            got = await connection.fetch(SQL["claim"], LOCK, list(missing))
            self._held |= {missing[row["name"]] for row in got}
            self._claim_again, self._asked = now + CLAIM_SECONDS, wanted
        return [one for one in builds if one.key in self._held]

    async def release(self, connection: AnyConnection, builds: Iterable[Build]) -> None:
        """Let somebody else keep these."""
        for build in builds:
            if build.key in self._held:
                await self._let_go(connection, build.key)

    async def round(
        self, connection: AnyConnection, builds: Sequence[Build], *, patient: bool
    ) -> Mapping[tuple[str, int], int | None]:
        """Apply one batch to every build that is behind; those that stand together share what is read.

        `patient` lets a build that fails rest, instead of raising. Answers where the builds are that moved; None for one
        that may not be where it was thought.
        """
        now = asyncio.get_running_loop().time()
        together: dict[int, list[Build]] = {}
        for build in builds:
            if self._resting.get(build.key, 0) <= now:
                together.setdefault(build.position, []).append(build)
        moved: dict[tuple[str, int], int | None] = {}
        for after, group in together.items():
            wanted = self._wanted(group)
            events = await self._ahead.read(after, self._batch, wanted, go_on=len(together) == 1)
            if events:
                done = await self._bring_forward(connection, group, after, events, patient=patient)
                moved |= {one.key: events[-1].position if done else None for one in group}
        return moved

    async def stop(self) -> None:
        """Read ahead no more."""
        await self._ahead.stop()

    async def _let_go(self, connection: AnyConnection, key: tuple[str, int]) -> None:
        self._held.discard(key)
        if not connection.is_closed():
            await connection.execute(SQL["release"], LOCK, lock_name(key))

    # -- one batch ---------------------------------------------------------------------------------------------

    def _wanted(self, group: Iterable[Build]) -> Wanted:
        whose = [self._projections[build.name] for build in group]
        return frozenset().union(*(one.OPENS for one in whose)), frozenset().union(
            *(one.DATES for one in whose)
        )

    async def _bring_forward(
        self,
        connection: AnyConnection,
        group: Sequence[Build],
        after: int,
        events: Sequence[Stored],
        *,
        patient: bool,
    ) -> bool:
        """Apply a batch to builds that stand together; answers whether it went the usual way."""
        try:
            async with connection.transaction():
                await self.apply(connection, group, after, events)
        except PositionMoved:
            return False  # not by us: look again where they are
        except Exception as error:
            if connection.is_closed() or parked.is_away(error):
                raise
        else:
            return True
        # One of them could not: each by itself, and without the streams that are at fault.
        for build in group:
            try:
                async with connection.transaction():
                    await self.apply(connection, [build], after, events, sifting=True)
            except PositionMoved:
                continue
            except Exception as error:
                if connection.is_closed() or parked.is_away(error) or not patient:
                    raise
                self._resting[build.key] = asyncio.get_running_loop().time() + REST_SECONDS
                _log.error(
                    "projection.failed", projection=build.name, after=after, error=parked.reason_of(error)
                )
        return False

    async def apply(
        self,
        connection: AnyConnection,
        group: Sequence[Build],
        after: int,
        events: Sequence[Stored],
        *,
        sifting: bool = False,
    ) -> None:
        """Write one batch and the new position of these builds, in the transaction that is open.

        Raises: PositionMoved.
        """
        # The position first: it is the row that makes two writers wait for each other.
        last = events[-1].position
        moved = await connection.fetch(
            SQL["advance"], [one.name for one in group], [one.build for one in group], after, last
        )
        if len(moved) != len(group):
            raise PositionMoved
        counts = {row["name"]: row["parked"] for row in moved}
        for build in group:
            projection = self._projections[build.name]
            # Counted in the row that was just locked: so a stream that was retried meanwhile is not missed.
            left_out = await parked.left_out(connection, build) if counts[build.name] else {}
            batch = heard(projection, events, left_out, self._memory)
            if not batch.told:
                continue
            tables = Tables(connection, projection.QUERIES, build.target)
            if sifting:
                unfit = await parked.sift(tables, connection, projection, batch)
                if unfit:
                    await parked.park(connection, build, unfit)
            else:
                await projection.apply(tables, batch)


def heard(
    projection: Projection, events: Iterable[Stored], left_out: Mapping[UUID, int], memory: Memory
) -> Batch:
    """What a read model is told of these events: the topics it hears, without streams that are left out."""
    hears = projection.HEARS
    told = [one for one in events if one.topic in hears]
    if left_out:
        told = [one for one in told if one.position < left_out.get(one.stream_id, one.position + 1)]
    return Batch(told, memory)


class _Ahead:
    """Reads the next stretch of the log while the present one is applied."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._task: asyncio.Task[Sequence[Stored]] | None = None
        self._next: tuple[int, Wanted] | None = None

    async def read(self, after: int, limit: int, wanted: Wanted, *, go_on: bool) -> Sequence[Stored]:
        """The events after a position; `go_on` when whoever asks will next ask for what follows these."""
        if self._task is not None and self._next == (after, wanted):
            task, self._task = self._task, None
            events = await task
        else:
            await self.stop()
            events = await self._read(after, limit, wanted)
        if go_on and len(events) == limit:
            self._next = (events[-1].position, wanted)
            self._task = asyncio.create_task(self._read(events[-1].position, limit, wanted))
            # Let it send its question before the processor is busy with the answer to the last.
            await asyncio.sleep(0)
        return events

    async def stop(self) -> None:
        """Forget what is being read."""
        task, self._task = self._task, None
        if task is not None:
            await end([task])
            with contextlib.suppress(asyncio.CancelledError):
                task.exception()  # nobody asks any more what went wrong

    async def _read(self, after: int, limit: int, wanted: Wanted) -> Sequence[Stored]:
        contents, envelopes = wanted
        return await self._source.read_stored(
            after=after, limit=limit, contents=contents, envelopes=envelopes
        )
