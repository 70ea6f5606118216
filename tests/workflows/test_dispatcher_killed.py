"""A dispatcher that is killed again and again while ten thousand facts happen: everybody hears everything, in order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import asyncpg
import pytest
from temporalio.client import Client

from adapters.embedded import EmbeddedTemporal
from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import connect
from adapters.temporal.reconcile import check
from adapters.temporal.search_attributes import TYPES
from domain.case.wishes import WorkerPreferenceRecorded
from domain.messages import Recorded
from domain.rules import Rules
from tests.support.directories import reachable_directory
from tests.support.scenario import CaseStory, a_case
from tests.workflows.dispatching import a_dispatcher
from tests.workflows.engine import Engine, eventually
from tests.workflows.world import write
from workflows.contracts import CaseBrief, ProcessKind, workflow_id

CASES = 20
FACTS_OF_EACH = 500
AT_A_TIME = 10
KILLS = 10
PATIENCE_SECONDS = 120
LONG_AGO = timedelta(days=20)
"""Long enough for triage to be overdue, so that processes have something to do and not only to hear."""


@pytest.mark.timeout(290)
async def test_everybody_hears_every_fact_in_order_and_no_step_is_taken_twice(
    database: str, pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules
) -> None:
    with reachable_directory() as directory:
        async with EmbeddedTemporal(directory / "data", search_attributes=TYPES) as server:
            engine = Engine(await connect(server.address), pool, log, rules)
            cases = [a_case(f"case-{uuid4()}") for _ in range(CASES)]
            async with engine.working():
                await _kill_while_it_happens(engine, database, server.address, cases)
                found = await check(pool=pool, log=log, client=engine.client)
            assert found.agrees, found
            assert await log.head() >= CASES * FACTS_OF_EACH
            for case in cases:
                facts = await log.read_stream(case.case_id)
                await _assert_everything_was_heard(engine.client, case, facts)
                _assert_nothing_was_done_twice(facts)


async def _kill_while_it_happens(engine: Engine, database: str, address: str, cases: list[CaseStory]) -> None:
    """Let it all happen; two dispatchers run, and the older one, which leads, is killed while it tells."""
    enough = asyncio.Event()
    happening = asyncio.create_task(_happen(engine, cases, enough))
    chance = random.Random(11)
    dispatchers = [a_dispatcher(database, address, engine.task_queue) for _ in range(2)]

    async def told() -> int:
        return await engine.pool.fetchval("SELECT max(position) FROM dispatch.position") or 0

    async def all_told() -> bool:
        return await told() >= await engine.log.head()

    try:
        for _ in range(KILLS):
            before = await told()

            async def somebody_tells(before: int = before) -> bool:
                assert not happening.done(), "facts go on until it was killed often enough"
                return await told() > before

            await eventually(somebody_tells, seconds=PATIENCE_SECONDS)
            await asyncio.sleep(chance.uniform(0, 0.5))
            dispatchers.pop(0).kill()
            dispatchers.append(a_dispatcher(database, address, engine.task_queue))
        enough.set()
        await happening
        # What the processes do now is told as well.
        await eventually(all_told, seconds=PATIENCE_SECONDS)
    finally:
        happening.cancel()
        for one in dispatchers:
            one.kill()


async def _happen(engine: Engine, cases: list[CaseStory], enough: asyncio.Event) -> None:
    """Ten thousand facts, and more until the dispatcher was killed often enough."""
    long_ago = datetime.now(UTC) - LONG_AGO
    for case in cases:
        await engine.given(case.submitted(at=long_ago))
    number = 0
    while number < FACTS_OF_EACH // AT_A_TIME or not enough.is_set():
        facts = [_fact(case) for _ in range(AT_A_TIME) for case in cases]
        await write(engine.log, facts, at=datetime.now(UTC))
        if number == FACTS_OF_EACH // AT_A_TIME // 2:
            confirmed = [case.awaiting_consent(at=datetime.now(UTC)).facts[-1] for case in cases]
            await write(engine.log, confirmed, at=datetime.now(UTC))
        number += 1
        await asyncio.sleep(0.2)


def _fact(case: CaseStory) -> WorkerPreferenceRecorded:
    return WorkerPreferenceRecorded(**case.ids, wants_gender="female")


async def _assert_everything_was_heard(client: Client, case: CaseStory, facts: list[Recorded]) -> None:
    places = {one.position: place for place, one in enumerate(facts)}
    reach: list[tuple[int, int]] = []
    for kind in (ProcessKind.REFERRAL, ProcessKind.CONSENT):
        first, last = len(facts), -1
        for brief in await _briefs(client, workflow_id(kind, case.case_id)):
            heard = [places[fact.position] for fact in brief.heard]
            assert heard == list(range(heard[0], heard[-1] + 1)), "a message leaves no fact out"
            assert last == -1 or heard[0] <= last + 1, "and none is left out between two"
            assert brief.position == facts[heard[-1]].position
            first, last = min(first, heard[0]), max(last, heard[-1])
        reach.append((first, last))
    assert reach[0][0] == 0
    assert reach[-1][1] == len(facts) - 1
    assert all(later[0] <= earlier[1] + 1 for earlier, later in pairwise(reach))


async def _briefs(client: Client, workflow: str) -> list[CaseBrief]:
    """Everything that a process was told, in order."""
    told = []
    async for event in client.get_workflow_handle(workflow).fetch_history_events():
        signal = event.workflow_execution_signaled_event_attributes
        if signal.signal_name == "heard":
            told += await client.data_converter.decode(signal.input.payloads, [CaseBrief])
    return told


def _assert_nothing_was_done_twice(facts: list[Recorded]) -> None:
    by_the_engine = [one for one in facts if one.envelope.actor.role == "system"]
    done = Counter(one.event.TOPIC for one in by_the_engine)
    assert done == {"ReferralAcknowledged": 1, "TriageStarted": 1, "TriageOverdue": 1}
    assert len({one.envelope.command_id for one in by_the_engine}) == len(by_the_engine)
