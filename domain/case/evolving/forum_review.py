"""The forum's review as the case remembers it. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from domain.case import advice_item as ad
from domain.case import forum_review as f
from domain.case import review_item as ri

if TYPE_CHECKING:
    from domain.case.sharing import Category, Purpose
    from domain.case.state import Case

AnyForumEvent = (
    f.ForumItemScheduled
    | f.ForumListingOverdue
    | f.ForumItemWithdrawn
    | f.InformationReturned
    | f.InformationReturnsMissing
    | f.InformationShared
    | f.DissentRecorded
    | f.ForumDecisionRecorded
    | f.PlanAgreed
    | f.LeadAgencyNamed
    | f.ForumItemDeferred
    | f.ForumDeclined
    | f.CaseReferredOn
    | f.ForumDecisionOverdue
    | ri.ReviewItemScheduled
    | ri.ReviewItemWithdrawn
    | ri.ForumReviewRecorded
    | ri.KeyWorkerRequested
    | ad.AdviceItemScheduled
    | ad.AdviceItemWithdrawn
    | ad.EngagementAdviceRecorded
)


@dataclass(frozen=True, slots=True)
class Told:
    """What one agency told the forum for a meeting."""

    agency: str
    purpose: Purpose
    categories: tuple[Category, ...]
    information: str


def evolve(case: Case, event: AnyForumEvent) -> None:
    """Assign what the event says."""
    match event:
        case f.ForumItemScheduled() | ri.ReviewItemScheduled():
            case.agenda_kind = "case" if isinstance(event, f.ForumItemScheduled) else "review"
            case.meeting_id, case.agencies_asked = event.meeting_id, event.agencies_asked
            case.returned, case.told = set(), []
            if isinstance(event, f.ForumItemScheduled):
                case.stop_clocks("listing")
                case.due.update(returns=event.returns_due_at, decision=event.decision_due_at)
        case ad.AdviceItemScheduled():
            case.agenda_kind, case.meeting_id = "advice", event.meeting_id
        case f.ForumListingOverdue():
            case.overdue.add("listing")
        case f.ForumItemWithdrawn() | f.ForumItemDeferred():
            case.stop_clocks("returns", "decision")
            case.agenda_kind = case.meeting_id = None
            case.due["listing"] = event.listing_due_at
        case ri.ReviewItemWithdrawn() | ad.AdviceItemWithdrawn():
            case.agenda_kind = case.meeting_id = None
        case f.InformationReturned():
            case.returned.add(event.agency)
            if event.information:
                case.told.append(Told(event.agency, event.purpose, event.categories, event.information))
            if case.returned.issuperset(case.agencies_asked):
                case.stop_clocks("returns")
        case f.InformationReturnsMissing():
            case.stop_clocks("returns")
        case f.InformationShared() | f.DissentRecorded():
            pass
        case f.ForumDecisionRecorded():
            case.agenda_kind = None
            case.stop_clocks("returns", "decision")
        case f.PlanAgreed():
            case.intensity = event.intensity
            case.due.update(allocation=event.allocation_due_at, forum_review=event.review_due_at)
        case f.LeadAgencyNamed():
            case.lead_agency = event.lead_agency
            case.due["forum_review"] = event.review_due_at
        case f.ForumDeclined():
            case.close(event.outcome)
        case f.CaseReferredOn():
            if event.listing_due_at is None:
                case.close("referred_on")
            else:
                case.meeting_id = None
                case.due["listing"] = event.listing_due_at
        case f.ForumDecisionOverdue():
            case.overdue.add("decision")
        case ri.ForumReviewRecorded():
            case.agenda_kind, case.review_outcome = None, event.outcome
            case.review_requested = None
            case.start_clocks(forum_review=event.next_review_due_at)
        case ri.KeyWorkerRequested():
            case.review_outcome = None
            case.due["allocation"] = event.allocation_due_at
        case ad.EngagementAdviceRecorded():
            case.agenda_kind = None
        case _:
            assert_never(event)
