"""Allocation of a key worker and the waiting list as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, assert_never

from domain.case import allocation as al
from domain.case import away as aw
from domain.case import cover as co
from domain.case import offers as of
from domain.case import waiting_list as wl
from domain.case import wishes as wi
from domain.case import worker_handover as wh
from domain.case.allocation_states import WITH_A_WORKER, AllocationState, CoverState, WaitingState
from domain.case.override import Override, OverrideReviewDue
from domain.case.stages import Stage
from domain.messages import WorkerId

if TYPE_CHECKING:
    from domain.case.state import Case


@dataclass(frozen=True, slots=True)
class Away:
    """That the case's key worker is away, or will be, from a day on."""

    worker_id: WorkerId
    because: aw.AwayBecause
    first_day: date
    last_day: date | None


@dataclass(frozen=True, slots=True)
class Cover:
    """Who answers for the case meanwhile."""

    worker_id: WorkerId
    staff_ref: str
    until: date


@dataclass(frozen=True, slots=True)
class PlannedHandover:
    """Who gets the case next."""

    successor_id: WorkerId
    joint_visit_on: date | None
    approved_over_soft_limit: bool
    terms: Override
    """What the manager said of a rule that is set aside."""


AnyAllocationEvent = (
    al.MatchesProposed
    | wi.WorkerPreferenceRecorded
    | wi.ConflictOfInterestDeclared
    | al.AllocationOverdue
    | al.WaitingListJoined
    | al.WaitingCheckDue
    | al.WaitingCheckRecorded
    | al.WaitingListLeft
    | wl.WaitingListReprioritised
    | wl.BandReviewRequested
    | wl.WaitingCheckMissed
    | wl.PriorityWaitExceeded
    | of.WorkerOffered
    | of.OfferDeclined
    | al.KeyWorkerAllocated
    | al.AllocationAccepted
    | al.AllocationQueried
    | al.AllocationAnswerOverdue
    | al.FirstContactOverdue
    | al.AllocationEnded
    | al.InterpreterArranged
    | aw.KeyWorkerUnavailable
    | aw.KeyWorkerAvailable
    | aw.AllocationOrphaned
    | aw.HandoverStartDue
    | co.CoverStarted
    | co.CoverEnded
    | OverrideReviewDue
    | wh.HandoverPlanned
    | wh.KeyWorkerChanged
)
_OF_THE_WORKER = (
    "allocation_answer",
    "first_contact",
    "orphaned",
    "absence_ends",
    "cover_ends",
    "handover_start",
    "override_review",
)
"""Clocks that run only while somebody has the case."""
_OF_SUPPORT = ("introduction", "contact", "disengagement")


