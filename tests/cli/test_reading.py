"""Reading at a terminal: cases, events, stories, caseloads, what is due, agendas and processes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.cli.output import safe
from adapters.postgres.event_log import PostgresEventLog
from tests.cli.conftest import Ccp
from tests.support.clocks import StandingClock
from tests.support.scenario import FORUM, HOUSING, MEETS, REFERRED, a_case, a_meeting, a_worker
from tests.support.situations import tell

ROBIN = a_case().active(a_worker())
WAITS = a_case("jo").submitted()
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def told(log: PostgresEventLog) -> None:
    await tell(log, [a_meeting().in_session(), ROBIN, a_case("kim", by=HOUSING).in_triage(), WAITS])


async def test_a_case_is_shown_with_what_it_waits_for(running: Callable[..., Any], told: None) -> None:
    shown = await running("case", "show", str(ROBIN.case_id)[:9])
    assert shown.exit_code == 0, shown.err
    assert "support to reach what the person wants" in shown.out
    assert "agreed action of Greater Manchester Police" in shown.out
    as_json = (await running("case", "show", str(ROBIN.case_id), "--json")).json
    assert as_json["stage"] == "Active"


async def test_the_events_of_a_case_are_told_without_personal_data_and_kept_whole_in_json(
    running: Callable[..., Any], told: None
) -> None:
    events = await running("case", "events", str(ROBIN.case_id))
    assert "ReferralSubmitted" in events.out
    assert "Robin" not in events.out
    # Ten in the morning in London, where it is winter.
    assert "Mon 4 Jan 2027 10:00" in (await running("case", "events", str(WAITS.case_id))).out
    whole = (await running("case", "events", str(ROBIN.case_id), "--json")).json
    assert whole[0]["data"]["form"]["given_name"] == "Robin"
    assert [event["version"] for event in whole] == list(range(1, len(whole) + 1))


async def test_a_case_s_story_says_who_did_what_and_when(running: Callable[..., Any], told: None) -> None:
    story = await running("case", "audit", str(ROBIN.case_id))
    assert "system-1" in story.out
    assert "Robin" not in story.out
    as_json = (await running("case", "audit", str(ROBIN.case_id), "--json")).json
    assert {"ReferralSubmitted", "KeyWorkerAllocated", "AgendaItemAdded"} <= {one["topic"] for one in as_json}


async def test_cases_are_found_and_counted(running: Callable[..., Any], told: None) -> None:
    everything = await running("cases")
    assert str(ROBIN.case_id) in everything.out
    assert "Robin Example" in everything.out
    triage = (await running("cases", "--stage", "triage", "--json")).json
    assert [row["case_id"] for row in triage["rows"]] == [str(a_case("kim").case_id)]
    page = await running("cases", "--limit", "1")
    cursor = page.out.split("--after ")[1].strip()
    assert "The first 1 of 3" in page.out
    assert str(ROBIN.case_id) in (page.out + (await running("cases", "--after", cursor)).out)
    assert (await running("cases", "--search", "nobody")).out == "No case fits.\n"
    assert (await running("cases", "--agency", HOUSING, "--json")).json["total"] == 1


async def test_what_is_due_is_listed_soonest_first(
    running: Callable[..., Any], told: None, clock: StandingClock
) -> None:
    clock.at = MEETS
    items = (await running("due", "--json")).json["rows"]
    assert [item["due_at"] for item in items] == sorted(item["due_at"] for item in items)
    overdue = await running("due", "--overdue", "--role", "coordinator")
    assert "triage decision" in overdue.out
    assert "overdue" in overdue.out
    clock.at = REFERRED
    assert (await running("due", "--overdue")).out == "Nothing is due.\n"
    assert (await running("due", "--until", "2027-01-05", "--json")).json["rows"] == []


async def test_caseloads_show_room_and_stages(running: Callable[..., Any], told: None) -> None:
    text = (await running("caseload", "--forum", FORUM)).out
    assert "1 of 10 (never over 15)" in text
    assert "Active: 1" in text
    (worker,) = (await running("caseload", "--json")).json
    assert worker["cases"] == 1


async def test_an_agenda_is_found_by_forum_or_by_meeting(
    running: Callable[..., Any], told: None, clock: StandingClock
) -> None:
    clock.at = MEETS
    by_forum = await running("agenda", FORUM)
    assert str(ROBIN.case_id) in by_forum.out
    by_id = (await running("agenda", str(a_meeting().meeting_id), "--json")).json
    assert by_id[0]["forum"] == FORUM
    unknown = await running("agenda", "moon")
    assert (unknown.exit_code, "must be the id of a meeting or one of" in unknown.err) == (2, True)
    gone = await running("agenda", str(ROBIN.case_id))
    assert (gone.exit_code, "(not_found)" in gone.err) == (1, True)


async def test_what_is_not_there_is_told_in_a_sentence(running: Callable[..., Any], told: None) -> None:
    for read in ("show", "events", "audit"):
        for which in ("ffffffff", "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11", "GMP-1"):
            answer = await running("case", read, which)
            assert (answer.exit_code, "(not_found)" in answer.err) == (1, True), (read, which, answer)


def test_every_command_has_help_with_an_example(ccp: Ccp) -> None:
    lines = [
        *(
            (name,)
            for name in ("up", "serve", "worker", "migrate", "commands", "cases", "caseload", "due", "agenda")
        ),
        *(("case", name) for name in ("show", "events", "audit", "explain", "replay")),
        *(("workflows", name) for name in ("list", "show")),
        ("case",),
        ("workflows",),
        ("do",),
        ("import",),
        ("import", "referrals"),
        ("demo",),
        ("play",),
    ]
    for line in lines:
        shown = ccp(*line, "--help")
        assert shown.exit_code == 0, line
        assert "Example" in shown.out, line
        assert "ccp" in shown.out.split("Example")[1], line
    assert ccp().exit_code == 2
    assert "Commands:" in ccp("--help").out


def test_nothing_from_the_log_reaches_the_terminal_as_a_command() -> None:
    assert safe("a\x1b[2Jb\x07\u202ec\nd") == "a [2Jb  c d"


async def test_processes_are_listed_and_shown(
    ccp: Ccp, monkeypatch: pytest.MonkeyPatch, temporal_address: str
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_address)
    listed = await asyncio.to_thread(ccp, "workflows", "list", "--case", str(a_case("nobody").case_id))
    assert (listed.exit_code, listed.out) == (0, "No process runs.\n")
    unknown = await asyncio.to_thread(ccp, "workflows", "show", "referral-1", "--json")
    assert (unknown.exit_code, unknown.json["code"]) == (1, "not_found")


def _timed(*arguments: str, **environment: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "adapters.cli.main", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return time.perf_counter() - began, done


async def test_a_short_answer_loads_neither_temporal_nor_the_http_api(
    database: str, log: PostgresEventLog
) -> None:
    await tell(log, [ROBIN])
    for arguments in (("commands", "start-triage"), ("case", "show", str(ROBIN.case_id), "--json")):
        _, done = await asyncio.to_thread(lambda a=arguments: _timed(*a, DATABASE_URL=database))
        assert done.returncode == 0, done.stderr
        loaded = {
            line.rpartition("|")[2].strip()
            for line in done.stderr.splitlines()
            if line.startswith("import time")
        }
        assert not loaded & {"temporalio", "temporalio.client", "fastapi", "uvicorn", "starlette"}
    assert json.loads(done.stdout)["stage"] == "Active"
