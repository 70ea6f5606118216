"""Forum review: what happens to a case between its place on an agenda and what the neighbourhood forum decides.

These are its facts. How a case comes on an agenda is in `domain/meeting/items.py`, what agencies tell beforehand in
`domain/meeting/returns.py`, what is said in the room in `domain/meeting/in_session.py`, and the decision in
`forum_decision.py`. A case that is heard again is in `review_item.py`.
Source: machine A, stage OnAgenda, and machine C (domain reference 2.4, 2.6).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.case.sharing import Category, DisclosureBasis, Purpose
from domain.case.stages import Stage
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

# -- words -----------------------------------------------------------------------------------------------------------

Decision = Literal[
    "accept_key_worker", "accept_lead_agency", "defer", "refer_other_forum", "decline", "advice"
]


Intensity = Literal["low", "standard", "intensive"]
CLOSING = frozenset({"refer_other_forum", "decline", "advice"})
"""The decisions after which the case is closed."""


# -- events ----------------------------------------------------------------------------------------------------------


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
    bases: tuple[DisclosureBasis, ...] = ()
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
    by_chair_alone: bool = False


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
    """Another forum (MARAC, MARM, complex safeguarding) takes the case, for good or beside this one."""

    TOPIC: ClassVar[str] = "CaseReferredOn"

    to_forum: Code
    to_stage: Literal[Stage.READY_FOR_FORUM] | None = None
    listing_due_at: Instant | None = None


class InformationShared(CaseEvent):
    """In the meeting, an agency told those present something about the person, on a recorded basis for each of them."""

    TOPIC: ClassVar[str] = "InformationShared"

    meeting_id: MeetingId
    agency: AgencyName
    recipients: tuple[AgencyName, ...]
    purpose: Purpose
    categories: tuple[Category, ...]
    bases: tuple[DisclosureBasis, ...]
    information: PersonalText


class DissentRecorded(CaseEvent):
    """An agency saw it otherwise than the meeting, and why was written down."""

    TOPIC: ClassVar[str] = "DissentRecorded"

    meeting_id: MeetingId
    dissenter: StaffRef
    agency: AgencyName
    dissent: PersonalText


class ForumDecisionOverdue(CaseEvent):
    """The meeting is past and no decision on this case is recorded."""

    TOPIC: ClassVar[str] = "ForumDecisionOverdue"

    due_at: Instant
