"""One database for synchronous callers: connections, append cores and listeners that live in a background loop.

Says what goes wrong in the exceptions of the library `eventsourcing`, which are those of PEP 249, and never in the
database's own words, since they may quote a row. Must not know what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg
from eventsourcing.persistence import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)

from adapters.eventsourcing.background import BackgroundLoop
from adapters.postgres.append_core import AppendCore, schema_sql
from adapters.postgres.errors import LogBusy, LogError, LogNotReady, LogUnavailable
from adapters.postgres.event_log import POLL_SECONDS
from adapters.postgres.news import News
from adapters.postgres.patience import FIRST_PAUSE, LONGEST_PAUSE, LOST, NOT_MIGRATED, PATIENCE_SECONDS, named
from adapters.postgres.pool import CONNECT_SECONDS, open_pool
from adapters.postgres.sql import in_schema, named_queries

if TYPE_CHECKING:
    from asyncpg import Pool, Record
    from asyncpg.pool import PoolConnectionProxy

T = TypeVar("T")

_TABLES: Final = named_queries(Path(__file__).with_name("tables.sql"))


class Datastore:
    """A database by its address; the application's tables are made by the owner's, which may be another."""

    def __init__(self, dsn: str, *, owner_dsn: str | None = None) -> None:
        self._owner_dsn = owner_dsn or dsn
        self._connections = _Connections(dsn)
        self._cores: dict[str, AppendCore] = {}
        self._news: dict[str, News] = {}
        self._loop = BackgroundLoop("ccp-interchange", self._connections.terminate)

    # -- from any thread ---------------------------------------------------------------------------------------------

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Wait for something asynchronous that uses this database.

        Raises: the library's PersistenceError.
        """

        async def worked() -> T:
            return await work()

        with _said_as_the_library_does():
            try:
                return self._loop.run(worked())
            except (CancelledError, RuntimeError):
                if self._loop.closed:
                    raise InterfaceError("the datastore is closed") from None
                raise

    def fetch(self, statement: str, *arguments: object) -> list[Record]:
        """The rows of a statement that changes nothing, sent again for a few seconds while the database is away."""
        return self.run(lambda: self._fetch(statement, *arguments))

    def make_tables(self, schema: str, *, with_events: bool) -> None:
        """Make what is missing of an application's tables, as the owner of the database."""
        self.run(lambda: self._make_tables(schema, with_events=with_events))

    def ring(self, schema: str, bell: threading.Event) -> Future[None]:
        """Set an event whenever there may be something new in a log, and every second, until cancelled."""
        try:
            return self._loop.start(self._ring(schema, bell))
        except RuntimeError:
            raise InterfaceError("the datastore is closed") from None

    def close(self) -> None:
        """Close all connections; again does nothing."""
        self._loop.close()

    # -- in the loop -------------------------------------------------------------------------------------------------

    async def core(self, schema: str) -> AppendCore:
        """The append core of a schema: one for all who write there, so that they share its batches."""
        pool = await self._connections.pool()
        if schema not in self._cores:
            self._cores[schema] = AppendCore(pool, schema=schema)
        return self._cores[schema]

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[PoolConnectionProxy]:
        """A connection in a transaction. It is not tried again: whether a lost commit took place, nobody knows."""
        pool = await self._connections.pool()
        async with pool.acquire(timeout=PATIENCE_SECONDS) as connection, connection.transaction():
            yield connection

    async def _fetch(self, statement: str, *arguments: object) -> list[Record]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        pause = FIRST_PAUSE
        while True:
            remaining = max(deadline - time.monotonic(), FIRST_PAUSE)
            try:
                pool = await self._connections.pool()
                async with pool.acquire(timeout=remaining) as connection:
                    return await connection.fetch(statement, *arguments, timeout=remaining)
            except LOST:
                if time.monotonic() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _make_tables(self, schema: str, *, with_events: bool) -> None:
        sql = {name: in_schema(text, schema) for name, text in _TABLES.items()}
        connection = await asyncpg.connect(
            self._owner_dsn, timeout=CONNECT_SECONDS, server_settings={"application_name": "ccp-interchange"}
        )
        try:
            async with connection.transaction():
                await connection.execute(sql["take_turn"])
                await connection.execute(sql["make_schema"])
                if with_events and not await connection.fetchval(sql["have_events"]):
                    await connection.execute(schema_sql(schema))
                await connection.execute(sql["make_beside"])
        finally:
            await connection.close()

    async def _ring(self, schema: str, bell: threading.Event) -> None:
        while True:
            try:
                pool = await self._connections.pool()
            except LogError:
                # Whoever looks finds out what is wrong.
                bell.set()
                await asyncio.sleep(POLL_SECONDS)
            else:
                break
        if schema not in self._news:
            self._news[schema] = News(pool, channel=f"ccp_{schema}")
        async with self._news[schema].subscribed() as rung:
            while True:
                # Before the other bell, not after: what is written in between rings again.
                rung.clear()
                bell.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await rung.wait()


class _Connections:
    """The pool, opened when first needed; apart from the datastore, so that the loop's farewell does not keep that."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()

    async def pool(self) -> Pool:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await open_pool(self._dsn, application_name="ccp-interchange")
        return self._pool

    def terminate(self) -> None:
        # Not waited for: whoever used a connection has been answered or cancelled.
        if self._pool is not None:
            self._pool.terminate()


class OneConnection:
    """Looks to an append core like a pool, and always gives the same connection, within a transaction of its owner.

    So a position in another application's log and the events that came of it are committed together.
    """

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self._connection = connection

    def is_closing(self) -> bool:
        """Whether the connection was lost."""
        return self._connection.is_closed()

    def acquire(self, *, timeout: float) -> AbstractAsyncContextManager[PoolConnectionProxy]:  # noqa: ARG002
        """The connection; it is there at once."""
        return contextlib.nullcontext(self._connection)


@contextlib.contextmanager
def _said_as_the_library_does() -> Iterator[None]:
    try:
        yield
    except (LogBusy, LogUnavailable) as away:
        raise OperationalError(str(away)) from None
    except LogNotReady as missing:
        raise ProgrammingError(str(missing)) from None
    except LogError as defect:
        raise DatabaseError(str(defect)) from None
    except LOST as lost:
        raise OperationalError(f"the database does not answer ({named(lost)})") from None
    except NOT_MIGRATED as missing:
        raise ProgrammingError(f"the application's tables are missing ({named(missing)})") from None
    except asyncpg.UniqueViolationError as there:
        raise IntegrityError(f"it is there already ({named(there)})") from None
    except asyncpg.PostgresError as refused:
        raise DatabaseError(f"the database refused a statement ({named(refused)})") from None
