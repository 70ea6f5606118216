"""Bands: how urgent the wait for a key worker is, from what is known of the case now. No event and no list lives here.

Source: machine G, bands (proposed) (domain reference 2.10).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal

from domain.programmes import Programme
from domain.values import Ndta

if TYPE_CHECKING:
    from domain.case.state import Case

Band = Literal["P1", "P2", "P3"]
LOSING_THE_HOME: Final = "risk_of_eviction"
_ONE_HIGHER: Final[Mapping[Band, Band]] = {"P3": "P2", "P2": "P1", "P1": "P1"}


def band_of(case: Case, programme: Programme) -> Band:
    """P1 for safeguarding, P2 for a high score or imminent loss of the home, P3 for all others.

    A case that was stepped back up waits one band higher than it would otherwise.
    Source: bands (proposed) (domain reference 2.10); priority uplift when support steps back up (2.4, 2.13).
    """
    if case.open_concerns:
        return "P1"
    band = _band_by_need(case, programme)
    return _ONE_HIGHER[band] if case.priority_uplift else band


def _band_by_need(case: Case, programme: Programme) -> Band:
    total = Ndta(case.ndta).total if case.ndta is not None else None
    high_score = total is not None and total >= programme.allocation.high_score
    if case.urgency == "urgent" or high_score or LOSING_THE_HOME in case.needs:
        return "P2"
    return "P3"


def is_first_priority(case: Case, programme: Programme) -> bool:
    """Whether the case is in band P1: where it waits as a manager set it, or by what is known of it now."""
    return case.band == "P1" or band_of(case, programme) == "P1"
