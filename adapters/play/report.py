"""What came of a story: every step with what happened in it, and every expectation with what was there instead.

For people and for programs; must not print.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.messages import Recorded


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: whether it held, what was expected, and what happened."""

    about: str
    expected: str
    happened: str
    held: bool

    def as_json(self) -> dict[str, object]:
        return {
            "about": self.about,
            "held": self.held,
            "expected": self.expected,
            "happened": self.happened,
        }


@dataclass(slots=True)
class StepReport:
    """One step as it was played."""

    number: int
    at: datetime
    do: str | None
    events: list[Recorded] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def failures(self) -> list[Check]:
        return [check for check in self.checks if not check.held]


@dataclass(slots=True)
class StoryReport:
    """One story as it was played; `told` is less than `steps` when it could not go on."""

    file: str
    title: str
    steps: int
    told: list[StepReport] = field(default_factory=list)
    by_the_engine: int = 0
    seconds: float = 0.0
    kept_in: str | None = None

    @property
    def passed(self) -> bool:
        return len(self.told) == self.steps and not any(step.failures for step in self.told)

    @property
    def events(self) -> int:
        return sum(len(step.events) for step in self.told)

    @property
    def checks(self) -> int:
        return sum(len(step.checks) for step in self.told)

    def as_json(self) -> dict[str, Any]:
        """The report as it is printed with `--json`; the same story gives the same but for `seconds` and `kept_in`."""
        return {
            "file": self.file,
            "title": self.title,
            "passed": self.passed,
            "steps": self.steps,
            "told": [_step_as_json(step) for step in self.told],
            "seconds": round(self.seconds, 2),
            **({"kept_in": self.kept_in} if self.kept_in else {}),
        }


def _step_as_json(step: StepReport) -> dict[str, Any]:
    return {
        "step": step.number,
        "at": step.at.isoformat(),
        "do": step.do,
        "events": [_event_as_json(one) for one in step.events],
        "checks": [check.as_json() for check in step.checks],
    }


def _event_as_json(one: Recorded) -> dict[str, Any]:
    envelope = one.envelope
    return {
        "position": one.position,
        "topic": one.event.TOPIC,
        "event_id": str(envelope.event_id),
        "stream_id": str(one.stream_id),
        "version": one.version,
        "command": envelope.command,
        "role": envelope.actor.role.value,
        "recorded_at": envelope.recorded_at.isoformat(),
        "effective_at": envelope.effective_at.isoformat(),
    }
