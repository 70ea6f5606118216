"""Events of the log as their readers get them: topic and place at once, event and envelope when they are asked for.

Most readers of the whole log want little of each event, or only some topics; opening an event costs more than all the
rest. Must not decode anything itself: the codec does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from asyncpg import Record

    from adapters.postgres.codec import Codec
    from domain.messages import Envelope, Event


class StoredEvent:
    """One row of `read_stored` or `read_streams`; event and envelope must have been asked for there to be opened here."""

    __slots__ = ("_codec", "_envelope", "_event", "_row", "position", "stream_id", "topic", "version")

    position: int
    stream_id: UUID
    version: int
    topic: str

    def __init__(self, row: Record, codec: Codec) -> None:
        self.topic, self.position, self.stream_id, self.version = row[0], row[3], row[5], row[4]
        self._row = row
        self._codec = codec
        self._event: Event | None = None
        self._envelope: Envelope | None = None

    @property
    def event(self) -> Event:
        """What happened. Raises: UnknownTopic, NewerSchema or UnreadableEvent."""
        if self._event is None:
            if self._row["metadata"] is not None:
                self._open()
            else:
                (self._event,) = self._codec.decode_events((self._row[:5],))
        return self._event  # type: ignore[return-value]

    @property
    def envelope(self) -> Envelope:
        """Who did it, when and why. Raises: UnknownTopic, NewerSchema or UnreadableEvent."""
        if self._envelope is None:
            self._open()
        return self._envelope  # type: ignore[return-value]

    def _open(self) -> None:
        recorded = self._codec.decode(self._row)
        self._event, self._envelope = recorded.event, recorded.envelope
