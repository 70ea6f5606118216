"""The audit trail for people: who did what, on whose behalf, why, when it happened and was recorded, and what it changed.

What an event changed, before and after, is worked out from the log when somebody asks: it shows how the record stood
when the event was written, also if it was voided later. Holds codes and instants; must not show what was said of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from pydantic import BaseModel, Field

from adapters.reading import require_case
from domain.case.correction import RecordVoided
from domain.case.state import Case
from domain.case.state import evolve as evolve_case
from domain.loading import fold
from domain.meeting.state import Meeting
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import CaseId, MeetingId
from projections import words
from projections.audit import AuditRow
from projections.page import Page

if TYPE_CHECKING:
    from adapters.product import Product
    from domain.case.state import AnyCaseEvent
    from domain.meeting.events import AnyMeetingEvent
    from domain.messages import Recorded


class ClockChange(BaseModel):
    """A clock that an event started, stopped or moved. `about` is of which action, consent or concern it is one."""

    clock: str
    what: str
    about: str | None
    before: datetime | None = Field(description="none: it did not run")
    after: datetime | None = Field(description="none: it does not run any more")


class AuditEntry(AuditRow):
    """One event with what it changed of the case or meeting that it belongs to."""

    stage_before: str | None = None
    stage_after: str | None = Field(None, description="none with `stage_before`: the stage stayed as it was")
    clocks: tuple[ClockChange, ...] = ()


async def audit_of_case(
    product: Product,
    case_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page[AuditEntry]:
    """Every event that names the case, in the order of the log.

    Raises: NotFound, CursorInvalid.
    """
    page = await product.read_models.story_of_case(
        case_id, since=since, until=until, limit=limit, after=after
    )
    if not page.rows:
        await require_case(product, case_id)
    return await _with_changes(product, page)


async def audit_of_actor(
    product: Product,
    person: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
    after: str | None = None,
) -> Page[AuditEntry]:
    """What somebody did, or what was done on their behalf, in the order of the log; the engine is known as "engine".

    Raises: CursorInvalid.
    """
    page = await product.read_models.doings_of_person(
        person, since=since, until=until, limit=limit, after=after
    )
    return await _with_changes(product, page)


async def _with_changes(product: Product, page: Page[AuditRow]) -> Page[AuditEntry]:
    wanted = {(row.stream_id, row.about) for row in page.rows if row.about in _FOLDS}
    changes: dict[UUID, Mapping[str, object]] = {}
    for stream_id, kind in wanted:
        changes |= dict(_changes(kind, stream_id, await product.log.read_stream(stream_id)))
    return Page(
        rows=tuple(AuditEntry(**row.model_dump(), **changes.get(row.event_id, {})) for row in page.rows),
        next=page.next,
        total=page.total,
    )


_FOLDS = ("Case", "Meeting")
_State = tuple[str, Mapping[str, datetime]]


def _changes(
    kind: str, stream_id: UUID, recorded: Sequence[Recorded]
) -> Iterator[tuple[UUID, Mapping[str, object]]]:
    """What each event of a stream changed, by the event's id."""
    record: Case | Meeting = Case(CaseId(stream_id)) if kind == "Case" else Meeting(MeetingId(stream_id))
    was = _state(record)
    for number, one in enumerate(recorded, start=1):
        if isinstance(one.event, RecordVoided):
            record = fold(kind, stream_id, recorded[:number])
        elif isinstance(record, Case):
            evolve_case(record, cast("AnyCaseEvent", one.event))
        else:
            evolve_meeting(record, cast("AnyMeetingEvent", one.event))
        is_now = _state(record)
        if was != is_now:
            moved = was[0] != is_now[0]
            yield (
                one.envelope.event_id,
                {
                    "stage_before": was[0] if moved else None,
                    "stage_after": is_now[0] if moved else None,
                    "clocks": tuple(_clock_changes(was[1], is_now[1])),
                },
            )
        was = is_now


def _state(record: Case | Meeting) -> _State:
    actions = (
        {f"action:{one.action_id}": one.due_at for one in record.open_actions}
        if isinstance(record, Case)
        else {}
    )
    return record.stage.value, {**record.due, **actions}


def _clock_changes(before: Mapping[str, datetime], after: Mapping[str, datetime]) -> Iterator[ClockChange]:
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            clock, _, about = name.partition(":")
            yield ClockChange(
                clock=clock,
                what=words.clock(clock).what,
                about=about or None,
                before=before.get(name),
                after=after.get(name),
            )
