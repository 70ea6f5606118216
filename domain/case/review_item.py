"""A case that the forum looks at again: in support or in outreach, while its stage stays as it is.

The chair confirms what the forum says at a review. That a case led by an agency gets a key worker after all is asked
for once a review has said so. Must not decide anything that the first hearing decides (`forum_decision.py`).
Source: machine A, ScheduleReviewItem, RecordReviewDecision, RequestKeyWorker; forum review clock (domain reference 2.3, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.forum_decision import DecisionReasonsRequired, item_decided
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.meeting.events import AgendaItemAdded
from domain.meeting.items import (
    LISTING_REFUSALS,
    AgenciesAsked,
    agencies_to_ask,
    require_may_be_listed,
)
from domain.meeting.quorum import (
    InterestedInItem,
    QuorumBrokenByInterest,
    require_not_interested,
    require_quorum_for_item,
)
from domain.meeting.state import MeetingStage
from domain.messages import (
    AgencyName,
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


# -- words -----------------------------------------------------------------------------------------------------------

ReviewOutcome = Literal[
    "continue", "intensify", "request_key_worker", "propose_step_down", "close_disengaged"
]
_REVIEWED_IN = (Stage.ACTIVE, Stage.OUTREACH)


# -- events ----------------------------------------------------------------------------------------------------------


class ReviewItemScheduled(CaseEvent):
    """The forum looks at the case again, at this meeting; agencies return what they know by a date."""

    TOPIC: ClassVar[str] = "ReviewItemScheduled"

    meeting_id: MeetingId
    forum: Code
    meeting_at: Instant
    agencies_asked: tuple[AgencyName, ...]


class ReviewItemWithdrawn(CaseEvent):
    """The case is not looked at again at that meeting after all."""

    TOPIC: ClassVar[str] = "ReviewItemWithdrawn"

    meeting_id: MeetingId
    because: Literal["withdrawn", "meeting_cancelled", "inquorate", "put_off"]
    explanation: PersonalText | None = None


class ForumReviewRecorded(CaseEvent):
    """What the forum said when it looked at the case again, confirmed by the chair, with its reasons."""

    TOPIC: ClassVar[str] = "ForumReviewRecorded"

    meeting_id: MeetingId
    outcome: ReviewOutcome
    confirmed_by: StaffRef
    reasons: PersonalText
    next_review_due_at: Instant


class KeyWorkerRequested(CaseEvent):
    """A case that an agency leads gets a key worker too, as the forum said at its review."""

    TOPIC: ClassVar[str] = "KeyWorkerRequested"

    allocation_due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class NotOnAgendaForReview(Conflict):
    """case_id: this case is on no agenda for a review; put it on one with schedule-review-item."""

    code = "not_on_agenda_for_review"


class NotLedByAgency(RuleBroken):
    """case_id: a key worker is asked for a case that an agency leads alone; this one is not led so."""

    code = "not_led_by_agency"


class ReviewDidNotAskForKeyWorker(RuleBroken):
    """case_id: a key worker is asked for when the forum's last review decided so (outcome request_key_worker); it did not."""

    code = "review_did_not_ask_for_key_worker"


def require_on_agenda_for_review(case: Case) -> None:
    if case.agenda_kind != "review":
        raise NotOnAgendaForReview


def require_led_by_agency(case: Case) -> None:
    """Source: machine A, RequestKeyWorker, Active (lead_mode=agency) (domain reference 2.4)."""
    if case.lead_agency is None or case.worker_id is not None:
        raise NotLedByAgency


def require_review_asked_for_key_worker(case: Case) -> None:
    if case.review_outcome != "request_key_worker":
        raise ReviewDidNotAskForKeyWorker


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class ScheduleReviewItem(Command):
    """Put a case in support or in outreach on the agenda of a meeting, to be looked at again."""

    NAME: ClassVar[str] = "schedule-review-item"
    PERMISSION: ClassVar[Permission] = Permission.SCHEDULE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "meeting_id": _MEETING}

    case_id: CaseId
    meeting_id: MeetingId
    agencies_asked: AgenciesAsked = Field(
        (),
        description="beside the referring agency; those of the consents and of the programme when left out",
    )


class RecordReviewDecision(Command):
    """Record what the forum said when it looked at a case again, as its chair confirms it; the case stays where it is."""

    NAME: ClassVar[str] = "record-review-decision"
    PERMISSION: ClassVar[Permission] = Permission.DECIDE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "outcome": "continue",
        "reasons": "Contact is steady and the plan still fits",
    }

    case_id: CaseId
    outcome: ReviewOutcome
    reasons: PersonalText


class RequestKeyWorker(Command):
    """Ask for a key worker for a case that an agency leads, once a review of the forum has decided so."""

    NAME: ClassVar[str] = "request-key-worker"
    PERMISSION: ClassVar[Permission] = Permission.REQUEST_KEY_WORKER
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(ScheduleReviewItem, refuses=LISTING_REFUSALS)
def schedule_review_item(
    command: ScheduleReviewItem, case: Case, meeting: Meeting, rules: Rules
) -> Sequence[Event]:
    case.require(command, *_REVIEWED_IN)
    require_may_be_listed(command, case, meeting, rules)
    asked = agencies_to_ask(command.agencies_asked, case, rules)
    return [
        ReviewItemScheduled(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            forum=meeting.forum,
            meeting_at=meeting.start,
            agencies_asked=asked,
        ),
        AgendaItemAdded(
            meeting_id=meeting.meeting_id,
            case_id=case.case_id,
            person_id=case.person_id,
            referring_agency=case.referring_agency,
            agencies_asked=asked,
            kind="review",
        ),
    ]


# A case on no agenda has no meeting to load. Letting the meeting be new lets the case's own state refuse, by its name.
@decides(
    RecordReviewDecision,
    starts=("Meeting",),
    refuses=(NotOnAgendaForReview, DecisionReasonsRequired, InterestedInItem, QuorumBrokenByInterest),
)
def record_review_decision(
    command: RecordReviewDecision, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """What the outcome asks for is done by whoever may do it; the review itself moves nothing."""
    case.require_open(command)
    require_on_agenda_for_review(case)
    meeting.require(command, MeetingStage.IN_SESSION)
    item = meeting.require_item(case.case_id)
    require_not_interested(moment.actor, item)
    require_quorum_for_item(meeting, item, rules)
    if not command.reasons:
        raise DecisionReasonsRequired
    return [
        ForumReviewRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            outcome=command.outcome,
            confirmed_by=moment.actor.person,
            reasons=command.reasons,
            next_review_due_at=rules.deadline(case.programme, "forum_review_repeat", moment.now),
        ),
        item_decided(case, meeting, command.outcome, rules),
    ]


@decides(RequestKeyWorker, refuses=(NotLedByAgency, ReviewDidNotAskForKeyWorker))
def request_key_worker(
    command: RequestKeyWorker, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.ACTIVE)
    require_led_by_agency(case)
    require_review_asked_for_key_worker(case)
    return [
        KeyWorkerRequested(
            case_id=case.case_id,
            person_id=case.person_id,
            allocation_due_at=rules.deadline(case.programme, "allocation", moment.now),
        )
    ]
