"""The minutes of a forum meeting: sent, chased when they are late, and corrected with the original kept.

The minutes themselves stay in the council's records; here is only where, when, and why they were corrected.
Source: machine C, IssueMinutes and CorrectMinutes (domain reference 2.6); minutes clock (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.meeting.events import MinutesCorrected, MinutesIssued, MinutesOverdue
from domain.meeting.state import MeetingStage
from domain.messages import Code, Command, Event, MeetingId, Moment, StaffText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.meeting.state import Meeting


# -- rules -----------------------------------------------------------------------------------------------------------


class CorrectionReasonRequired(RuleBroken):
    """explanation: minutes are corrected with a reason."""

    code = "correction_reason_required"


class CorrectionOverwritesOriginal(RuleBroken):
    """minutes_ref: corrected minutes are kept beside the original and need a reference of their own."""

    code = "correction_overwrites_original"


# -- commands --------------------------------------------------------------------------------------------------------

_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class IssueMinutes(Command):
    """Send the minutes and actions; the minutes themselves stay in the council's records."""

    NAME: ClassVar[str] = "issue-minutes"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING, "minutes_ref": "minutes-2027-01-20"}

    meeting_id: MeetingId
    minutes_ref: Code = Field(description="where the minutes are kept")


class MarkMinutesOverdue(Command):
    """Record that the minutes were not sent in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-minutes-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class CorrectMinutes(Command):
    """Send corrected minutes, with the reason; the original is kept."""

    NAME: ClassVar[str] = "correct-minutes"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "meeting_id": _MEETING,
        "minutes_ref": "minutes-2027-01-20-b",
        "explanation": "An action was minuted for the wrong agency",
    }

    meeting_id: MeetingId
    minutes_ref: Code = Field(description="where the corrected minutes are kept")
    explanation: StaffText


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(IssueMinutes)
def issue_minutes(command: IssueMinutes, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    """Minutes are due within three working days; late ones are still sent, and count as late.

    Source: machine C, IssueMinutes (domain reference 2.6).
    """
    meeting.require(command, MeetingStage.CONCLUDED)
    late = meeting.minutes_due_at is not None and moment.effective_at > meeting.minutes_due_at
    return [MinutesIssued(meeting_id=meeting.meeting_id, minutes_ref=command.minutes_ref, late=late)]


@decides(MarkMinutesOverdue, refuses=(AlreadyRecorded,))
def mark_minutes_overdue(command: MarkMinutesOverdue, meeting: Meeting, moment: Moment) -> Sequence[Event]:
    meeting.require(command, MeetingStage.CONCLUDED)
    due_at = meeting.require_newly_passed(command, "minutes", moment.now, what="that the minutes are overdue")
    return [MinutesOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]


@decides(CorrectMinutes, refuses=(CorrectionReasonRequired, CorrectionOverwritesOriginal))
def correct_minutes(command: CorrectMinutes, meeting: Meeting) -> Sequence[Event]:
    """Source: machine C, CorrectMinutes, "reason; original kept" (domain reference 2.6)."""
    meeting.require(command, MeetingStage.MINUTES_ISSUED)
    if not command.explanation:
        raise CorrectionReasonRequired
    if command.minutes_ref in meeting.minutes_refs:
        raise CorrectionOverwritesOriginal
    return [
        MinutesCorrected(
            meeting_id=meeting.meeting_id,
            minutes_ref=command.minutes_ref,
            corrects=meeting.minutes_refs[-1],
            explanation=command.explanation,
        )
    ]
