"""Household: whether children live with the person, and whether one of them is on a child protection plan.

Facts that rules of other stages ask for: who closes a case because contact was lost, and who approves a step-down.
Must not decide anything about a child: that is for the children's services.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.decisions import decides
from domain.messages import CaseEvent, CaseId, Command, Event, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case


# -- events ----------------------------------------------------------------------------------------------------------


class HouseholdRecorded(CaseEvent):
    """How many children live with the person."""

    TOPIC: ClassVar[str] = "HouseholdRecorded"

    children: int
    note: PersonalText | None = None


class ChildProtectionPlanRecorded(CaseEvent):
    """A child of the household is on a child protection plan, or no longer is."""

    TOPIC: ClassVar[str] = "ChildProtectionPlanRecorded"

    is_open: bool
    note: PersonalText | None = None


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RecordHousehold(Command):
    """Record how many children live with the person; with any, closing after lost contact needs a child safety screen."""

    NAME: ClassVar[str] = "record-household"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CIRCUMSTANCES
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "children": 1, "note": "Daughter, aged six"}

    case_id: CaseId
    children: int = Field(ge=0, le=30, description="how many people under 18 live with the person")
    note: PersonalText | None = None


class RecordChildProtectionPlan(Command):
    """Record that a child of the household is on a child protection plan, or no longer is; with one there is no step-down."""

    NAME: ClassVar[str] = "record-child-protection-plan"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CIRCUMSTANCES
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "is_open": True}

    case_id: CaseId
    is_open: bool
    note: PersonalText | None = None


@decides(RecordHousehold)
def record_household(command: RecordHousehold, case: Case) -> Sequence[Event]:
    case.require_open(command)
    return [
        HouseholdRecorded(
            case_id=case.case_id, person_id=case.person_id, children=command.children, note=command.note
        )
    ]


@decides(RecordChildProtectionPlan)
def record_child_protection_plan(command: RecordChildProtectionPlan, case: Case) -> Sequence[Event]:
    case.require_open(command)
    return [
        ChildProtectionPlanRecorded(
            case_id=case.case_id, person_id=case.person_id, is_open=command.is_open, note=command.note
        )
    ]
