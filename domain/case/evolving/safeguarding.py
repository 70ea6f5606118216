"""Safeguarding concerns as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, assert_never

from domain.case import enquiry as en
from domain.case import safeguarding as sg
from domain.case import section_47 as s47
from domain.messages import ConcernId

if TYPE_CHECKING:
    from domain.case.state import Case

AnySafeguardingEvent = (
    sg.SafeguardingConcernRaised
    | sg.EmergencyServicesContacted
    | sg.ConcernScreened
    | sg.ScreeningOverdue
    | sg.ConcernClosedNoThreshold
    | en.EnquiryOverdue
    | en.Section42EnquiryOpened
    | en.StrategyDiscussionHeld
    | en.Section47Opened
    | s47.ChildSeen
    | s47.ChildNotSeen
    | s47.InitialConferenceHeld
    | s47.InitialConferenceOverdue
    | en.SafeguardingOutcomeRecorded
    | en.ReferredToForum
)


@dataclass(slots=True)
class Concern:
    """One safeguarding concern, closed ones included."""

    concern_id: ConcernId
    about: Literal["adult", "child"]
    category: str
    immediate_danger: bool
    screening_due_at: datetime
    state: sg.ConcernState = "raised"
    emergency_services: bool = False
    conference_held: bool = False
    referred_to: tuple[str, ...] = ()


def evolve(case: Case, event: AnySafeguardingEvent) -> None:
    """Assign what the event says."""
    match event:
        case sg.SafeguardingConcernRaised():
            case.concerns[event.concern_id] = Concern(
                event.concern_id,
                event.about,
                event.category,
                event.immediate_danger,
                event.screening_due_at,
            )
            case.due[f"screening:{event.concern_id}"] = event.screening_due_at
            _bar(case, event.alleged_source)
        case sg.ScreeningOverdue():
            case.overdue.add(f"screening:{event.concern_id}")
        case sg.ConcernScreened():
            case.stop_clocks(f"screening:{event.concern_id}")
            case.concerns[event.concern_id].state = _after_screening(event)
            if event.enquiry_due_at is not None:
                case.due[f"enquiry:{event.concern_id}"] = event.enquiry_due_at
            _bar(case, event.alleged_source)
        case en.EnquiryOverdue():
            case.overdue.add(f"enquiry:{event.concern_id}")
        case en.Section42EnquiryOpened():
            case.stop_clocks(f"enquiry:{event.concern_id}")
            case.concerns[event.concern_id].state = "enquiry"
        case en.Section47Opened():
            case.stop_clocks(f"enquiry:{event.concern_id}")
            case.concerns[event.concern_id].state = "enquiry"
            if event.child_seen_due_at is not None:
                case.due[f"child_seen:{event.concern_id}"] = event.child_seen_due_at
            if event.conference_due_at is not None:
                case.due[f"conference:{event.concern_id}"] = event.conference_due_at
        case s47.ChildSeen():
            case.stop_clocks(f"child_seen:{event.concern_id}")
        case s47.ChildNotSeen():
            case.overdue.add(f"child_seen:{event.concern_id}")
        case s47.InitialConferenceHeld():
            case.stop_clocks(f"conference:{event.concern_id}")
            case.concerns[event.concern_id].conference_held = True
        case s47.InitialConferenceOverdue():
            case.overdue.add(f"conference:{event.concern_id}")
        case sg.ConcernClosedNoThreshold() | en.SafeguardingOutcomeRecorded():
            case.stop_clocks(f"child_seen:{event.concern_id}", f"conference:{event.concern_id}")
            case.concerns[event.concern_id].state = "closed"
        case en.ReferredToForum():
            case.forum_referrals.append((event.forum, event.referred_at))
            case.concerns[event.concern_id].referred_to += (event.forum,)
        case sg.EmergencyServicesContacted():
            case.concerns[event.concern_id].emergency_services = True
        case en.StrategyDiscussionHeld():
            pass
        case _:
            assert_never(event)


def _after_screening(event: sg.ConcernScreened) -> sg.ConcernState:
    if event.followed_by_a_step:
        return "met" if event.threshold_met else "not_met"
    return "enquiry" if event.threshold_met else "closed"


def _bar(case: Case, alleged_source: str | None) -> None:
    if alleged_source is not None:
        case.barred.add(alleged_source)
