"""The dispatcher on a real server: it starts and ends processes, survives what stops it, and doubles nothing."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from temporalio.client import Client

from adapters.embedded import EmbeddedTemporal
from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import connect
from adapters.temporal.dispatcher import rebuild
from adapters.temporal.search_attributes import TYPES, register
from domain.case.action import ActionAcknowledged
from domain.rules import Rules
from tests.support.directories import reachable_directory
from tests.support.scenario import CaseStory, a_case
from tests.workflows.engine import Engine, eventually
from workflows.contracts import ProcessKind

K = ProcessKind


@pytest.fixture
async def client(temporal_address: str) -> Client:
    connected = await connect(temporal_address)
    await register(connected)
    return connected


@pytest.fixture
def engine(client: Client, pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> Engine:
    return Engine(client, pool, log, rules)


def a_new_case() -> CaseStory:
    """A case of this test alone: the server is shared, and workflow ids are made from case ids."""
    return a_case(f"case-{uuid4()}")


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_case_gets_the_process_of_its_stage_and_the_process_ends_with_the_stage(
    engine: Engine,
) -> None:
    case = a_new_case().submitted(at=now())
    async with engine.working(), engine.dispatching():
        await engine.given(case)
        await engine.comes_to(K.REFERRAL, case, "RUNNING")

        async def triage_began() -> bool:
            return "TriageStarted" in await engine.facts(case)

        await eventually(triage_began)
        case = case.awaiting_consent(at=now())
        await engine.given(case)
        await engine.comes_to(K.CONSENT, case, "RUNNING")
        await engine.comes_to(K.REFERRAL, case, "COMPLETED")


async def test_telling_everything_again_starts_no_stage_that_is_over_and_repeats_no_step(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    case = a_new_case().submitted(at=now())
    async with engine.working():
        async with engine.dispatching() as dispatcher:
            await engine.given(case)

            async def triage_began() -> bool:
                return "TriageStarted" in await engine.facts(case)

            await eventually(triage_began)
            await engine.given(case := case.awaiting_consent(at=now()))
            await engine.has_caught_up(dispatcher)
            await engine.comes_to(K.REFERRAL, case, "COMPLETED")
        facts = await engine.facts(case)
        await pool.execute("DELETE FROM dispatch.position")
        async with engine.dispatching() as dispatcher:
            await engine.has_caught_up(dispatcher)
            await engine.comes_to(K.REFERRAL, case, "COMPLETED")
            await engine.comes_to(K.CONSENT, case, "RUNNING")
        assert await engine.facts(case) == facts


async def test_a_process_whose_beginning_was_told_before_a_crash_hears_of_its_end_after_it(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    case = a_new_case().awaiting_consent(at=now())
    async with engine.working():
        async with engine.dispatching() as dispatcher:
            await engine.given(case)
            await engine.has_caught_up(dispatcher)
        # As if the crash had come after the telling and before the position was kept.
        await pool.execute("DELETE FROM dispatch.position")
        await engine.given(case := case.ready_for_forum(at=now()))
        async with engine.dispatching():
            await engine.comes_to(K.CONSENT, case, "COMPLETED")
            await engine.comes_to(K.FORUM_REVIEW, case, "RUNNING")


async def test_what_happens_while_the_dispatcher_is_away_is_told_when_it_is_back(engine: Engine) -> None:
    case = a_new_case().awaiting_consent(at=now())
    async with engine.working():
        async with engine.dispatching() as dispatcher:
            await engine.given(case)
            await engine.has_caught_up(dispatcher)
        await engine.given(case := case.ready_for_forum(at=now()))
        await engine.given(case := case.closed(at=now()))
        async with engine.dispatching():
            await engine.comes_to(K.CONSENT, case, "COMPLETED")
            await engine.comes_to(K.FORUM_REVIEW, case)


async def test_a_case_that_cannot_be_told_of_holds_up_nobody_and_is_not_forgotten(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    broken, sound = a_new_case().submitted(at=now()), a_new_case().awaiting_consent(at=now())
    nobody_set_this = ActionAcknowledged(**broken.ids, action_id=broken.action_id())
    await engine.given(broken := broken.then_also(nobody_set_this))
    await engine.given(sound)
    with capture_logs() as lines:
        async with engine.dispatching() as dispatcher:
            await engine.has_caught_up(dispatcher)
            await engine.comes_to(K.CONSENT, sound, "RUNNING")
            await engine.comes_to(K.REFERRAL, broken)
    assert {"event": "dispatch.case_not_told", "log_level": "error", "error": "KeyError"} | {
        "case_id": str(broken.case_id)
    } in lines
    assert await pool.fetchval("SELECT position FROM dispatch.position") == 0


async def test_of_two_dispatchers_one_works_and_the_other_takes_over(engine: Engine) -> None:
    async with engine.dispatching() as second:
        async with engine.dispatching() as first:
            await engine.given(a_new_case().awaiting_consent(at=now()))

            async def one_has_told() -> bool:
                return max(first.position, second.position) > 0

            await eventually(one_has_told)
            assert min(first.position, second.position) == 0
        await engine.given(a_new_case().awaiting_consent(at=now()))
        await engine.has_caught_up(second)


async def test_commands_go_on_without_temporal_and_the_processes_stand_right_when_it_is_back(
    pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules
) -> None:
    with reachable_directory() as directory:
        async with EmbeddedTemporal(directory / "data", search_attributes=TYPES) as server:
            await _goes_on_without_temporal(Engine(await connect(server.address), pool, log, rules), server)


async def _goes_on_without_temporal(engine: Engine, server: EmbeddedTemporal) -> None:
    before, meanwhile = a_new_case().awaiting_consent(at=now()), a_new_case().submitted(at=now())
    with capture_logs() as lines:
        async with engine.working(), engine.dispatching():
            await engine.given(before)
            await engine.comes_to(K.CONSENT, before, "RUNNING")
            await _kill(server)
            await engine.given(before := before.ready_for_forum(at=now()))
            await engine.given(meanwhile)

            async def noticed() -> bool:
                return any(line["event"] == "dispatch.temporal_unavailable" for line in lines)

            await eventually(noticed, seconds=60)
            await server.restart()
            await engine.comes_to(K.CONSENT, before, "COMPLETED")
            await engine.comes_to(K.FORUM_REVIEW, before, "RUNNING")
            await engine.comes_to(K.REFERRAL, meanwhile, "RUNNING")

            async def triage_began() -> bool:
                facts = await engine.facts(meanwhile)
                return facts == ["ReferralSubmitted", "ReferralAcknowledged", "TriageStarted"]

            await eventually(triage_began, seconds=60)
    assert {"dispatch.temporal_unavailable", "dispatch.temporal_back"} <= {line["event"] for line in lines}


async def _kill(server: EmbeddedTemporal) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server.wait_dead()


async def test_a_cluster_that_lost_everything_gets_back_what_open_cases_need(engine: Engine) -> None:
    open_case, closed_case = a_new_case().awaiting_consent(at=now()), a_new_case().closed(at=now())
    await engine.given(open_case)
    await engine.given(closed_case)
    assert await rebuild(log=engine.log, client=engine.client, task_queue=engine.task_queue) == 1
    async with engine.working():
        await engine.comes_to(K.CONSENT, open_case, "RUNNING")
        await engine.comes_to(K.REFERRAL, closed_case)
