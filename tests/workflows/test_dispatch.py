"""The dispatcher on a real server: it starts and ends processes, survives what stops it, and doubles nothing."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs
from temporalio.client import Client

from adapters.embedded import EmbeddedTemporal
from adapters.postgres.codec import Codec
from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import connect
from adapters.temporal.search_attributes import TYPES, register
from domain.case.action_work import ActionAcknowledged
from domain.case.wishes import WorkerPreferenceRecorded
from domain.meeting.events import AgendaPublished
from domain.messages import EVENTS, Event
from domain.rules import Rules
from tests.support.directories import reachable_directory
from tests.support.scenario import CaseStory, a_case, a_meeting
from tests.workflows.engine import Engine, eventually
from workflows.contracts import CaseBrief, ProcessKind, workflow_id

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
    [aside] = await pool.fetch("SELECT case_id, after_position, reason FROM dispatch.untold")
    assert aside["case_id"] == broken.case_id
    assert aside["reason"].startswith("KeyError in domain/case/")
    assert aside["after_position"] < await pool.fetchval("SELECT position FROM dispatch.position")
    assert {"event": "dispatch.case_not_told", "log_level": "error", "error": aside["reason"]} | {
        "case_id": str(broken.case_id)
    } in lines


async def test_a_case_that_was_set_aside_is_told_of_as_soon_as_it_can_be(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    case = a_new_case().awaiting_consent(at=now())
    await engine.given(case)
    await pool.execute("INSERT INTO dispatch.position VALUES ('workflows', $1)", await engine.log.head())
    await pool.execute("INSERT INTO dispatch.untold VALUES ('workflows', $1, 0, 'KeyError')", case.case_id)
    async with engine.working(), engine.dispatching():
        await engine.comes_to(K.CONSENT, case, "RUNNING")
        await eventually(lambda: _nobody_is_aside(pool))


class RequestOfLater(WorkerPreferenceRecorded):
    """An event as a release knows it that must have a field which others do not write."""

    since_when: datetime


class RequestOfBefore(WorkerPreferenceRecorded):
    """An event as a release knew it before its present version."""

    SCHEMA_VERSION: ClassVar[int] = 0


def another_release(pool: asyncpg.Pool, known: Mapping[str, type[Event] | None]) -> PostgresEventLog:
    """The log as a release reads it that knows some events otherwise than this one, or not at all."""
    events = {topic: known.get(topic, event) for topic, event in EVENTS.items()}
    return PostgresEventLog(pool, codec=Codec({topic: event for topic, event in events.items() if event}))


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (None, "UnknownTopic topic_unknown topic=WorkerPreferenceRecorded position={}"),
        (RequestOfBefore, "NewerSchema schema_newer topic=WorkerPreferenceRecorded position={}"),
        (
            RequestOfLater,
            "UnreadableEvent event_unreadable topic=WorkerPreferenceRecorded position={} fields=since_when",
        ),
    ],
)
async def test_an_event_that_cannot_be_read_sets_its_case_aside_until_a_release_that_reads_it_tells_of_it(
    engine: Engine, pool: asyncpg.Pool, known: type[Event] | None, reason: str
) -> None:
    theirs = dataclasses.replace(engine, log=another_release(pool, {"WorkerPreferenceRecorded": known}))
    unread, sound = a_new_case().awaiting_consent(at=now()), a_new_case()
    async with theirs.dispatching() as dispatcher:
        await engine.given(unread)
        await engine.comes_to(K.CONSENT, unread, "RUNNING")
        wish = WorkerPreferenceRecorded(**unread.ids, wants_gender="female")
        await engine.given(unread := unread.then_also(wish))
        at_fault = await engine.log.head()
        await engine.given(sound := sound.awaiting_consent(at=now()))
        await engine.given(unread := unread.ready_for_forum(at=now()))
        await engine.given(sound := sound.ready_for_forum(at=now()))
        await engine.has_caught_up(dispatcher)
        await engine.comes_to(K.FORUM_REVIEW, sound, "RUNNING")
        await engine.comes_to(K.FORUM_REVIEW, unread)
        await eventually(lambda: _is_set_aside(pool, unread.case_id, at_fault - 1, reason.format(at_fault)))
    async with engine.working(), engine.dispatching():
        await engine.comes_to(K.CONSENT, unread, "COMPLETED")
        await engine.comes_to(K.FORUM_REVIEW, unread, "RUNNING")
        await eventually(lambda: _nobody_is_aside(pool))
    told = await _told(engine.client, workflow_id(K.CONSENT, unread.case_id))
    facts = await engine.log.read_stream(unread.case_id)
    assert [fact.position for brief in told for fact in brief.heard] == [one.position for one in facts]


async def test_a_case_whose_first_event_cannot_be_read_is_told_of_from_the_beginning_later(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    theirs = dataclasses.replace(engine, log=another_release(pool, {"ReferralSubmitted": None}))
    case = a_new_case().awaiting_consent(at=now())
    async with theirs.dispatching() as dispatcher:
        await engine.given(case)
        await engine.has_caught_up(dispatcher)
        await engine.comes_to(K.CONSENT, case)
    async with engine.dispatching():
        await engine.comes_to(K.CONSENT, case, "RUNNING")
        await eventually(lambda: _nobody_is_aside(pool))


async def test_a_meeting_that_cannot_be_read_is_set_aside_and_no_case_with_it(
    engine: Engine, pool: asyncpg.Pool
) -> None:
    meeting = a_meeting(f"meeting-{uuid4()}").agenda_open().agenda_closed()
    assert any(isinstance(fact, AgendaPublished) for fact in meeting.facts)
    theirs = dataclasses.replace(engine, log=another_release(pool, {"AgendaPublished": None}))
    async with theirs.dispatching() as dispatcher:
        await engine.given(meeting)
        await engine.given(after := a_new_case().awaiting_consent(at=now()))
        await engine.comes_to(K.CONSENT, after, "RUNNING")
        await engine.has_caught_up(dispatcher)
        assert [row["case_id"] for row in await pool.fetch("SELECT case_id FROM dispatch.untold")] == [
            meeting.meeting_id
        ]


async def _is_set_aside(pool: asyncpg.Pool, case_id: UUID, after: int, reason: str) -> bool:
    rows = await pool.fetch("SELECT case_id, after_position, reason FROM dispatch.untold")
    return [tuple(row) for row in rows] == [(case_id, after, reason)]


async def _nobody_is_aside(pool: asyncpg.Pool) -> bool:
    return await pool.fetchval("SELECT count(*) FROM dispatch.untold") == 0


async def _told(client: Client, workflow: str) -> list[CaseBrief]:
    """Everything that a process was told, in order."""
    told: list[CaseBrief] = []
    async for event in client.get_workflow_handle(workflow).fetch_history_events():
        signal = event.workflow_execution_signaled_event_attributes
        if signal.signal_name == "heard":
            told += await client.data_converter.decode(signal.input.payloads, [CaseBrief])
    return told


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

            await eventually(noticed)
            await server.restart()
            await engine.comes_to(K.CONSENT, before, "COMPLETED")
            await engine.comes_to(K.FORUM_REVIEW, before, "RUNNING")
            await engine.comes_to(K.REFERRAL, meanwhile, "RUNNING")

            async def triage_began() -> bool:
                facts = await engine.facts(meanwhile)
                return facts == ["ReferralSubmitted", "ReferralAcknowledged", "TriageStarted"]

            await eventually(triage_began)
    assert {"dispatch.temporal_unavailable", "dispatch.temporal_back"} <= {line["event"] for line in lines}


async def _kill(server: EmbeddedTemporal) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server.wait_dead()
