"""Streams that a read model cannot apply: they are left out with the reason, the rest goes on, and after a fix they follow.

An event that cannot be read, or that makes a row the database refuses, is poison; a database that is away is not, and
neither is a table that is missing. A reason never quotes a value.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from asyncpg import Pool

from projections.batch import Batch, Memory, SourceAway, StreamUnfit
from projections.builds import AnyConnection, Build, Projection
from projections.source import Source
from projections.sql import Queries, Target
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
_OURS: Final = Path(__file__).parents[1]
_log = structlog.get_logger(__name__)

# The server refused a value of the rows, not the statement.
_REFUSED_VALUES: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
# Neither the events nor the statement: the same again, later, may succeed.
_AWAY: Final = (
    SourceAway,
    OSError,
    TimeoutError,
    MemoryError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A stream that one build leaves out from a position on."""

    projection: str
    build: int
    version: int
    stream_id: UUID
    first_position: int
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a stream was left out, found out just now."""

    first_position: int
    reason: str


def is_away(error: Exception) -> bool:
    """Whether the database or the machine is at fault, for now."""
    if isinstance(error, asyncpg.InterfaceError):
        # The driver also says so of a value that fits no column, which is a ValueError then.
        return not isinstance(error, ValueError)
    return isinstance(error, _AWAY) or bool(getattr(error, "retryable", False))


def is_poison(error: Exception) -> bool:
    """Whether the events are at fault, and not the database, the machine, or a statement of ours."""
    if is_away(error):
        return False
    return not isinstance(error, asyncpg.PostgresError) or isinstance(error, _REFUSED_VALUES)


async def sift(
    tables: Tables, connection: AnyConnection, projection: Projection, batch: Batch
) -> dict[UUID, Unfit]:
    """Apply a batch without the streams that cannot be applied; say which these are, and why.

    Half by half: what is sound is applied a few times in vain, which happens as rarely as poison comes.
    """
    if not batch.told:
        return {}
    streams = list(batch.streams)
    found: dict[UUID, Unfit] = {}
    try:
        async with connection.transaction():
            await projection.apply(tables, batch)
    except Exception as error:
        if not is_poison(error):
            raise
        at_fault = (
            error.stream_id if isinstance(error, StreamUnfit) else streams[0] if len(streams) == 1 else None
        )
        if at_fault is not None:
            found[at_fault] = Unfit(batch.streams[at_fault][0].position, reason_of(error))
            streams.remove(at_fault)
        middle = (len(streams) + 1) // 2
        for half in (streams[:middle], streams[middle:]):
            found |= await sift(tables, connection, projection, batch.only(frozenset(half)))
    return found


async def park(connection: AnyConnection, build: Build, unfit: Mapping[UUID, Unfit]) -> None:
    """Leave these streams out of a build until somebody retries them."""
    for stream_id, one in unfit.items():
        _log.error(
            "projection.stream_parked",
            projection=build.name,
            build=build.build,
            stream_id=str(stream_id),
            position=one.first_position,
            reason=one.reason,
        )
    await connection.execute(
        SQL["park"],
        build.name,
        build.build,
        build.version,
        list(unfit),
        [one.first_position for one in unfit.values()],
        [one.reason for one in unfit.values()],
    )


async def left_out(connection: AnyConnection, build: Build) -> Mapping[UUID, int]:
    """The streams that a build leaves out, each with the position from which on."""
    rows = await connection.fetch(SQL["of_build"], build.name, build.build)
    return {row["stream_id"]: row["first_position"] for row in rows}


async def letters(pool: Pool, name: str | None = None, stream_id: UUID | None = None) -> list[Letter]:
    """What is parked, the longest parked first."""
    return [Letter(**row) for row in await pool.fetch(SQL["all"], name, stream_id)]


async def retry(
    pool: Pool, source: Source, projection: Projection, stream_id: UUID | None = None
) -> list[tuple[Letter, str | None]]:
    """Apply what was parked of a read model, or one stream of it, from its beginning to where the build is.

    Answers every letter with the reason why its stream is still left out, or None where it has followed.
    """
    memory = Memory(source)
    outcomes: list[tuple[Letter, str | None]] = []
    for letter in await letters(pool, projection.NAME, stream_id):
        if letter.version == projection.VERSION:
            async with pool.acquire() as connection, connection.transaction():
                outcomes.append((letter, await _retry(connection, source, memory, projection, letter)))
    return outcomes


async def _retry(
    connection: AnyConnection, source: Source, memory: Memory, projection: Projection, letter: Letter
) -> str | None:
    position = await connection.fetchval(SQL["hold"], letter.projection, letter.build)
    if position is None:
        return None
    told = [
        one
        for one in await source.read_streams([letter.stream_id], up_to_position=position)
        if one.topic in projection.HEARS
    ]
    tables = Tables(connection, projection.QUERIES, Target.of(letter.version, letter.build))
    whose = (letter.projection, letter.build, letter.stream_id)
    try:
        async with connection.transaction():
            await tables.forget([letter.stream_id])
            if told:
                await projection.apply(tables, Batch(told, memory))
    except Exception as error:
        if not is_poison(error):
            raise
        reason = reason_of(error)
        await connection.execute(SQL["give_reason"], *whose, reason)
        return reason
    await connection.execute(SQL["release"], *whose)
    return None


def reason_of(error: BaseException) -> str:
    """What went wrong and where, in words of ours: those of the error may quote a value."""
    if isinstance(error, StreamUnfit):
        error = error.cause
    words = [type(error).__name__]
    words += [
        str(told) for name in ("sqlstate", "constraint_name", "code") if (told := getattr(error, name, None))
    ]
    words += _about(getattr(error, "data", None))
    place = _place(traceback.extract_tb(error.__traceback__))
    return " ".join([*words, place]) if place else " ".join(words)


def _about(data: object) -> list[str]:
    """The topic, position and fields that an error of the log names: they are safe by its own rule."""
    if not isinstance(data, Mapping):
        return []
    return [f"{name}={data[name]}" for name in ("topic", "position", "fields") if name in data]


def _place(frames: Sequence[traceback.FrameSummary]) -> str:
    """The innermost line of ours."""
    for frame in reversed(frames):
        file = Path(frame.filename)
        if file.is_relative_to(_OURS) and file.relative_to(_OURS).parts[0] in ("projections", "domain"):
            return f"in {file.relative_to(_OURS)}:{frame.lineno}"
    return ""
