"""Changes of an action: another owner takes it, the chair or a manager takes it off the plan, or it ends with its reason.

Nothing ends in silence: when a case closes, or an agency may no longer hear of the person, its open actions are ended
or given away by events of their own. What an action is stands in `action.py`, its owner's part in `action_work.py`.
Source: machine D of the pathway (domain reference 2.7).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.action import (
    ActionDueInPast,
    ActionNotOpen,
    AgencyTakenOut,
    is_of,
    require_due_ahead,
    require_not_taken_out,
    require_open_action,
)
from domain.case.disclosure import agencies_excluded
from domain.case.escalation import settled
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import (
    ActionId,
    AgencyName,
    CaseEvent,
    CaseId,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.evolving.action import Action
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ActionCancelled(CaseEvent):
    """The action is no longer wanted, with a reason."""

    TOPIC: ClassVar[str] = "ActionCancelled"

    action_id: ActionId
    explanation: PersonalText
    because: Literal["decided", "case_closed", "consent_withdrawn"] = "decided"


class ActionReassigned(CaseEvent):
    """The action has a new owner, whose agency accepted it."""

    TOPIC: ClassVar[str] = "ActionReassigned"

    action_id: ActionId
    owner: StaffRef
    agency: AgencyName
    due_at: Instant | None = Field(None, description="the new date, where it has one")
    because: Literal["decided", "consent_withdrawn", "case_goes_on"] = "decided"


# -- rules -----------------------------------------------------------------------------------------------------------


class CancellationNeedsAuthority(RuleBroken):
    """Only the chair or a manager may cancel an action; this is role {role}."""

    code = "action_cancellation_needs_authority"


class CancellationReasonRequired(RuleBroken):
    """explanation: a cancelled action has a reason."""

    code = "action_cancellation_reason_required"


class NotAcceptedByAgency(RuleBroken):
    """accepted_by_agency: an action goes to a new owner only when {agency}, the new owner's agency, has accepted it."""

    code = "not_accepted_by_agency"


def end_actions(case: Case) -> Sequence[Event]:
    """What a closing case means for its open actions: nobody chases them, and their owners hear why."""
    return [
        event for action in case.open_actions for event in _cancelled(case, action, because="case_closed")
    ]


def actions_again(
    case: Case, worker: KeyWorker | None, at_the_earliest: datetime
) -> Sequence[ActionReassigned]:
    """A case that goes on has its plan again: what only ended with it goes back to its owner, who is told.

    What was of an agency that was taken out meanwhile goes to the key worker who goes on with the case, if one does.
    What fell due meanwhile is due at the earliest on the day given.
    """
    out = agencies_excluded(case)
    ended = [action for action in case.actions.values() if action.ended_with_case]
    back = [(action, action.owner, action.agency) for action in ended if action.agency not in out]
    if worker is not None and worker.agency not in out:
        back += [(action, worker.staff_ref, worker.agency) for action in ended if action.agency in out]
    return [
        ActionReassigned(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            owner=owner,
            agency=agency,
            due_at=max(action.due_at, at_the_earliest),
            because="case_goes_on",
        )
        for action, owner, agency in back
    ]


def release_actions_of(case: Case, agency: str, worker: KeyWorker | None = None) -> Sequence[Event]:
    """What becomes of the open actions of an agency that may no longer hear of the person.

    The key worker takes them on, so that nothing of the plan is lost; without one, or if it is the worker's own agency
    that is shut out, they are cancelled.
    Source: an action of an agency whose consent is withdrawn is reassigned or cancelled, by event (domain reference 2.7).
    """
    theirs = [action for action in case.open_actions if action.agency == agency]
    if worker is None or worker.agency == agency:
        return [event for action in theirs for event in _cancelled(case, action, because="consent_withdrawn")]
    return [
        ActionReassigned(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            owner=worker.staff_ref,
            agency=worker.agency,
            because="consent_withdrawn",
        )
        for action in theirs
    ]


def _cancelled(
    case: Case, action: Action, *, because: Literal["case_closed", "consent_withdrawn"]
) -> Sequence[Event]:
    return [
        ActionCancelled(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            explanation="",
            because=because,
        ),
        *settled(case, "action", "cancelled", action.action_id),
    ]


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_ACTION = "c3f1a0de-6a5f-5b5e-8f0a-6f3c1c0c5a01"


class ReassignAction(Command):
    """Give an open action to another owner, whose agency has accepted it."""

    NAME: ClassVar[str] = "reassign-action"
    PERMISSION: ClassVar[Permission] = Permission.ASSIGN_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "owner": "support-worker-2",
        "agency": "Shelter",
        "accepted_by_agency": True,
    }

    case_id: CaseId
    action_id: ActionId
    owner: StaffRef = Field(description="who does it from now on, by the reference they act under")
    agency: AgencyName = Field(description="the agency that the new owner acts for")
    accepted_by_agency: bool = Field(False, description="not needed when the new owner's agency itself acts")
    due_at: Instant | None = Field(None, description="a new date; as before when left out")


class CancelAction(Command):
    """Take an action off the plan, with a reason; for the chair or a manager."""

    NAME: ClassVar[str] = "cancel-action"
    PERMISSION: ClassVar[Permission] = Permission.ASSIGN_ACTION
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "action_id": _ACTION,
        "explanation": "The tenancy has ended",
    }

    case_id: CaseId
    action_id: ActionId
    explanation: PersonalText


@decides(ReassignAction, refuses=(ActionNotOpen, NotAcceptedByAgency, AgencyTakenOut, ActionDueInPast))
def reassign_action(command: ReassignAction, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    require_due_ahead(command.due_at, moment.now)
    agency = rules.agency_name(command.agency)
    require_not_taken_out(agency, case)
    if not (command.accepted_by_agency or is_of(agency, moment, rules)):
        raise NotAcceptedByAgency(agency=agency)
    return [
        ActionReassigned(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            owner=command.owner,
            agency=agency,
            due_at=command.due_at,
        )
    ]


@decides(CancelAction, refuses=(ActionNotOpen, CancellationNeedsAuthority, CancellationReasonRequired))
def cancel_action(command: CancelAction, case: Case, moment: Moment) -> Sequence[Event]:
    case.require_open(command)
    action = require_open_action(command, case, command.action_id)
    if moment.actor.role not in (Role.CHAIR, Role.MANAGER):
        raise CancellationNeedsAuthority(role=moment.actor.role)
    if not command.explanation:
        raise CancellationReasonRequired
    return [
        ActionCancelled(
            case_id=case.case_id,
            person_id=case.person_id,
            action_id=action.action_id,
            explanation=command.explanation,
        ),
        *settled(case, "action", "cancelled", action.action_id),
    ]
