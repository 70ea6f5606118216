"""Planning of forum meetings: by people, and by the engine for a forum that meets regularly; and calling one off.

A meeting that repeats holds a slot of its forum's cadence; the next slot is counted from there, whatever became of the
meeting itself. Only the chair calls a meeting off, for another date or none; its cases go back.
Source: machine C, CancelMeeting (domain reference 2.6); forum cadence (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.calendar import LONDON
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.geography import UnknownGeographyCode
from domain.meeting.events import MeetingCancelled, MeetingPlanned, NextMeetingPlanned
from domain.meeting.items import ChairOnly, require_chair
from domain.meeting.off_agenda import items_go_back
from domain.meeting.state import BEFORE_THE_MEETING, MeetingStage
from domain.messages import Code, Command, Event, Instant, MeetingId, Moment, StaffText
from domain.roles import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class MeetingInPast(RuleBroken):
    """starts_at: a meeting is planned ahead; {starts_at} has passed."""

    code = "meeting_in_past"


class ForumNotHeld(RuleBroken):
    """forum: there is no forum {forum} that serves a neighbourhood on {day}; known are: {known}."""

    code = "forum_not_held"


class MeetingCancellationReasonRequired(RuleBroken):
    """explanation: a meeting is called off with a reason."""

    code = "meeting_cancellation_reason_required"


class NoCadence(RuleBroken):
    """meeting_id: this meeting was planned once and does not repeat; plan the next one with plan-meeting."""

    code = "no_cadence"


class CadenceGoesOn(RuleBroken):
    """ends_cadence: the next meeting of this forum is planned already; end the cadence by cancelling that one."""

    code = "cadence_goes_on"


def require_ahead(starts_at: datetime, moment: Moment) -> None:
    if starts_at <= moment.now:
        raise MeetingInPast(starts_at=starts_at)


def require_forum_is_held(forum: str, starts_at: datetime, rules: Rules) -> None:
    day = rules.london_day(starts_at)
    try:
        if rules.geography.forum(forum).neighbourhoods(day):
            return
    except UnknownGeographyCode:
        pass  # the refusal below names those that there are
    held = sorted(one.code for one in rules.geography.forums() if one.neighbourhoods(day))
    raise ForumNotHeld(forum=forum, day=day.isoformat(), known=", ".join(held))


def next_slot(meeting: Meeting, moment: Moment, rules: Rules) -> datetime:
    """The next turn in the cadence whose agenda can still be opened in good time; turns that were slept through are over.

    Source: forum cadence, every four weeks (domain reference 2.3); the length is the programme's.
    """
    if meeting.cadence_slot is None:
        raise NoCadence
    slot = meeting.cadence_slot
    while True:
        slot = rules.deadline(meeting.programme, "forum_cadence", slot)
        if moment.now < rules.deadline(meeting.programme, "agenda_open", slot):
            return slot


def on_a_working_day(slot: datetime, rules: Rules) -> datetime:
    """The meeting for a slot: at the same time on the next working day, should the slot fall on a bank holiday."""
    local = slot.astimezone(LONDON)
    if rules.calendar.is_working_day(local.date()):
        return slot
    day = rules.calendar.next_working_day(local.date())
    return rules.calendar.add_calendar_days(slot, (day - local.date()).days)


def planned(
    meeting_id: MeetingId,
    *,
    forum: str,
    programme: str,
    starts_at: datetime,
    slot: datetime | None,
    moment: Moment,
    rules: Rules,
) -> MeetingPlanned:
    """A meeting with its dates: its agenda and returns are counted back, the next meeting is planned in time."""
    agenda_opens_at = rules.deadline(programme, "agenda_open", starts_at)
    agenda_closes_at = rules.deadline(programme, "agenda_published", starts_at)
    return MeetingPlanned(
        meeting_id=meeting_id,
        forum=forum,
        programme=programme,
        programme_version=rules.programme(programme).version,
        starts_at=starts_at,
        agenda_opens_at=agenda_opens_at,
        agenda_closes_at=agenda_closes_at,
        returns_due_at=rules.deadline(programme, "information_returns", starts_at),
        start_due_at=rules.deadline(programme, "decision_record", starts_at),
        short_notice=agenda_opens_at < moment.now,
        cadence_slot=slot,
        next_planned_at=None if slot is None else starts_at,
    )


# -- commands --------------------------------------------------------------------------------------------------------

_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


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
    forum: Code = Field(description="code of the forum, such as ardwick-longsight")
    starts_at: Instant
    repeats: bool = Field(
        False, description="the forum meets regularly from now on, and the engine plans its next meetings"
    )


class PlanNextMeeting(Command):
    """Plan the next meeting of a forum that meets regularly; issued by the engine's own timer."""

    NAME: ClassVar[str] = "plan-next-meeting"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class CancelMeeting(Command):
    """Call a meeting off, with a reason; for the chair. Every case on its agenda goes back."""

    NAME: ClassVar[str] = "cancel-meeting"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING, "explanation": "The building is closed"}

    meeting_id: MeetingId
    explanation: StaffText
    replacement_starts_at: Instant | None = Field(
        None, description="the date on which it is held instead; none when left out"
    )
    ends_cadence: bool = Field(
        False, description="the forum no longer meets regularly, and the engine plans no next meeting"
    )


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(PlanMeeting, starts=("Meeting",), refuses=(MeetingInPast, ForumNotHeld))
def plan_meeting(command: PlanMeeting, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    meeting.require(command, MeetingStage.NEW)
    programme = rules.programme(command.programme)
    require_ahead(command.starts_at, moment)
    require_forum_is_held(command.forum, command.starts_at, rules)
    return [
        planned(
            meeting.meeting_id,
            forum=command.forum,
            programme=programme.name,
            starts_at=command.starts_at,
            slot=command.starts_at if command.repeats else None,
            moment=moment,
            rules=rules,
        )
    ]


@decides(PlanNextMeeting, refuses=(NoCadence, AlreadyRecorded, ForumNotHeld))
def plan_next_meeting(
    command: PlanNextMeeting, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A regular forum always has a meeting ahead: once one begins, or should have, the next one is planned."""
    slot = next_slot(meeting, moment, rules)
    if "next_meeting" not in meeting.due:
        raise AlreadyRecorded(what="the next meeting of this forum")
    meeting.require_passed(command, "next_meeting", moment.now)
    starts_at = on_a_working_day(slot, rules)
    require_forum_is_held(meeting.forum, starts_at, rules)
    next_meeting = MeetingId(moment.new_id("meeting"))
    return [
        NextMeetingPlanned(meeting_id=meeting.meeting_id, next_meeting=next_meeting, starts_at=starts_at),
        planned(
            next_meeting,
            forum=meeting.forum,
            programme=meeting.programme,
            starts_at=starts_at,
            slot=slot,
            moment=moment,
            rules=rules,
        ),
    ]


@decides(
    CancelMeeting,
    refuses=(ChairOnly, MeetingCancellationReasonRequired, CadenceGoesOn, MeetingInPast, ForumNotHeld),
)
def cancel_meeting(
    command: CancelMeeting, meeting: Meeting, cases: Sequence[Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A replacement takes over the turn in the cadence, unless it was used up; without one, the next is planned in time."""
    meeting.require(command, *BEFORE_THE_MEETING)
    require_chair(moment)
    if not command.explanation:
        raise MeetingCancellationReasonRequired
    holds_the_turn = "next_meeting" in meeting.due  # after its time the next meeting is planned already
    if command.ends_cadence and meeting.cadence_slot is not None and not holds_the_turn:
        raise CadenceGoesOn
    replacement: list[MeetingPlanned] = []
    if command.replacement_starts_at is not None:
        require_ahead(command.replacement_starts_at, moment)
        require_forum_is_held(meeting.forum, command.replacement_starts_at, rules)
        replacement = [
            planned(
                MeetingId(moment.new_id("replacement")),
                forum=meeting.forum,
                programme=meeting.programme,
                starts_at=command.replacement_starts_at,
                slot=meeting.cadence_slot if holds_the_turn and not command.ends_cadence else None,
                moment=moment,
                rules=rules,
            )
        ]
    return [
        MeetingCancelled(
            meeting_id=meeting.meeting_id,
            explanation=command.explanation,
            replaced_by=replacement[0].meeting_id if replacement else None,
            ends_cadence=command.ends_cadence,
        ),
        *items_go_back(cases, meeting, "meeting_cancelled", moment, rules),
        *replacement,
    ]
