"""Work in progress at a terminal: actions, and filters that name what is not there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from tests.support.clocks import StandingClock
from tests.support.scenario import FORUM, HOUSING, NEXT_MEETING_DAY_ENDS, a_case
from tests.support.situations import tell

ROBIN = a_case().ready_for_forum().with_action().with_action("arrears", agency=HOUSING, owner="officer-3")


async def test_actions_are_listed_with_what_must_be_known_of_them(
    running: Callable[..., Any], log: PostgresEventLog, clock: StandingClock
) -> None:
    clock.at = NEXT_MEETING_DAY_ENDS
    await tell(log, [ROBIN])
    listed = await running("actions", "--overdue", "--forum", FORUM)
    assert (listed.exit_code, listed.out.count("open, overdue")) == (0, 2), listed.err
    mine = (await running("actions", "--agency", "one manchester", "--json")).json
    assert [row["action_id"] for row in mine["rows"]] == [str(ROBIN.action_id("arrears"))]
    assert (await running("actions", "--case", str(ROBIN.case_id)[:9], "--ended")).out == "No action fits.\n"


@pytest.mark.parametrize(
    "line",
    [
        ("cases",),
        ("due",),
        ("caseload",),
        ("workload",),
        ("waiting-list",),
        ("actions",),
        ("parked",),
        ("escalations",),
        ("safeguarding", "--as-role", "safeguarding_lead"),
    ],
    ids=" ".join,
)
async def test_a_forum_that_there_is_not_is_named_with_those_that_there_are(
    running: Callable[..., Any], line: tuple[str, ...]
) -> None:
    refused = await running(*line, "--forum", "nope")
    assert refused.exit_code == 2
    assert "--forum: must be one of" in refused.err
    assert FORUM in refused.err


async def test_parked_cases_are_listed_with_since_when_and_whose_move(
    running: Callable[..., Any], log: PostgresEventLog, clock: StandingClock
) -> None:
    case = a_case("kim").in_triage()
    clock.at = case.now
    await tell(log, [case])
    assert (await running("parked")).out == "No case is parked.\n"
    clock.at = NEXT_MEETING_DAY_ENDS + timedelta(days=60)
    listed = await running("parked", "--forum", FORUM)
    assert (listed.exit_code, str(case.case_id) in listed.out) == (0, True), listed.err
    for word in ("Triage", "never", "coordinator"):
        assert word in listed.out
    assert (await running("parked", "--role", "manager", "--json")).json["rows"] == []
    assert (await running("parked", "--role", "captain")).exit_code == 2


async def test_what_the_dispatcher_set_aside_is_listed_with_its_reason(
    running: Callable[..., Any], pool: Pool
) -> None:
    assert (await running("workflows", "list", "--set-aside")).out == "Nothing is set aside.\n"
    case_id = a_case("kim").case_id
    await pool.execute("INSERT INTO dispatch.untold VALUES ('workflows', $1, 41, 'KeyError')", case_id)
    listed = await running("workflows", "list", "--set-aside")
    assert (listed.exit_code, str(case_id) in listed.out, "KeyError" in listed.out) == (0, True, True)
    (aside,) = (await running("workflows", "list", "--set-aside", "--json")).json
    assert (aside["case_id"], aside["after_position"]) == (str(case_id), 41)
