"""Reading one case from its own events, for every edge. Always as fresh as the log; needs no read model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from adapters.views import CaseView, EventView, case_view, event_view
from domain.errors import NotFound
from domain.loading import fold
from domain.messages import CaseEvent, Recorded
from projections.page import Page

if TYPE_CHECKING:
    from adapters.product import Product


async def read_case(product: Product, case_id: UUID) -> CaseView:
    """One case as it stands.

    Raises: NotFound.
    """
    recorded = await product.log.read_stream(case_id)
    require_events_of_a_case(case_id, recorded)
    return case_view(fold("Case", case_id, recorded), recorded[-1].version)


async def read_events(product: Product, case_id: UUID, *, limit: int, after: int) -> Page[EventView]:
    """One case's events in order, from one version on.

    Raises: NotFound.
    """
    recorded = await product.log.read_stream(case_id, after_version=after)
    require_events_of_a_case(case_id, recorded or await product.log.read_stream(case_id))
    rows = tuple(event_view(one) for one in recorded[:limit])
    return Page(rows=rows, next=str(rows[-1].version) if len(recorded) > limit else None)


async def require_case(product: Product, case_id: UUID) -> None:
    """Refuse an id that is no case's.

    Raises: NotFound.
    """
    require_events_of_a_case(case_id, await product.log.read_stream(case_id))


def require_events_of_a_case(case_id: UUID, recorded: Sequence[Recorded]) -> None:
    """Refuse a stream that is no case's.

    Raises: NotFound.
    """
    # An id may be a meeting's or a person's.
    if not recorded or not isinstance(recorded[0].event, CaseEvent):
        raise NotFound(kind="case", id=case_id)
