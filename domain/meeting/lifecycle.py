"""The day of a forum meeting and the days before it: agenda opened and published, held with a quorum, concluded.

A coordinator prepares it, the chair runs it. A meeting without its quorum is a fact, not an error: what becomes of its
items is the chair's to say (`inquorate.py`). Planning and calling off are in `planning.py`, minutes in `minutes.py`, the
cases on the agenda in `items.py`. What nobody opens or closes in time, the engine does.
Source: machine C of the pathway (domain reference 2.6); clocks in the programme (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.meeting.audience import knows_who
from domain.meeting.events import (
    AgendaItemRemoved,
    AgendaOpened,
    AgendaOverdue,
    AgendaPublished,
    Attendee,
    MeetingConcluded,
    MeetingConclusionOverdue,
    MeetingInquorate,
    MeetingStarted,
    MeetingStartOverdue,
    Redaction,
)
from domain.meeting.off_agenda import still_listed
from domain.meeting.quorum import missing_for_quorum
from domain.meeting.state import BEFORE_THE_MEETING, MeetingStage
from domain.messages import (
    AgencyName,
    Command,
    Event,
    MeetingId,
    Message,
    Moment,
    Staff,
    StaffRef,
    StaffText,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class AgendaOpensTooLate(RuleBroken):
    """short_notice_reason: an agenda opens by {opens_by}, so that agencies can prepare; after that only the chair opens it, saying why."""

    code = "agenda_opens_too_late"


class AgendaClosesTooEarly(RuleBroken):
    """The agenda takes cases until {day}, the day on which it is published; nothing was closed."""

    code = "agenda_closes_too_early"


class MeetingStartsTooEarly(RuleBroken):
    """A meeting begins at its time, {starts_at}, or up to {minutes} minutes before; it is not that time yet."""

    code = "meeting_starts_too_early"


class ConfidentialityNotAcknowledged(RuleBroken):
    """attendees: {how_many} of those present did not acknowledge the confidentiality statement; they do so, or leave, before the meeting starts."""

    code = "confidentiality_not_acknowledged"


class ItemsUndecided(Conflict):
    """{undecided} of the cases on the agenda have no outcome yet; decide them, or put them off, before the meeting ends."""

    code = "items_undecided"


def require_opened_in_time(command: OpenAgenda, meeting: Meeting, moment: Moment) -> None:
    """Agencies get their time to bring cases, unless the chair sees why a meeting cannot wait that long.

    Source: machine C, OpenAgenda, "at least 10 working days before" (domain reference 2.6); extraordinary meetings
    with the chair's agreement: community MARAC (1.9). The number of days is the programme's.
    """
    if moment.now <= meeting.opens:
        return
    if moment.actor.role is Role.SYSTEM and not meeting.short_notice:
        return
    if moment.actor.role is not Role.CHAIR or not command.short_notice_reason:
        raise AgendaOpensTooLate(opens_by=meeting.opens)


def require_not_closed_early(meeting: Meeting, moment: Moment, rules: Rules) -> None:
    """The agenda is published on its day; closed earlier, it would turn away cases. Later is late, but still possible.

    Source: machine C, CloseAgenda, "5 working days before" (domain reference 2.6).
    """
    day = rules.london_day(meeting.closes)
    if rules.london_day(moment.now) < day:
        raise AgendaClosesTooEarly(day=day.isoformat())


def require_its_time_has_come(meeting: Meeting, moment: Moment, rules: Rules) -> None:
    """Who comes at the time that was sent out finds a meeting that has not begun without them."""
    minutes = rules.programme(meeting.programme).forum.starts_early_minutes
    if moment.now < meeting.start - timedelta(minutes=minutes):
        raise MeetingStartsTooEarly(starts_at=meeting.start, minutes=minutes)


def require_confidentiality(attendees: Sequence[Attendee]) -> None:
    """Source: machine C, StartMeeting: acknowledged by each attendee (domain reference 2.6)."""
    silent = sum(not attendee.confidentiality_acknowledged for attendee in attendees)
    if silent:
        raise ConfidentialityNotAcknowledged(how_many=silent)


# -- commands --------------------------------------------------------------------------------------------------------

_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class RegisterLine(Message):
    """One line of the attendance register. Silence acknowledges nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    person: StaffRef
    agency: AgencyName
    part: Literal["chair", "deputy_chair", "coordinator", "member", "deputy"] = "member"
    confidentiality_acknowledged: bool = False


class OpenAgenda(Command):
    """Let the agenda take cases; at its last hour the engine does it, if nobody else has."""

    NAME: ClassVar[str] = "open-agenda"
    PERMISSION: ClassVar[Permission] = Permission.RUN_AGENDA
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId
    short_notice_reason: StaffText | None = Field(
        None, description="the chair's reason when it is later than the programme asks for"
    )


