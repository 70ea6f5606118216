"""`ccp case explain` and `ccp case replay`: why a case stands where it stands, and how it stood, from the log alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.postgres.event_log import PostgresEventLog
from domain.case.stages import Stage
from tests.support.scenario import HOUSING, a_case, a_meeting, a_worker
from tests.support.situations import tell

ROBIN = a_case().active(a_worker())
KIM = a_case("kim", by=HOUSING).in_triage()


@pytest.fixture
async def told(log: PostgresEventLog) -> None:
    await tell(log, [a_meeting().in_session(), ROBIN, KIM])


async def test_a_case_in_triage_says_whose_move_it_is_and_what_the_engine_does_next(
    running: Callable[..., Any], told: None
) -> None:
    found = (await running("case", "explain", str(KIM.case_id), "--json")).json
    assert (found["stage"], found["move"]["role"]) == ("Triage", "coordinator")
    assert found["next"]["command"] == "mark-triage-overdue"
    assert found["next"]["at"] == KIM.case.due["triage"].isoformat().replace("+00:00", "Z")
    assert [one["process"] for one in found["processes"]] == ["referral"]
    assert found["open_concerns"] == 0
    text = (await running("case", "explain", str(KIM.case_id))).out
    assert "coordinator" in text
    assert "mark-triage-overdue" in text


async def test_a_case_in_support_shows_its_actions_and_all_that_the_engine_waits_for(
    running: Callable[..., Any], told: None
) -> None:
    found = (await running("case", "explain", str(ROBIN.case_id), "--json")).json
    assert found["move"]["role"] == "key_worker"
    assert found["move"]["worker_id"] == str(ROBIN.case.worker_id)
    assert {"support", "action-follow-up"} <= {one["process"] for one in found["processes"]}
    assert [one["state"] for one in found["open_actions"]] == ["open"]


async def test_neither_answer_names_the_person(running: Callable[..., Any], told: None) -> None:
    for line in (("explain",), ("replay",), ("replay", "--diff", "2027-01-01", "2028-01-01")):
        shown = await running("case", *line[:1], str(ROBIN.case_id), *line[1:])
        assert shown.exit_code == 0, shown.err
        assert "Robin" not in shown.out, line


async def test_a_case_is_shown_as_it_was(running: Callable[..., Any], told: None) -> None:
    first = (await running("case", "events", str(KIM.case_id), "--json")).json[0]["effective_at"]
    found = (await running("case", "replay", str(KIM.case_id), "--as-of", first, "--json")).json
    assert (found["case"]["stage"], found["left_out"]) in ((Stage.SUBMITTED, []), (Stage.TRIAGE, []))
    before = (datetime.fromisoformat(first) - timedelta(minutes=1)).isoformat()
    for option in ("--as-of", "--known-at"):
        gone = await running("case", "replay", str(KIM.case_id), option, before)
        assert (gone.exit_code, "(case_not_yet_there)" in gone.err) == (1, True)


async def test_two_instants_are_compared(running: Callable[..., Any], told: None) -> None:
    found = (
        await running("case", "replay", str(ROBIN.case_id), "--diff", "2028-01-01", "2026-01-01", "--json")
    ).json
    assert found["earlier"] < found["later"]
    assert len(found["events"]) == len([fact for fact in ROBIN.facts if fact.stream_id == ROBIN.case_id])
    assert {"field": "stage", "before": None, "after": "Active"} in found["changes"]


async def test_instants_that_are_none_are_refused(running: Callable[..., Any], told: None) -> None:
    wrong = await running("case", "replay", str(KIM.case_id), "--as-of", "yesterday")
    assert (wrong.exit_code, "--as-of" in wrong.err) == (2, True)
    both = await running(
        "case", "replay", str(KIM.case_id), "--as-of", "2027-01-01", "--diff", "2027-01-01", "2028-01-01"
    )
    assert both.exit_code == 2
