"""Hearing of new events: one connection of a process listens, and wakes every follower of the log in it.

A wake-up is a hint and never the truth: it may come too early, twice or not at all, so whoever waits for it also
looks by itself every second. Must not read the log.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

import asyncpg

from adapters.postgres.pool import CONNECT_SECONDS

if TYPE_CHECKING:
    from asyncpg import Pool

CHANNEL: Final = "ccp_log"
_PAUSE_SECONDS: Final = 0.5
_AGAIN_SECONDS: Final = 0.1


class News:
    """The one listener of a pool. It holds a connection while there is somebody to wake."""

    def __init__(self, pool: Pool, *, channel: str = CHANNEL) -> None:
        self._pool = pool
        self._channel = channel
        self._waiting: set[asyncio.Event] = set()
        self._listener: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def subscribed(self) -> AsyncIterator[asyncio.Event]:
        """An event of one's own that is set whenever there may be something new."""
        bell = asyncio.Event()
        self._waiting.add(bell)
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen_for_ever(), name="ccp-log-news")
        try:
            yield bell
        finally:
            self._waiting.discard(bell)
            if not self._waiting and self._listener is not None:
                listener, self._listener = self._listener, None
                # Waited for, so that the pool can be closed as soon as the last follower has gone; and told until it
                # has heard, because a connection that is lost while it is opened makes another error of it.
                while not listener.done():
                    listener.cancel()
                    await asyncio.wait([listener], timeout=_AGAIN_SECONDS)

    async def _listen_for_ever(self) -> None:
        while True:
            # The connection may be lost in many ways, and each time the remedy is a new one.
            with contextlib.suppress(
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                await self._listen()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with self._pool.acquire(timeout=CONNECT_SECONDS) as connection:
            lost = asyncio.Event()

            def wake(*_: object) -> None:
                for bell in self._waiting:
                    bell.set()

            connection.add_termination_listener(lambda *_: lost.set())
            try:
                await connection.add_listener(self._channel, wake)
                # What was written before we listened was announced to nobody.
                wake()
                await lost.wait()
            finally:
                # Thrown away rather than given back: tidying it up would wait for a server that may be gone.
                connection.terminate()
