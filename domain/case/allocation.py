"""Key-worker allocation: the engine proposes with an explanation, a manager decides, the worker accepts or queries.

The engine never allocates by itself. A case that no worker can take joins the waiting list and is checked every few weeks.
Source: machine E and G of the pathway (domain reference 2.8, 2.10), matching rules 5.3.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import CaseEvent, Code, Instant, Message, PersonalText, StaffText, WorkerId

Band = Literal["P1", "P2", "P3"]


class Candidate(Message):
    """A worker who may take the case, and why they rank where they do."""

    worker_id: WorkerId
    score: int
    because: tuple[Code, ...]


class Exclusion(Message):
    """A worker who may not take the case, and which hard rules exclude them."""

    worker_id: WorkerId
    because: tuple[Code, ...]


class MatchesProposed(CaseEvent):
    """The engine ranked the workers who may take the case; a manager decides."""

    TOPIC: ClassVar[str] = "MatchesProposed"

    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...]


class WorkerPreferenceRecorded(CaseEvent):
    """What the person wants, or does not want, of a worker."""

    TOPIC: ClassVar[str] = "WorkerPreferenceRecorded"

    refuses_worker: WorkerId | None = None
    wants_gender: PersonalText | None = None


class AllocationOverdue(CaseEvent):
    """The forum accepted the case and it still has no key worker."""

    TOPIC: ClassVar[str] = "AllocationOverdue"

    due_at: Instant


class WaitingListJoined(CaseEvent):
    """No worker has room; the case waits in its band."""

    TOPIC: ClassVar[str] = "WaitingListJoined"

    band: Band
    check_due_at: Instant


class WaitingCheckDue(CaseEvent):
    """Time to see how the person is while they wait."""

    TOPIC: ClassVar[str] = "WaitingCheckDue"

    due_at: Instant
    next_due_at: Instant


class WaitingCheckRecorded(CaseEvent):
    """Somebody saw how the waiting person is."""

    TOPIC: ClassVar[str] = "WaitingCheckRecorded"

    risk_changed: bool
    note: PersonalText | None = None
    check_due_at: Instant


class WaitingListLeft(CaseEvent):
    """The case left the waiting list."""

    TOPIC: ClassVar[str] = "WaitingListLeft"

    because: Literal["allocated", "withdrawn", "need_met"]


class KeyWorkerAllocated(CaseEvent):
    """A manager gave the case to a key worker, who now answers."""

    TOPIC: ClassVar[str] = "KeyWorkerAllocated"

    worker_id: WorkerId
    worker_name: StaffText
    points: int
    override_reason: StaffText | None = None
    approved_over_soft_limit: bool = False
    answer_due_at: Instant
    first_contact_due_at: Instant


class AllocationAccepted(CaseEvent):
    """The worker took the case on."""

    TOPIC: ClassVar[str] = "AllocationAccepted"

    worker_id: WorkerId


class AllocationQueried(CaseEvent):
    """The worker cannot take the case: conflict of interest, safety or capacity. Another one is sought."""

    TOPIC: ClassVar[str] = "AllocationQueried"

    worker_id: WorkerId
    ground: Literal["conflict_of_interest", "safety", "capacity"]
    allocation_due_at: Instant


class AllocationAnswerOverdue(CaseEvent):
    """The worker did not answer in time."""

    TOPIC: ClassVar[str] = "AllocationAnswerOverdue"

    worker_id: WorkerId
    due_at: Instant


class FirstContactOverdue(CaseEvent):
    """Nobody tried to reach the person in time after allocation."""

    TOPIC: ClassVar[str] = "FirstContactOverdue"

    worker_id: WorkerId
    due_at: Instant


class AllocationEnded(CaseEvent):
    """The worker no longer has this case."""

    TOPIC: ClassVar[str] = "AllocationEnded"

    worker_id: WorkerId
    because: Literal["case_closed", "queried", "other_worker"]
