"""What happens to one forum meeting and the items on its agenda. The rules are in `lifecycle.py` and `items.py`.

Source: machine C of the pathway (domain reference 2.6).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from domain.messages import (
    AgencyName,
    CaseId,
    Code,
    Instant,
    MeetingEvent,
    Message,
    PersonalText,
    PersonId,
    StaffRef,
    StaffText,
)


class Attendee(Message):
    """Who sat in the meeting, for which agency, and in which part."""

    person: StaffRef
    agency: AgencyName
    part: Literal["chair", "deputy_chair", "coordinator", "member", "deputy"] = "member"
    confidentiality_acknowledged: bool = True


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


class AgendaOpened(MeetingEvent):
    """The agenda takes items from now; on short notice, the chair said why."""

    TOPIC: ClassVar[str] = "AgendaOpened"

    short_notice_reason: StaffText | None = None


class AgendaItemAdded(MeetingEvent):
    """A case was put on the agenda."""

    TOPIC: ClassVar[str] = "AgendaItemAdded"

    case_id: CaseId
    person_id: PersonId
    referring_agency: AgencyName
    agencies_asked: tuple[AgencyName, ...]


class UrgentItemAdded(MeetingEvent):
    """The chair added a case to a closed agenda because of risk."""

    TOPIC: ClassVar[str] = "UrgentItemAdded"

    case_id: CaseId
    person_id: PersonId
    referring_agency: AgencyName
    agencies_asked: tuple[AgencyName, ...]
    risk: PersonalText


class AgendaItemRemoved(MeetingEvent):
    """A case was taken off the agenda before it was heard."""

    TOPIC: ClassVar[str] = "AgendaItemRemoved"

    case_id: CaseId


class AgendaPublished(MeetingEvent):
    """The agenda was closed and sent, to each member what that member may see."""

    TOPIC: ClassVar[str] = "AgendaPublished"

    items: tuple[CaseId, ...]


class MeetingStarted(MeetingEvent):
    """The meeting began with a quorum; every attendee acknowledged confidentiality."""

    TOPIC: ClassVar[str] = "MeetingStarted"

    attendees: tuple[Attendee, ...]


class MeetingInquorate(MeetingEvent):
    """The meeting could not begin: the quorum was not met."""

    TOPIC: ClassVar[str] = "MeetingInquorate"

    attendees: tuple[Attendee, ...]
    missing: tuple[Code, ...]


class MeetingItemDecided(MeetingEvent):
    """The forum decided on an item; whether the agency that referred was missing is kept as a gap."""

    TOPIC: ClassVar[str] = "MeetingItemDecided"

    case_id: CaseId
    outcome: Code
    referring_agency_absent: bool = False


class MeetingConcluded(MeetingEvent):
    """Every item has its outcome and the meeting is over."""

    TOPIC: ClassVar[str] = "MeetingConcluded"

    minutes_due_at: Instant


class MinutesIssued(MeetingEvent):
    """The minutes and actions were sent; whether that was in time is kept."""

    TOPIC: ClassVar[str] = "MinutesIssued"

    minutes_ref: Code
    late: bool = False


class MeetingCancelled(MeetingEvent):
    """The chair called the meeting off; its items go back."""

    TOPIC: ClassVar[str] = "MeetingCancelled"

    explanation: StaffText


AnyMeetingEvent = (
    MeetingPlanned
    | AgendaOpened
    | AgendaItemAdded
    | UrgentItemAdded
    | AgendaItemRemoved
    | AgendaPublished
    | MeetingStarted
    | MeetingInquorate
    | MeetingItemDecided
    | MeetingConcluded
    | MinutesIssued
    | MeetingCancelled
)
