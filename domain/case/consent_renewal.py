"""Renewal: a consent is looked at again with the person in time, renewed with a fresh explanation, or it runs out.

A yes is never renewed by itself. The gate shuts at the end of a consent whether or not anybody says so; none of this moves
the case.
Source: machine B and its clocks (domain reference 2.3, 2.5); expiry and renewal (3.6).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.consent import proof_of, terms
from domain.case.consent_changes import item_pulled
from domain.case.consent_rules import (
    AccessibleInformationRequired,
    CapacityViewRequired,
    ConsentEvidenceRequired,
    ExplicitConsentRequired,
    GrantNotInState,
    OwnAgencyOnly,
    require_accessible_information,
    require_evidence,
    require_explicit_where_demanded,
    require_own_agency,
)
from domain.case.deciders import (
    CapacityRetestRequired,
    Decider,
    DeciderNotEntitled,
    DeciderProofRequired,
    Deciding,
    Gillick,
    GillickViewRequired,
    ParentalResponsibility,
    PersonLacksCapacity,
    age_at,
    capacity_today,
    require_entitled,
)
from domain.case.disclosure import recipients_told
from domain.case.grants import LIVE, GrantState
from domain.case.sharing import CapacityView, Categories, Method, Purpose
from domain.decisions import decides
from domain.errors import NotFound
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    GrantId,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.evolving.consent import Grant
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentReviewDue(CaseEvent):
    """A consent must be looked at again with the person; it is usable until it expires."""

    TOPIC: ClassVar[str] = "ConsentReviewDue"

    grant_id: GrantId
    due_at: Instant
    expires_at: Instant


class ConsentRenewed(CaseEvent):
    """After a fresh explanation the person said yes again."""

    TOPIC: ClassVar[str] = "ConsentRenewed"

    grant_id: GrantId
    information_version: Code
    information_language: Code
    information_format: Code
    interpreter_used: bool = False
    capacity_view: CapacityView
    decider: Code
    gillick: Gillick = "na"
    decided_by: PersonalText | None = None
    parental_responsibility: ParentalResponsibility | None = None
    decider_document: Code | None = None
    decider_scope: Code | None = None
    method: Method
    evidence_ref: Code
    explicit: bool
    renewed_by: StaffRef
    review_due_at: Instant
    expires_at: Instant


class ConsentExpired(CaseEvent):
    """The time of a consent was over and nobody had renewed it; sharing under it stops."""

    TOPIC: ClassVar[str] = "ConsentExpired"

    grant_id: GrantId
    discloser: AgencyName
    purpose: Purpose
    categories: Categories
    recipients: tuple[AgencyName, ...]
    due_at: Instant


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_GRANT = "77f8e2a0-3a8e-5c9b-9a58-1b5f4d2c8e01"


class MarkConsentReviewDue(Command):
    """Record that a consent must be looked at again; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-consent-review-due"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT}

    case_id: CaseId
    grant_id: GrantId


class RenewConsent(Command):
    """Record that the person says yes again, after a fresh explanation; never an automatic tick."""

    NAME: ClassVar[str] = "renew-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "information_version": "notice-2027.1",
        "capacity_view": "has",
        "method": "signed",
        "evidence_ref": "form-2027-0713",
        "explicit": True,
    }

    case_id: CaseId
    grant_id: GrantId
    information_version: Code = Field(description="which version of the notice was explained this time")
    information_language: Code = "English"
    information_format: Code = "spoken"
    interpreter_used: bool = False
    capacity_view: CapacityView = Field(
        CapacityView.NOT_ASSESSED,
        description="the view of the person's capacity for this decision today; required",
    )
    decider: Decider = Field("self", description="who decided: the person, or who lawfully decides for them")
    method: Method | None = Field(None, description="how it was given; required")
    evidence_ref: Code | None = Field(None, description="where the evidence is; required")
    explicit: bool = Field(False, description="the person said so expressly, which some agencies need")
    gillick: Gillick = Field("na", description="under sixteen: whether the child is competent, y or n")
    decided_by: PersonalText | None = Field(None, description="required unless the person decided: who did")
    parental_responsibility: ParentalResponsibility | None = Field(
        None, description="parental_responsibility: required, where it comes from"
    )
    decider_document: Code | None = Field(None, description="attorney, deputy: required")
    decider_scope: Code | None = Field(None, description="attorney, deputy: what the document covers")


