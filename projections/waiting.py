"""Hearing where the read models are, for whoever waits to read what was just written.

One connection listens while somebody waits, however many they are, and a moment longer; what is lost on the way is found
by looking. Must not hold a connection when nobody waits.
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
LINGER_SECONDS: Final = 0.2
"""Whoever writes and reads in turns finds somebody listening already."""
SMALLEST_POOL: Final = 3
"""In a smaller pool a connection that listens is one that those who work would miss."""


class Announcements:
    """The moves of the read models as they are announced, heard by everybody in this process who waits."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: set[asyncio.Event] = set()
        self._known: dict[str, int] = {}
        self.begun = 0
        """How often somebody has begun to listen: what moved just before was heard by nobody."""
        self._listener: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    def said_of(self, name: str) -> int:
        """The last position that was announced of a read model; it may be further."""
        return self._known.get(name, 0)

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
            if not self._waiting and self._leaving is None and self._listener is not None:
                self._leaving = asyncio.create_task(self._leave())

    async def _leave(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        self._leaving = None
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

            def end_of_line(*_: Any) -> None:
                lost.set()

            def hear(_connection: object, _pid: int, _channel: str, said: object) -> None:
                name, _, position = str(said).partition(" ")
                self._known[name] = max(self._known.get(name, 0), int(position))
                self._wake()

            connection.add_termination_listener(end_of_line)
            try:
                await connection.add_listener(CHANNEL, hear)
                self.begun += 1
                self._wake()
                await lost.wait()
            finally:
                connection.remove_termination_listener(end_of_line)
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, hear)

    def _wake(self) -> None:
        for bell in self._waiting:
            bell.set()
