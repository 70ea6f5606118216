"""A case as it was: at an instant, as it was known at an instant, and what changed between two.

Two times stand beside every event: when it happened and when it was recorded. What had happened by an instant is asked by
the first, what was known by the second; asked by both, it is what was known then of how things stood. From the case's
own events, in the shape in which a case is always shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from pydantic import BaseModel, Field

from adapters.reading import require_events_of_a_case
from adapters.views import CaseView, case_view
from domain.case.state import AnyCaseEvent, Case, evolve
from domain.errors import NotFound
from domain.messages import CaseId, Recorded
from projections import words

if TYPE_CHECKING:
    from adapters.product import Product


class NotYetThere(NotFound):
    """Of case {id} nothing had happened, or nothing was known, at that instant."""

    code = "case_not_yet_there"


class LeftOut(BaseModel):
    """An event that speaks of something which, at that instant, had not happened yet; so it is not in the state."""

    version: int
    topic: str


class Replayed(BaseModel):
    """A case at an instant."""

    as_of: datetime | None = Field(description="what had happened by then; none: whatever the log tells of")
    known_at: datetime | None = Field(description="what was recorded by then; none: all that is known now")
    case: CaseView
    left_out: list[LeftOut] = []


class Change(BaseModel):
    """One field of a case that differs between two instants."""

    field: str
    before: Any
    after: Any


class EventBetween(BaseModel):
    """One event that lies between two instants, by when it happened."""

    version: int
    topic: str
    what: str = Field(description="one sentence, without personal data")
    effective_at: datetime
    recorded_at: datetime


class Difference(BaseModel):
    """What changed in a case between two instants, by when it happened."""

    case_id: UUID
    earlier: datetime
    later: datetime
    known_at: datetime | None
    changes: list[Change]
    events: list[EventBetween]


async def replay(
    product: Product, case_id: UUID, *, as_of: datetime | None = None, known_at: datetime | None = None
) -> Replayed:
    """The case at an instant.

    Raises: NotFound, NotYetThere.
    """
    return _replayed(case_id, await _events(product, case_id), as_of, known_at)


async def difference(
    product: Product, case_id: UUID, one: datetime, other: datetime, *, known_at: datetime | None = None
) -> Difference:
    """What changed between two instants, the earlier one first whichever is named first.

    Raises: NotFound, NotYetThere if the case was not there at the later one.
    """
    earlier, later = sorted((one, other))
    recorded = await _events(product, case_id)
    after = _replayed(case_id, recorded, later, known_at)
    before = _state(case_id, recorded, earlier, known_at)
    shown = case_view(before.case, before.version).model_dump(mode="json") if before.version else {}
    return Difference(
        case_id=case_id,
        earlier=earlier,
        later=later,
        known_at=known_at,
        changes=list(_changes(shown, after.case.model_dump(mode="json"))),
        events=[
            _between(one)
            for one in recorded
            if earlier < one.envelope.effective_at <= later and _was_known(one, known_at)
        ],
    )


async def _events(product: Product, case_id: UUID) -> Sequence[Recorded]:
    recorded = await product.log.read_stream(case_id)
    require_events_of_a_case(case_id, recorded)
    return recorded


class _State:
    """A case folded from some of its events."""

    def __init__(self, case_id: UUID) -> None:
        self.case = Case(CaseId(case_id))
        self.version = 0
        self.left_out: list[LeftOut] = []


def _state(
    case_id: UUID, recorded: Sequence[Recorded], as_of: datetime | None, known_at: datetime | None
) -> _State:
    state = _State(case_id)
    for one in recorded:
        if not _was_known(one, known_at) or (as_of is not None and one.envelope.effective_at > as_of):
            continue
        stage = state.case.stage
        try:
            evolve(state.case, cast("AnyCaseEvent", one.event))
        except KeyError:
            # It was told as earlier than what it is about: an action that was done before it was agreed, say.
            state.case.stage = stage
            state.left_out.append(LeftOut(version=one.version, topic=one.event.TOPIC))
        state.version = one.version
    return state


def _replayed(
    case_id: UUID, recorded: Sequence[Recorded], as_of: datetime | None, known_at: datetime | None
) -> Replayed:
    state = _state(case_id, recorded, as_of, known_at)
    if not state.case.exists:
        raise NotYetThere(id=case_id)
    return Replayed(
        as_of=as_of,
        known_at=known_at,
        case=case_view(state.case, state.version),
        left_out=state.left_out,
    )


def _was_known(one: Recorded, known_at: datetime | None) -> bool:
    return known_at is None or one.envelope.recorded_at <= known_at


def _between(one: Recorded) -> EventBetween:
    return EventBetween(
        version=one.version,
        topic=one.event.TOPIC,
        what=words.sentence(one.event),
        effective_at=one.envelope.effective_at,
        recorded_at=one.envelope.recorded_at,
    )


# -- differences -----------------------------------------------------------------------------------------------------

_NAMED_BY = ("clock", "grant_id", "action_id")
"""By which of its fields an entry of a list is known again."""


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    was, is_now = dict(_flat(before)), dict(_flat(after))
    for field in dict.fromkeys((*was, *is_now)):
        if was.get(field) != is_now.get(field):
            yield Change(field=field, before=was.get(field), after=is_now.get(field))


def _flat(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        place = f"{path}.{key}" if path else key
        if isinstance(inner, dict):
            yield from _flat(inner, place)
        elif isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            for one in inner:
                name = ":".join(str(one[field]) for field in _NAMED_BY if one.get(field))
                yield from _flat(one, f"{place}[{name}]")
        elif inner not in (None, [], {}):
            yield place, inner
