"""`ccp commands`: what can be done, straight from the catalogue; needs no product to run."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import click

from adapters.cli.do import option_name
from adapters.cli.output import json_option, print_json, print_table, say
from adapters.command_views import CommandView, command_view
from domain import catalogue
from domain.decisions import DECISIONS
from domain.programmes import Programme
from domain.roles import Role


@click.command()
@click.argument("name", required=False)
@json_option
def commands(name: str | None, as_json: bool) -> None:
    """List every command, or explain one: its fields, who may issue it, what may refuse it, an example to paste.

    \b
    Examples:
      ccp commands
      ccp commands submit-referral
      ccp commands --json
    """
    if name is None:
        views = [command_view(decision) for decision in _decisions()]
        if as_json:
            print_json(views)
        else:
            rows = [(view.name, view.what, ", ".join(view.roles)) for view in views]
            print_table(["command", "what it does", "for"], rows, empty="There is no command.")
        return
    if name not in DECISIONS:
        raise click.UsageError("There is no such command; `ccp commands` lists them.")
    view = command_view(DECISIONS[name])
    if as_json:
        print_json(view)
    else:
        _explain(view)


def _decisions() -> Iterator[Any]:
    return (catalogue.decision(command.NAME) for command in catalogue.commands())


def _explain(view: CommandView) -> None:
    say(f"{view.name}: {view.what}")
    say(f"For: {', '.join(view.roles)}.")
    say("")
    fields = [
        (
            field.name,
            field.kind if len(field.kind) < 40 else field.kind.split(" of ")[0] + " of …",
            "required"
            if field.required
            else ""
            if field.default in (None, "", [])
            else f"default {field.default}",
            field.description,
        )
        for field in view.fields
    ]
    print_table(["field", "holds", "", "meaning"], fields, empty="It has no fields.")
    if any(field.name.rpartition(".")[2] == "needs" for field in view.fields):
        _needs()
    print_table(
        ["code", "refused when this is broken"], [(one.code, one.message) for one in view.refusals], empty=""
    )
    say("Example:")
    for line in _example(view):
        say(line)


def _needs() -> None:
    for name in Programme.names():
        programme = Programme.load(name)
        say(f"Needs of programme {name}:")
        print_table(["need", "meaning"], [(need.code, need.label) for need in programme.needs], empty="")


CONTINUED = " \\"

# Who most often takes a step, if they may; the engine's own role is never typed.
_WHO_FIRST = (
    Role.COORDINATOR,
    Role.MANAGER,
    Role.KEY_WORKER,
    Role.CHAIR,
    *(r for r in Role if r is not Role.SYSTEM),
)


def _example(view: CommandView) -> list[str]:
    """The example as it is typed, in lines."""
    role = next((role for role in _WHO_FIRST if role in view.roles), None)
    if role is None:
        return ["  (issued by the engine's own timers; nobody can issue it from here)"]
    words = [f"ccp do {view.name}", f"--as-person {role.replace('_', '-')}-1 --as-role {role}"]
    words.append("--as-agency 'Manchester City Council'")
    words += _options(view.example, ())
    last = len(words) - 1
    return [f"{'    ' if n else '  '}{word}{'' if n == last else CONTINUED}" for n, word in enumerate(words)]


def _options(given: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    import json

    for name, value in given.items():
        option = option_name((*path, name))
        match value:
            case bool():
                yield option if value else f"--no-{option[2:]}"
            case dict():
                yield from _options(value, (*path, name))
            case list() | tuple():
                for one in value:
                    yield f"{option} {shlex.quote(json.dumps(one) if isinstance(one, dict) else str(one))}"
            case None:
                continue
            case _:
                yield f"{option} {shlex.quote(str(value))}"
