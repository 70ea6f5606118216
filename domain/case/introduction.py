"""Introduction: the key worker and the person get to know each other; the relationship comes before any plan.

It ends with the person's yes or no, whenever they are ready: the time for it can be extended. Contact, and its loss,
are in `contact.py`.
Source: machine A, Introduction (domain reference 2.4); introductory period (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import (
    AllocationEnded,
    NoKeyWorkerAssigned,
    NotTheKeyWorker,
    allocated_worker,
    require_own_case,
)
from domain.case.closure import end_case
from domain.case.contact import contact_clocks
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.keyworker.events import CaseReleased
from domain.messages import CaseEvent, CaseId, Command, Day, Event, Instant, Moment, PersonalText, WorkerId
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class IntroductionOverdue(CaseEvent):
    """The time for key worker and person to get to know each other is over, and nobody has said how it goes on."""

    TOPIC: ClassVar[str] = "IntroductionOverdue"

    due_at: Instant


class IntroductionExtended(CaseEvent):
    """Key worker and person take more time."""

    TOPIC: ClassVar[str] = "IntroductionExtended"

    introduction_due_at: Instant
    explanation: PersonalText


class EngagementConfirmed(CaseEvent):
    """They met, and the person wants to go on."""

    TOPIC: ClassVar[str] = "EngagementConfirmed"

    worker_id: WorkerId
    agreed_alternative: PersonalText | None = None
    contact_due_at: Instant | None = Field(None, description="by when the person is to be in contact again")
    disengagement_due_at: Instant | None = Field(None, description="from when on contact counts as lost")


class SupportDeclined(CaseEvent):
    """The person does not want this support: the case closes, or the forum looks for another offer."""

    TOPIC: ClassVar[str] = "SupportDeclined"

    explanation: PersonalText | None = None
    to_stage: Literal[Stage.CLOSED, Stage.READY_FOR_FORUM] = Stage.CLOSED
    listing_due_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class MeetingRequired(RuleBroken):
    """Key worker and person have not met face to face yet; record the meeting, or say in agreed_alternative what they agreed instead."""

    code = "meeting_required"


class PersonMustAgree(RuleBroken):
    """person_agrees: support goes on only when the person wants it; otherwise record that they decline."""

    code = "person_must_agree"


class ExtensionMustBeLater(RuleBroken):
    """until: an introduction is extended to a day after it would end; it runs until {due_at}."""

    code = "extension_must_be_later"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class ConfirmEngagement(Command):
    """Record that key worker and person met and that the person wants to go on; support begins."""

    NAME: ClassVar[str] = "confirm-engagement"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "person_agrees": True}

    case_id: CaseId
    person_agrees: bool = Field(description="the person wants to go on")
    agreed_alternative: PersonalText | None = Field(
        None, min_length=1, description="what person and worker agreed instead of meeting face to face"
    )


class ExtendIntroduction(Command):
    """Give key worker and person more time to get to know each other."""

    NAME: ClassVar[str] = "extend-introduction"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "until": "2027-03-31",
        "explanation": "Opens the door now, but does not talk yet",
    }

    case_id: CaseId
    until: Day = Field(description="the last day of the longer introduction")
    explanation: PersonalText = Field(min_length=1)


class DeclineSupport(Command):
    """Record that the person does not want this support; the way back stays open."""

    NAME: ClassVar[str] = "decline-support"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Prefers to stay with the GP"}

    case_id: CaseId
    explanation: PersonalText | None = None
    another_offer: bool = Field(
        False,
        description="the person wants something else: the case goes back to the forum instead of closing",
    )


class MarkIntroductionOverdue(Command):
    """Record that the time for the introduction ran out; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-introduction-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(ConfirmEngagement, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, MeetingRequired, PersonMustAgree))
def confirm_engagement(
    command: ConfirmEngagement, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """At least one meeting face to face, or what was agreed instead; and the person agrees to go on.

    Source: machine A, ConfirmEngagement (domain reference 2.4).
    """
    case.require(command, Stage.INTRODUCTION)
    require_own_case(worker, moment, case)
    if not case.met_face_to_face and command.agreed_alternative is None:
        raise MeetingRequired
    if not command.person_agrees:
        raise PersonMustAgree
    clocks = contact_clocks(case, moment, rules, stage=Stage.ACTIVE)
    return [
        EngagementConfirmed(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=allocated_worker(case),
            agreed_alternative=command.agreed_alternative,
            contact_due_at=clocks.contact,
            disengagement_due_at=clocks.disengagement,
        )
    ]


@decides(ExtendIntroduction, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, ExtensionMustBeLater))
def extend_introduction(
    command: ExtendIntroduction, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """To the end of the day that was named, or of the next working day."""
    case.require(command, Stage.INTRODUCTION)
    require_own_case(worker, moment, case)
    present = case.due.get("introduction")
    until = rules.calendar.add_working_days(rules.calendar.start_of_day(command.until), 0)
    if until <= max(present or moment.now, moment.now):
        raise ExtensionMustBeLater(due_at=present or moment.now)
    return [
        IntroductionExtended(
            case_id=case.case_id,
            person_id=case.person_id,
            introduction_due_at=until,
            explanation=command.explanation,
        )
    ]


@decides(DeclineSupport, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker))
def decline_support(
    command: DeclineSupport, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Somebody who wants something else stays with the pathway: only the worker's place is free again.

    Source: machine A, DeclineSupport (domain reference 2.4).
    """
    case.require(command, Stage.INTRODUCTION)
    require_own_case(worker, moment, case)
    declined = SupportDeclined(
        case_id=case.case_id,
        person_id=case.person_id,
        explanation=command.explanation,
        to_stage=Stage.READY_FOR_FORUM if command.another_offer else Stage.CLOSED,
        listing_due_at=rules.deadline(case.programme, "listing", moment.now)
        if command.another_offer
        else None,
    )
    if not command.another_offer:
        return [declined, *end_case(case, worker)]
    worker_id = allocated_worker(case)
    return [
        declined,
        AllocationEnded(
            case_id=case.case_id, person_id=case.person_id, worker_id=worker_id, because="other_offer"
        ),
        CaseReleased(worker_id=worker_id, case_id=case.case_id),
    ]


@decides(MarkIntroductionOverdue, refuses=(AlreadyRecorded,))
def mark_introduction_overdue(
    command: MarkIntroductionOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    due_at = case.require_newly_passed(
        command, "introduction", moment.now, what="that the introduction is overdue"
    )
    return [IntroductionOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
