"""A process that has heard a lot goes on in a new run, with nothing lost."""

from __future__ import annotations

import sysconfig
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from temporalio.testing import WorkflowEnvironment

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import DATA_CONVERTER
from adapters.temporal.operations import list_workflows
from adapters.temporal.search_attributes import register
from domain.rules import Rules
from tests.support.scenario import a_case
from tests.workflows.engine import Engine, eventually
from workflows.contracts import ProcessKind


async def test_a_long_history_is_left_behind_and_the_process_waits_on(
    pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules
) -> None:
    server = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sysconfig.get_path("scripts")) / "temporal"),
        dev_server_extra_args=["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"],
        dev_server_log_level="error",
        data_converter=DATA_CONVERTER,
    )
    async with server:
        await register(server.client)
        engine = Engine(server.client, pool, log, rules)
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
            [row] = await list_workflows(engine.client, case_id=case.case_id)
            assert (row.next_step, row.next_due) == (
                "raise-consent-reminder",
                case.case.due["consent_attempt"],
            )
            await engine.given(case := case.ready_for_forum(at=datetime.now(UTC)))

            async def has_ended() -> bool:
                return "RUNNING" not in await engine.runs_of(ProcessKind.CONSENT, case)

            await eventually(has_ended)
