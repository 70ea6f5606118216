"""The handover of a step-down: old and new lead meet with the person, and monitoring begins; or the new lead withdraws.

Support overlaps for some weeks, so that nobody is left between two services.
Source: machine A, SteppingDown (domain reference 2.4); step-down transition (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case, reweighed
from domain.case.contact import contact_clocks
from domain.case.involvement import InvolvedAgenciesOnly, require_involved
from domain.case.stages import Stage
from domain.case.step_down import ReceivingLeadNotAccepted, StepDownError
from domain.decisions import decides
from domain.errors import AlreadyRecorded
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment, PersonalText, StaffRef
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class HandoverOverdue(CaseEvent):
    """The time for the handover ran out."""

    TOPIC: ClassVar[str] = "HandoverOverdue"

    due_at: Instant


class HandoverCompleted(CaseEvent):
    """Old and new lead met with the person; monitoring with dated check-ins begins."""

    TOPIC: ClassVar[str] = "HandoverCompleted"

    receiving_lead: StaffRef
    first_check_in_due_at: Instant
    monitoring_ends_at: Instant


class StepDownFailed(CaseEvent):
    """The receiving service withdrew; support goes on as before, with a new key worker if nobody has the case any more."""

    TOPIC: ClassVar[str] = "StepDownFailed"

    explanation: PersonalText
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None
    to_stage: Literal[Stage.ACTIVE, Stage.AWAITING_ALLOCATION] = Stage.ACTIVE
    priority_uplift: bool = False
    allocation_due_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class JointMeetingRequired(StepDownError):
    """joint_meeting_held: old lead, new lead and person meet before the handover is complete."""

    code = "joint_meeting_required"


class OpenActionsRemain(StepDownError):
    """{count} open action(s) of the key worker remain: {actions}; complete, cancel or reassign them first."""

    code = "open_actions_remain"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class CompleteHandover(Command):
    """Record that old and new lead met with the person; monitoring with check-ins begins."""

    NAME: ClassVar[str] = "complete-handover"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_STEP_DOWN
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "joint_meeting_held": True}

    case_id: CaseId
    joint_meeting_held: bool


class MarkHandoverOverdue(Command):
    """Record that the time for the handover ran out; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-handover-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class FailStepDown(Command):
    """Record that the receiving service withdrew (ReceivingServiceWithdraws); support goes on, if need be with a new worker."""

    NAME: ClassVar[str] = "fail-step-down"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "The recovery house has closed"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


@decides(
    CompleteHandover,
    refuses=(
        NoKeyWorkerAssigned,
        NotTheKeyWorker,
        JointMeetingRequired,
        OpenActionsRemain,
        ReceivingLeadNotAccepted,
    ),
)
def complete_handover(
    command: CompleteHandover, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.STEPPING_DOWN)
    require_own_case(worker, moment, case)
    if not command.joint_meeting_held:
        raise JointMeetingRequired
    left = [str(one.action_id) for one in case.open_actions if worker and one.owner == worker.staff_ref]
    if left:
        raise OpenActionsRemain(count=len(left), actions=", ".join(left))
    if case.receiving_lead is None:
        raise ReceivingLeadNotAccepted
    return [
        HandoverCompleted(
            case_id=case.case_id,
            person_id=case.person_id,
            receiving_lead=case.receiving_lead,
            first_check_in_due_at=rules.deadline(case.programme, "check_in_every", moment.now),
            monitoring_ends_at=rules.deadline(case.programme, "monitoring", moment.now),
        )
    ]


@decides(MarkHandoverOverdue, refuses=(AlreadyRecorded,))
def mark_handover_overdue(command: MarkHandoverOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.STEPPING_DOWN)
    due_at = case.require_newly_passed(command, "handover", moment.now, what="that the handover is overdue")
    return [HandoverOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(FailStepDown, refuses=(InvolvedAgenciesOnly,))
def fail_step_down(
    command: FailStepDown, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The worker may have gone already, because the case was stepping down: then it is not left without one.

    Source: machine A, ReceivingServiceWithdraws (domain reference 2.4); step-down fails (2.13).
    """
    case.require(command, Stage.STEPPING_DOWN)
    require_involved(command, case, worker, moment)
    clocks = contact_clocks(case, moment, rules, stage=Stage.ACTIVE)
    nobody_has_it = worker is None and case.lead_agency is None
    failed = StepDownFailed(
        case_id=case.case_id,
        person_id=case.person_id,
        explanation=command.explanation,
        contact_due_at=clocks.contact,
        disengagement_due_at=clocks.disengagement,
        to_stage=Stage.AWAITING_ALLOCATION if nobody_has_it else Stage.ACTIVE,
        priority_uplift=nobody_has_it,
        allocation_due_at=rules.deadline(case.programme, "allocation", moment.now) if nobody_has_it else None,
    )
    return [failed, *reweighed(case, worker, rules, stepping_down=False)]
