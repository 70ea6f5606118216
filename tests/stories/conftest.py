"""A time-skipping server for the stories that one process plays; it is started once and they take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from adapters.embedded import TimeSkippingTemporal
from tests.support.directories import reachable_directory


@pytest.fixture(scope="session")
def time_skipping_server() -> Iterator[str]:
    """Where this process's own time-skipping server listens."""
    # Not in a thread: the kernel ends the server when the thread ends that started it.
    loop = asyncio.new_event_loop()
    stack = AsyncExitStack()
    with reachable_directory() as directory:
        server = loop.run_until_complete(stack.enter_async_context(TimeSkippingTemporal(directory)))
        yield server.address
        loop.run_until_complete(stack.aclose())
        loop.close()
