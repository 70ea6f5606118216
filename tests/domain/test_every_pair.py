"""Every pair of a state and a command, of every machine of the pathway: what comes of it is pinned in `every_pair.json`.

A pair either makes the events that stand in the table, or is refused by a rule that the catalogue names and leaves no
trace. Run `python -m tests.domain.test_every_pair` to pin the table anew, and read what has changed line by line.
Source: machines A to G and J (domain reference 2.4 to 2.10, 2.12).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain import catalogue
from domain.case import action, allocation_states, escalation, grants, safeguarding, stages
from domain.errors import WrongStage
from domain.meeting import state as meeting
from tests.domain.forms import FORMS
from tests.domain.pairs import Move, Place, leaves_no_trace, said, stage_moves
from tests.domain.places import Machine, cover_state, machines
from tests.domain.reference import ROWS
from tests.support.scenario import Outcome

PINNED = Path(__file__).with_name("every_pair.json")
Table = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Machine → state → form of a command → the events, or the rule that refused."""


@cache
def _machines() -> dict[str, Machine]:
    return machines()


@cache
def _walked(machine: str, state: str) -> dict[str, Outcome]:
    of = _machines()[machine]
    return {name: of.places[state].when(name, form) for name, form in of.forms.items()}


def _everywhere() -> Iterator[tuple[str, str]]:
    return ((machine, state) for machine, of in _machines().items() for state in of.places)


STATES = sorted(_everywhere())


def table() -> Table:
    return {
        machine: {
            state: {name: said(outcome) for name, outcome in _walked(machine, state).items()}
            for state in of.places
        }
        for machine, of in _machines().items()
    }


def written(whole: Table) -> str:
    """The table as it is pinned: what is carried out a line for each command, what is refused a line for each rule."""
    pinned: dict[str, dict[str, dict[str, str | list[str]]]] = {}
    for machine, states in whole.items():
        for state, pairs in states.items():
            lines = pinned.setdefault(machine, {}).setdefault(state, {})
            lines |= {name: what for name, what in pairs.items() if not what.startswith("refused: ")}
            for name, what in pairs.items():
                if what.startswith("refused: "):
                    lines.setdefault(what, []).append(name)  # type: ignore[union-attr]
    return _with_short_lists(json.dumps(pinned, indent=1)) + "\n"


def _with_short_lists(text: str) -> str:
    """A list of commands on one line: what a rule refuses is read as one."""
    lines: list[str] = []
    for line in text.splitlines():
        inside = bool(lines) and lines[-1].count("[") > lines[-1].count("]")
        lines[-1:] = (
            [f"{lines[-1]}{' ' if lines[-1].endswith(',') else ''}{line.strip()}"]
            if inside
            else [
                *lines[-1:],
                line,
            ]
        )
    return "\n".join(lines)


@cache
def _pinned() -> Table:
    read = json.loads(PINNED.read_text(encoding="utf-8"))
    return {
        machine: {state: dict(_read(lines)) for state, lines in states.items()}
        for machine, states in read.items()
    }


def _read(lines: Mapping[str, str | list[str]]) -> Iterator[tuple[str, str]]:
    for key, value in lines.items():
        if isinstance(value, str):
            yield key, value
        else:
            yield from ((name, key) for name in value)


@pytest.mark.parametrize(("machine", "state"), STATES)
def test_every_pair_makes_the_events_of_the_table_or_is_refused_by_a_named_rule_without_a_trace(
    machine: str, state: str
) -> None:
    of = _machines()[machine]
    stands_in, told = of.state(of.places[state]), of.places[state].states
    assert stands_in is None or stands_in == state.partition(",")[0]
    pinned = _pinned()[machine][state]
    assert set(pinned) == set(of.forms), "pin the table anew, and read what has changed"
    for name, outcome in _walked(machine, state).items():
        assert said(outcome) == pinned[name], f"{machine}: {name} in {state}"
        if outcome.refusal is not None:
            outcome.refused(type(outcome.refusal))
        else:
            outcome.accepted()
        assert leaves_no_trace(outcome, told), f"{machine}: {name} changed what it was given in {state}"


@pytest.mark.parametrize(("machine", "state", "name", "then", "to"), ROWS)
def test_every_row_of_the_reference_is_carried_out(
    machine: str, state: str, name: str, then: str, to: str
) -> None:
    outcome = _walked(machine, state)[name].accepted()
    assert [topic for topic in said(outcome).split(", ") if topic in then.split(", ")] == then.split(", ")
    of, at = _machines()[machine], _machines()[machine].places[state]
    assert of.state(at.with_events(*outcome.happened)) == to


