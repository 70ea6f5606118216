"""Actions: one thing to do, owned by one person in a named agency, with a date and something that it serves.

An action may be set by the forum with the plan (`forum_decision.py`) or at any time while the case is open. What its owner
does with it is in `action_work.py`; who else may take it, and when it is taken off the plan, in `action_changes.py`;
chasing it is the engine's, in `action_deadlines.py`.
Source: machine D of the pathway (domain reference 2.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from domain.case.disclosure import agencies_excluded
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, RuleBroken
from domain.messages import (
    ActionId,
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Message,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.evolving.action import Action
    from domain.case.state import Case
    from domain.rules import Rules

ActionState = Literal["open", "acknowledged", "in_progress", "done", "not_done", "cancelled"]
OPEN_STATES: tuple[ActionState, ...] = ("open", "acknowledged", "in_progress")

ACTION_MOVES: Mapping[str, Mapping[ActionState | None, ActionState]] = {
    "ActionAssigned": {None: "open"},
    "ActionAcknowledged": {"open": "acknowledged"},
    "ActionProgressed": dict.fromkeys(OPEN_STATES, "in_progress"),
    "ActionBlocked": dict.fromkeys(OPEN_STATES, "in_progress"),
    "ActionReassigned": {**dict.fromkeys(OPEN_STATES, "open"), "cancelled": "open"},
    "ActionCompleted": dict.fromkeys(OPEN_STATES, "done"),
    "ActionNotDone": dict.fromkeys(OPEN_STATES, "not_done"),
    "ActionCancelled": dict.fromkeys(OPEN_STATES, "cancelled"),
    "ActionOverdue": {state: state for state in OPEN_STATES},
    "ActionEscalated": {state: state for state in OPEN_STATES},
}
"""Event topic → from which state of an action to which; None is one that does not exist yet.

A cancelled action is given back to its owner only when it ended with its case and the case goes on."""


# -- events ----------------------------------------------------------------------------------------------------------


class ActionAssigned(CaseEvent):
    """Somebody in an agency took on one thing to do by a date."""

    TOPIC: ClassVar[str] = "ActionAssigned"

    action_id: ActionId
    owner: StaffRef
    agency: AgencyName
    links_to: Code
    what: PersonalText
    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class ActionNotOpen(Conflict):
    """{command} is for an action that is {allowed}; this one is {state}."""

    code = "action_not_open"


class ActionDueInPast(RuleBroken):
    """due_at: an action is for a date to come; {due_at} has passed."""

    code = "action_due_in_past"


class ActionNotLinked(RuleBroken):
    """links_to: an action serves a need of the programme, an outcome of this case by its id, or a risk (written risk:overdose); {links_to} is none of them."""

    code = "action_not_linked"


def require_due_ahead(due_at: datetime | None, now: datetime) -> None:
    """An action is for a date to come.

    Source: machine D, AssignAction (domain reference 2.7).
    """
    if due_at is not None and due_at <= now:
        raise ActionDueInPast(due_at=due_at)


class AgencyTakenOut(RuleBroken):
    """agency: the person took back their consent that {agency} takes part; an action goes to another agency, or waits for a new consent."""

    code = "agency_taken_out"


def require_link(links_to: str, case: Case, rules: Rules) -> None:
    """An action is linked to an outcome or a risk; before outcomes are set, to the need that brought the person here.

    Source: machine D, AssignAction (domain reference 2.7).
    """
    is_need = rules.programme(case.programme).need(links_to) is not None
    is_outcome = links_to in {str(outcome_id) for outcome_id in case.outcomes}
    if not (is_need or is_outcome or links_to.startswith("risk:")):
        raise ActionNotLinked(links_to=links_to)


def require_not_taken_out(agency: str, case: Case) -> None:
    """Nothing new is given to an agency that may no longer hear of the person.

    Source: consent withdrawn mid-pathway; machine D (domain reference 2.7, 2.13).
    """
    if agency in agencies_excluded(case):
        raise AgencyTakenOut(agency=agency)


def require_open_action(command: Command, case: Case, action_id: ActionId, *states: str) -> Action:
    """The action of this id, in one of these states; in any open one when none is named."""
    action = case.actions.get(action_id)
    if action is None:
        raise NotFound(kind="action", id=action_id)
    allowed = states or OPEN_STATES
    if action.state not in allowed:
        raise ActionNotOpen(command=command.NAME, allowed=" or ".join(allowed), state=action.state)
    return action


def is_of(agency: str, moment: Moment, rules: Rules) -> bool:
    return rules.agency_name(moment.by_agency) == rules.agency_name(agency)


def by_next_meeting(programme: str, after: datetime, rules: Rules) -> datetime:
    """The end of the working day on which the forum meets next after this instant.

    Source: an action is due by the next meeting unless set (domain reference 2.3).
    """
    return rules.calendar.add_working_days(rules.deadline(programme, "forum_cadence", after), 0)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class ActionToAssign(Message):
    """One action as it is set: who does what by when, and what for."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    owner: StaffRef
    agency: AgencyName
    links_to: Code = Field(description="a need, the id of an outcome, or a risk such as risk:overdose")
    what: PersonalText = Field(min_length=1)
    due_at: Instant | None = Field(None, description="by the next meeting of the forum when left out")


class AssignAction(Command):
    """Give one person in an agency one thing to do by a date."""

    NAME: ClassVar[str] = "assign-action"
    PERMISSION: ClassVar[Permission] = Permission.ASSIGN_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "owner": "housing-officer-3",
        "agency": "One Manchester",
        "links_to": "rent_arrears",
        "what": "Agree a payment plan",
    }

    case_id: CaseId
    action_id: ActionId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    owner: StaffRef = Field(description="who does it, by the reference they act under")
    agency: AgencyName = Field(description="the agency that the owner acts for")
    links_to: Code = Field(description="a need, the id of an outcome, or a risk such as risk:overdose")
    what: PersonalText = Field(min_length=1)
    due_at: Instant | None = Field(None, description="by the next meeting of the forum when left out")


@decides(AssignAction, refuses=(ActionDueInPast, ActionNotLinked, AgencyTakenOut, AlreadyRecorded))
def assign_action(command: AssignAction, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    require_due_ahead(command.due_at, moment.now)
    require_link(command.links_to, case, rules)
    require_not_taken_out(rules.agency_name(command.agency), case)
    action_id = command.action_id or ActionId(moment.new_id("action"))
    if action_id in case.actions:
        raise AlreadyRecorded(what="this action")
    return [assigned(command, action_id, case, moment.now, rules)]


def assigned(
    action: AssignAction | ActionToAssign, action_id: ActionId, case: Case, after: datetime, rules: Rules
) -> ActionAssigned:
    """The fact that an action was set; without a date of its own it is due by the next meeting after `after`."""
    return ActionAssigned(
        case_id=case.case_id,
        person_id=case.person_id,
        action_id=action_id,
        owner=action.owner,
        agency=rules.agency_name(action.agency),
        links_to=action.links_to,
        what=action.what,
        due_at=action.due_at or by_next_meeting(case.programme, after, rules),
    )
