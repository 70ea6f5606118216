"""The dispatcher: follows the log and lets the processes of each case know how it stands, at least once and in order.

Its position is saved after the telling, so that a crash means telling again, which the processes ignore; and only from
where this dispatcher had found it, so that whoever was overtaken saves nothing. What a case needs is worked out in
`workflows/routing.py`; nothing is decided here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import structlog

from adapters.postgres.leading import Overtaken, for_ever, leading
from adapters.postgres.sql import named_queries
from adapters.temporal.herald import Herald
from adapters.temporal.telling import Log, Telling, Untold, is_the_logs_fault, tell_until_it_stands
from projections.tasks import rung
from workflows.routing import begin

if TYPE_CHECKING:
    from asyncpg import Pool
    from temporalio.client import Client

NAME: Final = "workflows"
"""Under which name the position is kept."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_BATCH: Final = 500
_POLL_SECONDS: Final = 1.0
"""How long a lost notification of new events can go unnoticed."""
_SAVE_SECONDS: Final = 0.05
"""How often the position is saved at most: so much, and what was being told, is told again after a crash."""
_HEARTBEAT_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 5.0
"""After which a database that does not answer has been lost, and the lead with it."""
_TRY_AGAIN_SECONDS: Final = 30.0

_log = structlog.get_logger(__name__)


class Dispatcher:
    """One works per database, others stand by. `run` goes on for ever; cancel it to stop."""

    def __init__(
        self, pool: Pool, log: Log, client: Client, *, task_queue: str, concurrency: int = 16
    ) -> None:
        self._log = log
        self._pool = pool
        self._herald = Herald(client, task_queue=task_queue)
        self._concurrency = concurrency
        self._telling: Telling | None = None
        self._in_doubt: dict[UUID, int] = {}
        """Cases of which we were telling when we lost the lead, with the position up to which they had been told of."""

    @property
    def position(self) -> int:
        """Everything up to here was told, but for the cases that were set aside; 0 while another one works."""
        return self._telling.position if self._telling is not None else 0

    async def run(self) -> None:
        """Tell of everything that was not told yet, and of what comes."""
        await for_ever(self._wait_and_lead, called="dispatch", position=lambda: self.position)

    async def _wait_and_lead(self) -> None:
        await self._clear_doubts()
        async with leading(self._pool, "ccp-dispatcher", NAME) as connection:
            await self._lead(connection)

    async def _lead(self, connection: Any) -> None:
        await connection.fetchrow(_SQL["do_not_wait_for_the_disk"])
        await connection.execute(_SQL["begin"], NAME)
        position: int = await connection.fetchval(_SQL["position"], NAME)
        untold = {
            row["case_id"]: Untold(row["after_position"], row["reason"])
            for row in await connection.fetch(_SQL["untold"], NAME)
        }
        _log.info("dispatch.started", position=position, untold=len(untold))
        try:
            async with asyncio.TaskGroup() as group:
                self._telling = Telling(
                    self._log,
                    self._herald,
                    group,
                    after=position,
                    untold=untold,
                    concurrency=self._concurrency,
                )
                group.create_task(self._keep_position(connection, self._telling, position, untold))
                await self._follow(self._telling, position)
        except ExceptionGroup as failed:
            if self._telling is not None:
                self._in_doubt.update(self._telling.in_hand())
            raise failed.exceptions[0] from None

    async def _follow(self, telling: Telling, position: int) -> None:
        telling.try_again()
        async with self._log.growing() as bell:
            while True:
                # Before looking, not after: what is written in between rings again.
                bell.clear()
                # Not opened here: what cannot be opened is one case's misfortune and no reason to stop.
                batch = await self._log.read_stored(after=position, limit=_BATCH)
                if batch:
                    await telling.take(batch, behind=len(batch) == _BATCH)
                    position = batch[-1].position
                else:
                    await rung(bell, _POLL_SECONDS)

    async def _keep_position(
        self, connection: Any, telling: Telling, saved: int, noted: Mapping[UUID, Untold]
    ) -> None:
        """Save the position as it moves, and make sure meanwhile that it is still ours to save.

        Raises: Overtaken.
        """
        loop = asyncio.get_running_loop()
        tried_again = loop.time()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    await telling.moved.wait()
            telling.moved.clear()
            # Both at one moment: a case that was set aside does not hold the position back, so it has to be noted.
            position, untold = telling.position, dict(telling.untold)
            async with asyncio.timeout(_ANSWER_SECONDS):
                if untold != noted:
                    async with connection.transaction():
                        await _advance(connection, saved, position)
                        await _note(connection, noted, untold)
                elif position != saved:
                    await _advance(connection, saved, position)
                elif await connection.fetchval(_SQL["position"], NAME) != saved:
                    raise Overtaken
            saved, noted = position, untold
            if loop.time() > tried_again + _TRY_AGAIN_SECONDS:
                telling.try_again()
                tried_again = loop.time()
            await asyncio.sleep(_SAVE_SECONDS)

    async def _clear_doubts(self) -> None:
        """Tell once more of what we were telling when we lost the lead.

        What we had read then may have been old when it arrived, and have begun a process that nobody would end.
        """
        while self._in_doubt:
            case_id, after = next(iter(self._in_doubt.items()))
            try:
                stream = await self._log.read_stream(case_id)
                progress = begin(case_id, stream[0].event.TOPIC)
                progress.read(one for one in stream if one.position <= after)
                routing = progress.hear([one for one in stream if one.position > after])
                await tell_until_it_stands(self._log, self._herald, progress, routing)
            except Exception as error:  # whoever leads now has set it aside
                if is_the_logs_fault(error):
                    raise
                _log.warning("dispatch.case_not_told", case_id=str(case_id), error=type(error).__name__)
            del self._in_doubt[case_id]


async def _advance(connection: Any, saved: int, position: int) -> None:
    if await connection.fetchval(_SQL["advance"], NAME, saved, position) is None:
        raise Overtaken


async def _note(connection: Any, before: Mapping[UUID, Untold], now: Mapping[UUID, Untold]) -> None:
    for case_id in before.keys() - now.keys():
        await connection.execute(_SQL["make_good"], NAME, case_id)
    for case_id, untold in now.items():
        if before.get(case_id) != untold:
            await connection.execute(_SQL["set_aside"], NAME, case_id, untold.after, untold.reason)
