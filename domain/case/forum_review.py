"""Forum review: the neighbourhood forum hears the case, agrees one plan and decides what happens next.

Services return what they know beforehand; the chair confirms the decision; every action has an owner and a date.
What happens to the meeting itself is in `domain/meeting/`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.case.consent import Category, Purpose
from domain.messages import (
    AgencyName,
    CaseEvent,
    Code,
    GrantId,
    Instant,
    MeetingId,
    PersonalText,
    StaffRef,
)

Decision = Literal[
    "accept_key_worker", "accept_lead_agency", "defer", "refer_other_forum", "decline", "advice"
]


class ForumItemScheduled(CaseEvent):
    """The case was put on the agenda of a meeting; agencies return what they know by a date."""

    TOPIC: ClassVar[str] = "ForumItemScheduled"

    meeting_id: MeetingId
    forum: Code
    meeting_at: Instant
    agencies_asked: tuple[AgencyName, ...]
    returns_due_at: Instant
    decision_due_at: Instant


class ForumListingOverdue(CaseEvent):
    """The case is ready and still on no agenda."""

    TOPIC: ClassVar[str] = "ForumListingOverdue"

    due_at: Instant


class ForumItemWithdrawn(CaseEvent):
    """The case was taken off the agenda, or its meeting was called off."""

    TOPIC: ClassVar[str] = "ForumItemWithdrawn"

    meeting_id: MeetingId
    because: Literal["withdrawn", "meeting_cancelled", "inquorate"]
    explanation: PersonalText | None = None
    listing_due_at: Instant


class InformationReturned(CaseEvent):
    """An agency told the forum what it knows, or that it knows nothing it may share, on a recorded basis."""

    TOPIC: ClassVar[str] = "InformationReturned"

    meeting_id: MeetingId
    agency: AgencyName
    nothing_to_share: bool
    purpose: Purpose
    categories: tuple[Category, ...]
    grant_ids: tuple[GrantId, ...]
    information: PersonalText | None = None


class InformationReturnsMissing(CaseEvent):
    """The date for returns passed and some agencies had not answered; the item goes on with the gap noted."""

    TOPIC: ClassVar[str] = "InformationReturnsMissing"

    meeting_id: MeetingId
    agencies: tuple[AgencyName, ...]
    due_at: Instant


class ForumDecisionRecorded(CaseEvent):
    """What the forum decided about the case, confirmed by the chair, with its reasons."""

    TOPIC: ClassVar[str] = "ForumDecisionRecorded"

    meeting_id: MeetingId
    decision: Decision
    confirmed_by: StaffRef
    reasons: PersonalText
    dissent: PersonalText | None = None


class PlanAgreed(CaseEvent):
    """The forum agreed one plan with a key worker; the referrer's offer is part of it."""

    TOPIC: ClassVar[str] = "PlanAgreed"

    referrer_offer_reflected: bool
    single_agency_warning: bool
    intensity: Literal["low", "standard", "intensive"]
    allocation_due_at: Instant
    review_due_at: Instant


class LeadAgencyNamed(CaseEvent):
    """One agency leads without a key worker of the pathway."""

    TOPIC: ClassVar[str] = "LeadAgencyNamed"

    lead_agency: AgencyName
    lead: StaffRef
    review_due_at: Instant


class ForumItemDeferred(CaseEvent):
    """The forum put the case off to a later meeting, with a reason."""

    TOPIC: ClassVar[str] = "ForumItemDeferred"

    meeting_id: MeetingId
    until: Instant
    listing_due_at: Instant


class ForumDeclined(CaseEvent):
    """The forum declined the case or gave advice instead; the referrer is told why."""

    TOPIC: ClassVar[str] = "ForumDeclined"

    outcome: Literal["declined", "advice_given"]


class CaseReferredOn(CaseEvent):
    """Another forum (MARAC, MARM, complex safeguarding) takes the case."""

    TOPIC: ClassVar[str] = "CaseReferredOn"

    to_forum: Code


class ForumDecisionOverdue(CaseEvent):
    """The meeting is past and no decision on this case is recorded."""

    TOPIC: ClassVar[str] = "ForumDecisionOverdue"

    due_at: Instant
