"""Key-worker allocation: the engine proposes with an explanation, a manager decides, the worker accepts or queries.

The engine never allocates by itself. A case that no worker can take joins the waiting list and is checked every few weeks.
Source: machine E and G of the pathway (domain reference 2.8, 2.10), matching rules 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.matching import (
    HARD_REFUSALS,
    Pairing,
    WorkerNotActive,
    broken_hard_rules,
    rank,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, RuleBroken
from domain.keyworker.events import CaseReleased, CaseReweighed, CaseTaken
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Message,
    Moment,
    PersonalText,
    StaffText,
    WorkerId,
)
from domain.programmes import workload
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Band = Literal["P1", "P2", "P3"]


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


# -- rules -----------------------------------------------------------------------------------------------------------
# Which worker may take a case is in `matching.py`; who waits, and in which band, in `waiting_list.py`.


class SoftLimitNeedsApproval(RuleBroken):
    """worker_id: this worker carries {cases} cases and the limit is {limit}; a manager approves one more with approved_over_soft_limit."""

    code = "soft_limit_needs_approval"


class NoKeyWorkerAssigned(Conflict):
    """No key worker has this case; this step is for the key worker of the case."""

    code = "no_key_worker_assigned"


class NotTheKeyWorker(RuleBroken):
    """Only the key worker who has this case may do this."""

    code = "not_the_key_worker"


class PreferenceRequired(RuleBroken):
    """refuses_worker, wants_gender: say at least one thing that the person wants or does not want."""

    code = "preference_required"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class ProposeMatch(Command):
    """Rank the key workers who may take a case, with the reasons; nobody is allocated by this."""

    NAME: ClassVar[str] = "propose-match"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_MATCH
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RecordWorkerPreference(Command):
    """Record what the person wants, or does not want, of a key worker."""

    NAME: ClassVar[str] = "record-worker-preference"
    # The same people who record what the person says about consent, the person included.
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "wants_gender": "female"}

    case_id: CaseId
    refuses_worker: WorkerId | None = None
    wants_gender: PersonalText | None = Field(None, min_length=1)


class AllocateKeyWorker(Command):
    """Give a case to a key worker, who then accepts or queries it."""

    NAME: ClassVar[str] = "allocate-key-worker"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "worker_id": _WORKER}

    case_id: CaseId
    worker_id: WorkerId
    override_reason: StaffText | None = Field(
        None,
        min_length=1,
        description="why a matching rule is set aside: a worker who queried the case, or a wish of the person "
        "who then agreed. It lifts no case limit, and not the person's refusal of this worker.",
    )
    approved_over_soft_limit: bool = Field(False, description="the manager approves one case above the limit")


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


class MarkAllocationOverdue(Command):
    """Record that an accepted case still has no key worker; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-allocation-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkAllocationAnswerOverdue(Command):
    """Record that the worker did not answer in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-allocation-answer-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkFirstContactOverdue(Command):
    """Record that nobody tried to reach the person in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-first-contact-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(ProposeMatch)
