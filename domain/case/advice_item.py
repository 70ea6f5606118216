"""Advice on how to reach a person whose consent is still outstanding: the forum is asked without being told of whom.

The meeting learns the id of a case and nothing else; nobody is asked for information, nothing is decided about the
person, and the case goes on waiting for consent.
Source: machine A, AwaitingConsent: "without case information as engagement advice only" (domain reference 2.4, 2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.case.forum_decision import DecisionReasonsRequired
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.meeting.events import AdviceItemAdded, MeetingItemDecided
from domain.meeting.items import (
    LISTING_REFUSALS,
    require_may_be_listed,
)
from domain.meeting.state import MeetingStage
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    MeetingId,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class AdviceItemScheduled(CaseEvent):
    """A forum is asked for advice on reaching the person, without case information or identity."""

    TOPIC: ClassVar[str] = "AdviceItemScheduled"

    meeting_id: MeetingId
    forum: Code
    meeting_at: Instant


class AdviceItemWithdrawn(CaseEvent):
    """The forum is not asked for advice at that meeting after all."""

    TOPIC: ClassVar[str] = "AdviceItemWithdrawn"

    meeting_id: MeetingId
    because: Literal["withdrawn", "meeting_cancelled", "inquorate"]


class EngagementAdviceRecorded(CaseEvent):
    """What the forum advised on reaching the person; the case goes on waiting for consent."""

    TOPIC: ClassVar[str] = "EngagementAdviceRecorded"

    meeting_id: MeetingId
    given_by: StaffRef
    advice: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class ConsentNotOutstanding(RuleBroken):
    """case_id: the forum is asked for advice once it is on record that the consent position is overdue; before that, go on asking the person."""

    code = "consent_not_outstanding"


class NotOnAgendaForAdvice(Conflict):
    """case_id: the forum was not asked for advice in this case; put it on an agenda with schedule-advice-item."""

    code = "not_on_agenda_for_advice"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class ScheduleAdviceItem(Command):
    """Ask a meeting for advice on how to reach a person whose consent is outstanding, without saying who they are."""

    NAME: ClassVar[str] = "schedule-advice-item"
    PERMISSION: ClassVar[Permission] = Permission.SCHEDULE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "meeting_id": _MEETING}

    case_id: CaseId
    meeting_id: MeetingId


class RecordEngagementAdvice(Command):
    """Record what the forum advised on reaching a person; the case goes on waiting for consent."""

    NAME: ClassVar[str] = "record-engagement-advice"
    PERMISSION: ClassVar[Permission] = Permission.RUN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "advice": "Ask a worker whom the person trusts"}

    case_id: CaseId
    advice: PersonalText


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(ScheduleAdviceItem, refuses=(ConsentNotOutstanding, *LISTING_REFUSALS))
def schedule_advice_item(
    command: ScheduleAdviceItem, case: Case, meeting: Meeting, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    if "consent" not in case.overdue:
        raise ConsentNotOutstanding
    require_may_be_listed(command, case, meeting, rules)
    return [
        AdviceItemScheduled(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            forum=meeting.forum,
            meeting_at=meeting.start,
        ),
        AdviceItemAdded(meeting_id=meeting.meeting_id, case_id=case.case_id, forum=meeting.forum),
    ]


# A case on no agenda has no meeting to load. Letting the meeting be new lets the case's own state refuse, by its name.
@decides(RecordEngagementAdvice, starts=("Meeting",), refuses=(NotOnAgendaForAdvice, DecisionReasonsRequired))
def record_engagement_advice(
    command: RecordEngagementAdvice, case: Case, meeting: Meeting, moment: Moment
) -> Sequence[Event]:
    case.require_open(command)
    if case.agenda_kind != "advice":
        raise NotOnAgendaForAdvice
    meeting.require(command, MeetingStage.IN_SESSION)
    if not command.advice:
        raise DecisionReasonsRequired
    return [
        EngagementAdviceRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            given_by=moment.actor.person,
            advice=command.advice,
        ),
        MeetingItemDecided(meeting_id=meeting.meeting_id, case_id=case.case_id, outcome="engagement_advice"),
    ]
