"""Bringing a database up to date: numbered SQL files, forward only, each applied once and never edited afterwards.

Run by the owner of the database, at any time and by any number of processes at once. Must not touch data: what is
in the log stays as it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from adapters.postgres.errors import LogUnavailable, MigrationError
from adapters.postgres.sql import named_queries

if TYPE_CHECKING:
    from asyncpg.connection import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_CONNECT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, known by its number, its name and the sum of its text."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(directory: Path = MIGRATIONS) -> list[Migration]:
    """Read all steps in order; their numbers run from 1 without gaps."""
    found = [
        # Read as text, so that a checkout that turned the line ends gives the same sum.
        Migration(int(file.stem.partition("_")[0]), file.stem, file.read_text(encoding="utf-8"))
        for file in sorted(directory.glob("*.sql"))
    ]
    if [step.number for step in found] != list(range(1, len(found) + 1)):
        raise MigrationError(cause=f"the numbers in {directory.name} do not run from 1 without gaps")
    return found


async def migrate(admin_dsn: str, *, directory: Path = MIGRATIONS) -> list[str]:
    """Apply what is missing, and answer the names of what was applied now.

    Raises: MigrationError when an applied step was edited, is unknown here, or fails; the steps before it stay.
    """
    wanted = migrations(directory)
    try:
        connection = await asyncpg.connect(
            admin_dsn, timeout=_CONNECT_SECONDS, server_settings={"application_name": "ccp-migrate"}
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
        raise LogUnavailable(cause=type(away).__name__) from None
    try:
        await connection.execute(_SQL["take_turn"])
        await _ensure_role(connection)
        await connection.execute(_SQL["ensure_record"])
        missing = await _missing(connection, wanted)
        for step in missing:
            await _apply(connection, step)
        return [step.name for step in missing]
    finally:
        await connection.close()


async def _ensure_role(connection: Connection) -> None:
    try:
        await connection.execute(_SQL["ensure_role"])
        if not await connection.fetchval(_SQL["may_act_as_app"]):
            await connection.execute(_SQL["join_role"])
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationError(
            cause="the role ccp_app is missing, or this login is no member of it, and may not change that; let an "
            "administrator do CREATE ROLE ccp_app NOLOGIN and GRANT ccp_app to this login"
        ) from None


async def _missing(connection: Connection, wanted: list[Migration]) -> list[Migration]:
    applied = await connection.fetch(_SQL["applied"])
    for row in applied:
        if row["number"] > len(wanted):
            raise MigrationError(cause=f"{row['name']} was applied by a newer release; use that one")
        step = wanted[row["number"] - 1]
        if (step.name, step.checksum) != (row["name"], row["checksum"]):
            raise MigrationError(
                cause=f"{step.name} was edited after it was applied here as {row['name']}; write a new one instead"
            )
    return wanted[len(applied) :]


async def _apply(connection: Connection, step: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(step.sql)
            await connection.execute(_SQL["record"], step.number, step.name, step.checksum)
    except asyncpg.PostgresError as refused:
        # The migrations hold no data, so the database's words about them are safe to show.
        raise MigrationError(cause=f"{step.name}: {refused.args[0]}") from refused
