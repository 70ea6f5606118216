"""What happens to one key worker. The rules are in `worker.py`; matching a worker to a case is in `domain/case/allocation.py`."""

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


class CaseTaken(WorkerEvent):
    """A case was put on this worker's caseload."""

    TOPIC: ClassVar[str] = "CaseTaken"

    case_id: CaseId
    points: int


class CaseReleased(WorkerEvent):
    """A case left this worker's caseload."""

    TOPIC: ClassVar[str] = "CaseReleased"

    case_id: CaseId


class CaseReweighed(WorkerEvent):
    """A case on this worker's caseload now counts differently."""

    TOPIC: ClassVar[str] = "CaseReweighed"

    case_id: CaseId
    points: int


AnyWorkerEvent = KeyWorkerRegistered | KeyWorkerLeft | CaseTaken | CaseReleased | CaseReweighed
