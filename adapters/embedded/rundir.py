"""The file by which the command line finds the running product: its process, and where its servers listen.

Written by the process that runs the product, read by any other of the same person. A file whose process is
gone counts as absent. Not a lock: the servers lock their own data.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.embedded.errors import DataDirectoryUnusable
from adapters.embedded.process import CLEAN_ENVIRONMENT, exists

FILE_NAME = "run.json"


class RunningProduct(BaseModel):
    """Where a running product can be reached."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int = Field(default_factory=os.getpid)
    # Tells a living process from another that was given the same number after a crash or a reboot.
    started: str = Field(default_factory=lambda validated: _start_of(validated["pid"]))
    database_dsn: str = Field(repr=False)
    temporal_address: str
    temporal_ui_url: str | None = None
    http_url: str | None = None


def announce(data_dir: Path, product: RunningProduct) -> None:
    """Write the file, in one step, readable by this person alone: a DSN may hold a password."""
    file = data_dir / FILE_NAME
    draft = data_dir / f".{FILE_NAME}.{os.getpid()}"
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(product.model_dump_json(indent=2) + "\n")
        draft.replace(file)
    except OSError as refused:
        raise DataDirectoryUnusable(f"{file} cannot be written: {refused.strerror}") from None


def find_running(data_dir: Path) -> RunningProduct | None:
    """Answer the product that runs with this data directory, or None."""
    try:
        written = (data_dir / FILE_NAME).read_text(encoding="utf-8")
        product = RunningProduct.model_validate_json(written)
    except (FileNotFoundError, NotADirectoryError, ValidationError, UnicodeDecodeError):
        return None
    except PermissionError:
        raise DataDirectoryUnusable(
            f"{data_dir / FILE_NAME} belongs to another account; ask as the one that started the product"
        ) from None
    if exists(product.pid) and _start_of(product.pid) == product.started:
        return product
    return None


def withdraw(data_dir: Path) -> None:
    """Remove the file, if it is ours."""
    product = find_running(data_dir)
    if product is not None and product.pid == os.getpid():
        with contextlib.suppress(FileNotFoundError):
            (data_dir / FILE_NAME).unlink()


def _start_of(pid: int) -> str:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        if sys.platform == "linux":
            return ""
        listed = subprocess.run(  # noqa: S603 - the argument is a number
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607 - from the clean PATH
            env=CLEAN_ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        return listed.stdout.decode(errors="replace").strip()
    # The program's name, in brackets, may hold anything; field 22 of the line is the start in clock ticks.
    return status.rpartition(")")[2].split()[19]
