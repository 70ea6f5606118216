"""Where stories are played: a PostgreSQL and a time-skipping Temporal server of their own, and for each a fresh database.

Both servers end with us however we end, and their directory is cleared away by the janitor; one that nobody cleared away
is swept up by the next play. Must not know what a story says.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from adapters import bootstrap
from adapters.embedded import EmbeddedPostgres
from adapters.outbox.mailbox import MemoryMailbox
from adapters.outbox.post import Post
from adapters.play import janitor
from adapters.settings import Settings
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.virtual import VirtualTime
from adapters.temporal.worker import build_worker
from projections.tasks import end

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.product import Product
    from domain.rules import Rules

_TEMPLATE: Final = "ccp"
_CONNECTIONS: Final = 8


class Theatre:
    """The servers, for any number of stories one after the other. Make one with `Theatre.opened()`."""

    def __init__(self, directory: Path, postgres: EmbeddedPostgres, virtual: VirtualTime) -> None:
        self.directory = directory
        self.virtual = virtual
        self._postgres = postgres
        self._played = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, *, keep: bool = False) -> AsyncIterator[Theatre]:
        """Start both servers; everything is gone afterwards unless it is to be kept."""
        sweep_up()
        async with AsyncExitStack() as stack:
            directory = stack.enter_context(_directory(keep=keep))
            virtual_time = stack.enter_async_context(VirtualTime.started(directory / "temporal"))
            postgres = EmbeddedPostgres(directory, database=_TEMPLATE, durable=False)
            virtual, _ = await asyncio.gather(virtual_time, stack.enter_async_context(postgres))
            await bootstrap.prepare_database(postgres.dsn, postgres.dsn)
            yield cls(directory, postgres, virtual)

    @asynccontextmanager
    async def fresh_database(self) -> AsyncIterator[str]:
        """The address of a database with everything migrated and nothing in it."""
        self._played += 1
        name = f"story_{self._played}"
        await self._as_superuser(f'CREATE DATABASE "{name}" TEMPLATE "{_TEMPLATE}"')
        try:
            yield self._postgres.dsn_for(database=name)
        finally:
            await self._as_superuser(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    @property
    def kept_database(self) -> str:
        """The address of the database that is found again in the directory."""
        return self._postgres.dsn

    async def _as_superuser(self, sql: str) -> None:
        connection = await asyncpg.connect(self._postgres.dsn_for(database="postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def on_stage(
    dsn: str, virtual: VirtualTime, rules: Rules, start: datetime, *, task_queue: str
) -> AsyncIterator[Product]:
    """The product with its engine on an empty database, at the instant at which a story starts."""
    await virtual.begin(start)
    async with bootstrap.open_product(
        Settings(), dsn=dsn, clock=virtual.clock, rules=rules, max_connections=_CONNECTIONS
    ) as product:
        dispatcher = Dispatcher(product.pool, product.log, virtual.client, task_queue=task_queue)
        post = Post(product.pool, product.log, MemoryMailbox())
        virtual.watch(dispatcher, product.log, post)
        async with build_worker(virtual.client, product.application, task_queue=task_queue):
            running = [asyncio.create_task(dispatcher.run()), asyncio.create_task(post.run())]
            try:
                yield product
            finally:
                await end(running)
                await virtual.end()


def sweep_up() -> None:
    """Clear away what plays have left behind whose janitor was killed as well."""
    for directory in Path(tempfile.gettempdir()).glob(f"{janitor.PREFIX}*"):
        with contextlib.suppress(OSError):
            if directory.stat().st_uid != os.geteuid() or (directory / janitor.KEPT).exists():
                continue
            with (directory / janitor.LOCK).open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                janitor.clear_away(directory)


@contextmanager
def _directory(*, keep: bool) -> Iterator[Path]:
    """A directory of our own, with a lock on it as long as we live and a janitor who waits for our end."""
    directory = Path(tempfile.mkdtemp(prefix=janitor.PREFIX))
    if keep:
        (directory / janitor.KEPT).touch()
    with (directory / janitor.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cleaner = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", janitor.__file__, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Whoever kills us and our group must not kill the one who cleans up after us.
            start_new_session=True,
        )
        try:
            (directory / "temporal").mkdir()
            yield directory
        finally:
            if cleaner.stdin is not None:
                cleaner.stdin.close()
            cleaner.wait()


__all__ = ["Theatre", "on_stage", "sweep_up"]
