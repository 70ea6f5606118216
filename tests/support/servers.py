"""One PostgreSQL and one Temporal server for a whole test run, however many processes it has.

The first process that needs a server starts a keeper, a process of its own that runs the server until the last user
has gone, however they went: a user is whoever holds a lock that dies with its process. So no worker owns what others
use, and nothing is left behind when a run is killed. `python -m tests.support.servers KIND DIRECTORY` is the keeper.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from adapters.embedded import EmbeddedPostgres, EmbeddedTemporal
from adapters.postgres.migrate import migrate
from tests.support.directories import reachable_directory
from tests.support.sql import identifier

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
TEMPLATE = "ccp_template"
SEARCH_ATTRIBUTES: Mapping[str, str] = {
    "CaseId": "Keyword",
    "Programme": "Keyword",
    "CaseStage": "Keyword",
    "Neighbourhood": "Keyword",
    "NextDue": "Datetime",
    "WaitsFor": "Keyword",
    "WaitingSince": "Datetime",
    "NextStep": "Keyword",
}
START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class SharedPostgres:
    """The run's PostgreSQL server; `dsn` is its superuser in the database that every test's own is copied from."""

    dsn: str

    def dsn_for(self, *, user: str = "postgres", database: str) -> str:
        """The address of another database, or as another role."""
        return urlsplit(self.dsn)._replace(netloc=f"{user}@", path=f"/{database}").geturl()

    def create_database(self) -> str:
        """Make a database with everything migrated and nothing in it, and answer its name."""
        name = f"test_{uuid4().hex}"
        # Copied as files: on a server without fsync that takes a third less than by way of the write-ahead log.
        self.as_superuser(
            f"CREATE DATABASE {identifier(name)} TEMPLATE {identifier(TEMPLATE)} STRATEGY file_copy"
        )
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self.as_superuser(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The owner's address of a database that is gone afterwards."""
        name = self.create_database()
        yield self.dsn_for(database=name)
        self.drop_database(name)

    def as_superuser(self, sql: str) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self.dsn_for(database="postgres"))
            try:
                await connection.execute(sql)
            finally:
                await connection.close()

        in_a_thread(execute())


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run something asynchronous from where a loop may or may not be running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


# -- the users' side ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def shared_server(kind: str, run_directory: Path) -> Iterator[dict[str, str]]:
    """Use the run's server of a kind, starting it if nobody has yet; answers what its keeper says of it."""
    # First a user, then a look at the server: so it cannot end in between.
    with _locked(run_directory / f"{kind}.users", fcntl.LOCK_SH):
        with _locked(run_directory / f"{kind}.start", fcntl.LOCK_EX):
            state = _state(kind, run_directory) or _start_keeper(kind, run_directory)
        yield state


def wait_for_keepers(run_directory: Path, seconds: float = 30) -> None:
    """Wait until every keeper of a run has stopped its server and tidied up."""
    deadline = time.monotonic() + seconds
    for file in run_directory.glob("*.alive"):
        with file.open("a") as life:
            while not _try_lock(life) and time.monotonic() < deadline:
                time.sleep(0.05)


def _start_keeper(kind: str, run_directory: Path) -> dict[str, str]:
    log = run_directory / f"{kind}.log"
    with log.open("ab") as out:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.servers", kind, str(run_directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # Ctrl-C is for the tests; the keeper ends when they have.
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        state = _state(kind, run_directory)
        if state is not None:
            return state
        if keeper.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"the shared {kind} server did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _state(kind: str, run_directory: Path) -> dict[str, str] | None:
    try:
        state: dict[str, str] = json.loads((run_directory / f"{kind}.json").read_text())
    except FileNotFoundError:
        return None
    # A keeper that was killed has left its file; the lock of its life it could not keep.
    with (run_directory / f"{kind}.alive").open("a") as life:
        return state if not _try_lock(life) else None


# -- the keeper's side -------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _postgres(data: Path) -> AsyncIterator[dict[str, str]]:
    async with EmbeddedPostgres(data, database=TEMPLATE, durable=False) as server:
        await migrate(server.dsn)
        yield {"dsn": server.dsn}


@contextlib.asynccontextmanager
async def _temporal(data: Path) -> AsyncIterator[dict[str, str]]:
    async with EmbeddedTemporal(data, search_attributes=SEARCH_ATTRIBUTES) as server:
        yield {"address": server.address}


_KINDS = {"postgres": _postgres, "temporal": _temporal}


async def _keep(kind: str, run_directory: Path) -> None:
    state_file = run_directory / f"{kind}.json"
    with reachable_directory() as directory, (run_directory / f"{kind}.alive").open("a") as life:
        fcntl.flock(life, fcntl.LOCK_EX)
        async with _KINDS[kind](directory / "data") as state:
            draft = state_file.with_suffix(".draft")
            draft.write_text(json.dumps(state))
            draft.replace(state_file)
            with (run_directory / f"{kind}.users").open("a") as users:
                while not _try_lock(users):  # noqa: ASYNC110 - other processes hold it, and ring no bell
                    await asyncio.sleep(0.1)
                # Whoever comes now waits for the lock, finds no server, and starts another.
                state_file.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(file: Path, how: int) -> Iterator[None]:
    with file.open("a") as opened:
        fcntl.flock(opened, how)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(_keep(sys.argv[1], Path(sys.argv[2])))
