"""One command at one place: a place is a story that has come to a state, and a command comes there in a sound form.

Which places and forms there are is in `places.py` and `forms.py`. Nothing here knows what should come of a pair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain import catalogue
from domain.case.state import Case
from domain.meeting.state import Meeting
from domain.messages import Actor, Event
from domain.roles import MAY_ISSUE, Role
from tests.support.scenario import (
    REFERRED,
    SYSTEM,
    Given,
    Outcome,
    States,
    Story,
    some_id,
)
from tests.support.situations import situations

A_MINUTE = timedelta(minutes=1)
LONG_AFTER = timedelta(days=200)
"""Every clock has run out by then, but for those of a year."""


@dataclass(frozen=True)
class Form:
    """A command as somebody who may issue it would send it, about whatever stands at the place."""

    command: str
    change: Mapping[str, Any] = field(default_factory=dict)
    by: Actor | None = None
    lapse: timedelta | None = None
    """How long after the place's own time it comes; a timer's command comes long after, unless told."""


def in_days(days: int) -> Callable[[datetime], str]:
    """A day to come, for a field of a form: so many days from when the command comes."""
    return lambda at: (at + timedelta(days=days)).date().isoformat()


@dataclass(frozen=True)
class Place:
    """What happened, until when, and the ids of what it is about."""

    events: tuple[Event, ...] = ()
    now: datetime = REFERRED
    ids: Mapping[str, UUID] = field(default_factory=dict)
    of_command: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields that some commands have here, by the name of the form."""

    in_place_of: Mapping[str, Actor] = field(default_factory=dict)
    """Who acts here for somebody else, by that one's reference."""

    def acted_by(self, actor: Actor, *, for_: str) -> Place:
        """The same place; this actor does what the other would have done."""
        return dataclasses.replace(self, in_place_of={**self.in_place_of, for_: actor})

    def later(self, lapse: timedelta) -> Place:
        """The same place, when so much time has passed."""
        return dataclasses.replace(self, now=self.now + lapse)

    def about(self, **ids: UUID) -> Place:
        """The same place; these ids are meant."""
        return dataclasses.replace(self, ids={**self.ids, **ids})

    def where(self, form: str, **fields: Any) -> Place:
        """The same place; the form of this name has these fields here."""
        return dataclasses.replace(self, of_command={**self.of_command, form: fields})

    def with_events(self, *events: Event) -> Place:
        """The same place, and these have happened too."""
        return dataclasses.replace(self, events=(*self.events, *events))

    def after(self, form: Form, *, lapse: timedelta | None = None, **fields: Any) -> Place:
        """The place that a command leads to."""
        now = self.now + (lapse or A_MINUTE)
        placed = dataclasses.replace(self, now=now - A_MINUTE)
        asked = dataclasses.replace(form, change={**form.change, **fields}, lapse=A_MINUTE)
        outcome = placed.when(asked.command, asked).accepted()
        return dataclasses.replace(self, events=(*self.events, *outcome.happened), now=now)

    def when(self, name: str, form: Form) -> Outcome:
        """Let the command come."""
        command = catalogue.decision(form.command).command
        by_timer = MAY_ISSUE[command.PERMISSION] == frozenset({Role.SYSTEM})
        usual = _usual().get(form.command)
        fields: dict[str, Any] = dict(usual.fields if usual else command.EXAMPLE)
        fields |= {key: str(value) for key, value in self.ids.items() if key in fields}
        lapse = form.lapse or (LONG_AFTER if by_timer else A_MINUTE)
        for key, value in {**form.change, **self.of_command.get(name, {})}.items():
            fields[key] = value(self.now + lapse) if callable(value) else value
        by = form.by or (usual.by if usual else SYSTEM)
        by = self.in_place_of.get(by.person, by)
        return Given(self.events, self.now).when(
            command.model_validate(fields),
            as_=by,
            at=self.now + lapse,
            command_id=some_id(f"{name}/{len(self.events)}"),
        )

    @property
    def states(self) -> States:
        """Everything that the place tells of."""
        return States(self.events)


def place(*stories: Story, now: datetime | None = None, **ids: UUID) -> Place:
    """Where these stories have come to; the time is that of the last of them, unless told."""
    return Place(tuple(event for story in stories for event in story), now or stories[-1].now, ids)


_SITUATIONS: dict[str, Any] = {}


def _usual() -> Mapping[str, Any]:
    if not _SITUATIONS:
        _SITUATIONS.update(situations())
    return _SITUATIONS


@dataclass(frozen=True)
class Move:
    """That an event led something from a state to another."""

    topic: str
    before: str | None
    after: str


def said(outcome: Outcome) -> str:
    """What became of a pair, in one line: the events, or the code of the rule that refused."""
    if outcome.refusal is not None:
        return f"refused: {outcome.refusal.code}"
    return ", ".join(event.TOPIC for event in outcome.happened)


def leaves_no_trace(outcome: Outcome, told: States) -> bool:
    """What the decision was given is still what the events tell."""
    read = outcome.read
    assert read is not None
    return (read.cases, read.meetings, read.workers, read.people) == (
        told.cases,
        told.meetings,
        told.workers,
        told.people,
    )


def stage_moves(outcome: Outcome) -> Iterator[Move]:
    """How the events moved cases and meetings from stage to stage."""
    stages: dict[UUID, str] = {}
    happened: Sequence[Event] = outcome.happened
    for number in range(len(happened) + 1):
        states = States((*outcome.before, *happened[:number]))
        told: dict[UUID, Case | Meeting] = {**states.cases, **states.meetings}
        for of, one in told.items():
            before = stages.get(of)
            if number and before is not None and before != one.stage:
                yield Move(happened[number - 1].TOPIC, before, one.stage)
            elif number and before is None and happened[number - 1].stream_id == of:
                yield Move(happened[number - 1].TOPIC, "New", one.stage)
            stages[of] = one.stage
