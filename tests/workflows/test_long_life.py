"""A process that has heard a lot goes on in a new run, with nothing lost."""

from __future__ import annotations

import asyncio
import json
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import DATA_CONVERTER
from adapters.temporal.operations import list_workflows
from adapters.temporal.search_attributes import register
from adapters.temporal.virtual import VirtualTime
from adapters.temporal.worker import WORKFLOWS
from domain.case.stages import Stage
from domain.meeting.state import MeetingStage
from domain.rules import Rules
from tests.support.scenario import FORUM, PROGRAMME, a_case
from tests.workflows.engine import Engine, eventually
from tests.workflows.world import TASK_QUEUE
from workflows.contracts import Brief, CaseBrief, MeetingBrief, ProcessKind, workflow_id
from workflows.processes import PROCESSES
from workflows.search_attributes import NEXT_DUE

MOST_ENTRIES = 5_000
FAR_AHEAD = datetime(2035, 1, 1, tzinfo=UTC)
CLOCKS = {
    ProcessKind.SUPPORT: "contact",
    ProcessKind.GRANT_REVIEW: f"consent_review:{uuid4()}",
    ProcessKind.MEETING: "next_meeting",
}
"""Processes that may live for years, and a clock that each waits for."""


@asynccontextmanager
async def a_server_that_suggests_early() -> AsyncIterator[Client]:
    """A Temporal server on which forty entries are a long history."""
    server = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_extra_args=["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"],
        dev_server_log_level="error",
        data_converter=DATA_CONVERTER,
    )
    async with server:
        await register(server.client)
        yield server.client


def a_brief(kind: ProcessKind, about: UUID, position: int) -> Brief:
    """Each moves the deadline, so that what a process waits for tells which one it heard last."""
    stands = {
        "position": position,
        "programme": PROGRAMME,
        "since": FAR_AHEAD - timedelta(days=1),
        "due": {CLOCKS[kind]: FAR_AHEAD + timedelta(minutes=position)},
    }
    if kind is ProcessKind.MEETING:
        return MeetingBrief(meeting_id=about, stage=MeetingStage.MINUTES_ISSUED, forum=FORUM, **stands)
    return CaseBrief(case_id=about, stage=Stage.ACTIVE, **stands)


async def begun(client: Client, kind: ProcessKind, about: UUID) -> WorkflowHandle[Any, Any]:
    process = PROCESSES[kind].__name__
    return await client.start_workflow(
        process, a_brief(kind, about, 0), id=workflow_id(kind, about), task_queue=TASK_QUEUE
    )


async def has_heard(client: Client, process: str, position: int) -> None:
    """Wait until a process is known to wait for what its last brief said."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=process)
    )

    async def does() -> bool:
        # By what it shows of itself: the time-skipping server keeps a question for a worker that has forgotten the run.
        said = await client.workflow_service.describe_workflow_execution(request)
        shown = said.workflow_execution_info.search_attributes.indexed_fields[NEXT_DUE.name].data
        wanted = FAR_AHEAD + timedelta(minutes=position)
        return bool(shown) and datetime.fromisoformat(json.loads(shown)) == wanted

    await eventually(does)


@pytest.mark.parametrize("kind", CLOCKS, ids=str)
async def test_a_process_that_hears_thousands_of_briefs_never_has_a_history_of_5_000_entries(
    kind: ProcessKind,
) -> None:
    briefs, at_once, about = 3_000, 30, uuid4()
    async with VirtualTime.started() as time:
        async with Worker(time.client, task_queue=TASK_QUEUE, workflows=WORKFLOWS):
            first = await begun(time.client, kind, about)
            process = time.client.get_workflow_handle(first.id)
            for told in range(0, briefs, at_once):
                news = [a_brief(kind, about, told + number) for number in range(1, at_once + 1)]
                # Together, so that some arrive while a run ends and the next begins.
                await asyncio.gather(*(process.signal("heard", brief) for brief in news))
                await has_heard(time.client, first.id, told + at_once)
        runs = await runs_since(time.client, first)
    assert len(runs) > 1
    assert max(map(len, runs)) < MOST_ENTRIES
    heard = sum(run.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) for run in runs)
    assert heard == briefs


async def runs_since(client: Client, first: WorkflowHandle[Any, Any]) -> list[list[int]]:
    """Of every run of a process, the kinds of its entries."""
    runs: list[list[int]] = []
    run_id: str | None = first.first_execution_run_id
    while run_id is not None:
        run = client.get_workflow_handle(first.id, run_id=run_id)
        events = [event async for event in run.fetch_history_events()]
        runs.append([event.event_type for event in events])
        end = events[-1].workflow_execution_continued_as_new_event_attributes
        run_id = end.new_execution_run_id or None
    return runs


async def test_a_brief_that_comes_while_a_run_ends_is_heard_by_the_next() -> None:
    """One process after the other is told for the last time a little later on the way to its new run, and at it."""
    async with (
        a_server_that_suggests_early() as client,
        Worker(client, task_queue=TASK_QUEUE, workflows=WORKFLOWS),
    ):

        async def tell(last: int) -> None:
            about = uuid4()
            process = await begun(client, ProcessKind.SUPPORT, about)
            for told in range(1, last, 2):
                both = (a_brief(ProcessKind.SUPPORT, about, position) for position in (told, told + 1))
                await asyncio.gather(*(process.signal("heard", brief) for brief in both))
            await has_heard(client, process.id, last)

        await asyncio.gather(*(tell(last) for last in range(6, 54, 2)))


async def test_a_long_history_is_left_behind_and_the_process_waits_on(
    pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules
) -> None:
    async with a_server_that_suggests_early() as client:
        engine = Engine(client, pool, log, rules)
        case = a_case().awaiting_consent(at=datetime.now(UTC))
        async with engine.working(), engine.dispatching() as dispatcher:
            await engine.given(case)
            for number in range(20):
                case = case.with_grant(f"Agency {number}", at=datetime.now(UTC))
                await engine.given(case)
                await engine.has_caught_up(dispatcher)

            async def has_gone_on() -> bool:
                runs = await engine.runs_of(ProcessKind.CONSENT, case)
                return runs[-1] == "RUNNING" and "CONTINUED_AS_NEW" in runs

            await eventually(has_gone_on)
            listed = await list_workflows(engine.client, case_id=case.case_id)
            [row] = [
                one for one in listed if one.workflow_id == workflow_id(ProcessKind.CONSENT, case.case_id)
            ]
            assert (row.next_step, row.next_due) == (
                "raise-consent-reminder",
                case.case.due["consent_attempt"],
            )
            await engine.given(case := case.ready_for_forum(at=datetime.now(UTC)))

            async def has_ended() -> bool:
                return "RUNNING" not in await engine.runs_of(ProcessKind.CONSENT, case)

            await eventually(has_ended)
