"""Introduction and support as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import introduction as i
from domain.case import support as su

if TYPE_CHECKING:
    from domain.case.state import Case

AnySupportEvent = (
    i.ContactRecorded
    | i.EngagementConfirmed
    | i.SupportDeclined
    | su.OutcomeSet
    | su.OutcomeProgressed
    | su.PlanReviewed
)


def evolve(case: Case, event: AnySupportEvent) -> None:
    """Assign what the event says."""
    match event:
        case i.ContactRecorded():
            case.stop_clocks("first_contact")
            case.contact_attempts += 1
            met = event.reached and event.face_to_face and event.worker_id is not None
            case.met_face_to_face = case.met_face_to_face or met
        case i.EngagementConfirmed():
            case.stop_clocks("allocation_answer", "first_contact")
        case i.SupportDeclined():
            case.close("declined_by_person")
        case su.OutcomeSet():
            case.outcomes[event.outcome_id] = "not_started"
        case su.OutcomeProgressed():
            case.outcomes[event.outcome_id] = event.progress
        case su.PlanReviewed():
            case.plan_reviewed = True
        case _:
            assert_never(event)
