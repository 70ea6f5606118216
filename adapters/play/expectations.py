"""Whether what a step expects is so: one function for each thing that can be expected.

Pure but for what is handed in: the events since the step before, the case as it stands, and what its processes say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from uuid import UUID

from adapters.outbox.outbox import Message
from adapters.play.names import plain
from adapters.play.rehearsal import stage_of
from adapters.play.report import Check
from adapters.play.story import EFFECTIVE_AT, Expect, NextStep, in_london
from adapters.views import WAITS_FOR
from domain.case.stages import Stage
from domain.case.state import Case
from domain.london import LONDON, london
from domain.messages import Recorded
from projections import words
from workflows.contracts import Waiting


@dataclass(slots=True)
class Happened:
    """What a step's expectations are held against."""

    since_before: Sequence[Recorded]
    by_command: frozenset[UUID] = frozenset()
    """The command ids of the step itself."""
    refused: str | None = None
    refusal: str = ""
    case: Case | None = None
    waiting: Sequence[Waiting] = field(default_factory=list)
    names: dict[str, UUID] = field(default_factory=dict)
    messages: Sequence[Message] = ()

    def of_the_case(self) -> list[Recorded]:
        """What concerns the step's case: its own events, others that name it, and whatever the step's command did."""
        case = self.case
        if case is None:
            return list(self.since_before)
        return [one for one in self.since_before if self._concerns(one, case.case_id)]

    def _concerns(self, one: Recorded, case_id: UUID) -> bool:
        return (
            one.stream_id == case_id
            or one.envelope.command_id in self.by_command
            or case_id in one.event.open_fields().values()
        )


def checks(expect: Expect, happened: Happened, *, exactly: bool, does_something: bool) -> Iterator[Check]:
    """Every expectation of a step, and that nothing was refused that was not to be."""
    yield from _refusal(expect, happened, does_something=does_something)
    if happened.refused is not None and expect.refused is None:
        return  # of what was to follow, nothing could
    yield from _events(expect, happened, exactly=exactly or expect.exactly)
    yield from _not_events(expect, happened)
    yield from _facts(expect, happened)
    yield from _messages(expect, happened)
    if happened.case is not None:
        yield from _standing(expect, happened.case)
        yield from _waits_for(expect, happened.case, happened.waiting)
        yield from _next(expect.next, happened.waiting)
        yield from _due(expect, happened.case, happened.names)


def _refusal(expect: Expect, happened: Happened, *, does_something: bool) -> Iterator[Check]:
    was = f"{happened.refused}: {happened.refusal}" if happened.refused else "not refused"
    if expect.refused is not None:
        yield Check("refused", expect.refused, was, happened.refused == expect.refused)
    elif does_something and happened.refused is not None:
        yield Check("refused", "not refused", was, held=False)


def _events(expect: Expect, happened: Happened, *, exactly: bool) -> Iterator[Check]:
    if not expect.events and not exactly:
        return
    concerned = happened.of_the_case()
    topics = [one.event.TOPIC for one in concerned]
    matched = _in_order(expect.events, topics)
    held = len(matched) == len(expect.events)
    if exactly:
        own = {
            place
            for place, one in enumerate(concerned)
            if happened.case is None or one.stream_id == happened.case.case_id
        }
        held = held and own <= matched
    about = "events, and no other" if exactly else "events"
    yield Check(about, ", ".join(expect.events) or "none", ", ".join(topics) or "none", held)


def _in_order(wanted: Sequence[str], topics: Sequence[str]) -> set[int]:
    """The places at which the wanted topics stand, one after the other; fewer than wanted if some do not."""
    places: set[int] = set()
    place = 0
    for topic in wanted:
        while place < len(topics) and topics[place] != topic:
            place += 1
        if place < len(topics):
            places.add(place)
            place += 1
    return places


def _not_events(expect: Expect, happened: Happened) -> Iterator[Check]:
    if expect.not_events:
        topics = [one.event.TOPIC for one in happened.of_the_case()]
        held = not set(expect.not_events) & set(topics)
        yield Check(
            "not_events", "none of " + ", ".join(expect.not_events), ", ".join(topics) or "none", held
        )


def _facts(expect: Expect, happened: Happened) -> Iterator[Check]:
    """An event of this kind said this; when it happened may be asked as if it were a field of it."""
    for topic, wanted in expect.facts.items():
        of_topic = [one for one in happened.of_the_case() if topic == one.event.TOPIC]
        held = any(
            all(_says(_fact(one, name), value, happened.names) for name, value in wanted.items())
            for one in of_topic
        )
        said = (", ".join(f"{name} = {_fact(one, name)}" for name in wanted) for one in of_topic)
        expected = ", ".join(f"{name} = {value}" for name, value in wanted.items())
        yield Check(f"facts.{topic}", expected, "; ".join(said) or "no such event", held)


def _fact(one: Recorded, name: str) -> object:
    return one.envelope.effective_at if name == EFFECTIVE_AT else getattr(one.event, name)


