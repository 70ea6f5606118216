"""The ladder: the level that must answer an escalation does, or the next one must; until it is settled or taken back.

Whoever raised it says whether the answer will do; whoever answered does not. At the highest level nobody is left to pass
it on to, so it is said again and again that there is no answer.
Source: machine J of the pathway (domain reference 2.12).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from domain.case.escalation import EscalationResolved, EscalationState
from domain.decisions import decides
from domain.errors import Conflict, NotFound, NotPermitted, RuleBroken
from domain.messages import (
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


# -- events ----------------------------------------------------------------------------------------------------------


class EscalationResponded(CaseEvent):
    """The level answered; whoever raised the escalation says whether that will do."""

    TOPIC: ClassVar[str] = "EscalationResponded"

    escalation_id: EscalationId
    level: int
    response: StaffText
    responded_by: StaffRef


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
