"""Who acts is declared in headers, and only a server that others cannot reach believes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from adapters.product import Product
from adapters.settings import Settings
from tests.http.conftest import COORDINATOR, acting_as, client_of

SUBMIT = "/commands/submit-referral"


async def actor_of_first_event(client: httpx.AsyncClient, case_id: str) -> dict[str, Any]:
    event: dict[str, Any] = (await client.get(f"/cases/{case_id}/events")).json()["rows"][0]
    return event


async def test_who_on_whose_behalf_when_and_why_stand_beside_every_event(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    headers = {
        **acting_as("adapter", person="register-import", agency="Greater Manchester Police"),
        "Ccp-On-Behalf-Of": "officer-7",
        "Ccp-Reason": "Weekly transfer",
        "Ccp-Effective-At": "2026-03-30T09:15",
        "Ccp-Correlation-Id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11",
    }
    done = (await client.post(SUBMIT, json=referral, headers=headers)).json()
    event = await actor_of_first_event(client, done["case_id"])
    assert event["actor"] == {
        "person": "register-import",
        "role": "adapter",
        "agency": "Greater Manchester Police",
        "on_behalf_of": "officer-7",
        "channel": "adapter",
    }
    assert event["reason"] == "Weekly transfer"
    # British summer time had begun the day before.
    assert event["effective_at"] == "2026-03-30T08:15:00Z"
    assert event["correlation_id"] == "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (b"Zo%C3%AB%20Ni%C5%82ka", "Zoë Niłka"),
        ("Zoë".encode(), "Zoë"),
        ("Zoë".encode("latin-1"), "Zoë"),
        (b"100% sure", "100% sure"),
        (b"worker-7", "worker-7"),
    ],
)
async def test_names_of_any_script_come_through_a_header(
    client: httpx.AsyncClient, referral: dict[str, Any], sent: bytes, known: str
) -> None:
    headers = [
        (name, value.encode()) for name, value in acting_as("referrer").items() if name != "Ccp-Person"
    ]
    done = await client.post(SUBMIT, json=referral, headers=[*headers, ("Ccp-Person", sent)])
    event = await actor_of_first_event(client, done.json()["case_id"])
    assert event["actor"]["person"] == known


BROKEN_HEADERS: list[tuple[str, str | None, str]] = [
    ("Ccp-Person", None, "is required: say who acts"),
    ("Ccp-Role", None, "is required: say who acts"),
    ("Ccp-Agency", None, "is required: say who acts"),
    ("Ccp-Role", "system", "must be one of referrer, coordinator"),
    ("Ccp-Role", "wizard", "must be one of referrer, coordinator"),
    ("Ccp-Person", " ", "must be 1 to 120 printable characters on one line"),
    ("Ccp-Person", "a%00b", "must be 1 to 120 printable characters on one line"),
    ("Ccp-Person", "x" * 121, "must be 1 to 120 printable characters on one line"),
    ("Ccp-Agency", "a%0Ab", "must be 1 to 120 printable characters on one line"),
    ("Ccp-On-Behalf-Of", "%1b[31m", "must be 1 to 120 printable characters on one line"),
    ("Ccp-Channel", "timer", "must be one of human, adapter"),
    ("Ccp-Effective-At", "yesterday", "must be a date and time such as"),
    ("Ccp-Effective-At", "9999-12-31T23:59:59-12:00", "the year must lie between"),
    ("Ccp-Correlation-Id", "7", "must be a UUID such as"),
    ("Idempotency-Key", "x" * 201, "must be a UUID or 1 to 200 printable characters"),
    ("Idempotency-Key", "", "must be a UUID or 1 to 200 printable characters"),
]


async def test_a_header_that_breaks_a_rule_is_named_with_the_rule(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    for header, value, rule in BROKEN_HEADERS:
        headers = {name: one for name, one in COORDINATOR.items() if name != header}
        answer = await client.post(
            SUBMIT, json=referral, headers=headers if value is None else {**headers, header: value}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
        (error,) = answer.json()["errors"]
        assert error["field"] == header
        assert error["rule"].startswith(rule)


async def test_a_role_that_may_not_is_told_who_may(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    answer = await client.post(SUBMIT, json=referral, headers=acting_as("auditor"))
    assert answer.status_code == 403
    assert answer.json()["code"] == "role_not_permitted"
    assert "coordinator" in answer.json()["detail"]


async def test_a_server_that_others_can_reach_believes_nobody(
    product: Product, referral: dict[str, Any]
) -> None:
    async with client_of(product, loopback=False) as client:
        for answer in (
            await client.post(SUBMIT, json=referral, headers=COORDINATOR),
            await client.post(SUBMIT, json=referral),
            await client.get("/cases"),
            await client.get("/audit/actors/coordinator-1"),
        ):
            assert answer.status_code == 403
            assert answer.json()["code"] == "sign_in_required"
        for open_to_all in ("/health", "/ready", "/commands", "/programmes/manchester-maps", "/openapi.json"):
            assert (await client.get(open_to_all)).status_code == 200
    assert await product.log.head() == 0


async def test_declared_actors_can_be_allowed_where_a_gateway_stands_before_the_server(
    product: Product, referral: dict[str, Any]
) -> None:
    behind = replace(product, settings=Settings(host="0.0.0.0", allow_declared_actors=True))
    async with client_of(behind, loopback=False) as client:
        answer = await client.post(SUBMIT, json=referral, headers={**COORDINATOR, "Host": "ccp.example.org"})
    assert answer.status_code == 200


async def test_a_local_server_answers_only_to_names_of_this_machine(client: httpx.AsyncClient) -> None:
    for host in ("localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "[::1]"):
        assert (await client.get("/cases", headers={"Host": host})).status_code == 200, host
    for host in ("attacker.example", "127.0.0.1.attacker.example:8080", ""):
        answer = await client.get("/cases", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (421, "host_not_allowed"), host
