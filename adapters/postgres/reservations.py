"""The reservations made anew from the log, for the owner: after somebody deleted them, or to see that they are right.

Nobody writes to the log meanwhile. Must not know what a place is for; `domain.reservations` says what an event takes.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from adapters.postgres.codec import Codec
from adapters.postgres.sql import named_queries
from domain.messages import WorkerId
from domain.reservations import TOPICS, reservations

Held = frozenset[tuple[str, str, UUID]]
"""Scope, key and holder of each place that is taken."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_BATCH: Final = 1_000


async def rebuild_reservations(admin_dsn: str, *, codec: Codec | None = None) -> tuple[Held, Held]:
    """Replace all reservations by what the events say; answer what was there and what is there now."""
    decode = (codec or Codec()).decode_events
    held: set[tuple[str, str, UUID]] = set()
    connection = await asyncpg.connect(admin_dsn)
    try:
        async with connection.transaction():
            await connection.execute(_SQL["take_turn"])
            before = frozenset(tuple(row) for row in await connection.fetch(_SQL["held"]))
            position = 0
            while rows := await connection.fetch(_SQL["events"], list(TOPICS), position, _BATCH):
                position = rows[-1]["notification_id"]
                # The limits held when the events were written; they are not asked for again.
                for place in reservations(decode(rows), defaultdict[WorkerId, int](int)):
                    known = (place.scope, place.key, place.holder)
                    held.discard(known) if place.limit is None else held.add(known)
            await connection.execute(_SQL["forget"])
            await connection.executemany(_SQL["hold"], held)
    finally:
        await connection.close()
    return before, frozenset(held)
