"""The forum's review as the case remembers it. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import forum_review as f

if TYPE_CHECKING:
    from domain.case.state import Case

AnyForumEvent = (
    f.ForumItemScheduled
    | f.ForumListingOverdue
    | f.ForumItemWithdrawn
    | f.InformationReturned
    | f.InformationReturnsMissing
    | f.ForumDecisionRecorded
    | f.PlanAgreed
    | f.LeadAgencyNamed
    | f.ForumItemDeferred
    | f.ForumDeclined
    | f.CaseReferredOn
    | f.ForumDecisionOverdue
)


def evolve(case: Case, event: AnyForumEvent) -> None:
    """Assign what the event says."""
    match event:
        case f.ForumItemScheduled():
            case.stop_clocks("listing")
            case.meeting_id, case.agencies_asked, case.returned = (
                event.meeting_id,
                event.agencies_asked,
                set(),
            )
            case.due.update(returns=event.returns_due_at, decision=event.decision_due_at)
        case f.ForumListingOverdue():
            case.overdue.add("listing")
        case f.ForumItemWithdrawn() | f.ForumItemDeferred():
            case.stop_clocks("returns", "decision")
            case.meeting_id = None
            case.due["listing"] = event.listing_due_at
        case f.InformationReturned():
            case.returned.add(event.agency)
            if case.returned.issuperset(case.agencies_asked):
                case.stop_clocks("returns")
        case f.InformationReturnsMissing():
            case.stop_clocks("returns")
        case f.ForumDecisionRecorded():
            case.stop_clocks("returns", "decision")
        case f.PlanAgreed():
            case.intensity = event.intensity
            case.due["allocation"] = event.allocation_due_at
        case f.LeadAgencyNamed():
            case.lead_agency = event.lead_agency
        case f.ForumDeclined():
            case.close(event.outcome)
        case f.CaseReferredOn():
            case.close("referred_on")
        case f.ForumDecisionOverdue():
            case.overdue.add("decision")
        case _:
            assert_never(event)
