"""What is not for everybody, and what was told to whom, over the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from adapters.product import Product
from domain.roles import Role
from tests.http.conftest import acting_as
from tests.outbox.posting import Refusing, posting, rests
from tests.support.scenario import POLICE, a_case
from tests.support.situations import tell

ROBIN = a_case("robin").active().with_concern().escalated().escalated("late", subject="safeguarding")
LEAD = acting_as("safeguarding_lead")


async def _read(client: httpx.AsyncClient, product: Product, path: str, **asked: Any) -> httpx.Response:
    position = await product.log.head()
    return await client.get(path, params={"after_position": position, **asked.pop("params", {})}, **asked)


async def test_a_safeguarding_lead_reads_the_concerns(client: httpx.AsyncClient, product: Product) -> None:
    await tell(product.log, [ROBIN])
    answer = await _read(client, product, "/safeguarding", headers=LEAD, params={"open": True})
    (row,) = answer.json()["rows"]
    assert row["case_id"] == str(ROBIN.case_id)
    assert row["state"] == "raised"
    assert "eaten" not in answer.text


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SAFEGUARDING_LEAD, Role.SYSTEM}))
async def test_nobody_else_reads_the_concerns(client: httpx.AsyncClient, role: Role) -> None:
    refused = await client.get("/safeguarding", headers=acting_as(role))
    assert refused.status_code == 403
    assert refused.json()["code"] == "safeguarding_lead_only"


async def test_whoever_does_not_say_in_which_role_reads_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.get("/safeguarding")).status_code == 422
    invented = await client.get("/safeguarding", headers=acting_as("captain"))
    assert invented.json()["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("role", "subjects"),
    [
        ("coordinator", {"dispute"}),
        ("key_worker", {"dispute"}),
        ("manager", {"dispute", "safeguarding"}),
        ("safeguarding_lead", {"dispute", "safeguarding"}),
    ],
)
async def test_escalations_about_safeguarding_are_for_those_who_must_know(
    client: httpx.AsyncClient, product: Product, role: str, subjects: set[str]
) -> None:
    await tell(product.log, [ROBIN])
    answer = await _read(client, product, "/escalations", headers=acting_as(role))
    assert {row["subject"] for row in answer.json()["rows"]} == subjects


async def test_a_failed_notification_is_found_and_retried_over_the_api(
    client: httpx.AsyncClient, product: Product
) -> None:
    mailbox = Refusing()
    async with posting(product.pool, product.log, mailbox) as post:
        await tell(product.log, [ROBIN])
        await rests(post, product.log)
        asked = {"to": POLICE, "state": "waiting", "limit": 1}
        (message,) = (await client.get("/outbox", params=asked)).json()["rows"]
        assert message["last_error"] == "ConnectionRefusedError"
        mailbox.takes = True
        retried = await client.post(
            "/commands/retry-notification",
            json={"case_id": message["case_id"], "message_id": message["message_id"]},
            headers={**acting_as("operations"), "Ccp-Reason": "The mailbox is back"},
        )
        assert retried.status_code == 200
        await rests(post, product.log)
    found = (await client.get("/outbox", params={"to": POLICE, "state": "delivered"})).json()["rows"]
    assert message["message_id"] in {one["message_id"] for one in found}


async def test_the_mailbox_is_read_by_whom_it_is_to(client: httpx.AsyncClient, product: Product) -> None:
    async with posting(product.pool, product.log, product.mailbox) as post:
        await tell(product.log, [ROBIN])
        await rests(post, product.log)
    letters = (await client.get("/mailbox", params={"to": "safeguarding_lead"})).json()
    assert "SafeguardingConcernRaised" in {one["about"] for one in letters}
    assert (await client.get("/mailbox", params={"to": "nobody"})).json() == []
