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


def may_know_of_safeguarding(role: Role) -> bool:
    """Whether a list shows escalations about safeguarding: to its lead, and to the manager who must answer one.

    Source: while a concern is open, reads are restricted to need-to-know (domain reference 2.9).
    """
    return role in (Role.SAFEGUARDING_LEAD, Role.MANAGER)


ESCALATION_MOVES: Mapping[str, Mapping[EscalationState | None, EscalationState]] = {
    "EscalationRaised": {None: "open"},
    "EscalationResponded": {"open": "responded"},
    "EscalationResolved": {"responded": "closed", "open": "closed"},
    "EscalationRaisedLevel": {"open": "open", "responded": "open"},
    "EscalationUnanswered": {"open": "open"},
    "EscalationWithdrawn": {"open": "closed"},
}
"""Event topic → from which state of an escalation to which; None is one that does not exist yet.

An open one is resolved without an answer when what was late has happened after all, as a screening has, or is no
longer wanted: an action is done, somebody answers for the case again, the person has a worker."""


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


def settled(
    case: Case, subject: Subject, outcome: Code, subject_id: UUID | None = None
) -> Sequence[EscalationResolved]:
    """What a deadline put to a higher level has happened after all, so nobody has to answer any more.

    What somebody raised stays with them: they say whether it is settled.
    """
    late = open_escalation(case, subject, subject_id)
    if late is None or late.raised_by is not None:
        return []
    return [
        EscalationResolved(
            case_id=case.case_id,
            person_id=case.person_id,
            escalation_id=late.escalation_id,
            level=late.level,
            outcome=outcome,
            change_made=False,
        )
    ]


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


class RespondToEscalation(Command):
    """Answer an escalation for the level that it is at."""

    NAME: ClassVar[str] = "respond-to-escalation"
    PERMISSION: ClassVar[Permission] = Permission.ANSWER_ESCALATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "escalation_id": _ESCALATION,
        "response": "The housing association leads; the others support",
    }

    case_id: CaseId
    escalation_id: EscalationId
    response: StaffText = Field(min_length=1)


class AcceptResponse(Command):
    """Say that the answer settles what was escalated; this ends the escalation."""

    NAME: ClassVar[str] = "accept-response"
    PERMISSION: ClassVar[Permission] = Permission.SETTLE_ESCALATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "escalation_id": _ESCALATION,
        "outcome": "lead_agreed",
        "change_made": True,
    }

    case_id: CaseId
    escalation_id: EscalationId
    outcome: Code = Field(description="what came of it, as a code of your own")
    change_made: bool = Field(description="whether a rule, a service or a way of working was changed")


class RejectResponse(Command):
    """Say that the answer does not settle it; the escalation goes to the next level."""

    NAME: ClassVar[str] = "reject-response"
    PERMISSION: ClassVar[Permission] = Permission.SETTLE_ESCALATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "escalation_id": _ESCALATION,
        "explanation": "Nobody leads yet",
    }

    case_id: CaseId
    escalation_id: EscalationId
    explanation: StaffText = Field(min_length=1, description="why the answer will not do")


