"""Section 47: what an enquiry about a child has to see to in time: the child is seen, and a conference is held.

The enquiry is opened in `enquiry.py`, with both deadlines, and its outcome ends them. A deadline that passes goes up the
ladder of escalation at once. Must not decide anything about the child: that is for the children's services.
Source: a child with a section 47 concern is seen within one working day; an initial child protection conference is held
within fifteen of the strategy discussion (domain reference 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.enquiry import ConcernAboutSomebodyElse, require_about
from domain.case.escalation import EscalationResolved, settled
from domain.case.household import ChildProtectionPlanRecorded
from domain.case.safeguarding import ConcernNotInState, require_concern, went_late
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound
from domain.messages import CaseEvent, CaseId, Command, ConcernId, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ChildSeen(CaseEvent):
    """The child whom an enquiry is about was seen; alone, if that was possible."""

    TOPIC: ClassVar[str] = "ChildSeen"

    concern_id: ConcernId
    seen_alone: bool
    note: PersonalText | None = None


class ChildNotSeen(CaseEvent):
    """The child whom an enquiry is about was not seen in time."""

    TOPIC: ClassVar[str] = "ChildNotSeen"

    concern_id: ConcernId
    due_at: Instant


class InitialConferenceHeld(CaseEvent):
    """The initial child protection conference decided whether the child is on a child protection plan."""

    TOPIC: ClassVar[str] = "InitialConferenceHeld"

    concern_id: ConcernId
    plan_made: bool
    reasons: PersonalText


class InitialConferenceOverdue(CaseEvent):
    """The initial child protection conference was not held in time, and the enquiry has no outcome."""

    TOPIC: ClassVar[str] = "InitialConferenceOverdue"

    concern_id: ConcernId
    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


def require_enquiry_about_a_child(
    command: RecordChildSeen | MarkChildNotSeen | RecordInitialConference | MarkInitialConferenceOverdue,
    case: Case,
    fact: type[Event],
) -> None:
    """The concern is about a child, and its enquiry is under way."""
    require_about(command, require_concern(command, case, command.concern_id, fact), "child")


def _settled(case: Case, concern_id: ConcernId, clock: str, outcome: str) -> Sequence[EscalationResolved]:
    """What was late has happened: nobody has to answer any more, unless the other deadline has passed as well."""
    other = "conference" if clock == "child_seen" else "child_seen"
    if f"{other}:{concern_id}" in case.overdue:
        return []
    return settled(case, "safeguarding", outcome, concern_id)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_CONCERN = "e4b5d0a2-6d0c-5b8e-9c11-0f9a7c6b5d42"


class RecordChildSeen(Command):
    """Record that the child whom a section 47 enquiry is about was seen."""

    NAME: ClassVar[str] = "record-child-seen"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "concern_id": _CONCERN, "seen_alone": True}

    case_id: CaseId
    concern_id: ConcernId
    seen_alone: bool = Field(
        description="whether somebody spoke with the child without the adults of the household"
    )
    note: PersonalText | None = None


class MarkChildNotSeen(Command):
    """Say that the child of a section 47 enquiry was not seen in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-child-not-seen"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "concern_id": _CONCERN}

    case_id: CaseId
    concern_id: ConcernId


class RecordInitialConference(Command):
    """Record what the initial child protection conference of a section 47 enquiry decided; with a plan there is no step-down."""

    NAME: ClassVar[str] = "record-initial-conference"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "plan_made": True,
        "reasons": "Likely to suffer neglect without a plan",
    }

    case_id: CaseId
    concern_id: ConcernId
    plan_made: bool = Field(description="whether the child is on a child protection plan from now on")
    reasons: PersonalText = Field(min_length=1)


class MarkInitialConferenceOverdue(Command):
    """Say that the initial conference of a section 47 enquiry was not held in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-initial-conference-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "concern_id": _CONCERN}

    case_id: CaseId
    concern_id: ConcernId


@decides(RecordChildSeen, refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse))
def record_child_seen(command: RecordChildSeen, case: Case) -> Sequence[Event]:
    """The first time stops the clock; a child may be seen as often as the enquiry needs."""
    require_enquiry_about_a_child(command, case, ChildSeen)
    seen = ChildSeen(
        case_id=case.case_id,
        person_id=case.person_id,
        concern_id=command.concern_id,
        seen_alone=command.seen_alone,
        note=command.note,
    )
    return [seen, *_settled(case, command.concern_id, "child_seen", "child_seen")]


@decides(MarkChildNotSeen, refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse, AlreadyRecorded))
def mark_child_not_seen(
    command: MarkChildNotSeen, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    require_enquiry_about_a_child(command, case, ChildNotSeen)
    what = "that the child was not seen in time"
    return went_late(
        command, case, command.concern_id, moment, rules, clock="child_seen", says=ChildNotSeen, what=what
    )


@decides(
    RecordInitialConference,
    refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse, AlreadyRecorded),
)
def record_initial_conference(command: RecordInitialConference, case: Case) -> Sequence[Event]:
    """A plan that it makes is on record for the rules that ask for one, such as that of the step-down."""
    require_enquiry_about_a_child(command, case, InitialConferenceHeld)
    if case.concerns[command.concern_id].conference_held:
        raise AlreadyRecorded(what="the initial conference of this enquiry")
    ids: dict[str, Any] = {"case_id": case.case_id, "person_id": case.person_id}
    held = InitialConferenceHeld(
        **ids, concern_id=command.concern_id, plan_made=command.plan_made, reasons=command.reasons
    )
    plan = (
        [ChildProtectionPlanRecorded(**ids, is_open=True)]
        if command.plan_made and not case.child_protection_plan
        else []
    )
    return [held, *plan, *_settled(case, command.concern_id, "conference", "conference_held")]


@decides(
    MarkInitialConferenceOverdue,
    refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse, AlreadyRecorded),
)
def mark_initial_conference_overdue(
    command: MarkInitialConferenceOverdue, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    require_enquiry_about_a_child(command, case, InitialConferenceOverdue)
    what, says = "that the initial conference is overdue", InitialConferenceOverdue
    return went_late(
        command, case, command.concern_id, moment, rules, clock="conference", says=says, what=what
    )
