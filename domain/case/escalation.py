"""Escalation: what an agency cannot settle goes to somebody higher, level by level, until it has an answer.

A member raises it, or a rule of another stage does (`escalation_raised`). It runs beside the pathway, holds nothing
up, and goes on when the case closes. Which levels there are, and how long each may take, is the programme's.
Source: machine J of the pathway (domain reference 2.12); each stage of a professional disagreement has a response time
and never delays protection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, NotPermitted, RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    EscalationId,
    Event,
    Instant,
    Moment,
    StaffRef,
    StaffText,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.evolving.escalation import Escalation
    from domain.case.state import Case
    from domain.rules import Rules

Subject = Literal["action", "dispute", "blocker", "capacity", "allocation", "safeguarding"]
EscalationState = Literal["open", "responded", "closed"]


# -- events ----------------------------------------------------------------------------------------------------------


class EscalationRaised(CaseEvent):
    """Something that could not be settled where it arose was put to a higher level."""

    TOPIC: ClassVar[str] = "EscalationRaised"

    escalation_id: EscalationId
    subject: Subject
    subject_id: UUID | None = Field(description="the action, concern or other thing that it is about")
    level: int = 1
    owner: Code = Field(description="who answers at this level, by its name in the programme")
    desired_result: StaffText | None
    raised_by: StaffRef | None = Field(description="nobody, if a deadline raised it")
    raised_by_agency: AgencyName | None
    answer_due_at: Instant


class EscalationResponded(CaseEvent):
    """The level answered; whoever raised the escalation says whether that will do."""

    TOPIC: ClassVar[str] = "EscalationResponded"

    escalation_id: EscalationId
    level: int
    response: StaffText
    responded_by: StaffRef


class EscalationResolved(CaseEvent):
    """The answer was accepted; the escalation is over."""

    TOPIC: ClassVar[str] = "EscalationResolved"

    escalation_id: EscalationId
    level: int
    outcome: Code
    change_made: bool


class EscalationRaisedLevel(CaseEvent):
    """The escalation went to the next level: the answer was rejected, or none came in time."""

    TOPIC: ClassVar[str] = "EscalationRaisedLevel"

    escalation_id: EscalationId
    level: int = Field(description="the level it is at now")
    owner: Code
    reason: Literal["no_response", "response_rejected"]
    explanation: StaffText | None = None
    answer_due_at: Instant


class EscalationUnanswered(CaseEvent):
    """The highest level has not answered in time; there is nobody above it, so it is said, and said again."""

    TOPIC: ClassVar[str] = "EscalationUnanswered"

    escalation_id: EscalationId
    level: int
    owner: Code
    due_at: Instant
    reminder: int = Field(description="how often it was said, this time included")
    next_due_at: Instant


class EscalationWithdrawn(CaseEvent):
    """The escalation was taken back."""

    TOPIC: ClassVar[str] = "EscalationWithdrawn"

    escalation_id: EscalationId
    explanation: StaffText
    safeguarding_lead: StaffRef | None = Field(
        default=None, description="who agreed that a safeguarding matter is let go"
    )


# -- rules -----------------------------------------------------------------------------------------------------------


class EscalationNotInState(Conflict):
    """{command} is for an escalation in state {allowed}; escalation {escalation} is in state {state}."""

    code = "escalation_not_in_state"


class DesiredResultRequired(RuleBroken):
    """Whoever raises an escalation says in desired_result what should come of it."""

    code = "desired_result_required"


class NotTheRaiser(NotPermitted):
    """{command} is for the agency that raised the escalation; one raised by a deadline is for a coordinator or manager."""

    code = "not_the_raiser"


class OwnEscalation(NotPermitted):
    """Nobody answers an escalation that they raised themselves, and nobody accepts an answer that they gave themselves."""

    code = "own_escalation"


class NotTheLevelOwner(NotPermitted):
    """Level {level} of an escalation ({owner}) is answered by: {allowed}; {role} is none of them."""

    code = "not_the_level_owner"


class SafeguardingLeadMustAgree(RuleBroken):
    """An escalation about safeguarding is withdrawn by a safeguarding lead, or names the one who agreed in safeguarding_lead."""

    code = "safeguarding_lead_must_agree"


ESCALATION_MOVES: Mapping[str, Mapping[EscalationState | None, EscalationState]] = {
    "EscalationRaised": {None: "open"},
    "EscalationResponded": {"open": "responded"},
    "EscalationResolved": {"responded": "closed"},
    "EscalationRaisedLevel": {"open": "open", "responded": "open"},
    "EscalationUnanswered": {"open": "open"},
    "EscalationWithdrawn": {"open": "closed"},
}
"""Event topic → from which state of an escalation to which; None is one that does not exist yet."""


def escalation_raised(
    case: Case,
    moment: Moment,
    rules: Rules,
    *,
    subject: Subject,
    subject_id: UUID | None = None,
    desired_result: str | None = None,
) -> EscalationRaised:
    """The fact that something was escalated, for any rule that finds it must be; the same command makes the same id.

    Ask `open_escalation` first where the same thing must not be escalated twice at once.
    """
    programme = rules.programme(case.programme)
    by_deadline = moment.actor.role is Role.SYSTEM
    return EscalationRaised(
        case_id=case.case_id,
        person_id=case.person_id,
        escalation_id=EscalationId(moment.new_id(f"escalation/{subject}/{subject_id or ''}")),
        subject=subject,
        subject_id=subject_id,
        owner=programme.escalation.level(1).code,
        desired_result=desired_result,
        raised_by=None if by_deadline else moment.actor.person,
        raised_by_agency=None if by_deadline else moment.actor.agency,
        answer_due_at=rules.deadline(case.programme, "escalation_answer", moment.now),
    )


def open_escalation(case: Case, subject: Subject, subject_id: UUID | None = None) -> Escalation | None:
    """The escalation of this very thing that is not over yet, if there is one."""
    return next(
        (
            one
            for one in case.escalations.values()
            if one.state != "closed" and (one.subject, one.subject_id) == (subject, subject_id)
        ),
        None,
    )


def require_escalation(
    command: Command, case: Case, escalation_id: EscalationId, *states: EscalationState
) -> Escalation:
    """The escalation of this id, in one of these states."""
    escalation = case.escalations.get(escalation_id)
    if escalation is None:
        raise NotFound(kind="escalation", id=escalation_id)
    if escalation.state not in states:
        raise EscalationNotInState(
            command=command.NAME,
            allowed=" or ".join(states),
            escalation=escalation_id,
            state=escalation.state,
        )
    return escalation


def require_raiser(command: Command, escalation: Escalation, moment: Moment) -> None:
    """The raiser or a colleague of their agency; for what a deadline raised, whoever coordinates or manages.

    Source: machine J, AcceptResponse and Withdraw are the raiser's (domain reference 2.12).
    """
    if escalation.raised_by_agency is None:
        if moment.actor.role not in (Role.COORDINATOR, Role.MANAGER):
            raise NotTheRaiser(command=command.NAME)
    elif moment.by_agency != escalation.raised_by_agency:
        raise NotTheRaiser(command=command.NAME)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE: Final = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_ESCALATION: Final = "5a1f2f0e-7f52-5b0e-8a53-0d0b6f3b9c77"


class RaiseEscalation(Command):
    """Put to a higher level what could not be settled: an action that is not done, a dispute, a blocker, no capacity."""

    NAME: ClassVar[str] = "raise-escalation"
    PERMISSION: ClassVar[Permission] = Permission.RAISE_ESCALATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "subject": "dispute",
        "desired_result": "One agency leads the plan",
    }

    case_id: CaseId
    subject: Subject
    subject_id: UUID | None = Field(
        default=None, description="the id of the action, concern or other thing it is about, if it has one"
    )
    desired_result: StaffText | None = Field(
        default=None,
        min_length=1,
        description="what should come of it; only the engine's timers leave it out",
    )


@decides(RaiseEscalation, refuses=(DesiredResultRequired, AlreadyRecorded, NotFound))
def raise_escalation(command: RaiseEscalation, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """Any stage, closed included: agencies also disagree about what was closed, and protection is never delayed."""
    if command.desired_result is None and moment.actor.role is not Role.SYSTEM:
        raise DesiredResultRequired
    _require_subject(command, case)
    if command.subject_id is not None and open_escalation(case, command.subject, command.subject_id):
        raise AlreadyRecorded(what=f"an open escalation of {command.subject} {command.subject_id}")
    return [
        escalation_raised(
            case,
            moment,
            rules,
            subject=command.subject,
            subject_id=command.subject_id,
            desired_result=command.desired_result,
        )
    ]


def _require_subject(command: RaiseEscalation, case: Case) -> None:
    known: Mapping[str, Sequence[UUID]] = {
        "action": tuple(case.actions),
        "safeguarding": tuple(case.open_concerns),
    }
    if command.subject_id is None or command.subject not in known:
        return
    if command.subject_id not in known[command.subject]:
        kind = "action" if command.subject == "action" else "safeguarding concern"
        raise NotFound(kind=kind, id=command.subject_id)
