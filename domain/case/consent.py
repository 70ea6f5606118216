"""Consent to disclosure: whether one agency may tell one recipient something about the person.

One grant is one person, one disclosing agency, one recipient, one purpose and some categories of information; there is
no blanket grant, and another agency's consent never releases an agency's information. The lawful basis of processing and
the agreement to take part (`participation.py`) are other things, kept apart. When in doubt, the gate stays shut.
Source: machine B and the law of consent (domain reference 2.5, 3.1 to 3.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, RuleBroken
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
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.evolving.consent import Grant
    from domain.case.state import Case
    from domain.rules import Rules


# -- words -----------------------------------------------------------------------------------------------------------

FORUM = "forum"
"""The recipient that stands for the neighbourhood forum of the case."""
Recipient = Annotated[
    AgencyName, Field(description='an agency by name, or "forum" for the neighbourhood forum')
]


class Purpose(StrEnum):
    """What information is shared for; one grant covers one purpose."""

    COORDINATED_SUPPORT = "coordinated_support"
    HANDOVER = "handover"
    SAFEGUARDING = "safeguarding"
    EVALUATION = "evaluation"


class Category(StrEnum):
    """What kind of information; a grant lists those it covers."""

    IDENTITY = "identity"
    CONTACT = "contact"
    HOUSING = "housing"
    HEALTH = "health"
    MENTAL_HEALTH = "mental_health"
    SUBSTANCE_USE = "substance_use"
    DOMESTIC_ABUSE = "domestic_abuse"
    OFFENDING = "offending"
    FINANCE = "finance"
    SUPPORT_PLAN = "support_plan"


class CapacityView(StrEnum):
    """The view taken of the person's capacity for this decision at this time."""

    HAS = "has"
    LACKS = "lacks"
    FLUCTUATES = "fluctuates"
    NOT_ASSESSED = "not_assessed"


Method = Literal["signed", "verbal", "electronic"]
Categories = Annotated[tuple[Category, ...], Field(min_length=1, max_length=len(Category))]


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentRequested(CaseEvent):
    """The person was asked whether one agency may share some categories with one recipient for one purpose."""

    TOPIC: ClassVar[str] = "ConsentRequested"

    grant_id: GrantId
    discloser: AgencyName
    recipient: AgencyName
    purpose: Purpose
    categories: Categories
    capacity_view: CapacityView
    information_version: Code
    information_language: Code
    information_format: Code
    interpreter_used: bool = False
    asked_by: StaffRef


class ConsentGranted(CaseEvent):
    """The person said yes to one request."""

    TOPIC: ClassVar[str] = "ConsentGranted"

    grant_id: GrantId
    decider: Code
    method: Method
    evidence_ref: Code
    explicit: bool
    effective_from: Instant
    review_due_at: Instant
    expires_at: Instant


class ConsentRefused(CaseEvent):
    """The person said no to one request."""

    TOPIC: ClassVar[str] = "ConsentRefused"

    grant_id: GrantId
    explanation: PersonalText | None = None


class ConsentWithdrawn(CaseEvent):
    """The person took one consent back; sharing under it stops from now, what was shared stays on record."""

    TOPIC: ClassVar[str] = "ConsentWithdrawn"

    grant_id: GrantId
    by_channel: Code


class LawfulBasisRecorded(CaseEvent):
    """On which basis a controller processes this case; kept apart from consent to share and from agreement."""

    TOPIC: ClassVar[str] = "LawfulBasisRecorded"

    controller: AgencyName
    purpose: Purpose
    article_6: Code
    article_9: Code | None = None
    schedule_1: Code | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class ConsentError(RuleBroken):
    """A rule of consent refuses this step."""

    code = "consent_refused_by_rule"


class CapacityViewRequired(ConsentError):
    """capacity_view: a view of the person's capacity for this decision is recorded before asking."""

    code = "capacity_view_required"


class PersonLacksCapacity(ConsentError):
    """capacity_view: somebody who lacks capacity for this decision cannot be asked for consent; record a best-interests decision instead."""

    code = "person_lacks_capacity"


class ExplicitConsentRequired(ConsentError):
    """explicit: {agency} shares only with explicit consent."""

    code = "explicit_consent_required"


class OwnAgencyOnly(ConsentError):
    """A referrer records consent only for their own agency's information."""

    code = "own_agency_only"


class GrantNotInState(Conflict):
    """{command} is for a consent that is {allowed}; this one is {state}."""

    code = "grant_not_in_state"


class DisclosureNotCovered(RuleBroken):
    """No live consent covers {discloser} sharing {category} with {recipient} for {purpose}; nothing was shared."""

    code = "disclosure_not_covered"


def may_disclose(
    case: Case, discloser: str, recipient: str, purpose: Purpose, category: Category, at: datetime
) -> Grant | None:
    """The live grant that covers all five, or None: without one the gate stays shut.

    An agency may always see its own information; callers do not ask for that.
    Source: machine B, `may_disclose` (domain reference 2.5).
    """
    for grant in case.grants.values():
        if (
            grant.state == "granted"
            and grant.discloser == discloser
            and grant.recipient == recipient
            and grant.purpose == purpose
            and category in grant.categories
            and grant.effective_from is not None
            and grant.expires_at is not None
            and grant.effective_from <= at < grant.expires_at
        ):
            return grant
    return None


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_GRANT = "77f8e2a0-3a8e-5c9b-9a58-1b5f4d2c8e01"


