"""What the read models need of the log: events in the order of the log, each opened only when somebody asks for it.

A port: `adapters.postgres` implements it. Nobody here reads the log's tables or knows how an event is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from domain.messages import Envelope, Event


class Stored(Protocol):
    """One event as the log holds it. `position` is its place in the log, `version` its place in its stream (from 1)."""

    @property
    def position(self) -> int: ...

    @property
    def stream_id(self) -> UUID: ...

    @property
    def version(self) -> int: ...

    @property
    def topic(self) -> str: ...

    @property
    def event(self) -> Event:
        """What happened. Raises: whatever keeps it from being read, without a word of it."""
        ...

    @property
    def envelope(self) -> Envelope:
        """Who did it, when and why. Raises: as `event`."""
        ...


class Source(Protocol):
    """The log, for whoever derives something from it."""

    async def head(self) -> int:
        """The last position written; 0 for an empty log."""
        ...

    async def read_stored(
        self,
        *,
        after: int,
        limit: int,
        contents: Collection[str] | None = None,
        envelopes: Collection[str] | None = None,
    ) -> Sequence[Stored]:
        """At most `limit` events after a position, in order, also those of topics that nobody knows.

        The event comes along only for the topics `contents`, the envelope only for `envelopes`; None stands for all.
        """
        ...

    async def read_streams(self, stream_ids: Collection[UUID], *, up_to_position: int) -> Sequence[Stored]:
        """All events of these streams up to a position, each stream's in its order."""
        ...

    def growing(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event of one's own that is set whenever the log may have grown; a hint, which may be lost."""
        ...
