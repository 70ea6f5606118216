"""What the processes of a case wait for and do next, worked out from the log alone: no server is asked.

A process is the same function of its case wherever it runs, so its own code is read up to where it would wait. Nothing is
issued here. What only a running process knows, such as a step that a rule refused, cannot be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.case.state import Case
from domain.messages import CaseId, Recorded
from workflows.contracts import CaseBrief, ProcessKind, Waiting
from workflows.process import CaseProcess
from workflows.processes import PROCESSES
from workflows.routing import CaseProgress, wanted


@dataclass(frozen=True, slots=True)
class Says:
    """What one process of a case says of itself. A next step without a time is taken at once."""

    kind: ProcessKind
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Asked:
    """A case, since when it has been in its stage, and what its processes say, the one that acts first at the head."""

    case: Case
    since: datetime
    says: tuple[Says, ...]


def ask(recorded: Sequence[Recorded]) -> Asked:
    """Ask every process that a case needs; `recorded` is the whole stream of the case."""
    progress = CaseProgress(CaseId(recorded[0].stream_id))
    progress.read(recorded)
    brief = progress.brief(())
    said = [
        Says(kind, waiting)
        for kind in sorted(wanted(progress.case))
        if (waiting := _asked(kind, brief)) is not None
    ]
    return Asked(progress.case, progress.since, tuple(sorted(said, key=lambda one: _acts_at(one.waiting))))


def _acts_at(waiting: Waiting) -> tuple[bool, float]:
    if waiting.next_step is None:
        return True, 0.0
    return False, waiting.next_due.timestamp() if waiting.next_due else 0.0


def _asked(kind: ProcessKind, brief: CaseBrief) -> Waiting | None:
    """Let a process go to its first wait, and answer what it says there; None if it would end instead."""
    process: Any = type(f"Asking{PROCESSES[kind].__name__}", (_Asking, PROCESSES[kind]), {})(brief)
    turn = process.run(brief)
    try:
        turn.send(None)
    except _Waits as waits:
        return waits.waiting
    except StopIteration:
        return None
    finally:
        turn.close()
    return None


class _Waits(Exception):
    def __init__(self, waiting: Waiting) -> None:
        super().__init__(waiting.waits_for)
        self.waiting = waiting


class _Asking(CaseProcess):
    """Laid over a process, it says what it waits for instead of waiting."""

    async def next(self, waits_for: str, *, since: datetime | None = None) -> None:
        first = self.first_step()
        raise _Waits(
            Waiting(
                waits_for=waits_for,
                since=since or self.case.since,
                next_step=first.command if first else None,
                next_due=first.due_at if first else None,
            )
        )

    def knows(self, change: str) -> bool:  # noqa: ARG002 - whatever began before, this is the present code
        return True
