"""A record that is void: what it made is in no list any more, live and rebuilt alike."""

from __future__ import annotations

import pytest
from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from domain.case.contact import ContactRecorded
from domain.case.correction import VOIDABLE, RecordVoided
from domain.case.participation import ConsentAttempted
from domain.case.support import OutcomeProgressed, OutcomeSet, PlanReviewed
from domain.messages import Event
from projections import PROJECTIONS, ProjectionRunner, verify
from projections.case_file import CASE_TOPICS
from tests.projections.telling import Teller, every_row
from tests.support.scenario import CaseStory, a_case, a_worker

VI = a_case("vi")
LISTED = {
    "actions": VI.ready_for_forum().with_action(),
    "escalations": VI.in_triage().escalated(),
    "safeguarding": VI.in_triage().with_concern(),
}
"""By list, a case whose last record put something on it."""


def void(case: CaseStory, version: int) -> RecordVoided:
    return RecordVoided(
        **case.ids,
        voided_version=version,
        voided_topic=of_case(case)[version - 1].TOPIC,
        explanation="Written into the wrong case",
    )


def of_case(case: CaseStory) -> list[Event]:
    return [fact for fact in case if fact.stream_id == case.case_id]


async def sound(pool: Pool, log: PostgresEventLog) -> bool:
    return all([(await verify(pool, log, projection)).is_sound for projection in PROJECTIONS])


@pytest.mark.parametrize("listed", LISTED)
async def test_what_a_void_record_put_on_a_list_is_gone(
    listed: str, teller: Teller, runner: ProjectionRunner, pool: Pool, log: PostgresEventLog
) -> None:
    case = LISTED[listed]
    await teller.tell(case)
    await runner.catch_up()
    assert len((await every_row(pool))[f"read.{listed}"]) == 1
    await teller.tell(void(case, len(of_case(case))))
    await runner.catch_up()
    assert (await every_row(pool))[f"read.{listed}"] == []
    assert await sound(pool, log)


async def test_whatever_can_be_void_the_lists_are_those_of_a_log_read_anew(
    teller: Teller, runner: ProjectionRunner, pool: Pool, log: PostgresEventLog
) -> None:
    case = VI.active(a_worker()).with_outcome()
    outcome = case.outcome_id()
    case = case.then_also(
        ConsentAttempted(**case.ids, reached=False, by_channel="phone"),
        OutcomeProgressed(**case.ids, outcome_id=outcome, progress="some"),
        PlanReviewed(**case.ids, summary="Goes on", contact_due_at=case.now),
    )
    voidable = {
        fact.TOPIC: version for version, fact in enumerate(of_case(case), 1) if fact.TOPIC in VOIDABLE
    }
    assert voidable.keys() == VOIDABLE.keys() >= {ContactRecorded.TOPIC, OutcomeSet.TOPIC}
    await teller.tell(case)
    await runner.catch_up()
    for version in voidable.values():
        await teller.tell(void(case, version))
        await runner.catch_up()
    assert await sound(pool, log)


def test_a_list_that_takes_single_facts_takes_none_that_can_be_void() -> None:
    """The audit shows what was recorded, void or not; the others see the whole case, or what stays."""
    taking = {one.NAME for one in PROJECTIONS if one.HEARS & VOIDABLE.keys() and not one.HEARS >= CASE_TOPICS}
    assert taking == set()
