"""Every error is one problem object with a stable code, and none of them holds personal data."""

from __future__ import annotations

import logging
from dataclasses import replace
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from adapters.fields import fields_of
from adapters.logs import configure_logging
from adapters.postgres.event_log import PostgresEventLog
from adapters.product import Product
from adapters.settings import LogFormat, Settings
from domain import catalogue
from domain.application import Application
from tests.http.conftest import COORDINATOR, acting_as, client_of
from tests.support.clocks import StandingClock

NAME = "Zebedee Quillfeather"
NHS_NUMBER = "9990000018"
PLANTED = f"{NAME} {NHS_NUMBER}"


def code_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["code"])


@pytest.fixture
def lines() -> StringIO:
    """What is logged, as JSON lines."""
    written = StringIO()
    configure_logging(Settings(log_format=LogFormat.JSON, log_level="debug"), stream=written)
    # The caller's own library logs addresses; only what the product logs is looked at.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    yield written
    logging.getLogger().handlers = []
    logging.getLogger("httpx").setLevel(logging.NOTSET)


NOT_COMMANDS: list[tuple[bytes, str]] = [
    (b"{", "is not JSON (line 1, column 2)"),
    (b"", "is not JSON (line 1, column 1)"),
    (b"[]", "must be one JSON object"),
    (b'{"case_id": NaN}', "NaN and Infinity are not JSON"),
    (b'{"case_id": 1, "case_id": 2}', "stands twice in one object"),
    (b"\xff\xfe", "must be JSON in UTF-8"),
    (b"[" * 200_000, "is not JSON that can be read"),
    (b'{"case_id": ' + b"9" * 5000 + b"}", "is not JSON that can be read"),
    (
        b'{"case_id": "\\u0000"}',
        "holds a character that cannot be kept (a NUL, or half of a surrogate pair)",
    ),
    (
        b'{"case_id": "\\ud800"}',
        "holds a character that cannot be kept (a NUL, or half of a surrogate pair)",
    ),
]


async def test_a_body_that_is_not_a_command_is_refused(client: httpx.AsyncClient) -> None:
    for body, rule in NOT_COMMANDS:
        answer = await client.post(
            "/commands/start-triage",
            content=body,
            headers={**COORDINATOR, "Content-Type": "application/json"},
        )
        assert (answer.status_code, code_of(answer)) == (422, "invalid_input")
        assert answer.json()["errors"][0]["rule"] == rule


async def test_a_body_of_another_kind_or_too_large_is_refused(client: httpx.AsyncClient) -> None:
    text = await client.post("/commands/start-triage", content=b"{}", headers={**COORDINATOR})
    assert (text.status_code, code_of(text)) == (415, "unsupported_media_type")
    announced = await client.post(
        "/commands/start-triage", json={"case_id": "x" * 1_100_000}, headers=COORDINATOR
    )
    assert (announced.status_code, code_of(announced)) == (413, "body_too_large")

    async def endless() -> Any:
        for _ in range(200):
            yield b" " * 10_000

    streamed = await client.post(
        "/commands/start-triage",
        content=endless(),
        headers={**COORDINATOR, "Content-Type": "application/json"},
    )
    assert (streamed.status_code, code_of(streamed)) == (413, "body_too_large")


async def test_an_unknown_address_or_method_is_a_problem_too(client: httpx.AsyncClient) -> None:
    nowhere = await client.get(f"/people/{NAME}")
    assert (nowhere.status_code, code_of(nowhere)) == (404, "route_unknown")
    method = await client.delete("/cases")
    assert (method.status_code, code_of(method)) == (405, "method_not_allowed")
    assert method.headers["allow"] == "GET"
    unknown = await client.post("/commands/make-tea", json={}, headers=COORDINATOR)
    assert (unknown.status_code, code_of(unknown)) == (404, "command_unknown")
    assert "make-tea" in unknown.text
    named = await client.post(f"/commands/{NAME}", json={}, headers=COORDINATOR)
    assert (named.status_code, code_of(named)) == (404, "command_unknown")
    assert "Zebedee" not in nowhere.text + named.text


