"""Telling a story: steps become commands at their time, and what follows is looked at when all has come to rest.

Between two steps time passes and the engine acts by itself. No pathway rule lives here, and a story can do nothing that
the catalogue does not offer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from adapters.input import InvalidInput, command_from
from adapters.play import names
from adapters.play.expectations import Happened, checks, shown_stage
from adapters.play.names import NameUnknown
from adapters.play.report import Check, StepReport, StoryReport
from adapters.play.story import By, Step, in_london
from domain import catalogue
from domain.application import Request, command_id_from
from domain.case.correction import RecordVoided
from domain.case.state import AnyCaseEvent, Case, evolve
from domain.errors import DomainError
from domain.loading import fold
from domain.messages import Actor, CaseEvent, CaseId, Channel, Command, Recorded
from domain.roles import Role
from workflows.contracts import Waiting, workflow_id
from workflows.process import CaseProcess
from workflows.routing import wanted

if TYPE_CHECKING:
    from adapters.play.narrator import Narrator
    from adapters.play.rehearsal import Play
    from adapters.product import Product
    from adapters.temporal.virtual import VirtualTime

_AT_ONCE = 500
_A_MOMENT = timedelta(seconds=1)
_NEVER_MADE = "name_never_bound"


@dataclass(slots=True)
class Teller:
    """Plays one story; remembers what the story's names stand for."""

    play: Play
    product: Product
    virtual: VirtualTime
    narrator: Narrator | None = None
    names: dict[str, UUID] = field(default_factory=dict)
    cases: dict[UUID, Case] = field(default_factory=dict)
    stories: dict[UUID, list[Recorded]] = field(default_factory=dict)
    """Of each case what has happened: when a part of it is voided, how the case stands is read from the rest."""
    read_up_to: int = 0
    seen: frozenset[UUID] = frozenset()
    """What stood in the events of earlier steps: not made since, whether or not it has a name."""

    async def tell(self) -> StoryReport:
        """From the first step to the last, or to one that cannot be done as it is written."""
        story = self.play.story
        report = StoryReport(self.play.file, story.title, len(story.step))
        began = time.perf_counter()
        if self.narrator:
            self.narrator.title(story.title, self.play.file, story.about)
        for number, (step, instant) in enumerate(zip(story.step, self.play.instants, strict=True), start=1):
            told = StepReport(number, instant, step.do)
            report.told.append(told)
            goes_on = await self._step(step, told)
            report.by_the_engine += sum(one.envelope.actor.role is Role.SYSTEM for one in told.events)
            if self.narrator:
                self.narrator.checked(number, told.checks)
            if not goes_on:
                break
        report.seconds = time.perf_counter() - began
        if self.narrator:
            self.narrator.ended(report)
        return report

    async def _step(self, step: Step, told: StepReport) -> bool:
        """Play one step, and answer whether the story can go on: not after a refusal that nobody expected."""
        before = self.read_up_to
        if step.say and step.is_lapse and self.narrator:
            self.narrator.say(step.say)
        await self.virtual.advance_to(max(told.at, self.virtual.now))
        await self._read(told)
        if step.say and not step.is_lapse and self.narrator:
            self.narrator.say(step.say)
        happened = Happened(told.events, names=self.names)
        if step.do is not None and step.by is not None:
            await self._do(step, step.do, step.by, told, happened)
        if happened.refused != _NEVER_MADE:
            self._bind(step, told, happened)
        if step.case in self.names:
            happened.case = self.cases.get(self.names[step.case])
        if happened.case is not None and (step.expect.waits_for or step.expect.next):
            happened.waiting = await self._waiting(happened.case)
        if step.expect.messages:
            happened.messages = await self.product.outbox.messages_since(before)
        told.checks += checks(step.expect, happened, exactly=step.exactly, does_something=step.do is not None)
        if step.case is not None and happened.case is None and not happened.refused:
            told.checks.append(Check("case", f"a case named {step.case}", "no case was made", held=False))
        return happened.refused == step.expect.refused

    async def _do(self, step: Step, name: str, by: By, told: StepReport, happened: Happened) -> None:
        command_type = catalogue.decision(name).command
        role = Role(by.role)
        actor = Actor(
            person=by.person,
            role=role,
            agency=by.agency,
            on_behalf_of=by.on_behalf_of,
            channel=Channel.ADAPTER if role is Role.ADAPTER else Channel.HUMAN,
        )
        key = names.command_id(self.play.story.title, told.number)
        command_id = command_id_from(step.key, agency=by.agency) if step.key else key
        for repetition in range(step.times):
            if repetition:
                # A message that comes again comes a moment later.
                await self.virtual.advance(_A_MOMENT)
            try:
                request = Request(
                    command=self._command(command_type, step),
                    actor=actor,
                    command_id=command_id,
                    effective_at=in_london(step.effective_at) if step.effective_at else None,
                    reason=step.reason,
                )
                answer = await self.product.application.execute(request)
            except NameUnknown as unknown:
                happened.refused = _NEVER_MADE
                happened.refusal = f"{unknown.field}: nothing was made under the name {unknown.name!r}"
            except (DomainError, InvalidInput) as refused:
                happened.refused, happened.refusal = refused.code, str(refused)
            else:
                happened.by_command |= {command_id}
                if answer.repeated and self.narrator:
                    self.narrator.repeated(self.virtual.now, actor, name)
            if happened.refused:
                if self.narrator:
                    self.narrator.refused(told.at, actor, name, happened.refused, happened.refusal)
                break
        await self.virtual.settle()
        await self._read(told)

    def _command(self, kind: type[Command], step: Step) -> Command:
        data: dict[str, Any] = dict(step.data)
        if step.case is not None and "case_id" in kind.model_fields and step.case in self.names:
            data.setdefault("case_id", str(self.names[step.case]))
        if "programme" in kind.model_fields:
            data.setdefault("programme", self.play.story.programme)
        return command_from(kind, names.with_ids(kind, data, self._id_of))

    def _id_of(self, path: str, said: str, may_be_new: bool) -> str:
        base, _, part = said.partition(".")
        if base not in self.names:
            if not may_be_new:
                raise NameUnknown(path, said)
            self.names[base] = names.new_id(self.play.story.title, base)
        found: UUID | None = self.names[base]
        if part:
            case = self.cases.get(self.names[base])
            found = getattr(case, f"{part}_id", None)
        if found is None:
            raise NameUnknown(path, said)
        return str(found)

    def _bind(self, step: Step, told: StepReport, happened: Happened) -> None:
        own = [one.event for one in told.events if one.envelope.command_id in happened.by_command]
        given = self.seen.union(self.names.values())
        by_command = names.made(own, given)
        since_before = names.made([one.event for one in happened.of_the_case()], given)
        if step.case is not None and step.case not in self.names and "case" in by_command:
            self.names[step.case] = by_command["case"][0]
        if step.name is not None and (
            chief := names.chief(by_command if own else since_before, names.made(own, frozenset()))
        ):
            self.names[step.name] = chief
        for key, called in step.names.items():
            kind = names.kind_of(key)
            self.names.update(zip(called, by_command.get(kind) or since_before.get(kind, []), strict=False))
        for ids in names.made([one.event for one in told.events], self.seen).values():
            self.seen |= frozenset(ids)

    async def _waiting(self, case: Case) -> Sequence[Waiting]:
        """What the processes of a case say that they wait for."""
        said = []
        for kind in sorted(wanted(case)):
            handle = self.virtual.client.get_workflow_handle(workflow_id(kind, case.case_id))
            if (one := await handle.query(CaseProcess.waiting)) is not None:
                said.append(one)
        return said

    async def _read(self, told: StepReport) -> None:
        """Take in what is new in the log, and tell it."""
        while recorded := await self.product.log.read_all(after=self.read_up_to, limit=_AT_ONCE):
            for one in recorded:
                told.events.append(one)
                self._take_in(one)
            self.read_up_to = recorded[-1].position

    def _take_in(self, one: Recorded) -> None:
        if self.narrator:
            self.narrator.happened(one)
        if isinstance(one.event, CaseEvent):
            case = self.cases.setdefault(one.stream_id, Case(CaseId(one.stream_id)))
            before = case.stage
            self.stories.setdefault(one.stream_id, []).append(one)
            if isinstance(one.event, RecordVoided):
                case = self.cases[one.stream_id] = fold("Case", one.stream_id, self.stories[one.stream_id])
            else:
                evolve(case, cast("AnyCaseEvent", one.event))
            if case.stage is not before and self.narrator:
                self.narrator.stage(shown_stage(case))