class RequestConsent(Command):
    """Ask the person whether one agency may share some categories with one recipient for one purpose."""

    NAME: ClassVar[str] = "request-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "discloser": "Greater Manchester Police",
        "recipient": "forum",
        "purpose": "coordinated_support",
        "categories": ["identity", "offending"],
        "capacity_view": "has",
        "information_version": "notice-2026.1",
    }

    case_id: CaseId
    grant_id: GrantId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    discloser: AgencyName
    recipient: Recipient
    purpose: Purpose
    categories: Categories
    capacity_view: CapacityView = CapacityView.NOT_ASSESSED
    information_version: Code
    information_language: Code = "English"
    information_format: Code = "spoken"
    interpreter_used: bool = False


class GrantConsent(Command):
    """Record the person's yes to one request, with how it was given and where the evidence is."""

    NAME: ClassVar[str] = "grant-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "method": "signed",
        "evidence_ref": "form-2027-0113",
        "explicit": True,
    }

    case_id: CaseId
    grant_id: GrantId
    decider: Literal["self", "attorney", "deputy"] = "self"
    method: Method
    evidence_ref: Code
    explicit: bool = False


class RefuseConsent(Command):
    """Record the person's no to one request."""

    NAME: ClassVar[str] = "refuse-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT}

    case_id: CaseId
    grant_id: GrantId
    explanation: PersonalText | None = None


class WithdrawConsent(Command):
    """Record that the person takes a consent back; any channel will do and no reason is needed."""

    NAME: ClassVar[str] = "withdraw-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "grant_id": _GRANT, "by_channel": "telephone"}

    case_id: CaseId
    grant_id: GrantId
    by_channel: Code


class RecordLawfulBasis(Command):
    """Record on which basis a controller processes this case for a purpose."""

    NAME: ClassVar[str] = "record-lawful-basis"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "controller": "Manchester City Council Adult Social Care",
        "purpose": "coordinated_support",
        "article_6": "6-1-e-public-task",
        "article_9": "9-2-h-health-or-social-care",
        "schedule_1": "paragraph-2",
    }

    case_id: CaseId
    controller: AgencyName
    purpose: Purpose
    article_6: Code
    article_9: Code | None = None
    schedule_1: Code | None = None


@decides(RequestConsent, refuses=(OwnAgencyOnly, CapacityViewRequired, PersonLacksCapacity, AlreadyRecorded))
def request_consent(command: RequestConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    discloser = rules.agency_name(command.discloser)
    require_own_agency(discloser, moment)
    if command.capacity_view is CapacityView.NOT_ASSESSED:
        raise CapacityViewRequired
    if command.capacity_view is CapacityView.LACKS:
        raise PersonLacksCapacity
    grant_id = command.grant_id or GrantId(moment.new_id("grant"))
    if grant_id in case.grants:
        raise AlreadyRecorded(what="this consent request")
    return [
        ConsentRequested(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=grant_id,
            discloser=discloser,
            recipient=rules.agency_name(command.recipient),
            purpose=command.purpose,
            categories=command.categories,
            capacity_view=command.capacity_view,
            information_version=command.information_version,
            information_language=command.information_language,
            information_format=command.information_format,
            interpreter_used=command.interpreter_used,
            asked_by=moment.actor.person,
        )
    ]


@decides(GrantConsent, refuses=(NotFound, GrantNotInState, OwnAgencyOnly, ExplicitConsentRequired))
def grant_consent(command: GrantConsent, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    grant = case.require_grant(command, command.grant_id, "requested")
    require_own_agency(grant.discloser, moment)
    agency = rules.agencies.find(grant.discloser)
    if agency is not None and agency.explicit_consent_required and not command.explicit:
        raise ExplicitConsentRequired(agency=grant.discloser)
    return [
        ConsentGranted(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            decider=command.decider,
            method=command.method,
            evidence_ref=command.evidence_ref,
            explicit=command.explicit,
            effective_from=moment.effective_at,
            review_due_at=rules.deadline(case.programme, "consent_review", moment.effective_at),
            expires_at=rules.deadline(case.programme, "consent_expiry", moment.effective_at),
        )
    ]


@decides(RefuseConsent, refuses=(NotFound, GrantNotInState))
def refuse_consent(command: RefuseConsent, case: Case) -> Sequence[Event]:
    case.require_open(command)
    case.require_grant(command, command.grant_id, "requested")
    return [
        ConsentRefused(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            explanation=command.explanation,
        )
    ]


@decides(WithdrawConsent, refuses=(NotFound, GrantNotInState))
def withdraw_consent(command: WithdrawConsent, case: Case) -> Sequence[Event]:
    case.require_grant(command, command.grant_id, "granted")
    return [
        ConsentWithdrawn(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            by_channel=command.by_channel,
        )
    ]


@decides(RecordLawfulBasis)
def record_lawful_basis(command: RecordLawfulBasis, case: Case) -> Sequence[Event]:
    case.require_open(command)
    return [
        LawfulBasisRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            controller=command.controller,
            purpose=command.purpose,
            article_6=command.article_6,
            article_9=command.article_9,
            schedule_1=command.schedule_1,
        )
    ]


def require_own_agency(discloser: str, moment: Moment) -> None:
    """A referrer speaks only for their own agency's information.

    Source: the table of commands and roles, row on consent grants (domain reference 2.14).
    """
    if moment.actor.role is Role.REFERRER and discloser != moment.by_agency:
        raise OwnAgencyOnly
