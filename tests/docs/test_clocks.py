"""The page on stories names every clock there is, each with what it waits for."""

from __future__ import annotations

import re
from pathlib import Path

from projections.words import CLOCKS

PAGE = Path(__file__).parent.parent.parent / "docs" / "stories.md"


def test_every_clock_stands_on_the_page_with_what_it_waits_for() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## The clocks by name")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE))
    assert told == {name: clock.what for name, clock in CLOCKS.items()}
