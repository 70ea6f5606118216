"""What every test may ask for: real servers, shared by the whole run, and a fresh database for each test.

Must not know what is tested; builders and scenarios live in `tests/support` and beside the tests that use them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from domain.rules import Rules, load_rules
from tests.support.servers import SharedPostgres, shared_server, wait_for_keepers

# A property is the same on a slow machine, and whoever breaks one sees it break again.
settings.register_profile(
    "pathway", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("pathway")

RUN_DIRECTORY = pytest.StashKey[Path]()
SESSION = pytest.StashKey[pytest.Session]()
_TESTS = Path(__file__).parent
_TURN = {
    name: turn
    for turn, name in enumerate(
        ("properties", "system", "workflows", "stories", "play", "http", "cli", "log")
    )
} | {"domain": 100}


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[SharedPostgres]:
    """The run's PostgreSQL server."""
    with shared_server("postgres", pytestconfig.stash[RUN_DIRECTORY]) as state:
        yield SharedPostgres(state["dsn"])


@pytest.fixture
def database(postgres: SharedPostgres) -> Iterator[str]:
    """The owner's address of a database of this test's own, migrated and empty."""
    with postgres.database() as dsn:
        yield dsn


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections to the test's database that act as the application role."""
    opened = await open_pool(database)
    yield opened
    try:
        # A follower that a test left behind still holds a connection.
        async with asyncio.timeout(5):
            await opened.close()
    except TimeoutError:
        opened.terminate()


@pytest.fixture
async def log(pool: asyncpg.Pool) -> PostgresEventLog:
    """The event log in the test's database."""
    return PostgresEventLog(pool)


@pytest.fixture(scope="session")
def rules() -> Rules:
    """The reference data that ships with the product."""
    return load_rules()


@pytest.fixture(scope="session")
def temporal_address(pytestconfig: pytest.Config) -> Iterator[str]:
    """Where the run's Temporal server listens; tests share it, so workflow ids and task queues must be their own."""
    with shared_server("temporal", pytestconfig.stash[RUN_DIRECTORY]) as state:
        yield state["address"]


# -- the run -----------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get("ccp_run_directory")
    config.stash[RUN_DIRECTORY] = Path(given or tempfile.mkdtemp(prefix="ccp-run-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell every worker of pytest-xdist where the run's servers are to be found."""
    node.workerinput["ccp_run_directory"] = str(node.config.stash[RUN_DIRECTORY])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that at the end of a run no worker is left with one while the other has nothing to do."""
    items.sort(key=lambda item: _TURN.get(item.path.relative_to(_TESTS).parts[0], len(_TURN)))


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[SESSION] = session


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        wait_for_keepers(config.stash[RUN_DIRECTORY])
        shutil.rmtree(config.stash[RUN_DIRECTORY], ignore_errors=True)
    if "temporalio.bridge.temporal_sdk_bridge" in sys.modules and SESSION in config.stash:
        # The Temporal SDK's threads sometimes abort an interpreter that is shutting down, after all is done, which
        # would turn a green run into a failed one. So this process does not shut down but ends.
        with contextlib.suppress(Exception):
            config.get_terminal_writer().flush()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[SESSION].exitstatus)
