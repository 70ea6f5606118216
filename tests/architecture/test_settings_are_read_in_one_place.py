"""Only `adapters/settings.py` reads the environment."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for package in ("domain", "workflows", "projections", "adapters")
    for path in (ROOT / package).rglob("*.py")
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_else_reads_the_environment(path: Path) -> None:
    if path == ROOT / "adapters" / "settings.py":
        return
    text = path.read_text(encoding="utf-8")
    for reading in ("os.getenv", "environ.get", "environ["):
        assert reading not in text
