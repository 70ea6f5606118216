"""What can be read: one case from its own events, and lists that show what the caller has just done."""

from __future__ import annotations

from typing import Any

import httpx

from adapters.product import Product
from adapters.views import WAITS_FOR
from domain.case.stages import Stage
from tests.http.conftest import COORDINATOR
from tests.support.clocks import StandingClock
from tests.support.scenario import FORUM, HOUSING, MEETS, POLICE, a_case, a_meeting, a_worker
from tests.support.situations import tell

NOWHERE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


async def test_a_case_says_where_it_stands_and_what_it_waits_for(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    done = (await client.post("/commands/submit-referral", json=referral, headers=COORDINATOR)).json()
    case = (await client.get(f"/cases/{done['case_id']}")).json()
    assert case["stage"] == "Submitted"
    assert case["waits_for"] == "a coordinator to start triage"
    assert [clock["clock"] for clock in case["clocks"]] == ["acknowledge", "triage"]
    assert case["needs"] == ["mental_health", "substance_alcohol", "homelessness"]
    assert case["version"] == 1


def test_every_stage_says_what_it_waits_for() -> None:
    assert set(WAITS_FOR) == set(Stage)


async def test_a_case_late_on_its_road_shows_consents_actions_and_worker(
    client: httpx.AsyncClient, product: Product
) -> None:
    meeting, robin = a_meeting().in_session(), a_case().active(a_worker()).with_grant(POLICE)
    await tell(product.log, [meeting, robin])
    case = (await client.get(f"/cases/{robin.case_id}")).json()
    assert case["stage"] == "Active"
    assert case["worker_id"] == str(a_worker().worker_id)
    assert case["consents"][0]["state"] == "granted"
    assert case["actions"][0]["state"] == "open"
    due = {(clock["clock"], clock["action_id"] or clock["about"]) for clock in case["clocks"]}
    assert {("action", str(robin.action_id())), ("consent_expiry", str(robin.grant_id(POLICE)))} <= due


async def test_events_come_in_pages_with_all_that_stands_beside_them(
    client: httpx.AsyncClient, product: Product
) -> None:
    robin = a_case().ready_for_forum()
    await tell(product.log, [robin])
    everything = (await client.get(f"/cases/{robin.case_id}/events")).json()["rows"]
    assert [event["topic"] for event in everything][:3] == [
        "ReferralSubmitted",
        "ReferralAcknowledged",
        "TriageStarted",
    ]
    assert "form" in everything[0]["data"]
    assert "form" not in everything[0]["open_fields"]
    found, after = [], 0
    while True:
        page = (await client.get(f"/cases/{robin.case_id}/events?limit=2&after={after}")).json()
        found += page["rows"]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == everything


async def test_a_caller_sees_what_they_just_did(client: httpx.AsyncClient, referral: dict[str, Any]) -> None:
    done = (await client.post("/commands/submit-referral", json=referral, headers=COORDINATOR)).json()
    after = f"after_position={done['position']}"
    (row,) = (await client.get(f"/cases?search=robin&{after}")).json()["rows"]
    assert row["case_id"] == done["case_id"]
    assert [item["clock"] for item in (await client.get(f"/due?{after}")).json()["rows"]] == [
        "acknowledge",
        "triage",
    ]
    story = (await client.get(f"/cases/{done['case_id']}/audit?{after}")).json()["rows"]
    assert [one["topic"] for one in story] == ["EpisodeOpened", "ReferralSubmitted"]
    doings = (await client.get(f"/audit/actors/coordinator-1?{after}")).json()["rows"]
    assert len(doings) == 3
    assert "Robin" not in str(story) + str(doings)


async def test_a_position_that_the_log_has_not_reached_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/cases?after_position=7")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


async def test_cases_are_found_by_stage_forum_agency_and_search_in_pages(
    client: httpx.AsyncClient, product: Product
) -> None:
    stories = [a_case(f"one-{number}").submitted() for number in range(5)]
    await tell(product.log, [*stories, a_case("two", by=HOUSING).in_triage()])
    head = await product.log.head()
    everything = (await client.get(f"/cases?after_position={head}")).json()
    assert everything["total"] == 6

    async def ids(query: str) -> list[str]:
        return [row["case_id"] for row in (await client.get(f"/cases?{query}")).json()["rows"]]

    assert len(await ids("stage=Submitted")) == 5
    assert len(await ids("stage=Submitted&stage=Triage")) == 6
    assert await ids(f"agency={HOUSING}") == [str(a_case("two").case_id)]
    assert await ids("forum=wythenshawe-northenden") == []
    assert len(await ids("search=example robin")) == 6
    assert await ids(f"search={str(stories[0].case_id)[:8]}") == [str(stories[0].case_id)]

    found, after = [], ""
    while True:
        page = (await client.get(f"/cases?limit=4{after}")).json()
        found += [row["case_id"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(found) == len(set(found)) == 6


async def test_a_meeting_shows_its_items_and_what_is_missing(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    clock.at = MEETS
    meeting, robin = a_meeting().agenda_closed(), a_case().on_agenda()
    await tell(product.log, [meeting, robin, a_worker()])
    head = await product.log.head()
    agenda = (await client.get(f"/meetings/{meeting.meeting_id}/agenda?after_position={head}")).json()
    assert agenda["stage"] == "AgendaClosed"
    assert agenda["items"][0]["missing"] == [POLICE, HOUSING, "Change Grow Live"]
    listed = (await client.get(f"/meetings?forum={FORUM}")).json()["rows"]
    assert [one["meeting_id"] for one in listed] == [str(meeting.meeting_id)]
    late = (await client.get("/due?role=forum_member")).json()["rows"]
    assert all(item["overdue"] for item in late)
    (worker,) = (await client.get(f"/caseload?forum={FORUM}")).json()
    assert (worker["cases"], worker["soft_limit"]) == (0, 10)


async def test_reference_data_and_catalogue_can_be_read(client: httpx.AsyncClient) -> None:
    programme = (await client.get("/programmes/manchester-maps")).json()
    assert len(programme["needs"]) == 35
    forums = (await client.get("/geography/forums")).json()
    assert all(forum["neighbourhoods"] for forum in forums)
    commands = {one["name"]: one for one in (await client.get("/commands")).json()}
    submit = commands["submit-referral"]
    assert {"name": "form.given_name", "required": False}.items() <= next(
        field for field in submit["fields"] if field["name"] == "form.given_name"
    ).items()
    assert "referrer_offer_required" in {one["code"] for one in submit["refusals"]}


CANNOT_BE_ANSWERED: list[tuple[str, int, str]] = [
    (f"/cases/{NOWHERE}", 404, "not_found"),
    (f"/cases/{NOWHERE}/events", 404, "not_found"),
    (f"/cases/{NOWHERE}/audit", 404, "not_found"),
    (f"/meetings/{NOWHERE}/agenda", 404, "not_found"),
    ("/programmes/moon-maps", 404, "not_found"),
    ("/programmes/..%2Fsecret", 404, "route_unknown"),
    ("/programmes/UPPER", 422, "invalid_input"),
    ("/cases/7", 422, "invalid_input"),
    ("/cases?limit=0", 422, "invalid_input"),
    ("/cases?limit=501", 422, "invalid_input"),
    ("/cases?stage=Lost", 422, "invalid_input"),
    ("/cases?after=nonsense", 422, "cursor_invalid"),
    ("/cases?search=%00", 422, "invalid_input"),
    ("/cases?search=" + "x" * 201, 422, "invalid_input"),
    ("/due?until=9999-12-31T23:59:59-12:00", 422, "invalid_input"),
    ("/audit/actors/a%00b", 422, "invalid_input"),
]


async def test_a_read_that_cannot_be_answered_says_why(client: httpx.AsyncClient) -> None:
    for address, status, code in CANNOT_BE_ANSWERED:
        answer = await client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (status, code), address
        assert answer.headers["content-type"] == "application/problem+json"


async def test_answers_are_kept_by_nobody_on_the_way(client: httpx.AsyncClient) -> None:
    for address in ("/cases", "/health", "/nowhere"):
        answer = await client.get(address)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-request-id"]


async def test_health_answers_always_and_ready_only_with_the_log(
    client: httpx.AsyncClient, product: Product
) -> None:
    assert (await client.get("/health")).json()["status"] == "ok"
    assert (await client.get("/ready")).json() == {"status": "ok", "version": "0.1.0", "behind": {}}


async def test_every_read_is_described_with_its_answer(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    reads = {path: methods["get"] for path, methods in document["paths"].items() if "get" in methods}
    assert len(reads) >= 14
    for path, operation in reads.items():
        if path.endswith(".ics"):
            assert "text/calendar" in operation["responses"]["200"]["content"]
        else:
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert schema.get("$ref") or schema["items"]["$ref"], path
        assert operation["description"] or operation["summary"], path
        if not path.startswith(("/health", "/ready")):
            assert "application/problem+json" in operation["responses"]["422"]["content"], path
