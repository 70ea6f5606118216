"""Closing a case, whatever for: the person's place and the worker's are free again.

Why it closes, and whether it may, is decided in the stage where it happens. Nothing here refuses anything.
Source: machine A, stage Closed; machine E, EndAllocation (domain reference 2.4, 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from domain.case.allocation import AllocationEnded
from domain.case.triage import end_episode
from domain.keyworker.events import CaseReleased
from domain.messages import Event

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


def free_everybody(case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    """What a closed case means for the worker who had it, if any, and for the person."""
    if worker is None:
        return end_episode(case)
    return [
        AllocationEnded(
            case_id=case.case_id, person_id=case.person_id, worker_id=worker.worker_id, because="case_closed"
        ),
        CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
        *end_episode(case),
    ]
