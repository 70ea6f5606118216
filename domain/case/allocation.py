"""Key-worker allocation: the engine proposes with an explanation, a manager decides, the worker accepts or queries.

The engine never allocates by itself. A case that no worker can take joins the waiting list and is checked every few weeks.
Giving a case to a worker is in `allocating.py`, how it ends in `allocation_end.py`, what lateness means in
`allocation_deadlines.py`, who covers in `cover.py`, who waits in `waiting_list.py`.
Source: machine E and G of the pathway (domain reference 2.8, 2.10), matching rules 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.bands import Band, is_first_priority
from domain.case.matching import rank
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.keyworker.events import CaseReleased, CaseReweighed
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Instant,
    Message,
    Moment,
    PersonalText,
    StaffRef,
    StaffText,
    WorkerId,
)
from domain.programmes import workload
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Visits = Literal["alone", "paired", "office_based"]


# -- events ----------------------------------------------------------------------------------------------------------


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
    look_again_at: Instant | None = Field(
        None, description="when the engine proposes anew, because a case that cannot wait has nobody yet"
    )


class AllocationOverdue(CaseEvent):
    """The forum accepted the case and it still has no key worker."""

    TOPIC: ClassVar[str] = "AllocationOverdue"

    due_at: Instant


class WaitingListJoined(CaseEvent):
    """No worker can take the case now, for want of room or for other reasons; it waits in its band."""

    TOPIC: ClassVar[str] = "WaitingListJoined"

    band: Band
    check_due_at: Instant
    joined_at: Instant | None = None
    """Since when the place counts; lists of earlier versions do not say, so the case joined when it was recorded."""
    escalate_at: Instant | None = None
    """When a case of band P1 has waited too long."""


class WaitingCheckDue(CaseEvent):
    """Time to see how the person is while they wait."""

    TOPIC: ClassVar[str] = "WaitingCheckDue"

    due_at: Instant
    next_due_at: Instant
    answer_due_at: Instant | None = None
    """When it counts as missed."""


class WaitingCheckRecorded(CaseEvent):
    """Somebody saw how the waiting person is."""

    TOPIC: ClassVar[str] = "WaitingCheckRecorded"

    risk_changed: bool
    note: PersonalText | None = None
    check_due_at: Instant


class WaitingListLeft(CaseEvent):
    """The case left the waiting list."""

    TOPIC: ClassVar[str] = "WaitingListLeft"

    because: Literal["allocated", "withdrawn", "died", "moved", "need_met", "merged"]


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
    introduction_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None
    """From when on contact counts as lost, if nobody reaches the person."""
    overrides: tuple[Code, ...] = ()
    """The rules that the override set aside."""
    override_review_on: Day | None = None
    override_review_at: Instant | None = None
    """When the clock of that day rings; earlier versions had none."""
    override_second_person: StaffRef | None = None
    visits: Visits = "alone"
    interpreter: Code | None = None
    children: int = 0
    long_travel: bool = False
    programmes: int = 1


class InterpreterArranged(CaseEvent):
    """The worker does not speak the person's language; an interpreter comes in by this way."""

    TOPIC: ClassVar[str] = "InterpreterArranged"

    worker_id: WorkerId
    route: Code
    language: PersonalText


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
    because: Literal[
        "case_closed",
        "queried",
        "other_worker",
        "step_down",
        "worker_did_not_answer",
        "conflict_of_interest",
        "other_offer",
        "stepped_back_up",
    ]
    to_stage: Stage | None = None
    """Where the case goes, if another worker is sought; else it stays where it is."""
    allocation_due_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------
# Which worker may take a case is in `matching.py`; who waits in `waiting_list.py`, in which band in `bands.py`.


class NoKeyWorkerAssigned(Conflict):
    """No key worker has this case; this step is for the key worker of the case."""

    code = "no_key_worker_assigned"


class NotTheKeyWorker(RuleBroken):
    """Only the key worker who has this case may do this."""

    code = "not_the_key_worker"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class ProposeMatch(Command):
    """Rank the key workers who may take a case, with the reasons; nobody is allocated by this."""

    NAME: ClassVar[str] = "propose-match"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_MATCH
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class AcceptAllocation(Command):
    """Take on a case that a manager allocated to you."""

    NAME: ClassVar[str] = "accept-allocation"
    PERMISSION: ClassVar[Permission] = Permission.ANSWER_ALLOCATION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class QueryAllocation(Command):
    """Give back a case that a manager allocated to you, on one of three grounds; another worker is sought."""

    NAME: ClassVar[str] = "query-allocation"
    PERMISSION: ClassVar[Permission] = Permission.ANSWER_ALLOCATION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "ground": "conflict_of_interest"}

    case_id: CaseId
    ground: Literal["conflict_of_interest", "safety", "capacity"]


