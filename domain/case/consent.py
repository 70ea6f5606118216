"""Consent: the person's agreement to take part, and their consent to each disclosure, which are different things.

One grant is one person, one disclosing agency, one recipient, one purpose and some categories of information; there is
no blanket grant, and another agency's consent never releases an agency's information. The lawful basis of processing is
kept apart from both. When in doubt, the gate stays shut.
Source: domain reference 2.5 and 3.1 to 3.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.case.stages import Stage
from domain.case.triage import end_episode
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
    from domain.case.state import Case, Grant
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


class ConsentAttempted(CaseEvent):
    """Somebody tried to reach the person to explain and ask."""

    TOPIC: ClassVar[str] = "ConsentAttempted"

    reached: bool
    by_channel: Code
    note: PersonalText | None = None


class ConsentReminderRaised(CaseEvent):
    """The engine reminded the coordinator that nobody has the person's answer yet."""

    TOPIC: ClassVar[str] = "ConsentReminderRaised"

    number: int
    due_at: Instant
    next_due_at: Instant


class ConsentOverdue(CaseEvent):
    """The time to reach a consent position ran out; the forum may give engagement advice without case information."""

    TOPIC: ClassVar[str] = "ConsentOverdue"

    due_at: Instant


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


class ParticipationAgreed(CaseEvent):
    """The person agreed to take part in the pathway; this is not consent to share anything."""

    TOPIC: ClassVar[str] = "ParticipationAgreed"

    method: Method
    evidence_ref: Code


class ParticipationRefused(CaseEvent):
    """The person, having capacity, does not want to take part; the referrer is told."""

    TOPIC: ClassVar[str] = "ParticipationRefused"

    explanation: PersonalText | None = None


class LawfulBasisRecorded(CaseEvent):
    """On which basis a controller processes this case; kept apart from consent to share and from agreement."""

    TOPIC: ClassVar[str] = "LawfulBasisRecorded"

    controller: AgencyName
    purpose: Purpose
    article_6: Code
    article_9: Code | None = None
    schedule_1: Code | None = None


class ConsentPositionRecorded(CaseEvent):
    """The case may go to the forum: agreement to take part is on record, or a lawful substitute for it."""

    TOPIC: ClassVar[str] = "ConsentPositionRecorded"

    position: Literal["agreed", "best_interests", "shared_without_consent"]
    rationale: PersonalText | None = None
    authoriser: StaffRef | None = None
    listing_due_at: Instant


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


class ParticipationNotAgreed(ConsentError):
    """The person's agreement to take part is not on record; record it, or a lawful substitute with its rationale and an authoriser."""

    code = "participation_not_agreed"


class AuthoriserIsRequester(ConsentError):
    """authoriser: somebody else than the person who asks must authorise this."""

    code = "authoriser_is_requester"


class CapacityNotRecorded(ConsentError):
    """A refusal to take part counts only when the person was seen to have capacity for it."""

    code = "capacity_not_recorded"


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


class RecordConsentAttempt(Command):
    """Record that somebody tried to reach the person to explain and ask."""

    NAME: ClassVar[str] = "record-consent-attempt"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "reached": False, "by_channel": "telephone"}

    case_id: CaseId
    reached: bool
    by_channel: Code
    note: PersonalText | None = None


class RaiseConsentReminder(Command):
    """Remind the coordinator that no consent position is reached; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-consent-reminder"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkConsentOverdue(Command):
    """Record that the time to reach a consent position ran out; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-consent-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


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


class AgreeToTakePart(Command):
    """Record that the person agrees to take part in the pathway."""

    NAME: ClassVar[str] = "agree-to-take-part"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "method": "verbal", "evidence_ref": "note-17"}

    case_id: CaseId
    method: Method
    evidence_ref: Code


class RefuseToTakePart(Command):
    """Record that the person, having capacity, does not want to take part; the case closes."""

    NAME: ClassVar[str] = "refuse-to-take-part"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "capacity_view": "has"}

    case_id: CaseId
    capacity_view: CapacityView
    explanation: PersonalText | None = None


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


