"""Consent and taking part as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from domain.case import best_interests as b
from domain.case import consent as c
from domain.case import consent_changes as cc
from domain.case import consent_renewal as cr
from domain.case import consent_request as cq
from domain.case import disclosure as d
from domain.case import participation as p
from domain.case import viewers as v
from domain.case import without_consent as w
from domain.case.grants import LIVE, GrantState, grant_state_after
from domain.case.sharing import CapacityView, Category, DisclosureBasis, Purpose
from domain.messages import AuthorityId, GrantId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from domain.case.disclosure import Sharing
    from domain.case.state import Case

AnyGrantEvent = (
    cq.ConsentRequested
    | c.ConsentGranted
    | c.ConsentRefused
    | b.ConsentIncapacityRecorded
    | b.BestInterestsDecisionRecorded
    | cc.ConsentNarrowed
    | cc.ConsentWithdrawn
    | cr.ConsentReviewDue
    | cr.ConsentRenewed
    | cr.ConsentExpired
)
AnyConsentEvent = (
    AnyGrantEvent
    | p.ConsentAttempted
    | p.ConsentReminderRaised
    | p.ConsentOverdue
    | p.ParticipationAgreed
    | p.ParticipationRefused
    | p.ConsentPositionRecorded
    | cc.ForumItemPulled
    | d.LawfulBasisRecorded
    | w.DisclosureAuthorisedWithoutConsent
    | w.DisclosureReviewDue
    | v.ViewerBarred
    | v.ViewerBarLifted
)


@dataclass(slots=True)
class Grant:
    """One consent: who may tell whom what, what for, and until when."""

    grant_id: GrantId
    discloser: str
    recipient: str
    purpose: Purpose
    categories: tuple[Category, ...]
    state: GrantState = GrantState.NEW
    capacity_view: CapacityView = CapacityView.NOT_ASSESSED
    by_best_interests: bool = False
    effective_from: datetime | None = None
    expires_at: datetime | None = None
    ask_again_from: datetime | None = None
    taken_back: frozenset[Category] = frozenset()
    """What the person has taken back from it since it was asked for."""

    def is_live(self, at: datetime) -> bool:
        """Whether it opens the gate at an instant: from the first of its time up to its end."""
        return (
            self.state in LIVE
            and self.effective_from is not None
            and self.expires_at is not None
            and self.effective_from <= at < self.expires_at
        )


@dataclass(slots=True)
class LawfulBasis:
    """On which basis a controller processes this case for a purpose."""

    article_6: str
    article_9: str | None
    schedule_1: str | None
    policy_document: str | None


@dataclass(slots=True)
class Authority:
    """A permission to share without consent: once, or until a day."""

    authority_id: AuthorityId
    discloser: str
    recipient: str
    purpose: Purpose
    categories: tuple[Category, ...]
    one_off: bool
    effective_from: datetime
    expires_at: datetime
    article_6: str
    article_9: str | None
    schedule_1: str | None
    policy_document: str | None
    used: bool = False

    def is_live(self, at: datetime) -> bool:
        """Whether it opens the gate at an instant; the one disclosure of a one-off authority uses it up."""
        return not (self.one_off and self.used) and self.effective_from <= at < self.expires_at

    def sharing_covers(self, sharing: Sharing) -> bool:
        return sharing.category in self.categories and (
            (self.discloser, self.recipient, self.purpose)
            == (sharing.discloser, sharing.recipient, sharing.purpose)
        )


def use_up(case: Case, bases: Iterable[DisclosureBasis]) -> None:
    """Something was shared on these bases; every event that shares folds its own through here."""
    for basis in bases:
        if basis.authority_id in case.authorities:
            case.authorities[basis.authority_id].used = True


def evolve(case: Case, event: AnyConsentEvent) -> None:
    """Assign what the event says."""
    match event:
        case p.ConsentAttempted():
            if event.next_reminder_at is not None:
                case.due["consent_attempt"] = event.next_reminder_at
        case p.ConsentReminderRaised():
            case.consent_reminders = event.number
            case.due["consent_attempt"] = event.next_due_at
        case p.ConsentOverdue():
            case.overdue.add("consent")
        case p.ParticipationAgreed():
            case.participation_agreed = True
        case p.ParticipationRefused():
            case.close("consent_refused")
        case p.ConsentPositionRecorded():
            case.stop_clocks("consent_attempt", "consent")
            case.due["listing"] = event.listing_due_at
        case d.LawfulBasisRecorded():
            case.lawful_bases[event.controller, event.purpose] = LawfulBasis(
                event.article_6, event.article_9, event.schedule_1, event.policy_document
            )
        case w.DisclosureAuthorisedWithoutConsent():
            case.authorities[event.authority_id] = Authority(
                event.authority_id,
                event.discloser,
                event.recipient,
                event.purpose,
                event.categories,
                event.one_off,
                event.effective_from,
                event.expires_at,
                event.article_6,
                event.article_9,
                event.schedule_1,
                event.policy_document,
            )
            case.due[f"disclosure_review:{event.authority_id}"] = event.review_due_at
        case w.DisclosureReviewDue():
            case.stop_clocks(f"disclosure_review:{event.authority_id}")
        case v.ViewerBarred():
            case.barred_viewers.add(event.viewer)
        case v.ViewerBarLifted():
            case.barred_viewers.discard(event.viewer)
        case cc.ForumItemPulled():
            pass
        case _:
            _evolve_grant(case, event)


def _evolve_grant(case: Case, event: AnyGrantEvent) -> None:
    if isinstance(event, cq.ConsentRequested):
        case.grants[event.grant_id] = _asked(event, case.grants.get(event.grant_id))
    grant = case.grants[event.grant_id]
    grant.state = grant_state_after(grant.state, event)
    match event:
        case cq.ConsentRequested():
            pass
        case c.ConsentGranted():
            grant.effective_from, grant.by_best_interests = event.effective_from, False
            _runs_until(case, grant, event.review_due_at, event.expires_at)
        case c.ConsentRefused():
            grant.ask_again_from = event.ask_again_from
        case b.ConsentIncapacityRecorded():
            grant.capacity_view = event.capacity_view
        case b.BestInterestsDecisionRecorded():
            grant.effective_from, grant.by_best_interests = event.effective_from, event.share
            grant.ask_again_from = event.ask_again_from
            if event.share:
                _runs_until(case, grant, event.review_due_at, event.expires_at)
        case cc.ConsentNarrowed():
            grant.categories = event.categories
            grant.taken_back |= frozenset(event.taken_back)
        case cc.ConsentWithdrawn():
            grant.ask_again_from = event.ask_again_from
            _runs_no_longer(case, grant)
        case cr.ConsentReviewDue():
            case.stop_clocks(f"consent_review:{grant.grant_id}")
        case cr.ConsentRenewed():
            grant.capacity_view, grant.by_best_interests = event.capacity_view, False
            _runs_until(case, grant, event.review_due_at, event.expires_at)
        case cr.ConsentExpired():
            _runs_no_longer(case, grant)
        case _:
            assert_never(event)


def _asked(event: cq.ConsentRequested, earlier: Grant | None) -> Grant:
    """A grant as it is asked for, for the first time or again: what was said to an earlier request is history."""
    return Grant(
        event.grant_id,
        event.discloser,
        event.recipient,
        event.purpose,
        event.categories,
        state=earlier.state if earlier else GrantState.NEW,
        capacity_view=event.capacity_view,
    )


def _runs_until(case: Case, grant: Grant, review_due_at: datetime, expires_at: datetime) -> None:
    grant.expires_at = expires_at
    case.due[f"consent_review:{grant.grant_id}"] = review_due_at
    case.due[f"consent_expiry:{grant.grant_id}"] = expires_at


def _runs_no_longer(case: Case, grant: Grant) -> None:
    clocks = (f"consent_review:{grant.grant_id}", f"consent_expiry:{grant.grant_id}")
    case.stop_clocks(*clocks)
    for clock in clocks:
        case.due_when_closed.pop(clock, None)
