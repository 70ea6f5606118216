"""The forum meeting as its events tell it, and the one table of moves between its stages. `evolve` only assigns.

Source: machine C of the pathway (domain reference 2.6).
"""

from __future__ import annotations

from collections.abc import Mapping
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


S = MeetingStage
MOVES: Mapping[str, Mapping[MeetingStage, MeetingStage]] = {
    "MeetingPlanned": {S.NEW: S.PLANNED},
    "AgendaOpened": {S.PLANNED: S.AGENDA_OPEN},
    "AgendaPublished": {S.AGENDA_OPEN: S.AGENDA_CLOSED},
    "MeetingStarted": {S.AGENDA_CLOSED: S.IN_SESSION},
    "MeetingInquorate": {S.AGENDA_CLOSED: S.INQUORATE},
    "MeetingConcluded": {S.IN_SESSION: S.CONCLUDED},
    "MinutesIssued": {S.CONCLUDED: S.MINUTES_ISSUED},
    "MeetingCancelled": dict.fromkeys((S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED), S.CANCELLED),
}
"""Event topic → from which stage to which. An event that is not here leaves the stage as it is."""


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

    @property
    def start(self) -> datetime:
        """When the meeting begins; only for a meeting that was planned."""
        return _planned(self.starts_at)

    @property
    def opens(self) -> datetime:
        """Until when the agenda is opened in good time; only for a meeting that was planned."""
        return _planned(self.agenda_opens_at)

    @property
    def closes(self) -> datetime:
        """When the agenda is published; only for a meeting that was planned."""
        return _planned(self.agenda_closes_at)

    @property
    def returns_due(self) -> datetime:
        """By when agencies return what they know; only for a meeting that was planned."""
        return _planned(self.returns_due_at)

    @property
    def undecided(self) -> list[Item]:
        """The items that have no outcome yet."""
        return [item for item in self.items.values() if item.outcome is None]

    def require(self, command: Command, *stages: MeetingStage) -> None:
        """Refuse a command that is not for the stage the meeting is in."""
        if self.stage not in stages:
            raise WrongMeetingStage(command=command.NAME, allowed=", ".join(stages), stage=self.stage)


def _planned(instant: datetime | None) -> datetime:
    if instant is None:
        raise ValueError("a meeting that nobody planned has no times")
    return instant


def evolve(meeting: Meeting, event: m.AnyMeetingEvent) -> Meeting:
    """Assign what the event says."""
    meeting.stage = MOVES.get(event.TOPIC, {}).get(meeting.stage, meeting.stage)
    match event:
        case m.MeetingPlanned():
            meeting.forum, meeting.programme = event.forum, event.programme
            meeting.programme_version, meeting.starts_at = event.programme_version, event.starts_at
            meeting.agenda_opens_at, meeting.agenda_closes_at = event.agenda_opens_at, event.agenda_closes_at
            meeting.returns_due_at = event.returns_due_at
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
        case m.MeetingStarted() | m.MeetingInquorate():
            meeting.attendees = event.attendees
        case m.MeetingItemDecided():
            meeting.items[event.case_id].outcome = event.outcome
        case m.MeetingConcluded():
            meeting.minutes_due_at = event.minutes_due_at
        case m.AgendaOpened() | m.AgendaPublished() | m.MinutesIssued() | m.MeetingCancelled():
            pass
        case _:
            assert_never(event)
    return meeting
