"""Clears away what a play leaves behind, however it ends: a program of its own, of the standard library alone.

`python janitor.py DIRECTORY` waits until whoever started it is gone (its standard input ends), then ends the servers that
are still in the directory and removes it. Must not import anything of ours: it has to start at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

PREFIX = "ccp-play-"
LOCK = "playing.lock"
KEPT = "kept"
_GRACE_SECONDS = 20.0


def clear_away(directory: Path) -> None:
    """End what still runs in a directory, and remove it and the database's socket; a story that is kept stays."""
    _end_database(directory / "postgres" / "data")
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        socket = Path(json.loads((directory / "postgres-socket.json").read_text())["directory"])
        if socket.name.startswith("ccp-"):
            shutil.rmtree(socket, ignore_errors=True)
    if not (directory / KEPT).exists():
        shutil.rmtree(directory, ignore_errors=True)


def _end_database(cluster: Path) -> None:
    """PostgreSQL is told by the kernel when whoever started it dies, and writes its data; that takes a moment."""
    give_up_at = time.monotonic() + _GRACE_SECONDS
    asked = False
    while time.monotonic() < give_up_at:
        try:
            pid = abs(int((cluster / "postmaster.pid").read_text().split()[0]))
            command = Path(f"/proc/{pid}/cmdline").read_bytes() if Path("/proc/self").exists() else None
        except (OSError, ValueError, IndexError):
            return
        if command is not None and os.fsencode(cluster) not in command.split(b"\0"):
            return
        if not asked:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGINT)
            asked = True
        time.sleep(0.02)


def main() -> None:
    """Wait for the end of the play, then clear away."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    clear_away(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
