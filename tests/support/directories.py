"""Temporary directories that the embedded PostgreSQL can use even when the tests run as root.

pytest's own `tmp_path` lies below a directory that only its owner may enter, and PostgreSQL, which does not
run as root, then runs under an account that is not its owner.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reachable_directory() -> Iterator[Path]:
    """Make an empty directory that other accounts may pass through, and remove it in the end."""
    directory = Path(tempfile.mkdtemp(prefix="ccp-test-", dir=_open_base()))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _open_base() -> Path:
    for name in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp")):
        base = Path(name).resolve()
        steps = (base, *base.parents)
        if os.geteuid() != 0 or all(step.stat().st_mode & stat.S_IXOTH for step in steps):
            return base
    raise RuntimeError("every temporary directory is closed to other accounts; set TMPDIR to an open one")
