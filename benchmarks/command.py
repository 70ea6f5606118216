"""One whole command on a case of 100 events: load, decide, encode, append; in this process, and over HTTP.

Beside it the library does the same on its own recorder (its repository loads the aggregate, a method is called, it is
saved), and the limits are one durable commit of a row, and the HTTP server answering a question that reads nothing. Who
takes turns on the same server; every round each side carries out one command on each of its cases.
"""

import asyncio
import contextlib
import itertools
import os
import re
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from adapters.bootstrap import SystemClock
from adapters.postgres.event_log import PostgresEventLog
from benchmarks.peers import durable_server, library, medians
from benchmarks.scratch import line
from domain.application import Application, Request
from domain.case.support import OutcomeProgressed, UpdateOutcome
from domain.messages import Actor, CaseEvent, CaseId
from domain.rules import load_rules
from projections.runner import prepare
from tests.support.scenario import CaseStory, WorkerStory, a_case, a_worker
from tests.workflows.world import write

EVENTS = 100
CASES = 100
ROUNDS = 5
CALLERS = (1, 32)
CCP = Path(sys.executable).with_name("ccp")
TABLE = """
CREATE SCHEMA bench;
CREATE TABLE bench.event (LIKE log.event INCLUDING ALL);
CREATE SEQUENCE bench.position;
"""
COMMIT = """
INSERT INTO bench.event
SELECT gen_random_uuid(), 1, 'OutcomeProgressed', $1, nextval('bench.position'), gen_random_uuid(), gen_random_uuid(), '{}'
"""
STATE = b"{" + b" " * 250 + b"}"


@dataclass(frozen=True)
class Mine:
    """A case with its key worker, who writes down how far the person is."""

    case: CaseStory
    worker: WorkerStory

    @property
    def command(self) -> UpdateOutcome:
        return UpdateOutcome(
            case_id=CaseId(self.case.case_id), outcome_id=self.case.outcome_id(), progress="most"
        )

    @property
    def actor(self) -> Actor:
        return self.worker.actor

    @property
    def headers(self) -> dict[str, str]:
        who = self.actor
        return {"Ccp-Person": who.person, "Ccp-Role": who.role, "Ccp-Agency": who.agency}


async def run() -> dict:
    async with durable_server() as server, contextlib.AsyncExitStack() as stack:
        await prepare(server.pool)
        log = PostgresEventLog(server.pool)
        application = Application(log=log, identities=log, pool=log, clock=SystemClock(), rules=load_rules())
        ours = [await _a_case(log) for _ in range(CASES)]
        by_http = [await _a_case(log) for _ in range(CASES)]
        theirs = stack.enter_context(library(server.dsn))
        ids = [theirs.a_case(EVENTS) for _ in range(CASES)]
        owner = await asyncpg.create_pool(server.dsn, min_size=max(CALLERS), max_size=max(CALLERS))
        stack.push_async_callback(owner.close)
        await owner.execute(TABLE)
        url = await stack.enter_async_context(_serving(server.dsn))

        async def command(one: Mine) -> None:
            await application.execute(Request(one.command, one.actor, uuid.uuid4()))

        async def commit(_: Mine) -> None:
            await owner.execute(COMMIT, STATE)

        def of_the_library(case_id: uuid.UUID) -> None:
            case = theirs.repository.get(case_id)
            case.record(2)  # one event more
            theirs.save(case)

        rounds = []
        for number in range(ROUNDS + 1):
            figures = {}
            for callers in CALLERS:
                figures |= {
                    f"ours/{callers}": await _in_tasks(command, ours, callers),
                    f"library/{callers}": await _in_threads(of_the_library, ids, callers),
                    f"commit/{callers}": await _in_tasks(commit, ours, callers),
                    f"http/{callers}": await _over_http(
                        url, f"POST /commands/{UpdateOutcome.NAME}", by_http, callers
                    ),
                    f"http alone/{callers}": await _over_http(url, "GET /health", ours, callers),
                }
            if number:  # the first warms up
                rounds.append(figures)
    return _told(rounds)


