"""`ccp play`: what it prints, how it ends, that it is the same every time, and that it leaves nothing behind."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.play.conftest import REFERRAL, ROOT, environment, play
from tests.support.directories import reachable_directory

Story = Callable[..., Path]
LATE = (
    REFERRAL
    + '[[step]]\nafter = "2wd"\ncase = "robin"\nexpect = { events = ["TriageOverdue"], stage = "Triage" }\n'
)
LONG = REFERRAL + '[[step]]\nafter = "600w"\ncase = "robin"\nexpect = { stage = "Triage" }\n' * 40


@pytest.fixture
def temporary() -> Iterator[Path]:
    with reachable_directory() as directory:
        directory.chmod(0o755)
        yield directory


def test_a_story_that_holds_ends_with_0_and_is_the_same_every_time(story: Story, temporary: Path) -> None:
    file = story(LATE)
    told = play(file, temporary=temporary)
    assert told.exit_code == 0, told
    assert re.search(r"Wed 06 Jan 2027 17:00 +the engine +TriageOverdue", told.out)
    assert "✓ stage: Triage" in told.out
    assert list(temporary.iterdir()) == []
    first, second = (play(file, file, "--json", temporary=temporary).json for _ in range(2))
    for report in (*first["stories"], *second["stories"]):
        del report["seconds"]
    assert first == second
    assert first["stories"][0] == first["stories"][1]


def test_what_did_not_hold_is_shown_beside_what_happened(story: Story) -> None:
    wrong = story(LATE.replace('"TriageOverdue"', '"EligibilityConfirmed"'), "wrong")
    told = play(wrong, story(LATE, "right"))
    assert told.exit_code == 1
    assert re.search(
        r"✗ step 2, events\n +expected +EligibilityConfirmed\n +happened +TriageOverdue", told.out
    )
    assert "1 of 2 stories held." in told.out


def test_what_an_event_says_can_be_expected_with_names_and_times(story: Story) -> None:
    facts = (
        'expect = { facts = { ReferralSubmitted = { repeat = false, case_id = "robin", urgency = "routine", '
        "triage_due_at = 2027-01-06T17:00:00, effective_at = 2027-01-04T09:30:00 } } }"
    )
    assert play(story(REFERRAL + facts)).exit_code == 0
    told = play(story(REFERRAL + facts.replace("repeat = false", "repeat = true")))
    assert told.exit_code == 1
    assert re.search(r"✗ step 1, facts.ReferralSubmitted\n +expected +repeat = True", told.out)


def test_an_unexpected_refusal_breaks_the_story_off_with_its_rule(story: Story) -> None:
    told = play(story(LATE.replace('offer = "Joint visits", ', "")))
    assert told.exit_code == 1
    assert "referrer_offer_required" in told.out
    assert "broke off at step 1 of 2" in told.out


def test_a_story_that_cannot_be_played_ends_with_2_and_starts_nothing(story: Story, temporary: Path) -> None:
    bad = story(REFERRAL.replace("submit-referral", "fly"), "bad")
    told = play(story(LATE), bad, temporary=temporary)
    assert told.exit_code == 2
    assert f"{bad}: step 1: do: there is no command" in told.err
    assert play(temporary / "nowhere.toml").exit_code == 2


def test_another_programme_changes_what_happens(story: Story, tmp_path: Path) -> None:
    shipped = (ROOT / "domain/programmes/manchester-maps.toml").read_text(encoding="utf-8")
    slower = tmp_path / "slower.toml"
    slower.write_text(re.sub(r"(\[clocks\.triage\]\nvalue = )2", r"\g<1>4", shipped), encoding="utf-8")
    told = play(story(LATE), "--programme", slower)
    assert told.exit_code == 1, told
    assert "expected  TriageOverdue" in told.out
    broken = tmp_path / "broken.toml"
    broken.write_text(shipped.replace("[clocks.triage]", "[clocks.tirage]"), encoding="utf-8")
    refused = play(story(LATE), "--programme", broken)
    assert refused.exit_code == 2
    assert "missing key clocks.triage" in refused.err


def test_the_example_of_the_documentation_holds(tmp_path: Path) -> None:
    written = (ROOT / "docs/stories.md").read_text(encoding="utf-8")
    example = tmp_path / "example.toml"
    example.write_text(written.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    told = play(example)
    assert told.exit_code == 0, told.out + told.err


def test_the_example_of_the_help_holds_when_it_is_pasted(tmp_path: Path) -> None:
    shown = play("--help").out
    pasted = shown.split("kept in late.toml:\n")[1].split("\n  Examples:")[0]
    example = tmp_path / "late.toml"
    example.write_text(textwrap.dedent(pasted), encoding="utf-8")
    told = play(example)
    assert told.exit_code == 0, told.out + told.err


def test_a_story_that_is_killed_half_way_leaves_nothing_behind(story: Story, temporary: Path) -> None:
    with _playing(story(LONG), temporary) as process:
        servers = _until(lambda: _servers(process), lambda found: len(found) >= 2)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    _until(lambda: [one for one in servers if one.is_running()], lambda found: not found)
    _until(lambda: list(temporary.iterdir()), lambda found: not found)


def test_what_a_killed_janitor_could_not_clear_away_the_next_play_sweeps_up(
    story: Story, temporary: Path
) -> None:
    with _playing(story(LONG), temporary) as process:
        janitors = _until(lambda: _children(process, "janitor.py"), bool)
        servers = _until(lambda: _servers(process), lambda found: len(found) >= 2)
        for janitor in janitors:
            janitor.kill()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    _until(lambda: [one for one in servers if one.is_running()], lambda found: not found)
    assert list(temporary.iterdir())
    assert play(story(LATE, "next"), temporary=temporary).exit_code == 0
    assert list(temporary.iterdir()) == []


@contextmanager
def _playing(file: Path, temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "adapters.cli.main", "play", str(file)],
        cwd=ROOT,
        env=environment(temporary),
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _children(process: subprocess.Popen[bytes], word: str) -> list[psutil.Process]:
    try:
        return [
            one
            for one in psutil.Process(process.pid).children()
            if any(word in part for part in one.cmdline())
        ]
    except psutil.Error:
        return []


def _servers(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return _children(process, "bin/postgres") + _children(process, "temporal-test-server")


def _until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + 60
    while not good(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found
