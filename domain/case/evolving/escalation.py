"""Escalations as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never
from uuid import UUID

from domain.case import escalation as e
from domain.case import escalation_ladder as el
from domain.messages import EscalationId

if TYPE_CHECKING:
    from domain.case.state import Case

AnyEscalationEvent = (
    e.EscalationRaised
    | el.EscalationResponded
    | e.EscalationResolved
    | el.EscalationRaisedLevel
    | el.EscalationUnanswered
    | el.EscalationWithdrawn
)


@dataclass(slots=True)
class Escalation:
    """One thing that was put to a higher level. Nobody raised it if a deadline did."""

    escalation_id: EscalationId
    subject: e.Subject
    subject_id: UUID | None
    raised_by: str | None
    raised_by_agency: str | None
    owner: str
    answer_due_at: datetime | None
    level: int = 1
    state: e.EscalationState = "open"
    responded_by: str | None = None
    reminders: int = 0


def evolve(case: Case, event: AnyEscalationEvent) -> None:
    """Assign what the event says."""
    match event:
        case e.EscalationRaised():
            case.escalations[event.escalation_id] = Escalation(
                event.escalation_id,
                event.subject,
                event.subject_id,
                event.raised_by,
                event.raised_by_agency,
                event.owner,
                event.answer_due_at,
                event.level,
            )
            case.due[f"escalation:{event.escalation_id}"] = event.answer_due_at
        case el.EscalationResponded():
            case.stop_clocks(f"escalation:{event.escalation_id}")
            answered = case.escalations[event.escalation_id]
            answered.state, answered.responded_by = "responded", event.responded_by
            answered.answer_due_at = None
        case el.EscalationRaisedLevel():
            raised = case.escalations[event.escalation_id]
            raised.state, raised.level, raised.responded_by = "open", event.level, None
            raised.owner, raised.answer_due_at = event.owner, event.answer_due_at
            case.due[f"escalation:{event.escalation_id}"] = event.answer_due_at
        case el.EscalationUnanswered():
            silent = case.escalations[event.escalation_id]
            silent.reminders, silent.answer_due_at = event.reminder, event.next_due_at
            case.due[f"escalation:{event.escalation_id}"] = event.next_due_at
        case e.EscalationResolved() | el.EscalationWithdrawn():
            case.stop_clocks(f"escalation:{event.escalation_id}")
            closed = case.escalations[event.escalation_id]
            closed.state, closed.answer_due_at = "closed", None
        case _:
            assert_never(event)