def evolve(case: Case, event: AnyAllocationEvent) -> None:
    """Assign what the event says."""
    match event:
        case al.MatchesProposed():
            case.candidates = tuple(candidate.worker_id for candidate in event.candidates)
            case.stop_clocks("proposal")
            case.start_clocks(proposal=event.look_again_at)
        case wi.WorkerPreferenceRecorded():
            case.wants_gender = event.wants_gender or case.wants_gender
            if event.refuses_worker is not None:
                case.refused_workers.add(event.refuses_worker)
        case wi.ConflictOfInterestDeclared():
            case.conflicts.add(event.worker_id)
        case al.AllocationOverdue():
            case.overdue.add("allocation")
        case al.WaitingListJoined():
            case.stop_clocks("allocation")
            case.band, case.joined_at = event.band, event.joined_at
            case.due["waiting_check"] = event.check_due_at
            if event.escalate_at is not None:
                case.due["priority_wait"] = event.escalate_at
        case al.WaitingCheckDue():
            case.due["waiting_check"] = event.next_due_at
            if event.answer_due_at is not None:
                case.overdue.discard("waiting_check_answer")
                case.due["waiting_check_answer"] = event.answer_due_at
        case al.WaitingCheckRecorded():
            case.stop_clocks("waiting_check_answer")
            case.due["waiting_check"] = event.check_due_at
        case wl.WaitingCheckMissed():
            case.overdue.add("waiting_check_answer")
        case wl.WaitingListReprioritised():
            case.band = event.to_band
            case.stop_clocks("priority_wait")
            if event.escalate_at is not None:
                case.due["priority_wait"] = event.escalate_at
        case wl.PriorityWaitExceeded():
            case.overdue.add("priority_wait")
        case of.WorkerOffered():
            case.offer_open = event
        case of.OfferDeclined():
            pass
        case al.WaitingListLeft():
            case.stop_clocks("waiting_check", "waiting_check_answer", "priority_wait")
            case.band_when_left = case.band
            case.band = None
        case al.KeyWorkerAllocated():
            case.stop_clocks("allocation")
            case.worker_id, case.allocation_accepted, case.contact_attempts = event.worker_id, False, 0
            case.met_face_to_face = False
            case.children, case.long_travel, case.programmes = (
                event.children,
                event.long_travel,
                event.programmes,
            )
            case.due.update(allocation_answer=event.answer_due_at, first_contact=event.first_contact_due_at)
            case.misses = ()
            case.start_clocks(
                introduction=event.introduction_due_at,
                disengagement=event.disengagement_due_at,
                override_review=event.override_review_at,
            )
        case al.AllocationAccepted():
            case.stop_clocks("allocation_answer")
            case.allocation_accepted = True
        case al.AllocationQueried():
            case.stop_clocks("allocation_answer", "first_contact")
            case.queried_workers.add(event.worker_id)
            if event.ground == "conflict_of_interest":
                case.conflicts.add(event.worker_id)
            case.due["allocation"] = event.allocation_due_at
        case al.AllocationAnswerOverdue():
            case.overdue.add("allocation_answer")
        case al.FirstContactOverdue():
            case.overdue.add("first_contact")
        case al.AllocationEnded():
            _ended(case, event)
        case al.InterpreterArranged() | wl.BandReviewRequested():
            pass
        case aw.KeyWorkerUnavailable():
            case.away = Away(event.worker_id, event.because, event.first_day, event.last_day)
            case.stop_clocks("orphaned", "absence_ends", "handover_start")
            case.start_clocks(absence_ends=event.ends_at)
            if event.orphaned_at is not None and case.cover is None:
                case.due["orphaned"] = event.orphaned_at
            if event.handover_start_at is not None and case.handover is None:
                case.due["handover_start"] = event.handover_start_at
        case aw.KeyWorkerAvailable():
            case.away = None
            case.stop_clocks("orphaned", "absence_ends", "handover_start")
        case aw.AllocationOrphaned():
            case.overdue.add("orphaned")
        case aw.HandoverStartDue():
            case.stop_clocks("handover_start")
        case co.CoverStarted():
            case.cover = Cover(event.cover_worker_id, event.cover_ref, event.until)
            case.stop_clocks("orphaned")
            case.due["cover_ends"] = event.ends_at
        case co.CoverEnded():
            case.stop_clocks("cover_ends")
            if event.orphaned_at is not None:
                case.due["orphaned"] = event.orphaned_at
        case OverrideReviewDue():
            case.stop_clocks("override_review")
        case wh.HandoverPlanned():
            case.handover = PlannedHandover(
                event.successor_id,
                event.joint_visit_on,
                event.approved_over_soft_limit,
                Override(
                    event.override_reason, event.override_review_on, event.second_person, event.person_agrees
                ),
            )
            case.stop_clocks("handover_start")
        case wh.KeyWorkerChanged():
            case.stop_clocks(*set(_OF_THE_WORKER) - {"first_contact"})
            case.start_clocks(override_review=event.override_review_at)
            case.worker_id, case.allocation_accepted = event.to_worker, True
            case.met_face_to_face = event.joint_visit_held
            case.away = None
        case _:
            assert_never(event)


def _ended(case: Case, event: al.AllocationEnded) -> None:
    case.away = None
    case.stop_clocks(*_OF_THE_WORKER)
    if event.because == "other_worker":
        case.refused_workers.add(event.worker_id)
    if event.because == "worker_did_not_answer":
        case.silent_workers.add(event.worker_id)
    if event.to_stage is Stage.AWAITING_ALLOCATION:
        case.stop_clocks(*_OF_SUPPORT)
    if event.allocation_due_at is not None:
        case.due["allocation"] = event.allocation_due_at


def leave_behind(case: Case) -> None:
    """Drop what the states of the allocation, of its cover and of the place on the list do not keep."""
    if case.allocation_state not in WITH_A_WORKER:
        case.worker_id, case.allocation_accepted = None, False
    if case.allocation_state is not AllocationState.HANDOVER_PLANNED:
        case.handover = None
    if case.cover_state is not CoverState.COVERED:
        case.cover = None
    if case.waiting_state is not WaitingState.OFFERED:
        case.offer_open = None
