"""What runs is compared with what the log says should run, and put right: nothing missed, no false alarm, no harm."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adapters.embedded import EmbeddedTemporal
from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal import reconcile
from adapters.temporal.client import connect
from adapters.temporal.operations import list_workflows
from adapters.temporal.reconcile import Comparison, What, check, rebuild
from adapters.temporal.search_attributes import TYPES
from domain.case.action_work import ActionAcknowledged
from domain.case.wishes import WorkerPreferenceRecorded
from domain.rules import Rules
from tests.support.directories import reachable_directory
from tests.support.scenario import CaseStory, a_case
from tests.workflows.engine import Engine, eventually
from workflows.consent import Consent
from workflows.contracts import ProcessKind, workflow_id
from workflows.routing import route

K = ProcessKind


@dataclasses.dataclass
class Alone(Engine):
    """An engine whose Temporal server nobody else uses, so that all that runs there is its own."""

    server: EmbeddedTemporal | None = None

    async def check(self) -> Comparison:
        return await check(pool=self.pool, log=self.log, client=self.client)

    async def rebuild(self) -> Comparison:
        return await rebuild(pool=self.pool, log=self.log, client=self.client, task_queue=self.task_queue)

    async def plant(self, case: CaseStory, *, up_to: int | None = None, name: str | None = None) -> str:
        """Start a consent process by hand, with what a case's first facts say."""
        recorded = list(await self.log.read_stream(case.case_id)) if case.facts else []
        facts = recorded[:up_to] if recorded else _recorded(case)
        planted = name or workflow_id(K.CONSENT, case.case_id)
        brief = route(facts, after=facts[-1].position).brief
        await self.client.start_workflow(Consent.run, brief, id=planted, task_queue=self.task_queue)
        return planted

    async def told_nothing_of(self) -> None:
        """As if the dispatcher had told all that is in the log."""
        await self.pool.execute(
            "INSERT INTO dispatch.position VALUES ('workflows', $1) "
            "ON CONFLICT (name) DO UPDATE SET position = excluded.position",
            await self.log.head(),
        )


