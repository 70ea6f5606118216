"""Handover of a whole caseload, of a worker who leaves at once: every case changes hands in one step, or none does.

What it means for one case is in `worker_handover.py`.
Source: handover of a whole caseload, emergency transfer route (domain reference 5.4).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.allocating import SoftLimitNeedsApproval
from domain.case.cover import PersonNotTold, require_told
from domain.case.matching import WorkerRefused
from domain.case.override import NO_OVERRIDE
from domain.case.worker_handover import SuccessorIsTheWorker, changed_hands, require_may_follow
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.messages import CaseId, Command, Day, Event, Message, Moment, PersonalText, StaffRef, WorkerId
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class CaseCannotGoTo(RuleBroken):
    """assignments: case {case_id} cannot go to worker {worker_id}: {because}. Nothing was handed over; choose another for it."""

    code = "case_cannot_go_to"


class CaseNotAssigned(RuleBroken):
    """assignments: nobody is named for case {case_id}; name a successor for each case, or one successor_id for all."""

    code = "case_not_assigned"


class NotOnThisCaseload(RuleBroken):
    """assignments: worker {worker_id} does not have the case {case_id}."""

    code = "not_on_this_caseload"


class NothingToHandOver(Conflict):
    """This worker has no case."""

    code = "nothing_to_hand_over"


# -- commands --------------------------------------------------------------------------------------------------------

_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"
_SUCCESSOR = "5d2f7c1b-90aa-5c0e-8d7e-64b3a1f20c55"


class Assignment(Message):
    """Which worker gets which case."""

    case_id: CaseId
    successor_id: WorkerId


class HandOverCaseload(Command):
    """Give every case of a key worker to one successor or to several, all in one step or none."""

    NAME: ClassVar[str] = "hand-over-caseload"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "worker_id": _WORKER,
        "successor_id": _SUCCESSOR,
        "no_joint_visit_because": "The worker left at once; both will visit within a week",
        "told_by": "manager-1",
        "told_on": "2027-02-01",
    }

    worker_id: WorkerId
    successor_id: WorkerId | None = Field(None, description="who gets every case not named in assignments")
    assignments: tuple[Assignment, ...] = Field((), max_length=200)
    no_joint_visit_because: PersonalText = Field(
        min_length=1, description="why the cases are not handed over one by one with a joint visit"
    )
    told_by: StaffRef | None = Field(None, description="who told the people")
    told_on: Day | None = Field(None, description="when they were told")
    not_told_because: PersonalText | None = Field(None, min_length=1)
    approved_over_soft_limit: bool = Field(False, description="the manager approves cases above the limit")

    def named_workers(self) -> Sequence[WorkerId]:
        one = (self.successor_id,) if self.successor_id else ()
        return tuple(dict.fromkeys((*one, *(to.successor_id for to in self.assignments))))


@decides(
    HandOverCaseload,
    refuses=(
        NothingToHandOver,
        NotOnThisCaseload,
        CaseNotAssigned,
        SuccessorIsTheWorker,
        CaseCannotGoTo,
        PersonNotTold,
    ),
)
def hand_over_caseload(
    command: HandOverCaseload,
    worker: KeyWorker,
    carried: Mapping[CaseId, Case],
    named: Mapping[WorkerId, KeyWorker],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Each successor's limits hold for all they get: a case given counts before the next one is looked at.

    Source: handover of a whole caseload; emergency transfer route (domain reference 5.4).
    """
    if not carried:
        raise NothingToHandOver
    require_told(command.told_by, command.told_on, command.not_told_because)
    to = {one.case_id: one.successor_id for one in command.assignments}
    for case_id in to:
        if case_id not in worker.cases:
            raise NotOnThisCaseload(worker_id=worker.worker_id, case_id=case_id)
    filling = {one.worker_id: dataclasses.replace(one, cases=dict(one.cases)) for one in named.values()}
    events: list[Event] = []
    for case in carried.values():
        successor_id = to.get(case.case_id) or command.successor_id
        if successor_id is None:
            raise CaseNotAssigned(case_id=case.case_id)
        if successor_id == worker.worker_id:
            raise SuccessorIsTheWorker(case_id=case.case_id)
        successor = filling[successor_id]
        try:
            require_may_follow(
                NO_OVERRIDE,
                case,
                successor,
                moment,
                rules,
                approved_over_soft_limit=command.approved_over_soft_limit,
            )
        except (WorkerRefused, SoftLimitNeedsApproval) as refused:
            raise CaseCannotGoTo(case_id=case.case_id, worker_id=successor_id, because=refused.code) from None
        events += changed_hands(case, worker, successor, moment, rules, told=command, visited=False)
        successor.cases[case.case_id] = worker.cases[case.case_id]
    return events
