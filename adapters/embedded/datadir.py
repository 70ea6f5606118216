"""The data directory on disk: who may enter it, and which running product owns it.

Must not know what is kept in it. Never changes the permissions of a directory that is not the product's own.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from pathlib import Path

from adapters.embedded.errors import DataDirectoryInUse, DataDirectoryUnusable
from adapters.embedded.process import Account


class DirectoryLock:
    """Holds a file's lock for as long as we live; the kernel lets go of it however we end."""

    def __init__(self, path: Path, *, purpose: str) -> None:
        self.path = path
        self._purpose = purpose
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises: DataDirectoryInUse, naming the process that holds it.
        """
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as refused:
            raise DataDirectoryUnusable(f"{self.path} cannot be opened: {refused.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "of unknown number"
            os.close(descriptor)
            raise DataDirectoryInUse(
                f"{self._purpose} in {self.path.parent} is in use by process {holder}; "
                "stop that one, or choose another directory with CCP_DATA"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go of the lock. The file stays: removing it would let two owners lock two different files."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def prepare(data_dir: Path, guest: Account | None = None) -> Path:
    """Make the data directory if it is missing, private to us, and answer its real path.

    A guest is another account that one of our servers runs under. It may pass through the directory to what
    is its own, and may not list it.

    Raises: DataDirectoryUnusable, naming the directory that is in the way.
    """
    try:
        data_dir = data_dir.expanduser().resolve()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = data_dir.stat()
        private = stat.S_IMODE(found.st_mode) & 0o077 == 0
        if guest is not None and private and found.st_uid == os.geteuid():
            os.chown(data_dir, -1, guest.gid)
            data_dir.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXGRP)
    except OSError as refused:
        raise DataDirectoryUnusable(
            f"the data directory {data_dir} cannot be used: {refused.strerror}; choose another with CCP_DATA"
        ) from None
    if not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise DataDirectoryUnusable(
            f"the data directory {data_dir} cannot be written by '{account_name(os.geteuid())}'; "
            "choose another with CCP_DATA"
        )
    closed = first_closed_directory(data_dir, guest) if guest is not None else None
    if guest is not None and closed is not None:
        raise DataDirectoryUnusable(
            f"the data directory {data_dir} lies inside {closed}, which the account '{guest.name}' that "
            "PostgreSQL runs under cannot enter; choose another with CCP_DATA"
        )
    return data_dir


def first_closed_directory(directory: Path, account: Account) -> Path | None:
    """Answer the first directory on the way to (and with) this one that the account may not pass through."""
    for step in [*reversed(directory.parents), directory]:
        if not may(account, step, read=False):
            return step
    return None


def may(account: Account, path: Path, *, read: bool) -> bool:
    """Answer whether the account may read a file, or pass through a directory, by its mode bits alone."""
    found = path.stat()
    wanted = 0o4 if read else 0o1
    if found.st_uid == account.uid:
        wanted <<= 6
    elif found.st_gid == account.gid:
        wanted <<= 3
    return bool(found.st_mode & wanted)


def account_name(uid: int) -> str:
    """Answer the name of an account, or its number where it has none (as in some containers)."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
