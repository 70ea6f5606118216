"""Loading a case to decide on: ours as a command does it, and the library's repository; and where the time goes.

Each side has the same facts, stored by its own codec, and folds them into a state of its own. The last lines are for
the decision about snapshots: how long a case takes to load by its number of events.
"""

import time
import uuid
from collections.abc import Awaitable, Callable

from adapters.postgres.event_log import PostgresEventLog
from benchmarks.peers import command, durable_server, facts, library, line, medians
from domain.application import Application
from domain.messages import CaseId
from domain.rules import load_rules

SIZES = (100, 1_000)
GROWTH = (10, 30, 100, 300, 1_000, 3_000)
ROUNDS = 7
SECONDS = 0.5


class NoClock:
    async def now(self):
        raise AssertionError("loading a case asks for no time")


async def run() -> dict:
    async with durable_server() as server:
        log = PostgresEventLog(server.pool)
        application = Application(log=log, identities=log, pool=log, clock=NoClock(), rules=load_rules())
        cases = {size: await _a_case(log, size) for size in sorted({*SIZES, *GROWTH})}
        with library(server.dsn) as theirs:
            ids = {size: theirs.a_case(size) for size in SIZES}
            rounds = []
            for number in range(ROUNDS + 1):
                figures = {}
                for size in SIZES:
                    figures[f"library/{size}"] = _a_second(lambda size=size: theirs.repository.get(ids[size]))
                    figures[f"ours/{size}"] = await _a_second_of(
                        lambda size=size: application.case(cases[size])
                    )
                if number:  # the first warms up
                    rounds.append(figures)
        figures = medians(rounds)
        growth = medians(
            [
                {
                    str(size): 1000 / await _a_second_of(lambda size=size: application.case(cases[size]))
                    for size in GROWTH
                }
                for _ in range(3)
            ]
        )
    ratios = {}
    for size in SIZES:
        ours, theirs_too = figures[f"ours/{size}"], figures[f"library/{size}"]
        ratios[str(size)] = ours / theirs_too
        line(f"loading a case of {size:,} events: ours", f"{ours:,.0f}/s", f"{1000 / ours:.2f} ms")
        line(
            f"loading a case of {size:,} events: eventsourcing",
            f"{theirs_too:,.0f}/s",
            f"{1000 / theirs_too:.2f} ms",
        )
        line(f"loading a case of {size:,} events, ratio", f"{ours / theirs_too:.2f} ×", "≥ 2.3 ×")
    for size, milliseconds in growth.items():
        line(f"loading a case of {int(size):,} events", f"{milliseconds:.2f} ms")
    return {"loads_a_second": figures, "ratios": ratios, "milliseconds_by_events": growth}


async def _a_case(log: PostgresEventLog, size: int) -> CaseId:
    case_id = CaseId(uuid.uuid4())
    events = facts(case_id, size)
    for first in range(0, size, 10):
        await log.append(command(case_id, *events[first : first + 10], at=first))
    return case_id


def _a_second(once: Callable[[], object]) -> float:
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        once()
        done += 1
    return done / (time.perf_counter() - began)


async def _a_second_of(once: Callable[[], Awaitable[object]]) -> float:
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        await once()
        done += 1
    return done / (time.perf_counter() - began)
