"""The forum meeting as its events tell it. `evolve` only assigns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain.errors import Conflict
from domain.meeting import events as m
from domain.messages import CaseId, Command, MeetingId, PersonId


class MeetingStage(StrEnum):
    """Where a meeting stands."""

    NEW = "New"
    PLANNED = "Planned"
    AGENDA_OPEN = "AgendaOpen"
    AGENDA_CLOSED = "AgendaClosed"
    IN_SESSION = "InSession"
    CONCLUDED = "Concluded"
    MINUTES_ISSUED = "MinutesIssued"
    CANCELLED = "Cancelled"
    INQUORATE = "Inquorate"


class WrongMeetingStage(Conflict):
    """{command} is for a meeting in stage {allowed}; this meeting is in stage {stage}."""

    code = "wrong_meeting_stage"


@dataclass(slots=True)
class Item:
    """A case on the agenda and what became of it."""

    case_id: CaseId
    person_id: PersonId
    referring_agency: str
    agencies_asked: tuple[str, ...]
    urgent: bool = False
    outcome: str | None = None


@dataclass(slots=True)
class Meeting:
    """One meeting of one forum."""

    meeting_id: MeetingId
    stage: MeetingStage = MeetingStage.NEW
    forum: str = ""
    programme: str = ""
    programme_version: str = ""
    starts_at: datetime | None = None
    agenda_opens_at: datetime | None = None
    agenda_closes_at: datetime | None = None
    returns_due_at: datetime | None = None
    minutes_due_at: datetime | None = None
    items: dict[CaseId, Item] = field(default_factory=dict)
    attendees: tuple[m.Attendee, ...] = ()

    @property
    def exists(self) -> bool:
        return self.stage is not MeetingStage.NEW

    def require(self, command: Command, *stages: MeetingStage) -> None:
        """Refuse a command that is not for the stage the meeting is in."""
        if self.stage not in stages:
            raise WrongMeetingStage(command=command.NAME, allowed=", ".join(stages), stage=self.stage)


def evolve(meeting: Meeting, event: m.AnyMeetingEvent) -> Meeting:
    """Assign what the event says."""
    match event:
        case m.MeetingPlanned():
            meeting.stage = MeetingStage.PLANNED
            meeting.forum, meeting.programme = event.forum, event.programme
            meeting.programme_version, meeting.starts_at = event.programme_version, event.starts_at
            meeting.agenda_opens_at, meeting.agenda_closes_at = event.agenda_opens_at, event.agenda_closes_at
            meeting.returns_due_at = event.returns_due_at
        case m.AgendaOpened():
            meeting.stage = MeetingStage.AGENDA_OPEN
        case m.AgendaItemAdded() | m.UrgentItemAdded():
            meeting.items[event.case_id] = Item(
                event.case_id,
                event.person_id,
                event.referring_agency,
                event.agencies_asked,
                urgent=isinstance(event, m.UrgentItemAdded),
            )
        case m.AgendaItemRemoved():
            meeting.items.pop(event.case_id, None)
        case m.AgendaPublished():
            meeting.stage = MeetingStage.AGENDA_CLOSED
        case m.MeetingStarted():
            meeting.stage, meeting.attendees = MeetingStage.IN_SESSION, event.attendees
        case m.MeetingInquorate():
            meeting.stage, meeting.attendees = MeetingStage.INQUORATE, event.attendees
        case m.MeetingItemDecided():
            meeting.items[event.case_id].outcome = event.outcome
        case m.MeetingConcluded():
            meeting.stage, meeting.minutes_due_at = MeetingStage.CONCLUDED, event.minutes_due_at
        case m.MinutesIssued():
            meeting.stage = MeetingStage.MINUTES_ISSUED
        case m.MeetingCancelled():
            meeting.stage = MeetingStage.CANCELLED
        case _:
            assert_never(event)
    return meeting
