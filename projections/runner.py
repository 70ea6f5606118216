"""Keeps the read models: takes new events from the log in batches and lets every projection write its rows.

Any number of runners may be started; each build is kept by the one that holds its lock, the others stand by and take
over within seconds. What is made anew is made beside what answers, over a connection of its own. Must not know what
any projection keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from asyncpg import Pool

from projections import parked
from projections.actions import Actions
from projections.agenda import Agenda
from projections.audit import Audit
from projections.builds import (
    AnyConnection,
    Build,
    Projection,
    all_builds,
    begin_missing,
    remove_retired,
    turn_to,
)
from projections.caseload import Caseload
from projections.cases import Cases
from projections.due import Due
from projections.escalations import Escalations
from projections.keeper import SQL, Keeper
from projections.safeguarding import SafeguardingList
from projections.source import Source
from projections.standstill import Standstill
from projections.tasks import end, rung
from projections.waiting_list import WaitingList

BATCH: Final = 2_000
"""How many events are applied at once, when so many wait."""
POLL_SECONDS: Final = 1.0
"""How long a lost notification, or the death of another runner, can go unnoticed."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 5.0
LIVE_FILES: Final = 2_000
"""How many cases are kept in memory for what happens next; enough for the busiest office."""

PROJECTIONS: Final[tuple[Projection, ...]] = (
    Cases(),
    Due(),
    Caseload(),
    Agenda(),
    Audit(),
    WaitingList(),
    SafeguardingList(),
    Escalations(),
    Actions(),
    Standstill(),
)
"""Every read model of the product."""

_log = structlog.get_logger(__name__)


async def prepare(pool: Pool, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Make the tables of every read model that are not there yet; any number of processes may do this at once."""
    await begin_missing(pool, projections)


class ProjectionRunner:
    """Keeps projections up to date with one log; holds one connection of the pool, and a second while one is rebuilt."""

    def __init__(
        self,
        pool: Pool,
        source: Source,
        projections: Sequence[Projection] = PROJECTIONS,
        *,
        batch: int = BATCH,
    ) -> None:
        self._pool = pool
        self._source = source
        self._projections = {one.NAME: one for one in projections}
        self._batch = batch
        self._bell = asyncio.Event()
        self._turned = False

    async def run(self) -> None:
        """Follow the log until cancelled; lost connections and restarts of the server are waited out."""
        parts = (self._listen, self._keep_what_answers, self._keep_what_is_built)
        tasks = [asyncio.create_task(_for_ever(part)) for part in parts]
        try:
            await asyncio.wait(tasks)
        finally:
            await end(tasks)

    async def catch_up(self) -> None:
        """Bring every build to where the log ends now, or wait until another runner has; then return.

        A build that is made beside another answers in its stead by then. Raises: whatever a projection raises.
        """
        await prepare(self._pool, list(self._projections.values()))
        head = await self._source.head()
        async with self._pool.acquire() as connection:
            await connection.execute(SQL["begin_session"])
            keepers = {
                stage: Keeper(self._source, self._projections.values(), batch=self._batch)
                for stage in ("serving", "building")
            }
            known: list[Build] = []
            try:
                while True:
                    known = await self._mine(connection)
                    ends = await self._source.head()
                    moved = False
                    for stage, keeper in keepers.items():
                        held = await keeper.claim(connection, [one for one in known if one.stage == stage])
                        moved |= bool(await keeper.round(connection, held, patient=False))
                        if stage == "building":
                            moved |= await self._turn(connection, keeper, held, ends)
                    if all(one.stage == "serving" and one.position >= head for one in known):
                        return
                    if not moved:
                        await asyncio.sleep(FIRST_PAUSE_SECONDS)
            finally:
                for keeper in keepers.values():
                    await keeper.stop()
                    await keeper.release(connection, known)

    # -- the parts -----------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Ring the bell whenever the log may have grown."""
        async with self._source.growing() as bell:
            while True:
                await bell.wait()
                bell.clear()
                self._bell.set()

    async def _keep_what_answers(self) -> None:
        """Apply what comes, to the builds whose lock this session gets; the locks end with the session."""
        await prepare(self._pool, list(self._projections.values()))
        async with self._pool.acquire() as connection, self._keeper(connection, LIVE_FILES) as keeper:
            known: list[Build] = []
            look_again = 0.0
            while True:
                self._bell.clear()
                now = asyncio.get_running_loop().time()
                if now >= look_again or self._turned:
                    # Between two looks only we move them; who else would is found out by the fence.
                    self._turned, look_again = False, now + POLL_SECONDS
                    known = [one for one in await self._mine(connection) if one.stage == "serving"]
                held = await keeper.claim(connection, known)
                moved = await keeper.round(connection, held, patient=True)
                known = [replace(one, position=moved.get(one.key) or one.position) for one in known]
                if None in moved.values():
                    look_again = 0.0
                elif not moved:
                    # Look after a while all the same: a notification may be lost, and another runner be gone.
                    await rung(self._bell, POLL_SECONDS)

    async def _keep_what_is_built(self) -> None:
        """Fill the builds that are made beside others, and let each answer as soon as it has caught up."""
        await prepare(self._pool, list(self._projections.values()))
        async with self._pool.acquire() as connection:
            await remove_retired(connection)
        while True:
            if any(one.stage == "building" for one in await self._mine(self._pool)):
                await self._build()
            await asyncio.sleep(POLL_SECONDS)

    async def _build(self) -> None:
        async with self._pool.acquire() as connection, self._keeper(connection) as keeper:
            while builds := [one for one in await self._mine(connection) if one.stage == "building"]:
                ends = await self._source.head()
                held = await keeper.claim(connection, builds)
                moved = await keeper.round(connection, held, patient=True)
                if await self._turn(connection, keeper, held, ends):
                    self._turned = True
                    self._bell.set()
                elif not moved:
                    await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _turn(
        self, connection: AnyConnection, keeper: Keeper, held: Sequence[Build], ends: int
    ) -> bool:
        """Turn questions to the builds that have come to `ends`; answers whether something was done towards that."""
        if not held:
            return False
        done = False
        for build in [one for one in await self._mine(connection) if one.key in {kept.key for kept in held}]:
            if build.position < ends:
                continue
            turned = await turn_to(connection, self._projections[build.name], build)
            done |= turned or not build.indexed
            if turned:
                _log.info("projection.turned", projection=build.name, build=build.build)
                await keeper.release(connection, [build])
        if done:
            await remove_retired(connection)
        return done

    @contextlib.asynccontextmanager
    async def _keeper(self, connection: AnyConnection, files: int | None = None) -> AsyncIterator[Keeper]:
        await connection.execute(SQL["begin_session"])
        more = {} if files is None else {"files": files}
        keeper = Keeper(self._source, self._projections.values(), batch=self._batch, **more)
        try:
            yield keeper
        finally:
            await keeper.stop()

    async def _mine(self, connection: AnyConnection | Pool) -> list[Build]:
        """The builds of our versions that are in use."""
        return [
            one
            for one in await all_builds(connection)
            if one.stage != "retired"
            and one.name in self._projections
            and one.version == self._projections[one.name].VERSION
        ]


async def _for_ever(part: Callable[[], Awaitable[None]]) -> None:
    """Begin a part of the work anew whenever it fails, after a pause that grows while it keeps failing."""
    clock = asyncio.get_running_loop()
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = clock.time()
        try:
            await part()
        except Exception as error:  # noqa: BLE001 - nothing may end this loop but its own cancellation
            _log.warning("projections.interrupted", error=parked.reason_of(error), retry_seconds=pause)
        if clock.time() - began > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
