"""Words for writing to the log in a test: an event of no stage, and the command that brings it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg

from adapters.postgres.event_log import PostgresEventLog
from domain.messages import Actor, Channel, Envelope, Event, PersonId, Recorded
from domain.person.identity import PersonRegistered
from domain.ports import ANY_VERSION, Append, IdentityKey, NewEvent, Reservation, StreamChange
from domain.roles import Role


class Noted(Event):
    """Something was noted on a stream; an event of no stage, so that these tests need none."""

    TOPIC: ClassVar[str] = "TestNoted"

    stream: UUID
    text: str = ""

    @property
    def stream_id(self) -> UUID:
        return self.stream


def envelope(command_id: UUID, command: str = "Note", *, reason: str | None = None) -> Envelope:
    now = datetime.now(UTC)
    return Envelope(
        event_id=uuid4(),
        command_id=command_id,
        command=command,
        recorded_at=now,
        effective_at=now,
        actor=Actor(person="tester-1", role=Role.COORDINATOR, agency="Test agency", channel=Channel.HUMAN),
        reason=reason,
        correlation_id=command_id,
    )


def change(command_id: UUID, stream: UUID, at: int, *texts: str) -> StreamChange:
    return StreamChange(
        stream, at, tuple(NewEvent(Noted(stream=stream, text=text), envelope(command_id)) for text in texts)
    )


def note(
    *streams: tuple[UUID, int], command_id: UUID | None = None, texts: Sequence[str] = ("a note",)
) -> Append:
    """One command that notes the texts on each stream, given with the version it must stand at."""
    command_id = command_id or uuid4()
    return Append(command_id, "Note", tuple(change(command_id, stream, at, *texts) for stream, at in streams))


def registration(
    keys: Sequence[IdentityKey], *, seen: Sequence[PersonId] = (), person_id: PersonId | None = None
) -> Append:
    """The registration of a person under identity keys, by somebody who knew of the people seen."""
    command_id, person_id = uuid4(), person_id or PersonId(uuid4())
    registered = PersonRegistered(
        person_id=person_id, given_name="Robin", family_name="Example", date_of_birth="1985-03-31"
    )
    return Append(
        command_id,
        "Register",
        (StreamChange(person_id, 0, (NewEvent(registered, envelope(command_id, "Register")),)),),
        tuple(keys),
        frozenset(seen),
        person_id,
    )


def positions(recorded: Sequence[Recorded]) -> list[int]:
    return [one.position for one in recorded]


async def the_whole_log(log: PostgresEventLog) -> Sequence[Recorded]:
    return await log.read_all(after=0, limit=100_000)


async def following(log: PostgresEventLog, seen: list[Recorded], *, after: int = 0, batch: int = 500) -> None:
    """Follow the log for ever, keeping what is seen."""
    async for recorded in log.follow(after=after, batch=batch):
        seen.extend(recorded)


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def as_owner(dsn: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    """One statement as the owner of the database."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()


def reserving(*places: Reservation, stream: UUID | None = None) -> Append:
    """A command that notes something and takes or gives back places."""
    return replace(note((stream or uuid4(), ANY_VERSION)), reservations=places)
