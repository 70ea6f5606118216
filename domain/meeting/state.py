"""The forum meeting as its events tell it, and the one table of moves between its stages. `evolve` only assigns.

Source: machine C of the pathway (domain reference 2.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, assert_never

from domain.errors import AlreadyRecorded, Conflict, NotFound, NotYetDue
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
    "UrgentItemsHandledByChair": {S.INQUORATE: S.CONCLUDED},
    "ItemsDeferred": {S.INQUORATE: S.CONCLUDED},
    "MeetingConcluded": {S.IN_SESSION: S.CONCLUDED},
    "MinutesIssued": {S.CONCLUDED: S.MINUTES_ISSUED},
    "MeetingCancelled": dict.fromkeys((S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED), S.CANCELLED),
}
"""Event topic → from which stage to which. An event that is not here leaves the stage as it is."""

BEFORE_THE_MEETING = (S.PLANNED, S.AGENDA_OPEN, S.AGENDA_CLOSED)


class WrongMeetingStage(Conflict):
    """{command} is for a meeting in stage {allowed}; this meeting is in stage {stage}."""

    code = "wrong_meeting_stage"


@dataclass(slots=True)
class Item:
    """What is on the agenda, and what became of it. Of an advice item nothing is known but its case's id."""

    case_id: CaseId
    kind: Literal["case", "review", "advice"] = "case"
    person_id: PersonId | None = None
    referring_agency: str = ""
    agencies_asked: tuple[str, ...] = ()
    urgent: bool = False
    outcome: str | None = None
    conflicted: dict[str, str] = field(default_factory=dict)
    """Who declared an interest in it, and for which agency they sit."""


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
    short_notice: bool = False
    cadence_slot: datetime | None = None
    """Of a forum that meets regularly, the time at which its turn was; the next is counted from here."""
    due: dict[str, datetime] = field(default_factory=dict)
    """Running clocks by name; a clock leaves when what it waited for happened."""
    overdue: set[str] = field(default_factory=set)
    items: dict[CaseId, Item] = field(default_factory=dict)
    attendees: tuple[m.Attendee, ...] = ()
    handled_by_chair: tuple[CaseId, ...] = ()
    ratified: bool | None = None
    minutes_refs: tuple[str, ...] = ()
    minutes_due_at: datetime | None = None

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

    def require_item(self, case_id: CaseId) -> Item:
        """The item of this case, if it is on the agenda."""
        item = self.items.get(case_id)
        if item is None:
            raise NotFound(kind="item of this meeting", id=case_id)
        return item

    def require_passed(self, command: Command, clock: str, now: datetime) -> datetime:
        """The deadline of a running clock, once it has passed."""
        due_at = self.due.get(clock)
        if due_at is None:
            raise WrongMeetingStage(
                command=command.NAME, allowed=f"any in which the clock {clock} runs", stage=self.stage
            )
        if now < due_at:
            raise NotYetDue(command=command.NAME, due_at=due_at)
        return due_at

    def require_newly_passed(self, command: Command, clock: str, now: datetime, *, what: str) -> datetime:
        """The deadline of a running clock, once it has passed and as long as nobody has marked it."""
        due_at = self.require_passed(command, clock, now)
        if clock in self.overdue:
            raise AlreadyRecorded(what=what)
        return due_at

    def run_clock(self, clock: str, due_at: datetime | None) -> None:
        """A clock runs from now on, if the event named its end."""
        if due_at is not None:
            self.due[clock] = due_at

    def stop_clocks(self, *clocks: str) -> None:
        """What they waited for happened, or can happen no more."""
        for clock in clocks:
            self.due.pop(clock, None)
            self.overdue.discard(clock)


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
            meeting.returns_due_at, meeting.short_notice = event.returns_due_at, event.short_notice
            meeting.cadence_slot = event.cadence_slot
            meeting.run_clock("agenda_open", event.agenda_opens_at)
            meeting.run_clock("start", event.start_due_at)
            meeting.run_clock("next_meeting", event.next_planned_at)
        case m.NextMeetingPlanned():
            meeting.stop_clocks("next_meeting")
        case m.AgendaOpened():
            meeting.stop_clocks("agenda_open")
            meeting.run_clock("agenda_publish", event.publish_due_at or meeting.agenda_closes_at)
        case m.AgendaOverdue():
            meeting.overdue.add("agenda_open")
        case m.AgendaItemAdded() | m.UrgentItemAdded():
            meeting.items[event.case_id] = Item(
                event.case_id,
                event.kind,
                event.person_id,
                event.referring_agency,
                event.agencies_asked,
                urgent=isinstance(event, m.UrgentItemAdded),
            )
        case m.AdviceItemAdded():
            meeting.items[event.case_id] = Item(event.case_id, "advice")
        case m.AgendaItemRemoved():
            meeting.items.pop(event.case_id, None)
        case m.AgendaPublished():
            meeting.stop_clocks("agenda_publish")
        case m.MeetingStartOverdue():
            meeting.overdue.add("start")
        case m.MeetingStarted():
            meeting.stop_clocks("start")
            meeting.attendees = event.attendees
            meeting.run_clock("conclusion", event.conclude_due_at)
        case m.MeetingConclusionOverdue():
            meeting.overdue.add("conclusion")
        case m.MeetingInquorate():
            meeting.stop_clocks("start")
            meeting.attendees = event.attendees
            meeting.run_clock("chair_decision", event.chair_decides_by)
        case m.ChairDecisionOverdue():
            meeting.overdue.add("chair_decision")
        case m.ItemsDeferred():
            meeting.stop_clocks("chair_decision")
            meeting.minutes_due_at = event.minutes_due_at
            meeting.run_clock("minutes", event.minutes_due_at)
        case m.UrgentItemsHandledByChair():
            meeting.stop_clocks("chair_decision")
            meeting.handled_by_chair, meeting.minutes_due_at = event.items, event.minutes_due_at
            meeting.run_clock("minutes", event.minutes_due_at)
            meeting.run_clock("ratification", event.ratification_due_at)
        case m.UrgentDecisionsRatified():
            meeting.ratified = True
            meeting.stop_clocks("ratification")
        case m.UrgentDecisionsNotRatified():
            meeting.ratified = False
            meeting.stop_clocks("ratification")
        case m.EarlierDecisionsConsidered():
            pass
        case m.RatificationOverdue():
            meeting.overdue.add("ratification")
        case m.InterestDeclared():
            meeting.items[event.case_id].conflicted[event.attendee] = event.agency
        case m.MeetingItemDecided():
            meeting.items[event.case_id].outcome = event.outcome
        case m.MeetingConcluded():
            meeting.stop_clocks("conclusion")
            meeting.minutes_due_at = event.minutes_due_at
            meeting.run_clock("minutes", event.minutes_due_at)
        case m.MinutesIssued():
            meeting.stop_clocks("minutes")
            meeting.minutes_refs = (event.minutes_ref,)
        case m.MinutesOverdue():
            meeting.overdue.add("minutes")
        case m.MinutesCorrected():
            meeting.minutes_refs = (*meeting.minutes_refs, event.minutes_ref)
        case m.MeetingNotificationRetried():
            pass
        case m.MeetingCancelled():
            kept = () if event.ends_cadence or event.replaced_by else ("next_meeting",)
            meeting.stop_clocks(*(clock for clock in meeting.due if clock not in kept))
        case _:
            assert_never(event)
    return meeting