def _says(value: object, wanted: object, names: Mapping[str, UUID]) -> bool:
    """Whether a field holds what is wanted, which may be the name of something that the story has made."""
    match value:
        case tuple() if isinstance(wanted, list):
            pairs = zip(value, wanted, strict=False)
            return len(value) == len(wanted) and all(_says(one, other, names) for one, other in pairs)
        case datetime() if isinstance(wanted, date):
            return _is_at(wanted, value)
        case date() if isinstance(wanted, str):
            return value.isoformat() == wanted
        case UUID():
            return wanted in (str(value), value) or names.get(str(wanted).removeprefix("@")) == value
        case Enum():
            return bool(value.value == wanted)
        case _:
            return type(value) is type(wanted) and value == wanted


def _messages(expect: Expect, happened: Happened) -> Iterator[Check]:
    """A message is to a role, an agency or a key worker; what it is about may be a part of the event's name."""
    case_id = happened.case.case_id if happened.case else None
    concerned = {one.position for one in happened.of_the_case()}
    sent = [
        one
        for one in happened.messages
        if case_id is None or one.case_id in (None, case_id) or one.position in concerned
    ]
    for wanted in expect.messages:
        to = str(happened.names.get(plain(wanted.to), wanted.to))
        held = any(
            _plainly(to) in (_plainly(one.to), _plainly(one.agency or ""), _plainly(str(one.worker_id)))
            and _plainly(wanted.about) in _plainly(one.about)
            for one in sent
        )
        told = "; ".join(
            dict.fromkeys(f"{one.to}{f' of {one.agency}' if one.agency else ''}: {one.about}" for one in sent)
        )
        yield Check("messages", f"{wanted.to}: {wanted.about}", told or "none", held)


def _plainly(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _standing(expect: Expect, case: Case) -> Iterator[Check]:
    if expect.stage is not None:
        stage, reason = stage_of(expect.stage)
        held = case.stage is stage and (reason is None or case.closed_because == reason)
        yield Check("stage", expect.stage, shown_stage(case), held)
    if expect.closed is not None:
        held = case.stage is Stage.CLOSED and case.closed_because == expect.closed
        yield Check("closed", expect.closed, shown_stage(case), held)


def shown_stage(case: Case) -> str:
    """A case's stage, with the reason where it is closed."""
    return f"Closed({case.closed_because})" if case.stage is Stage.CLOSED else case.stage.value


def _waits_for(expect: Expect, case: Case, waiting: Sequence[Waiting]) -> Iterator[Check]:
    if expect.waits_for is None:
        return
    said = [one.waits_for for one in waiting]
    said += [WAITS_FOR[case.stage]] if case.stage in WAITS_FOR else []
    said += [words.clock(clock).what for clock in case.due]
    wanted = expect.waits_for.casefold()
    held = any(wanted in one.casefold() for one in said)
    yield Check("waits_for", expect.waits_for, "; ".join(dict.fromkeys(said)) or "nothing", held)


def _next(wanted: NextStep | None, waiting: Sequence[Waiting]) -> Iterator[Check]:
    if wanted is None:
        return
    steps = sorted(
        ((one.next_due, one.next_step) for one in waiting if one.next_due and one.next_step),
        key=lambda one: (one[0], one[1]),
    )
    first = [one for one in steps if one[0] == steps[0][0]]
    held = any(
        (wanted.command is None or wanted.command == step) and (wanted.at is None or _is_at(wanted.at, due))
        for due, step in first
    )
    expected = " ".join(filter(None, [wanted.command, _shown(wanted.at) if wanted.at else ""]))
    yield Check(
        "next", expected, "; ".join(f"{step} {_shown(due)}" for due, step in steps) or "nothing", held
    )


def _due(expect: Expect, case: Case, names: dict[str, UUID]) -> Iterator[Check]:
    running = [*case.due.items(), *(("action", action.due_at) for action in case.open_actions)]
    for clock, wanted in expect.due.items():
        kind, _, about = clock.partition(":")
        about_id = names.get(about.removeprefix("@"))
        full = f"{kind}:{about_id}" if about_id else clock
        found = [due for name, due in running if full in (name, name.partition(":")[0])]
        if isinstance(wanted, bool):
            expected, held = ("it runs" if wanted else "it does not run"), bool(found) is wanted
        else:
            expected, held = _shown(wanted), any(_is_at(wanted, due) for due in found)
        shown = ", ".join(_shown(due) for due in found) or "it does not run"
        others = ", ".join(f"{name} {_shown(due)}" for name, due in sorted(running))
        yield Check(
            f"due.{clock}", expected, shown if held else f"{shown} (running: {others or 'none'})", held
        )


def _is_at(wanted: datetime | date, instant: datetime) -> bool:
    if isinstance(wanted, datetime):
        return in_london(wanted) == instant
    return instant.astimezone(LONDON).date() == wanted


def _shown(instant: datetime | date) -> str:
    if isinstance(instant, datetime):
        return london(in_london(instant))
    return f"{instant:%a} {instant.day} {instant:%b %Y}"