@asynccontextmanager
async def _alone(pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> AsyncIterator[Alone]:
    with reachable_directory() as directory:
        async with EmbeddedTemporal(directory / "data", search_attributes=TYPES) as server:
            yield Alone(await connect(server.address), pool, log, rules, server=server)


@pytest.fixture
async def engine(pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> AsyncIterator[Alone]:
    async with _alone(pool, log, rules) as alone:
        yield alone


def a_new_case() -> CaseStory:
    return a_case(f"case-{uuid4()}")


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_cluster_that_lost_everything_gets_back_what_open_cases_need_with_the_time_that_is_left(
    engine: Alone,
) -> None:
    consenting = [a_new_case().awaiting_consent(at=now() - timedelta(hours=n)) for n in range(5)]
    listed, closed = a_new_case().ready_for_forum(at=now()), a_new_case().closed(at=now())
    async with engine.working():
        async with engine.dispatching() as dispatcher:
            for case in (*consenting, listed, closed):
                await engine.given(case)
            await engine.has_caught_up(dispatcher)
        before = await _deadlines(engine, processes=6)
        assert (await engine.check()).agrees
        await _lose_everything(engine)
        found = await engine.check()
        assert found.counts == {What.MISSING: 6}
        assert {one.workflow_id for one in found.differences} == before.keys()
        assert (await engine.rebuild()).repaired == {"started": 6}
        assert (await engine.check()).agrees
        assert await _deadlines(engine, processes=6) == before
        assert (await engine.rebuild()).agrees, "and a second time there is nothing to do"


async def _lose_everything(engine: Alone) -> None:
    assert engine.server is not None
    os.kill(engine.server.pid, signal.SIGKILL)
    await engine.server.wait_dead()
    for file in engine.server.database_file.parent.glob(f"{engine.server.database_file.name}*"):
        file.unlink()
    await engine.server.restart()


async def _deadlines(engine: Alone, *, processes: int) -> dict[str, datetime | None]:
    """What fires next in each process, once all of them show it."""
    shown: dict[str, datetime | None] = {}

    async def all_show() -> bool:
        rows = await list_workflows(engine.client)
        shown.update({row.workflow_id: row.next_due for row in rows})
        return len(rows) == processes and None not in shown.values()

    await eventually(all_show)
    return shown


async def test_what_should_not_run_is_found_and_ended_whoever_started_it(engine: Alone) -> None:
    closed, unknown, by_hand = a_new_case(), a_new_case().awaiting_consent(), a_new_case()
    await engine.given(closed := closed.awaiting_consent(at=now()).closed(at=now()))
    await engine.given(by_hand := by_hand.awaiting_consent(at=now()))
    await engine.rebuild()
    await engine.told_nothing_of()
    old = await engine.plant(closed, up_to=4)
    nobodys = await engine.plant(unknown)
    double = await engine.plant(by_hand, name="consent of somebody")
    found = await _eventually_finds(engine, 3)
    assert found.counts == {What.ORPHANED: 3}
    assert {one.workflow_id for one in found.differences} == {old, nobodys, double}
    async with engine.working():
        found = await engine.rebuild()
        assert found.repaired == {"told": 1, "terminated": 2}
        await engine.comes_to(K.CONSENT, closed, "COMPLETED")
        await engine.comes_to(K.CONSENT, unknown, "TERMINATED")
        await engine.comes_to(K.CONSENT, by_hand, "RUNNING")
        found = await engine.check()
        assert (found.agrees, found.wanted) == (True, 1)


async def test_a_process_that_has_not_heard_how_its_case_stands_is_found_and_told(engine: Alone) -> None:
    case = a_new_case().awaiting_consent(at=now())
    await engine.given(case)
    await engine.rebuild()
    await engine.given(case := case.then_also(WorkerPreferenceRecorded(**case.ids, wants_gender="female")))
    await engine.told_nothing_of()
    [stale] = (await _eventually_finds(engine, 1)).differences
    assert (stale.what, stale.stage) == (What.STALE, "AwaitingConsent")
    assert stale.heard is not None
    assert stale.position == stale.heard + 1
    assert (await engine.rebuild()).repaired == {"told": 1}
    assert (await engine.check()).agrees


async def test_a_process_that_has_heard_of_more_than_is_in_the_log_is_started_anew(engine: Alone) -> None:
    case = a_new_case().awaiting_consent(at=now())
    await engine.given(case)
    facts = await engine.log.read_stream(case.case_id)
    ahead = route(facts, after=facts[-1].position).brief.model_copy(update={"position": 1_000_000})
    planted = workflow_id(K.CONSENT, case.case_id)
    await engine.client.start_workflow(Consent.run, ahead, id=planted, task_queue=engine.task_queue)
    await engine.told_nothing_of()
    assert (await _eventually_finds(engine, 1)).counts == {What.STALE: 1}
    assert (await engine.rebuild()).repaired == {"restarted": 1}
    await engine.comes_to(K.CONSENT, case, "RUNNING", "TERMINATED")
    assert (await engine.check()).agrees


async def test_a_process_that_has_heard_of_its_end_and_waits_for_a_worker_is_no_difference(
    engine: Alone,
) -> None:
    case = a_new_case().awaiting_consent(at=now())
    async with engine.dispatching() as dispatcher:
        await engine.given(case)
        await engine.has_caught_up(dispatcher)
        await engine.given(case.closed(at=now()))
        await engine.has_caught_up(dispatcher)
    found = await engine.check()
    assert (found.agrees, found.ending) == (True, 1)


async def test_a_case_that_cannot_be_read_is_named_and_the_others_are_compared(engine: Alone) -> None:
    broken, sound = a_new_case().submitted(at=now()), a_new_case().awaiting_consent(at=now())
    nobody_set_this = ActionAcknowledged(**broken.ids, action_id=broken.action_id())
    await engine.given(broken.then_also(nobody_set_this))
    await engine.given(sound)
    found = await engine.check()
    assert found.counts == {What.UNREADABLE: 1, What.MISSING: 1}
    assert {one.case_id for one in found.differences} == {broken.case_id, sound.case_id}


async def test_there_is_no_false_alarm_while_everything_moves(
    engine: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small ranges, so that the bounds between them are tried as well.
    monkeypatch.setattr(reconcile, "CASES", 7)
    cases = [a_new_case().submitted(at=now()) for _ in range(30)]
    async with engine.working(), engine.dispatching() as dispatcher:
        for case in cases:
            await engine.given(case)

        async def move() -> None:
            for number, case in enumerate(cases):
                moved = case.awaiting_consent(at=now()) if number % 2 else case.closed(at=now())
                await engine.given(moved)
                await asyncio.sleep(0.03)

        moving = asyncio.create_task(move())
        while not moving.done():
            found = await engine.check()
            assert found.agrees, found.differences
        await moving
        await engine.has_caught_up(dispatcher)
        found = await engine.check()
        assert (found.agrees, found.cases, found.wanted) == (True, 30, 15)


async def _eventually_finds(engine: Alone, processes: int) -> Comparison:
    """What is found once Temporal's list shows what was started by hand a moment ago."""

    async def listed() -> bool:
        found = engine.client.list_workflows("ExecutionStatus = 'Running'")
        return len([one async for one in found]) >= processes

    await eventually(listed)
    return await engine.check()


def _recorded(case: CaseStory) -> list:
    """A case's facts as if they were in the log."""
    from tests.workflows.test_routing import recorded

    return recorded(case)


async def test_the_command_line_shows_the_differences_and_puts_them_right(
    engine: Alone, database: str, pool: asyncpg.Pool
) -> None:
    case = a_new_case().awaiting_consent(at=now())
    await engine.given(case)
    assert engine.server is not None
    env = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR")},
        "DATABASE_URL": database,
        "TEMPORAL_ADDRESS": engine.server.address,
    }

    async def ccp(*arguments: str) -> tuple[int, str]:
        command = [Path(sys.executable).with_name("ccp"), "workflows", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, env=env, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    process = workflow_id(K.CONSENT, case.case_id)
    code, shown = await ccp("check")
    assert code == 1
    assert "missing" in shown
    assert process in shown
    assert "The dispatcher is" in shown
    await pool.execute("INSERT INTO dispatch.untold VALUES ('workflows', $1, 0, 'KeyError')", case.case_id)
    assert "The dispatcher set aside:" in (await ccp("check"))[1]
    code, shown = await ccp("rebuild")
    assert (code, "started: 1" in shown) == (0, True)
    code, shown = await ccp("check", "--json")
    assert (code, json.loads(shown)["agrees"], json.loads(shown)["wanted"]) == (0, True, 1)
