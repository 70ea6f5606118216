"""The states of an allocation, of a cover for it, and of a place on the waiting list, and the tables of moves between them.

The pictures in the docs are drawn from the three tables, and one test walks every pair of state and command. A case keeps
its worker, the next one, the cover or the offer only in the states that say so (`evolving/allocation.py`), and that is
what decisions ask for. No rule and no event payload lives here.
Source: machines E and G of the pathway (domain reference 2.8, 2.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.case.stages import Stage

if TYPE_CHECKING:
    from domain.messages import Event


class AllocationState(StrEnum):
    """Whether a key worker has the case, or somebody is proposed."""

    UNALLOCATED = "Unallocated"
    PROPOSED = "Proposed"
    ALLOCATED = "Allocated"
    HANDOVER_PLANNED = "HandoverPlanned"


class CoverState(StrEnum):
    """Whether somebody answers for the case while its key worker is away."""

    UNCOVERED = "Uncovered"
    COVERED = "Covered"


class WaitingState(StrEnum):
    """Where a place on the waiting list stands."""

    NONE = "none"
    WAITING = "Waiting"
    OFFERED = "Offered"
    LEFT = "Left"


A, C, W = AllocationState, CoverState, WaitingState
WITH_A_WORKER = (A.ALLOCATED, A.HANDOVER_PLANNED)
_WITHOUT = (A.UNALLOCATED, A.PROPOSED)
_BROUGHT_BACK = (A.UNALLOCATED, A.ALLOCATED)
"""A case that was closed goes on with the worker whom the event names, if it names one."""

ALLOCATION_MOVES: Mapping[str, Mapping[AllocationState, AllocationState | tuple[AllocationState, ...]]] = {
    "MatchesProposed": dict.fromkeys(_WITHOUT, A.PROPOSED),
    "KeyWorkerAllocated": dict.fromkeys(_WITHOUT, A.ALLOCATED),
    "AllocationQueried": dict.fromkeys(WITH_A_WORKER, A.PROPOSED),
    "HandoverPlanned": dict.fromkeys(WITH_A_WORKER, A.HANDOVER_PLANNED),
    "KeyWorkerChanged": dict.fromkeys(WITH_A_WORKER, A.ALLOCATED),
    "AllocationEnded": dict.fromkeys(WITH_A_WORKER, A.UNALLOCATED),
    "CaseReopened": {A.UNALLOCATED: _BROUGHT_BACK},
    "MergeReversed": {A.UNALLOCATED: _BROUGHT_BACK},
}
"""Event topic → from which state of an allocation to which. An event that is not here leaves it as it is."""

COVER_MOVES: Mapping[str, Mapping[CoverState, CoverState]] = {
    "CoverStarted": dict.fromkeys(CoverState, C.COVERED),
    "CoverEnded": {C.COVERED: C.UNCOVERED},
    "AllocationEnded": {C.COVERED: C.UNCOVERED},
}
"""The same for a cover, which runs beside the allocation and ends with it."""

WAITING_MOVES: Mapping[str, Mapping[WaitingState, WaitingState | tuple[WaitingState, ...]]] = {
    "WaitingListJoined": dict.fromkeys((W.NONE, W.LEFT), W.WAITING),
    "WorkerOffered": {W.WAITING: W.OFFERED},
    "OfferDeclined": {W.OFFERED: W.WAITING},
    "WaitingListLeft": dict.fromkeys((W.WAITING, W.OFFERED), W.LEFT),
    "CaseReopened": {W.LEFT: (W.LEFT, W.WAITING)},
    "MergeReversed": {W.LEFT: (W.LEFT, W.WAITING)},
}
"""The same for a place on the waiting list."""

ALLOCATION_TOPICS = frozenset((*ALLOCATION_MOVES, *COVER_MOVES, *WAITING_MOVES))
"""Every event that one of the tables has; most events of a long case are others."""


def allocation_after(state: AllocationState, event: Event) -> AllocationState:
    """Where the allocation stands after an event."""
    to = ALLOCATION_MOVES.get(event.TOPIC, {}).get(state, state)
    return to if isinstance(to, AllocationState) else to[getattr(event, "worker_id", None) is not None]


def cover_after(state: CoverState, event: Event) -> CoverState:
    """Whether the case is covered after an event."""
    return COVER_MOVES.get(event.TOPIC, {}).get(state, state)


def waiting_after(state: WaitingState, event: Event) -> WaitingState:
    """Where the place on the waiting list stands after an event."""
    to = WAITING_MOVES.get(event.TOPIC, {}).get(state, state)
    back = getattr(event, "to_stage", None) is Stage.WAITING_LIST
    return to if isinstance(to, WaitingState) else to[back]
