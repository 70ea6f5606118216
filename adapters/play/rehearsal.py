"""Whether a story can be played at all, found out before anything is started.

Goes through the steps as the teller will, with stand-ins for what will be made: times, names, commands and their fields,
and what is expected. Must not decide a rule of the pathway: whether a step is refused is for the engine to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from typing import Any
from uuid import uuid5

from adapters.input import EARLIEST_YEAR, LATEST_YEAR, FieldError, InvalidInput, command_from
from adapters.play.names import STORIES, NameUnknown, with_ids
from adapters.play.story import (
    AFTER_RULE,
    EFFECTIVE_AT,
    Expect,
    Step,
    Story,
    StoryInvalid,
    exists_in_london,
    in_london,
    later,
    where,
)
from domain import catalogue
from domain.calendar import LONDON
from domain.case.stages import Stage
from domain.decisions import DECISIONS
from domain.errors import DomainError
from domain.roles import Role
from domain.rules import Rules

INVALID_INPUT = InvalidInput.code
_STAND_IN = "stand-in"
_SOME_DAY = datetime(2027, 1, 4, 9, tzinfo=LONDON)
"""For a story without any time, which is refused for that; the rest of it is looked at all the same."""


@dataclass(frozen=True, slots=True)
class Play:
    """A story that can be played: every step with its instant."""

    story: Story
    file: str
    start: datetime
    instants: tuple[datetime, ...]


def rehearse(story: Story, file: str, rules: Rules) -> Play:
    """Look at a whole story.

    Raises: StoryInvalid, with everything that is wrong.
    """
    rehearsal = _Rehearsal(story, file, rules)
    problems = list(rehearsal.problems())
    if problems:
        raise StoryInvalid(*problems)
    start = rehearsal.start or rehearsal.instants[0]
    return Play(story, file, start, tuple(rehearsal.instants))


@cache
def refusal_codes() -> frozenset[str]:
    """The code of every rule of the product, and that of input that is no command at all."""
    # The catalogue imports every stage file, and these define the rules.
    return frozenset(_codes(DomainError)) | {INVALID_INPUT}


def _codes(error: type[DomainError]) -> Iterator[str]:
    yield error.code
    for one in error.__subclasses__():
        yield from _codes(one)


def _there_is_no(kind: str, said: str, known: Iterable[str]) -> str:
    """With the names that it may have been meant for: who writes a story knows the pathway, not our spelling."""
    everything = sorted(known)
    near = get_close_matches(said, everything, n=3)
    if kind == "event":
        near += [one for one in everything if _thing(one) == _thing(said) and one not in near]
    near = near[:6]
    return f"there is no {kind} {said!r}" + (f"; near it are {', '.join(near)}" if near else "")


def _thing(event: str) -> str:
    """What an event is about, by its first word: `OutcomeSet` and `OutcomeProgressed` are both about an outcome."""
    first = re.match("[A-Z]?[^A-Z]*", event)
    return first[0].casefold() if first else ""


def stage_of(text: str) -> tuple[Stage | None, str | None]:
    """The stage of `Triage`, and of `Closed(merged)` or `Closed(reason=merged)` the reason too."""
    name, _, reason = text.strip().removesuffix(")").partition("(")
    try:
        stage = Stage(name.strip())
    except ValueError:
        return None, None
    return stage, reason.strip().removeprefix("reason=").strip() or None


@dataclass(slots=True)
class _Rehearsal:
    story: Story
    file: str
    rules: Rules
    start: datetime | None = None
    instants: list[datetime] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    number: int = 0

    def problems(self) -> Iterator[FieldError]:
        if self.story.programme not in self.rules.programmes:
            known = ", ".join(sorted(self.rules.programmes))
            yield FieldError(where(self.file, None, "programme"), f"must be one of {known}")
            return
        if self.story.start is not None:
            yield from self._usable(self.story.start, "start", step=None)
            self.start = in_london(self.story.start)
        for number, step in enumerate(self.story.step, start=1):
            self.number = number
            yield from self._time(step)
            yield from self._deed(step)
            yield from self._expectations(step.expect, step)

    def _at(self, *fields: object) -> str:
        return where(self.file, self.number, *fields)

    # -- when --------------------------------------------------------------------------------------------------------

    def _time(self, step: Step) -> Iterator[FieldError]:
        before = self.instants[-1] if self.instants else self.start
        instant = before
        if step.at is not None and step.after is not None:
            yield FieldError(self._at("after"), "cannot stand beside `at`: a step has one time")
        elif step.at is not None:
            instant = in_london(step.at)
            yield from self._usable(step.at, "at", step=self.number)
            if before is not None and instant < before:
                since = "the step before" if self.instants else "the start of the story"
                yield FieldError(self._at("at"), f"lies before {since}: time goes only forward")
                instant = before
        elif step.after is not None and before is None:
            yield FieldError(
                self._at("after"),
                "needs a time to count from: give the story a `start`, or this step an `at`",
            )
        elif step.after is not None and before is not None:
            calendar = self.rules.programme(self.story.programme).working_calendar()
            found = later(before, step.after, calendar, lapse=step.is_lapse)
            if found is None:
                yield FieldError(self._at("after"), AFTER_RULE)
            else:
                instant = found
        if instant is None:
            if step.after is None:
                yield FieldError(
                    self._at("at"), "is required: the first step needs a time, or the story a `start`"
                )
            instant = _SOME_DAY
        if step.is_lapse and step.at is None and step.after is None and not step.expect.says_something:
            yield FieldError(self._at("do"), "is required, or a time (`at`, `after`): this step does nothing")
        self.instants.append(instant)

    def _usable(self, instant: datetime, key: str, *, step: int | None) -> Iterator[FieldError]:
        place = where(self.file, step, key)
        if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
            yield FieldError(place, f"the year must lie between {EARLIEST_YEAR} and {LATEST_YEAR}")
        elif not exists_in_london(instant):
            yield FieldError(place, "does not exist in London: the clocks go forward over it")

    # -- who and what -----------------------------------------------------------------------------------------------

    def _deed(self, step: Step) -> Iterator[FieldError]:
        if step.do is None:
            idle = {"by": "as", "data": "data", "key": "key", "times": "times", "reason": "reason"}
            for attribute in step.model_fields_set & idle.keys():
                yield FieldError(
                    self._at(idle[attribute]), "is for a step that does something: give it a `do`"
                )
            if step.case is not None and step.case not in self.names:
                yield FieldError(self._at("case"), f"there is no case {step.case!r} yet")
            self._bind(step)
            return
        yield from self._who(step)
        if step.do not in DECISIONS:
            none = _there_is_no("command", step.do, DECISIONS)
            yield FieldError(self._at("do"), f"{none}; `ccp commands` lists them", step.do)
            self._bind(step)
            return
        yield from self._data(step, step.do)
        if step.effective_at is not None:
            yield from self._usable(step.effective_at, "effective_at", step=self.number)
        self._bind(step)

    def _who(self, step: Step) -> Iterator[FieldError]:
        if step.by is None:
            yield FieldError(self._at("as"), "is required: say who does it, { person, role, agency }")
            return
        roles = [role.value for role in Role if role is not Role.SYSTEM]
        if step.by.role not in roles:
            yield FieldError(self._at("as", "role"), f"must be one of {', '.join(roles)}")

    def _data(self, step: Step, name: str) -> Iterator[FieldError]:
        decision = DECISIONS[name]
        command = decision.command
        starts_a_case = "Case" in decision.starts
        if step.case is not None and step.case not in self.names and not starts_a_case:
            yield FieldError(self._at("case"), f"there is no case {step.case!r} yet")
        data: dict[str, Any] = dict(step.data)
        if step.case is not None and "case_id" in command.model_fields and step.case in self.names:
            data.setdefault("case_id", step.case)
        fresh: set[str] = set()

        def stand_in(path: str, said: str, may_be_new: bool) -> str:
            base = said.partition(".")[0]
            if base not in self.names and not may_be_new:
                raise NameUnknown(path, said)
            fresh.add(base)
            return str(uuid5(STORIES, f"{_STAND_IN}/{said}"))

        try:
            told = with_ids(command, data, stand_in)
            if step.expect.refused != INVALID_INPUT:
                command_from(command, told)
        except NameUnknown as unknown:
            yield FieldError(
                self._at(unknown.field),
                "must be an id, or a name that an earlier step has bound",
                unknown.name,
            )
        except InvalidInput as refused:
            for one in refused.errors:
                yield FieldError(
                    self._at("data", one.field) if one.field else self._at("data"), one.rule, one.value
                )
        self.names |= fresh

    def _bind(self, step: Step) -> None:
        """From here on these names stand for something, unless what makes it is to be refused."""
        if step.expect.refused is not None:
            return
        if step.case is not None:
            self.names.add(step.case)
        if step.name is not None:
            self.names.add(step.name)
        self.names |= {name for names in step.names.values() for name in names}

    # -- what is expected -------------------------------------------------------------------------------------------

    def _expectations(self, expect: Expect, step: Step) -> Iterator[FieldError]:
        known = catalogue.events()
        for key in ("events", "not_events"):
            for topic in getattr(expect, key):
                if topic not in known:
                    yield FieldError(self._at("expect", key), _there_is_no("event", topic, known))
        for topic, facts in expect.facts.items():
            if topic not in known:
                yield FieldError(self._at("expect", "facts"), _there_is_no("event", topic, known))
                continue
            for unknown in facts.keys() - known[topic].model_fields.keys() - {EFFECTIVE_AT}:
                yield FieldError(self._at("expect", "facts", topic), f"this event has no field {unknown!r}")
        if expect.stage is not None and stage_of(expect.stage)[0] is None:
            yield FieldError(self._at("expect", "stage"), f"must be one of {', '.join(Stage)}")
        if expect.refused is not None:
            if step.do is None:
                yield FieldError(self._at("expect", "refused"), "is for a step that does something")
            elif expect.refused not in refusal_codes():
                none = _there_is_no("rule", expect.refused, refusal_codes())
                rule = f"{none}; `ccp commands {step.do}` lists those of this command"
                yield FieldError(self._at("expect", "refused"), rule)
        if (
            expect.next is not None
            and expect.next.command is not None
            and expect.next.command not in DECISIONS
        ):
            yield FieldError(self._at("expect", "next", "command"), "there is no such command")
        if step.case is None:
            for key in ("stage", "closed", "waits_for", "next", "due"):
                if key in expect.model_fields_set:
                    yield FieldError(self._at("expect", key), "is about a case: give the step a `case`")
