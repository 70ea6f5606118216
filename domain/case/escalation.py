"""Escalation: what an agency cannot settle goes to somebody higher, level by level, until it has an answer.

A member raises it, or a rule of another stage does (`escalation_raised`). It runs beside the pathway, holds nothing
up, and goes on when the case closes. Which levels there are, and how long each may take, is the programme's; how they
answer is in `escalation_ladder.py`.
Source: machine J of the pathway (domain reference 2.12); each stage of a professional disagreement has a response time
and never delays protection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import Field

from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound, RuleBroken
from domain.messages import (
    Actor,
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


class EscalationResolved(CaseEvent):
    """The answer was accepted; the escalation is over."""

    TOPIC: ClassVar[str] = "EscalationResolved"

    escalation_id: EscalationId
    level: int
    outcome: Code
    change_made: bool


# -- rules -----------------------------------------------------------------------------------------------------------


class DesiredResultRequired(RuleBroken):
    """Whoever raises an escalation says in desired_result what should come of it."""

    code = "desired_result_required"


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
    by: Actor | None = None,
) -> EscalationRaised:
    """The fact that something was escalated, by somebody or by a rule; the same command makes the same id.

    Ask `open_escalation` first where the same thing must not be escalated twice at once.
    """
    programme = rules.programme(case.programme)
    return EscalationRaised(
        case_id=case.case_id,
        person_id=case.person_id,
        escalation_id=EscalationId(moment.new_id(f"escalation/{subject}/{subject_id or ''}")),
        subject=subject,
        subject_id=subject_id,
        owner=programme.escalation.level(1).code,
        desired_result=desired_result,
        raised_by=by.person if by else None,
        raised_by_agency=by.agency if by else None,
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


def put_higher(
    case: Case, moment: Moment, rules: Rules, *, subject: Subject, subject_id: UUID | None = None
) -> Sequence[EscalationRaised]:
    """A rule puts something to a higher level, in nobody's name, unless it is there already."""
    if open_escalation(case, subject, subject_id):
        return []
    return [escalation_raised(case, moment, rules, subject=subject, subject_id=subject_id)]


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


# -- commands --------------------------------------------------------------------------------------------------------

_CASE: Final = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


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
            by=None if moment.actor.role is Role.SYSTEM else moment.actor,
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
