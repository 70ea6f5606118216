"""Appending commands of one event at 1, 8 and 32 callers: ours, the library's recorder, and what PostgreSQL allows.

What is measured is the append: to encode an event and its envelope, to write them, to be answered. The event itself is
made before, for both. The limits are one row per transaction by asyncpg, encoded before, without any lock, order or
check (a log with holes that readers miss events of), and COPY. Ours and the limits write rows of the same columns with
the same indexes; all write to the same server, fsync on.
"""

import asyncio
import itertools
import uuid

import asyncpg

from adapters.postgres.codec import Codec
from adapters.postgres.event_log import PostgresEventLog
from benchmarks.peers import (
    LibraryCase,
    command,
    contact,
    durable_server,
    library,
    line,
    medians,
    per_second,
    per_second_in_threads,
)
from domain.messages import CaseId
from domain.ports import Append

CALLERS = (1, 8, 32)
ROUNDS = 7
COPIED = 20_000
# About a second's worth.
COMMANDS = {
    "ours": {1: 1_500, 8: 8_000, 32: 16_000},
    "library": {1: 1_000, 8: 1_200, 32: 1_000},
    "raw": {1: 1_500, 8: 5_000, 32: 5_000},
}

TABLE = """
CREATE SCHEMA bench;
CREATE TABLE bench.event (LIKE log.event INCLUDING ALL);
CREATE SEQUENCE bench.position;
"""
INSERT = "INSERT INTO bench.event VALUES ($1, $2, $3, $4, nextval('bench.position'), $5, $6, $7)"
COLUMNS = (
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "notification_id",
    "event_id",
    "command_id",
    "metadata",
)


async def run() -> dict:
    async with durable_server() as server:
        log = PostgresEventLog(server.pool)
        owner = await asyncpg.create_pool(server.dsn, min_size=max(CALLERS), max_size=max(CALLERS))
        await owner.execute(TABLE)
        positions = itertools.count(10**12)

        async def raw(row: tuple) -> None:
            await owner.execute(INSERT, *row)

        async def copy() -> float:
            rows = [(*row[:4], next(positions), *row[4:]) for row in (_row() for _ in range(COPIED))]
            began = asyncio.get_running_loop().time()
            async with owner.acquire() as connection:
                await connection.copy_records_to_table(
                    "event", schema_name="bench", columns=COLUMNS, records=rows
                )
            return COPIED / (asyncio.get_running_loop().time() - began)

        with library(server.dsn) as theirs:
            rounds = []
            for number in range(ROUNDS + 1):
                figures = {}
                for callers in CALLERS:
                    commands, cases, rows = (
                        [make() for _ in range(COMMANDS[who][callers])]
                        for who, make in (("ours", _command), ("library", LibraryCase.open), ("raw", _row))
                    )
                    figures[f"ours/{callers}"] = await per_second(log.append, commands, callers)
                    figures[f"library/{callers}"] = await per_second_in_threads(theirs.save, cases, callers)
                    figures[f"raw/{callers}"] = await per_second(raw, rows, callers)
                figures["copy"] = await copy()
                if number:  # the first warms up
                    rounds.append(figures)
        await owner.close()
    return _told(medians(rounds), medians([_ratios(figures) for figures in rounds]))


def _command() -> Append:
    case_id = CaseId(uuid.uuid4())
    return command(case_id, contact(case_id))


def _row() -> tuple:
    """A row as ours would be, encoded by the same codec."""
    append = _command()
    [change] = append.changes
    stored = Codec().encode(change.stream_id, change.events[0])
    return (
        change.stream_id,
        1,
        stored.topic,
        stored.state,
        stored.event_id,
        append.command_id,
        stored.metadata,
    )


def _ratios(figures: dict[str, float]) -> dict[str, float]:
    """Of one round, whose figures were measured within seconds of each other: a machine is not always as quick."""
    return {
        "library_at_32": figures["ours/32"] / figures["library/32"],
        "library_at_8": figures["ours/8"] / figures["library/8"],
        "library_at_1": figures["ours/1"] / figures["library/1"],
        "raw_at_best": figures["ours/32"] / max(figures[f"raw/{callers}"] for callers in CALLERS),
        "copy": figures["ours/32"] / figures["copy"],
    }


def _told(figures: dict[str, float], ratios: dict[str, float]) -> dict:
    for callers in CALLERS:
        ours, theirs, raw = (figures[f"{who}/{callers}"] for who in ("ours", "library", "raw"))
        against = f"{ratios[f'library_at_{callers}']:.1f} × the library"
        line(f"append, {callers} callers: ours", f"{ours:,.0f}/s", against)
        line(f"append, {callers} callers: eventsourcing", f"{theirs:,.0f}/s")
        line(f"append, {callers} callers: raw, one row per transaction", f"{raw:,.0f}/s")
    line("COPY", f"{figures['copy']:,.0f}/s", f"ours at 32 callers is {ratios['copy']:.2f} of it")
    line("ours at 32 callers against the library", f"{ratios['library_at_32']:.1f} ×", "≥ 15 ×")
    line("ours at 1 caller against the library", f"{ratios['library_at_1']:.2f} ×", "≥ 1.5 ×")
    line("ours at 32 callers against raw at its best", f"{ratios['raw_at_best']:.2f} ×", "≥ 0.7 ×")
    return {"commands_a_second": figures, "ratios": ratios}
