"""What it means that an allocation is late: nobody chosen, no answer from the worker, no attempt to reach the person.

The commands are the engine's own timers'; their facts stand with the allocation (`allocation.py`).
Source: clocks of machine E (domain reference 2.3, 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from domain.case.allocation import (
    AllocationAnswerOverdue,
    AllocationOverdue,
    FirstContactOverdue,
    NoKeyWorkerAssigned,
    allocated_worker,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded
from domain.messages import CaseId, Command, Event, Moment
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case

# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class MarkAllocationOverdue(Command):
    """Record that an accepted case still has no key worker; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-allocation-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkAllocationAnswerOverdue(Command):
    """Record that the worker did not answer in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-allocation-answer-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkFirstContactOverdue(Command):
    """Record that nobody tried to reach the person in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-first-contact-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(MarkAllocationOverdue, refuses=(AlreadyRecorded,))
def mark_allocation_overdue(command: MarkAllocationOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_ALLOCATION)
    due_at = case.require_newly_passed(
        command, "allocation", moment.now, what="that the allocation is overdue"
    )
    return [AllocationOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(MarkAllocationAnswerOverdue, refuses=(AlreadyRecorded, NoKeyWorkerAssigned))
def mark_allocation_answer_overdue(
    command: MarkAllocationAnswerOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    due_at = case.require_newly_passed(
        command, "allocation_answer", moment.now, what="that the worker's answer is overdue"
    )
    return [
        AllocationAnswerOverdue(
            case_id=case.case_id, person_id=case.person_id, worker_id=allocated_worker(case), due_at=due_at
        )
    ]


@decides(MarkFirstContactOverdue, refuses=(AlreadyRecorded, NoKeyWorkerAssigned))
def mark_first_contact_overdue(
    command: MarkFirstContactOverdue, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    due_at = case.require_newly_passed(
        command, "first_contact", moment.now, what="that the first contact is overdue"
    )
    return [
        FirstContactOverdue(
            case_id=case.case_id, person_id=case.person_id, worker_id=allocated_worker(case), due_at=due_at
        )
    ]
