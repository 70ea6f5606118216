"""The read models at a terminal: listed, verified, made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from projections import PROJECTIONS
from tests.cli.conftest import Ccp
from tests.support.scenario import a_case, a_meeting, a_worker
from tests.support.situations import tell

NAMES = [projection.NAME for projection in PROJECTIONS]


async def test_every_read_model_is_listed_and_is_what_the_log_makes_it(
    running: Callable[..., Any], log: PostgresEventLog
) -> None:
    await tell(log, [a_meeting().in_session(), a_case().active(a_worker()), a_case("kim").waiting()])
    listed = (await running("projections", "list", "--json")).json
    assert [(one["name"], one["lag_events"]) for one in listed] == [(name, 0) for name in NAMES]
    shown = (await running("projections", "list")).out
    assert all(name in shown for name in NAMES)
    verified = await running("projections", "verify")
    assert (verified.exit_code, verified.out.count("as the log says")) == (0, len(NAMES)), verified


async def test_a_row_that_is_not_what_the_log_makes_is_shown_and_the_exit_code_says_so(
    running: Callable[..., Any], log: PostgresEventLog, pool: Pool
) -> None:
    await tell(log, [a_case().ready_for_forum().with_action()])
    await running("projections", "list")
    await pool.execute("UPDATE read.actions SET agency = 'Moonbase', owner = 'somebody-else'")
    found = await running("projections", "verify", "actions", "due")
    assert (found.exit_code, "Moonbase" in found.out) == (1, True), found
    assert "somebody-else" not in found.out
    (wrong, right) = (await running("projections", "verify", "actions", "due", "--json")).json
    assert (wrong["is_sound"], right["is_sound"]) == (False, True)
    begun = await running("projections", "rebuild", "actions")
    assert (begun.exit_code, "actions is being made anew" in begun.out) == (0, True), begun
    assert (await running("projections", "verify", "actions")).exit_code == 0
    assert (await running("projections", "retry", "actions")).out == "Nothing is left out.\n"


async def test_a_read_model_that_there_is_not_is_named_with_those_that_there_are(
    running: Callable[..., Any],
) -> None:
    for line in (("verify", "moon"), ("rebuild", "moon"), ("retry", "moon")):
        refused = await running("projections", *line)
        assert (refused.exit_code, "must be one of cases, due" in refused.err) == (2, True), refused


def test_the_commands_of_read_models_have_help_with_an_example(ccp: Ccp) -> None:
    for line in ((), ("list",), ("verify",), ("rebuild",), ("retry",)):
        shown = ccp("projections", *line, "--help")
        assert (shown.exit_code, "Example" in shown.out) == (0, True), line
