"""Hearing where the read models are, for whoever waits to read what was just written.

One connection listens while somebody waits, however many they are; what is lost on the way is found by looking. Must
not hold a connection while nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
from asyncpg import Pool

from projections.keeper import CHANNEL
from projections.tasks import end

PAUSE_SECONDS: Final = 0.5
SMALLEST_POOL: Final = 3
"""In a smaller pool a connection that listens is one that those who work would miss."""


class Announcements:
    """The moves of the read models as they are announced, heard by everybody in this process who waits."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: set[asyncio.Event] = set()
        self._listener: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def heard(self) -> AsyncIterator[asyncio.Event]:
        """An event of one's own that is set whenever a read model may have moved."""
        bell = asyncio.Event()
        self._waiting.add(bell)
        if self._listener is None and self._pool.get_max_size() >= SMALLEST_POOL:
            self._listener = asyncio.create_task(self._listen_for_ever(), name="ccp-read-announcements")
        try:
            yield bell
        finally:
            self._waiting.discard(bell)
            if not self._waiting and self._listener is not None:
                listener, self._listener = self._listener, None
                await end([listener])

    async def _listen_for_ever(self) -> None:
        while True:
            with contextlib.suppress(
                OSError,
                TimeoutError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                await self._listen()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _listen(self) -> None:
        async with self._pool.acquire() as connection:
            lost = asyncio.Event()

            def end(*_: Any) -> None:
                lost.set()

            def wake(*_: Any) -> None:
                for bell in self._waiting:
                    bell.set()

            connection.add_termination_listener(end)
            try:
                await connection.add_listener(CHANNEL, wake)
                # What moved before we listened was announced to nobody.
                wake()
                await lost.wait()
            finally:
                connection.remove_termination_listener(end)
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, wake)