class RaiseEscalationLevel(Command):
    """Pass over a level that did not answer in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-escalation-level"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "escalation_id": _ESCALATION}

    case_id: CaseId
    escalation_id: EscalationId


class WithdrawEscalation(Command):
    """Take an escalation back; one about safeguarding only with a safeguarding lead."""

    NAME: ClassVar[str] = "withdraw-escalation"
    PERMISSION: ClassVar[Permission] = Permission.SETTLE_ESCALATION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "escalation_id": _ESCALATION,
        "explanation": "The agencies have agreed meanwhile",
    }

    case_id: CaseId
    escalation_id: EscalationId
    explanation: StaffText = Field(min_length=1)
    safeguarding_lead: StaffRef | None = Field(
        default=None,
        description="the safeguarding lead who agrees, if you are none; needed where it is about safeguarding",
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
        "safeguarding": tuple(case.concerns),
    }
    if command.subject_id is None or command.subject not in known:
        return
    if command.subject_id not in known[command.subject]:
        kind = "action" if command.subject == "action" else "safeguarding concern"
        raise NotFound(kind=kind, id=command.subject_id)


@decides(RespondToEscalation, refuses=(NotFound, EscalationNotInState, NotTheLevelOwner, OwnEscalation))
def respond_to_escalation(
    command: RespondToEscalation, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    escalation = require_escalation(command, case, command.escalation_id, "open")
    level = rules.programme(case.programme).escalation.level(escalation.level)
    if moment.actor.role not in level.roles:
        raise NotTheLevelOwner(
            level=escalation.level, owner=level.code, allowed=", ".join(level.roles), role=moment.actor.role
        )
    if moment.actor.person == escalation.raised_by:
        raise OwnEscalation
    return [
        EscalationResponded(
            case_id=case.case_id,
            person_id=case.person_id,
            escalation_id=command.escalation_id,
            level=escalation.level,
            response=command.response,
            responded_by=moment.actor.person,
        )
    ]


@decides(AcceptResponse, refuses=(NotFound, EscalationNotInState, NotTheRaiser, OwnEscalation))
def accept_response(command: AcceptResponse, case: Case, moment: Moment) -> Sequence[Event]:
    escalation = require_escalation(command, case, command.escalation_id, "responded")
    require_raiser(command, escalation, moment)
    if moment.actor.person == escalation.responded_by:
        raise OwnEscalation
    return [
        EscalationResolved(
            case_id=case.case_id,
            person_id=case.person_id,
            escalation_id=command.escalation_id,
            level=escalation.level,
            outcome=command.outcome,
            change_made=command.change_made,
        )
    ]


@decides(RejectResponse, refuses=(NotFound, EscalationNotInState, NotTheRaiser))
def reject_response(command: RejectResponse, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """At the highest level the same level is asked again, because there is none above it."""
    escalation = require_escalation(command, case, command.escalation_id, "responded")
    require_raiser(command, escalation, moment)
    return [
        _raised_level(
            case,
            command.escalation_id,
            moment,
            rules,
            reason="response_rejected",
            explanation=command.explanation,
        )
    ]


@decides(RaiseEscalationLevel, refuses=(NotFound, EscalationNotInState))
def raise_escalation_level(
    command: RaiseEscalationLevel, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    escalation = require_escalation(command, case, command.escalation_id, "open")
    due_at = case.require_passed(command, f"escalation:{command.escalation_id}", moment.now)
    ladder = rules.programme(case.programme).escalation
    if escalation.level < ladder.highest:
        return [_raised_level(case, command.escalation_id, moment, rules, reason="no_response")]
    return [
        EscalationUnanswered(
            case_id=case.case_id,
            person_id=case.person_id,
            escalation_id=command.escalation_id,
            level=escalation.level,
            owner=ladder.level(escalation.level).code,
            due_at=due_at,
            reminder=escalation.reminders + 1,
            next_due_at=rules.deadline(case.programme, "escalation_reminder", moment.now),
        )
    ]


@decides(
    WithdrawEscalation, refuses=(NotFound, EscalationNotInState, NotTheRaiser, SafeguardingLeadMustAgree)
)
def withdraw_escalation(command: WithdrawEscalation, case: Case, moment: Moment) -> Sequence[Event]:
    escalation = require_escalation(command, case, command.escalation_id, "open")
    leads = moment.actor.role is Role.SAFEGUARDING_LEAD
    about_safety = escalation.subject == "safeguarding"
    if not (about_safety and leads):
        require_raiser(command, escalation, moment)
    agreed_by = moment.actor.person if leads else command.safeguarding_lead
    if about_safety and agreed_by is None:
        raise SafeguardingLeadMustAgree
    return [
        EscalationWithdrawn(
            case_id=case.case_id,
            person_id=case.person_id,
            escalation_id=command.escalation_id,
            explanation=command.explanation,
            safeguarding_lead=agreed_by if about_safety else None,
        )
    ]


def _raised_level(
    case: Case,
    escalation_id: EscalationId,
    moment: Moment,
    rules: Rules,
    *,
    reason: Literal["no_response", "response_rejected"],
    explanation: str | None = None,
) -> EscalationRaisedLevel:
    ladder = rules.programme(case.programme).escalation
    level = min(case.escalations[escalation_id].level + 1, ladder.highest)
    return EscalationRaisedLevel(
        case_id=case.case_id,
        person_id=case.person_id,
        escalation_id=escalation_id,
        level=level,
        owner=ladder.level(level).code,
        reason=reason,
        explanation=explanation,
        answer_due_at=rules.deadline(case.programme, "escalation_answer", moment.now),
    )
