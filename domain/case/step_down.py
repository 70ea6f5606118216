"""Step-down: support gets lighter with a lead who carries on, a handover meeting, and check-ins afterwards.

It is proposed by the key worker, approved by a manager, and can be taken back up at any time without starting again.
What happens between the handover and the end, check-ins and closing, is decided in `monitoring.py`.
Source: machine A from Active to Monitoring, and step-down practice (domain reference 2.2, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case, reweighed
from domain.case.consent import Category, DisclosureNotCovered, Purpose, may_disclose
from domain.case.stages import Stage
from domain.case.triage import SafeguardingConcernOpen
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

UNIVERSAL: Final = "universal"
"""The receiving agency that stands for the services everybody uses; no plan is passed on to anybody."""


# -- events ----------------------------------------------------------------------------------------------------------


class StepDownProposed(CaseEvent):
    """The key worker proposes lighter support, with what was reached and what to do if it goes wrong."""

    TOPIC: ClassVar[str] = "StepDownProposed"

    receiving_agency: AgencyName
    universal: bool
    outcomes_summary: PersonalText
    contingency_plan: PersonalText
    cleared_by_safeguarding: StaffRef | None = None
    approval_due_at: Instant


class StepDownApprovalOverdue(CaseEvent):
    """The manager has not decided on a proposed step-down in time."""

    TOPIC: ClassVar[str] = "StepDownApprovalOverdue"

    due_at: Instant


class StepDownApproved(CaseEvent):
    """A manager approved the step-down; the handover is due by a date."""

    TOPIC: ClassVar[str] = "StepDownApproved"

    person_view: PersonalText
    receiving_lead: StaffRef
    handover_due_at: Instant


class StepDownRejected(CaseEvent):
    """A manager did not approve the step-down."""

    TOPIC: ClassVar[str] = "StepDownRejected"

    explanation: PersonalText


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
    """The receiving service withdrew; support goes on as before."""

    TOPIC: ClassVar[str] = "StepDownFailed"

    explanation: PersonalText


class CheckInDue(CaseEvent):
    """The engine asks the receiving lead for a check-in."""

    TOPIC: ClassVar[str] = "CheckInDue"

    number: int
    due_at: Instant
    answer_due_at: Instant


class CheckInRecorded(CaseEvent):
    """How the person is doing after step-down."""

    TOPIC: ClassVar[str] = "CheckInRecorded"

    number: int
    status: Literal["good", "mixed", "deteriorating"]
    note: PersonalText | None = None
    next_check_in_due_at: Instant | None


class CheckInMissed(CaseEvent):
    """A check-in was asked for and did not come."""

    TOPIC: ClassVar[str] = "CheckInMissed"

    number: int
    due_at: Instant
    missed_in_all: int
    next_check_in_due_at: Instant | None


class ManagerReviewRequested(CaseEvent):
    """Check-ins were missed more than once; a manager must look at the case."""

    TOPIC: ClassVar[str] = "ManagerReviewRequested"

    because: Code


class MonitoringWindowElapsed(CaseEvent):
    """The monitoring time is over; a manager confirms that the outcome lasts, or steps back up."""

    TOPIC: ClassVar[str] = "MonitoringWindowElapsed"

    ended_at: Instant


class SteppedBackUp(CaseEvent):
    """The person needs more again; support resumes with the same worker and the same plan."""

    TOPIC: ClassVar[str] = "SteppedBackUp"

    deterioration: PersonalText
    by_agency: AgencyName


class OutcomeSustained(CaseEvent):
    """What the person reached has lasted; the case closes as completed."""

    TOPIC: ClassVar[str] = "OutcomeSustained"

    summary: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class StepDownError(RuleBroken):
    """A rule of stepping down refuses this step."""

    code = "step_down_refused"


class PlanNotReviewed(StepDownError):
    """The plan has not been reviewed with the person; review it before proposing a step-down."""

    code = "plan_not_reviewed"


class OutcomesSummaryRequired(StepDownError):
    """outcomes_summary: say what was reached before support gets lighter."""

    code = "outcomes_summary_required"


class ContingencyPlanRequired(StepDownError):
    """contingency_plan: say what happens if things get worse."""

    code = "contingency_plan_required"


class ReceivingServiceRequired(StepDownError):
    """receiving_agency, universal: name the agency that carries on, or set universal; one of the two."""

    code = "receiving_service_required"


class ClearanceIsOwn(StepDownError):
    """cleared_by_safeguarding: the safeguarding lead clears this, not the person who proposes it."""

    code = "clearance_is_own"


class PersonViewRequired(StepDownError):
    """person_view: record how the person sees the step-down before it is approved."""

    code = "person_view_required"


class ReceivingLeadNotAccepted(StepDownError):
    """receiving_lead, receiving_lead_accepted: name who carries on, once they have accepted."""

    code = "receiving_lead_not_accepted"


class ChildProtectionPlanOpen(StepDownError):
    """child_protection_plan_open: there is no step-down while a child protection plan is open."""

    code = "child_protection_plan_open"


class JointMeetingRequired(StepDownError):
    """joint_meeting_held: old lead, new lead and person meet before the handover is complete."""

    code = "joint_meeting_required"


class OpenActionsRemain(StepDownError):
    """{count} open action(s) of the key worker remain: {actions}; complete, cancel or reassign them first."""

    code = "open_actions_remain"


class InvolvedAgenciesOnly(StepDownError):
    """Only an agency involved in this case may step it back up; anybody may raise a safeguarding concern."""

    code = "involved_agencies_only"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class ProposeStepDown(Command):
    """Propose lighter support: what was reached, who carries on, and what happens if things get worse."""

    NAME: ClassVar[str] = "propose-step-down"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_STEP_DOWN
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "receiving_agency": "One Manchester",
        "outcomes_summary": "Finished rehab; keeps the tenancy",
        "contingency_plan": "Ring the recovery service; the key worker can be called back",
    }

    case_id: CaseId
    receiving_agency: AgencyName | None = None
    universal: bool = Field(False, description="only the services that everybody uses carry on")
    outcomes_summary: PersonalText = ""
    contingency_plan: PersonalText = ""
    cleared_by_safeguarding: StaffRef | None = Field(
        None, description="the safeguarding lead who agrees, while an enquiry is under way"
    )


class ApproveStepDown(Command):
    """Approve a proposed step-down; the handover begins."""

    NAME: ClassVar[str] = "approve-step-down"
    PERMISSION: ClassVar[Permission] = Permission.APPROVE_STEP_DOWN
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "person_view": "Feels ready, and glad that somebody still rings",
        "receiving_lead": "recovery-worker-1",
        "receiving_lead_accepted": True,
        "child_protection_plan_open": False,
    }

    case_id: CaseId
    person_view: PersonalText = ""
    receiving_lead: StaffRef | None = None
    receiving_lead_accepted: bool = False
    child_protection_plan_open: bool = Field(
        description="asked every time; with an open plan there is no step-down"
    )


class RejectStepDown(Command):
    """Decide that it is too early for lighter support; it goes on as before."""

    NAME: ClassVar[str] = "reject-step-down"
    PERMISSION: ClassVar[Permission] = Permission.APPROVE_STEP_DOWN
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "The tenancy is not signed yet"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


class MarkStepDownApprovalOverdue(Command):
    """Record that a proposed step-down is undecided too long; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-step-down-approval-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


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
    """Record that the receiving service withdrew; support goes on as before."""

    NAME: ClassVar[str] = "fail-step-down"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "The recovery house has closed"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


