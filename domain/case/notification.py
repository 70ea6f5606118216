"""Notifications that did not arrive: operations staff have one tried again, and that they did is on record.

The message itself, its id and its correlation stay what they were, so nobody is told twice. Who is told what is decided
in `domain/notices.py`, not here.
Source: a retry by operations is itself an audited event with a reason (domain reference 2.16).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from pydantic import Field

from domain.decisions import decides
from domain.meeting.events import MeetingNotificationRetried
from domain.messages import CaseEvent, CaseId, Command, Event, MeetingId
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.meeting.state import Meeting

_MESSAGE = "7d1f6f0a-3f0e-5c07-9a55-5f8a1c2b9e10"


class NotificationRetried(CaseEvent):
    """A notification about the case that did not arrive was put back to be delivered."""

    TOPIC: ClassVar[str] = "NotificationRetried"

    message_id: UUID


class RetryNotification(Command):
    """Have a failed notification about a case delivered again. One that has arrived is not sent a second time."""

    NAME: ClassVar[str] = "retry-notification"
    PERMISSION: ClassVar[Permission] = Permission.OPERATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11",
        "message_id": _MESSAGE,
    }

    case_id: CaseId
    message_id: UUID = Field(description="from the list of the outbox")


class RetryMeetingNotification(Command):
    """Have a failed notification about a forum meeting delivered again."""

    NAME: ClassVar[str] = "retry-meeting-notification"
    PERMISSION: ClassVar[Permission] = Permission.OPERATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "meeting_id": "9c4a1b7e-0d55-5c0f-8f52-6b8d7d1a2e33",
        "message_id": _MESSAGE,
    }

    meeting_id: MeetingId
    message_id: UUID = Field(description="from the list of the outbox")


@decides(RetryNotification)
def retry_notification(command: RetryNotification, case: Case) -> Sequence[Event]:
    return [
        NotificationRetried(case_id=case.case_id, person_id=case.person_id, message_id=command.message_id)
    ]


@decides(RetryMeetingNotification)
def retry_meeting_notification(command: RetryMeetingNotification, meeting: Meeting) -> Sequence[Event]:
    return [MeetingNotificationRetried(meeting_id=meeting.meeting_id, message_id=command.message_id)]
