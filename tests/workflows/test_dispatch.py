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
from adapters.temporal.search_attributes import TYPES, register
from domain.case.action import ActionAcknowledged
from domain.case.allocation import WorkerPreferenceRecorded
from domain.rules import Rules
from tests.support.directories import reachable_directory
from tests.support.scenario import CaseStory, a_case
from tests.workflows.engine import Engine, eventually
from workflows.contracts import ProcessKind, workflow_id

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
    [aside] = await pool.fetch("SELECT case_id, after_position, reason FROM dispatch.untold")
    assert (aside["case_id"], aside["reason"]) == (broken.case_id, "KeyError")
    assert aside["after_position"] < await pool.fetchval("SELECT position FROM dispatch.position")


async def test_a_case_that_was_set_aside_is_told_of_as_soon_as_it_can_be(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    case = a_new_case().awaiting_consent(at=now())
    await engine.given(case)
    await pool.execute("INSERT INTO dispatch.position VALUES ('workflows', $1)", await engine.log.head())
    await pool.execute("INSERT INTO dispatch.untold VALUES ('workflows', $1, 0, 'KeyError')", case.case_id)
    async with engine.working(), engine.dispatching():
        await engine.comes_to(K.CONSENT, case, "RUNNING")

        async def none_is_aside() -> bool:
            return await pool.fetchval("SELECT count(*) FROM dispatch.untold") == 0

        await eventually(none_is_aside)


async def test_whoever_was_overtaken_saves_no_position_and_begins_where_the_other_is(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    before, after = a_new_case().awaiting_consent(at=now()), a_new_case().awaiting_consent(at=now())
    with capture_logs() as lines:
        async with engine.dispatching() as dispatcher:
            await engine.given(before)
            await engine.has_caught_up(dispatcher)

            async def is_saved() -> bool:
                return await pool.fetchval("SELECT position FROM dispatch.position") == dispatcher.position

            await eventually(is_saved)
            await pool.execute("UPDATE dispatch.position SET position = 1")

            async def noticed() -> bool:
                return any(line["event"] == "dispatch.overtaken" for line in lines)

            await eventually(noticed)
            await engine.given(after)
            await engine.has_caught_up(dispatcher)
            await eventually(is_saved)
            await engine.comes_to(K.CONSENT, after, "RUNNING")


async def test_facts_that_come_while_a_case_is_told_of_are_told_in_one_message(engine: Engine) -> None:
    case = a_new_case().awaiting_consent(at=now())
    async with engine.dispatching() as dispatcher:
        await engine.given(case)
        await engine.has_caught_up(dispatcher)
        many = [WorkerPreferenceRecorded(**case.ids, wants_gender="female") for _ in range(40)]
        await engine.given(case.then_also(*many))
        await engine.has_caught_up(dispatcher)
    handle = engine.client.get_workflow_handle(workflow_id(K.CONSENT, case.case_id))
    history = await handle.fetch_history()
    signals = [one for one in history.events if one.HasField("workflow_execution_signaled_event_attributes")]
    assert len(signals) == 2


async def test_after_a_long_absence_nothing_is_begun_that_is_long_over(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    case = a_new_case()
    await engine.given(case := case.awaiting_consent(at=now()))
    many = [WorkerPreferenceRecorded(**case.ids, wants_gender="female") for _ in range(600)]
    await engine.given(case := case.then_also(*many))
    await engine.given(case := case.ready_for_forum(at=now()))
    async with engine.dispatching() as dispatcher:
        await engine.has_caught_up(dispatcher)
        await engine.comes_to(K.FORUM_REVIEW, case, "RUNNING")
        await engine.comes_to(K.CONSENT, case)


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
