"""Closing a case, whatever for: the person's place and the worker's are free again.

Why it closes, and whether it may, is decided in the stage where it happens. Nothing here refuses anything.
`CaseClosed` is for the closings that have no event of their own; it stands before the facts of `end_case`.
Source: machine A, stage Closed; machine E, EndAllocation (domain reference 2.4, 2.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from domain.case.action_changes import end_actions
from domain.case.allocation import AllocationEnded, WaitingListLeft
from domain.case.escalation import settled
from domain.case.stages import Stage
from domain.keyworker.events import CaseReleased
from domain.meeting.events import AgendaItemRemoved
from domain.messages import CaseEvent, Event, PersonalText
from domain.person.identity import EpisodeEnded

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
    """What it means to everybody that a case is closed: the worker who had it, if any, its meeting, and the person."""
    return [
        *off_its_agenda(case),
        *_freed(case, worker),
        *settled(case, "allocation", "case_closed"),
        *settled(case, "capacity", "case_closed"),
        *end_episode(case),
    ]


def end_episode(case: Case) -> Sequence[Event]:
    """What a closed case means: its open actions end, and the person's place for an open case is free again.

    That place is given back under each of the person's records.
    """
    return [*end_actions(case), *_places_given_back(case)]


def off_its_agenda(case: Case) -> Sequence[AgendaItemRemoved]:
    """A meeting must not wait for the outcome of a case that is closed, as whatever it stands on the agenda."""
    listed = case.meeting_id if case.agenda_kind is not None else None
    return [AgendaItemRemoved(meeting_id=listed, case_id=case.case_id)] if listed is not None else []


def off_the_list(
    case: Case, because: Literal["withdrawn", "died", "moved", "need_met", "merged"]
) -> Sequence[WaitingListLeft]:
    """A case that waits for a worker leaves the waiting list before it is closed.

    Source: machine G, Leave (domain reference 2.10).
    """
    if case.stage is not Stage.WAITING_LIST:
        return []
    return [WaitingListLeft(case_id=case.case_id, person_id=case.person_id, because=because)]


def _freed(case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    if worker is None:
        return []
    return [
        AllocationEnded(
            case_id=case.case_id, person_id=case.person_id, worker_id=worker.worker_id, because="case_closed"
        ),
        CaseReleased(worker_id=worker.worker_id, case_id=case.case_id),
    ]


def _places_given_back(case: Case) -> Sequence[Event]:
    return [
        EpisodeEnded(person_id=person_id, case_id=case.case_id, programme=case.programme)
        for person_id in (case.person_id, *sorted(case.same_as))
    ]
