"""Sharing without consent: a lawful exception, authorised by a second person on a rationale that leaves nothing out.

Protection may outrank privacy, and the duty to share can matter as much as the duty to protect; but it is decided by a
manager or the safeguarding lead, never by whoever asks for it, for one disclosure or until a date, and it is reviewed.
It changes no grant and no stage: it only opens the gate of `disclosure.py`.
Source: rationale record (domain reference 3.7); machine B, RecordDisclosureWithoutConsent (2.5); acceptance scenario 19.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.best_interests import ReviewDateOutOfRange, require_complete, review_by
from domain.case.deciders import day_ends
from domain.case.disclosure import depends_on_consent
from domain.case.participation import AuthoriserIsRequester
from domain.case.sharing import Categories, Category, ConsentError, Purpose, Recipient
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound
from domain.messages import (
    AgencyName,
    AuthorityId,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules

Ground = Literal[
    "vital_interests",
    "adult_at_risk",
    "section_42",
    "section_47",
    "serious_crime",
    "court_order",
    "public_interest",
]
"""Source: grounds to record (domain reference 3.7)."""
Answer = Literal["yes", "no", "no_answer", "not_asked"]
"""What the person answered when they were asked for consent, or that they were not."""


# -- events ----------------------------------------------------------------------------------------------------------


class DisclosureAuthorisedWithoutConsent(CaseEvent):
    """Somebody with the authority to allowed one agency to share without the person's consent, and said completely why."""

    TOPIC: ClassVar[str] = "DisclosureAuthorisedWithoutConsent"

    authority_id: AuthorityId
    discloser: AgencyName
    recipient: AgencyName
    purpose: Purpose
    categories: Categories
    what: PersonalText
    why_now: PersonalText
    risk_if_not_shared: PersonalText
    least_information: PersonalText
    article_6: Code
    article_9: Code | None = None
    schedule_1: Code | None = None
    policy_document: Code | None = None
    ground: Ground | None = None
    consent_answer: Answer
    person_told: bool
    not_told_because: PersonalText | None = None
    requested_by: StaffRef
    authorised_by: StaffRef
    one_off: bool
    effective_from: Instant
    expires_at: Instant
    review_due_at: Instant


class DisclosureReviewDue(CaseEvent):
    """The day came on which an authority to share without consent is looked at again; it stands until its own end."""

    TOPIC: ClassVar[str] = "DisclosureReviewDue"

    authority_id: AuthorityId
    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class RationaleIncomplete(ConsentError):
    """{missing}: sharing without consent is authorised on a complete rationale only; these parts of it are missing."""

    code = "rationale_incomplete"


class BasisIsConsent(ConsentError):
    """lawful_basis: {given} is consent, and this is for sharing without it; name the basis that does not depend on consent."""

    code = "basis_is_consent"


class OneOffOrStanding(Conflict):
    """one_off, standing_until: an authority is for one disclosure or stands until a day, not both."""

    code = "one_off_or_standing"


class StandingUntilPast(ConsentError):
    """standing_until: an authority stands until a day to come; {given} has passed."""

    code = "standing_until_past"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_AUTHORITY = "a1c7c0a4-91d5-5f0b-8b3f-1a0a0d9a7f01"


class RecordDisclosureWithoutConsent(Command):
    """Authorise sharing without the person's consent, with the complete rationale; the acting person authorises."""

    NAME: ClassVar[str] = "record-disclosure-without-consent"
    PERMISSION: ClassVar[Permission] = Permission.AUTHORISE_DISCLOSURE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "discloser": "Shelter",
        "recipient": "North West Ambulance Service",
        "purpose": "safeguarding",
        "categories": ["identity", "substance_use"],
        "what": "That the person overdosed twice this week and is alone at night",
        "share_at": "2027-01-20T12:00:00+00:00",
        "why_now": "Second overdose last night",
        "lawful_basis": "6-1-d-vital-interests",
        "article_9": "9-2-c-vital-interests",
        "ground": "vital_interests",
        "consent_sought": True,
        "consent_answer": "no_answer",
        "person_told": False,
        "not_told_because": "Cannot be reached",
        "risk_if_not_shared": "Death by overdose",
        "least_information": "No history, no address of others",
        "requested_by": "support-worker-2",
        "review_on": "2027-01-27",
        "one_off": True,
    }

    case_id: CaseId
    authority_id: AuthorityId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    discloser: AgencyName | None = Field(None, description="required: who tells")
    recipient: Recipient | None = Field(None, description="required: to whom, an agency or forum")
    purpose: Purpose | None = Field(None, description="required: what for")
    categories: tuple[Category, ...] = Field((), max_length=len(Category), description="required")
    what: PersonalText | None = Field(None, description="required: what is shared, in words")
    share_at: Instant | None = Field(None, description="required: when it is shared, or from when it may be")
    why_now: PersonalText | None = Field(None, description="required")
    lawful_basis: Code | None = Field(None, description="required: the article 6 basis, which is not consent")
    article_9: Code | None = None
    schedule_1: Code | None = None
    policy_document: Code | None = None
    ground: Ground | None = None
    consent_sought: bool | None = Field(None, description="required")
    consent_answer: Literal["yes", "no", "no_answer"] | None = Field(
        None, description="required if consent was sought"
    )
    person_told: bool | None = Field(None, description="required")
    not_told_because: PersonalText | None = Field(None, description="required if the person was not told")
    risk_if_not_shared: PersonalText | None = Field(None, description="required")
    least_information: PersonalText | None = Field(
        None, description="required: how it was checked that no more than needed is shared"
    )
    requested_by: StaffRef | None = Field(
        None, description="required: who asks for it, never the acting person, who authorises it"
    )
    review_on: Day | None = Field(None, description="required")
    one_off: bool | None = Field(None, description="true, or a day in standing_until")
    standing_until: Day | None = Field(
        None, description="the last day of an authority that is not for one disclosure"
    )


