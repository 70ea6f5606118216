"""Stepping back up: the person needs more again, and gets it without starting again.

The worker who has stayed with the case goes on, as long as the monitoring time runs and they are still there; otherwise
the case waits for a worker before others of its kind.
Source: machine A, StepBackUp (domain reference 2.4); failure "step-down fails" (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import AllocationEnded, reweighed
from domain.case.contact import contact_clocks
from domain.case.involvement import InvolvedAgenciesOnly, require_involved
from domain.case.stages import Stage
from domain.decisions import decides
from domain.keyworker.events import CaseReleased
from domain.messages import AgencyName, CaseEvent, CaseId, Command, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class SteppedBackUp(CaseEvent):
    """The person needs more again; the plan goes on, with the same worker or first in line for another."""

    TOPIC: ClassVar[str] = "SteppedBackUp"

    deterioration: PersonalText
    by_agency: AgencyName
    to_stage: Literal[Stage.ACTIVE, Stage.AWAITING_ALLOCATION] = Stage.ACTIVE
    priority_uplift: bool = False
    allocation_due_at: Instant | None = None
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None
    review_due_at: Instant | None = Field(None, description="when the forum looks at the case again")


# -- rules -----------------------------------------------------------------------------------------------------------


def may_go_on(case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules) -> bool:
    """The monitoring time still runs, and the worker is there, has no conflict of interest and is not above their limit.

    The case has stayed on their caseload all the time, so it needs no further place.
    Source: machine A, StepBackUp (domain reference 2.4); caseload limits (5.1).
    """
    if worker is None or worker.worker_id in case.conflicts:
        return False
    if case.monitoring_ends_at is not None and moment.now > case.monitoring_ends_at:
        return False
    return worker.active_on(rules.london_day(moment.now)) and len(worker.cases) <= worker.hard_limit


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class StepBackUp(Command):
    """Record that the person needs more again; support resumes with the same plan."""

    NAME: ClassVar[str] = "step-back-up"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "deterioration": "Has left the recovery house"}

    case_id: CaseId
    deterioration: PersonalText = Field(min_length=1)


@decides(StepBackUp, refuses=(InvolvedAgenciesOnly,))
def step_back_up(
    command: StepBackUp, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Never refused for want of capacity: without it the case waits for another worker, before others.

    Source: machine A, StepBackUp by any involved agency (domain reference 2.4).
    """
    case.require(command, Stage.STEPPING_DOWN, Stage.MONITORING)
    require_involved(command, case, worker, moment)
    goes_on = may_go_on(case, worker, moment, rules)
    clocks = contact_clocks(case, moment, rules, stage=Stage.ACTIVE if goes_on else None)
    stepped_up = SteppedBackUp(
        case_id=case.case_id,
        person_id=case.person_id,
        deterioration=command.deterioration,
        by_agency=moment.by_agency,
        to_stage=Stage.ACTIVE if goes_on else Stage.AWAITING_ALLOCATION,
        priority_uplift=not goes_on,
        allocation_due_at=None if goes_on else rules.deadline(case.programme, "allocation", moment.now),
        contact_due_at=clocks.contact,
        disengagement_due_at=clocks.disengagement,
        review_due_at=rules.deadline(case.programme, "forum_review", moment.now),
    )
    if goes_on:
        return [stepped_up, *reweighed(case, worker, rules, stepping_down=False)]
    return [stepped_up, *_released(case, worker)]


def _released(case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    if worker is None:
        return []
    return [
        AllocationEnded(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            because="stepped_back_up",
        ),
        CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
    ]
