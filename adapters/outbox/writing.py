"""From the log to messages: which events of a batch somebody is told of, and what is to be retried.

Whom a message goes to may depend on how the case stood right after the event, so its stream is folded up to there and
no further. What cannot be read is set aside and stops nobody else. Must not write anything itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, cast
from uuid import UUID, uuid5

from domain import notices
from domain.case.notification import NotificationRetried
from domain.case.state import AnyCaseEvent, Case
from domain.case.state import evolve as evolve_case
from domain.meeting.events import AnyMeetingEvent, MeetingNotificationRetried
from domain.meeting.state import Meeting
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import CaseEvent, CaseId, Envelope, Event, MeetingEvent, MeetingId
from domain.notices import Notice

RETRIES: Final = frozenset({NotificationRetried.TOPIC, MeetingNotificationRetried.TOPIC})
HEARD: Final = frozenset(notices.TOPICS) | RETRIES
"""The topics that have to be opened at all."""


class Stored(Protocol):
    """One event of the log, opened when it is asked for; that may raise whatever keeps it from being read."""

    position: int
    stream_id: UUID
    topic: str

    @property
    def event(self) -> Event: ...

    @property
    def envelope(self) -> Envelope: ...


class Log(Protocol):
    """What is needed of the log."""

    async def read_streams(self, stream_ids: Collection[UUID], *, up_to_position: int) -> Sequence[Stored]:
        """All events of these streams up to a position, each stream's in its order."""
        ...


Row = tuple[object, ...]
"""One message by the columns of the query `write`."""


@dataclass(slots=True)
class Written:
    """What a batch of events comes to."""

    messages: list[Row] = field(default_factory=list)
    retried: list[UUID] = field(default_factory=list)
    unread: dict[int, str] = field(default_factory=dict)


async def read_batch(log: Log, batch: Sequence[Stored]) -> Written:
    """Everybody who is told of an event of this batch, what is retried, and which events could not be read."""
    written = Written()
    asks_state: dict[UUID, list[Stored]] = {}
    for stored in batch:
        if stored.topic not in HEARD:
            continue
        try:
            event = stored.event
            if isinstance(event, NotificationRetried | MeetingNotificationRetried):
                written.retried.append(event.message_id)
            elif notices.needs_state(event):
                asks_state.setdefault(stored.stream_id, []).append(stored)
            else:
                written.messages += _rows(stored, notices.notices(event, None))
        except Exception as unfit:  # noqa: BLE001 - whatever it is, it is this event's misfortune and nobody else's
            written.unread[stored.position] = type(unfit).__name__
    if asks_state:
        last = max(one.position for wanted in asks_state.values() for one in wanted)
        streams: dict[UUID, list[Stored]] = {}
        for stored in await log.read_streams(list(asks_state), up_to_position=last):
            streams.setdefault(stored.stream_id, []).append(stored)
        for stream_id, wanted in asks_state.items():
            _tell_by_state(streams.get(stream_id, []), wanted, written)
    return written


def _tell_by_state(stream: Sequence[Stored], wanted: Sequence[Stored], written: Written) -> None:
    left = {one.position: one for one in wanted}
    state: Case | Meeting | None = None
    try:
        for stored in stream:
            state = _evolved(state, stored.event)
            if stored.position in left:
                told = left[stored.position]
                written.messages += _rows(told, notices.notices(told.event, state))
                del left[stored.position]
    except Exception as unfit:  # noqa: BLE001 - a stream that cannot be folded is set aside, and no other
        written.unread |= dict.fromkeys(left, type(unfit).__name__)


def _evolved(state: Case | Meeting | None, event: Event) -> Case | Meeting | None:
    if isinstance(event, CaseEvent):
        case = state if isinstance(state, Case) else Case(CaseId(event.stream_id))
        return evolve_case(case, cast("AnyCaseEvent", event))
    if isinstance(event, MeetingEvent):
        meeting = state if isinstance(state, Meeting) else Meeting(MeetingId(event.stream_id))
        return evolve_meeting(meeting, cast("AnyMeetingEvent", event))
    return state


def _rows(stored: Stored, told: Sequence[Notice]) -> Iterator[Row]:
    envelope, event = stored.envelope, stored.event
    for notice in dict.fromkeys(told):
        recipient = "/".join(str(part or "") for part in (notice.to, notice.agency, notice.worker_id))
        yield (
            uuid5(envelope.event_id, f"{recipient}/{notice.about}"),
            stored.position,
            envelope.event_id,
            notice.to,
            notice.agency,
            notice.worker_id,
            notice.about,
            getattr(event, "case_id", None),
            getattr(event, "meeting_id", None),
            envelope.recorded_at,
            envelope.correlation_id,
        )
