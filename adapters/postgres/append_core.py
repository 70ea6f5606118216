"""Group commit: the commands of a process that want to append at the same moment are written by one statement.

Everything here is below the codec: topics, stored bytes and ids. Whoever brings events of another kind (the interchange
with the library `eventsourcing`) uses the same core on a schema of their own. Must not decide or decode anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One event as it is stored; `metadata` is the text of a JSON object."""

    stream_id: UUID
    topic: str
    state: bytes
    event_id: UUID
    metadata: str


@dataclass(frozen=True, slots=True)
class RawStream:
    """A stream that was read or is written, and the version it must still stand at.

    0 for a new stream, whose first event gets version 1; -1 for a new stream that starts at version 0 (the library's
    may); None for wherever it stands.
    """

    stream_id: UUID
    expected: int | None


@dataclass(frozen=True, slots=True)
class RawReservation:
    """`holder` takes one of the `limit` places of a key, or gives it back when `limit` is None."""

    scope: str
    key: str
    holder: UUID
    limit: int | None


@dataclass(frozen=True, slots=True)
class RawAppend:
    """One command: its events over one or more streams, written all or not at all.

    Every stream of `events` must be among `streams`. A command id that was carried out is never carried out again.
    """

    command_id: UUID
    streams: Sequence[RawStream]
    events: Sequence[RawEvent]
    identity_keys: Sequence[tuple[str, str]] = ()
    people_seen: Sequence[UUID] = ()
    registers: UUID | None = None
    reservations: Sequence[RawReservation] = ()


class Outcome(Enum):
    """What became of a command."""

    WRITTEN = "written"
    REPEATED = "repeated"
    """Its id had been carried out before; nothing was added."""
    CONFLICT = "conflict"
    """A stream stands elsewhere, somebody appeared, or no place is left; nothing was added."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What became of a command. Its events stand at `first_position` and those after it, with these versions.

    `sent_again` says that a line was lost on the way: then REPEATED may be this very command's own first attempt.
    Positions and versions are given for WRITTEN only.
    """

    outcome: Outcome
    first_position: int = 0
    versions: Sequence[int] = ()
    sent_again: bool = False


class Appends(Protocol):
    """The seam: `AppendCore(pool, *, schema="log", …)` implements it.

    The tables and the function of another schema are made by `schema_sql(schema)`, run by its owner.
    """

    async def append(self, raw: RawAppend) -> RawAnswer:
        """Write one command's events, all or none, together with whoever else is writing.

        Raises: LogBusy when too many are waiting; LogUnavailable, after which nobody knows, and the same command id
        may be sent again; LogNotReady; LogDefect. A caller that is cancelled may have written or not: its id answers.
        """
        ...
