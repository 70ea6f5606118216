"""The engine without Temporal: every process that the log wants, run by its own code, and a clock that jumps.

A process is the same function of its case wherever it runs; here it is read up to where it would wait, as `ccp case
explain` does, and its step is issued when its time has come, by the activity's own rules. Nothing is decided here.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from domain import catalogue
from domain.application import Application, Request
from domain.case.correction import RecordVoided
from domain.errors import ConcurrentChange, DomainError, NotYetDue
from domain.messages import CaseEvent, MeetingEvent, Recorded
from domain.rules import Rules
from tests.properties.in_memory import LogInMemory, now_and_here
from tests.support.clocks import StandingClock
from workflows.activities import ENGINE, command_id
from workflows.contracts import Brief, IssueCommand, ProcessKind
from workflows.process import Process, Step
from workflows.processes import PROCESSES
from workflows.routing import CaseProgress, Progress, begin

STEPS_AT_ONCE = 400
"""More than the engine ever has to do in one lapse of time: beyond, it goes round in a circle."""


class _Waits(Exception):
    """What a process says when it would wait."""

    def __init__(self, waits_for: str, step: Step | None) -> None:
        super().__init__(waits_for)
        self.waits_for, self.step = waits_for, step


class _Here(Process):
    """Laid over a process, it says what it waits for instead of waiting, and begins each turn anew."""

    async def next(self, waits_for: str, *, since: datetime | None = None) -> None:
        step = self.first_step()
        self._steps = []
        raise _Waits(waits_for, step)

    def knows(self, change: str) -> bool:
        return True


class Engine:
    """Carries out what people ask for, and what falls due by itself."""

    def __init__(self, rules: Rules, now: datetime) -> None:
        self.log = LogInMemory()
        self.clock = StandingClock(now)
        self.application = Application(
            log=self.log, identities=self.log, pool=self.log, clock=self.clock, rules=rules
        )
        self.progress: dict[UUID, Progress] = {}
        self.as_it_stood: dict[UUID, list[Any]] = {}
        """Of each case, how it stood after each of its events, as it was kept up to date one event at a time."""
        self._processes: dict[tuple[ProcessKind, UUID], Any] = {}
        self._heard = 0

    @property
    def now(self) -> datetime:
        """The present instant."""
        assert self.clock.at is not None
        return self.clock.at

    def ask(self, request: Request) -> None:
        """Carry out one command. Raises the rule that refuses it."""
        now_and_here(self.application.execute(request))
        self._hear()

    def let_pass(self, until: datetime) -> None:
        """Time passes, and the engine does what falls due, each at its own instant."""
        for _ in range(STEPS_AT_ONCE):
            due = self._due(until)
            if due is None:
                break
            process, brief, step = due
            self.clock.at = max(self.now, step.due_at or self.now)
            self._issue(process, brief, step)
        else:
            raise AssertionError(f"the engine does not come to rest; its last step was {step.key}")
        self.clock.at = max(self.now, until)

    def waiting(self, stream_id: UUID) -> dict[ProcessKind, tuple[str, Step | None]]:
        """What the processes of a case or meeting wait for, and what they do next by themselves."""
        of = self.progress[stream_id]
        said = {}
        for kind in of.wanted():
            turn = self._turn(kind, of.brief(()))
            assert turn is not None, f"the log wants {kind}, and it has nothing to wait for in {of.stage}"
            said[kind] = turn
        return said

    def rebuilt(self) -> Engine:
        """Another, on the same log, whose processes know nothing but what they are told: whatever ran before is lost."""
        anew = copy.copy(self)
        anew.progress, anew.as_it_stood, anew._processes, anew._heard = {}, {}, {}, 0
        anew._hear()
        anew.let_pass(anew.now)
        return anew

    def _due(self, until: datetime) -> tuple[Any, Brief, Step] | None:
        found: list[tuple[datetime, str, Any, Brief, Step]] = []
        for stream_id, of in self.progress.items():
            for kind, (_, step) in self.waiting(stream_id).items():
                if step is not None and (step.due_at is None or step.due_at <= until):
                    process = self._processes[kind, stream_id]
                    found.append((step.due_at or self.now, step.key, process, of.brief(()), step))
        if not found:
            return None
        _, _, process, brief, step = min(found, key=lambda one: one[:2])
        return process, brief, step

    def _turn(self, kind: ProcessKind, brief: Brief) -> tuple[str, Step | None] | None:
        key = (kind, brief.about)
        process = self._processes.get(key)
        if process is None:
            process = type(f"Here{kind}", (_Here, PROCESSES[kind]), {})(brief)
            self._processes[key] = process
        process.heard(brief)
        turn = process.run(brief)
        try:
            turn.send(None)
        except _Waits as waits:
            return waits.waits_for, waits.step
        except StopIteration:
            return None
        raise AssertionError("a process waits for something else than its next turn")

    def _issue(self, process: Any, brief: Brief, step: Step) -> None:
        order = IssueCommand(
            case_id=brief.about,
            about=brief.ABOUT,
            command=step.command,
            key=step.key,
            arguments=step.arguments,
        )
        command = catalogue.decision(step.command).command.model_validate(
            {order.about: order.case_id, **order.arguments}
        )
        before = len(self.log.recorded)
        try:
            self.ask(Request(command=command, actor=ENGINE, command_id=command_id(order)))
        except (NotYetDue, ConcurrentChange) as never:
            raise AssertionError(f"the engine's own {step.key} came at the wrong time: {never}") from never
        except DomainError:
            assert len(self.log.recorded) == before
            process._refused[step.key] = brief.position
        else:
            process._taken.add(step.key)

    def _hear(self) -> None:
        news, self._heard = self.log.recorded[self._heard :], len(self.log.recorded)
        for one in news:
            if isinstance(one.event, CaseEvent | MeetingEvent):
                self._take_up(one)
        for key in [key for key in self._processes if key[0] not in self.progress[key[1]].wanted()]:
            del self._processes[key]

    def _take_up(self, one: Recorded) -> None:
        if isinstance(one.event, RecordVoided):
            self.progress[one.stream_id] = begin(one.stream_id, one.event.TOPIC)
            self.progress[one.stream_id].read(self.log.streams[one.stream_id][: one.version])
        else:
            of = self.progress.setdefault(one.stream_id, begin(one.stream_id, one.event.TOPIC))
            of.read([one])
        if isinstance(self.progress[one.stream_id], CaseProgress):
            self.as_it_stood.setdefault(one.stream_id, []).append(
                copy.deepcopy(self.progress[one.stream_id].case)  # type: ignore[attr-defined]
            )
