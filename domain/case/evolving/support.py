"""Introduction and support as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, assert_never

from domain.case import contact as co
from domain.case import household as h
from domain.case import introduction as i
from domain.case import outreach as o
from domain.case import review_request as rr
from domain.case import support as su
from domain.case import suspension as sp
from domain.case.stages import Stage

if TYPE_CHECKING:
    from domain.case.state import Case

AnySupportEvent = (
    co.ContactRecorded
    | co.ContactOverdue
    | co.DisengagementTriggered
    | co.EngagementRegained
    | i.IntroductionOverdue
    | i.IntroductionExtended
    | i.EngagementConfirmed
    | i.SupportDeclined
    | su.OutcomeSet
    | su.OutcomeProgressed
    | su.PlanReviewed
    | h.HouseholdRecorded
    | h.ChildProtectionPlanRecorded
    | o.DisengagementEscalated
    | o.RiskScreenRecorded
    | rr.ReviewItemRequested
    | sp.CaseSuspended
    | sp.SuspensionReviewDue
    | sp.SuspensionReviewed
    | sp.CaseResumed
)

_AT_WORK: Final = frozenset({Stage.INTRODUCTION, Stage.ACTIVE, Stage.SUSPENDED})
_ACCEPTED: Final = _AT_WORK | {
    Stage.AWAITING_ALLOCATION,
    Stage.WAITING_LIST,
    Stage.OUTREACH,
    Stage.STEP_DOWN_PROPOSED,
    Stage.STEPPING_DOWN,
}
_RUNS_IN: Final[Mapping[str, frozenset[Stage]]] = {
    "proposal": frozenset({Stage.AWAITING_ALLOCATION}),
    "first_contact": frozenset({Stage.INTRODUCTION, Stage.SUSPENDED}),
    "allocation_answer": frozenset({Stage.INTRODUCTION, Stage.SUSPENDED}),
    "introduction": frozenset({Stage.INTRODUCTION, Stage.SUSPENDED}),
    "contact": frozenset({Stage.ACTIVE, Stage.SUSPENDED}),
    "disengagement": _AT_WORK,
    "forum_review": _ACCEPTED,
    "suspension_review": frozenset({Stage.SUSPENDED}),
}
"""Clocks up to support and in it, and the stages in which they mean something; whichever way a case leaves these, they stop."""
_STAND_STILL: Final = (
    "first_contact",
    "allocation_answer",
    "introduction",
    "contact",
    "disengagement",
    "forum_review",
)
"""The clocks that a suspension holds; all others run on."""


def left_behind(stage: Stage) -> Iterable[str]:
    """The clocks that mean nothing any more to a case that has come to this stage."""
    return (clock for clock, stages in _RUNS_IN.items() if stage not in stages)


def evolve(case: Case, event: AnySupportEvent) -> None:
    """Assign what the event says."""
    match event:
        case co.ContactRecorded():
            _contact(case, event)
        case co.ContactOverdue():
            case.overdue.add("contact")
        case co.DisengagementTriggered():
            case.outreach_attempts, case.outreach_escalated = 0, False
            case.risk_screened = case.child_safety_screened = False
        case co.EngagementRegained():
            case.misses = ()
            case.start_clocks(
                introduction=event.introduction_due_at,
                contact=event.contact_due_at,
                disengagement=event.disengagement_due_at,
            )
        case i.IntroductionOverdue():
            case.overdue.add("introduction")
        case i.IntroductionExtended():
            case.start_clocks(introduction=event.introduction_due_at)
        case i.EngagementConfirmed():
            case.stop_clocks("allocation_answer", "first_contact")
            case.misses, case.priority_uplift = (), False
            case.start_clocks(contact=event.contact_due_at, disengagement=event.disengagement_due_at)
        case i.SupportDeclined():
            if event.to_stage is Stage.CLOSED:
                case.close("declined_by_person")
            case.start_clocks(listing=event.listing_due_at)
        case su.OutcomeSet():
            case.outcomes[event.outcome_id] = "not_started"
            if event.set_by == "resident":
                _was_seen(case, event)
        case su.OutcomeProgressed():
            if event.outcome_id in case.outcomes:  # it is not, once the outcome itself is void
                case.outcomes[event.outcome_id] = event.progress
        case su.PlanReviewed():
            case.plan_reviewed = True
            _was_seen(case, event)
        case h.HouseholdRecorded():
            case.household_children = event.children
        case h.ChildProtectionPlanRecorded():
            case.child_protection_plan = event.is_open
        case o.DisengagementEscalated():
            case.outreach_escalated = True
        case o.RiskScreenRecorded():
            case.risk_screened = True
            case.child_safety_screened = case.child_safety_screened or event.child_safety_screened
        case rr.ReviewItemRequested():
            case.review_requested = event.because
            case.start_clocks(forum_review=event.next_due_at)
        case sp.CaseSuspended():
            case.suspended_at, case.worker_when_suspended = event.suspended_at, case.worker_id
            case.paused = {clock: case.due[clock] for clock in _STAND_STILL if clock in case.due}
            for clock in case.paused:
                case.due.pop(clock)
            case.start_clocks(suspension_review=event.review_due_at)
        case sp.SuspensionReviewDue():
            case.overdue.add("suspension_review")
        case sp.SuspensionReviewed():
            case.start_clocks(suspension_review=event.review_due_at)
        case sp.CaseResumed():
            case.paused = {}
            case.due.update(event.clocks)
        case _:
            assert_never(event)


def _was_seen(case: Case, event: su.OutcomeSet | su.PlanReviewed) -> None:
    case.misses = ()
    case.start_clocks(contact=event.contact_due_at, disengagement=event.disengagement_due_at)


def _contact(case: Case, event: co.ContactRecorded) -> None:
    case.stop_clocks("first_contact")
    case.contact_attempts += 1
    met = event.reached and event.face_to_face and event.worker_id is not None
    case.met_face_to_face = case.met_face_to_face or met
    case.misses, case.reached_at = co.in_a_row(case, event)
    if not event.reached and not event.cancelled_by_service:
        case.outreach_attempts += 1
    case.start_clocks(contact=event.contact_due_at, disengagement=event.disengagement_due_at)
