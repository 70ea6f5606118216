"""Builds: each read model has one set of tables that answers questions, and while it is made anew a second beside it.

A build of version 2, the third ever, has the tables `read.<table>_v2_3`; questions go to the views `read.<table>`, which
are turned to the new build in one transaction once it has caught up. Must not know how a build is filled.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias

import asyncpg
from asyncpg import Connection, Pool
from asyncpg.pool import PoolConnectionProxy

from projections.batch import Batch
from projections.sql import Queries, Target
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
LOCK: Final = zlib.crc32(b"ccp read models") & 0x7FFFFFFF
"""The first half of our advisory locks' numbers; the second is the build's name."""

AnyConnection: TypeAlias = "PoolConnectionProxy | Connection[Any]"


class Projection(Protocol):
    """One read model: its name, the version of its tables, its queries, and how its rows are made.

    `VERSION` goes up with any change of tables or rows. The queries `create`, `index`, `views` and `forget` must be among
    `QUERIES`; `views_over_v<n>` may be, to answer from the tables of version n until the present ones have caught up.
    """

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    QUERIES: ClassVar[Queries]
    HEARS: ClassVar[frozenset[str]]
    """The topics it is told of; any other event only moves its position."""
    OPENS: ClassVar[frozenset[str]]
    """Of these, those whose event it looks at."""
    DATES: ClassVar[frozenset[str]]
    """Of these, those whose envelope it looks at."""

    async def apply(self, tables: Tables, batch: Batch) -> None:
        """Write what this batch changed, in the transaction that is open.

        Each row must come of one stream alone, so that a stream that cannot be applied takes no other with it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Build:
    """One set of tables of a read model and how far it has come. `parked` counts the streams left out."""

    name: str
    build: int
    version: int
    stage: Literal["building", "serving", "retired"]
    tables: Sequence[str]
    indexed: bool
    position: int
    parked: int
    begun_at: datetime
    applied_at: datetime

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.build

    @property
    def target(self) -> Target:
        return Target.of(self.version, self.build)


def lock_name(key: tuple[str, int]) -> str:
    """The name of the lock that whoever keeps a build holds."""
    name, build = key
    return f"{name}_{build}"


async def begin_missing(pool: Pool, projections: Sequence[Projection]) -> None:
    """Begin a build of every read model that has none of this version; any number of processes may do this at once.

    The first build ever answers questions at once; a later version is made beside the one that does.
    """
    async with pool.acquire() as connection:
        if await connection.fetchval(SQL["exists"]):
            known = _by_name(await all_builds(connection))
            if not any(_is_missing(one, known) for one in projections):
                return
        async with connection.transaction():
            await connection.execute(SQL["take_turn"], LOCK)
            await connection.execute(SQL["create"])
            known = _by_name(await all_builds(connection))
            for projection in projections:
                if _is_missing(projection, known):
                    await _begin(connection, projection, known.get(projection.NAME, ()))


async def rebuild(pool: Pool, projection: Projection) -> Build:
    """Begin to make a read model anew, beside the build that answers; whoever keeps read models fills and turns to it.

    When that has been begun already, the build under way is the answer.
    """
    await begin_missing(pool, (projection,))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(SQL["take_turn"], LOCK)
        known = _builds(await connection.fetch(SQL["of_model"], projection.NAME))
        for build in known:
            if build.stage == "building" and build.version == projection.VERSION:
                return build
        return await _begin(connection, projection, known)


async def _begin(connection: AnyConnection, projection: Projection, known: Sequence[Build]) -> Build:
    serving = next((one for one in known if one.stage == "serving"), None)
    number = max((one.build for one in known), default=0) + 1
    target = Target.of(projection.VERSION, number)
    queries = projection.QUERIES.on(target)
    await connection.execute(queries["create"])
    if serving is None:
        await connection.execute(queries["index"])
        await connection.execute(queries["views"])
    else:
        over = f"views_over_v{serving.version}"
        if over in queries:
            await connection.execute(projection.QUERIES.on(serving.target)[over])
        for other in known:
            if other.stage == "building":
                await connection.execute(SQL["retire"], *other.key)
    await connection.execute(
        SQL["enter"],
        projection.NAME,
        number,
        projection.VERSION,
        "building" if serving else "serving",
        [target.table(table) for table in projection.QUERIES.tables()],
        serving is None,
    )
    return next(one for one in await all_builds(connection) if one.key == (projection.NAME, number))


async def turn_to(connection: AnyConnection, projection: Projection, build: Build) -> bool:
    """Let a build that has caught up answer from now on, unless it is behind the one that does.

    Answers False too when questions are being asked that must be waited for; then it is to be tried again.
    """
    queries = projection.QUERIES.on(build.target)
    if not build.indexed:
        # Nobody asks these tables anything yet: so they are indexed faster at the end than on the way.
        async with connection.transaction():
            await connection.execute(queries["index"])
            await connection.execute(SQL["set_indexed"], *build.key)
        return False
    try:
        async with connection.transaction():
            # A question over several views may hold one and wait for another: we must be the first to give up.
            await connection.execute(SQL["be_brief"])
            known = {one.key: one for one in _builds(await connection.fetch(SQL["of_model"], build.name))}
            present = known.get(build.key)
            others = [one for one in known.values() if one.stage == "serving"]
            if present is None or present.stage != "building":
                return False
            if any(other.position > present.position for other in others):
                return False
            await connection.execute(queries["views"])
            for other in others:
                await connection.execute(SQL["retire"], *other.key)
            await connection.execute(SQL["serve"], *build.key)
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def remove_retired(connection: AnyConnection) -> None:
    """Remove the tables that nobody needs any more; what somebody still reads is left for another time."""
    for row in await connection.fetch(SQL["retired"]):
        try:
            async with connection.transaction():
                await connection.execute(SQL["be_brief"])
                await connection.execute(SQL["remove"], row["name"], row["build"])
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            continue


async def all_builds(connection: AnyConnection | Pool) -> list[Build]:
    """Every build of every read model."""
    return _builds(await connection.fetch(SQL["all"]))


def _builds(rows: Sequence[asyncpg.Record]) -> list[Build]:
    return [Build(**row) for row in rows]


def _by_name(builds: Sequence[Build]) -> Mapping[str, Sequence[Build]]:
    found: dict[str, list[Build]] = {}
    for build in builds:
        found.setdefault(build.name, []).append(build)
    return found


def _is_missing(projection: Projection, known: Mapping[str, Sequence[Build]]) -> bool:
    """Whether there is no build of this version, and none of a later one: an earlier release must not go back by itself."""
    builds = known.get(projection.NAME, ())
    return all(one.version < projection.VERSION or one.stage == "retired" for one in builds)
