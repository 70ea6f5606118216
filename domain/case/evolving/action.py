"""The actions of the plan as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, assert_never

from domain.case import action as a
from domain.messages import ActionId

if TYPE_CHECKING:
    from domain.case.state import Case

AnyActionEvent = (
    a.ActionAssigned
    | a.ActionAcknowledged
    | a.ActionProgressed
    | a.ActionCompleted
    | a.ActionCancelled
    | a.ActionReassigned
    | a.ActionOverdue
)

ActionState = Literal["open", "acknowledged", "in_progress", "done", "cancelled"]


@dataclass(slots=True)
class Action:
    """One action of the plan."""

    action_id: ActionId
    owner: str
    agency: str
    due_at: datetime
    state: ActionState = "open"
    overdue: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in ("open", "acknowledged", "in_progress")


def evolve(case: Case, event: AnyActionEvent) -> None:
    """Assign what the event says."""
    match event:
        case a.ActionAssigned():
            case.actions[event.action_id] = Action(event.action_id, event.owner, event.agency, event.due_at)
        case a.ActionAcknowledged():
            case.actions[event.action_id].state = "acknowledged"
        case a.ActionProgressed():
            case.actions[event.action_id].state = "in_progress"
        case a.ActionCompleted():
            case.actions[event.action_id].state = "done"
        case a.ActionCancelled():
            case.actions[event.action_id].state = "cancelled"
        case a.ActionReassigned():
            taken = case.actions[event.action_id]
            taken.owner, taken.agency, taken.state = event.owner, event.agency, "open"
        case a.ActionOverdue():
            case.actions[event.action_id].overdue = True
        case _:
            assert_never(event)
