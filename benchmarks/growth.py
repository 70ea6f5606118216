"""Whether the product gets slower as the years go by: the same questions with 1,000, 10,000 and 100,000 cases in the log.

As many cases are under way each time (40 key workers with 10 each); what grows is the past. The limit is the product
itself with the fewest cases: beside each figure stands how it compares with that.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from benchmarks import scratch
from benchmarks.history import History, Loaded, now
from benchmarks.plot import plot
from benchmarks.scratch import line, median, percentile, postgres
from domain.case.wishes import WorkerPreferenceRecorded
from domain.messages import CaseId, Envelope, PersonId
from domain.ports import ANY_VERSION, Append, NewEvent, StreamChange
from projections import CaseFilter, ProjectionRunner, ReadModels, status
from tests.support.scenario import COORDINATOR

SIZES = (1_000, 10_000, 100_000)
ASKED, WARM = 200, 20
SAY_SECONDS = 10
FIGURES = {
    "append_ms": ("append", "one event appended to a case, median, ms"),
    "caseload_ms": ("caseload", "the caseload of all key workers, median, ms"),
    "search_ms": ("search", "a case found by its person's name, median, ms"),
    "kib_per_case": ("disk", "log and read models on disk, KiB a case"),
}


async def run() -> dict:
    async with postgres() as dsn, contextlib.AsyncExitStack() as stack:
        grown = [await stack.enter_async_context(_grown(dsn, size)) for size in SIZES]
        took: dict[str, list[list[float]]] = {figure: [[] for _ in grown] for figure in QUESTIONS}
        print(f"asking {ASKED} times", flush=True)
        # In turns, so that whatever else the machine does hits all alike, and in any order, because whoever is asked
        # first finds everything cold; the first rounds are not counted.
        chance = random.Random(3)
        for turn in range(ASKED + WARM):
            for figure, ask in QUESTIONS.items():
                for place, one in chance.sample(list(enumerate(grown)), k=len(grown)):
                    milliseconds = await _milliseconds(ask(one))
                    if turn >= WARM:
                        took[figure][place].append(milliseconds)
    results = [
        {"cases": one.loaded.cases, "events": one.loaded.events, "kib_per_case": one.kib_per_case}
        | {f"{figure}_ms": median(took[figure][place]) for figure in QUESTIONS}
        | {f"{figure}_95_ms": percentile(took[figure][place], 95) for figure in QUESTIONS}
        for place, one in enumerate(grown)
    ]
    for figure, (_, what) in FIGURES.items():
        for result in results:
            beside = f"{result[figure] / results[0][figure]:.2f} x the fewest cases"
            line(f"{result['cases']:,} cases: {what}", f"{result[figure]:.2f}", beside)
    files = [_plot(figure, results) for figure in FIGURES]
    print("plots:", *files, flush=True)
    return {"sizes": results, "plots": [str(file) for file in files]}


@dataclass(frozen=True)
class Grown:
    """A database with so many cases."""

    loaded: Loaded
    pool: Pool
    log: PostgresEventLog
    models: ReadModels
    kib_per_case: float
    chance: random.Random


@contextlib.asynccontextmanager
async def _grown(server: str, size: int) -> AsyncIterator[Grown]:
    await _as_owner(server, f"CREATE DATABASE grown_{size}")
    dsn = urlsplit(server)._replace(path=f"/grown_{size}").geturl()
    await migrate(dsn)
    empty = await _bytes(dsn)
    began = time.perf_counter()
    print(f"{size:,} cases:", flush=True)
    loaded = await History(dsn).grow_to(size, progressed=_Progress("cases written", size))
    wrote = time.perf_counter()
    pool = await open_pool(dsn, max_size=4)
    try:
        log = PostgresEventLog(pool)
        await _caught_up(pool, log, _Progress("events in the read models", loaded.events))
        caught_up = time.perf_counter()
        # As the server would do by itself after a while.
        await _as_owner(dsn, "VACUUM ANALYZE")
        line(
            f"{loaded.cases:,} cases made",
            f"{loaded.events:,} events",
            f"in {wrote - began:.0f} s, read models in {caught_up - wrote:.0f} s",
        )
        kib = (await _bytes(dsn) - empty) / 1024 / loaded.cases
        yield Grown(loaded, pool, log, ReadModels(pool), kib, random.Random(size))
    finally:
        await pool.close()


async def _caught_up(pool: Pool, log: PostgresEventLog, progress: "_Progress") -> None:
    catching_up = asyncio.create_task(ProjectionRunner(pool, log).catch_up())
    while not catching_up.done():
        await asyncio.wait([catching_up], timeout=1)
        progress(min((one.position for one in await status(pool, log, now=now())), default=0))
    await catching_up


class _Progress:
    """A line now and then, so that whoever waits sees that it goes on."""

    def __init__(self, what: str, of: int) -> None:
        self._what, self._of = what, of
        self._next = time.perf_counter() + SAY_SECONDS

    def __call__(self, done: int) -> None:
        if time.perf_counter() > self._next:
            self._next += SAY_SECONDS
            print(f"  {done:,} of {self._of:,} {self._what}", flush=True)


async def _search(grown: Grown) -> None:
    found = await grown.models.cases(CaseFilter(text=grown.chance.choice(grown.loaded.names)))
    assert found.rows


async def _caseload(grown: Grown) -> None:
    assert len(await grown.models.caseload()) == History.WORKERS


async def _add(grown: Grown) -> None:
    await _append(grown.log, grown.chance.choice(grown.loaded.case_ids))


QUESTIONS = {"append": _add, "caseload": _caseload, "search": _search}


async def _milliseconds(work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def _append(log: PostgresEventLog, case_id: UUID) -> None:
    command_id, at = uuid4(), now()
    event = WorkerPreferenceRecorded(
        case_id=CaseId(case_id), person_id=PersonId(case_id), wants_gender="female"
    )
    envelope = Envelope(
        event_id=uuid4(),
        command_id=command_id,
        command="story",
        recorded_at=at,
        effective_at=at,
        actor=COORDINATOR,
        correlation_id=command_id,
    )
    change = StreamChange(case_id, ANY_VERSION, (NewEvent(event, envelope),))
    await log.append(Append(command_id=command_id, command="story", changes=(change,)))


async def _bytes(dsn: str) -> int:
    return await _as_owner(dsn, "SELECT pg_database_size(current_database())")


async def _as_owner(dsn: str, sql: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def _plot(figure: str, results: list[dict]) -> Path:
    name, up = FIGURES[figure]
    file = scratch.results_directory() / f"growth-{name}.svg"
    points = [(result["cases"], result[figure]) for result in results]
    plot(file, title=name, along="cases in the log", up=up, points=points)
    return file