class ReachConsentPosition(Command):
    """Record that the case may go to the forum, on the person's agreement or on a lawful substitute."""

    NAME: ClassVar[str] = "reach-consent-position"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId
    position: Literal["agreed", "best_interests", "shared_without_consent"] = "agreed"
    rationale: PersonalText | None = Field(None, description="required for a substitute")
    authoriser: StaffRef | None = Field(
        None, description="who authorised a substitute; not the acting person"
    )


@decides(RecordConsentAttempt)
def record_consent_attempt(command: RecordConsentAttempt, case: Case) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    return [
        ConsentAttempted(
            case_id=case.case_id,
            person_id=case.person_id,
            reached=command.reached,
            by_channel=command.by_channel,
            note=command.note,
        )
    ]


@decides(RaiseConsentReminder)
def raise_consent_reminder(
    command: RaiseConsentReminder, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    due_at = case.require_passed(command, "consent_attempt", moment.now)
    return [
        ConsentReminderRaised(
            case_id=case.case_id,
            person_id=case.person_id,
            number=case.consent_reminders + 1,
            due_at=due_at,
            next_due_at=rules.deadline(case.programme, "consent_reminder_every", moment.now),
        )
    ]


@decides(MarkConsentOverdue, refuses=(AlreadyRecorded,))
def mark_consent_overdue(command: MarkConsentOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    due_at = case.require_passed(command, "consent", moment.now)
    if "consent" in case.overdue:
        raise AlreadyRecorded(what="that consent is overdue")
    return [ConsentOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(RequestConsent, refuses=(OwnAgencyOnly, CapacityViewRequired, PersonLacksCapacity, AlreadyRecorded))
def request_consent(command: RequestConsent, case: Case, moment: Moment) -> Sequence[Event]:
    case.require_open(command)
    require_own_agency(command.discloser, moment)
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
            discloser=command.discloser,
            recipient=command.recipient,
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


@decides(AgreeToTakePart, refuses=(AlreadyRecorded,))
def agree_to_take_part(command: AgreeToTakePart, case: Case) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    if case.participation_agreed:
        raise AlreadyRecorded(what="the agreement to take part")
    return [
        ParticipationAgreed(
            case_id=case.case_id,
            person_id=case.person_id,
            method=command.method,
            evidence_ref=command.evidence_ref,
        )
    ]


@decides(RefuseToTakePart, refuses=(CapacityNotRecorded,))
def refuse_to_take_part(command: RefuseToTakePart, case: Case) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    if command.capacity_view is not CapacityView.HAS:
        raise CapacityNotRecorded
    refused = ParticipationRefused(
        case_id=case.case_id, person_id=case.person_id, explanation=command.explanation
    )
    return [refused, *end_episode(case)]


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


@decides(ReachConsentPosition, refuses=(ParticipationNotAgreed, AuthoriserIsRequester))
def reach_consent_position(
    command: ReachConsentPosition, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Agreement opens the way to the forum; a substitute needs its rationale and another person's authority.

    Source: machine A, ConsentPositionReached; rationale record of domain reference 3.7.
    """
    case.require(command, Stage.AWAITING_CONSENT)
    if command.position == "agreed":
        if not case.participation_agreed:
            raise ParticipationNotAgreed
    else:
        if not command.rationale or not command.authoriser:
            raise ParticipationNotAgreed
        if command.authoriser == moment.actor.person:
            raise AuthoriserIsRequester
    return [
        ConsentPositionRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            position=command.position,
            rationale=command.rationale,
            authoriser=command.authoriser,
            listing_due_at=rules.deadline(case.programme, "listing", moment.now),
        )
    ]


def require_own_agency(discloser: str, moment: Moment) -> None:
    """A referrer speaks only for their own agency's information.

    Source: the table of commands and roles, row on consent grants (domain reference 2.14).
    """
    if moment.actor.role is Role.REFERRER and discloser != moment.by_agency:
        raise OwnAgencyOnly
