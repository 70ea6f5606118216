"""The key worker as the events tell it. `evolve` only assigns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import assert_never

from domain.keyworker import events as k
from domain.messages import CaseId, WorkerId


@dataclass(frozen=True, slots=True)
class Absence:
    """From which day a worker is away, and until which if that is known; both days count."""

    first_day: date
    last_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether the worker is away on this day."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


@dataclass(slots=True)
class KeyWorker:
    """One key worker and the cases they carry, with each case's points."""

    worker_id: WorkerId
    staff_ref: str = ""
    display_name: str = ""
    agency: str = ""
    programme: str = ""
    forums: tuple[str, ...] = ()
    specialisms: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    gender: str | None = None
    grade: str = "experienced"
    soft_limit: int = 0
    hard_limit: int = 0
    capacity_points: float = 0.0
    active_from: date | None = None
    active_until: date | None = None
    absence: Absence | None = None
    cases: dict[CaseId, int] = field(default_factory=dict)
    past_cases: set[CaseId] = field(default_factory=set)
    """Cases that this worker had and gave up."""

    @property
    def exists(self) -> bool:
        return self.active_from is not None

    @property
    def points(self) -> int:
        return sum(self.cases.values())

    @property
    def load(self) -> float:
        """The share of the worker's capacity that their cases use up; infinite for nobody's capacity."""
        return self.points / self.capacity_points if self.capacity_points > 0 else float("inf")

    @property
    def is_at_soft_limit(self) -> bool:
        """Whether one more case needs a manager's approval."""
        return len(self.cases) >= self.soft_limit

    @property
    def is_at_hard_limit(self) -> bool:
        """Whether one more case is refused."""
        return len(self.cases) >= self.hard_limit

    def active_on(self, day: date) -> bool:
        """Whether the worker is in the pool on this day; the last day counts."""
        if self.active_from is None or day < self.active_from:
            return False
        return self.active_until is None or day <= self.active_until

    def is_absent_on(self, day: date) -> bool:
        """Whether an absence on record covers this day."""
        return self.absence is not None and self.absence.covers(day)


def evolve(worker: KeyWorker, event: k.AnyWorkerEvent) -> KeyWorker:
    """Assign what the event says."""
    match event:
        case k.KeyWorkerRegistered():
            worker.staff_ref, worker.display_name = event.staff_ref, event.display_name
            worker.agency, worker.programme, worker.forums = event.agency, event.programme, event.forums
            worker.specialisms, worker.languages = event.specialisms, event.languages
            worker.gender, worker.grade = event.gender, event.grade
            worker.soft_limit, worker.hard_limit = event.soft_limit, event.hard_limit
            worker.capacity_points = event.capacity_points
            worker.active_from, worker.active_until = event.active_from, event.active_until
        case k.KeyWorkerLeft():
            worker.active_until = event.last_day
        case k.KeyWorkerAbsent():
            worker.absence = Absence(event.first_day, event.last_day)
        case k.KeyWorkerReturned():
            worker.absence = None
        case k.CaseTaken() | k.CaseReweighed():
            worker.cases[event.case_id] = event.points
        case k.CaseReleased():
            worker.cases.pop(event.case_id, None)
            worker.past_cases.add(event.case_id)
        case _:
            assert_never(event)
    return worker
