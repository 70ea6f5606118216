"""What happens to one forum meeting and the items on its agenda. No rule lives here; `state.py` says what each changes.

Source: machine C of the pathway (domain reference 2.6).
"""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from domain.messages import (
    AgencyName,
    CaseId,
    Code,
    Instant,
    MeetingEvent,
    MeetingId,
    Message,
    PersonalText,
    PersonId,
    StaffRef,
    StaffText,
)

ItemKind = Literal["case", "review"]
"""A case that the forum is to decide on, or one in support at which it looks again."""


class Attendee(Message):
    """Who sat in the meeting, for which agency, and in which part."""

    person: StaffRef
    agency: AgencyName
    part: Literal["chair", "deputy_chair", "coordinator", "member", "deputy"] = "member"
    confidentiality_acknowledged: bool = True


class Redaction(Message):
    """For which agencies an item was published without saying whom it is about."""

    case_id: CaseId
    agencies: tuple[AgencyName, ...]


class MeetingPlanned(MeetingEvent):
    """A meeting of a forum was set for a time, with the clocks that follow from it."""

    TOPIC: ClassVar[str] = "MeetingPlanned"

    forum: Code
    programme: Code
    programme_version: Code
    starts_at: Instant
    agenda_opens_at: Instant
    agenda_closes_at: Instant
    returns_due_at: Instant
    start_due_at: Instant | None = None
    short_notice: bool = False
    cadence_slot: Instant | None = None
    next_planned_at: Instant | None = None


class NextMeetingPlanned(MeetingEvent):
    """The forum meets regularly, and its next meeting was planned."""

    TOPIC: ClassVar[str] = "NextMeetingPlanned"

    next_meeting: MeetingId
    starts_at: Instant


class AgendaOpened(MeetingEvent):
    """The agenda takes items from now; on short notice, the chair said why."""

    TOPIC: ClassVar[str] = "AgendaOpened"

    short_notice_reason: StaffText | None = None
    publish_due_at: Instant | None = None


class AgendaOverdue(MeetingEvent):
    """The agenda was not opened in time for agencies to prepare; only the chair opens it now, or calls the meeting off."""

    TOPIC: ClassVar[str] = "AgendaOverdue"

    due_at: Instant


class AgendaItemAdded(MeetingEvent):
    """A case was put on the agenda."""

    TOPIC: ClassVar[str] = "AgendaItemAdded"

    case_id: CaseId
    person_id: PersonId
    referring_agency: AgencyName
    agencies_asked: tuple[AgencyName, ...]
    kind: ItemKind = "case"


class AdviceItemAdded(MeetingEvent):
    """Somebody wants advice on how to reach a person who has not consented; the forum learns nothing about them."""

    TOPIC: ClassVar[str] = "AdviceItemAdded"

    case_id: CaseId
    forum: Code


class UrgentItemAdded(MeetingEvent):
    """The chair added a case to a closed agenda because of risk."""

    TOPIC: ClassVar[str] = "UrgentItemAdded"

    case_id: CaseId
    person_id: PersonId
    referring_agency: AgencyName
    agencies_asked: tuple[AgencyName, ...]
    risk: PersonalText
    kind: ItemKind = "case"


class AgendaItemRemoved(MeetingEvent):
    """A case was taken off the agenda before it was heard."""

    TOPIC: ClassVar[str] = "AgendaItemRemoved"

    case_id: CaseId


class AgendaPublished(MeetingEvent):
    """The agenda was closed and sent, to each member what that member may see."""

    TOPIC: ClassVar[str] = "AgendaPublished"

    items: tuple[CaseId, ...]
    redacted: tuple[Redaction, ...] = ()


class MeetingStartOverdue(MeetingEvent):
    """The meeting is past and nobody recorded that it began or was called off."""

    TOPIC: ClassVar[str] = "MeetingStartOverdue"

    due_at: Instant


class MeetingStarted(MeetingEvent):
    """The meeting began with a quorum; every attendee acknowledged confidentiality."""

    TOPIC: ClassVar[str] = "MeetingStarted"

    attendees: tuple[Attendee, ...]
    conclude_due_at: Instant | None = None


class MeetingConclusionOverdue(MeetingEvent):
    """The meeting began, and nobody recorded its end in time; until then no minutes are due."""

    TOPIC: ClassVar[str] = "MeetingConclusionOverdue"

    due_at: Instant


class MeetingInquorate(MeetingEvent):
    """The meeting could not begin: the quorum was not met."""

    TOPIC: ClassVar[str] = "MeetingInquorate"

    attendees: tuple[Attendee, ...]
    missing: tuple[Code, ...]
    chair_decides_by: Instant | None = None


class ChairDecisionOverdue(MeetingEvent):
    """The meeting had no quorum, and the chair has not said what becomes of its items."""

    TOPIC: ClassVar[str] = "ChairDecisionOverdue"

    due_at: Instant


