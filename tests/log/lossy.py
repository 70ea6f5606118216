"""A line to PostgreSQL that breaks when told to: before a question arrives, or after its answer has left the server.

The second is the moment at which a client cannot know whether its commit happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from enum import Enum, auto
from pathlib import Path


class Loss(Enum):
    """What gets lost, and the connection with it."""

    NOTHING = auto()
    QUESTION = auto()
    ANSWER = auto()


class LossyLine:
    """Passes everything on between clients and the server until `lose` is set; then breaks once."""

    def __init__(self, server: Path) -> None:
        self._server = server
        self.lose = Loss.NOTHING
        self.losses = 0

    async def carry(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._server)
        broken = asyncio.Event()

        async def questions() -> None:
            while asked := await client.read(65_536):
                if self.lose is Loss.QUESTION:
                    self._lost()
                    break
                to_server.write(asked)
            broken.set()

        async def answers() -> None:
            while answered := await server.read(65_536):
                # 'Z' is the server's last word on a statement: it has been committed.
                if self.lose is Loss.ANSWER and answered[-6:-1] == b"Z\0\0\0\x05":
                    self._lost()
                    break
                to_client.write(answered)
            broken.set()

        tasks = [asyncio.create_task(questions()), asyncio.create_task(answers())]
        await broken.wait()
        for task in tasks:
            task.cancel()
        to_client.transport.abort()
        to_server.transport.abort()

    def _lost(self) -> None:
        self.lose = Loss.NOTHING
        self.losses += 1


@contextlib.asynccontextmanager
async def a_lossy_line(server: Path, here: Path) -> AsyncIterator[LossyLine]:
    """A line to the socket `server` that listens on the socket `here`."""
    line = LossyLine(server)
    async with await asyncio.start_unix_server(line.carry, here):
        yield line
