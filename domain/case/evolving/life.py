"""What may happen to a case at any stage, as the case remembers it. `evolve` only assigns: no guard, no clock, no rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from domain.case import closure as cl

if TYPE_CHECKING:
    from domain.case.state import Case

AnyLifeEvent = cl.CaseClosed


def evolve(case: Case, event: AnyLifeEvent) -> None:
    """Assign what the event says."""
    match event:
        case cl.CaseClosed():
            case.close(event.because)
        case _:
            assert_never(event)
