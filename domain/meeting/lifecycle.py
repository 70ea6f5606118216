"""The life of a forum meeting: planned, agenda opened and published, held with a quorum, concluded, minutes issued.

A coordinator prepares it, the chair runs it and alone may call it off. A meeting without its quorum is a fact, not an
error: its cases go back and wait for the next. The cases on its agenda are in `items.py`.
Source: machine C of the pathway (domain reference 2.6); clocks in the programme (2.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from domain.case.forum_review import ForumItemWithdrawn
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.geography import UnknownGeographyCode
from domain.meeting.events import (
    AgendaItemRemoved,
    AgendaOpened,
    AgendaPublished,
    Attendee,
    MeetingCancelled,
    MeetingConcluded,
    MeetingInquorate,
    MeetingPlanned,
    MeetingStarted,
    MinutesIssued,
)
from domain.meeting.items import ChairOnly, require_chair
from domain.meeting.state import MeetingStage
from domain.messages import (
    AgencyName,
    Code,
    Command,
    Event,
    Instant,
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

    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class MeetingInPast(RuleBroken):
    """starts_at: a meeting is planned ahead; {starts_at} has passed."""

    code = "meeting_in_past"


class ForumNotHeld(RuleBroken):
    """forum: there is no forum {forum} that serves a neighbourhood on {day}; known are: {known}."""

    code = "forum_not_held"


class AgendaOpensTooLate(RuleBroken):
    """short_notice_reason: an agenda opens by {opens_by}, so that agencies can prepare; after that only the chair opens it, saying why."""

    code = "agenda_opens_too_late"


class AgendaClosesTooEarly(RuleBroken):
    """The agenda takes cases until {day}, the day on which it is published; nothing was closed."""

    code = "agenda_closes_too_early"


class ConfidentialityNotAcknowledged(RuleBroken):
    """attendees: {how_many} of those present did not acknowledge the confidentiality statement; they do so, or leave, before the meeting starts."""

    code = "confidentiality_not_acknowledged"


class ItemsUndecided(Conflict):
    """{undecided} of the cases on the agenda have no outcome yet; decide them, or put them off, before the meeting ends."""

    code = "items_undecided"


class MeetingCancellationReasonRequired(RuleBroken):
    """explanation: a meeting is called off with a reason."""

    code = "meeting_cancellation_reason_required"


def require_forum_is_held(forum: str, starts_at: datetime, rules: Rules) -> None:
    day = rules.london_day(starts_at)
    try:
        if rules.geography.forum(forum).neighbourhoods(day):
            return
    except UnknownGeographyCode:
        pass  # the refusal below names those that there are
    held = sorted(one.code for one in rules.geography.forums() if one.neighbourhoods(day))
    raise ForumNotHeld(forum=forum, day=day.isoformat(), known=", ".join(held))


def require_opened_in_time(command: OpenAgenda, meeting: Meeting, moment: Moment) -> None:
    """Agencies get their time to bring cases, unless the chair sees why a meeting cannot wait that long.

    Source: machine C, OpenAgenda, "at least 10 working days before" (domain reference 2.6); extraordinary meetings
    with the chair's agreement: community MARAC (1.9). The number of days is the programme's.
    """
    if moment.now <= meeting.opens:
        return
    if moment.actor.role is not Role.CHAIR or not command.short_notice_reason:
        raise AgendaOpensTooLate(opens_by=meeting.opens.isoformat())


def require_not_closed_early(meeting: Meeting, moment: Moment, rules: Rules) -> None:
    """The agenda is published on its day; closed earlier, it would turn away cases. Later is late, but still possible.

    Source: machine C, CloseAgenda, "5 working days before" (domain reference 2.6).
    """
    day = rules.london_day(meeting.closes)
    if rules.london_day(moment.now) < day:
        raise AgendaClosesTooEarly(day=day.isoformat())


def require_confidentiality(attendees: Sequence[Attendee]) -> None:
    """Source: machine C, StartMeeting: acknowledged by each attendee (domain reference 2.6)."""
    silent = sum(not attendee.confidentiality_acknowledged for attendee in attendees)
    if silent:
        raise ConfidentialityNotAcknowledged(how_many=silent)


def missing_for_quorum(attendees: Sequence[Attendee], meeting: Meeting, rules: Rules) -> Iterator[str]:
    """What is missing for the meeting to decide, as codes; nothing when it is quorate.

    Whoever chairs and the coordinator sit for the meeting; agencies are counted by their members and deputies.
    The referring agency is asked of each item, when it is decided.
    Source: quorum (domain reference 2.6, proposed); acceptance scenario 21, chair and three agencies: inquorate.
    """
    quorum = rules.programme(meeting.programme).quorum
    parts = {attendee.part for attendee in attendees}
    seats = [attendee.agency for attendee in attendees if attendee.part in ("member", "deputy")]
    agencies = {rules.agency_name(name) for name in seats}
    sectors = {agency.sector for name in agencies if (agency := rules.agencies.find(name))}
    if quorum.chair_or_deputy and not parts & {"chair", "deputy_chair"}:
        yield "chair_or_deputy"
    if quorum.coordinator and "coordinator" not in parts:
        yield "coordinator"
    if len(agencies) < quorum.minimum_agencies:
        yield "agencies"
    if not sectors & set(quorum.one_of_sectors):
        yield "sector"


# -- commands --------------------------------------------------------------------------------------------------------

_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class RegisterLine(Message):
    """One line of the attendance register. Silence acknowledges nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    person: StaffRef
    agency: AgencyName
    part: Literal["chair", "deputy_chair", "coordinator", "member", "deputy"] = "member"
    confidentiality_acknowledged: bool = False


