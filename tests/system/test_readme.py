"""What the README tells a newcomer to type works as it is written, in the order in which it is written."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from adapters.cli.main import root
from domain import catalogue
from tests.support.directories import reachable_directory
from tests.system.processes import CCP, ccp, environment, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "make " not in block]


def _lines() -> Iterator[str]:
    """The commands of the README's blocks, continued lines joined, without what starts a shell or the product."""
    for block in BLOCKS:
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith((". ", "ccp up")):
                yield line


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{command}:", targets, re.MULTILINE), command


def test_every_folder_of_the_table_is_there() -> None:
    for folder in re.findall(r"^\| `([\w/]+)/` \|", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder


def test_every_command_that_the_readme_names_is_there() -> None:
    for line in re.findall(r"(?:^|`)(ccp [a-z][^`\n]*)", README, re.MULTILINE):
        command: click.Command = root
        for word in line.split()[1:]:
            if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]+", word):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, line
            command = found


def test_every_step_that_the_readme_names_is_of_the_catalogue() -> None:
    steps = re.search(r"^\| Stage \|.*?\n\n", README, re.MULTILINE | re.DOTALL)
    assert steps is not None
    named = re.findall(r"`([a-z-]+)`", steps.group())
    assert named
    assert set(named) <= {command.NAME for command in catalogue.commands()}


@pytest.mark.parametrize("place", re.findall(r"\]\(([\w./-]+)\)", README))
def test_every_link_of_the_readme_leads_somewhere(place: str) -> None:
    assert (ROOT / place).exists()


@pytest.mark.xdist_group("up")
async def test_a_newcomer_types_the_readme_from_top_to_bottom(tmp_path: Path) -> None:
    (tmp_path / "register.csv").write_bytes((ROOT / "adapters" / "demo" / "register.csv").read_bytes())
    with reachable_directory() as data:
        home = {"CCP_DATA": str(data)}
        with running("up", "--port", "0", env=home, said_in=tmp_path / "up.log") as product:
            await product.until_said("The product runs")
            said = await asyncio.to_thread(_type_everything, home, tmp_path)
    assert "EligibilityConfirmed" in said["confirm-eligible"]
    assert "ConsentPositionRecorded" in said["reach-consent-position"]
    assert (tmp_path / "what-became-of-it.csv").read_text(encoding="utf-8").count("\n") == 46


def _type_everything(home: dict[str, str], where: Path) -> dict[str, str]:
    said: dict[str, str] = {}
    acting: dict[str, str] = {}
    for line in _lines():
        words = shlex.split(line, comments=True)
        if words[0] == "export":
            acting |= dict(word.split("=", 1) for word in words[1:])
            continue
        assert words[0] == "ccp", line
        typed = [_the_case(home) if word == "ID" else word for word in words[1:]]
        answer = subprocess.run(
            [CCP, *typed],
            cwd=where,
            env=environment(**home, **acting),
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, (line, answer.stdout, answer.stderr)
        said[typed[1] if typed[0] == "do" else " ".join(typed[:2])] = answer.stdout
    return said


def _the_case(home: dict[str, str]) -> str:
    found = json.loads(ccp("cases", "--json", env=home).stdout)
    return str(found["rows"][0]["case_id"])[:8]
