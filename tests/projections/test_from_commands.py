"""From a command to its rows: whoever waits for the answer's position sees what the command did."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from domain.application import Application, Request
from domain.case.referral import SubmitReferral
from domain.case.stages import Stage
from domain.case.triage import AcknowledgeReferral, ConfirmEligible, StartTriage
from domain.messages import Actor, CaseId, Command
from domain.ports import Answer
from domain.rules import Rules
from projections import CaseFilter, DueFilter, ProjectionRunner, ReadModels
from tests.projections.test_runner import running
from tests.support.scenario import COORDINATOR, REFERRED, REFERRER, SYSTEM, some_id


class StandingClock:
    """A clock that shows what it was set to."""

    def __init__(self) -> None:
        self.shown = REFERRED

    async def now(self) -> datetime:
        return self.shown


async def test_a_referral_is_found_due_and_audited_as_soon_as_its_position_is_known(
    pool: Pool, log: PostgresEventLog, rules: Rules, models: ReadModels
) -> None:
    clock = StandingClock()
    application = Application(log=log, identities=log, pool=log, clock=clock, rules=rules)

    async def execute(command: Command, by: Actor) -> Answer:
        clock.shown += timedelta(minutes=5)
        return await application.execute(Request(command, by, some_id(f"{command.NAME}/{clock.shown}")))

    async with running(ProjectionRunner(pool, log)):
        answer = await execute(SubmitReferral.model_validate(SubmitReferral.EXAMPLE), REFERRER)
        case_id = CaseId(
            UUID(str(next(one.stream_id for one in answer.events if one.topic == "ReferralSubmitted")))
        )
        assert await models.wait_for(answer.position, timeout=60)
        (row,) = (await models.cases(CaseFilter(text="robin"))).rows
        assert (row.case_id, row.stage) == (case_id, Stage.SUBMITTED)
        await execute(AcknowledgeReferral(case_id=case_id), SYSTEM)
        await execute(StartTriage(case_id=case_id), SYSTEM)
        answer = await execute(ConfirmEligible(case_id=case_id), COORDINATOR)
        assert await models.wait_for(answer.position, timeout=60)
    due = await models.due(DueFilter(case=case_id), now=clock.shown)
    assert {one.clock for one in due.rows} == {"consent_attempt", "consent"}
    story = (await models.story_of_case(case_id)).rows
    assert [one.topic for one in story if one.by_engine] == ["ReferralAcknowledged", "TriageStarted"]
    assert story[-1].command == "confirm-eligible"
    assert story[-1].programme_version == rules.programme("manchester-maps").version
