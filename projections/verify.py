"""Verifies a read model: rebuilds it from the log into tables of this session, and compares them with the live ones.

Both are compared at the same position, while the live one goes on. What differs is reported row by row and column by
column; the values of columns that are marked as personal or as about staff are not shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from asyncpg import Pool

from domain.errors import Conflict
from projections import parked
from projections.batch import Memory
from projections.builds import AnyConnection, Build, Projection, begin_missing
from projections.keeper import heard
from projections.source import Source
from projections.sql import PASSING, Queries, Target
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
MASK: Final = "(not shown)"
MOST: Final = 1_000
"""So many differing rows of each table are enough."""
STRETCH: Final = 2_000

Progress = Callable[[int, int], None]
"""Told how far it is, and how far it goes."""


class NotComparable(Conflict):
    """The read model {name} is answered from tables of version {serving}, and this release makes version {version}."""

    code = "projection_not_comparable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not the same; for a row that is in one of the two alone, `column` is empty."""

    table: str
    key: Mapping[str, object]
    column: str
    live: object
    rebuilt: object


@dataclass(slots=True)
class Verification:
    """What came of verifying one read model up to a position. `unfit` are streams that could not be applied now."""

    projection: str
    version: int
    build: int
    position: int
    rows: int = 0
    parked: int = 0
    differences: list[Difference] = field(default_factory=list)
    unfit: Mapping[UUID, str] = field(default_factory=dict)

    @property
    def is_sound(self) -> bool:
        return not self.differences and not self.unfit


async def verify(
    pool: Pool, source: Source, projection: Projection, *, progress: Progress | None = None
) -> Verification:
    """Rebuild a read model beside the live one and compare them. What is parked is left out of both.

    Raises: NotComparable.
    """
    await begin_missing(pool, (projection,))
    async with pool.acquire() as connection:
        await connection.execute(SQL["forget_tables"])
        await connection.execute(projection.QUERIES.on(PASSING)["create"])
        try:
            return await _Rebuilt(connection, source, projection, progress).compared()
        finally:
            if not connection.is_closed():
                await connection.execute(SQL["forget_tables"])


class _Rebuilt:
    """The read model as the log makes it now, in tables of this session."""

    def __init__(
        self, connection: AnyConnection, source: Source, projection: Projection, progress: Progress | None
    ) -> None:
        self._connection = connection
        self._source = source
        self._projection = projection
        self._progress = progress
        self._memory = Memory(source)
        self._position = 0
        self._unfit: dict[UUID, parked.Unfit] = {}

    async def compared(self) -> Verification:
        while (await self._live()).position - self._position > STRETCH:
            await self._bring_forward((await self._live()).position)
        # From here on one view of the live tables: the position, and the rows that belong to it.
        async with self._connection.transaction(isolation="repeatable_read"):
            live = await self._live()
            while self._position < live.position:
                await self._bring_forward(live.position)
            return await self._compare(live)

    async def _live(self) -> Build:
        (row,) = await self._connection.fetch(SQL["position"], self._projection.NAME)
        live = Build(**row)
        if live.version != self._projection.VERSION:
            raise NotComparable(name=live.name, serving=live.version, version=self._projection.VERSION)
        return live

    async def _bring_forward(self, upto: int) -> None:
        projection = self._projection
        events = await self._source.read_stored(
            after=self._position,
            limit=min(STRETCH, upto - self._position),
            contents=projection.OPENS,
            envelopes=projection.DATES,
        )
        left_out = dict(await parked.left_out(self._connection, await self._live()))
        left_out |= {stream_id: one.first_position for stream_id, one in self._unfit.items()}
        batch = heard(projection, events, left_out, self._memory)
        tables = Tables(self._connection, projection.QUERIES, PASSING)
        async with self._connection.transaction():
            self._unfit |= await parked.sift(tables, self._connection, projection, batch)
        self._position = events[-1].position
        if self._progress is not None:
            self._progress(self._position, upto)

    async def _compare(self, live: Build) -> Verification:
        found = Verification(
            live.name,
            live.version,
            live.build,
            live.position,
            parked=live.parked,
            unfit={stream_id: one.reason for stream_id, one in self._unfit.items()},
        )
        for table in self._projection.QUERIES.tables():
            await self._connection.execute(_about("analyze", live.target, table))
            found.rows += await self._connection.fetchval(_about("count", live.target, table))
            found.differences += await self._differences(live.target, table)
        return found

    async def _differences(self, target: Target, table: str) -> list[Difference]:
        name = f"{target.schema}.{target.table(table)}"
        key = [row["column"] for row in await self._connection.fetch(SQL["key"], name)]
        marked = {row["column"] for row in await self._connection.fetch(SQL["marked"], name)}
        rows = await self._connection.fetch(_about("differences", target, table), MOST)
        sides: dict[tuple[str, ...], dict[bool, Mapping[str, Any]]] = {}
        for row in rows:
            values = json.loads(row["row"])
            sides.setdefault(tuple(str(values[one]) for one in key), {})[row["is_live"]] = values
        return [
            difference
            for pair in sides.values()
            for difference in _of_row(table, key, marked, pair.get(True), pair.get(False))
        ]


def _of_row(
    table: str,
    key: Sequence[str],
    marked: set[str],
    live: Mapping[str, Any] | None,
    rebuilt: Mapping[str, Any] | None,
) -> Iterator[Difference]:
    row = live or rebuilt or {}
    which = {one: MASK if one in marked else row[one] for one in key}
    if live is None or rebuilt is None:
        there, missing = "is there", "is missing"
        yield Difference(
            table, which, "", missing if live is None else there, there if live is None else missing
        )
        return
    for column in live:
        if live[column] != rebuilt[column]:
            hidden = column in marked
            yield Difference(
                table, which, column, MASK if hidden else live[column], MASK if hidden else rebuilt[column]
            )


def _about(query: str, target: Target, table: str) -> str:
    """A query about one table, live and rebuilt; its name comes from our own files."""
    return (
        SQL[query]
        .replace("live.compared", f"{target.schema}.{target.table(table)}")
        .replace("rebuilt.compared", f"{PASSING.schema}.{PASSING.table(table)}")
    )
