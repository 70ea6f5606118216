"""Handover of a case from one key worker to the next: planned with a joint visit, or at once in an emergency.

Few changes, only for good reason, and the person is told early. A whole caseload at once is in `caseload_handover.py`.
Not to be mixed up with the handover of a step-down to a receiving service (`step_down_handover.py`), whose command is
called `complete-handover`.
Source: machine E, PlanHandover and CompleteHandover (domain reference 2.8); leavers and emergencies (5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.allocating import SoftLimitNeedsApproval
from domain.case.allocation import NoKeyWorkerAssigned, points_of
from domain.case.away import unavailability
from domain.case.cover import CoverEnded, PersonNotTold, require_told
from domain.case.escalation import settled
from domain.case.matching import HARD_REFUSALS, WorkerAtHardLimit
from domain.case.override import (
    OVERRIDE_REFUSALS,
    OverrideReason,
    OverrideReviewOn,
    Overriding,
    PersonAgrees,
    SecondPerson,
    looked_at_again,
    require_hard_rules,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.keyworker.events import CaseReleased, CaseTaken
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
    StaffText,
    WorkerId,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class HandoverPlanned(CaseEvent):
    """The next key worker is named, and the day on which both visit the person together."""

    TOPIC: ClassVar[str] = "HandoverPlanned"

    worker_id: WorkerId
    successor_id: WorkerId
    successor_name: StaffText
    joint_visit_on: Day | None = None
    emergency: bool = False
    summary: PersonalText | None = None
    approved_over_soft_limit: bool = False
    overrides: tuple[Code, ...] = ()
    """The rules that a manager set aside for this successor; the rest says on which terms."""
    override_reason: StaffText | None = None
    override_review_on: Day | None = None
    second_person: StaffRef | None = None
    person_agrees: bool = False


class KeyWorkerChanged(CaseEvent):
    """Another key worker has this case now."""

    TOPIC: ClassVar[str] = "KeyWorkerChanged"

    from_worker: WorkerId
    to_worker: WorkerId
    worker_name: StaffText
    points: int
    joint_visit_held: bool
    no_joint_visit_because: PersonalText | None = None
    told_by: StaffRef | None = None
    told_on: Day | None = None
    not_told_because: PersonalText | None = None
    approved_over_soft_limit: bool = False
    overrides: tuple[Code, ...] = ()
    """The rules that were set aside for this worker."""
    override_review_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class RecordsNotReady(RuleBroken):
    """{missing}: must be up to date before a handover is planned; in an emergency write a summary today instead."""

    code = "records_not_ready"


class JointVisitDateRequired(RuleBroken):
    """joint_visit_on: name the day, from today on, on which both workers visit the person; only an emergency does without."""

    code = "joint_visit_date_required"


class SummaryRequired(RuleBroken):
    """summary: an emergency transfer needs a written summary the same day."""

    code = "summary_required"


class SuccessorIsTheWorker(RuleBroken):
    """successor_id: this worker has the case {case_id} already."""

    code = "successor_is_the_worker"


class NoHandoverPlanned(Conflict):
    """No handover to another key worker is planned for this case."""

    code = "no_handover_planned"


class JointVisitNotHeld(RuleBroken):
    """joint_visit_held: say that both workers visited the person, or why they could not (no_joint_visit_because)."""

    code = "joint_visit_not_held"


def require_may_follow(
    terms: Overriding,
    case: Case,
    successor: KeyWorker,
    moment: Moment,
    rules: Rules,
    *,
    approved_over_soft_limit: bool,
) -> tuple[str, ...]:
    """Refuse a successor whom a hard rule leaves out, or a limit; answer with the codes of the rules set aside."""
    overridden = require_hard_rules(terms, case, successor, moment, rules)
    lifted = approved_over_soft_limit or WorkerAtHardLimit.code in overridden
    if successor.is_at_soft_limit and not lifted:
        raise SoftLimitNeedsApproval(cases=len(successor.cases), limit=successor.soft_limit)
    return overridden


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"
_SUCCESSOR = "5d2f7c1b-90aa-5c0e-8d7e-64b3a1f20c55"


class PlanHandover(Command):
    """Name the next key worker of a case and the day of the joint visit, with all records up to date."""

    NAME: ClassVar[str] = "plan-handover"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "successor_id": _SUCCESSOR,
        "joint_visit_on": "2027-12-01",
        "summary_ready": True,
        "chronology_ready": True,
        "plan_ready": True,
    }

    case_id: CaseId
    successor_id: WorkerId
    joint_visit_on: Day | None = None
    summary_ready: bool = Field(False, description="the summary of the case is up to date")
    chronology_ready: bool = Field(False, description="the chronology is up to date")
    plan_ready: bool = Field(False, description="the plan is up to date")
    emergency: bool = Field(False, description="no time for a joint visit; a summary is written today")
    summary: PersonalText | None = Field(None, min_length=1, description="needed in an emergency")
    approved_over_soft_limit: bool = Field(False, description="the manager approves one case above the limit")
    override_reason: OverrideReason = None
    override_review_on: OverrideReviewOn = None
    second_person: SecondPerson = None
    person_agrees: PersonAgrees = False

    def named_workers(self) -> Sequence[WorkerId]:
        return (self.successor_id,)


class CompleteWorkerHandover(Command):
    """Give a case to the next key worker, as planned (CompleteHandover of machine E; complete-handover is that of a step-down)."""

    NAME: ClassVar[str] = "complete-worker-handover"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "joint_visit_held": True,
        "told_by": "manager-1",
        "told_on": "2027-02-01",
    }

    case_id: CaseId
    joint_visit_held: bool = False
    no_joint_visit_because: PersonalText | None = Field(None, min_length=1)
    told_by: StaffRef | None = Field(None, description="who told the person")
    told_on: Day | None = Field(None, description="when the person was told")
    not_told_because: PersonalText | None = Field(None, min_length=1)


@decides(
    PlanHandover,
    refuses=(
        NoKeyWorkerAssigned,
        SuccessorIsTheWorker,
        RecordsNotReady,
        JointVisitDateRequired,
        SummaryRequired,
        SoftLimitNeedsApproval,
        *HARD_REFUSALS,
        *OVERRIDE_REFUSALS,
    ),
)
def plan_handover(
    command: PlanHandover,
    case: Case,
    worker: KeyWorker | None,
    named: Mapping[WorkerId, KeyWorker],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """A later plan takes the place of an earlier one. The successor's place is taken only when the case changes hands."""
    case.require_open(command)
    if worker is None:
        raise NoKeyWorkerAssigned
    successor = named[command.successor_id]
    if successor.worker_id == worker.worker_id:
        raise SuccessorIsTheWorker(case_id=case.case_id)
    _require_ready(command, moment, rules)
    overridden = require_may_follow(
        command, case, successor, moment, rules, approved_over_soft_limit=command.approved_over_soft_limit
    )
    said = command.model_dump(include=_TERMS) if overridden else {}
    return [
        HandoverPlanned(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            successor_id=successor.worker_id,
            successor_name=successor.display_name,
            joint_visit_on=command.joint_visit_on,
            emergency=command.emergency,
            summary=command.summary,
            approved_over_soft_limit=successor.is_at_soft_limit,
            overrides=overridden,
            **said,
        )
    ]


