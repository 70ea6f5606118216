"""From the log to the workflows: how many signals a second, and how soon after the commit a workflow has reacted.

The limit beside it is a bare Temporal client that starts and signals the same workflows with the same messages, already
made, on the same server, in rounds that take turns with ours. Both have the same one worker, in a process of its own.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from asyncpg import Pool
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from adapters.bootstrap import SystemClock, until_told_to_stop
from adapters.loop import run_main
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from adapters.temporal.client import connect
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.reconcile import check, rebuild
from adapters.temporal.search_attributes import register
from adapters.temporal.worker import build_worker
from benchmarks.scratch import line, median, percentile, postgres, temporal
from domain.application import Application
from domain.case.wishes import WorkerPreferenceRecorded
from domain.messages import CaseEvent, Envelope, Event, Recorded
from domain.rules import load_rules
from tests.support.scenario import COORDINATOR, CaseStory, a_case
from tests.workflows.world import write
from workflows.consent import Consent
from workflows.contracts import CaseBrief, ProcessKind, workflow_id
from workflows.routing import route
from workflows.search_attributes import CASE_ID, CASE_STAGE, NEIGHBOURHOOD, PROGRAMME

CASES = 200
ROUNDS = 9
SINGLE = 60
LOST = 1_000
CONCURRENCY = 16
QUEUE = "bench"


async def run() -> dict:
    async with _stage() as (log, client, pool):
        result = await _telling(log, client, pool)
    async with _stage() as (log, client, pool):
        return result | {"rebuild": await _rebuilding(log, client, pool)}


@contextlib.asynccontextmanager
async def _stage() -> AsyncIterator[tuple[PostgresEventLog, Client, Pool]]:
    async with postgres() as dsn, temporal() as address, _worker(dsn, address):
        pool = await open_pool(dsn)
        try:
            client = await connect(address)
            await register(client)
            yield PostgresEventLog(pool), client, pool
        finally:
            await pool.close()
            # The SDK's threads abort a process that ends right after it used a client.
            await asyncio.sleep(0.05)


async def _rebuilding(log, client, pool) -> dict:
    """A Temporal server that lost everything gets back what a thousand open cases need."""
    lost = [_a_case("lost") for _ in range(LOST)]
    for some in range(0, LOST, 100):
        await write(
            log, [fact for case in lost[some : some + 100] for fact in case.facts], at=datetime.now(UTC)
        )
    began = time.perf_counter()
    found = await rebuild(pool=pool, log=log, client=client, task_queue=QUEUE, concurrency=CONCURRENCY)
    ours = time.perf_counter() - began
    assert found.repaired == {"started": LOST}, found.counts
    began = time.perf_counter()
    found = await check(pool=pool, log=log, client=client, concurrency=CONCURRENCY)
    checked = time.perf_counter() - began
    assert found.agrees, found.counts
    bare = await Bare(client, [_a_case("bare") for _ in range(LOST)]).round()
    line(
        f"rebuild of {LOST:,} workflows",
        f"{ours:.1f} s",
        f"bare client, starting as many: {bare:.1f} s; {bare / ours:.2f} x",
    )
    line(f"check of {LOST:,} workflows", f"{checked:.1f} s")
    return {"workflows": LOST, "ours_s": ours, "bare_s": bare, "ratio": bare / ours, "check_s": checked}


async def _telling(log, client, pool) -> dict:
    ours = [_a_case("ours") for _ in range(CASES)]
    # These are in another log, as it were: nobody else tells of them.
    bare = [_a_case("bare") for _ in range(CASES)]
    starts, signals = [], []
    async with _dispatching(log, client, pool) as dispatcher:
        told = Bare(client, bare)
        for number in range(ROUNDS + 1):
            facts = [fact for case in ours for fact in (case.facts if number == 0 else [_fact(case)])]
            mine = await _ours(log, dispatcher, facts)
            theirs = await told.round()
            (signals if number else starts).append((CASES / mine, CASES / theirs))
            await asyncio.sleep(0.5)  # the worker has heard it all
        latencies = [
            (await _one(log, client, ours[number]), await told.one(number)) for number in range(SINGLE)
        ]
    result = {"starts": _rates("starts a second", starts), "signals": _rates("signals a second", signals)}
    mine, theirs = ([pair[which] * 1000 for pair in latencies] for which in (0, 1))
    ratio = median([b / a for a, b in zip(mine, theirs, strict=True)])
    line("commit → reacted, median", f"{median(mine):.1f} ms", f"bare {median(theirs):.1f} ms; {ratio:.2f} x")
    line("commit → reacted, 95 %", f"{percentile(mine, 95):.1f} ms", f"bare {percentile(theirs, 95):.1f} ms")
    result["reacted_ms"] = {"ours": median(mine), "bare": median(theirs), "ratio": ratio}
    return result


def _rates(what: str, pairs: Sequence[tuple[float, float]]) -> dict:
    ours, bare = median([a for a, _ in pairs]), median([b for _, b in pairs])
    ratio = median([a / b for a, b in pairs])
    line(what, f"{ours:.0f}/s", f"bare {bare:.0f}/s; {ratio:.2f} x")
    return {"ours": ours, "bare": bare, "ratio": ratio, "rounds": [list(pair) for pair in pairs]}


def _a_case(whose: str) -> CaseStory:
    return a_case(f"{whose}-{uuid4()}").awaiting_consent(at=datetime.now(UTC))


def _fact(case: CaseStory) -> Event:
    return WorkerPreferenceRecorded(**case.ids, wants_gender="female")


async def _ours(log, dispatcher, facts) -> float:
    await write(log, facts, at=datetime.now(UTC))
    began = time.perf_counter()
    head = await log.head()
    while dispatcher.position < head:
        await asyncio.sleep(0.001)
    return time.perf_counter() - began


async def _one(log, client, case) -> float:
    await write(log, [_fact(case)], at=datetime.now(UTC))
    committed = time.time()
    return await _heard_at(client, case.case_id, await log.head()) - committed


async def _heard_at(client: Client, case_id: UUID, position: int) -> float:
    """When the workflow task ended in which a brief was taken up, by the server's clock, which is this machine's."""
    handle = client.get_workflow_handle(workflow_id(ProcessKind.CONSENT, case_id))
    await asyncio.sleep(0.1)  # looking earlier would slow down what is measured
    for _ in range(200):
        heard = False
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                payloads = event.workflow_execution_signaled_event_attributes.input.payloads
                [brief] = await client.data_converter.decode(payloads, [CaseBrief])
                heard = heard or brief.position >= position
            if heard and event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                return event.event_time.seconds + event.event_time.nanos / 1e9
        await asyncio.sleep(0.03)
    raise TimeoutError


class Bare:
    """A Temporal client that tells what it was given to tell, and knows no log."""

    def __init__(self, client: Client, cases: Sequence[CaseStory]) -> None:
        self._client = client
        self._cases = cases
        self._briefs = [_brief(case) for case in cases]
        self._begun = False
        self._turns = asyncio.Semaphore(CONCURRENCY)

    async def round(self) -> float:
        tell = self._signal if self._begun else self._start
        briefs = [self._next(number) for number in range(len(self._cases))]
        self._begun = True
        began = time.perf_counter()
        await asyncio.gather(*(tell(brief) for brief in briefs))
        return time.perf_counter() - began

    async def one(self, number: int) -> float:
        brief = self._next(number)
        since = time.time()
        await self._signal(brief)
        return await _heard_at(self._client, brief.case_id, brief.position) - since

    def _next(self, number: int) -> CaseBrief:
        last = self._briefs[number]
        self._briefs[number] = last.model_copy(update={"position": last.position + 1})
        return self._briefs[number]

    async def _start(self, brief: CaseBrief) -> None:
        async with self._turns:
            await self._client.start_workflow(
                Consent.run,
                brief,
                id=workflow_id(ProcessKind.CONSENT, brief.case_id),
                task_queue=QUEUE,
                search_attributes=TypedSearchAttributes(
                    [
                        SearchAttributePair(CASE_ID, str(brief.case_id)),
                        SearchAttributePair(PROGRAMME, brief.programme),
                        SearchAttributePair(CASE_STAGE, brief.stage.value),
                        SearchAttributePair(NEIGHBOURHOOD, str(brief.neighbourhood)),
                    ]
                ),
                static_summary=f"consent of case {brief.case_id}",
            )

    async def _signal(self, brief: CaseBrief) -> None:
        async with self._turns:
            handle = self._client.get_workflow_handle(workflow_id(ProcessKind.CONSENT, brief.case_id))
            await handle.signal(Consent.heard, brief)


def _brief(case: CaseStory) -> CaseBrief:
    now = datetime.now(UTC)
    recorded = []
    for fact in case.facts:
        if not isinstance(fact, CaseEvent):
            continue
        envelope = Envelope(
            event_id=uuid4(), command_id=uuid4(), command="story", recorded_at=now, effective_at=now,
            actor=COORDINATOR, correlation_id=uuid4(),
        )  # fmt: skip
        recorded.append(Recorded(len(recorded) + 1, case.case_id, len(recorded) + 1, fact, envelope))
    brief = route(recorded, after=0).brief
    return brief.model_copy(update={"heard": brief.heard[-1:]})


@contextlib.asynccontextmanager
async def _dispatching(log, client, pool) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(pool, log, client, task_queue=QUEUE, concurrency=CONCURRENCY)
    telling = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


@contextlib.asynccontextmanager
async def _worker(dsn: str, address: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.dispatch", dsn, address)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def _work(dsn: str, address: str) -> None:
    pool = await open_pool(dsn)
    log = PostgresEventLog(pool)
    application = Application(log=log, identities=log, pool=log, clock=SystemClock(), rules=load_rules())
    async with build_worker(await connect(address), application, task_queue=QUEUE):
        await until_told_to_stop()


if __name__ == "__main__":
    run_main(_work(*sys.argv[1:]))
