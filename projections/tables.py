"""The tables of one build of a read model, as whoever fills them sees them: queries by name, and rows by the thousand.

Everything goes over the connection whose transaction also moves the position. Must not know what the rows mean.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from asyncpg import Connection, Record
from asyncpg.pool import PoolConnectionProxy

from projections.sql import Queries, Target

Row = tuple[object, ...]


class Tables:
    """One build's tables over one connection."""

    def __init__(
        self, connection: PoolConnectionProxy | Connection[Any], queries: Queries, target: Target
    ) -> None:
        self._connection = connection
        self._texts = queries.on(target)
        self._target = target

    async def execute(self, query: str, *arguments: object) -> None:
        """Execute a query of the read model's file."""
        await self._connection.execute(self._texts[query], *arguments)

    async def fetch(self, query: str, *arguments: object) -> list[Record]:
        """The answer to a query of the read model's file."""
        return await self._connection.fetch(self._texts[query], *arguments)

    async def put(self, query: str, rows: Collection[Row]) -> None:
        """Execute a query that takes each column of the rows as an array; for no row, do not trouble the server."""
        if rows:
            await self._connection.execute(self._texts[query], *map(list, zip(*rows, strict=True)))

    async def copy(self, table: str, rows: Sequence[Row]) -> None:
        """Add rows, whole and in the order of the table's columns: the fastest way into a table."""
        if rows:
            await self._connection.copy_records_to_table(
                self._target.table(table), schema_name=self._target.schema, records=rows
            )

    async def forget(self, streams: Collection[UUID]) -> None:
        """Remove what the events of these streams have made."""
        if streams:
            await self.execute("forget", list(streams))
