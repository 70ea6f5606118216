"""Closing a case, whatever for: the person's place and the worker's are free again.

Why it closes, and whether it may, is decided in the stage where it happens. Nothing here refuses anything.
`CaseClosed` is for the closings that have no event of their own; it stands before the facts of `free_everybody`.
Source: machine A, stage Closed; machine E, EndAllocation (domain reference 2.4, 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from domain.case.allocation import AllocationEnded
from domain.case.stages import Stage
from domain.case.triage import end_episode
from domain.keyworker.events import CaseReleased
from domain.meeting.events import AgendaItemRemoved
from domain.messages import CaseEvent, Event, PersonalText

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


ClosureReason = Literal[
    "completed",
    "declined",
    "advice_given",
    "referred_on",
    "not_eligible",
    "out_of_area",
    "consent_refused",
    "declined_by_person",
    "withdrawn",
    "withdrawn_by_referrer",
    "disengaged",
    "moved",
    "death",
    "merged",
    "insufficient_information",
    "need_met",
    "draft_discarded",
]
"""Source: closure reason codes (domain reference 2.4)."""


# -- events ----------------------------------------------------------------------------------------------------------


class CaseClosed(CaseEvent):
    """The episode ended, and what for."""

    TOPIC: ClassVar[str] = "CaseClosed"

    because: ClosureReason
    explanation: PersonalText | None = None


# -- what closing means for others -----------------------------------------------------------------------------------


def end_case(case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    """What it means to everybody that a case is closed, wherever it stood: no meeting waits for its outcome either."""
    listed = case.meeting_id if case.stage is Stage.ON_AGENDA else None
    item = [AgendaItemRemoved(meeting_id=listed, case_id=case.case_id)] if listed else []
    return [*item, *free_everybody(case, worker)]


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