class PlanMeeting(Command):
    """Set a meeting of a forum; its agenda and its returns get their dates from the programme."""

    NAME: ClassVar[str] = "plan-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "forum": "ardwick-longsight",
        "starts_at": "2027-01-20T10:00:00+00:00",
    }

    meeting_id: MeetingId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    programme: Code = "manchester-maps"
    forum: Code
    starts_at: Instant


class OpenAgenda(Command):
    """Let the agenda take cases."""

    NAME: ClassVar[str] = "open-agenda"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId
    short_notice_reason: StaffText | None = Field(
        None, description="the chair's reason when it is later than the programme asks for"
    )


class CloseAgenda(Command):
    """Close the agenda and publish it, to each member what that member may see."""

    NAME: ClassVar[str] = "close-agenda"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class StartMeeting(Command):
    """Begin the meeting with its attendance register; without a quorum it does not begin and its cases go back."""

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
    attendees: tuple[Annotated[RegisterLine, Staff()], ...] = Field(max_length=200)


class ConcludeMeeting(Command):
    """End the meeting, once every case on its agenda has an outcome."""

    NAME: ClassVar[str] = "conclude-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class IssueMinutes(Command):
    """Send the minutes and actions; the minutes themselves stay in the council's records."""

    NAME: ClassVar[str] = "issue-minutes"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING, "minutes_ref": "minutes-2027-01-20"}

    meeting_id: MeetingId
    minutes_ref: Code = Field(description="where the minutes are kept")


