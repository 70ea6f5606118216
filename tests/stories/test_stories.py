"""Every story beside this file is played against the real engine, and all that it expects must hold.

The stories are the acceptance scenarios of the pathway; `ccp play` plays the same files. See docs/stories.md.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from adapters.play.narrator import Narrator
from adapters.play.rehearsal import rehearse
from adapters.play.story import read_story
from adapters.play.teller import Teller
from adapters.play.theatre import on_stage
from adapters.temporal.virtual import VirtualTime
from domain.rules import Rules

STORIES = sorted(Path(__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("file", STORIES, ids=[file.stem for file in STORIES])
async def test_the_story_holds(file: Path, database: str, time_skipping_server: str, rules: Rules) -> None:
    play = rehearse(read_story(file), file.name, rules)
    virtual = await VirtualTime.on(time_skipping_server)
    page = Console(file=io.StringIO(), width=200)
    async with on_stage(database, virtual, rules, play.start, task_queue=file.stem) as product:
        report = await Teller(play, product, virtual, Narrator(page)).tell()
    assert report.passed, page.file.getvalue()  # type: ignore[attr-defined] - it is the StringIO above


def test_every_story_expects_something() -> None:
    assert STORIES
    for file in STORIES:
        assert any(step.expect.says_something for step in read_story(file).step), file.name
