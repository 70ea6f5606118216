"""What a command did, in the shape that HTTP and the command line share.

Made from the answer and the events in the log. Nothing is decided or stored here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from domain import catalogue
from domain.case.conversation import ConversationRecorded
from domain.messages import CaseEvent, Command, Event, MeetingEvent, PersonEvent, WorkerEvent
from domain.ports import Answer, EventLog


class WrittenEvent(BaseModel):
    """One event that a command added to the log."""

    topic: str
    event_id: UUID
    stream_id: UUID
    version: int
    position: int


class Done(BaseModel):
    """What a command did, with the ids of what it is about and of what it made."""

    command_id: UUID
    command: str
    repeated: bool = Field(description="true when this key had been carried out before: nothing was added")
    recorded_at: datetime
    position: int = Field(description="give it as `after_position` to a read that shall see this")
    case_id: UUID | None = None
    person_id: UUID | None = None
    meeting_id: UUID | None = None
    worker_id: UUID | None = None
    grant_id: UUID | None = None
    action_id: UUID | None = None
    action_ids: list[UUID] | None = Field(
        default=None, description="when the command assigned several actions"
    )
    outcome_id: UUID | None = None
    concern_id: UUID | None = None
    escalation_id: UUID | None = None
    conversation_id: UUID | None = None
    events: list[WrittenEvent]


_STREAM_IDS: tuple[tuple[type[Event], str], ...] = (
    (CaseEvent, "case_id"),
    (PersonEvent, "person_id"),
    (MeetingEvent, "meeting_id"),
    (WorkerEvent, "worker_id"),
    (ConversationRecorded, "conversation_id"),
)
_IDS = (
    "case_id",
    "person_id",
    "meeting_id",
    "worker_id",
    "grant_id",
    "action_id",
    "outcome_id",
    "concern_id",
    "escalation_id",
    "conversation_id",
)


async def done(answer: Answer, command: Command, log: EventLog) -> Done:
    """Put an answer into the shape callers get; ids that only the events know are read from the log.

    Where the events name several of a kind, the one that the command was about stands.
    """
    found: dict[str, set[UUID]] = {name: set() for name in _IDS}
    for one in answer.events:
        event = catalogue.events().get(one.topic)
        for kind, name in _STREAM_IDS:
            if event is not None and issubclass(event, kind):
                found[name].add(one.stream_id)
    for stream_id in _streams_to_read(answer, found):
        written = {one.event_id: one for one in answer.events if one.stream_id == stream_id}
        first = min(one.version for one in written.values())
        for recorded in await log.read_stream(stream_id, after_version=first - 1):
            if recorded.envelope.event_id in written:
                _collect(recorded.event, found)
    ids: dict[str, Any] = {name: next(iter(values)) for name, values in found.items() if len(values) == 1}
    ids |= {name: value for name in _IDS if (value := getattr(command, name, None)) in found[name]}
    if len(found["action_id"]) > 1:
        ids["action_ids"] = sorted(found["action_id"])
    return Done(
        command_id=answer.command_id,
        command=answer.command,
        repeated=answer.repeated,
        recorded_at=answer.recorded_at,
        position=answer.position,
        events=[
            WrittenEvent(
                topic=one.topic,
                event_id=one.event_id,
                stream_id=one.stream_id,
                version=one.version,
                position=one.position,
            )
            for one in answer.events
        ],
        **ids,
    )


def _streams_to_read(answer: Answer, found: Mapping[str, set[UUID]]) -> Sequence[UUID]:
    """The streams whose new events name an id that is not known from the streams' own kinds."""
    needed: dict[UUID, None] = {}
    for one in answer.events:
        event = catalogue.events().get(one.topic)
        if event is not None and any(name in event.model_fields and not found[name] for name in _IDS):
            needed[one.stream_id] = None
    return list(needed)


def _collect(event: Event, found: dict[str, set[UUID]]) -> None:
    for name in _IDS:
        value = getattr(event, name, None)
        if isinstance(value, UUID):
            found[name].add(value)
