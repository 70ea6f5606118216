"""What the dispatcher set aside: cases and meetings whose processes could not be told of what happened, and why.

It went on without them and tries them again, so an entry that stays is work for somebody. Needs no Temporal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from asyncpg import Pool

from adapters.postgres.sql import named_queries

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True)
class SetAside:
    """One case or meeting: what came after a position its processes do not know. `reason` quotes no value."""

    case_id: UUID
    after_position: int
    reason: str
    since: datetime


async def set_aside(pool: Pool) -> Sequence[SetAside]:
    """Everything that is set aside now, the longest first."""
    return [SetAside(**dict(row)) for row in await pool.fetch(_SQL["set_aside"])]
