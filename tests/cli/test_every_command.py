"""Every command of the catalogue can be typed, with an option for each of its fields."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adapters.cli.do import option_name
from adapters.fields import fields_of
from adapters.postgres.event_log import PostgresEventLog
from domain import catalogue
from domain.messages import Actor
from tests.cli.conftest import Ccp
from tests.support.clocks import StandingClock
from tests.support.situations import ISSUED_BY_PEOPLE, ISSUED_BY_THE_ENGINE, situations, tell


def typed(fields: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """The options by which the fields of a command are typed."""
    for name, value in fields.items():
        option = option_name((*path, name))
        match value:
            case bool():
                yield option if value else f"--no-{option[2:]}"
            case dict():
                yield from typed(value, (*path, name))
            case list() | tuple():
                for one in value:
                    yield from (option, json.dumps(one) if isinstance(one, dict) else str(one))
            case _:
                yield from (option, str(value))


def acting(actor: Actor) -> list[str]:
    return ["--as-person", actor.person, "--as-role", actor.role.value, "--as-agency", actor.agency]


async def test_every_command_is_carried_out_where_the_pathway_allows_it(
    running: Callable[..., Any], log: PostgresEventLog, clock: StandingClock
) -> None:
    for name in sorted(ISSUED_BY_PEOPLE, key=lambda one: one != "join-waiting-list"):
        situation = situations(name)[name]
        clock.at = situation.now
        await tell(log, situation.before)
        before = await log.head()
        done = await running("do", name, *typed(situation.fields), *acting(situation.by), "--json")
        assert done.exit_code == 0, f"{name}: {done.out}{done.err}"
        assert done.json["command"] == name
        assert done.json["position"] == await log.head() > before


def test_deadlines_are_marked_by_the_engine_alone(ccp: Ccp) -> None:
    for name in ISSUED_BY_THE_ENGINE:
        example = dict(catalogue.decision(name).command.EXAMPLE)
        refused = ccp(
            "do", name, *typed(example), "--as-person", "x", "--as-role", "system", "--as-agency", "x"
        )
        assert refused.exit_code == 2
        assert "--as-role: must be one of" in refused.err


def test_every_field_of_every_command_has_an_option_with_help(ccp: Ccp) -> None:
    for command in catalogue.commands():
        shown = ccp("do", command.NAME, "--help")
        assert shown.exit_code == 0
        for field in fields_of(command):
            assert option_name(field.path) in shown.out, field.name
        assert f"ccp commands {command.NAME}" in shown.out


def test_every_command_is_explained_with_fields_rules_and_an_example(ccp: Ccp) -> None:
    listed = ccp("commands").out
    for command in catalogue.commands():
        assert command.NAME in listed
        view = ccp("commands", command.NAME, "--json").json
        assert {field["name"] for field in view["fields"]} == {field.name for field in fields_of(command)}
        assert {rule.code for rule in catalogue.refusals(command.NAME)} <= {
            one["code"] for one in view["refusals"]
        }
        text = ccp("commands", command.NAME).out
        for one in view["refusals"]:
            assert one["code"] in text
        assert "Example:" in text


def test_the_needs_of_the_programme_are_listed_where_needs_are_asked_for(ccp: Ccp) -> None:
    text = ccp("commands", "submit-referral").out
    assert "cuckooing" in text
    assert "rent_arrears" in text


async def test_the_example_that_is_shown_can_be_pasted(
    running: Callable[..., Any], log: PostgresEventLog
) -> None:
    import shlex

    text = (await running("commands", "submit-referral")).out
    example = text.split("Example:\n")[1].replace("\\\n", " ")
    words = shlex.split(example)
    assert words[:3] == ["ccp", "do", "submit-referral"]
    done = await running(*words[1:])
    assert done.exit_code == 0, done.err
    assert await log.head() == 3
