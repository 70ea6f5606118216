"""Step-down and monitoring as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import monitoring as mo
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import step_up as up
from domain.case import sustained_outcome as so

if TYPE_CHECKING:
    from domain.case.state import Case

AnyStepDownEvent = (
    sd.StepDownProposed
    | sd.StepDownApprovalOverdue
    | sd.StepDownApproved
    | sd.StepDownRejected
    | ho.HandoverOverdue
    | ho.HandoverCompleted
    | ho.StepDownFailed
    | mo.CheckInDue
    | mo.CheckInRecorded
    | mo.CheckInMissed
    | mo.ManagerReviewRequested
    | mo.MonitoringWindowElapsed
    | up.SteppedBackUp
    | mo.OutcomeSustained
    | so.SustainedOutcomeTestDue
    | so.SustainedOutcomeRecorded
)


def evolve(case: Case, event: AnyStepDownEvent) -> None:
    """Assign what the event says."""
    match event:
        case sd.StepDownProposed():
            case.receiving_agency = event.receiving_agency
            case.cleared_concerns = case.enquiries if event.cleared_by_safeguarding else frozenset()
            case.due["step_down_approval"] = event.approval_due_at
        case sd.StepDownApprovalOverdue():
            case.overdue.add("step_down_approval")
        case sd.StepDownApproved():
            case.stop_clocks("step_down_approval")
            case.receiving_lead = event.receiving_lead
            case.due["handover"] = event.handover_due_at
        case sd.StepDownRejected():
            case.stop_clocks("step_down_approval")
            case.start_clocks(contact=event.contact_due_at, disengagement=event.disengagement_due_at)
        case ho.HandoverOverdue():
            case.overdue.add("handover")
        case ho.HandoverCompleted():
            case.stop_clocks("handover")
            case.monitoring_ends_at = event.monitoring_ends_at
            case.check_in, case.missed_check_ins, case.check_in_answered = 0, 0, True
            case.last_check_in, case.monitoring_elapsed = None, False
            case.due.update(check_in=event.first_check_in_due_at, monitoring=event.monitoring_ends_at)
        case ho.StepDownFailed():
            case.stop_clocks("handover")
            case.priority_uplift = event.priority_uplift
            case.start_clocks(
                contact=event.contact_due_at,
                disengagement=event.disengagement_due_at,
                allocation=event.allocation_due_at,
            )
        case mo.CheckInDue():
            case.stop_clocks("check_in")
            case.check_in, case.check_in_answered = event.number, False
            case.due["check_in_answer"] = event.answer_due_at
        case mo.CheckInRecorded():
            case.stop_clocks("check_in", "check_in_answer")
            case.check_in, case.check_in_answered, case.last_check_in = event.number, True, event.status
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case mo.CheckInMissed():
            case.stop_clocks("check_in_answer")
            case.missed_check_ins = event.missed_in_all
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case mo.ManagerReviewRequested():
            pass
        case mo.MonitoringWindowElapsed():
            case.stop_clocks("monitoring")
            case.monitoring_elapsed = True
        case up.SteppedBackUp():
            case.stop_clocks("handover", "check_in", "check_in_answer", "monitoring")
            case.monitoring_elapsed, case.priority_uplift = False, event.priority_uplift
            case.start_clocks(
                allocation=event.allocation_due_at,
                contact=event.contact_due_at,
                disengagement=event.disengagement_due_at,
                forum_review=event.review_due_at,
            )
        case mo.OutcomeSustained():
            case.close("completed")
            case.start_clocks(sustained_outcome=event.sustained_outcome_due_at)
        case so.SustainedOutcomeTestDue():
            case.stop_clocks("sustained_outcome")
            case.sustained_outcome_asked = True
        case so.SustainedOutcomeRecorded():
            case.outcome_lasted = event.lasted
        case _:
            assert_never(event)
