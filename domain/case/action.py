"""Actions: one thing to do, owned by one person in a named agency, with a date. Completing late is kept apart from on time.

An action may be set by the forum with the plan (`forum_review.py`) or at any time while the case is open. Doing it, and
saying whether it helped or what stands in the way, is the owner's. Who else may take it, and when it is taken off the
plan, is in `action_changes.py`; chasing it is the engine's, in `action_deadlines.py`.
Source: machine D of the pathway (domain reference 2.7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from domain.case.escalation import settled
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, RuleBroken
from domain.messages import (
    ActionId,
    AgencyName,
    BlockerId,
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
from domain.roles import Permission, Role

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


class ActionAcknowledged(CaseEvent):
    """The owner confirmed that the action is theirs."""

    TOPIC: ClassVar[str] = "ActionAcknowledged"

    action_id: ActionId


class ActionProgressed(CaseEvent):
    """Work on the action began or went on."""

    TOPIC: ClassVar[str] = "ActionProgressed"

    action_id: ActionId
    note: PersonalText | None = None


class ActionCompleted(CaseEvent):
    """The action was done; whether it helped, and whether it was on time, are recorded apart."""

    TOPIC: ClassVar[str] = "ActionCompleted"

    action_id: ActionId
    evidence: PersonalText
    effective: bool
    late: bool


class ActionNotDone(CaseEvent):
    """The owner will not do the action, or could not; nobody chases it any more."""

    TOPIC: ClassVar[str] = "ActionNotDone"

    action_id: ActionId
    explanation: PersonalText
    late: bool


class ActionBlocked(CaseEvent):
    """Something in the system stands in the way of the action, by its code; what that is has an id of its own."""

    TOPIC: ClassVar[str] = "ActionBlocked"

    action_id: ActionId
    blocker_id: BlockerId
    blocker: Code
    description: PersonalText | None = None


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


class ActionOwnerOnly(RuleBroken):
    """Only the owner of the action, acting for the agency that owns it, may do this."""

    code = "action_owner_only"


class EvidenceRequired(RuleBroken):
    """evidence: a completed action says what was done; if it did not help, say so with effective = false."""

    code = "evidence_required"


def require_due_ahead(due_at: datetime | None, now: datetime) -> None:
    """An action is for a date to come.

    Source: machine D, AssignAction (domain reference 2.7).
    """
    if due_at is not None and due_at <= now:
        raise ActionDueInPast(due_at=due_at.isoformat())


def require_link(links_to: str, case: Case, rules: Rules) -> None:
    """An action is linked to an outcome or a risk; before outcomes are set, to the need that brought the person here.

    Source: machine D, AssignAction (domain reference 2.7).
    """
    is_need = rules.programme(case.programme).need(links_to) is not None
    is_outcome = links_to in {str(outcome_id) for outcome_id in case.outcomes}
    if not (is_need or is_outcome or links_to.startswith("risk:")):
        raise ActionNotLinked(links_to=links_to)


def require_open_action(command: Command, case: Case, action_id: ActionId, *states: str) -> Action:
    """The action of this id, in one of these states; in any open one when none is named."""
    action = case.actions.get(action_id)
    if action is None:
        raise NotFound(kind="action", id=action_id)
    allowed = states or OPEN_STATES
    if action.state not in allowed:
        raise ActionNotOpen(command=command.NAME, allowed=" or ".join(allowed), state=action.state)
    return action


def is_owner(action: Action, moment: Moment, rules: Rules) -> bool:
    """Staff references repeat between agencies, so the owner is known by reference and agency together."""
    return moment.actor.person == action.owner and is_of(action.agency, moment, rules)


def may_finish(action: Action, moment: Moment, rules: Rules) -> bool:
    """The owner, or the computer system of the owner's agency.

    Source: the table of commands and roles, row on completing actions (domain reference 2.14).
    """
    if moment.actor.role is Role.ADAPTER:
        return is_of(action.agency, moment, rules)
    return is_owner(action, moment, rules)


def is_of(agency: str, moment: Moment, rules: Rules) -> bool:
    return rules.agency_name(moment.by_agency) == rules.agency_name(agency)


def by_next_meeting(programme: str, after: datetime, rules: Rules) -> datetime:
    """The end of the working day on which the forum meets next after this instant.

    Source: an action is due by the next meeting unless set (domain reference 2.3).
    """
    return rules.calendar.add_working_days(rules.deadline(programme, "forum_cadence", after), 0)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_ACTION = "c3f1a0de-6a5f-5b5e-8f0a-6f3c1c0c5a01"


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


class AcknowledgeAction(Command):
    """Confirm, as the owner, that an action is yours."""

    NAME: ClassVar[str] = "acknowledge-action"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "action_id": _ACTION}

    case_id: CaseId
    action_id: ActionId


class StartWork(Command):
    """Say, as the owner, that work on an action has begun."""

    NAME: ClassVar[str] = "start-work"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "action_id": _ACTION}

    case_id: CaseId
    action_id: ActionId
    note: PersonalText | None = None


class ReportProgress(Command):
    """Say that work on an action began or went on."""

    NAME: ClassVar[str] = "report-progress"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "note": "Landlord called back",
    }

    case_id: CaseId
    action_id: ActionId
    note: PersonalText | None = None


class CompleteAction(Command):
    """Say that an action is done, on what evidence, and whether it helped."""

    NAME: ClassVar[str] = "complete-action"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "evidence": "Plan signed, first payment made",
        "effective": True,
    }

    case_id: CaseId
    action_id: ActionId
    evidence: PersonalText
    effective: bool = Field(description="whether it helped")


class ReportNotDone(Command):
    """Say, as the owner, that an action will not be done, and why."""

    NAME: ClassVar[str] = "report-not-done"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "explanation": "The landlord sold the house",
    }

    case_id: CaseId
    action_id: ActionId
    explanation: PersonalText = Field(min_length=1)


class ReportBlocked(Command):
    """Say, as the owner, what in the system stands in the way of an action; the action stays yours."""

    NAME: ClassVar[str] = "report-blocked"
    PERMISSION: ClassVar[Permission] = Permission.WORK_ON_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "blocker": "no_identity_documents",
    }

    case_id: CaseId
    action_id: ActionId
    blocker: Code = Field(
        description="what stands in the way, as a code: a condition of the system, no failing of a person"
    )
    blocker_id: BlockerId | None = Field(
        None, description="a blocker that is known already; a new id is made when left out"
    )
    description: PersonalText | None = None


@decides(AssignAction, refuses=(ActionDueInPast, ActionNotLinked, AlreadyRecorded))
def assign_action(command: AssignAction, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    require_due_ahead(command.due_at, moment.now)
    require_link(command.links_to, case, rules)
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


@decides(AcknowledgeAction, refuses=(ActionNotOpen, ActionOwnerOnly))
def acknowledge_action(
    command: AcknowledgeAction, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id, "open")
    if not is_owner(action, moment, rules):
        raise ActionOwnerOnly
    return [ActionAcknowledged(case_id=case.case_id, person_id=case.person_id, action_id=action.action_id)]


@decides(StartWork, refuses=(ActionNotOpen, ActionOwnerOnly))
def start_work(command: StartWork, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id, "open", "acknowledged")
    _require_owner(action, moment, rules)
    return [
        ActionProgressed(
            case_id=case.case_id, person_id=case.person_id, action_id=action.action_id, note=command.note
        )
    ]


@decides(ReportProgress, refuses=(ActionNotOpen, ActionOwnerOnly))
def report_progress(command: ReportProgress, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    _require_owner(action, moment, rules)
    return [
        ActionProgressed(
            case_id=case.case_id, person_id=case.person_id, action_id=action.action_id, note=command.note
        )
    ]


@decides(CompleteAction, refuses=(ActionNotOpen, ActionOwnerOnly, EvidenceRequired))
def complete_action(command: CompleteAction, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """Late is judged by when it was done, not by when we were told; both instants stand in the log.

    Source: machine D, CompleteAction (domain reference 2.7).
    """
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    _require_owner(action, moment, rules)
    if not command.evidence:
        raise EvidenceRequired
    return [
        ActionCompleted(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            evidence=command.evidence,
            effective=command.effective,
            late=moment.effective_at > action.due_at,
        ),
        *settled(case, "action", "done", action.action_id),
    ]


@decides(ReportNotDone, refuses=(ActionNotOpen, ActionOwnerOnly))
def report_not_done(command: ReportNotDone, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    _require_owner(action, moment, rules)
    return [
        ActionNotDone(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            explanation=command.explanation,
            late=moment.effective_at > action.due_at,
        )
    ]


@decides(ReportBlocked, refuses=(ActionNotOpen, ActionOwnerOnly))
def report_blocked(command: ReportBlocked, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    _require_owner(action, moment, rules)
    return [
        ActionBlocked(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            blocker_id=command.blocker_id or BlockerId(moment.new_id("blocker")),
            blocker=command.blocker,
            description=command.description,
        )
    ]


def _require_owner(action: Action, moment: Moment, rules: Rules) -> None:
    if not may_finish(action, moment, rules):
        raise ActionOwnerOnly
