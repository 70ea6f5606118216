"""How the read models are: how far behind, what is left out, and who keeps them. For operations staff; no row is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg import Pool

from projections.builds import LOCK, Projection, all_builds, begin_missing, lock_name
from projections.runner import PROJECTIONS
from projections.source import Source
from projections.sql import Queries

SQL: Final = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class BuildStatus:
    """One build. `lag_events` are still to be applied; the first of them was recorded `lag_seconds` ago.

    `kept_by` is the server process of whoever keeps it, None while nobody does.
    """

    name: str
    build: int
    version: int
    stage: str
    position: int
    lag_events: int
    lag_seconds: float
    parked: int
    kept_by: int | None
    begun_at: datetime
    applied_at: datetime


async def status(
    pool: Pool, source: Source, *, now: datetime, projections: Sequence[Projection] = PROJECTIONS
) -> list[BuildStatus]:
    """Every build in use, in the order of the read models."""
    await begin_missing(pool, projections)
    head = await source.head()
    names = [one.NAME for one in projections]
    builds = [one for one in await all_builds(pool) if one.stage != "retired" and one.name in names]
    keepers = await pool.fetch(SQL["keepers"], LOCK, [lock_name(one.key) for one in builds])
    kept_by = {row["name"]: row["pid"] for row in keepers}
    waiting = {
        position: await _waiting_seconds(source, position, now)
        for position in {one.position for one in builds if one.position < head}
    }
    return [
        BuildStatus(
            name=one.name,
            build=one.build,
            version=one.version,
            stage=one.stage,
            position=one.position,
            lag_events=max(head - one.position, 0),
            lag_seconds=waiting.get(one.position, 0.0),
            parked=one.parked,
            kept_by=kept_by.get(lock_name(one.key)),
            begun_at=one.begun_at,
            applied_at=one.applied_at,
        )
        for one in sorted(builds, key=lambda one: (names.index(one.name), one.build))
    ]


async def _waiting_seconds(source: Source, position: int, now: datetime) -> float:
    """How long the first event after a position has been waiting, by the product's own clock."""
    for one in await source.read_stored(after=position, limit=1):
        try:
            recorded_at = one.envelope.recorded_at
        except Exception:  # noqa: BLE001 - an event that nobody can read has no instant either
            return 0.0
        return max((now - recorded_at).total_seconds(), 0.0)
    return 0.0
