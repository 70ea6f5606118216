"""The audit trail at a terminal: who did what on whose behalf, what it changed, and when it happened and was recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from adapters.postgres.event_log import PostgresEventLog
from domain.case.correction import RecordVoided
from domain.case.triage import TriageStarted
from tests.cli.conftest import Ccp
from tests.projections.telling import Teller
from tests.support.scenario import COORDINATOR, REFERRED, SYSTEM, a_case, actor

ROBIN = a_case("robin").submitted()
MANAGER = actor("manager").model_copy(update={"on_behalf_of": "manager-9"})


@pytest.fixture
async def teller(log: PostgresEventLog) -> Teller:
    told = Teller(log)
    await told.tell(ROBIN, by=COORDINATOR)
    await told.tell(TriageStarted(**ROBIN.ids), by=SYSTEM)
    await told.tell(
        a_case("robin").awaiting_consent().facts[-1],
        by=MANAGER,
        at=REFERRED + timedelta(days=9),
        effective_at=REFERRED + timedelta(days=1),
        reason="Two needs are plain",
    )
    return told


async def test_a_case_s_story_says_what_each_step_changed(
    running: Callable[..., Any], teller: Teller
) -> None:
    story = await running("case", "audit", str(ROBIN.case_id)[:9])
    assert story.exit_code == 0, story.err
    for line in (
        "by      coordinator-1 (coordinator, MCC Community Safety)",
        "stage   New → Submitted",
        "clock  triage decision: not running → Wed 6 Jan 2027 17:00",
        "stage  Submitted → Triage",
        "on behalf of  manager-9",
        "stage         Triage → AwaitingConsent",
        "recorded      Wed 13 Jan 2027 10:00",
        "why           Two needs are plain",
    ):
        assert " ".join(line.split()) in " ".join(story.out.split()), (line, story.out)
    assert "Robin" not in story.out
    late = await running("case", "audit", str(ROBIN.case_id), "--since", "2027-01-10")
    assert (late.out.count("stage"), late.out.count("Two needs")) == (1, 1)
    assert (await running("case", "audit", str(ROBIN.case_id), "--until", "2026-01-01")).out.startswith(
        "Nothing"
    )


async def test_an_actor_s_doings_are_told_with_what_was_done_on_their_behalf(
    running: Callable[..., Any], teller: Teller
) -> None:
    (asked_for,) = (await running("audit", "actor", "manager-9", "--json")).json["rows"]
    assert (asked_for["person"], asked_for["stage_before"], asked_for["stage_after"]) == (
        "manager-1",
        "Triage",
        "AwaitingConsent",
    )
    clocks = {change["clock"]: (change["before"], change["after"]) for change in asked_for["clocks"]}
    assert clocks["triage"][1] is None
    assert clocks["consent"][0] is None
    shown = await running("audit", "actor", SYSTEM.person)
    assert f"case   {ROBIN.case_id}" in shown.out
    assert "TriageStarted"[:6].lower() in shown.out.lower()
    nobody = await running("audit", "actor", "nobody")
    assert (nobody.exit_code, nobody.out) == (0, "Nothing is on record by this reference in that time.\n")
    assert (await running("audit", "actor", "nobody", "--json")).json["rows"] == []
    page = await running("audit", "actor", COORDINATOR.person, "--limit", "1")
    assert ("go on with --after" in page.out) == (len(ROBIN.facts) > 1)


async def test_voiding_a_record_shows_what_it_took_back(running: Callable[..., Any], teller: Teller) -> None:
    await teller.tell(
        RecordVoided(
            **ROBIN.ids,
            voided_version=2,
            voided_topic="TriageStarted",
            followed_by=(),
            explanation="Wrong case",
        )
    )
    story = (await running("case", "audit", str(ROBIN.case_id), "--json")).json
    by_topic = {one["topic"]: one for one in story}
    assert by_topic["TriageStarted"]["stage_after"] == "Triage", "it stands as it was written then"
    assert by_topic["RecordVoided"]["stage_before"] == "AwaitingConsent"


def test_the_trail_has_help_with_examples(ccp: Ccp) -> None:
    for line in (("audit",), ("audit", "actor"), ("case", "audit")):
        shown = ccp(*line, "--help")
        assert (shown.exit_code, "Example" in shown.out) == (0, True), line