class StepBackUp(Command):
    """Record that the person needs more again; support resumes with the same worker and the same plan."""

    NAME: ClassVar[str] = "step-back-up"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "deterioration": "Has left the recovery house"}

    case_id: CaseId
    deterioration: PersonalText = Field(min_length=1)


@decides(
    ProposeStepDown,
    refuses=(
        NoKeyWorkerAssigned,
        NotTheKeyWorker,
        PlanNotReviewed,
        OutcomesSummaryRequired,
        ContingencyPlanRequired,
        ReceivingServiceRequired,
        SafeguardingConcernOpen,
        ClearanceIsOwn,
    ),
)
def propose_step_down(
    command: ProposeStepDown, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Reviewed, summed up, planned for the worse, with somebody who carries on and safeguarding clear.

    Source: machine A, ProposeStepDown (domain reference 2.4).
    """
    case.require(command, Stage.ACTIVE)
    require_own_case(worker, moment)
    if not case.plan_reviewed:
        raise PlanNotReviewed
    if not command.outcomes_summary:
        raise OutcomesSummaryRequired
    if not command.contingency_plan:
        raise ContingencyPlanRequired
    receiving = rules.agency_name(_receiving_service(command))
    _require_clear_of_safeguarding(command, case, moment)
    return [
        StepDownProposed(
            case_id=case.case_id,
            person_id=case.person_id,
            receiving_agency=receiving,
            universal=command.universal,
            outcomes_summary=command.outcomes_summary,
            contingency_plan=command.contingency_plan,
            cleared_by_safeguarding=command.cleared_by_safeguarding,
            approval_due_at=rules.deadline(case.programme, "step_down_approval", moment.now),
        )
    ]


@decides(
    ApproveStepDown,
    refuses=(
        PersonViewRequired,
        ReceivingLeadNotAccepted,
        ChildProtectionPlanOpen,
        SafeguardingConcernOpen,
        DisclosureNotCovered,
    ),
)
def approve_step_down(
    command: ApproveStepDown, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The person was heard, somebody carries on, no child is on a plan, and the plan may be passed on.

    An enquiry that began after the proposal was cleared by nobody: it is proposed again, with the lead's agreement.
    Source: machine A, ApproveStepDown (domain reference 2.4); step-down from an open child protection plan (2.2);
    the safeguarding lead "must clear if concern open" (2.14).
    """
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    if not command.person_view:
        raise PersonViewRequired
    if command.receiving_lead is None or not command.receiving_lead_accepted:
        raise ReceivingLeadNotAccepted
    if command.child_protection_plan_open:
        raise ChildProtectionPlanOpen
    if case.enquiries - case.cleared_concerns:
        raise SafeguardingConcernOpen
    _require_consent_for_handover(case, worker, moment)
    approved = StepDownApproved(
        case_id=case.case_id,
        person_id=case.person_id,
        person_view=command.person_view,
        receiving_lead=command.receiving_lead,
        handover_due_at=rules.deadline(case.programme, "step_down_overlap", moment.now),
    )
    return [approved, *reweighed(case, worker, rules, stepping_down=True)]


@decides(RejectStepDown)
def reject_step_down(command: RejectStepDown, case: Case) -> Sequence[Event]:
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    return [StepDownRejected(case_id=case.case_id, person_id=case.person_id, explanation=command.explanation)]


@decides(MarkStepDownApprovalOverdue, refuses=(AlreadyRecorded,))
def mark_step_down_approval_overdue(
    command: MarkStepDownApprovalOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    due_at = case.require_passed(command, "step_down_approval", moment.now)
    if "step_down_approval" in case.overdue:
        raise AlreadyRecorded(what="that the approval is overdue")
    return [StepDownApprovalOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


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
    require_own_case(worker, moment)
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
    due_at = case.require_passed(command, "handover", moment.now)
    if "handover" in case.overdue:
        raise AlreadyRecorded(what="that the handover is overdue")
    return [HandoverOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(FailStepDown)
def fail_step_down(
    command: FailStepDown, case: Case, worker: KeyWorker | None, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.STEPPING_DOWN)
    failed = StepDownFailed(case_id=case.case_id, person_id=case.person_id, explanation=command.explanation)
    return [failed, *reweighed(case, worker, rules, stepping_down=False)]


@decides(StepBackUp, refuses=(InvolvedAgenciesOnly,))
def step_back_up(
    command: StepBackUp, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Never refused for want of capacity: the case has stayed on its worker's caseload all the time.

    Source: machine A, StepBackUp by any involved agency (domain reference 2.4).
    """
    case.require(command, Stage.STEPPING_DOWN, Stage.MONITORING)
    coordinates = moment.actor.role in (Role.COORDINATOR, Role.MANAGER)
    if not coordinates and moment.by_agency not in involved_agencies(case, worker):
        raise InvolvedAgenciesOnly
    stepped_up = SteppedBackUp(
        case_id=case.case_id,
        person_id=case.person_id,
        deterioration=command.deterioration,
        by_agency=moment.by_agency,
    )
    return [stepped_up, *reweighed(case, worker, rules, stepping_down=False)]


def involved_agencies(case: Case, worker: KeyWorker | None) -> frozenset[str]:
    """Every agency that has had a part in this case."""
    named = {
        case.referring_agency,
        case.lead_agency,
        case.receiving_agency,
        worker.agency if worker else None,
    }
    owners = {action.agency for action in case.actions.values()}
    return frozenset(agency for agency in {*named, *owners, *case.agencies_asked} if agency)


def _receiving_service(command: ProposeStepDown) -> str:
    """A named agency or the universal services, never both: naming both would pass a plan on without consent."""
    named = command.receiving_agency
    if command.universal == (named is not None) or (named or "").casefold() == UNIVERSAL:
        raise ReceivingServiceRequired
    return named or UNIVERSAL


def _require_clear_of_safeguarding(command: ProposeStepDown, case: Case, moment: Moment) -> None:
    """While an enquiry is under way, the safeguarding lead has to agree. A concern just raised blocks nothing."""
    if command.cleared_by_safeguarding == moment.actor.person:
        raise ClearanceIsOwn
    if case.enquiries and command.cleared_by_safeguarding is None:
        raise SafeguardingConcernOpen


def _require_consent_for_handover(case: Case, worker: KeyWorker | None, moment: Moment) -> None:
    """The plan is passed on only if the person said yes to that, so that they need not tell their story again.

    Source: step-down practice (domain reference 2.2); `may_disclose` (2.5).
    """
    recipient = case.receiving_agency or UNIVERSAL
    discloser = worker.agency if worker is not None else (case.lead_agency or case.referring_agency)
    if recipient in (UNIVERSAL, discloser):
        return
    if not may_disclose(case, discloser, recipient, Purpose.HANDOVER, Category.SUPPORT_PLAN, moment.now):
        raise DisclosureNotCovered(
            discloser=discloser, recipient=recipient, purpose=Purpose.HANDOVER, category=Category.SUPPORT_PLAN
        )