def _require_ready(command: PlanHandover, moment: Moment, rules: Rules) -> None:
    """Records up to date and a day for the joint visit; in an emergency a summary instead.

    Source: machine E, PlanHandover; emergency transfer with a summary the same day (domain reference 2.8, 5.4).
    """
    if command.emergency:
        if command.summary is None:
            raise SummaryRequired
        return
    missing = [
        name for name in ("summary_ready", "chronology_ready", "plan_ready") if not getattr(command, name)
    ]
    if missing:
        raise RecordsNotReady(missing=", ".join(missing))
    if command.joint_visit_on is None or command.joint_visit_on < rules.london_day(moment.now):
        raise JointVisitDateRequired


@decides(
    CompleteWorkerHandover,
    refuses=(
        NoKeyWorkerAssigned,
        NoHandoverPlanned,
        JointVisitNotHeld,
        PersonNotTold,
        SoftLimitNeedsApproval,
        *HARD_REFUSALS,
        *OVERRIDE_REFUSALS,
    ),
)
def complete_worker_handover(
    command: CompleteWorkerHandover,
    case: Case,
    worker: KeyWorker | None,
    named: Mapping[WorkerId, KeyWorker],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Limits are looked at again: the successor may have got other cases since the plan. The plan's terms stand.

    Source: machine E, CompleteHandover: joint visit done or impossible (reason), person told (domain reference 2.8).
    """
    case.require_open(command)
    if worker is None:
        raise NoKeyWorkerAssigned
    if case.handover is None:
        raise NoHandoverPlanned
    if not command.joint_visit_held and command.no_joint_visit_because is None:
        raise JointVisitNotHeld
    require_told(command.told_by, command.told_on, command.not_told_because)
    successor = named[case.handover.successor_id]
    overridden = require_may_follow(
        case.handover.terms,
        case,
        successor,
        moment,
        rules,
        approved_over_soft_limit=case.handover.approved_over_soft_limit,
    )
    return changed_hands(
        case,
        worker,
        successor,
        moment,
        rules,
        told=command,
        visited=command.joint_visit_held,
        overridden=overridden,
        review_at=looked_at_again(case.handover.terms, overridden, rules),
    )


_TERMS = {"override_reason", "override_review_on", "second_person", "person_agrees"}
_SAID = {"no_joint_visit_because", "told_by", "told_on", "not_told_because"}
"""What the command of a handover says of the visit, and of how the person was told."""


def changed_hands(
    case: Case,
    worker: KeyWorker,
    successor: KeyWorker,
    moment: Moment,
    rules: Rules,
    *,
    told: Command,
    visited: bool,
    overridden: tuple[str, ...] = (),
    review_at: Instant | None = None,
) -> Sequence[Event]:
    """The case changes hands: on its own record, and on those of both workers."""
    stepping_down = case.stage in (Stage.STEPPING_DOWN, Stage.MONITORING)
    points = points_of(case, rules, stepping_down=stepping_down)
    ended = (
        [
            CoverEnded(
                case_id=case.case_id,
                person_id=case.person_id,
                worker_id=worker.worker_id,
                cover_worker_id=case.cover.worker_id,
                because="handed_over",
            )
        ]
        if case.cover is not None
        else []
    )
    return [
        *ended,
        KeyWorkerChanged(
            case_id=case.case_id,
            person_id=case.person_id,
            from_worker=worker.worker_id,
            to_worker=successor.worker_id,
            worker_name=successor.display_name,
            points=points,
            joint_visit_held=visited,
            **told.model_dump(include=_SAID),
            approved_over_soft_limit=successor.is_at_soft_limit,
            overrides=overridden,
            override_review_at=review_at,
        ),
        *settled(case, "allocation", "handed_over"),
        *unavailability(case, successor, moment, rules),
        CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
        CaseTaken(
            worker_id=successor.worker_id,
            case_id=case.case_id,
            points=points,
            over_hard_limit=WorkerAtHardLimit.code in overridden,
        ),
    ]
