"""The dispatcher: follows the log and lets the processes of each case know how it stands, at least once and in order.

Its position is saved after the telling, so that a crash means telling again, which the processes ignore. What a case
needs is worked out in `workflows/routing.py`; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

import asyncpg
import structlog

from adapters.postgres.errors import LogError, LogUnavailable
from adapters.postgres.sql import named_queries
from adapters.temporal.herald import Herald
from domain.messages import CaseEvent, Recorded
from workflows.routing import route

if TYPE_CHECKING:
    from asyncpg import Pool
    from temporalio.client import Client

    from domain.ports import LogReader

NAME: Final = "workflows"
"""Under which name the position is kept."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_BATCH: Final = 500
_STANDBY_SECONDS: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_LOG_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, LogError)

_log = structlog.get_logger(__name__)


class Dispatcher:
    """One works per database, others stand by. `run` goes on for ever; cancel it to stop."""

    def __init__(
        self, pool: Pool, log: LogReader, client: Client, *, task_queue: str, concurrency: int = 16
    ) -> None:
        self._log = log
        self._pool = pool
        self._herald = Herald(client, task_queue=task_queue)
        self._turns = asyncio.Semaphore(concurrency)
        self._untold: dict[UUID, int] = {}
        """Cases that could not be told of, with the position after which they were not."""
        self.position = 0
        """The last position of the log that was told of."""

    async def run(self) -> None:
        """Tell of everything that was not told yet, and of what comes."""
        pause = _FIRST_PAUSE
        while True:
            started_at = self.position
            try:
                async with self._leading() as connection:
                    await self._tell_for_ever(connection)
            except _LOG_AWAY as error:
                kind = getattr(error, "code", type(error).__name__)
                _log.warning("dispatch.log_unavailable", error=kind, position=self.position)
            pause = _FIRST_PAUSE if self.position > started_at else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause)

    @contextlib.asynccontextmanager
    async def _leading(self) -> AsyncIterator[Any]:
        # The lock belongs to the connection, and the position is saved over it: losing one is losing the other.
        async with self._pool.acquire() as connection:
            while not await connection.fetchval(_SQL["lead"], NAME):  # noqa: ASYNC110 - nobody tells us when it is free
                await asyncio.sleep(_STANDBY_SECONDS)
            yield connection

    async def _tell_for_ever(self, connection: Any) -> None:
        self.position = await connection.fetchval(_SQL["position"], NAME) or 0
        _log.info("dispatch.started", position=self.position)
        # Closed as soon as we stop, so that what it listens on is free before the pool is closed.
        batches = cast(
            "AsyncGenerator[Sequence[Recorded]]", self._log.follow(after=self.position, batch=_BATCH)
        )
        async with contextlib.aclosing(batches):
            async for batch in batches:
                await self._tell(batch)
                self.position = batch[-1].position
                await connection.execute(
                    _SQL["save_position"], NAME, min([self.position, *self._untold.values()])
                )

    async def _tell(self, batch: Sequence[Recorded]) -> None:
        touched = (one.stream_id for one in batch if isinstance(one.event, CaseEvent))
        since = dict.fromkeys(touched, self.position) | self._untold
        try:
            async with asyncio.TaskGroup() as group:
                for case_id, after in since.items():
                    group.create_task(self._tell_of(case_id, after))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _tell_of(self, case_id: UUID, after: int) -> None:
        """Tell of one case as it stands now, which may be further on than the batch that made us look."""
        async with self._turns:
            try:
                await self._herald.tell(route(await self._log.read_stream(case_id), after=after))
            except LogUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with this case, the others must not wait
                # It is tried again with every batch, and after a restart: the position is not kept beyond it.
                self._untold[case_id] = after
                _log.error("dispatch.case_not_told", case_id=str(case_id), error=type(error).__name__)
            else:
                self._untold.pop(case_id, None)


async def rebuild(*, log: LogReader, client: Client, task_queue: str, concurrency: int = 16) -> int:
    """Start what every open case needs, from the log alone, and answer how many cases were told.

    For a Temporal server that has lost its processes; those that still run hear nothing new.
    """
    herald = Herald(client, task_queue=task_queue)
    turns = asyncio.Semaphore(concurrency)
    cases: set[UUID] = set()
    position = 0
    while batch := await log.read_all(after=position, limit=_BATCH):
        cases |= {one.stream_id for one in batch if isinstance(one.event, CaseEvent)}
        position = batch[-1].position

    async def tell_of(case_id: UUID) -> bool:
        async with turns:
            recorded = await log.read_stream(case_id)
            routing = route(recorded, after=recorded[-1].position)
            await herald.tell(routing)
            return bool(routing.run)

    return sum(await asyncio.gather(*(tell_of(case_id) for case_id in sorted(cases))))