class ExpireConsent(Command):
    """Record that the time of a consent is over; issued by the engine's own timer."""

    NAME: ClassVar[str] = "expire-consent"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT}

    case_id: CaseId
    grant_id: GrantId


@decides(MarkConsentReviewDue, refuses=(NotFound, GrantNotInState))
def mark_consent_review_due(command: MarkConsentReviewDue, case: Case, moment: Moment) -> Sequence[Event]:
    grant = case.require_grant(command, command.grant_id, GrantState.GRANTED, GrantState.SUBSTITUTE_GRANTED)
    due_at = case.require_passed(command, f"consent_review:{grant.grant_id}", moment.now)
    return [
        ConsentReviewDue(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=grant.grant_id,
            due_at=due_at,
            expires_at=_end_of(grant),
        )
    ]


@decides(
    RenewConsent,
    refuses=(
        NotFound,
        GrantNotInState,
        OwnAgencyOnly,
        CapacityViewRequired,
        AccessibleInformationRequired,
        ConsentEvidenceRequired,
        ExplicitConsentRequired,
        CapacityRetestRequired,
        PersonLacksCapacity,
        GillickViewRequired,
        DeciderNotEntitled,
        DeciderProofRequired,
    ),
)
def renew_consent(
    command: RenewConsent, case: Case, person: Person, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A renewal is as demanding as the first yes; capacity is seen afresh. A best-interests decision is made anew instead.

    Source: renewal needs a fresh explanation (domain reference 3.6).
    """
    case.require_open(command)
    grant = case.require_grant(command, command.grant_id, GrantState.REVIEW_DUE)
    require_own_agency(grant.discloser, moment)
    if command.capacity_view is CapacityView.NOT_ASSESSED:
        raise CapacityViewRequired
    require_accessible_information(
        case, command.information_language, interpreter_used=command.interpreter_used
    )
    method, evidence_ref = require_evidence(command.method, command.evidence_ref)
    require_explicit_where_demanded(grant, rules, explicit=command.explicit)
    capacity = capacity_today(command.capacity_view, None)
    proof = proof_of(command)
    require_entitled(Deciding(command.decider, age_at(person, moment), command.gillick, capacity, proof))
    renewed_until = terms(case, command.decider, person, moment, rules)
    return [
        ConsentRenewed(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=grant.grant_id,
            information_version=command.information_version,
            information_language=command.information_language,
            information_format=command.information_format,
            interpreter_used=command.interpreter_used,
            capacity_view=capacity,
            decider=command.decider,
            gillick=command.gillick,
            decided_by=command.decided_by or None,
            parental_responsibility=command.parental_responsibility,
            decider_document=command.decider_document,
            decider_scope=command.decider_scope,
            method=method,
            evidence_ref=evidence_ref,
            explicit=command.explicit,
            renewed_by=moment.actor.person,
            review_due_at=renewed_until["review_due_at"],
            expires_at=renewed_until["expires_at"],
        )
    ]


@decides(ExpireConsent, refuses=(NotFound, GrantNotInState))
def expire_consent(command: ExpireConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """The gate has shut at the instant itself; this says so, and whom it concerns."""
    grant = case.require_grant(command, command.grant_id, *LIVE)
    due_at = case.require_passed(command, f"consent_expiry:{grant.grant_id}", moment.now)
    expired = ConsentExpired(
        case_id=case.case_id,
        person_id=case.person_id,
        grant_id=grant.grant_id,
        discloser=grant.discloser,
        purpose=grant.purpose,
        categories=grant.categories,
        recipients=recipients_told(case, grant),
        due_at=due_at,
    )
    return [expired, *item_pulled(case, grant, "expired", grant.categories, moment, rules)]


def _end_of(grant: Grant) -> datetime:
    if grant.expires_at is None:
        raise ValueError("a consent that lives has an end")
    return grant.expires_at
