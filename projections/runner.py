"""Keeps the read models: takes new events from the log in batches and lets every projection write its rows.

Rows and position are written in one transaction, and the position only moves from where it was: whoever was overtaken
writes nothing. Any number of runners may be started; each projection is kept by the one that holds its lock, the
others stand by. Must not know what any projection keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import groupby
from typing import ClassVar, Final, Protocol

import structlog
from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from domain.ports import LogReader
from projections.agenda import Agenda
from projections.audit import Audit
from projections.batch import Batch
from projections.caseload import Caseload
from projections.cases import Cases
from projections.due import Due
from projections.sql import Queries

SQL: Final = Queries.beside(__file__)
LOCK: Final = zlib.crc32(b"ccp read models") & 0x7FFFFFFF
"""The first half of our advisory locks' numbers; the second is the model's name."""
CHANNEL: Final = "ccp_read"
"""Where every move of a read model is announced, as its name and position."""

BATCH: Final = 500
POLL_SECONDS: Final = 1.0
"""How long a lost notification, or the death of another runner, can go unnoticed."""
REST_SECONDS: Final = 5.0
"""How long a projection that failed is left alone, while the others go on."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0

_log = structlog.get_logger(__name__)


class Projection(Protocol):
    """One read model: its name, the version of its tables, its queries (`create` and `clear` among them), its rows.

    `VERSION` stands in the names of its tables: a change of `create` is the next version.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    QUERIES: ClassVar[Queries]

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        """Write what this batch changed, in the transaction that is open."""
        ...


PROJECTIONS: Final[tuple[Projection, ...]] = (Cases(), Due(), Caseload(), Agenda(), Audit())
"""Every read model of the product."""


class PositionMoved(Exception):
    """A read model was not any more where this runner had found it; nothing was written."""


async def prepare(pool: Pool, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Make the tables of every read model that are not there yet; any number of processes may do this at once."""
    async with pool.acquire() as connection:
        if await connection.fetchval(SQL["exists"]):
            begun = await _positions(connection)
            if all((one.NAME, one.VERSION) in begun for one in projections):
                return
        async with connection.transaction():
            await connection.execute(SQL["take_turn"], LOCK)
            await connection.execute(SQL["create"])
            begun = await _positions(connection)
            for projection in projections:
                if (projection.NAME, projection.VERSION) not in begun:
                    await connection.execute(projection.QUERIES["create"])
                    await connection.execute(SQL["enter"], projection.NAME, projection.VERSION)


