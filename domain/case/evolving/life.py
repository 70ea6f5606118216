"""What may happen to a case at any stage, as the case remembers it. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import closure as cl
from domain.case import correction as co
from domain.case import leaving as le
from domain.case import reopening as re
from domain.case import retry
from domain.case import route as ro
from domain.case.stages import Stage

if TYPE_CHECKING:
    from domain.case.state import Case

AnyLifeEvent = (
    retry.DuplicateCommandIgnored
    | co.RecordVoided
    | ro.ForumRouteChanged
    | le.DeathReported
    | le.DeathReportWithdrawn
    | le.PersonDied
    | le.PersonMovedArea
    | le.TransferCompleted
    | le.TransferLapsed
    | le.ParticipationWithdrawn
    | cl.CaseClosed
    | re.CasesMerged
    | re.MergeReversed
    | re.CaseReopened
)


def evolve(case: Case, event: AnyLifeEvent) -> None:
    """Assign what the event says."""
    match event:
        case retry.DuplicateCommandIgnored() | co.RecordVoided():
            pass  # what is void is left out by whoever folds
        case ro.ForumRouteChanged():
            case.neighbourhood, case.forum = event.to_neighbourhood, event.to_forum
        case le.DeathReported():
            case.death_reported = True
        case le.DeathReportWithdrawn():
            case.death_reported = False
        case le.PersonDied():
            case.close("death")
        case le.PersonMovedArea():
            case.due["transfer"] = event.transfer_due_at
        case le.TransferCompleted() | le.TransferLapsed():
            case.stop_clocks("transfer")
        case le.ParticipationWithdrawn():
            case.participation_agreed = False
            if event.to_stage is Stage.CLOSED:
                case.close("withdrawn")
        case cl.CaseClosed():
            case.close(event.because)
        case re.CasesMerged():
            case.close("merged")
            case.merged_into = event.survivor
        case re.MergeReversed() | re.CaseReopened():
            case.closed_because, case.merged_into, case.worker_id = None, None, event.worker_id
            # Whether what was reached has lasted is asked about a closed case only.
            case.stop_clocks("sustained_outcome")
            case.sustained_outcome_asked, case.outcome_lasted = False, None
            case.due.update(event.clocks)
            if isinstance(event, re.CaseReopened) and event.person_agrees:
                case.participation_agreed = True
            if event.to_stage is Stage.WAITING_LIST:
                case.band = case.band or case.band_when_left
        case _:
            assert_never(event)
