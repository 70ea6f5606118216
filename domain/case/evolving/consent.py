"""Consent and taking part as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, assert_never

from domain.case import consent as c
from domain.case import participation as p
from domain.messages import GrantId

if TYPE_CHECKING:
    from domain.case.state import Case

AnyConsentEvent = (
    p.ConsentAttempted
    | p.ConsentReminderRaised
    | p.ConsentOverdue
    | c.ConsentRequested
    | c.ConsentGranted
    | c.ConsentRefused
    | c.ConsentWithdrawn
    | p.ParticipationAgreed
    | p.ParticipationRefused
    | c.LawfulBasisRecorded
    | p.ConsentPositionRecorded
)

GrantState = Literal["requested", "granted", "refused", "withdrawn"]


@dataclass(slots=True)
class Grant:
    """One consent: who may tell whom what, what for, and until when."""

    grant_id: GrantId
    discloser: str
    recipient: str
    purpose: c.Purpose
    categories: tuple[c.Category, ...]
    state: GrantState = "requested"
    effective_from: datetime | None = None
    expires_at: datetime | None = None


def evolve(case: Case, event: AnyConsentEvent) -> None:
    """Assign what the event says."""
    match event:
        case p.ConsentAttempted():
            pass
        case p.ConsentReminderRaised():
            case.consent_reminders = event.number
            case.due["consent_attempt"] = event.next_due_at
        case p.ConsentOverdue():
            case.overdue.add("consent")
        case c.ConsentRequested():
            case.grants[event.grant_id] = Grant(
                event.grant_id, event.discloser, event.recipient, event.purpose, event.categories
            )
        case c.ConsentGranted():
            grant = case.grants[event.grant_id]
            grant.state, grant.effective_from, grant.expires_at = (
                "granted",
                event.effective_from,
                event.expires_at,
            )
        case c.ConsentRefused():
            case.grants[event.grant_id].state = "refused"
        case c.ConsentWithdrawn():
            case.grants[event.grant_id].state = "withdrawn"
        case p.ParticipationAgreed():
            case.participation_agreed = True
        case p.ParticipationRefused():
            case.close("consent_refused")
        case c.LawfulBasisRecorded():
            pass
        case p.ConsentPositionRecorded():
            case.stop_clocks("consent_attempt", "consent")
            case.due["listing"] = event.listing_due_at
        case _:
            assert_never(event)
