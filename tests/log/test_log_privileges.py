"""What nobody can do to the log: the application can append and read, and even the owner cannot change the past."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.errors import LogNotReady
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from tests.log.writing import as_owner, note, the_whole_log
from tests.support.servers import SharedPostgres
from tests.support.sql import identifier

INSERT = "INSERT INTO log.event VALUES (gen_random_uuid(), 1, 'TestNoted', '', 99, gen_random_uuid(), gen_random_uuid(), '{}')"
CHANGES = (
    "UPDATE log.event SET topic = 'TestOther'",
    "UPDATE log.event SET topic = topic WHERE false",
    "DELETE FROM log.event",
    "TRUNCATE log.event",
    "MERGE INTO log.event USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
)
FORBIDDEN = (
    INSERT,
    *CHANGES,
    "COPY log.event FROM STDIN",
    "SELECT * FROM log.event FOR UPDATE",
    "LOCK TABLE log.event IN EXCLUSIVE MODE",
    "LOCK TABLE log.turn IN EXCLUSIVE MODE",
    "LOCK TABLE log.turn IN ROW EXCLUSIVE MODE",
    "INSERT INTO log.identity_key VALUES ('nhs_number', '1', gen_random_uuid())",
    "UPDATE log.identity_key SET value = ''",
    "DELETE FROM log.identity_key",
    "TRUNCATE log.identity_key",
    "DROP TABLE log.event",
    "ALTER TABLE log.event DISABLE TRIGGER ALL",
    "DROP TRIGGER refuse_change ON log.event",
    "DROP FUNCTION log.append",
    "ALTER FUNCTION log.append RESET ALL",
    "CREATE TABLE log.other ()",
    "CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "ALTER SCHEMA log RENAME TO other",
    "SET session_replication_role = replica",
    "CREATE TABLE migration.applied ()",
    "SELECT * FROM migration.applied",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_the_application_can_do_nothing_to_the_log_but_append_and_read(
    pool: asyncpg.Pool, log: PostgresEventLog, statement: str
) -> None:
    await log.append(note((uuid4(), 0)))
    before = await the_whole_log(log)
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.execute(statement)
    assert await the_whole_log(log) == before


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize("statement", CHANGES)
async def test_even_the_owner_cannot_change_what_is_in_the_log(
    database: str, log: PostgresEventLog, statement: str, role: str
) -> None:
    await log.append(note((uuid4(), 0)))
    connection = await asyncpg.connect(database)
    await connection.execute("SELECT set_config('session_replication_role', $1, false)", role)
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(statement)
    await connection.close()
    assert await log.head() == 1


async def test_every_connection_of_a_pool_acts_as_the_application_also_after_it_was_given_back(
    pool: asyncpg.Pool,
) -> None:
    for statement in ("SELECT 1", "RESET ALL", "RESET ROLE", "RESET SESSION AUTHORIZATION"):
        async with pool.acquire() as connection:
            await connection.execute(statement)
            assert await connection.fetchval("SELECT current_user") == "ccp_app"
    assert await pool.fetchval("SHOW application_name") == "ccp"
    assert await pool.fetchval("SHOW statement_timeout") == "1min"


async def test_the_application_may_make_read_models_and_keep_the_dispatchers_position(
    pool: asyncpg.Pool,
) -> None:
    await pool.execute("CREATE TABLE read.caseload (case_id uuid PRIMARY KEY)")
    await pool.execute("DROP TABLE read.caseload")
    await pool.execute("INSERT INTO dispatch.position (name, position) VALUES ('main', 7)")
    await pool.execute("UPDATE dispatch.position SET position = 8")
    assert await pool.fetchval("SELECT position FROM dispatch.position WHERE name = 'main'") == 8
    await pool.execute("DELETE FROM dispatch.position")


@pytest.fixture
def login(postgres: SharedPostgres) -> Iterator[str]:
    """A login of this test's own; roles belong to the whole server."""
    name = f"login_{uuid4().hex}"
    postgres.as_superuser(f"CREATE ROLE {identifier(name)} LOGIN")
    yield name
    postgres.as_superuser(f"DROP ROLE {identifier(name)}")


async def test_a_login_that_is_only_a_member_of_the_application_role_can_use_the_log(
    postgres: SharedPostgres, database: str, login: str
) -> None:
    dsn = database.replace("postgres@", f"{login}@")
    with pytest.raises(LogNotReady, match="permission denied to set role"):
        await open_pool(dsn)

    postgres.as_superuser(f"GRANT ccp_app TO {identifier(login)}")
    pool = await open_pool(dsn)
    log = PostgresEventLog(pool)
    await log.append(note((uuid4(), 0)))
    assert await log.head() == 1
    # And it is no more than that: there is nobody else to become.
    async with pool.acquire() as connection:
        await connection.execute("SET ROLE NONE")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(INSERT)
    await pool.close()


async def test_a_login_that_is_no_member_can_neither_read_nor_append(database: str, login: str) -> None:
    dsn = database.replace("postgres@", f"{login}@")
    for statement in (
        "SELECT * FROM log.event",
        "SELECT log.append(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await as_owner(dsn, statement)


async def test_functions_that_act_as_the_owner_look_names_up_in_the_catalogue_first(database: str) -> None:
    functions = await as_owner(
        database,
        "SELECT proname, proconfig, prosecdef FROM pg_proc WHERE pronamespace = 'log'::regnamespace ORDER BY proname",
    )
    assert [(row["proname"], row["prosecdef"]) for row in functions] == [
        ("append", True),
        ("refuse_change", False),
    ]
    for row in functions:
        assert row["proconfig"][0] == "search_path=pg_catalog, pg_temp"


async def test_temporary_objects_of_the_caller_do_not_deceive_the_append(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    async with pool.acquire() as connection:
        await connection.execute("CREATE TEMP TABLE event AS SELECT * FROM log.event")
        await connection.execute("CREATE TEMP TABLE identity_key AS SELECT * FROM log.identity_key")
        await connection.execute(
            "CREATE FUNCTION pg_temp.cardinality(anyarray) RETURNS integer LANGUAGE sql AS 'SELECT 0'"
        )
        await connection.execute("SET search_path = pg_temp, log")
        assert (await PostgresEventLog(_only(connection)).append(note((uuid4(), 0)))).position == 1
    assert await log.head() == 1


class _only:  # noqa: N801 - reads as a word
    """A pool of the one connection at hand."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def is_closing(self) -> bool:
        return False

    def acquire(self, *, timeout: float) -> _only:
        return self

    async def __aenter__(self) -> object:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        return None


async def test_a_database_that_was_not_migrated_or_is_not_there_is_said_to_be_not_ready(
    postgres: SharedPostgres,
) -> None:
    with pytest.raises(LogNotReady, match="does not exist"):
        await open_pool(postgres.dsn_for(database="nowhere"))

    pool = await open_pool(postgres.dsn_for(database="postgres"))
    with pytest.raises(LogNotReady, match="run the migrations"):
        await PostgresEventLog(pool).append(note((uuid4(), 0)))
    with pytest.raises(LogNotReady, match="run the migrations"):
        await PostgresEventLog(pool).head()
    await pool.close()
