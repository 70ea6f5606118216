"""An event and its envelope as the log's columns, and back: pydantic straight to bytes and from bytes.

The only place that sees stored bytes and clear events both. Marked fields are stored like the others; when they are
encrypted per person, it is done here, and nothing above or below will notice. Errors name topic, position and
fields, never a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import ValidationError

import domain.catalogue  # noqa: F401 - which imports every file that defines an event
from adapters.postgres.append_core import RawEvent
from adapters.postgres.errors import NewerSchema, TextHasNul, UnknownTopic, UnreadableEvent
from domain.messages import EVENTS, Envelope, Event, Recorded
from domain.ports import NewEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns an event of one version, as the dictionary of its JSON, into the next version."""

UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {}
"""By topic and the version it starts from. Every event is still of its first version."""

# An envelope begins with two ids that have columns of their own; they are cut off before it is written.
_IDS: Final = len(f'{{"event_id":"{UUID(int=0)}","command_id":"{UUID(int=0)}",')
# Found as text, for all else of an envelope is not wanted by whoever decides. In a string its quotes would be escaped.
_VERSION: Final = re.compile(r'"schema_version": ?(\d+)').search
_ENVELOPE: Final = Envelope.__pydantic_validator__.validate_json
# The escape of NUL: a backslash that is not itself escaped.
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Row(Protocol):
    """One row of the log by its column names."""

    def __getitem__(self, column: str) -> Any: ...


class Codec:
    """Writes and reads the events of one catalogue, by default the product's."""

    def __init__(
        self,
        events: Mapping[str, type[Event]] | None = None,
        upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    ) -> None:
        self._events = EVENTS if events is None else events
        self._upcasters = upcasters
        self._readers = _Readers(self._events)

    def encode(self, stream_id: UUID, new: NewEvent) -> RawEvent:
        """Write an event.

        Raises: TextHasNul, because neither the envelope's column nor any read model could hold it.
        """
        event, envelope = new.event, new.envelope
        # The serializers behind model_dump_json, which would only make text of the bytes.
        state = event.__pydantic_serializer__.to_json(event)
        # Of an envelope every field that may be empty has that as its default; half of them are.
        metadata = b"{" + envelope.__pydantic_serializer__.to_json(envelope, exclude_none=True)[_IDS:]
        for written in (state, metadata):
            if b"\\u0000" in written and _NUL.search(written):
                raise TextHasNul
        return RawEvent(stream_id, event.TOPIC, state, envelope.event_id, metadata.decode())

    def decode(self, row: Row) -> Recorded:
        """Read an event.

        Raises: UnknownTopic, NewerSchema or UnreadableEvent, with the position.
        """
        topic, position = row["topic"], row["notification_id"]
        if topic not in self._events:
            raise UnknownTopic(topic=topic, position=position)
        own = f'{{"event_id":"{row["event_id"]}","command_id":"{row["command_id"]}",'
        try:
            envelope = _ENVELOPE(own + row["metadata"][1:])
            event = self._event(topic, envelope.schema_version, row["state"], position)
        except ValidationError as unfit:
            raise _unreadable(topic, position, unfit) from None
        return Recorded(position, row["originator_id"], row["originator_version"], event, envelope)

    def decode_events(self, rows: Iterable[Iterable[Any]]) -> list[Event]:
        """Read events alone, from rows of topic, state, rest of the envelope, position and whatever comes fifth.

        Raises: UnknownTopic, NewerSchema or UnreadableEvent, with the position.
        """
        readers = self._readers
        events = []
        for topic, state, metadata, position, _ in rows:
            try:
                ending, read = readers[topic]
                # Nearly every envelope ends with the present version.
                if metadata.endswith(ending):
                    events.append(read(state))
                else:
                    found = _VERSION(metadata)
                    events.append(self._event(topic, int(found[1]) if found else 1, state, position))
            except KeyError:
                raise UnknownTopic(topic=topic, position=position) from None
            except ValidationError as unfit:
                raise _unreadable(topic, position, unfit) from None
        return events

    def _event(self, topic: str, stored: int, state: bytes, position: int) -> Event:
        kind = self._events[topic]
        if stored == kind.SCHEMA_VERSION:
            return kind.model_validate_json(state)
        if stored > kind.SCHEMA_VERSION:
            raise NewerSchema(topic=topic, position=position, stored=stored, known=kind.SCHEMA_VERSION)
        try:
            fields = json.loads(state)
            for version in range(stored, kind.SCHEMA_VERSION):
                fields = self._upcasters[topic, version](fields)
            upcast = json.dumps(fields)
        except Exception as unfit:  # noqa: BLE001 - whatever an upcaster stumbles over, its words may quote a value
            at_fault = f"{type(unfit).__name__} on the way from version {stored}"
            raise UnreadableEvent(topic=topic, position=position, fields=at_fault) from None
        return kind.model_validate_json(upcast)


class _Readers(dict[str, tuple[str, Callable[[bytes], Event]]]):
    """By topic how an envelope of the present version ends, and what reads its JSON; made when first asked for.

    What reads is the validator behind model_validate_json, called without the way there.
    """

    def __init__(self, events: Mapping[str, type[Event]]) -> None:
        super().__init__()
        self._events = events

    def __missing__(self, topic: str) -> tuple[str, Callable[[bytes], Event]]:
        kind = self._events[topic]
        ending = f'"schema_version":{kind.SCHEMA_VERSION}}}'
        self[topic] = made = ending, kind.__pydantic_validator__.validate_json
        return made


def _unreadable(topic: str, position: int, unfit: ValidationError) -> UnreadableEvent:
    """Not its own text, and never as a cause: both quote the values."""
    at_fault = sorted({_place(fault["loc"]) for fault in unfit.errors(include_input=False)})
    return UnreadableEvent(topic=topic, position=position, fields=", ".join(at_fault))


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(step) for step in location) or "its JSON"
