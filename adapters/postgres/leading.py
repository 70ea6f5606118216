"""One leader per database, others stand by: for work that follows the log and must be done once, in its order.

A leader that lost its connection may go on for a moment beside the next one, so it saves its position only from where it
had left it, and raises `Overtaken` where that fails. Must not know what the work is, nor where its position is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog

from adapters.postgres.errors import LogError
from adapters.postgres.sql import named_queries

if TYPE_CHECKING:
    from asyncpg import Pool

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_STANDBY_SECONDS: Final = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, LogError)

_log = structlog.get_logger(__name__)


class Overtaken(Exception):
    """The position was not any more where this leader had left it: another one works."""


@contextlib.asynccontextmanager
async def leading(pool: Pool, work: str, name: str) -> AsyncIterator[Any]:
    """Wait until nobody else leads this work under this name, then lead it for as long as the connection lasts.

    The lock belongs to the connection, and the position is saved over it: losing one is losing the other.
    """
    async with pool.acquire() as connection:
        await connection.fetchrow(_SQL["set_up"])
        while not await connection.fetchval(_SQL["lead"], work, name):  # noqa: ASYNC110 - nobody tells us when it is free
            await asyncio.sleep(_STANDBY_SECONDS)
        yield connection


async def for_ever(lead: Callable[[], Awaitable[None]], *, called: str, position: Callable[[], int]) -> None:
    """Lead again whenever that ends because somebody took over or the database is away; anything else is raised.

    The pause grows until the work gets on. `called` is what the work is called in the log lines.
    """
    pause = _FIRST_PAUSE
    while True:
        started_at = position()
        try:
            await lead()
        except Overtaken:
            _log.warning(f"{called}.overtaken", position=position())
        except _AWAY as error:
            kind = getattr(error, "code", type(error).__name__)
            _log.warning(f"{called}.log_unavailable", error=kind, position=position())
        pause = _FIRST_PAUSE if position() > started_at else min(pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause)
