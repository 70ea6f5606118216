"""Work on an action: its owner takes it up, says how it goes on, whether it helped, or what stands in the way.

Only the owner, or the computer system of the owner's agency, speaks for an action. Completing late is kept apart from on time.
Source: machine D of the pathway (domain reference 2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.action import ActionNotOpen, is_of, require_open_action
from domain.case.escalation import settled
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import (
    ActionId,
    BlockerId,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Moment,
    PersonalText,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.evolving.action import Action
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


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


class ActionOwnerOnly(RuleBroken):
    """Only the owner of the action, acting for the agency that owns it, may do this."""

    code = "action_owner_only"


class EvidenceRequired(RuleBroken):
    """evidence: a completed action says what was done; if it did not help, say so with effective = false."""

    code = "evidence_required"


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


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_ACTION = "c3f1a0de-6a5f-5b5e-8f0a-6f3c1c0c5a01"


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
    action = _action_to_work_on(command, case, moment, rules, "open", "acknowledged")
    return [
        ActionProgressed(
            case_id=case.case_id, person_id=case.person_id, action_id=action.action_id, note=command.note
        )
    ]


@decides(ReportProgress, refuses=(ActionNotOpen, ActionOwnerOnly))
def report_progress(command: ReportProgress, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    action = _action_to_work_on(command, case, moment, rules)
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
    action = _action_to_work_on(command, case, moment, rules)
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
    action = _action_to_work_on(command, case, moment, rules)
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
    action = _action_to_work_on(command, case, moment, rules)
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


def _action_to_work_on(
    command: StartWork | ReportProgress | CompleteAction | ReportNotDone | ReportBlocked,
    case: Case,
    moment: Moment,
    rules: Rules,
    *states: str,
) -> Action:
    """The action that is meant, in one of these states or any open one, for whoever may say how it goes on."""
    case.require_open(command)
    action = require_open_action(command, case, command.action_id, *states)
    if not may_finish(action, moment, rules):
        raise ActionOwnerOnly
    return action
