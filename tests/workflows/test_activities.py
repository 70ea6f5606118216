"""The engine's commands: carried out once however often they are sent, and refused as an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from adapters.postgres.event_log import PostgresEventLog
from domain.application import Application
from domain.rules import Rules
from tests.support.scenario import CaseStory, a_case
from tests.workflows.engine import MachineClock
from tests.workflows.world import write
from workflows.activities import PathwayActivities
from workflows.contracts import IssueCommand, Issued


@pytest.fixture
def activities(log: PostgresEventLog, rules: Rules) -> PathwayActivities:
    return PathwayActivities(
        Application(log=log, identities=log, pool=log, clock=MachineClock(), rules=rules)
    )


async def issue(activities: PathwayActivities, case: CaseStory, command: str, key: str) -> Issued:
    order = IssueCommand(case_id=case.case_id, command=command, key=key)
    issued: Issued = await ActivityEnvironment().run(activities.issue, order)
    return issued


async def test_the_same_step_sent_twice_is_carried_out_once(
    activities: PathwayActivities, log: PostgresEventLog
) -> None:
    case = a_case().submitted(at=datetime.now(UTC))
    await write(log, case, at=datetime.now(UTC))
    first = await issue(activities, case, "start-triage", "start-triage/submitted")
    again = await issue(activities, case, "start-triage", "start-triage/submitted")
    assert first == Issued(facts=("TriageStarted",))
    assert again == Issued(facts=("TriageStarted",), repeated=True)
    recorded = await log.read_stream(case.case_id)
    assert [one.event.TOPIC for one in recorded] == ["ReferralSubmitted", "TriageStarted"]
    assert recorded[-1].envelope.actor.role == "system"
    assert recorded[-1].envelope.actor.channel == "timer"


async def test_a_step_that_a_rule_refuses_is_answered_with_the_rules_code(
    activities: PathwayActivities, log: PostgresEventLog
) -> None:
    case = a_case().awaiting_consent(at=datetime.now(UTC))
    await write(log, case, at=datetime.now(UTC))
    assert await issue(activities, case, "start-triage", "late") == Issued(refused="wrong_stage")
    unknown = a_case(f"case-{uuid4()}")
    assert await issue(activities, unknown, "start-triage", "late") == Issued(refused="not_found")


async def test_a_deadline_that_lies_ahead_by_the_logs_clock_is_tried_again(
    activities: PathwayActivities, log: PostgresEventLog
) -> None:
    case = a_case().submitted(at=datetime.now(UTC))
    await write(log, case, at=datetime.now(UTC))
    with pytest.raises(ApplicationError) as early:
        await issue(activities, case, "mark-triage-overdue", "early")
    assert early.value.type == "not_yet_due"
    assert not early.value.non_retryable


async def test_a_log_that_cannot_be_used_is_tried_again_and_its_own_words_are_not_repeated(
    activities: PathwayActivities, pool: asyncpg.Pool
) -> None:
    await pool.close()
    with pytest.raises(ApplicationError) as away:
        await issue(activities, a_case(), "start-triage", "away")
    assert away.value.type == "LogDefect"
    assert away.value.message == "start-triage failed with LogDefect"
    assert not away.value.non_retryable