def test_every_command_is_tried_in_every_form() -> None:
    tried = {form.command for of in _machines().values() for form in of.forms.values()}
    beside = {
        "register-key-worker"  # it begins a key worker, who has no states but these: there, away, gone
    }
    assert tried | beside == {command.NAME for command in catalogue.commands()}
    assert {name for of in _machines().values() for name in of.forms} | beside == set(FORMS)


def test_a_closed_case_takes_no_step_of_the_pathway_but_to_be_reopened() -> None:
    closed = {state for state in _machines()["A, a case"].places if state.startswith("Closed")}
    accepted = {
        name
        for state in closed
        for name, outcome in _walked("A, a case", state).items()
        if outcome.refusal is None
    }
    assert accepted <= {
        "reopen-case",
        "reopen-case, nobody asked the person",
        "reverse-merge",
        "void-record",
        "raise-sustained-outcome-test",
        "record-sustained-outcome",
        # What runs beside the pathway, and what protects the record.
        "raise-safeguarding-concern",
        "raise-escalation",
        "record-disclosure-without-consent",
        "bar-viewer",
        "retry-notification",
    }


def test_nothing_of_the_pathway_refuses_a_safeguarding_concern() -> None:
    raised = "raise-safeguarding-concern"
    for machine, state in STATES:
        if raised in _machines()[machine].forms and state != "New":
            first = said(_walked(machine, state)[raised]).partition(", ")[0]
            assert first == "SafeguardingConcernRaised", f"{machine}: {state}"


# -- moves -----------------------------------------------------------------------------------------------------------


@cache
def _moves() -> frozenset[Move]:
    return frozenset(
        move
        for machine, state in STATES
        for outcome in _walked(machine, state).values()
        if outcome.refusal is None
        for move in stage_moves(outcome)
    )


def _allowed(moves: Mapping[str, Mapping[Any, Any]]) -> set[Move]:
    """Every arrow of a table; what leaves a state as it is makes no arrow."""
    return {
        Move(topic, before, after)
        for topic, pairs in moves.items()
        for before, to in pairs.items()
        for after in (to if isinstance(to, tuple) else (to,))
        if after != before
    }


def test_every_change_of_stage_stands_in_the_tables_of_moves() -> None:
    assert _moves() <= _allowed(stages.MOVES) | _allowed(meeting.MOVES)


def test_every_entry_of_the_tables_of_moves_is_reached() -> None:
    never = (_allowed(stages.MOVES) | _allowed(meeting.MOVES)) - _moves()
    assert never == set()


@pytest.mark.parametrize(
    ("machine", "reads", "moves"),
    [
        ("B, a consent", None, grants.GRANT_MOVES),
        ("D, an action", None, action.ACTION_MOVES),
        ("E, an allocation", None, allocation_states.ALLOCATION_MOVES),
        ("E, an allocation", cover_state, allocation_states.COVER_MOVES),
        ("F, a safeguarding concern", None, safeguarding.CONCERN_MOVES),
        ("G, a place on the waiting list", None, allocation_states.WAITING_MOVES),
        ("J, an escalation", None, escalation.ESCALATION_MOVES),
    ],
)
def test_the_lesser_machines_move_as_their_tables_say_and_in_every_way_they_say(
    machine: str, reads: Callable[[Place], str | None] | None, moves: Mapping[str, Mapping[Any, Any]]
) -> None:
    of = _machines()[machine]
    happened = {
        move
        for state in of.places
        for outcome in _walked(machine, state).values()
        if outcome.refusal is None
        for move in _moved(of.places[state], outcome, reads or of.state)
    }
    assert happened == {Move(one.topic, str(one.before or "none"), str(one.after)) for one in _allowed(moves)}


def _moved(at: Place, outcome: Outcome, state: Callable[[Place], str | None]) -> Iterator[Move]:
    """How the events moved one thing from state to state."""
    before = state(at)
    for number, event in enumerate(outcome.happened, start=1):
        after = state(at.with_events(*outcome.happened[:number]))
        if before != after:
            yield Move(event.TOPIC, str(before), str(after))
        before = after


def test_a_stage_refuses_by_its_name() -> None:
    refused = _walked("A, a case", "Draft")["confirm-eligible"].refused(WrongStage, stage="Draft")
    assert refused.data["allowed"] == "Triage"


if __name__ == "__main__":
    PINNED.write_text(written(table()), encoding="utf-8")
    sys.stdout.write(f"pinned {sum(len(forms) for of in table().values() for forms in of.values())} pairs\n")