class Line:
    """One connection that is kept open; as little as HTTP needs, so that it is the server that is measured."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> "Line":
        where = urlsplit(url)
        return cls(*await asyncio.open_connection(where.hostname, where.port))

    async def ask(self, what: str, headers: dict[str, str], body: bytes) -> None:
        """Send a question and take the answer, which must be one of success."""
        told = {
            "Host": "127.0.0.1",
            **headers,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self._writer.write(f"{what} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 20"), answer
        (length,) = re.findall(rb"(?i)\r\ncontent-length: (\d+)", answer)
        await self._reader.readexactly(int(length))

    def close(self) -> None:
        self._writer.close()


async def _over_http(url: str, what: str, cases: Sequence[Mine], callers: int) -> float:
    """How many a second over HTTP; each caller has a connection, opened before and not counted."""
    lines = [await Line.to(url) for _ in range(callers)]

    async def ask(one: Mine) -> None:
        free = lines.pop()
        headers = {**one.headers, "Idempotency-Key": str(uuid.uuid4())}
        await free.ask(what, headers, one.command.model_dump_json().encode())
        lines.append(free)

    try:
        return await _in_tasks(ask, cases, callers)
    finally:
        for one in lines:
            one.close()


async def _a_case(log: PostgresEventLog) -> Mine:
    name = f"case-{uuid.uuid4()}"
    worker = a_worker(name)
    case = a_case(name).active(worker).with_outcome()
    known = sum(isinstance(fact, CaseEvent) for fact in case.facts)
    step = OutcomeProgressed(**case.ids, outcome_id=case.outcome_id(), progress="some")
    now = datetime.now(UTC)
    await write(log, case.facts, at=now)
    await write(log, itertools.repeat(step, EVENTS - known), at=now)
    return Mine(case, worker)


@contextlib.asynccontextmanager
async def _serving(dsn: str) -> AsyncIterator[str]:
    """The product's HTTP API in a process of its own, as `ccp serve` runs it."""
    settings = {"DATABASE_URL": dsn, "TEMPORAL_ADDRESS": "127.0.0.1:1", "CCP_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        CCP,
        "serve",
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        said = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        yield next(word for word in said.split() if word.startswith("http")).rstrip(".")
    finally:
        process.terminate()
        await process.wait()


async def _in_tasks(once: Callable[[Mine], Awaitable[None]], cases: Sequence[Mine], callers: int) -> float:
    """How many a second, when so many callers take one case after the other."""
    left = iter(cases)

    async def one() -> None:
        for case in left:
            await once(case)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(callers)))
    return len(cases) / (time.perf_counter() - began)


async def _in_threads(once: Callable[[uuid.UUID], None], cases: Sequence[uuid.UUID], callers: int) -> float:
    """The same with threads, for those who block."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(callers) as threads:
        await asyncio.gather(*(loop.run_in_executor(threads, time.sleep, 0.001) for _ in range(callers)))
        began = time.perf_counter()
        await asyncio.gather(*(loop.run_in_executor(threads, once, case) for case in cases))
        return len(cases) / (time.perf_counter() - began)


def _told(rounds: Sequence[dict[str, float]]) -> dict:
    figures = medians(list(rounds))
    ratios = {}
    for callers in CALLERS:
        who = "1 caller" if callers == 1 else f"{callers} callers"

        def ratio(to: str, of: str = "ours", callers: int = callers) -> float:
            return statistics.median(one[f"{of}/{callers}"] / one[f"{to}/{callers}"] for one in rounds)

        ratios[str(callers)] = {
            "ours_to_library": ratio("library"),
            "ours_to_commit": ratio("commit"),
            "http_to_http_alone": ratio("http alone", "http"),
            "http_to_ours": ratio("ours", "http"),
        }
        of_which = ratios[str(callers)]
        for name, what, beside in (
            ("ours", "ours", f"{of_which['ours_to_library']:.2f} x the library"),
            ("library", "eventsourcing", ""),
            ("commit", "limit: one durable commit", f"ours is {of_which['ours_to_commit']:.2f} of it"),
            ("http", "ours over HTTP", f"{of_which['http_to_ours']:.2f} x without HTTP"),
            ("http alone", "limit: HTTP answering at once", f"{of_which['http_to_http_alone']:.2f} of it"),
        ):
            figure = figures[f"{name}/{callers}"]
            each = f"{1000 * callers / figure:.1f} ms each"
            line(
                f"command on {EVENTS} events, {who}: {what}",
                f"{figure:,.0f}/s",
                f"{each}; {beside}".rstrip("; "),
            )
    return {"commands_a_second": figures, "ratios": ratios, "rounds": list(rounds)}
