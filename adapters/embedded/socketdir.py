"""The directory of PostgreSQL's Unix socket, and the record beside the data of which one it is.

Not inside the data directory: the path of a socket may have about a hundred bytes. The same after a restart and after
a crash, so that an address stays good. Must not be enterable by anybody but the account that the server runs under.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

from adapters.embedded import datadir
from adapters.embedded.errors import EmbeddedServerError
from adapters.embedded.process import Account

PORT = 5432  # only part of the socket's file name

_PATH_LIMIT = 103  # macOS; Linux allows 107


def choose(data_dir: Path, account: Account | None) -> Path:
    """Answer the directory recorded by an earlier run if it is still ours, or else a new one.

    Not a name that can be foreseen: in a directory that all may write to, somebody else could have made it before us.
    """
    record = _record(data_dir)
    owner = os.geteuid() if account is None else account.uid
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        recorded = Path(json.loads(record.read_text(encoding="utf-8"))["directory"])
        found = recorded.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == owner and found.st_mode & 0o077 == 0:
            return recorded
    for base in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):  # noqa: S108 - made private
        if not _can_hold_a_socket(Path(base).resolve(), account):
            continue
        made = Path(tempfile.mkdtemp(prefix="ccp-", dir=Path(base).resolve()))
        if account is not None:
            os.chown(made, account.uid, account.gid)
        record.write_text(json.dumps({"directory": str(made)}) + "\n", encoding="utf-8")
        return made
    raise EmbeddedServerError(
        "no temporary directory can hold PostgreSQL's socket; set TMPDIR to a short one"
    )


def forget(data_dir: Path, directory: Path) -> None:
    """Remove the directory and its record: the server has stopped in order."""
    shutil.rmtree(directory, ignore_errors=True)
    _record(data_dir).unlink(missing_ok=True)


def _record(data_dir: Path) -> Path:
    return data_dir / "postgres-socket.json"


def _can_hold_a_socket(base: Path, account: Account | None) -> bool:
    longest = len(os.fsencode(base / "ccp-12345678" / f".s.PGSQL.{PORT}.lock"))
    # A comma separates directories in PostgreSQL's setting and hosts in an address.
    if longest > _PATH_LIMIT or "," in str(base) or not os.access(base, os.W_OK | os.X_OK):
        return False
    return account is None or datadir.first_closed_directory(base, account) is None