def propose_match(
    command: ProposeMatch, case: Case, pool: Sequence[KeyWorker], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Nobody to propose is a proposal too: it says why each worker is left out."""
    case.require(command, Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST)
    ranking = rank(case, pool, rules.programme(case.programme), rules.london_day(moment.now))
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
        )
    ]


@decides(RecordWorkerPreference, refuses=(PreferenceRequired, NotFound))
def record_worker_preference(
    command: RecordWorkerPreference, case: Case, pool: Sequence[KeyWorker]
) -> Sequence[Event]:
    case.require_open(command)
    if command.refuses_worker is None and command.wants_gender is None:
        raise PreferenceRequired
    if command.refuses_worker is not None and command.refuses_worker not in {one.worker_id for one in pool}:
        raise NotFound(kind="key worker", id=command.refuses_worker)
    return [
        WorkerPreferenceRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            refuses_worker=command.refuses_worker,
            wants_gender=command.wants_gender,
        )
    ]


@decides(AllocateKeyWorker, refuses=(*HARD_REFUSALS, SoftLimitNeedsApproval))
def allocate_key_worker(
    command: AllocateKeyWorker, case: Case, worker: KeyWorker, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The worker's own stream takes the case too, so two allocations at once cannot pass a limit together.

    The hard limit has no override here: one would need a date on which it is reviewed.
    Source: machine E, Allocate (domain reference 2.8); caseload limits (5.1).
    """
    case.require(command, Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST)
    overridden = _require_hard_rules(command, case, worker, moment, rules)
    over_soft_limit = worker.is_at_soft_limit
    if over_soft_limit and not command.approved_over_soft_limit:
        raise SoftLimitNeedsApproval(cases=len(worker.cases), limit=worker.soft_limit)
    points = points_of(case, rules)
    left = WaitingListLeft(case_id=case.case_id, person_id=case.person_id, because="allocated")
    allocated = KeyWorkerAllocated(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker.worker_id,
        worker_name=worker.display_name,
        points=points,
        override_reason=command.override_reason if overridden else None,
        approved_over_soft_limit=over_soft_limit,
        answer_due_at=rules.deadline(case.programme, "allocation_answer", moment.now),
        first_contact_due_at=rules.deadline(case.programme, "first_contact", moment.now),
    )
    taken = CaseTaken(worker_id=worker.worker_id, case_id=case.case_id, points=points)
    return [*([left] if case.stage is Stage.WAITING_LIST else []), allocated, taken]


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


@decides(MarkAllocationOverdue, refuses=(AlreadyRecorded,))
def mark_allocation_overdue(command: MarkAllocationOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_ALLOCATION)
    due_at = case.require_passed(command, "allocation", moment.now)
    if "allocation" in case.overdue:
        raise AlreadyRecorded(what="that the allocation is overdue")
    return [AllocationOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(MarkAllocationAnswerOverdue, refuses=(AlreadyRecorded, NoKeyWorkerAssigned))
def mark_allocation_answer_overdue(
    command: MarkAllocationAnswerOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    due_at = case.require_passed(command, "allocation_answer", moment.now)
    if "allocation_answer" in case.overdue:
        raise AlreadyRecorded(what="that the worker's answer is overdue")
    return [
        AllocationAnswerOverdue(
            case_id=case.case_id, person_id=case.person_id, worker_id=allocated_worker(case), due_at=due_at
        )
    ]


@decides(MarkFirstContactOverdue, refuses=(AlreadyRecorded, NoKeyWorkerAssigned))
def mark_first_contact_overdue(
    command: MarkFirstContactOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    due_at = case.require_passed(command, "first_contact", moment.now)
    if "first_contact" in case.overdue:
        raise AlreadyRecorded(what="that the first contact is overdue")
    return [
        FirstContactOverdue(
            case_id=case.case_id, person_id=case.person_id, worker_id=allocated_worker(case), due_at=due_at
        )
    ]


def _require_hard_rules(
    command: AllocateKeyWorker, case: Case, worker: KeyWorker, moment: Moment, rules: Rules
) -> bool:
    """Refuse by the first hard rule that no reason lifts; tell whether a reason lifted one."""
    pair = Pairing(case, worker, rules.programme(case.programme), rules.london_day(moment.now))
    # An allocation written down later counts from the day it was made; the worker must have been there by then.
    if not worker.active_on(rules.london_day(moment.effective_at)):
        raise WorkerNotActive
    broken = list(broken_hard_rules(pair))
    for rule in broken:
        if not (rule.may_be_overridden and command.override_reason):
            raise rule.refusal()
    return bool(broken)


def allocated_worker(case: Case) -> WorkerId:
    """The worker who has this case."""
    if case.worker_id is None:
        raise NoKeyWorkerAssigned
    return case.worker_id


def require_key_worker(worker: KeyWorker | None, moment: Moment) -> KeyWorker:
    """The worker who has the case must be the one who acts."""
    if worker is None:
        raise NoKeyWorkerAssigned
    if moment.actor.person != worker.staff_ref:
        raise NotTheKeyWorker
    return worker


def require_own_case(worker: KeyWorker | None, moment: Moment) -> None:
    """The worker who has the case acts, or a manager does so for them.

    Source: machine A, guard "key worker assigned" of the steps in Active (domain reference 2.4).
    """
    if moment.actor.role is not Role.MANAGER:
        require_key_worker(worker, moment)


def points_of(case: Case, rules: Rules, *, stepping_down: bool = False) -> int:
    """What the case weighs on a caseload now.

    Source: workload formula (domain reference 5.2). Children, travel and a second programme are not known of a case yet.
    """
    return workload.case_points(
        rules.programme(case.programme).caseload.points,
        intensity=case.intensity,
        safeguarding_open=bool(case.open_concerns),
        interpreter_needed=case.interpreter_needed,
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
