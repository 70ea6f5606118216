"""Whoever follows the log can stop at any moment, also while the connection that listens is being opened or lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from adapters.postgres.news import News

STOPPED_WITHIN = 30
Connect = Callable[..., Awaitable[asyncpg.Connection]]


class Opening:
    """Opens connections as somebody says; `begun` is set as soon as the first one is being opened."""

    def __init__(self, ends: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self.begun = asyncio.Event()
        self._ends = ends

    async def __call__(self, *_: object, **__: object) -> asyncpg.Connection:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await self._ends()
        raise AssertionError


async def _is_lost() -> asyncpg.Connection:
    raise ConnectionResetError


@pytest.fixture
async def follows(database: str) -> AsyncIterator[Callable[[Connect], asyncpg.Pool]]:
    pools: list[asyncpg.Pool] = []

    def over(connect: Connect) -> asyncpg.Pool:
        pools.append(asyncpg.create_pool(database, min_size=0, max_size=2, connect=connect))
        return pools[-1]

    yield over
    for pool in pools:
        pool.terminate()


async def test_a_follower_stops_although_the_line_is_lost_at_the_same_moment(
    follows: Callable[[Connect], asyncpg.Pool],
) -> None:
    opening = Opening(_is_lost)
    async with follows(opening) as pool:
        await _follows_and_stops(News(pool), opening)


async def test_a_follower_stops_although_the_connection_is_there_at_the_same_moment(
    follows: Callable[[Connect], asyncpg.Pool], database: str
) -> None:
    opening = Opening(lambda: asyncpg.connect(database))
    async with follows(opening) as pool:
        await _follows_and_stops(News(pool), opening)


async def test_whoever_follows_next_is_woken_again(pool: asyncpg.Pool) -> None:
    news = News(pool)
    for _ in range(3):
        async with news.subscribed() as bell, asyncio.timeout(STOPPED_WITHIN):
            await bell.wait()
            bell.clear()
            await pool.execute("SELECT pg_notify('ccp_log', '')")
            await bell.wait()


async def _follows_and_stops(news: News, opening: Opening) -> None:
    async def follow() -> None:
        async with news.subscribed() as bell:
            await bell.wait()

    following = asyncio.create_task(follow())
    await asyncio.wait_for(opening.begun.wait(), STOPPED_WITHIN)
    following.cancel()
    done, _ = await asyncio.wait([following], timeout=STOPPED_WITHIN)
    assert done, "it goes on listening"