async def rebuild(pool: Pool, projection: Projection) -> None:
    """Empty a read model and put it back to the beginning of the log; whoever keeps it fills it again."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(SQL["restart"], projection.NAME, projection.VERSION)
        await connection.execute(projection.QUERIES["clear"])


class ProjectionRunner:
    """Keeps projections up to date with one log; holds one connection of the pool while it runs."""

    def __init__(
        self,
        pool: Pool,
        reader: LogReader,
        projections: Sequence[Projection] = PROJECTIONS,
        *,
        batch: int = BATCH,
    ) -> None:
        self._pool = pool
        self._reader = reader
        self._projections = tuple(projections)
        self._batch = batch
        self._bell = asyncio.Event()
        self._resting: dict[str, float] = {}

    async def run(self) -> None:
        """Follow the log until cancelled; lost connections and restarts of the server are waited out."""
        tasks = [asyncio.create_task(_for_ever(part)) for part in (self._listen, self._keep)]
        try:
            await asyncio.wait(tasks)
        finally:
            await _end(tasks)

    async def catch_up(self) -> None:
        """Bring every projection to where the log ends now, or wait until another runner has; then return.

        Raises: whatever a projection raises.
        """
        await prepare(self._pool, self._projections)
        head = await self._reader.head()
        async with self._pool.acquire() as connection:
            held: list[Projection] = []
            try:
                while True:
                    await self._claim(connection, held)
                    positions = await _positions(connection)
                    if all(positions[one.NAME, one.VERSION] >= head for one in self._projections):
                        return
                    if not await self._round(connection, held, patient=False):
                        await asyncio.sleep(FIRST_PAUSE_SECONDS)
            finally:
                for projection in held if not connection.is_closed() else ():
                    await connection.execute(SQL["release"], LOCK, _lock_name(projection))

    async def lag(self) -> Mapping[str, int]:
        """How many events each projection is behind the log."""
        await prepare(self._pool, self._projections)
        head = await self._reader.head()
        async with self._pool.acquire() as connection:
            positions = await _positions(connection)
        return {
            one.NAME: max(head - positions.get((one.NAME, one.VERSION), 0), 0) for one in self._projections
        }

    # -- one session ---------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Ring the bell whenever the log grows."""
        async for _ in self._reader.follow(after=await self._reader.head(), batch=self._batch):
            self._bell.set()

    async def _keep(self) -> None:
        """Apply what comes, for the projections whose lock this session gets; the locks end with the session."""
        await prepare(self._pool, self._projections)
        async with self._pool.acquire() as connection:
            held: list[Projection] = []
            while True:
                self._bell.clear()
                await self._claim(connection, held)
                if not await self._round(connection, held, patient=True):
                    # Look after a while all the same: a notification may be lost, and another runner be gone.
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(POLL_SECONDS):
                            await self._bell.wait()

    async def _claim(self, connection: PoolConnectionProxy, held: list[Projection]) -> None:
        for projection in self._projections:
            if projection not in held and await connection.fetchval(
                SQL["claim"], LOCK, _lock_name(projection)
            ):
                held.append(projection)

    async def _round(
        self, connection: PoolConnectionProxy, held: Sequence[Projection], *, patient: bool
    ) -> bool:
        """Apply one batch to every projection that is behind; those that stand together share what is read.

        `patient` lets a projection that fails rest, instead of raising. Answers whether anything moved.
        """
        positions = await _positions(connection)
        now = asyncio.get_running_loop().time()
        ready = [
            (positions[one.NAME, one.VERSION], one) for one in held if self._resting.get(one.NAME, 0) <= now
        ]
        moved = False
        for after, together in groupby(sorted(ready, key=_position_of), key=_position_of):
            events = await self._reader.read_all(after=after, limit=self._batch)
            if not events:
                continue
            batch = await Batch.load(self._reader, events)
            for _, projection in together:
                try:
                    await self._apply(connection, projection, after, batch)
                    moved = True
                except PositionMoved:
                    moved = True  # not by us: look again where it is
                except Exception as error:
                    if connection.is_closed() or not patient:
                        raise
                    self._resting[projection.NAME] = now + REST_SECONDS
                    _log.error(
                        "projection.failed", projection=projection.NAME, after=after, error=_cause(error)
                    )
        return moved

    @staticmethod
    async def _apply(
        connection: PoolConnectionProxy, projection: Projection, after: int, batch: Batch
    ) -> None:
        """Write one batch and the new position, both or neither.

        Raises: PositionMoved.
        """
        async with connection.transaction():
            # The position first: it is the row that makes two writers wait for each other.
            moved = await connection.fetchval(
                SQL["advance"], projection.NAME, projection.VERSION, after, batch.last
            )
            if moved is None:
                raise PositionMoved
            await projection.apply(connection, batch)
            await connection.execute(SQL["announce"], projection.NAME, batch.last)


async def _for_ever(part: Callable[[], Awaitable[None]]) -> None:
    """Begin a part of the work anew whenever it fails, after a pause that grows while it keeps failing."""
    clock = asyncio.get_running_loop()
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = clock.time()
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - nothing may end this loop but its own cancellation
            _log.warning("projections.interrupted", error=_cause(error), retry_seconds=pause)
        if clock.time() - began > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel until they have ended: a connection that is just being opened can swallow a cancellation."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=FIRST_PAUSE_SECONDS)


def _position_of(waiting: tuple[int, Projection]) -> int:
    return waiting[0]


def _lock_name(projection: Projection) -> str:
    return f"{projection.NAME}_v{projection.VERSION}"


async def _positions(connection: PoolConnectionProxy) -> Mapping[tuple[str, int], int]:
    return {
        (row["name"], row["version"]): row["position"] for row in await connection.fetch(SQL["positions"])
    }


def _cause(error: BaseException) -> str:
    """What went wrong, without the words of the error: a database's may quote a row."""
    words = [type(error).__name__]
    words += [
        str(told) for name in ("sqlstate", "constraint_name", "code") if (told := getattr(error, name, None))
    ]
    return " ".join(words)
