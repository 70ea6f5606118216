"""Allocation of a key worker and the waiting list as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import allocation as al

if TYPE_CHECKING:
    from domain.case.state import Case

AnyAllocationEvent = (
    al.MatchesProposed
    | al.WorkerPreferenceRecorded
    | al.AllocationOverdue
    | al.WaitingListJoined
    | al.WaitingCheckDue
    | al.WaitingCheckRecorded
    | al.WaitingListLeft
    | al.KeyWorkerAllocated
    | al.AllocationAccepted
    | al.AllocationQueried
    | al.AllocationAnswerOverdue
    | al.FirstContactOverdue
    | al.AllocationEnded
)


def evolve(case: Case, event: AnyAllocationEvent) -> None:
    """Assign what the event says."""
    match event:
        case al.MatchesProposed():
            case.candidates = tuple(candidate.worker_id for candidate in event.candidates)
        case al.WorkerPreferenceRecorded():
            case.wants_gender = event.wants_gender or case.wants_gender
            if event.refuses_worker is not None:
                case.refused_workers.add(event.refuses_worker)
        case al.AllocationOverdue():
            case.overdue.add("allocation")
        case al.WaitingListJoined():
            case.stop_clocks("allocation")
            case.band = event.band
            case.due["waiting_check"] = event.check_due_at
        case al.WaitingCheckDue():
            case.due["waiting_check"] = event.next_due_at
        case al.WaitingCheckRecorded():
            case.due["waiting_check"] = event.check_due_at
        case al.WaitingListLeft():
            case.stop_clocks("waiting_check")
            case.band = None
        case al.KeyWorkerAllocated():
            case.stop_clocks("allocation")
            case.worker_id, case.allocation_accepted, case.contact_attempts = event.worker_id, False, 0
            case.met_face_to_face = False
            case.due.update(allocation_answer=event.answer_due_at, first_contact=event.first_contact_due_at)
        case al.AllocationAccepted():
            case.stop_clocks("allocation_answer")
            case.allocation_accepted = True
        case al.AllocationQueried():
            case.stop_clocks("allocation_answer", "first_contact")
            case.queried_workers.add(event.worker_id)
            case.worker_id = None
            case.due["allocation"] = event.allocation_due_at
        case al.AllocationAnswerOverdue():
            case.overdue.add("allocation_answer")
        case al.FirstContactOverdue():
            case.overdue.add("first_contact")
        case al.AllocationEnded():
            case.worker_id = None
        case _:
            assert_never(event)