class ItemsDeferred(MeetingEvent):
    """Without a quorum, the chair put these items off; they wait for another meeting."""

    TOPIC: ClassVar[str] = "ItemsDeferred"

    items: tuple[CaseId, ...]
    explanation: StaffText | None = None
    next_meeting: MeetingId | None = None
    minutes_due_at: Instant


class UrgentItemsHandledByChair(MeetingEvent):
    """Without a quorum, the chair decided alone on urgent items; the next meeting ratifies it or does not."""

    TOPIC: ClassVar[str] = "UrgentItemsHandledByChair"

    items: tuple[CaseId, ...]
    explanation: StaffText
    ratification_due_at: Instant
    minutes_due_at: Instant


class UrgentDecisionsRatified(MeetingEvent):
    """A quorate meeting of the forum confirmed what the chair had decided alone."""

    TOPIC: ClassVar[str] = "UrgentDecisionsRatified"

    at_meeting: MeetingId
    items: tuple[CaseId, ...]


class UrgentDecisionsNotRatified(MeetingEvent):
    """A quorate meeting of the forum did not confirm what the chair had decided alone, and said why."""

    TOPIC: ClassVar[str] = "UrgentDecisionsNotRatified"

    at_meeting: MeetingId
    items: tuple[CaseId, ...]
    explanation: StaffText


class EarlierDecisionsConsidered(MeetingEvent):
    """This meeting was asked to ratify what the chair had decided alone at an earlier one; what it said is kept there too."""

    TOPIC: ClassVar[str] = "EarlierDecisionsConsidered"

    earlier_meeting: MeetingId
    ratified: bool


class RatificationOverdue(MeetingEvent):
    """What the chair decided alone has been before no quorate meeting in the time there is for it."""

    TOPIC: ClassVar[str] = "RatificationOverdue"

    due_at: Instant


class InterestDeclared(MeetingEvent):
    """Somebody in the meeting is too close to an item to take part in it; they are excluded from it."""

    TOPIC: ClassVar[str] = "InterestDeclared"

    case_id: CaseId
    attendee: StaffRef
    agency: AgencyName
    ground: Literal["relative", "friend", "own_case", "complaint", "financial", "other"]


class MeetingItemDecided(MeetingEvent):
    """The forum decided on an item; whether the agency that referred was missing is kept as a gap."""

    TOPIC: ClassVar[str] = "MeetingItemDecided"

    case_id: CaseId
    outcome: Code
    referring_agency_absent: bool = False
    returns_missing: tuple[AgencyName, ...] = ()
    excluded: tuple[AgencyName, ...] = ()


class MeetingConcluded(MeetingEvent):
    """Every item has its outcome and the meeting is over."""

    TOPIC: ClassVar[str] = "MeetingConcluded"

    minutes_due_at: Instant


class MinutesIssued(MeetingEvent):
    """The minutes and actions were sent; whether that was in time is kept."""

    TOPIC: ClassVar[str] = "MinutesIssued"

    minutes_ref: Code
    late: bool = False


class MinutesOverdue(MeetingEvent):
    """The minutes and actions were not sent in time."""

    TOPIC: ClassVar[str] = "MinutesOverdue"

    due_at: Instant


class MinutesCorrected(MeetingEvent):
    """Something in the minutes was wrong; corrected ones were sent, and the original is kept."""

    TOPIC: ClassVar[str] = "MinutesCorrected"

    minutes_ref: Code
    corrects: Code
    explanation: StaffText


class MeetingCancelled(MeetingEvent):
    """The chair called the meeting off; its items go back."""

    TOPIC: ClassVar[str] = "MeetingCancelled"

    explanation: StaffText
    replaced_by: MeetingId | None = None
    ends_cadence: bool = False


class MeetingNotificationRetried(MeetingEvent):
    """A notification about the meeting that did not arrive was put back to be delivered."""

    TOPIC: ClassVar[str] = "MeetingNotificationRetried"

    message_id: UUID


AnyMeetingEvent = (
    MeetingNotificationRetried
    | MeetingPlanned
    | NextMeetingPlanned
    | AgendaOpened
    | AgendaOverdue
    | AgendaItemAdded
    | AdviceItemAdded
    | UrgentItemAdded
    | AgendaItemRemoved
    | AgendaPublished
    | MeetingStarted
    | MeetingStartOverdue
    | MeetingConclusionOverdue
    | MeetingInquorate
    | ChairDecisionOverdue
    | ItemsDeferred
    | UrgentItemsHandledByChair
    | UrgentDecisionsRatified
    | UrgentDecisionsNotRatified
    | EarlierDecisionsConsidered
    | RatificationOverdue
    | InterestDeclared
    | MeetingItemDecided
    | MeetingConcluded
    | MinutesIssued
    | MinutesOverdue
    | MinutesCorrected
    | MeetingCancelled
)