class MarkAgendaOverdue(Command):
    """Record that an agenda was not opened in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-agenda-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class CloseAgenda(Command):
    """Close the agenda and publish it, to each member what that member may see; the engine does it if nobody else has."""

    NAME: ClassVar[str] = "close-agenda"
    PERMISSION: ClassVar[Permission] = Permission.RUN_AGENDA
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class StartMeeting(Command):
    """Begin the meeting with its attendance register; without a quorum it does not begin, and the chair decides."""

    NAME: ClassVar[str] = "start-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "meeting_id": _MEETING,
        "attendees": [
            {"person": ref, "agency": agency, "part": part, "confidentiality_acknowledged": True}
            for ref, agency, part in (
                ("chair-1", "MCC Community Safety", "chair"),
                ("coordinator-1", "MCC Community Safety", "coordinator"),
                ("officer-7", "Greater Manchester Police", "member"),
                ("housing-officer-3", "One Manchester", "member"),
                ("cgl-rep-1", "Change Grow Live", "member"),
                ("support-worker-2", "Shelter", "deputy"),
            )
        ],
    }

    meeting_id: MeetingId
    attendees: tuple[Annotated[RegisterLine, Staff()], ...] = Field(
        max_length=200,
        description="for the quorum agencies count by their members and deputies; chair and coordinator sit for the meeting",
    )


class MarkStartOverdue(Command):
    """Record that a meeting is past and was neither begun nor called off; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-start-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class ConcludeMeeting(Command):
    """End the meeting, once every case on its agenda has an outcome."""

    NAME: ClassVar[str] = "conclude-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class MarkConclusionOverdue(Command):
    """Record that a meeting began and that nobody ended it in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-conclusion-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(OpenAgenda, refuses=(AgendaOpensTooLate,))
def open_agenda(command: OpenAgenda, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    """On short notice the day of publication may be over: then the agenda takes cases until the meeting begins."""
    meeting.require(command, MeetingStage.PLANNED)
    if moment.actor.role is Role.SYSTEM:
        meeting.require_passed(command, "agenda_open", moment.now)
    require_opened_in_time(command, meeting, moment)
    return [
        AgendaOpened(
            meeting_id=meeting.meeting_id,
            short_notice_reason=command.short_notice_reason or None,
            publish_due_at=meeting.closes if moment.now < meeting.closes else meeting.start,
        )
    ]


@decides(MarkAgendaOverdue, refuses=(AlreadyRecorded,))
def mark_agenda_overdue(command: MarkAgendaOverdue, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    meeting.require(command, MeetingStage.PLANNED)
    due_at = meeting.require_newly_passed(
        command, "agenda_open", moment.now, what="that the agenda is overdue"
    )
    return [AgendaOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]


@decides(CloseAgenda, refuses=(AgendaClosesTooEarly,))
def close_agenda(
    command: CloseAgenda, meeting: Meeting, cases: Sequence[Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """What is published names for each item the agencies that were asked and may not learn whom it is about.

    Source: machine C, CloseAgenda, "redacted per member" (domain reference 2.6).
    """
    meeting.require(command, MeetingStage.AGENDA_OPEN)
    if moment.actor.role is Role.SYSTEM:
        meeting.require_passed(command, "agenda_publish", moment.now)
    require_not_closed_early(meeting, moment, rules)
    redacted = [
        Redaction(case_id=case.case_id, agencies=unaware)
        for case in cases
        if (unaware := _unaware(case, meeting, moment.now, rules))
    ]
    return [
        AgendaPublished(meeting_id=meeting.meeting_id, items=tuple(meeting.items), redacted=tuple(redacted))
    ]


def _unaware(case: Case, meeting: Meeting, at: datetime, rules: Rules) -> tuple[str, ...]:
    asked = meeting.items[case.case_id].agencies_asked
    return tuple(agency for agency in asked if not knows_who(case, agency, at, rules))


@decides(StartMeeting, refuses=(MeetingStartsTooEarly, ConfidentialityNotAcknowledged))
def start_meeting(command: StartMeeting, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    """What the meeting decides is on record a working day later, and so is its end, from which the minutes are due.

    Source: decision record (proposed in the programme); minutes clock (domain reference 2.3).
    """
    meeting.require(command, MeetingStage.AGENDA_CLOSED)
    require_its_time_has_come(meeting, moment, rules)
    attendees = tuple(
        Attendee.model_validate(line.model_dump() | {"agency": rules.agency_name(line.agency)})
        for line in command.attendees
    )
    require_confidentiality(attendees)
    missing = tuple(missing_for_quorum(attendees, meeting, rules))
    recorded_by = rules.deadline(meeting.programme, "decision_record", moment.now)
    if not missing:
        started = MeetingStarted(
            meeting_id=meeting.meeting_id, attendees=attendees, conclude_due_at=recorded_by
        )
        return [started]
    return [
        MeetingInquorate(
            meeting_id=meeting.meeting_id,
            attendees=attendees,
            missing=missing,
            chair_decides_by=recorded_by,
        )
    ]


@decides(MarkStartOverdue, refuses=(AlreadyRecorded,))
def mark_start_overdue(command: MarkStartOverdue, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    meeting.require(command, *BEFORE_THE_MEETING)
    due_at = meeting.require_newly_passed(
        command, "start", moment.now, what="that the start of the meeting is overdue"
    )
    return [MeetingStartOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]


@decides(ConcludeMeeting, refuses=(ItemsUndecided,))
def conclude_meeting(
    command: ConcludeMeeting, meeting: Meeting, cases: Sequence[Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A case that closed while it was on the agenda needs no outcome here: it is taken off."""
    meeting.require(command, MeetingStage.IN_SESSION)
    listed = {case.case_id for case in still_listed(cases, meeting)}
    undecided = [item.case_id for item in meeting.undecided]
    waiting = [case_id for case_id in undecided if case_id in listed]
    if waiting:
        raise ItemsUndecided(undecided=len(waiting))
    return [
        *(AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=case_id) for case_id in undecided),
        MeetingConcluded(
            meeting_id=meeting.meeting_id,
            minutes_due_at=rules.deadline(meeting.programme, "minutes", moment.now),
        ),
    ]


@decides(MarkConclusionOverdue, refuses=(AlreadyRecorded,))
def mark_conclusion_overdue(
    command: MarkConclusionOverdue, meeting: Meeting, moment: Moment
) -> Sequence[Event]:
    meeting.require(command, MeetingStage.IN_SESSION)
    due_at = meeting.require_newly_passed(
        command, "conclusion", moment.now, what="that the end of the meeting is overdue"
    )
    return [MeetingConclusionOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]
