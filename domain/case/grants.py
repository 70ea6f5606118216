"""The states of a grant, which is one consent to disclosure, and the one table of moves between them.

The picture in the docs is drawn from `GRANT_MOVES`, and one test walks every pair of state and command. No rule and no
event payload lives here. A grant never moves the case: it only opens and shuts the gate of `disclosure.py`.
Source: machine B of the pathway (domain reference 2.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.messages import Event


class GrantState(StrEnum):
    """Where one consent stands."""

    NEW = "new"
    REQUESTED = "requested"
    BEST_INTERESTS = "best_interests"
    GRANTED = "granted"
    SUBSTITUTE_GRANTED = "substitute_granted"
    REVIEW_DUE = "review_due"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


G = GrantState
LIVE = (G.GRANTED, G.SUBSTITUTE_GRANTED, G.REVIEW_DUE)
"""The states that open the gate; a consent whose review is due is usable until it expires."""
MAY_BE_ASKED = (G.NEW, G.REFUSED, G.WITHDRAWN, G.EXPIRED)
SAID_NO = (G.REFUSED, G.WITHDRAWN)
"""The states in which the person, or whoever decides for them, has said no."""

GrantMove = GrantState | tuple[GrantState, ...]
"""The state that follows; of several, the event itself says which, in its field `to_state`."""

GRANT_MOVES: Mapping[str, Mapping[GrantState, GrantMove]] = {
    "ConsentRequested": dict.fromkeys(MAY_BE_ASKED, G.REQUESTED),
    "ConsentGranted": {G.REQUESTED: G.GRANTED},
    "ConsentRefused": {G.REQUESTED: G.REFUSED},
    "ConsentIncapacityRecorded": {G.REQUESTED: G.BEST_INTERESTS},
    "BestInterestsDecisionRecorded": {G.BEST_INTERESTS: (G.SUBSTITUTE_GRANTED, G.REFUSED)},
    "ConsentNarrowed": {state: state for state in LIVE},
    "ConsentWithdrawn": dict.fromkeys(LIVE, G.WITHDRAWN),
    "ConsentReviewDue": dict.fromkeys((G.GRANTED, G.SUBSTITUTE_GRANTED), G.REVIEW_DUE),
    "ConsentRenewed": {G.REVIEW_DUE: G.GRANTED},
    "ConsentExpired": dict.fromkeys(LIVE, G.EXPIRED),
}
"""Event topic → from which state to which. An event that is not here leaves every grant as it is."""


def grant_state_after(state: GrantState, event: Event) -> GrantState:
    """Where a grant stands after an event about it; only an event that may lead to several states is asked which."""
    to = GRANT_MOVES[event.TOPIC].get(state, state)
    if isinstance(to, GrantState):
        return to
    return getattr(event, "to_state", None) or to[0]
