"""A year with a thousand open cases in virtual time: how long histories get, what it takes of memory, and how long it lasts.

The real log, outbox and dispatcher in this process and real workers in their own, on a PostgreSQL of their own and Temporal's
time-skipping server; the read models catch up at the end of each month. Only time is virtual. People are scripted in
`benchmarks/staff.py`. Who closes is followed by somebody new, so that the number of open cases stays.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psutil

from adapters.bootstrap import open_product
from adapters.embedded import TimeSkippingTemporal
from adapters.outbox.post import Post
from adapters.product import Product
from adapters.settings import Settings
from adapters.temporal.dispatcher import Dispatcher
from adapters.temporal.herald import Herald
from adapters.temporal.virtual import VirtualTime
from benchmarks.scratch import directory, line, postgres
from benchmarks.staff import Staff
from benchmarks.year_worker import TASK_QUEUE, a_worker
from domain.ports import Notification
from domain.rules import load_rules
from projections.runner import ProjectionRunner
from projections.tasks import end
from tests.workflows.world import next_working_monday
from workflows.routing import route

CASES = 1_000
MONTHS = 12
TOGETHER = timedelta(hours=6)
"""What falls due within so much time is done together: a stop at every deadline of a thousand cases would take hours."""
CASES_PER_WORKER = 400
"""A case has two or three processes, and a worker remembers 1,000: what it has forgotten it would have to replay."""
MOST_ENTRIES = 5_000
"""No history may have more."""
MOST_MIB = 512
"""No worker may take more: as much as 1,000 processes with the longest histories take, and the program itself."""


@dataclass(frozen=True)
class Month:
    """How it stood at the end of a month."""

    number: int
    open_cases: int
    events: int
    processes_begun: int
    processes_open: int
    longest_history: int
    lost_by_the_server: int
    by_the_engine: int
    by_people: int
    worker_mib: float
    """Of the largest worker."""
    the_rest_mib: float
    """Dispatcher, post and read models, and what none of them is: virtual time, and the people with all their cases."""
    seconds: float


async def run(cases: int = CASES) -> dict:
    began = time.perf_counter()
    months: list[Month] = []
    async with _a_product(workers=cases // CASES_PER_WORKER + 1) as (product, virtual, workers):
        staff = Staff(product.log, product.application, product.rules, cases=cases)
        await virtual.advance_to(next_working_monday(virtual.now, product.rules))
        start = virtual.now
        await staff.begin(start)
        for number in range(1, MONTHS + 1):
            await _live(staff, virtual, until=start + timedelta(days=365 * number / MONTHS))
            await ProjectionRunner(product.pool, product.log).catch_up()
            months.append(_month(number, staff, virtual, workers, time.perf_counter() - began))
            _tell(months[-1])
    _tell_all(staff)
    longest = max(month.longest_history for month in months)
    most = max(month.worker_mib for month in months)
    line("most that a worker took at the end of a month", f"{most:,.0f} MiB", f"≤ {MOST_MIB} MiB")
    assert longest < MOST_ENTRIES, f"a history has {longest} entries"
    assert most < MOST_MIB, f"a worker took {most:,.0f} MiB"
    return {
        "cases": cases,
        "closed": staff.closed_cases,
        "seconds": time.perf_counter() - began,
        "longest_history": longest,
        "months": [asdict(month) for month in months],
        "by_the_engine": dict(staff.by_the_engine.most_common()),
        "by_people": dict(staff.done.most_common()),
        "refused": dict(staff.refused.most_common()),
    }


async def _live(staff: Staff, virtual: VirtualTime, *, until: datetime) -> None:
    while staff.next_instant < until:
        await virtual.advance_to(staff.next_instant)
        await staff.act(virtual.now)
        await virtual.settle()
    await virtual.advance_to(until)


class _Letterbox:
    """Takes what is delivered and keeps nothing, so that memory tells of the engine alone."""

    def __init__(self) -> None:
        self.delivered = 0

    async def deliver(self, notification: Notification) -> None:
        del notification
        self.delivered += 1


@contextlib.asynccontextmanager
async def _a_product(*, workers: int) -> AsyncIterator[tuple[Product, VirtualTime, list[psutil.Process]]]:
    async with contextlib.AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(postgres())
        server = await stack.enter_async_context(TimeSkippingTemporal(stack.enter_context(directory())))
        virtual = await VirtualTime.on(server.address)
        product = await stack.enter_async_context(
            open_product(Settings(), dsn=dsn, clock=virtual.clock, rules=load_rules())
        )
        working = [await stack.enter_async_context(a_worker(dsn, server.address)) for _ in range(workers)]
        await stack.enter_async_context(_an_engine(product, virtual))
        yield product, virtual, working


@contextlib.asynccontextmanager
async def _an_engine(product: Product, virtual: VirtualTime) -> AsyncIterator[None]:
    """All of it but the workers."""
    dispatcher = Dispatcher(product.pool, product.log, virtual.client, task_queue=TASK_QUEUE)
    post = Post(product.pool, product.log, _Letterbox())
    herald = Herald(virtual.client, task_queue=TASK_QUEUE)

    async def begin_anew(workflow_id: str) -> None:
        stream = await product.log.read_stream(UUID(workflow_id[-36:]))
        await herald.tell(route(stream, after=0))

    virtual.watch(dispatcher, product.log, post, together=TOGETHER, begin_anew=begin_anew)
    running = [asyncio.create_task(part.run()) for part in (dispatcher, post)]
    try:
        yield
    finally:
        await end(running)
        await virtual.end()


def _month(
    number: int, staff: Staff, virtual: VirtualTime, workers: list[psutil.Process], seconds: float
) -> Month:
    return Month(
        number=number,
        open_cases=staff.open_cases,
        events=staff.events,
        processes_begun=virtual.processes_begun,
        processes_open=virtual.processes_open,
        longest_history=virtual.longest_history,
        lost_by_the_server=virtual.lost,
        by_the_engine=staff.by_the_engine.total(),
        by_people=staff.done.total(),
        worker_mib=max(worker.memory_info().rss for worker in workers) / 2**20,
        the_rest_mib=psutil.Process().memory_info().rss / 2**20,
        seconds=seconds,
    )


def _tell(month: Month) -> None:
    line(
        f"month {month.number}: {month.open_cases:,} cases open, {month.events:,} events,"
        f" {month.processes_open:,} processes",
        f"{month.worker_mib:,.0f} MiB a worker",
        f"the rest {month.the_rest_mib:,.0f} MiB; longest history {month.longest_history:,}; {month.lost_by_the_server} lost by the server and begun anew;"
        f" {month.seconds:.0f} s",
    )


def _tell_all(staff: Staff) -> None:
    for what, counted in (("by the engine", staff.by_the_engine), ("by people", staff.done)):
        line(what, f"{counted.total():,}", ", ".join(f"{name} {n:,}" for name, n in counted.most_common(8)))
    line(
        "refused",
        f"{staff.refused.total():,}",
        ", ".join(f"{n} x {name}" for name, n in staff.refused.most_common(6)),
    )
