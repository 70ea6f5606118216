"""The embedded PostgreSQL against all that happens to it: crashes, orphans, odd paths, wrong accounts.

Every test runs the real server. None is durable, since none pulls the plug, but for the one that asks.
"""

# ruff: noqa: ASYNC240 - a test may wait for its own disk

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from adapters.embedded import (
    DataDirectoryInUse,
    DataDirectoryUnusable,
    EmbeddedPostgres,
    EmbeddedServerError,
    VersionMismatch,
)
from adapters.embedded.process import exists, runs
from adapters.embedded.programs import parts, postgres_installation
from tests.support.directories import reachable_directory

pytestmark = pytest.mark.asyncio

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server under another account")
only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent died"
)

PREDECESSOR = """
import asyncio, sys
from pathlib import Path
from adapters.embedded import EmbeddedPostgres, process
if sys.argv[2] == "untied":
    process._tied_to_us = lambda signum: None

async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), durable=False) as pg:
        print(pg.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_directory() as directory:
        yield directory / "data"


@pytest_asyncio.fixture
async def postgres(data_dir: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(data_dir, durable=False) as server:
        yield server


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def gone(pid: int, marker: str, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid, marker):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def a_killed_predecessor(data_dir: Path, *, tied: bool) -> int:
    """Run the server from another process, kill that process, and answer the server's process id."""
    product = subprocess.Popen(
        [sys.executable, "-c", PREDECESSOR, str(data_dir), "tied" if tied else "untied"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert product.stdout is not None
    with product.stdout:
        server = int(product.stdout.readline())
    product.kill()
    product.wait()
    return server


async def test_the_first_start_makes_the_database_and_any_role_can_be_used(
    postgres: EmbeddedPostgres,
) -> None:
    assert await ask(postgres.dsn, "SELECT current_database() || ' ' || current_user") == "ccp postgres"

    await ask(postgres.dsn, "CREATE ROLE reader LOGIN")
    assert await ask(postgres.dsn_for(user="reader"), "SELECT current_user") == "reader"
    assert await ask(postgres.dsn_for(database="postgres"), "SELECT current_database()") == "postgres"


async def test_nobody_else_can_connect(postgres: EmbeddedPostgres) -> None:
    assert await ask(postgres.dsn, "SHOW listen_addresses") == ""
    assert postgres.socket_directory.stat().st_mode & 0o777 == 0o700
    assert (
        await ask(postgres.dsn, "SELECT string_agg(DISTINCT auth_method, ' ') FROM pg_hba_file_rules")
        == "peer"
    )


async def test_a_path_with_spaces_and_other_letters_is_no_hindrance(data_dir: Path) -> None:
    odd = data_dir.with_name("a dir, 50% 'Ärger' \"x\"")
    async with EmbeddedPostgres(odd, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_a_deep_directory_is_no_hindrance_to_the_socket(data_dir: Path) -> None:
    deep = data_dir.joinpath(*["a-directory-with-a-long-name"] * 5)
    async with EmbeddedPostgres(deep, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_data_is_safe_from_power_cuts_unless_a_test_says_otherwise(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir) as postgres:
        assert await ask(postgres.dsn, "SHOW fsync") == "on"
        assert await ask(postgres.dsn, "SHOW synchronous_commit") == "on"
    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SHOW fsync") == "off"


async def test_a_killed_server_starts_again_at_the_same_address_with_its_data(
    postgres: EmbeddedPostgres,
) -> None:
    await ask(postgres.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    dsn, pid = postgres.dsn, postgres.pid

    os.kill(pid, signal.SIGKILL)
    assert "SIGKILL" in await asyncio.wait_for(postgres.wait_dead(), 60)
    assert not postgres.alive
    await postgres.restart()

    assert (postgres.dsn, postgres.alive) == (dsn, True)
    assert postgres.pid != pid
    assert await ask(dsn, "SELECT n FROM kept") == 7


async def test_a_running_server_can_be_restarted(postgres: EmbeddedPostgres) -> None:
    await ask(postgres.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
    await postgres.restart()
    assert await ask(postgres.dsn, "SELECT n FROM kept") == 7


async def test_data_is_there_after_the_product_was_stopped_and_started(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        await ask(postgres.dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        sockets, pid = postgres.socket_directory, postgres.pid
    assert not sockets.exists()
    assert not exists(pid)

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT n FROM kept") == 7


async def test_one_data_directory_has_one_owner_and_the_refusal_names_it(
    data_dir: Path, postgres: EmbeddedPostgres
) -> None:
    with pytest.raises(DataDirectoryInUse, match=rf"in use by process {os.getpid()};"):
        await EmbeddedPostgres(data_dir).start()
    assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_ctrl_c_in_the_terminal_does_not_reach_the_server(postgres: EmbeddedPostgres) -> None:
    assert os.getsid(postgres.pid) != os.getsid(0)


async def test_an_open_session_does_not_hold_up_the_stop(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False, grace_seconds=120) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute("BEGIN; CREATE TABLE unfinished ()")
        before = time.monotonic()
    assert time.monotonic() - before < 60, "it was not asked to end its sessions"
    connection.terminate()


async def test_a_server_that_does_not_listen_is_killed_when_its_time_is_over(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False, grace_seconds=0.3) as postgres:
        pid = postgres.pid
        os.kill(pid, signal.SIGSTOP)
    assert not exists(pid)

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


@only_linux
async def test_when_the_product_is_killed_the_server_ends_with_it_and_the_next_start_finds_the_data(
    data_dir: Path,
) -> None:
    server = a_killed_predecessor(data_dir, tied=True)
    assert await gone(server, str(data_dir / "postgres" / "data"))

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_an_orphan_left_on_the_data_is_ended_before_the_start(data_dir: Path) -> None:
    orphan = a_killed_predecessor(data_dir, tied=False)
    assert runs(orphan, str(data_dir / "postgres" / "data"))

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
        assert postgres.pid != orphan
    assert await gone(orphan, str(data_dir / "postgres" / "data"))


async def test_a_stale_process_number_that_now_belongs_to_another_program_is_no_hindrance(
    data_dir: Path,
) -> None:
    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        pid_file = data_dir / "postgres" / "data" / "postmaster.pid"
        owner = pid_file.stat().st_uid
        os.kill(postgres.pid, signal.SIGKILL)
        await postgres.wait_dead()
        # Under the server's own account: PostgreSQL gives no thought to processes of others.
        bystander = subprocess.Popen(  # noqa: ASYNC220 - it outlives the test's loop for a moment
            ["sleep", "30"], user=owner if os.geteuid() == 0 else None
        )
        try:
            _, *rest = pid_file.read_text().splitlines()
            pid_file.write_text("\n".join([str(bystander.pid), *rest]) + "\n")

            await postgres.restart()

            assert await ask(postgres.dsn, "SELECT 1") == 1
            assert bystander.poll() is None
        finally:
            bystander.kill()
            bystander.wait()


async def test_a_socket_directory_planted_by_somebody_else_is_not_used(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        await ask(postgres.dsn, "SELECT 1")
    with reachable_directory() as planted:
        planted.chmod(0o777)
        (data_dir / "postgres-socket.json").write_text(json.dumps({"directory": str(planted)}))

        async with EmbeddedPostgres(data_dir, durable=False) as postgres:
            assert postgres.socket_directory != planted


async def test_data_of_another_major_version_is_refused_in_one_line(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False):
        pass
    (data_dir / "postgres" / "data" / "PG_VERSION").write_text("17\n")

    with pytest.raises(VersionMismatch, match=r"written by PostgreSQL 17, and this is 18\.") as refused:
        await EmbeddedPostgres(data_dir, durable=False).start()
    assert "\n" not in str(refused.value)


async def test_a_directory_that_is_no_cluster_is_left_alone(data_dir: Path) -> None:
    strange = data_dir / "postgres" / "data"
    strange.mkdir(parents=True)
    strange.joinpath("holiday.txt").write_text("pictures")
    if os.geteuid() == 0:
        data_dir.chmod(0o711)

    with pytest.raises(DataDirectoryUnusable, match="is not the data of a PostgreSQL server"):
        await EmbeddedPostgres(data_dir, durable=False).start()
    assert [file.name for file in strange.iterdir()] == ["holiday.txt"]


async def test_a_crash_while_the_cluster_is_made_is_made_good_by_the_next_start(data_dir: Path) -> None:
    half = data_dir / "postgres" / "draft"
    half.mkdir(parents=True)
    half.joinpath("PG_VERSION").write_text("18\n")
    if os.geteuid() == 0:
        data_dir.chmod(0o711)

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_a_server_that_cannot_start_says_why_with_its_own_last_words(data_dir: Path) -> None:
    async with EmbeddedPostgres(data_dir, durable=False):
        pass
    (data_dir / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        await EmbeddedPostgres(data_dir, durable=False).start()


async def test_the_log_holds_neither_values_nor_statements_that_failed(postgres: EmbeddedPostgres) -> None:
    await ask(postgres.dsn, "CREATE TABLE people (name text PRIMARY KEY)")
    await ask(postgres.dsn, "INSERT INTO people VALUES ('Orla Quill')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(postgres.dsn, "INSERT INTO people VALUES ('Orla Quill')")

    log = postgres.log_file.read_text()
    assert "duplicate key" in log
    assert "Orla" not in log


@only_root
async def test_as_root_a_directory_the_servers_account_cannot_enter_is_named_in_one_line(
    data_dir: Path,
) -> None:
    closed = data_dir.with_name("closed")
    closed.mkdir(mode=0o700)

    with pytest.raises(DataDirectoryUnusable) as refused:
        await EmbeddedPostgres(closed / "data", durable=False).start()

    message = str(refused.value)
    assert f"lies inside {closed}," in message
    assert "\n" not in message
    assert closed.stat().st_mode & 0o777 == 0o700


@only_root
async def test_as_root_a_private_data_directory_stays_private(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o700)
    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
    assert data_dir.stat().st_mode & 0o067 == 0


@only_root
async def test_as_root_programs_the_servers_account_cannot_reach_are_copied_once(data_dir: Path) -> None:
    hidden = _hidden_installation(data_dir)

    async with EmbeddedPostgres(data_dir, durable=False, installation=hidden) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
    (copy,) = (data_dir / "postgres-programs").iterdir()
    made = copy.stat().st_mtime_ns

    async with EmbeddedPostgres(data_dir, durable=False, installation=hidden) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
    assert copy.stat().st_mtime_ns == made


@only_root
async def test_as_root_programs_that_are_closed_themselves_are_copied_and_stay_closed(data_dir: Path) -> None:
    hidden = _hidden_installation(data_dir)
    closed, open_to_all = hidden / "bin" / "postgres", hidden / "bin" / "initdb"
    closed.chmod(0o700)

    async with EmbeddedPostgres(data_dir, durable=False, installation=hidden) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
    (copied,) = (data_dir / "postgres-programs").rglob("bin/postgres")
    assert not copied.samefile(closed)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert copied.with_name("initdb").samefile(open_to_all)


def _hidden_installation(data_dir: Path) -> Path:
    """The programs in a directory that only we may enter."""
    closed = data_dir.with_name("closed")
    closed.mkdir(mode=0o700)
    installation = postgres_installation()
    for part in parts(installation):
        shutil.copytree(part, closed / part.relative_to(installation.parent.parent), symlinks=True)
    return closed / installation.relative_to(installation.parent.parent)
