"""An auditor's tool reads our log as an application of the library: case files, notification log, subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import MapperDeserialisationError, NotSupportedError, StoredEvent

from adapters.eventsourcing.audit import LoggedEvent, LogMapper, PathwayLog
from adapters.postgres.codec import Codec
from adapters.postgres.event_log import PostgresEventLog
from domain.messages import Event
from tests.log.writing import note
from tests.support.scenario import CaseStory, a_case, a_meeting
from tests.support.situations import tell


@pytest.fixture
def audited(database: str) -> Iterator[PathwayLog]:
    # Whatever else is set, this application is over our log.
    with PathwayLog(env={"DATABASE_URL": database, "PERSISTENCE_MODULE": "eventsourcing.popo"}) as opened:
        yield opened


@pytest.fixture
async def story(log: PostgresEventLog) -> CaseStory:
    told = a_case().ready_for_forum()
    await tell(log, [a_meeting().planned(), told])
    return told


async def test_a_case_file_shows_the_case_as_the_product_itself_folds_it(
    audited: PathwayLog, story: CaseStory, log: PostgresEventLog
) -> None:
    file = await asyncio.to_thread(audited.case_file, story.case_id)
    assert file.case == story.case
    assert list(file.facts) == list(await log.read_stream(story.case_id))
    assert file.facts[0].envelope.actor.agency


async def test_a_case_file_shows_the_case_as_it_stood_at_a_version(
    audited: PathwayLog, story: CaseStory
) -> None:
    then = await asyncio.to_thread(audited.case_file, story.case_id, version=1)
    assert (then.version, then.case.stage) == (1, a_case().submitted().case.stage)
    assert then.case.stage != story.case.stage


async def test_a_kept_case_file_goes_on_with_what_happens_next(
    database: str, story: CaseStory, log: PostgresEventLog
) -> None:
    with PathwayLog(env={"DATABASE_URL": database, "AGGREGATE_CACHE_MAXSIZE": "10"}) as audited:
        earlier = await asyncio.to_thread(audited.case_file, story.case_id)
        longer = story.with_concern()
        await tell(log, [replace(longer, facts=longer.facts[len(story.facts) :])])
        later = await asyncio.to_thread(audited.case_file, story.case_id)
    assert later.facts[: len(earlier.facts)] == earlier.facts
    assert later.version == earlier.version + 1
    assert later.case == longer.case


async def test_a_stream_that_is_no_case_has_no_case_file(audited: PathwayLog, story: CaseStory) -> None:
    for stream_id in (a_meeting().meeting_id, uuid4()):
        with pytest.raises(AggregateNotFoundError):
            await asyncio.to_thread(audited.case_file, stream_id)


async def test_the_notification_log_shows_the_whole_log_in_sections(
    audited: PathwayLog, story: CaseStory, log: PostgresEventLog
) -> None:
    def read() -> list[tuple[int, Event]]:
        seen: list[tuple[int, Event]] = []
        section_id: str | None = "1,4"
        while section_id:
            section = audited.notification_log[section_id]
            for item in section.items:
                fact = audited.mapper.to_domain_event(item)
                assert isinstance(fact, LoggedEvent)
                seen.append((item.id, fact.event))
            section_id = section.next_id
        return seen

    whole = await log.read_all(after=0, limit=1000)
    assert await asyncio.to_thread(read) == [(one.position, one.event) for one in whole]


async def test_a_subscription_to_our_log_hears_of_what_comes(
    audited: PathwayLog, story: CaseStory, log: PostgresEventLog
) -> None:
    head = await log.head()
    with audited.recorder.subscribe(gt=head) as subscription:
        heard = asyncio.create_task(asyncio.to_thread(next, subscription))
        await log.append(note((uuid4(), 0)))
        assert (await heard).id == head + 1


async def test_nothing_is_written_through_it(
    audited: PathwayLog, story: CaseStory, pool: asyncpg.Pool
) -> None:
    before = await pool.fetchval("SELECT count(*) FROM log.event")
    file = await asyncio.to_thread(audited.case_file, story.case_id)
    stored = StoredEvent(story.case_id, file.version + 1, "ReferralSubmitted", b"{}")
    for refused in (
        lambda: audited.save(LoggedEvent(file.facts[0])),
        lambda: audited.recorder.insert_events([stored]),
    ):
        with pytest.raises(NotSupportedError):
            await asyncio.to_thread(refused)
    assert await pool.fetchval("SELECT count(*) FROM log.event") == before


async def test_an_event_that_cannot_be_read_is_named_without_its_content(
    database: str, story: CaseStory
) -> None:
    class OfAnotherRelease(Application):
        name = "ccp"
        construct_factory = PathwayLog.construct_factory

        def construct_mapper(self) -> LogMapper:
            return LogMapper(Codec(events={}))

    with OfAnotherRelease(env={"DATABASE_URL": database}) as audited:
        with pytest.raises(MapperDeserialisationError, match="ReferralSubmitted") as refused:
            await asyncio.to_thread(lambda: list(audited.events.get(story.case_id)))
        assert "Robin" not in str(refused.value)
        assert refused.value.__cause__ is None
