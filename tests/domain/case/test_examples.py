"""Every command of the catalogue shows how it is written, and every rule that may refuse it has a name."""

import re

import pytest

from domain import catalogue
from domain.errors import DomainError
from domain.messages import Command


@pytest.mark.parametrize("command", tuple(catalogue.commands()), ids=lambda command: command.NAME)
def test_the_example_of_a_command_is_a_valid_command(command: type[Command]) -> None:
    example = command.model_validate(dict(command.EXAMPLE))
    assert command.model_validate_json(example.model_dump_json()) == example


@pytest.mark.parametrize("command", tuple(catalogue.commands()), ids=lambda command: command.NAME)
def test_every_rule_that_may_refuse_a_command_has_a_code_and_a_sentence(command: type[Command]) -> None:
    for rule in catalogue.refusals(command.NAME):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", rule.code)
        assert rule.__doc__
        assert rule.sentence({}) != rule.code


def test_no_two_rules_share_a_code() -> None:
    by_code: dict[str, set[type[DomainError]]] = {}
    for command in catalogue.commands():
        for rule in catalogue.refusals(command.NAME):
            by_code.setdefault(rule.code, set()).add(rule)
    assert {code: rules for code, rules in by_code.items() if len(rules) > 1} == {}