class MarkDisclosureReviewDue(Command):
    """Record that an authority to share without consent must be looked at again; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-disclosure-review-due"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "authority_id": _AUTHORITY}

    case_id: CaseId
    authority_id: AuthorityId


@decides(
    RecordDisclosureWithoutConsent,
    refuses=(
        RationaleIncomplete,
        AuthoriserIsRequester,
        BasisIsConsent,
        OneOffOrStanding,
        StandingUntilPast,
        ReviewDateOutOfRange,
        AlreadyRecorded,
    ),
)
def record_disclosure_without_consent(
    command: RecordDisclosureWithoutConsent, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """At any stage, and of a closed case as well: protection does not end with the pathway.

    Source: machine B, RecordDisclosureWithoutConsent (domain reference 2.5); rationale record (3.7).
    """
    case.require(command, *_ANY_BUT_A_DRAFT)
    require_complete(rationale(command), RationaleIncomplete)
    if command.requested_by == moment.actor.person:
        raise AuthoriserIsRequester
    if depends_on_consent(command.lawful_basis):
        raise BasisIsConsent(given=command.lawful_basis)
    authority_id = command.authority_id or AuthorityId(moment.new_id("authority"))
    if authority_id in case.authorities:
        raise AlreadyRecorded(what="this authority to share without consent")
    ends, review = _until(command, moment, rules, case)
    return [
        DisclosureAuthorisedWithoutConsent(
            case_id=case.case_id,
            person_id=case.person_id,
            authority_id=authority_id,
            discloser=rules.agency_name(command.discloser or ""),
            recipient=rules.agency_name(command.recipient or ""),
            purpose=command.purpose or Purpose.SAFEGUARDING,
            categories=tuple(dict.fromkeys(command.categories)),
            what=command.what or "",
            why_now=command.why_now or "",
            risk_if_not_shared=command.risk_if_not_shared or "",
            least_information=command.least_information or "",
            article_6=command.lawful_basis or "",
            article_9=command.article_9,
            schedule_1=command.schedule_1,
            policy_document=command.policy_document,
            ground=command.ground,
            consent_answer=command.consent_answer or "not_asked",
            person_told=bool(command.person_told),
            not_told_because=command.not_told_because or None,
            requested_by=command.requested_by or "",
            authorised_by=moment.actor.person,
            one_off=bool(command.one_off),
            effective_from=command.share_at or moment.effective_at,
            expires_at=ends,
            review_due_at=review,
        )
    ]


_ANY_BUT_A_DRAFT = tuple(stage for stage in Stage if stage not in (Stage.NEW, Stage.DRAFT))


def rationale(command: RecordDisclosureWithoutConsent) -> dict[str, object]:
    """Every part of the rationale under the name of its field; what is None or empty is missing.

    Source: rationale record, all mandatory (domain reference 3.7). The authoriser is whoever acts.
    """
    return {
        "discloser": command.discloser,
        "recipient": command.recipient,
        "purpose": command.purpose,
        "categories": command.categories,
        "what": command.what,
        "share_at": command.share_at,
        "why_now": command.why_now,
        "lawful_basis": command.lawful_basis,
        "consent_sought": command.consent_sought,
        "consent_answer": command.consent_answer if command.consent_sought else "not_asked",
        "person_told": command.person_told,
        "not_told_because": command.not_told_because if command.person_told is False else "told",
        "risk_if_not_shared": command.risk_if_not_shared,
        "least_information": command.least_information,
        "requested_by": command.requested_by,
        "review_on": command.review_on,
        "one_off or standing_until": command.one_off or command.standing_until,
    }


def _until(
    command: RecordDisclosureWithoutConsent, moment: Moment, rules: Rules, case: Case
) -> tuple[datetime, datetime]:
    """When the authority ends, and when it is reviewed. One disclosure is made before the review, or not on it."""
    if command.one_off and command.standing_until is not None:
        raise OneOffOrStanding
    # An authority that nobody looks at again would be a general permission: as long as a consent at most.
    latest = rules.deadline(case.programme, "consent_expiry", moment.now)
    review = review_by(command.review_on or Day.min, moment, latest, field="review_on")
    if command.standing_until is None:
        return review, review
    ends = day_ends(command.standing_until)
    if ends <= moment.now:
        raise StandingUntilPast(given=command.standing_until.isoformat())
    return ends, review


@decides(MarkDisclosureReviewDue, refuses=(NotFound,))
def mark_disclosure_review_due(
    command: MarkDisclosureReviewDue, case: Case, moment: Moment
) -> Sequence[Event]:
    if command.authority_id not in case.authorities:
        raise NotFound(kind="authority to share without consent", id=command.authority_id)
    due_at = case.require_passed(command, f"disclosure_review:{command.authority_id}", moment.now)
    return [
        DisclosureReviewDue(
            case_id=case.case_id,
            person_id=case.person_id,
            authority_id=command.authority_id,
            due_at=due_at,
        )
    ]
