"""A server as a child process: in its own session, tied to our life, stopped in order, never left behind.

Knows nothing of PostgreSQL or Temporal. Must not print, and must not block the event loop. It watches the
process by asking the operating system and not through asyncio, so a server outlives the loop it was started
in: a test session may share one among tests that each have a loop of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.embedded.errors import DataDirectoryUnusable, EmbeddedServerError

# Nothing of our own environment reaches a server: PGHOST, TEMPORAL_* or the locale of the person at the
# keyboard would change what it does.
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_LOG_LIMIT_BYTES = 8 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """The operating system's account that a server runs under."""

    name: str
    uid: int
    gid: int


class ServerProcess:
    """One server, which may be started again after it ended."""

    def __init__(self, name: str, log_file: Path) -> None:
        self.name = name
        self.log_file = log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process id of the latest start."""
        if self._process is None:
            raise EmbeddedServerError(f"{self.name} has not been started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs at this moment."""
        return self._process is not None and self._process.poll() is None

    def start(
        self,
        argv: Sequence[str],
        *,
        directory: Path,
        account: Account | None = None,
        when_we_die: signal.Signals,
        executable: Path | None = None,
    ) -> None:
        """Start the server, under another account if one is given.

        It gets a session of its own, so that Ctrl-C in the terminal reaches us alone and we stop the servers
        in order. On Linux it gets the signal `when_we_die` should we be killed; the kernel ties that to the
        thread that calls this, so call it from one that lives as long as the server shall.
        """
        if self.alive:
            raise EmbeddedServerError(f"{self.name} already runs as process {self.pid}")
        with _opened_for_appending(self.log_file) as log:
            self._log_start = log.tell()
            try:
                self._process = subprocess.Popen(  # noqa: S603 - a program of a wheel
                    argv,
                    executable=executable,
                    cwd=directory,
                    env=CLEAN_ENVIRONMENT | {"HOME": str(directory)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    umask=0o077,
                    # Safe beside other threads, as it is one system call; in general preexec_fn is not.
                    preexec_fn=_tied_to_us(when_we_die),  # noqa: PLW1509
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=[] if account else None,
                )
            except OSError as refused:
                whom = f" as '{account.name}'" if account else ""
                raise EmbeddedServerError(f"{self.name} cannot be started{whom}: {refused}") from None

    async def wait_dead(self) -> str:
        """Wait until the server has ended, and answer how, with the last lines of its log."""
        while self.alive:  # noqa: ASYNC110 - no event outlives the loop it was made in, and a server may
            await asyncio.sleep(0.2)
        return self.how_it_ended()

    def how_it_ended(self) -> str:
        """Answer how the server ended, with the last lines of its log."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            manner = "is running" if self.alive else "was never started"
        elif code < 0:
            manner = f"was ended by {_signal_name(-code)}"
        else:
            manner = f"ended with exit code {code}"
        lines = "".join(f"\n    {line}" for line in self.last_log_lines())
        return f"{self.name} {manner}; its log is {self.log_file}{lines}"

    def last_log_lines(self, count: int = 8) -> list[str]:
        """Answer the last lines the server has written since its latest start."""
        try:
            with self.log_file.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self._log_start, end - 16_384))
                written = log.read().decode(errors="replace")
        except OSError:
            return []
        return [line for line in written.splitlines() if line.strip()][-count:]

    async def stop(self, gently: signal.Signals, *, grace_seconds: float) -> None:
        """Ask the server to end, and kill it and what it started when the time of grace is over."""
        if self._process is None:
            return
        try:
            if self.alive:
                self._process.send_signal(gently)
                await self._ended_within(grace_seconds)
        finally:
            # Also when our own task is cancelled while it waits: a server must never be left behind.
            if self.alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(timeout=10)

    async def _ended_within(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


async def end_leftover(
    pid: int, marker: str, signals: Sequence[signal.Signals], *, grace_seconds: float
) -> None:
    """End a server that a killed predecessor of ours left running: each signal in turn, until it is gone.

    Raises: EmbeddedServerError when it survives all of them.
    """
    for signum in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        deadline = time.monotonic() + grace_seconds
        while runs(pid, marker):
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        else:
            return
    raise EmbeddedServerError(
        f"process {pid}, left behind by an earlier run, cannot be ended; end it by hand"
    )


def exists(pid: int) -> bool:
    """Answer whether there is a process with this id, whoever it belongs to."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return pid < 2**31
    return True


def runs(pid: int, marker: str) -> bool:
    """Answer whether this process was started with `marker` among its arguments; a zombie was not.

    A process id alone proves nothing: after a crash or a reboot it may belong to any other program.
    """
    try:
        return marker.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        if sys.platform == "linux":
            return False
    # Without a proc file system only the joined command line can be had.
    listed = subprocess.run(  # noqa: S603 - the argument is a number
        ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607 - from the clean PATH
        env=CLEAN_ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    return marker.encode() in listed.stdout


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextlib.contextmanager
def _opened_for_appending(log_file: Path) -> Iterator[BinaryIO]:
    try:
        log_file.parent.mkdir(mode=0o700, exist_ok=True)
        # One older generation is enough to look into a crash, and keeps the disk from filling.
        if log_file.exists() and log_file.stat().st_size > _LOG_LIMIT_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as refused:
        raise DataDirectoryUnusable(f"the log {log_file} cannot be written: {refused.strerror}") from None
    with os.fdopen(descriptor, "ab") as log:
        log.seek(0, os.SEEK_END)
        yield log


def _tied_to_us(when_we_die: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    # Looked up here and not in the child: between fork and exec a child must not load libraries.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(when_we_die), 0, 0, 0)
        if os.getppid() != parent:  # we died before the call
            os._exit(1)

    return ask_the_kernel
