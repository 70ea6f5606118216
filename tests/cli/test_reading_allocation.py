"""Allocation at a terminal: who waits, what each case weighs, and what an allocation would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.postgres.event_log import PostgresEventLog
from tests.support.clocks import StandingClock
from tests.support.scenario import ALLOCATED, FORUM, a_case, a_worker
from tests.support.situations import tell


async def test_who_waits_what_weighs_and_what_an_allocation_would_do(
    running: Callable[..., Any], log: PostgresEventLog, clock: StandingClock
) -> None:
    clock.at = ALLOCATED
    sam = a_worker()
    first, second = a_case("first").active(sam), a_case("second").waiting(band="P1")
    await tell(log, [first, second])
    listed = await running("waiting-list", "--forum", FORUM)
    assert (listed.exit_code, "P1" in listed.out) == (0, True), listed.err
    assert (await running("waiting-list", "--band", "P2")).out == "Nobody waits.\n"
    (weighed,) = (await running("workload", "--json")).json
    assert weighed["points"] == 4
    assert "10 %" in (await running("workload", "--worker", str(sam.worker_id))).out
    shown = await running("allocation", "preview", str(second.case_id), str(sam.worker_id))
    assert (shown.exit_code, "2 cases, 8 of 40 points, 20 %" in shown.out) == (0, True), shown
    nobody = await running("allocation", "preview", str(second.case_id), "sam")
    assert (nobody.exit_code, "must be a whole id" in nobody.err) == (2, True)
