"""Every command of the catalogue has its way in over HTTP, and a bad one is refused as documented."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest

from adapters.http.commands import command_schemas
from adapters.product import Product
from domain import catalogue
from domain.messages import Actor
from domain.roles import MAY_ISSUE, Role
from tests.support.clocks import StandingClock
from tests.support.situations import ISSUED_BY_PEOPLE, ISSUED_BY_THE_ENGINE, situations, tell


def headers_of(actor: Actor) -> dict[str, str]:
    return {"Ccp-Person": actor.person, "Ccp-Role": actor.role.value, "Ccp-Agency": quote(actor.agency)}


def somebody_who_may(name: str) -> dict[str, str]:
    role = min(MAY_ISSUE[catalogue.decision(name).command.PERMISSION] - {Role.SYSTEM}, default=Role.MANAGER)
    return {"Ccp-Person": "somebody-1", "Ccp-Role": role.value, "Ccp-Agency": "Shelter"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, checked for its documented shape."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["type"] == f"urn:ccp:refusal:{code}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["instance"].startswith("urn:ccp:")
    for error in body.get("errors", []):
        assert error.keys() >= {"field", "rule"}
    return body


def test_every_command_that_people_issue_has_a_situation() -> None:
    assert set(situations()) == set(ISSUED_BY_PEOPLE)


async def test_every_command_is_carried_out_where_the_pathway_allows_it(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    # While nobody in the pool has room: a waiting list is only for then.
    for name in sorted(ISSUED_BY_PEOPLE, key=lambda one: one != "join-waiting-list"):
        situation = situations(name)[name]
        clock.at = situation.now
        await tell(product.log, situation.before)
        before = await product.log.head()

        answer = await client.post(
            f"/commands/{name}", json=situation.fields, headers=headers_of(situation.by)
        )

        assert answer.status_code == 200, f"{name}: {answer.text}"
        done = answer.json()
        assert done["command"] == name
        assert done["repeated"] is False
        positions = [event["position"] for event in done["events"]]
        assert sorted(positions) == list(range(before + 1, done["position"] + 1)), name
        assert done["command_id"] == answer.headers["Idempotency-Key"]
        for field in ("case_id", "meeting_id", "worker_id", "grant_id", "action_id"):
            if field in situation.fields and field in done:
                assert done[field] == situation.fields[field], name
        assert {"case_id", "meeting_id", "worker_id", "conversation_id"} & done.keys(), name


async def test_deadlines_are_marked_by_the_engine_alone(client: httpx.AsyncClient) -> None:
    for name in ISSUED_BY_THE_ENGINE:
        example = dict(catalogue.decision(name).command.EXAMPLE)
        answer = await client.post(f"/commands/{name}", json=example, headers=somebody_who_may(name))
        problem(answer, 403, "role_not_permitted")


async def test_a_command_about_nothing_known_is_refused(client: httpx.AsyncClient) -> None:
    for name in ISSUED_BY_PEOPLE:
        decision = catalogue.decision(name)
        if {"case_id", "meeting_id", "worker_id"} & set(decision.command.EXAMPLE):
            example = dict(decision.command.EXAMPLE)
            answer = await client.post(f"/commands/{name}", json=example, headers=somebody_who_may(name))
            problem(answer, 404, "not_found")


async def test_a_malformed_command_is_refused_field_by_field(client: httpx.AsyncClient) -> None:
    for command in catalogue.commands():
        answer = await client.post(
            f"/commands/{command.NAME}",
            json={"Robin Example": 1, "nonsense": 2},
            headers=somebody_who_may(command.NAME),
        )
        body = problem(answer, 422, "invalid_input")
        named = {error["field"]: error["rule"] for error in body["errors"]}
        assert named.pop("nonsense") == "is not a field of this command"
        assert named.pop("(unknown field)") == "is not a field of this command"
        required = [field for field, known in command.model_fields.items() if known.is_required()]
        assert named == dict.fromkeys(required, "is required")
        assert "Robin" not in answer.text


async def test_every_field_refuses_what_it_cannot_hold(client: httpx.AsyncClient) -> None:
    for command in catalogue.commands():
        wrong: dict[str, Any] = {field: {"given_name": ["Robin"]} for field in command.model_fields}
        if "form" in command.model_fields:
            wrong["form"] = {"given_name": 5, "needs": "hoarding", "ward": ["Ardwick"]}
        answer = await client.post(
            f"/commands/{command.NAME}", json=wrong, headers=somebody_who_may(command.NAME)
        )
        body = problem(answer, 422, "invalid_input")
        assert {error["field"].split(".")[0] for error in body["errors"]} >= set(command.model_fields)
        assert "Robin" not in answer.text


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    return cast("dict[str, Any]", (await client.get("/openapi.json")).json())


async def test_every_command_is_documented_with_an_example_and_its_refusals(document: dict[str, Any]) -> None:
    for command in catalogue.commands():
        name = command.NAME
        operation = document["paths"][f"/commands/{name}"]["post"]
        content = operation["requestBody"]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{command.__name__}"}
        assert command.__name__ in document["components"]["schemas"]
        assert command.model_validate(content["examples"][name]["value"])
        documented = {
            code
            for response in operation["responses"].values()
            for code in response["content"].get("application/problem+json", {}).get("examples", {})
        }
        assert {rule.code for rule in catalogue.refusals(name)} <= documented
        assert {"invalid_input", "role_not_permitted", "command_id_reused", "log_unavailable"} <= documented
        assert documented <= document["components"]["examples"].keys()
        assert operation["description"]
        assert operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith(
            "/Done"
        )


def test_no_part_of_a_command_takes_unknown_fields() -> None:
    for name, schema in command_schemas().items():
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False, name
