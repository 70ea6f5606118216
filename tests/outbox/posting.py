"""A post in a process of its own, so that it can be killed as a machine would kill it; and mailboxes for its tests."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import asyncpg

from adapters.loop import run_main
from adapters.outbox.mailbox import LocalMailbox
from adapters.outbox.outbox import Outbox
from adapters.outbox.post import Post
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from domain.ports import Mailbox, Notification
from tests.workflows.engine import eventually

_CONTEXT = multiprocessing.get_context("forkserver")
# What takes long to load is loaded once, so that a post can be killed every few moments.
_CONTEXT.set_forkserver_preload([__name__])


def a_post(dsn: str, mailbox: Path) -> ForkServerProcess:
    """A post that runs until it is killed. Everything it delivers, it notes in a file of its own as well."""
    process = _CONTEXT.Process(target=_post, args=(dsn, str(mailbox)), daemon=True)
    process.start()
    return process


def _post(dsn: str, mailbox: str) -> None:
    run_main(_post_for_ever(dsn, Path(mailbox)))


async def _post_for_ever(dsn: str, mailbox: Path) -> None:
    pool = await open_pool(dsn)
    await Post(pool, PostgresEventLog(pool), LocalMailbox(mailbox, durable=False)).run()


@dataclass
class Refusing:
    """A mailbox that takes nothing until it is told to, and remembers what was brought to it."""

    takes: bool = False
    brought: list[Notification] = field(default_factory=list)
    taken: list[Notification] = field(default_factory=list)

    async def deliver(self, notification: Notification) -> None:
        self.brought.append(notification)
        if not self.takes:
            raise ConnectionRefusedError("Robin's letters are not taken")
        self.taken.append(notification)


@asynccontextmanager
async def posting(pool: asyncpg.Pool, log: PostgresEventLog, mailbox: Mailbox) -> AsyncIterator[Post]:
    """A post runs, until it is stopped as a crash would: at once, wherever it is."""
    post = Post(pool, log, mailbox)
    running = asyncio.create_task(post.run())
    try:
        yield post
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def rests(post: Post, log: PostgresEventLog) -> None:
    """Everything in the log is written and was tried."""

    async def at_rest() -> bool:
        return post.at_rest(await log.head())

    await eventually(at_rest)


async def told(pool: asyncpg.Pool) -> set[tuple[str, str, str | None]]:
    """To whom, about what, and of which agency, of every message there is."""
    return {(one.to, one.about, one.agency) for one in await Outbox(pool).messages_since(0)}
