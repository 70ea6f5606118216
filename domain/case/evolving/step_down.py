"""Step-down and monitoring as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import step_down as sd

if TYPE_CHECKING:
    from domain.case.state import Case

AnyStepDownEvent = (
    sd.StepDownProposed
    | sd.StepDownApprovalOverdue
    | sd.StepDownApproved
    | sd.StepDownRejected
    | sd.HandoverOverdue
    | sd.HandoverCompleted
    | sd.StepDownFailed
    | sd.CheckInDue
    | sd.CheckInRecorded
    | sd.CheckInMissed
    | sd.ManagerReviewRequested
    | sd.MonitoringWindowElapsed
    | sd.SteppedBackUp
    | sd.OutcomeSustained
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
        case sd.HandoverOverdue():
            case.overdue.add("handover")
        case sd.HandoverCompleted():
            case.stop_clocks("handover")
            case.monitoring_ends_at = event.monitoring_ends_at
            case.check_in, case.missed_check_ins, case.check_in_answered = 0, 0, True
            case.last_check_in, case.monitoring_elapsed = None, False
            case.due.update(check_in=event.first_check_in_due_at, monitoring=event.monitoring_ends_at)
        case sd.StepDownFailed():
            case.stop_clocks("handover")
        case sd.CheckInDue():
            case.stop_clocks("check_in")
            case.check_in, case.check_in_answered = event.number, False
            case.due["check_in_answer"] = event.answer_due_at
        case sd.CheckInRecorded():
            case.stop_clocks("check_in", "check_in_answer")
            case.check_in, case.check_in_answered, case.last_check_in = event.number, True, event.status
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case sd.CheckInMissed():
            case.stop_clocks("check_in_answer")
            case.missed_check_ins = event.missed_in_all
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case sd.ManagerReviewRequested():
            pass
        case sd.MonitoringWindowElapsed():
            case.stop_clocks("monitoring")
            case.monitoring_elapsed = True
        case sd.SteppedBackUp():
            case.stop_clocks("handover", "check_in", "check_in_answer", "monitoring")
            case.monitoring_elapsed = False
        case sd.OutcomeSustained():
            case.close("completed")
        case _:
            assert_never(event)