async def test_a_rule_names_the_field_it_is_about(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    referral["form"]["offer"] = " "
    answer = await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    assert (answer.status_code, code_of(answer)) == (422, "referrer_offer_required")
    assert answer.json()["errors"] == [
        {
            "field": "form.offer",
            "rule": "every referral comes with the referrer's own offer to play a part.",
        }
    ]
    referral["form"]["given_name"] = ""
    unnamed = await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    assert [error["field"] for error in unnamed.json()["errors"]] == ["form.given_name", "form.family_name"]


async def test_a_step_at_the_wrong_stage_is_a_conflict_with_its_stage(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    done = (
        await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    ).json()
    answer = await client.post(
        "/commands/accept-allocation", json={"case_id": done["case_id"]}, headers=acting_as("key_worker")
    )
    assert (answer.status_code, code_of(answer)) == (409, "wrong_stage")
    assert answer.json()["data"]["stage"] == "Submitted"


async def test_an_id_of_something_else_is_no_case(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    done = (
        await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    ).json()
    for read in ("", "/events", "/audit"):
        answer = await client.get(f"/cases/{done['person_id']}{read}")
        assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_command_about_an_id_of_something_else_is_refused(
    client: httpx.AsyncClient, referral: dict[str, Any]
) -> None:
    done = (
        await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    ).json()
    answer = await client.post(
        "/commands/start-triage", json={"case_id": done["person_id"]}, headers=COORDINATOR
    )
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


async def test_a_log_that_is_away_is_said_with_when_to_try_again(
    product: Product, database: str, referral: dict[str, Any]
) -> None:
    impatient = PostgresEventLog(product.pool, patience_seconds=0.3)
    application = Application(
        log=impatient, identities=impatient, pool=impatient, clock=StandingClock(), rules=product.rules
    )
    somebody = await asyncpg.connect(database)
    async with client_of(replace(product, application=application, log=impatient)) as client:
        async with somebody.transaction():
            await somebody.execute("LOCK TABLE log.turn IN EXCLUSIVE MODE")
            answer = await client.post(
                "/commands/submit-referral", json=referral, headers=acting_as("referrer")
            )
        await somebody.close()
        assert (answer.status_code, code_of(answer)) == (503, "log_unavailable")
        assert answer.headers["retry-after"] == "1"
    async with client_of(product) as client:
        again = await client.post(
            "/commands/submit-referral",
            json=referral,
            headers={**acting_as("referrer"), "Idempotency-Key": answer.headers["Idempotency-Key"]},
        )
        assert again.status_code == 200


async def test_an_unforeseen_error_shows_a_number_and_nothing_else(
    product: Product, lines: StringIO, referral: dict[str, Any]
) -> None:
    class Broken(StandingClock):
        async def now(self) -> Any:
            raise RuntimeError(PLANTED)

    application = Application(
        log=product.log, identities=product.log, pool=product.log, clock=Broken(), rules=product.rules
    )
    async with client_of(replace(product, application=application)) as client:
        answer = await client.post("/commands/submit-referral", json=referral, headers=acting_as("referrer"))
    assert (answer.status_code, code_of(answer)) == (500, "internal_error")
    error_id = answer.json()["instance"].removeprefix("urn:ccp:error:")
    assert UUID(error_id)
    assert answer.json().keys() == {"type", "title", "status", "detail", "instance", "code"}
    assert error_id in lines.getvalue()
    assert "RuntimeError" in lines.getvalue()
    assert "Zebedee" not in answer.text + lines.getvalue()


async def test_no_personal_data_is_in_any_error_or_log_line(
    client: httpx.AsyncClient, lines: StringIO, referral: dict[str, Any]
) -> None:
    said = []
    for command in catalogue.commands():
        planted: dict[str, Any] = {}
        for field in fields_of(command):
            part = planted
            for name in field.path[:-1]:
                part = part.setdefault(name, {})
            part[field.path[-1]] = [PLANTED] if field.shape.many else PLANTED
        said += [
            await client.post(f"/commands/{command.NAME}", json=body, headers=acting_as("manager"))
            for body in (planted, {NAME: NHS_NUMBER}, {**command.EXAMPLE, NHS_NUMBER: NAME})
        ]
    names = {"given_name": "Zebedee", "family_name": "Quillfeather", "nhs_number": NHS_NUMBER}
    for change in (
        {"nhs_number": "9990000019"},
        {"offer": ""},
        {"ward": PLANTED},
        {"date_of_birth": PLANTED},
        {"ndta": [9]},
        {"not_aware_reason": "", "person_aware": False},
        {},
        {},
    ):
        form = {**referral["form"], **names, "narrative": PLANTED, **change}
        said.append(
            await client.post(
                "/commands/submit-referral",
                json={**referral, "form": form},
                headers={**acting_as("referrer"), "Ccp-Reason": PLANTED},
            )
        )
    bad_headers = {**COORDINATOR, "Ccp-Role": NAME, "Ccp-Channel": NAME, "Ccp-Effective-At": NAME}
    said.append(await client.post("/commands/start-triage", json={}, headers=bad_headers))
    said += [
        await client.get(address)
        for address in (
            f"/cases?search={NAME}&stage={NAME}",
            f"/cases/{NAME}",
            f"/due?role={NAME}&until={NAME}",
        )
    ]

    refused = [answer.text for answer in said if answer.status_code != 200]
    assert len(refused) > 240
    assert all(answer.status_code < 500 for answer in said)
    text = "\n".join([*refused, lines.getvalue()])
    for word in ("Zebedee", "Quillfeather", NHS_NUMBER, "999 000 0018"):
        assert word not in text
    assert "http.request" in text


async def test_a_log_line_has_route_status_and_time_and_no_address(
    client: httpx.AsyncClient, lines: StringIO
) -> None:
    import json

    case_id = uuid4()
    await client.get(f"/cases/{case_id}?secret=1", headers={"X-Request-Id": str(case_id)})
    (line,) = [json.loads(text) for text in lines.getvalue().splitlines() if "http.request" in text]
    assert line["route"] == "/cases/{case_id}"
    assert (line["method"], line["status"]) == ("GET", 404)
    assert line["ms"] >= 0
    assert line["request_id"] == str(case_id)
    assert "secret" not in lines.getvalue()
