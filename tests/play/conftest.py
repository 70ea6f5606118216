"""`ccp play` as a program of its own, and stories in files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

REFERRAL = """
[[step]]
at = 2027-01-04T09:30:00
as = { person = "officer-1", role = "referrer", agency = "Greater Manchester Police" }
do = "submit-referral"
case = "robin"
data = { form = { given_name = "Robin", family_name = "Example", date_of_birth = "1985-03-31", ward = "Ardwick", \
needs = ["homelessness", "mental_health", "nuisance_calls"], offer = "Joint visits", person_aware = true } }
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def story(tmp_path: Path) -> Callable[[str], Path]:
    """Write a story to a file; a title is put before it."""

    def write(text: str, name: str = "story") -> Path:
        file = tmp_path / f"{name}.toml"
        file.write_text(f'title = "A story"\n{text}', encoding="utf-8")
        return file

    return write


def play(*arguments: object, temporary: Path | None = None) -> Ended:
    """Play as somebody at a terminal does."""
    done = subprocess.run(
        [sys.executable, "-m", "adapters.cli.main", "play", *map(str, arguments)],
        cwd=ROOT,
        env=environment(temporary),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def environment(temporary: Path | None) -> dict[str, str]:
    """Our environment, with temporary files in a place that can be looked at."""
    return {**os.environ, **({"TMPDIR": str(temporary)} if temporary else {})}
