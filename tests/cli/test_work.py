"""Work in progress at a terminal: actions, and filters that name what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