@decides(ProposeMatch)
def propose_match(
    command: ProposeMatch, case: Case, pool: Sequence[KeyWorker], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Nobody to propose is a proposal too: it says why each worker is left out.

    Whoever was proposed may be given another case meanwhile: for a case of band P1 the engine looks again a working day
    later, for others when the allocation is overdue. If nobody has room then, the case joins the line, and P1 at once.
    Source: no capacity, escalate when P1 cannot be placed (domain reference 2.13); the second look is (ours).
    """
    case.require(command, Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST)
    programme = rules.programme(case.programme)
    ranking = rank(case, pool, programme, rules.london_day(moment.now))
    cannot_wait = case.stage is Stage.AWAITING_ALLOCATION and is_first_priority(case, programme)
    look_again_at = rules.deadline(case.programme, "priority_wait", moment.now)
    return [
        MatchesProposed(
            case_id=case.case_id,
            person_id=case.person_id,
            candidates=tuple(
                Candidate(worker_id=one.worker_id, score=one.score, because=one.because)
                for one in ranking.candidates
            ),
            exclusions=tuple(
                Exclusion(worker_id=one.worker_id, because=one.because) for one in ranking.left_out
            ),
            look_again_at=look_again_at if cannot_wait else None,
        )
    ]


@decides(AcceptAllocation, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, AlreadyRecorded))
def accept_allocation(
    command: AcceptAllocation, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    own = require_key_worker(worker, moment)
    if case.allocation_accepted:
        raise AlreadyRecorded(what="the worker's yes")
    return [AllocationAccepted(case_id=case.case_id, person_id=case.person_id, worker_id=own.worker_id)]


@decides(QueryAllocation, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker))
def query_allocation(
    command: QueryAllocation, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A worker may find a conflict after saying yes, so this stays possible until the person is engaged."""
    case.require(command, Stage.INTRODUCTION)
    own = require_key_worker(worker, moment)
    return [
        AllocationQueried(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=own.worker_id,
            ground=command.ground,
            allocation_due_at=rules.deadline(case.programme, "allocation", moment.now),
        ),
        AllocationEnded(
            case_id=case.case_id, person_id=case.person_id, worker_id=own.worker_id, because="queried"
        ),
        CaseReleased(worker_id=own.worker_id, case_id=case.case_id),
    ]


def allocated_worker(case: Case) -> WorkerId:
    """The worker who has this case."""
    if case.worker_id is None:
        raise NoKeyWorkerAssigned
    return case.worker_id


def require_key_worker(worker: KeyWorker | None, moment: Moment, case: Case | None = None) -> KeyWorker:
    """The worker who has the case must be the one who acts, or whoever covers for them where the case is given."""
    if worker is None:
        raise NoKeyWorkerAssigned
    if moment.actor.person not in (answers_for(case, worker) if case is not None else {worker.staff_ref}):
        raise NotTheKeyWorker
    return worker


def answers_for(case: Case, worker: KeyWorker) -> frozenset[str]:
    """The references of those who act as the key worker of a case: the worker, and whoever covers for them."""
    cover = {case.cover.staff_ref} if case.cover is not None else set()
    return frozenset({worker.staff_ref} | cover)


def require_own_case(worker: KeyWorker | None, moment: Moment, case: Case) -> None:
    """The worker who has the case acts, whoever covers for them, or a manager.

    Source: machine A, guard "key worker assigned or cover" of the steps in Active (domain reference 2.4).
    """
    if moment.actor.role is not Role.MANAGER:
        require_key_worker(worker, moment, case)


def points_of(case: Case, rules: Rules, *, stepping_down: bool = False) -> int:
    """What the case weighs on a caseload now.

    Source: workload formula (domain reference 5.2). Children, travel and other programmes are as the allocation says.
    """
    return workload.case_points(
        rules.programme(case.programme).caseload.points,
        intensity=case.intensity,
        safeguarding_open=bool(case.open_concerns),
        interpreter_needed=case.interpreter_needed,
        children=max(case.children, case.household_children),
        long_travel=case.long_travel,
        programmes=case.programmes,
        stepping_down=stepping_down,
    )


def reweighed(
    case: Case, worker: KeyWorker | None, rules: Rules, *, stepping_down: bool
) -> Sequence[CaseReweighed]:
    """The case counts for less while it steps down, and fully again afterwards; nothing if it counts the same."""
    points = points_of(case, rules, stepping_down=stepping_down)
    if worker is None or worker.cases.get(case.case_id) == points:
        return []
    return [CaseReweighed(worker_id=worker.worker_id, case_id=case.case_id, points=points)]
