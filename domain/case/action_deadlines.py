"""Deadlines of actions: the engine says when one falls due, and puts one that stays undone to a higher level.

Source: machine D, timers (domain reference 2.7); failure "action overdue" (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.action import ActionNotOpen, require_open_action
from domain.case.escalation import open_escalation, put_higher
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotYetDue
from domain.messages import ActionId, AgencyName, CaseEvent, CaseId, Command, Event, Instant, Moment
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ActionOverdue(CaseEvent):
    """The date of an action passed and it is not done."""

    TOPIC: ClassVar[str] = "ActionOverdue"

    action_id: ActionId
    agency: AgencyName
    due_at: Instant
    escalation_due_at: Instant | None = Field(
        None, description="when it is escalated if it is still not done"
    )


class ActionEscalated(CaseEvent):
    """An overdue action stayed undone; it is put to the agency's managers."""

    TOPIC: ClassVar[str] = "ActionEscalated"

    action_id: ActionId
    agency: AgencyName
    level: int
    due_at: Instant = Field(description="when the action should have been done")


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_ACTION = "c3f1a0de-6a5f-5b5e-8f0a-6f3c1c0c5a01"


class MarkActionOverdue(Command):
    """Record that an action was not done by its date; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-action-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "action_id": _ACTION}

    case_id: CaseId
    action_id: ActionId


class EscalateAction(Command):
    """Put an overdue action that stays undone to a higher level; issued by the engine's own timer."""

    NAME: ClassVar[str] = "escalate-action"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "action_id": _ACTION}

    case_id: CaseId
    action_id: ActionId


@decides(MarkActionOverdue, refuses=(ActionNotOpen, AlreadyRecorded))
def mark_action_overdue(
    command: MarkActionOverdue, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    if moment.now < action.due_at:
        raise NotYetDue(command=command.NAME, due_at=action.due_at)
    if action.overdue:
        raise AlreadyRecorded(what="that this action is overdue")
    return [
        ActionOverdue(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            agency=action.agency,
            due_at=action.due_at,
            escalation_due_at=rules.deadline(case.programme, "action_escalation", moment.now),
        )
    ]


@decides(EscalateAction, refuses=(ActionNotOpen,))
def escalate_action(command: EscalateAction, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """One escalation per action: if somebody has escalated it already, that one goes on and bears the level."""
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    case.require_passed(command, f"action_escalation:{action.action_id}", moment.now)
    under_way = open_escalation(case, "action", action.action_id)
    escalated = ActionEscalated(
        case_id=case.case_id,
        person_id=case.person_id,
        action_id=action.action_id,
        agency=action.agency,
        level=under_way.level if under_way else 1,
        due_at=action.due_at,
    )
    return [escalated, *put_higher(case, moment, rules, subject="action", subject_id=action.action_id)]
