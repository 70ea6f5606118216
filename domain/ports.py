"""What the domain needs of the world, in its own words. Adapters implement these; no other shape crosses the border."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from domain.messages import CaseId, Envelope, Event, PersonId, Recorded, WorkerId


class Clock(Protocol):
    """What time it is: the machine's, or a simulated one."""

    async def now(self) -> datetime:
        """The present instant in UTC."""
        ...


ANY_VERSION = -1
"""For a stream that is only told of something and decides nothing: wherever it stands, append at its end."""


class VersionConflict(Exception):
    """A stream moved on since it was read, somebody who may be the same person appeared, or no place is left.

    Whoever meets it loads and decides again.
    """


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be written, with its envelope."""

    event: Event
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class StreamChange:
    """New events of one stream, which must still be at `expected_version` (0 for a new stream, ANY_VERSION for any)."""

    stream_id: UUID
    expected_version: int
    events: tuple[NewEvent, ...]


@dataclass(frozen=True, slots=True)
class IdentityKey:
    """Something by which a person may be found again: kind `nhs_number` or `date_of_birth`, and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """`holder` takes one of the `limit` places of a key, or gives its place back when `limit` is None."""

    scope: str
    key: str
    holder: UUID
    limit: int | None


@dataclass(frozen=True, slots=True)
class Append:
    """One command's events over one or more streams, written all or not at all.

    `identity_keys` are checked under the log's lock: whoever holds one of them must be among `people_seen`, else somebody
    appeared meanwhile and the append is a conflict. They are then kept for `registers`, if a person is registered.
    `reservations` are checked there too: when no place is left, the append is a conflict.
    """

    command_id: UUID
    command: str
    changes: tuple[StreamChange, ...]
    identity_keys: tuple[IdentityKey, ...] = ()
    people_seen: frozenset[PersonId] = frozenset()
    registers: PersonId | None = None
    reservations: tuple[Reservation, ...] = ()


class Written(NamedTuple):
    """One event as it was written."""

    topic: str
    event_id: UUID
    stream_id: UUID
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command did. `repeated` is true when this command id had been carried out before: then nothing was added."""

    command_id: UUID
    command: str
    recorded_at: datetime
    events: tuple[Written, ...]
    repeated: bool = False
    body_digest: str | None = None
    """Of a repeated one: the digest of the body it was first sent with, if one was kept."""
    says_otherwise: bool = False
    """Of a repeated one: it came with another body, from somebody who goes over the same things again on purpose."""

    @property
    def position(self) -> int:
        """The last position written; a reader who has reached it sees everything this command did."""
        return max(written.position for written in self.events)


@dataclass(frozen=True, slots=True)
class Stream:
    """What a decision needs of a stream: its events in order, and the version of the last (0 when there is none)."""

    version: int
    events: Sequence[Event]


class EventLog(Protocol):
    """The log: append and read, nothing else."""

    async def append(self, append: Append) -> Answer:
        """Write one command's events.

        A command id that was carried out before gives its first answer with `repeated`. Raises VersionConflict.
        """
        ...

    async def answer_to(self, command_id: UUID) -> Answer | None:
        """The answer a command got, if it was carried out."""
        ...

    async def digest_of(self, body: bytes) -> str:
        """A keyed digest: the same for the same bytes, and from which nobody without the key learns anything."""
        ...

    async def load(self, stream_id: UUID) -> Stream:
        """One stream as it stands, without its envelopes: the short way from the log to a decision."""
        ...

    async def load_all(self, stream_ids: Collection[UUID]) -> Mapping[UUID, Stream]:
        """Several streams as `load` gives each; one that does not exist is empty."""
        ...

    async def read_stream(self, stream_id: UUID, *, after_version: int = 0) -> Sequence[Recorded]:
        """One stream's events in order, with their envelopes."""
        ...


class IdentityIndex(Protocol):
    """Where people are found again by NHS number or birthday."""

    async def people_with(self, keys: Sequence[IdentityKey]) -> frozenset[PersonId]:
        """Everybody who holds at least one of the keys."""
        ...


class WorkerPool(Protocol):
    """Who the key workers are."""

    async def workers_of(self, programme: str) -> Sequence[WorkerId]:
        """Every registered key worker of a programme."""
        ...

    async def may_be_waiting(self) -> Sequence[CaseId]:
        """Every case that joined the waiting list and has not left it by an event of its own; it may be closed since."""
        ...


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing that somebody is told: identifiers, codes and instants, nothing about a person.

    `to` is a role, or `agency` for whoever takes the post of one. `about` is the topic of the event that it tells of.
    """

    message_id: UUID
    to: str
    about: str
    agency: str | None
    worker_id: UUID | None
    case_id: UUID | None
    meeting_id: UUID | None
    at: datetime
    correlation_id: UUID


class Mailbox(Protocol):
    """Where notifications are handed over to whoever carries them to people."""

    async def deliver(self, notification: Notification) -> None:
        """Hand over one notification. The same `message_id` again is the same delivery and adds nothing.

        Raises: whatever keeps it from being delivered; it is tried again later.
        """
        ...


class LogReader(Protocol):
    """The whole log in order, for whoever derives something from it."""

    async def head(self) -> int:
        """The last position written; 0 for an empty log."""
        ...

    async def read_all(self, *, after: int, limit: int) -> Sequence[Recorded]:
        """At most `limit` events after a position, in order."""
        ...

    def in_batches(
        self, *, after: int = 0, up_to: int | None = None, batch: int = 500
    ) -> AsyncIterator[Sequence[Recorded]]:
        """Events after a position in batches, up to a position or to the end of the log as it then is."""
        ...

    def stream_in_batches(
        self, stream_id: UUID, *, after_version: int = 0, batch: int = 500
    ) -> AsyncIterator[Sequence[Recorded]]:
        """One stream's events in batches, up to its end as it then is."""
        ...

    def follow(self, *, after: int, batch: int = 500) -> AsyncIterator[Sequence[Recorded]]:
        """Events after a position in batches, for ever: what is there first, then what comes."""
        ...

    async def read_stream(
        self, stream_id: UUID, *, after_version: int = 0, up_to_position: int | None = None
    ) -> Sequence[Recorded]:
        """One stream's events in order, up to a position of the log when one is given."""
        ...
