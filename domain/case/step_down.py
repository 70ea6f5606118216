"""Step-down: support is to get lighter. The key worker proposes it, a manager approves it or finds it too early.

What follows from the approval, the handover, is in `step_down_handover.py`; the way back in `step_up.py`; check-ins and
closing in `monitoring.py`. Stepping down is never a default: it has a reason, a plan for the worse and somebody who
carries on.
Source: machine A from Active to SteppingDown, and step-down practice (domain reference 2.2, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case, reweighed
from domain.case.contact import contact_clocks
from domain.case.disclosure import DisclosureNotCovered, may_disclose
from domain.case.sharing import Category, DisclosureBasis, Purpose
from domain.case.stages import Stage
from domain.case.triage import SafeguardingConcernOpen
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

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
    basis: DisclosureBasis | None = None


class StepDownRejected(CaseEvent):
    """A manager did not approve the step-down."""

    TOPIC: ClassVar[str] = "StepDownRejected"

    explanation: PersonalText
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None


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
    """A child of the household is on a child protection plan: there is no direct step-down from one to early help or universal services."""

    code = "child_protection_plan_open"


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


def _basis_of_handover(
    case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> DisclosureBasis | None:
    """The plan is passed on only if the gate is open for it, so that the person need not tell their story again.

    None if nothing is passed on, to nobody or within one agency.

    Source: step-down practice (domain reference 2.2); `may_disclose` (2.5).
    """
    recipient = case.receiving_agency or UNIVERSAL
    discloser = worker.agency if worker is not None else (case.lead_agency or case.referring_agency)
    if recipient in (UNIVERSAL, discloser):
        return None
    sharing = (discloser, recipient, Purpose.HANDOVER, Category.SUPPORT_PLAN)
    basis = may_disclose(case, *sharing, moment.now, rules)
    if basis is None:
        raise DisclosureNotCovered(
            discloser=discloser, recipient=recipient, purpose=Purpose.HANDOVER, category=Category.SUPPORT_PLAN
        )
    return basis


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
    require_own_case(worker, moment, case)
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
    Source: machine A, ApproveStepDown (domain reference 2.4); no direct step-down from an open child protection plan (2.2);
    the safeguarding lead "must clear if concern open" (2.14).
    """
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    if not command.person_view:
        raise PersonViewRequired
    if command.receiving_lead is None or not command.receiving_lead_accepted:
        raise ReceivingLeadNotAccepted
    if command.child_protection_plan_open or case.child_protection_plan:
        raise ChildProtectionPlanOpen
    if case.enquiries - case.cleared_concerns:
        raise SafeguardingConcernOpen
    basis = _basis_of_handover(case, worker, moment, rules)
    approved = StepDownApproved(
        case_id=case.case_id,
        person_id=case.person_id,
        person_view=command.person_view,
        receiving_lead=command.receiving_lead,
        handover_due_at=rules.deadline(case.programme, "step_down_overlap", moment.now),
        basis=basis,
    )
    return [approved, *reweighed(case, worker, rules, stepping_down=True)]


@decides(RejectStepDown)
def reject_step_down(command: RejectStepDown, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    clocks = contact_clocks(case, moment, rules, stage=Stage.ACTIVE)
    return [
        StepDownRejected(
            case_id=case.case_id,
            person_id=case.person_id,
            explanation=command.explanation,
            contact_due_at=clocks.contact,
            disengagement_due_at=clocks.disengagement,
        )
    ]


@decides(MarkStepDownApprovalOverdue, refuses=(AlreadyRecorded,))
def mark_step_down_approval_overdue(
    command: MarkStepDownApprovalOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.STEP_DOWN_PROPOSED)
    due_at = case.require_newly_passed(
        command, "step_down_approval", moment.now, what="that the approval is overdue"
    )
    return [StepDownApprovalOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
