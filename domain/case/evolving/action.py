"""The actions of the plan as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from domain.case import action as a
from domain.case import action_changes as ac
from domain.case import action_deadlines as ad
from domain.case import action_work as aw
from domain.messages import ActionId, BlockerId

if TYPE_CHECKING:
    from domain.case.state import Case

AnyActionEvent = (
    a.ActionAssigned
    | aw.ActionAcknowledged
    | aw.ActionProgressed
    | aw.ActionBlocked
    | aw.ActionCompleted
    | aw.ActionNotDone
    | ac.ActionCancelled
    | ac.ActionReassigned
    | ad.ActionOverdue
    | ad.ActionEscalated
)


@dataclass(slots=True)
class Action:
    """One action of the plan."""

    action_id: ActionId
    owner: str
    agency: str
    due_at: datetime
    state: a.ActionState = "open"
    overdue: bool = False
    escalated_to: int = 0
    """The level to which it was escalated; 0 if it never was."""
    blocker_id: BlockerId | None = None
    """What stands in its way, if anything does."""
    ended_with_case: bool = False
    """Nobody decided to cancel it: its case was closed."""

    @property
    def is_open(self) -> bool:
        return self.state in a.OPEN_STATES


def evolve(case: Case, event: AnyActionEvent) -> None:
    """Assign what the event says."""
    if isinstance(event, a.ActionAssigned):
        case.actions[event.action_id] = Action(event.action_id, event.owner, event.agency, event.due_at)
        return
    action = case.actions[event.action_id]
    action.state = a.ACTION_MOVES[event.TOPIC][action.state]
    match event:
        case aw.ActionAcknowledged():
            pass
        case aw.ActionProgressed():
            action.blocker_id = None
        case aw.ActionBlocked():
            action.blocker_id = event.blocker_id
        case aw.ActionCompleted() | aw.ActionNotDone() | ac.ActionCancelled():
            case.stop_clocks(_escalation_of(action))
            action.ended_with_case = isinstance(event, ac.ActionCancelled) and event.because == "case_closed"
        case ac.ActionReassigned():
            action.ended_with_case = False
            action.owner, action.agency, action.blocker_id = event.owner, event.agency, None
            if event.due_at is not None:
                action.due_at, action.overdue, action.escalated_to = event.due_at, False, 0
                case.stop_clocks(_escalation_of(action))
        case ad.ActionOverdue():
            action.overdue = True
            if event.escalation_due_at is not None:
                case.due[_escalation_of(action)] = event.escalation_due_at
        case ad.ActionEscalated():
            action.escalated_to = event.level
            case.stop_clocks(_escalation_of(action))
        case _:
            assert_never(event)


def _escalation_of(action: Action) -> str:
    return f"action_escalation:{action.action_id}"
