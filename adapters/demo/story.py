"""Telling a story: steps of a TOML file become commands at their time, and what happens is printed as it happens.

It plays against the real engine under a simulated clock: between two steps, time passes and the engine acts by itself.
No pathway rule lives here, and a story can do nothing that the catalogue does not offer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from typing import Any, cast
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from rich.text import Text

from adapters.product import Product
from adapters.temporal.virtual import VirtualTime
from domain import catalogue
from domain.application import Request
from domain.calendar import LONDON
from domain.case.action import ActionAssigned
from domain.case.stages import Stage
from domain.case.state import AnyCaseEvent, Case, evolve
from domain.messages import Actor, CaseEvent, CaseId, Channel, Recorded
from domain.ports import Answer
from domain.roles import Role

STORIES = UUID("6f1d8a0c-4a57-5f0b-8f7d-2f1c1b6c9a55")
"""Namespace of the command ids of a story: the same story makes the same commands."""
A_YEAR_OF_WEEKS = timedelta(weeks=52)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class By(_Part):
    """Who does a step."""

    person: str
    role: Role
    agency: str


class Step(_Part):
    """One thing somebody does at a time (Europe/London when no offset is given), or just a time that is reached."""

    at: datetime
    by: By | None = Field(None, alias="as")
    do: str | None = None
    case: str | None = None
    name: str | None = None
    actions: tuple[str, ...] = ()
    data: dict[str, Any] = {}
    say: str = ""


class Story(_Part):
    """A story: when it starts, and its steps in order of time."""

    title: str
    programme: str
    start: datetime
    step: tuple[Step, ...]

    @classmethod
    def shipped(cls, name: str) -> Story:
        """A story that comes with the product."""
        text = resources.files("adapters.demo").joinpath(f"{name}.toml").read_text(encoding="utf-8")
        return cls.model_validate(tomllib.loads(text))

    def starting_after(self, instant: datetime) -> timedelta:
        """By how much the story must be moved so that it lies ahead: whole weeks, so that weekdays stay."""
        moved = timedelta(0)
        while _in_london(self.start) + moved <= instant:
            moved += A_YEAR_OF_WEEKS
        return moved


@dataclass(slots=True)
class Teller:
    """Plays one story and prints it; remembers what the story's names stand for."""

    product: Product
    time: VirtualTime
    console: Console
    names: dict[str, str] = field(default_factory=dict)
    printed_up_to: int = 0
    by_the_engine: int = 0
    cases: dict[UUID, Case] = field(default_factory=dict)

    async def tell(self, story: Story) -> None:
        """From the first step to the last; raises the rule that refuses a step, if one does."""
        moved = story.starting_after(await self.time.clock.now() + timedelta(hours=1))
        for number, step in enumerate(story.step, start=1):
            await self._let_time_pass(_in_london(step.at) + moved)
            if step.say:
                self.console.print()
                self.console.print(Text(step.say, style="italic"), soft_wrap=True)
            if step.do and step.by:
                await self._do(step, step.by, uuid5(STORIES, f"{story.title}/{number}"), moved)

    async def _let_time_pass(self, until: datetime) -> None:
        await self.time.advance_to(until)
        await self._print_what_happened()

    async def _do(self, step: Step, by: By, command_id: UUID, moved: timedelta) -> None:
        command_type = catalogue.decision(step.do or "").command
        data = _moved(self._with_ids(step.data), moved)
        if step.case and "case_id" in command_type.model_fields and step.case in self.names:
            data = {"case_id": self.names[step.case], **data}
        command = command_type.model_validate(data)
        actor = Actor(person=by.person, role=by.role, agency=by.agency, channel=Channel.HUMAN)
        answer = await self.product.application.execute(Request(command, actor, command_id))
        await self._learn_names(step, answer)
        await self.time.settle()
        await self._print_what_happened()

    def _with_ids(self, value: Any) -> Any:
        """Replace `@name` by the id of what that name stands for."""
        match value:
            case str() if value.startswith("@"):
                return self.names[value[1:]]
            case Mapping():
                return {key: self._with_ids(inner) for key, inner in value.items()}
            case list():
                return [self._with_ids(inner) for inner in value]
            case _:
                return value

    async def _learn_names(self, step: Step, answer: Answer) -> None:
        recorded = await self.product.log.read_all(
            after=answer.position - len(answer.events), limit=len(answer.events)
        )
        ids = {name: value for one in recorded for name, value in one.event.open_fields().items()}
        if step.case and step.case not in self.names and "case_id" in ids:
            self.names[step.case] = str(ids["case_id"])
        assigned = [one.event.action_id for one in recorded if isinstance(one.event, ActionAssigned)]
        self.names.update(zip(step.actions, map(str, assigned), strict=False))
        if step.name:
            wanted = (
                "grant_id",
                "action_id",
                "outcome_id",
                "concern_id",
                "meeting_id",
                "worker_id",
                "case_id",
            )
            self.names[step.name] = str(next(ids[one] for one in wanted if one in ids))

    # -- printing -----------------------------------------------------------------------------------------------------

    async def _print_what_happened(self) -> None:
        while recorded := await self.product.log.read_all(after=self.printed_up_to, limit=500):
            for one in recorded:
                self._print(one)
            self.printed_up_to = recorded[-1].position

    def _print(self, one: Recorded) -> None:
        actor = one.envelope.actor
        engine = actor.role is Role.SYSTEM
        self.by_the_engine += engine
        when = one.envelope.recorded_at.astimezone(LONDON).strftime("%a %d %b %Y %H:%M")
        line = Text()
        line.append(f"{when}  ", style="dim")
        line.append(f"{'the engine' if engine else actor.person:<16} ", style="yellow" if engine else "cyan")
        line.append(f"{one.event.TOPIC:<26} ", style="bold yellow" if engine else "bold")
        line.append(_first_sentence(one.event.__doc__ or ""))
        self.console.print(line, soft_wrap=True)
        if isinstance(one.event, CaseEvent):
            case = self.cases.setdefault(one.stream_id, Case(CaseId(one.stream_id)))
            before = case.stage
            evolve(case, cast("AnyCaseEvent", one.event))
            if case.stage is not before:
                self.console.print(Text(f"{'':18}→ {_stage(case)}", style="green"))


def _stage(case: Case) -> str:
    return f"Closed({case.closed_because})" if case.stage is Stage.CLOSED else case.stage.value


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).split(". ")[0].rstrip(".") + "."


def _in_london(instant: datetime) -> datetime:
    return instant if instant.tzinfo else instant.replace(tzinfo=LONDON)


def _moved(data: Any, by: timedelta) -> Any:
    """Times inside a step's data move with the story."""
    match data:
        case datetime():
            return _in_london(data) + by
        case Mapping():
            return {key: _moved(inner, by) for key, inner in data.items()}
        case list():
            return [_moved(inner, by) for inner in data]
        case _:
            return data
