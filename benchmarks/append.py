"""Appending commands of one event at 1, 8 and 32 callers: ours, the library's recorder, and what PostgreSQL allows.

The limits are one row per transaction by asyncpg, without any lock, order or check (a log with holes that readers miss
events of), and COPY. All write rows of the same columns with the same indexes to the same server, fsync on.
"""

import asyncio
import itertools
import uuid

import asyncpg

from adapters.postgres.codec import Codec
from adapters.postgres.event_log import PostgresEventLog
from benchmarks.peers import (
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

CALLERS = (1, 8, 32)
ROUNDS = 5
SECONDS = 1.0
COPIED = 20_000

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

        async def ours() -> None:
            case_id = CaseId(uuid.uuid4())
            await log.append(command(case_id, contact(case_id)))

        async def raw() -> None:
            await owner.execute(INSERT, *_row())

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
                    figures[f"ours/{callers}"] = await per_second(ours, callers, SECONDS)
                    figures[f"library/{callers}"] = await per_second_in_threads(
                        theirs.open_case, callers, SECONDS
                    )
                    figures[f"raw/{callers}"] = await per_second(raw, callers, SECONDS)
                figures["copy"] = await copy()
                if number:  # the first warms up
                    rounds.append(figures)
        await owner.close()
    return _told(medians(rounds))


def _row() -> tuple:
    """A row as ours would be, encoded by the same codec."""
    case_id = CaseId(uuid.uuid4())
    append = command(case_id, contact(case_id))
    stored = Codec().encode(case_id, append.changes[0].events[0])
    return case_id, 1, stored.topic, stored.state, stored.event_id, append.command_id, stored.metadata


def _told(figures: dict[str, float]) -> dict:
    for callers in CALLERS:
        ours, theirs, raw = (figures[f"{who}/{callers}"] for who in ("ours", "library", "raw"))
        line(f"append, {callers} callers: ours", f"{ours:,.0f}/s", f"{ours / theirs:.1f} × the library")
        line(f"append, {callers} callers: eventsourcing", f"{theirs:,.0f}/s")
        line(f"append, {callers} callers: raw, one row per transaction", f"{raw:,.0f}/s")
    best = max(figures[f"raw/{callers}"] for callers in CALLERS)
    most = figures["ours/32"]
    line("COPY", f"{figures['copy']:,.0f}/s", f"ours at 32 callers is {most / figures['copy']:.2f} of it")
    ratios = {
        "library_at_32": most / figures["library/32"],
        "library_at_1": figures["ours/1"] / figures["library/1"],
        "raw_at_best": most / best,
    }
    line("ours at 32 callers against the library", f"{ratios['library_at_32']:.1f} ×", "≥ 15 ×")
    line("ours at 1 caller against the library", f"{ratios['library_at_1']:.2f} ×", "≥ 1.5 ×")
    line("ours at 32 callers against raw at its best", f"{ratios['raw_at_best']:.2f} ×", "≥ 0.7 ×")
    return {"commands_a_second": figures, "ratios": ratios}
