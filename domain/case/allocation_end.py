"""The end of an allocation: the case goes back to be allocated anew, or steps down without its key worker.

A closed case frees its worker by itself (`closure.py`); a change from one worker to the next is a handover
(`worker_handover.py`).
Source: machine E, EndAllocation (domain reference 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.case.allocation import (
    AllocationEnded,
    NoKeyWorkerAssigned,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.keyworker.events import CaseReleased
from domain.messages import CaseId, Command, Event, Moment
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

MAY_GO_BACK = (Stage.INTRODUCTION, Stage.ACTIVE, Stage.OUTREACH)
"""Where a case may lose its worker and wait for another."""
_STEPS_DOWN = (Stage.STEPPING_DOWN, Stage.MONITORING)


# -- rules -----------------------------------------------------------------------------------------------------------


class WorkerMayStillAnswer(RuleBroken):
    """because: the worker has answered, or has time until {until} to answer; end the allocation for another reason."""

    code = "worker_may_still_answer"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class EndAllocation(Command):
    """Take a case from its key worker: the person asks for another, the worker did not answer, or the case steps down."""

    NAME: ClassVar[str] = "end-allocation"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "because": "other_worker"}

    case_id: CaseId
    because: Literal["other_worker", "worker_did_not_answer", "step_down"]


@decides(EndAllocation, refuses=(NoKeyWorkerAssigned, WorkerMayStillAnswer))
def end_allocation(
    command: EndAllocation, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Who asked for another worker is never proposed the same one again; a closed case needs no command of its own."""
    case.require(command, *(_STEPS_DOWN if command.because == "step_down" else MAY_GO_BACK))
    if worker is None:
        raise NoKeyWorkerAssigned
    if command.because == "worker_did_not_answer":
        _require_silence(command, case)
    return taken_off(case, worker, moment, rules, because=command.because)


def _require_silence(command: EndAllocation, case: Case) -> None:
    case.require(command, Stage.INTRODUCTION)
    if "allocation_answer" not in case.overdue:
        until = case.due.get("allocation_answer")
        raise WorkerMayStillAnswer(until=until or "no day")


def taken_off(
    case: Case,
    worker: KeyWorker,
    moment: Moment,
    rules: Rules,
    *,
    because: Literal["other_worker", "worker_did_not_answer", "step_down", "conflict_of_interest"],
) -> Sequence[Event]:
    """The worker no longer has the case; unless it steps down, another one is sought."""
    sought = because != "step_down"
    return [
        AllocationEnded(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            because=because,
            to_stage=Stage.AWAITING_ALLOCATION if sought else None,
            allocation_due_at=rules.deadline(case.programme, "allocation", moment.now) if sought else None,
        ),
        CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
    ]
