"""Actions: one thing to do, owned by one person in a named agency, with a date. Completing late is kept apart from on time.

Source: machine D of the pathway (domain reference 2.7).
"""

from __future__ import annotations

from typing import ClassVar

from domain.messages import ActionId, AgencyName, CaseEvent, Code, Instant, PersonalText, StaffRef


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


class ActionCancelled(CaseEvent):
    """The action is no longer wanted, with a reason."""

    TOPIC: ClassVar[str] = "ActionCancelled"

    action_id: ActionId
    explanation: PersonalText


class ActionReassigned(CaseEvent):
    """The action has a new owner, whose agency accepted it."""

    TOPIC: ClassVar[str] = "ActionReassigned"

    action_id: ActionId
    owner: StaffRef
    agency: AgencyName


class ActionOverdue(CaseEvent):
    """The date of an action passed and it is not done."""

    TOPIC: ClassVar[str] = "ActionOverdue"

    action_id: ActionId
    agency: AgencyName
    due_at: Instant
