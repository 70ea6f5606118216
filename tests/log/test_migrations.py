"""Bringing a database up to date: once each, in order, by anybody, together; and never by editing the past."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.errors import MigrationError
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import MIGRATIONS, migrate, migrations
from adapters.postgres.pool import open_pool
from tests.log.present_schema import PRESENT_SCHEMA, dumped
from tests.log.writing import as_owner, note
from tests.support.directories import reachable_directory
from tests.support.servers import SharedPostgres
from tests.support.sql import identifier

ALL = [step.name for step in migrations()]


@pytest.fixture
async def empty(postgres: SharedPostgres) -> AsyncIterator[str]:
    """A database in which nothing was applied."""
    name = f"test_{uuid4().hex}"
    await as_owner(postgres.dsn_for(database="postgres"), f'CREATE DATABASE "{name}"')
    yield postgres.dsn_for(database=name)
    postgres.drop_database(name)


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may add to or edit."""
    copy = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, copy)
    return copy


async def test_an_empty_database_gets_every_step_in_order_and_a_second_time_nothing(empty: str) -> None:
    assert await migrate(empty) == ALL
    before = await as_owner(empty, "SELECT * FROM migration.applied ORDER BY number")
    assert await migrate(empty) == []
    assert await as_owner(empty, "SELECT * FROM migration.applied ORDER BY number") == before


async def test_the_present_schema_is_what_all_migrations_make(empty: str) -> None:
    await migrate(empty)
    assert await dumped(empty) == PRESENT_SCHEMA.read_text(encoding="utf-8"), (
        "review the change, then write it down with: python -m tests.log.present_schema"
    )


async def test_many_at_once_apply_each_step_once(empty: str) -> None:
    applied = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(applied) == [[], [], [], ALL]


async def test_many_databases_of_one_new_server_are_migrated_at_once() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory / "data", durable=False) as server:
            names = [f"one_{number}" for number in range(4)]
            for name in names:
                await as_owner(server.dsn, f"CREATE DATABASE {identifier(name)}")
            # The role ccp_app is the whole server's, and is made by whoever comes first.
            applied = await asyncio.gather(*(migrate(server.dsn_for(database=name)) for name in names))
            assert applied == [ALL] * 4


async def test_an_edited_step_is_refused_by_name(empty: str, steps: Path) -> None:
    await migrate(empty)
    edited = steps / f"{ALL[1]}.sql"
    edited.write_text(edited.read_text() + "\n-- changed my mind\n")
    with pytest.raises(MigrationError, match=f"{ALL[1]} was edited"):
        await migrate(empty, directory=steps)


async def test_other_line_ends_are_no_edit(empty: str, steps: Path) -> None:
    await migrate(empty)
    for name in ALL:
        file = steps / f"{name}.sql"
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert await migrate(empty, directory=steps) == []


async def test_a_database_of_a_newer_release_is_refused(empty: str, steps: Path) -> None:
    (steps / f"{len(ALL) + 1:04}_later.sql").write_text("CREATE TABLE read.later ()")
    assert await migrate(empty, directory=steps) == [*ALL, f"{len(ALL) + 1:04}_later"]
    with pytest.raises(MigrationError, match="newer release"):
        await migrate(empty)


async def test_a_step_that_fails_leaves_nothing_of_itself_and_keeps_those_before_it(
    empty: str, steps: Path
) -> None:
    later = steps / f"{len(ALL) + 1:04}_later.sql"
    later.write_text("CREATE TABLE log.later (); SELECT nonsense;")
    with pytest.raises(MigrationError, match='_later: column "nonsense" does not exist'):
        await migrate(empty, directory=steps)
    assert await as_owner(empty, "SELECT 1 FROM pg_class WHERE relname = 'later'") == []
    assert await migrate(empty) == []
    later.write_text("CREATE TABLE log.later ()")
    assert await migrate(empty, directory=steps) == [later.stem]


async def test_numbers_with_a_gap_are_refused(empty: str, steps: Path) -> None:
    (steps / "0099_too_far.sql").write_text("SELECT 1")
    with pytest.raises(MigrationError, match="without gaps"):
        await migrate(empty, directory=steps)


async def test_events_survive_a_migration_untouched(empty: str, steps: Path) -> None:
    await migrate(empty)
    pool = await open_pool(empty)
    log = PostgresEventLog(pool)
    await log.append(note((uuid4(), 0)))
    before = await log.read_all(after=0, limit=10)
    (steps / f"{len(ALL) + 1:04}_later.sql").write_text("CREATE INDEX later ON log.event (topic)")
    await migrate(empty, directory=steps)
    assert await log.read_all(after=0, limit=10) == before
    await pool.close()


async def test_an_owner_who_is_no_superuser_can_migrate_and_the_application_can_connect_as_the_owner(
    postgres: SharedPostgres,
) -> None:
    owner, name = f"owner_{uuid4().hex}", f"test_{uuid4().hex}"
    admin = postgres.dsn_for(database="postgres")
    await as_owner(admin, f"CREATE ROLE {identifier(owner)} LOGIN")
    await as_owner(admin, f"CREATE DATABASE {identifier(name)} OWNER {identifier(owner)}")
    dsn = postgres.dsn_for(user=owner, database=name)
    try:
        # It cannot make itself a member of a role that somebody else made, and is told what to do.
        with pytest.raises(MigrationError, match="GRANT ccp_app"):
            await migrate(dsn)
        await as_owner(admin, f"GRANT ccp_app TO {identifier(owner)}")
        assert await migrate(dsn) == ALL
        pool = await open_pool(dsn)
        log = PostgresEventLog(pool)
        await log.append(note((uuid4(), 0)))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute("DELETE FROM log.event")
        await pool.close()
        with pytest.raises(asyncpg.RestrictViolationError):
            await as_owner(dsn, "DELETE FROM log.event")
    finally:
        postgres.drop_database(name)
        await as_owner(admin, f"DROP ROLE {identifier(owner)}")


async def test_an_owner_who_may_create_roles_needs_no_administrator() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory / "data", durable=False) as server:
            await as_owner(server.dsn, "CREATE ROLE owner LOGIN CREATEROLE")
            await as_owner(server.dsn, "CREATE DATABASE product OWNER owner")
            dsn = server.dsn_for(user="owner", database="product")
            assert await migrate(dsn) == ALL
            pool = await open_pool(dsn)
            assert (await PostgresEventLog(pool).append(note((uuid4(), 0)))).position == 1
            await pool.close()
