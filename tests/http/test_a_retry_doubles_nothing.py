"""The same key again gives the first answer and adds nothing, whatever the key looks like."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from adapters.product import Product
from tests.http.conftest import COORDINATOR, acting_as

SUBMIT = "/commands/submit-referral"


@pytest.mark.parametrize(
    "key", ["6ba7b810-9dad-41d1-80b4-00c04fd430c8", "gmp-2027-00417", "a key with spaces", "x" * 200]
)
async def test_a_retry_gets_the_first_answer(
    client: httpx.AsyncClient, product: Product, referral: dict[str, Any], key: str
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": key}
    first = await client.post(SUBMIT, json=referral, headers=headers)
    head = await product.log.head()
    again = await client.post(SUBMIT, json=referral, headers=headers)
    assert first.status_code == again.status_code == 200
    assert again.json() == {**first.json(), "repeated": True}
    assert await product.log.head() == head
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == key


async def test_ten_retries_at_once_make_one_case(
    client: httpx.AsyncClient, product: Product, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-1"}
    answers = await asyncio.gather(*(client.post(SUBMIT, json=referral, headers=headers) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["case_id"] for answer in answers}) == 1
    assert sum(not answer.json()["repeated"] for answer in answers) == 1
    assert await product.log.head() == 3


async def test_the_key_is_made_when_left_out_and_given_back(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    answer = await client.post(SUBMIT, json=referral, headers=acting_as("referrer"))
    assert str(UUID(answer.headers["Idempotency-Key"])) == answer.json()["command_id"]
    refused = await client.post("/commands/start-triage", json={}, headers=COORDINATOR)
    assert UUID(refused.headers["Idempotency-Key"])


async def test_a_key_stands_for_one_command_only(client: httpx.AsyncClient, referral: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "once"}
    done = (await client.post(SUBMIT, json=referral, headers={**COORDINATOR, **key})).json()
    other = await client.post(
        "/commands/start-triage", json={"case_id": done["case_id"]}, headers={**COORDINATOR, **key}
    )
    assert (other.status_code, other.json()["code"]) == (422, "command_id_reused")


async def test_a_key_used_again_for_another_case_does_not_pass_for_done(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    other = {**referral, "if_possible_duplicate": "link"}
    cases = [
        (await client.post(SUBMIT, json=one, headers=COORDINATOR)).json()["case_id"]
        for one in (referral, other)
    ]
    said = [
        await client.post(
            "/commands/start-triage",
            json={"case_id": case_id},
            headers={**COORDINATOR, "Idempotency-Key": "t-1"},
        )
        for case_id in (cases[0], cases[1], cases[0])
    ]
    assert [one.status_code for one in said] == [200, 422, 200]
    assert said[1].json()["code"] == "command_id_reused"
    assert said[2].json()["repeated"]


async def test_a_key_used_again_for_another_person_is_refused(
    client: httpx.AsyncClient, product: Product, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-7"}
    first = await client.post(SUBMIT, json=referral, headers=headers)
    head = await product.log.head()
    somebody_else = {**referral, "form": {**referral["form"], "given_name": "Kim", "nhs_number": ""}}
    refused = await client.post(SUBMIT, json=somebody_else, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "command_id_reused")
    assert "Kim" not in refused.text
    assert await product.log.head() == head
    again = await client.post(SUBMIT, json=referral, headers=headers)
    assert (again.json()["case_id"], again.json()["repeated"]) == (first.json()["case_id"], True)


async def test_of_two_bodies_under_one_key_at_once_one_is_recorded_and_the_other_refused(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-8"}
    bodies = [{**referral, "form": {**referral["form"], "given_name": name}} for name in ("Kim", "Sam")]
    answers = await asyncio.gather(*(client.post(SUBMIT, json=body, headers=headers) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 422]


async def test_a_retry_that_spells_out_what_is_so_by_default_is_the_same_command(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-9"}
    await client.post(SUBMIT, json=referral, headers=headers)
    spelled_out = {"urgency": "routine", **dict(reversed(referral.items()))}
    again = await client.post(SUBMIT, json=spelled_out, headers=headers)
    assert (again.status_code, again.json()["repeated"]) == (200, True)


async def test_a_retry_may_name_the_case_that_it_made(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-11"}
    made = (await client.post(SUBMIT, json=referral, headers=headers)).json()["case_id"]
    again = await client.post(SUBMIT, json={**referral, "case_id": made}, headers=headers)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    another = {**referral, "case_id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}
    assert (await client.post(SUBMIT, json=another, headers=headers)).status_code == 422


async def test_a_command_from_before_digests_were_kept_is_answered_as_before(
    client: httpx.AsyncClient, database: str, referral: dict[str, Any]
) -> None:
    headers = {**acting_as("referrer"), "Idempotency-Key": "gmp-10"}
    first = await client.post(SUBMIT, json=referral, headers=headers)
    owner = await asyncpg.connect(database)
    await owner.execute("""
        ALTER TABLE log.event DISABLE TRIGGER refuse_change;
        UPDATE log.event SET metadata = (metadata::jsonb - 'body_digest')::json;
    """)
    await owner.close()
    again = await client.post(SUBMIT, json={**referral, "urgency": "urgent"}, headers=headers)
    assert (again.json()["case_id"], again.json()["repeated"]) == (first.json()["case_id"], True)


async def test_keys_of_two_agencies_never_meet(client: httpx.AsyncClient, referral: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "1"}
    police = {**acting_as("referrer", agency="Greater Manchester Police"), **key}
    housing = {**acting_as("referrer", agency="One Manchester"), **key}
    first = await client.post(SUBMIT, json=referral, headers=police)
    referral["form"] |= {"date_of_birth": "1990-01-02", "nhs_number": "", "given_name": "Kim"}
    second = await client.post(SUBMIT, json=referral, headers=housing)
    assert first.json()["case_id"] != second.json()["case_id"]
    assert second.json()["repeated"] is False
