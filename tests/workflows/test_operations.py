"""What operations staff see of the processes, also while no worker runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.client import connect
from adapters.temporal.operations import list_workflows, show_workflow
from adapters.temporal.search_attributes import register
from domain.case.stages import Stage
from domain.errors import NotFound
from domain.rules import Rules
from tests.support.scenario import NEIGHBOURHOOD, PROGRAMME, a_case
from tests.workflows.engine import Engine, eventually
from workflows.contracts import ProcessKind, workflow_id


@pytest.fixture
async def engine(temporal_address: str, pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules) -> Engine:
    client = await connect(temporal_address)
    await register(client)
    return Engine(client, pool, log, rules)


async def test_the_list_says_what_a_case_waits_for_since_when_and_what_fires_next(engine: Engine) -> None:
    now = datetime.now(UTC)
    case = a_case(f"case-{uuid4()}").awaiting_consent(at=now)
    await engine.given(case)

    async def shows_the_next_step() -> bool:
        rows = await list_workflows(engine.client, case_id=case.case_id)
        return bool(rows) and rows[0].next_step is not None

    async with engine.working(), engine.dispatching():
        await eventually(shows_the_next_step)
        handle = engine.client.get_workflow_handle(workflow_id(ProcessKind.CONSENT, case.case_id))
        page = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
        assert page.current_details.startswith("**Waits for** the person's consent position, since ")
        assert f"**Case** {case.case_id} in stage AwaitingConsent" in page.current_details
    # The worker has stopped, and the list stands.
    [row] = await list_workflows(
        engine.client,
        case_id=case.case_id,
        kind=ProcessKind.CONSENT,
        stage=Stage.AWAITING_CONSENT,
        neighbourhood=NEIGHBOURHOOD,
    )
    assert row.workflow_id == workflow_id(ProcessKind.CONSENT, case.case_id)
    assert (row.kind, row.status, row.stage) == ("Consent", "RUNNING", "AwaitingConsent")
    assert (row.programme, row.neighbourhood) == (PROGRAMME, NEIGHBOURHOOD)
    assert row.waits_for == "the person's consent position"
    assert row.since is not None
    assert abs(row.since - now) < timedelta(minutes=1)
    assert (row.next_step, row.next_due) == ("raise-consent-reminder", case.case.due["consent_attempt"])
    assert await list_workflows(engine.client, case_id=case.case_id, stage=Stage.TRIAGE) == []

    detail = await show_workflow(engine.client, row.workflow_id)
    assert detail.row == row
    assert detail.under_way == ()
    told = [entry.what for entry in detail.history]
    assert told[0] == "began"
    assert told[1].startswith("heard of ReferralSubmitted, ")
    assert told[-1].startswith("set a timer: raise-consent-reminder at ")


async def test_the_history_of_a_process_is_told_in_words_to_its_end(engine: Engine) -> None:
    now = datetime.now(UTC)
    case = a_case(f"case-{uuid4()}").submitted(at=now)
    async with engine.working(), engine.dispatching():
        await engine.given(case)

        async def triage_began() -> bool:
            return "TriageStarted" in await engine.facts(case)

        await eventually(triage_began)
        await engine.given(case.closed(at=now))
        await engine.comes_to(ProcessKind.REFERRAL, case, "COMPLETED")
    assert await list_workflows(engine.client, case_id=case.case_id) == []
    [row] = await list_workflows(engine.client, case_id=case.case_id, closed_too=True)
    assert row.closed_at is not None
    told = [entry.what for entry in (await show_workflow(engine.client, row.workflow_id)).history]
    assert "issued acknowledge-referral" in told
    assert "acknowledge-referral: ReferralAcknowledged" in told
    assert "start-triage: TriageStarted" in told
    # Facts that come close together are heard of together.
    assert told[-2].startswith("heard of ")
    assert told[-2].endswith("ReferralWithdrawn; stage Closed")
    assert told[-1] == "ended: its part of the pathway is over"


async def test_a_step_that_cannot_be_taken_shows_its_attempts_and_the_kind_of_failure(engine: Engine) -> None:
    case = a_case(f"case-{uuid4()}").submitted(at=datetime.now(UTC))
    workflow = workflow_id(ProcessKind.REFERRAL, case.case_id)
    async with engine.dispatching() as dispatcher:
        await engine.given(case)
        await engine.has_caught_up(dispatcher)
    await engine.pool.close()

    async def is_tried_again() -> bool:
        under_way = (await show_workflow(engine.client, workflow)).under_way
        return any(one.last_failure for one in under_way)

    async with engine.working():
        await eventually(is_tried_again)
        [attempt] = (await show_workflow(engine.client, workflow)).under_way
    assert attempt.step == "acknowledge-referral"
    assert attempt.last_failure == "LogDefect"


async def test_a_workflow_that_nobody_knows_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFound):
        await show_workflow(engine.client, f"referral-{uuid4()}")
    with pytest.raises(NotFound):
        await list_workflows(engine.client, neighbourhood="x' OR CaseId IS NOT NULL --")
