"""The product's own commands as processes of their own, and servers that a test may kill. Must not know the pathway."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from adapters.embedded import EmbeddedPostgres, EmbeddedTemporal
from adapters.temporal.search_attributes import TYPES
from tests.support.directories import reachable_directory

CCP = Path(sys.executable).with_name("ccp")
READY_SECONDS = 60.0


def environment(**ours: str) -> dict[str, str]:
    """The environment of a process: only what says who we are and where things are, and nothing of the developer's."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL") if name in os.environ
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **ours}


def ccp(*arguments: str, env: Mapping[str, str], seconds: float = 180.0) -> subprocess.CompletedProcess[str]:
    """Run `ccp` to its end."""
    return subprocess.run(
        [CCP, *arguments],
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


async def ccp_aside(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `ccp` to its end while this process goes on with other things."""
    return await asyncio.to_thread(ccp, *arguments, env=env)


def read_json(answer: subprocess.CompletedProcess[str]) -> Any:
    """What a command that was asked for JSON has answered."""
    assert answer.returncode == 0, (answer.returncode, answer.stdout, answer.stderr)
    return json.loads(answer.stdout)


@dataclass
class Process:
    """A `ccp` that keeps running, in a process group of its own; all it says is kept in one file."""

    arguments: tuple[str, ...]
    env: Mapping[str, str]
    said_in: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, or start it again."""
        with self.said_in.open("ab") as out:
            self.process = subprocess.Popen(
                [CCP, *self.arguments],
                env=environment(**self.env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self._said_before = self.said_in.stat().st_size

    @property
    def said(self) -> str:
        """What it has said since its latest start."""
        with self.said_in.open("rb") as file:
            file.seek(self._said_before)
            return file.read().decode()

    async def until_said(self, sentence: str, *, seconds: float = READY_SECONDS) -> str:
        """Wait for a sentence and answer all that was said by then."""
        deadline = time.monotonic() + seconds
        while sentence not in self.said:
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.said}"
            assert time.monotonic() < deadline, f"did not say {sentence!r} in {seconds} s: {self.said}"
            await asyncio.sleep(0.05)
        return self.said

    def kill(self) -> None:
        """`kill -9` of the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)

    def descendants(self) -> list[psutil.Process]:
        """Every process that it has started, and those started by them."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def interrupted(self, *, seconds: float) -> int:
        """Press Ctrl-C and answer the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return await asyncio.to_thread(self.process.wait, seconds)


@contextlib.contextmanager
def running(*arguments: str, env: Mapping[str, str], said_in: Path) -> Iterator[Process]:
    """A `ccp` that keeps running; killed in the end if the test did not stop it."""
    one = Process(arguments, env, said_in)
    one.start()
    try:
        yield one
    finally:
        one.kill()


@dataclass
class Servers:
    """PostgreSQL and Temporal of one test alone."""

    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    directory: Path

    def kill_postgres(self) -> None:
        """`kill -9` of the postmaster and of every session."""
        postmaster = psutil.Process(self.postgres.pid)
        kill_all([postmaster, *postmaster.children(recursive=True)])

    def kill_temporal(self) -> None:
        """`kill -9` of the Temporal server."""
        kill_all([psutil.Process(self.temporal.pid)])


@contextlib.asynccontextmanager
async def servers_of_our_own() -> AsyncIterator[Servers]:
    """Servers as `ccp up` runs them: nothing that was committed may be lost."""
    with reachable_directory() as directory:
        async with (
            EmbeddedPostgres(directory / "data") as postgres,
            EmbeddedTemporal(directory / "data", search_attributes=TYPES) as temporal,
        ):
            yield Servers(postgres, temporal, directory)


def kill_all(processes: list[psutil.Process]) -> None:
    """`kill -9`, the first one first, and wait until all are gone."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    gone_within(processes, 10)


def gone_within(processes: list[psutil.Process], seconds: float) -> None:
    """Assert that every one of these processes ends in time; a zombie has ended."""
    deadline = time.monotonic() + seconds
    while left := [process for process in processes if _lives(process)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
