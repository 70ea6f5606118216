"""The log, the index of identities and the pool of workers without a server: for properties that need many lives at once.

Every event goes through the codec of the real log, so that what is read is what a log would give. It refuses what the
real one refuses: a stream that has moved on, an identity that somebody took, a place that is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID

from adapters.postgres.codec import Codec
from domain.case.allocation import WaitingListJoined, WaitingListLeft
from domain.keyworker.events import KeyWorkerRegistered
from domain.messages import CaseId, Event, PersonId, Recorded, WorkerId
from domain.ports import (
    ANY_VERSION,
    Answer,
    Append,
    IdentityKey,
    Stream,
    VersionConflict,
    Written,
)

T = TypeVar("T")


def now_and_here(work: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing outside to its end, without an event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    work.close()
    raise AssertionError("it waited for something outside")


class LogInMemory:
    """All streams in one list, by the port of the log."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.streams: dict[UUID, list[Recorded]] = {}
        self.given: dict[UUID, list[Event]] = {}
        """The same events as they were before they were written."""
        self._answers: dict[UUID, Answer] = {}
        self._identities: dict[IdentityKey, set[PersonId]] = {}
        self._places: dict[tuple[str, str], set[UUID]] = {}
        self._codec = Codec()

    async def append(self, append: Append) -> Answer:
        """Write one command's events, all or nothing."""
        earlier = self._answers.get(append.command_id)
        if earlier is not None:
            return earlier
        self._require_nothing_changed(append)
        written = [self._write(append, change) for change in append.changes]
        events = tuple(one for of_stream in written for one in of_stream)
        for key in append.identity_keys if append.registers else ():
            self._identities.setdefault(key, set()).add(append.registers)  # type: ignore[arg-type]
        for one in append.reservations:
            holders = self._places.setdefault((one.scope, one.key), set())
            (holders.discard if one.limit is None else holders.add)(one.holder)
        first = append.changes[0].events[0].envelope
        answer = Answer(append.command_id, append.command, first.recorded_at, events)
        self._answers[append.command_id] = replace(answer, repeated=True, body_digest=first.body_digest)
        return answer

    def _require_nothing_changed(self, append: Append) -> None:
        for change in append.changes:
            stands = len(self.streams.get(change.stream_id, ()))
            if change.expected_version not in (ANY_VERSION, stands):
                raise VersionConflict
        for key in append.identity_keys:
            if not self._identities.get(key, set()) <= append.people_seen:
                raise VersionConflict
        for one in append.reservations:
            holders = self._places.get((one.scope, one.key), set()) | {one.holder}
            if one.limit is not None and len(holders) > one.limit:
                raise VersionConflict

    def _write(self, append: Append, change: Any) -> list[Written]:
        stream = self.streams.setdefault(change.stream_id, [])
        written = []
        for new in change.events:
            stored = self._codec.encode(change.stream_id, new)
            position, version = len(self.recorded) + 1, len(stream) + 1
            row = {
                "originator_id": change.stream_id,
                "originator_version": version,
                "topic": stored.topic,
                "state": stored.state,
                "notification_id": position,
                "event_id": stored.event_id,
                "command_id": append.command_id,
                "metadata": stored.metadata,
            }
            read = self._codec.decode(row)
            stream.append(read)
            self.recorded.append(read)
            self.given.setdefault(change.stream_id, []).append(new.event)
            written.append(Written(stored.topic, stored.event_id, change.stream_id, version, position))
        return written

    async def answer_to(self, command_id: UUID) -> Answer | None:
        """The answer a command got, if it was carried out."""
        return self._answers.get(command_id)

    async def digest_of(self, body: bytes) -> str:
        """A digest that nothing secret goes into: nobody keeps this log."""
        return sha256(body).hexdigest()

    async def load(self, stream_id: UUID) -> Stream:
        """One stream as it stands."""
        stream = self.streams.get(stream_id, [])
        return Stream(len(stream), [one.event for one in stream])

    async def load_all(self, stream_ids: Collection[UUID]) -> Mapping[UUID, Stream]:
        """Several streams as they stand."""
        return {stream_id: await self.load(stream_id) for stream_id in stream_ids}

    async def read_stream(self, stream_id: UUID, *, after_version: int = 0) -> Sequence[Recorded]:
        """One stream's events in order, with their envelopes."""
        return self.streams.get(stream_id, [])[after_version:]

    async def people_with(self, keys: Sequence[IdentityKey]) -> frozenset[PersonId]:
        """Everybody who holds at least one of the keys."""
        return frozenset(person for key in keys for person in self._identities.get(key, ()))

    async def workers_of(self, programme: str) -> Sequence[WorkerId]:
        """Every registered key worker of a programme."""
        registered = (one.event for one in self.recorded if isinstance(one.event, KeyWorkerRegistered))
        return [event.worker_id for event in registered if event.programme == programme]

    async def may_be_waiting(self) -> Sequence[CaseId]:
        """Every case that joined the waiting list and has not left it by an event of its own."""
        waiting: dict[CaseId, None] = {}
        for one in self.recorded:
            if isinstance(one.event, WaitingListJoined):
                waiting[one.event.case_id] = None
            elif isinstance(one.event, WaitingListLeft):
                waiting.pop(one.event.case_id, None)
        return list(waiting)
