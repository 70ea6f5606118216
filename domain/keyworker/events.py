"""What happens to one key worker. The rules are in `worker.py`; which worker suits a case is in `domain/case/matching.py`."""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import AgencyName, CaseId, Code, Day, StaffRef, StaffText, WorkerEvent


class KeyWorkerRegistered(WorkerEvent):
    """A key worker joined the pool, with where they work and how much they can carry."""

    TOPIC: ClassVar[str] = "KeyWorkerRegistered"

    staff_ref: StaffRef
    display_name: StaffText
    agency: AgencyName
    programme: Code
    forums: tuple[Code, ...]
    specialisms: tuple[Code, ...] = ()
    languages: tuple[Code, ...] = ()
    gender: StaffText | None = None
    grade: Literal["asye", "experienced", "senior"] = "experienced"
    fte: float = 1.0
    supervises: bool = False
    soft_limit: int
    hard_limit: int
    capacity_points: float
    active_from: Day
    active_until: Day | None = None


class KeyWorkerLeft(WorkerEvent):
    """A key worker leaves the pool after a day."""

    TOPIC: ClassVar[str] = "KeyWorkerLeft"

    last_day: Day


class KeyWorkerAbsent(WorkerEvent):
    """A key worker is away for a time. Lists show that they are absent, never why."""

    TOPIC: ClassVar[str] = "KeyWorkerAbsent"

    first_day: Day
    last_day: Day | None = None
    explanation: StaffText | None = None


class KeyWorkerReturned(WorkerEvent):
    """A key worker who was away is back."""

    TOPIC: ClassVar[str] = "KeyWorkerReturned"


class CaseTaken(WorkerEvent):
    """A case was put on this worker's caseload."""

    TOPIC: ClassVar[str] = "CaseTaken"

    case_id: CaseId
    points: int
    over_hard_limit: bool = False
    """A manager's override put it there although the worker was at the hard limit."""


class CaseReleased(WorkerEvent):
    """A case left this worker's caseload."""

    TOPIC: ClassVar[str] = "CaseReleased"

    case_id: CaseId


class CaseReweighed(WorkerEvent):
    """A case on this worker's caseload now counts differently."""

    TOPIC: ClassVar[str] = "CaseReweighed"

    case_id: CaseId
    points: int


AnyWorkerEvent = (
    KeyWorkerRegistered
    | KeyWorkerLeft
    | KeyWorkerAbsent
    | KeyWorkerReturned
    | CaseTaken
    | CaseReleased
    | CaseReweighed
)
