"""What can be read about work in progress: actions, and filters that name what is not there."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from adapters.product import Product
from tests.support.clocks import StandingClock
from tests.support.scenario import FORUM, HOUSING, NEXT_MEETING_DAY_ENDS, a_case
from tests.support.situations import tell

LISTS = (
    "cases",
    "due",
    "caseload",
    "waiting-list",
    "workload",
    "actions",
    "parked-cases",
    "meetings",
    "meetings.ics",
)


async def test_actions_are_read_by_what_stands_in_their_way(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    clock.at = NEXT_MEETING_DAY_ENDS
    robin = a_case().ready_for_forum().with_action().with_action("arrears", agency=HOUSING)
    await tell(product.log, [robin])
    head = await product.log.head()
    page = (await client.get(f"/actions?forum={FORUM}&after_position={head}")).json()
    assert (page["total"], {row["overdue"] for row in page["rows"]}) == (2, {True})
    (row,) = (await client.get("/actions", params={"agency": "  one  MANCHESTER"})).json()["rows"]
    assert (row["action_id"], row["agency"]) == (str(robin.action_id("arrears")), HOUSING)
    assert (await client.get("/actions?blocked=true")).json()["rows"] == []
    assert (await client.get("/actions?open=false")).json() == {"rows": [], "next": None, "total": 0}
    assert (await client.get("/actions?after=nonsense")).json()["code"] == "cursor_invalid"


@pytest.mark.parametrize("path", LISTS)
async def test_a_forum_that_there_is_not_is_an_error_and_no_empty_list(
    client: httpx.AsyncClient, path: str
) -> None:
    refused = await client.get(f"/{path}?forum=nope")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    (error,) = refused.json()["errors"]
    assert error["field"] == "forum"
    assert FORUM in error["rule"]


async def test_a_programme_that_there_is_not_is_an_error_too(client: httpx.AsyncClient) -> None:
    refused = await client.get("/due?programme=moon")
    assert refused.json()["errors"] == [{"field": "programme", "rule": "must be one of manchester-maps"}]


async def test_parked_cases_are_read_with_whose_move_it_is(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    clock.at = NEXT_MEETING_DAY_ENDS + timedelta(days=60)
    robin, kim = a_case().in_triage(), a_case("kim").in_triage().with_action()
    await tell(product.log, [robin, kim])
    head = await product.log.head()
    page = (await client.get(f"/parked-cases?forum={FORUM}&after_position={head}")).json()
    assert [(row["case_id"], row["role"], row["last_contact_at"]) for row in page["rows"]] == [
        (str(robin.case_id), "coordinator", None)
    ]
    assert (await client.get("/parked-cases?role=manager")).json()["total"] == 0
