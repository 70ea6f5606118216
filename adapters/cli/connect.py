"""How the command line finds the product: the database that is named, or the product that runs on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.cli.failures import NotRunning
from adapters.embedded.rundir import find_running
from adapters.settings import Settings, load_settings

if TYPE_CHECKING:
    from adapters.bootstrap import Product

T = TypeVar("T")
WAIT_SECONDS = 3.0
"""How long a list waits for the read models to have seen what is already in the log."""


def run(work: Callable[[Product], Coroutine[Any, Any, T]]) -> T:
    """Do something with the product and close it again."""

    async def main() -> T:
        async with opened() as product:
            return await work(product)

    return asyncio.run(main())


@asynccontextmanager
async def opened() -> AsyncIterator[Product]:
    """Connect to the product.

    Raises: NotRunning, with what to type.
    """
    from adapters.bootstrap import open_product

    settings = load_settings()
    async with open_product(settings, dsn=database_of(settings)) as product:
        yield product


def database_of(settings: Settings) -> str:
    """Where the product's database is.

    Raises: NotRunning.
    """
    if settings.database_url:
        return settings.database_url
    running = find_running(settings.data)
    if running is None:
        raise NotRunning(_nothing_runs(settings))
    return running.database_dsn


def temporal_of(settings: Settings) -> str:
    """Where the product's Temporal server is.

    Raises: NotRunning.
    """
    if settings.temporal_address:
        return settings.temporal_address
    running = find_running(settings.data)
    if running is None:
        raise NotRunning(_nothing_runs(settings))
    return running.temporal_address


def _nothing_runs(settings: Settings) -> str:
    return (
        f"No product runs with the data directory {settings.data}. Start one with `ccp up` in another terminal, "
        "or set CCP_DATA to the directory it runs with, or DATABASE_URL (and TEMPORAL_ADDRESS) to its servers."
    )
