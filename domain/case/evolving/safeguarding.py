"""Safeguarding concerns as the case remembers them. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import safeguarding as sg

if TYPE_CHECKING:
    from domain.case.state import Case

AnySafeguardingEvent = sg.SafeguardingConcernRaised | sg.ConcernScreened | sg.SafeguardingOutcomeRecorded


def evolve(case: Case, event: AnySafeguardingEvent) -> None:
    """Assign what the event says."""
    match event:
        case sg.SafeguardingConcernRaised():
            case.open_concerns[event.concern_id] = "raised"
            case.due[f"screening:{event.concern_id}"] = event.screening_due_at
        case sg.ConcernScreened():
            case.stop_clocks(f"screening:{event.concern_id}")
            if event.threshold_met:
                case.open_concerns[event.concern_id] = "enquiry"
            else:
                case.open_concerns.pop(event.concern_id, None)
        case sg.SafeguardingOutcomeRecorded():
            case.open_concerns.pop(event.concern_id, None)
        case _:
            assert_never(event)