class CancelMeeting(Command):
    """Call a meeting off, with a reason; for the chair. Every case on its agenda goes back."""

    NAME: ClassVar[str] = "cancel-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING, "explanation": "The building is closed"}

    meeting_id: MeetingId
    explanation: StaffText


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(PlanMeeting, starts=("Meeting",), refuses=(MeetingInPast, ForumNotHeld))
def plan_meeting(command: PlanMeeting, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    meeting.require(command, MeetingStage.NEW)
    programme = rules.programme(command.programme)
    if command.starts_at <= moment.now:
        raise MeetingInPast(starts_at=command.starts_at.isoformat())
    require_forum_is_held(command.forum, command.starts_at, rules)
    return [
        MeetingPlanned(
            meeting_id=meeting.meeting_id,
            forum=command.forum,
            programme=programme.name,
            programme_version=programme.version,
            starts_at=command.starts_at,
            agenda_opens_at=rules.deadline(programme.name, "agenda_open", command.starts_at),
            agenda_closes_at=rules.deadline(programme.name, "agenda_published", command.starts_at),
            returns_due_at=rules.deadline(programme.name, "information_returns", command.starts_at),
        )
    ]


@decides(OpenAgenda, refuses=(AgendaOpensTooLate,))
def open_agenda(command: OpenAgenda, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    meeting.require(command, MeetingStage.PLANNED)
    require_opened_in_time(command, meeting, moment)
    return [
        AgendaOpened(meeting_id=meeting.meeting_id, short_notice_reason=command.short_notice_reason or None)
    ]


@decides(CloseAgenda, refuses=(AgendaClosesTooEarly,))
def close_agenda(command: CloseAgenda, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    meeting.require(command, MeetingStage.AGENDA_OPEN)
    require_not_closed_early(meeting, moment, rules)
    return [AgendaPublished(meeting_id=meeting.meeting_id, items=tuple(meeting.items))]


@decides(StartMeeting, refuses=(ConfidentialityNotAcknowledged,))
def start_meeting(command: StartMeeting, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    meeting.require(command, MeetingStage.AGENDA_CLOSED)
    attendees = tuple(Attendee.model_validate(line.model_dump()) for line in command.attendees)
    require_confidentiality(attendees)
    missing = tuple(missing_for_quorum(attendees, meeting, rules))
    if not missing:
        return [MeetingStarted(meeting_id=meeting.meeting_id, attendees=attendees)]
    inquorate = MeetingInquorate(meeting_id=meeting.meeting_id, attendees=attendees, missing=missing)
    return [inquorate, *_items_go_back(meeting, "inquorate", moment, rules)]


@decides(ConcludeMeeting, refuses=(ItemsUndecided,))
def conclude_meeting(
    command: ConcludeMeeting, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    meeting.require(command, MeetingStage.IN_SESSION)
    if meeting.undecided:
        raise ItemsUndecided(undecided=len(meeting.undecided))
    minutes_due_at = rules.deadline(meeting.programme, "minutes", moment.now)
    return [MeetingConcluded(meeting_id=meeting.meeting_id, minutes_due_at=minutes_due_at)]


@decides(IssueMinutes)
def issue_minutes(command: IssueMinutes, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    """Minutes are due within three working days; late ones are still sent, and count as late.

    Source: machine C, IssueMinutes (domain reference 2.6).
    """
    meeting.require(command, MeetingStage.CONCLUDED)
    late = meeting.minutes_due_at is not None and moment.effective_at > meeting.minutes_due_at
    return [MinutesIssued(meeting_id=meeting.meeting_id, minutes_ref=command.minutes_ref, late=late)]


@decides(CancelMeeting, refuses=(ChairOnly, MeetingCancellationReasonRequired))
def cancel_meeting(command: CancelMeeting, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    meeting.require(command, MeetingStage.PLANNED, MeetingStage.AGENDA_OPEN, MeetingStage.AGENDA_CLOSED)
    require_chair(moment)
    if not command.explanation:
        raise MeetingCancellationReasonRequired
    cancelled = MeetingCancelled(meeting_id=meeting.meeting_id, explanation=command.explanation)
    return [cancelled, *_items_go_back(meeting, "meeting_cancelled", moment, rules)]


def _items_go_back(
    meeting: Meeting, because: Literal["meeting_cancelled", "inquorate"], moment: Moment, rules: Rules
) -> Iterator[Event]:
    """Every case on the agenda is ready again and waits for another meeting; both sides are told."""
    for item in meeting.items.values():
        yield ForumItemWithdrawn(
            case_id=item.case_id,
            person_id=item.person_id,
            meeting_id=meeting.meeting_id,
            because=because,
            listing_due_at=rules.deadline(meeting.programme, "listing", moment.now),
        )
        yield AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=item.case_id)
