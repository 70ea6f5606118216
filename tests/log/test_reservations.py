"""Places of which there are only so many: held while everybody writes at once, and told by the events alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from adapters.postgres.reservations import rebuild_reservations
from domain.keyworker.events import CaseReleased, CaseTaken
from domain.messages import CaseId, Event, PersonId, WorkerId
from domain.person.identity import EpisodeEnded, EpisodeOpened
from domain.ports import ANY_VERSION, Answer, Append, NewEvent, Reservation, StreamChange, VersionConflict
from domain.reservations import reservations
from tests.log.writing import as_owner, envelope, reserving

HARD_LIMIT = 3
PROGRAMMES = ("manchester-maps", "elsewhere")


def take(key: str, holder: UUID, limit: int = 1) -> Reservation:
    return Reservation("open_case", key, holder, limit)


def give_back(key: str, holder: UUID) -> Reservation:
    return Reservation("open_case", key, holder, None)


async def held(database: str) -> set[tuple[str, str, UUID]]:
    return {tuple(row) for row in await as_owner(database, "SELECT scope, key, holder FROM log.reservation")}


async def test_a_place_is_taken_once_and_free_again_when_it_was_given_back(
    log: PostgresEventLog, database: str
) -> None:
    first, second = uuid4(), uuid4()
    await log.append(reserving(take("person/one", first)))
    with pytest.raises(VersionConflict):
        await log.append(reserving(take("person/one", second)))
    # Another key, and the same one again for who has it already, are no conflict.
    await log.append(reserving(take("person/other", second)))
    await log.append(reserving(take("person/one", first)))
    await log.append(reserving(give_back("person/one", first)))
    await log.append(reserving(take("person/one", second)))

    assert await held(database) == {
        ("open_case", "person/one", second),
        ("open_case", "person/other", second),
    }
    assert await log.head() == 5


async def test_of_many_who_want_the_last_places_at_once_so_many_get_one(
    log: PostgresEventLog, database: str
) -> None:
    second_pool = await open_pool(database)
    others = PostgresEventLog(second_pool)
    results = await asyncio.gather(
        *((log, others)[n % 2].append(reserving(take("worker", uuid4(), HARD_LIMIT))) for n in range(20)),
        return_exceptions=True,
    )
    assert Counter(type(result) for result in results) == {Answer: HARD_LIMIT, VersionConflict: 17}
    assert len(await held(database)) == HARD_LIMIT == await log.head()
    await second_pool.close()


async def test_one_command_may_pass_a_place_on_and_never_takes_more_than_are_left(
    log: PostgresEventLog, database: str
) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    await log.append(reserving(take("key", first)))
    with pytest.raises(VersionConflict):
        await log.append(reserving(give_back("key", first), take("key", second), take("key", third)))
    assert await held(database) == {("open_case", "key", first)}
    await log.append(reserving(give_back("key", first), take("key", second)))
    assert await held(database) == {("open_case", "key", second)}


async def test_a_command_that_meets_a_conflict_elsewhere_takes_no_place(
    log: PostgresEventLog, database: str
) -> None:
    stream = uuid4()
    append = reserving(take("key", uuid4()), stream=stream)
    await log.append(reserving(stream=stream))
    [change] = append.changes
    at_a_wrong_version = StreamChange(stream, 0, change.events)
    with pytest.raises(VersionConflict):
        await log.append(
            Append(append.command_id, "Note", (at_a_wrong_version,), reservations=append.reservations)
        )
    assert await held(database) == set()


async def test_the_application_cannot_write_reservations_itself(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    await log.append(reserving(take("key", uuid4())))
    assert await pool.fetchval("SELECT count(*) FROM log.reservation") == 1
    for statement in (
        "DELETE FROM log.reservation",
        "INSERT INTO log.reservation VALUES ('open_case', 'other', gen_random_uuid())",
        "UPDATE log.reservation SET holder = gen_random_uuid()",
        "TRUNCATE log.reservation",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


# -- what the events take ---------------------------------------------------------------------------------------------


def test_an_episode_holds_a_persons_place_in_its_programme_and_a_case_one_of_its_workers() -> None:
    person, case, worker = PersonId(uuid4()), CaseId(uuid4()), WorkerId(uuid4())
    opened = EpisodeOpened(person_id=person, case_id=case, programme="manchester-maps")
    ended = EpisodeEnded(person_id=person, case_id=case, programme="manchester-maps")
    taken = CaseTaken(worker_id=worker, case_id=case, points=3)
    released = CaseReleased(worker_id=worker, case_id=case)
    key = f"{person}/manchester-maps"

    assert reservations([opened, taken], {worker: 15}) == (
        Reservation("open_case", key, case, 1),
        Reservation("place", str(worker), case, 15),
    )
    assert reservations([ended, released], {}) == (
        Reservation("open_case", key, case, None),
        Reservation("place", str(worker), case, None),
    )
    # What happens last to one place counts.
    assert reservations([released, taken], {worker: 15})[0].limit == 15
    assert reservations([taken, released], {worker: 15})[0].limit is None


async def tell(log: PostgresEventLog, *events: Event) -> None:
    """Append events to streams that nobody has read."""
    command_id = uuid4()
    changes = tuple(
        StreamChange(event.stream_id, ANY_VERSION, (NewEvent(event, envelope(command_id)),))
        for event in events
    )
    limits = {event.worker_id: HARD_LIMIT for event in events if isinstance(event, CaseTaken)}
    await log.append(Append(command_id, "Note", changes, reservations=reservations(events, limits)))


async def test_reservations_made_anew_from_the_log_are_those_that_were_written_beside_it(
    log: PostgresEventLog, database: str
) -> None:
    people = [PersonId(uuid4()) for _ in range(3)]
    workers = [WorkerId(uuid4()) for _ in range(2)]
    cases = [CaseId(uuid4()) for _ in range(12)]
    written = refused = 0
    for n in range(90):
        case, person, worker = cases[n * 7 % 12], people[n % 3], workers[n * 5 % 2]
        programme = PROGRAMMES[n % 2]
        events: list[Event] = [
            [
                EpisodeOpened(person_id=person, case_id=case, programme=programme),
                CaseTaken(worker_id=worker, case_id=case, points=n),
            ],
            [EpisodeEnded(person_id=person, case_id=case, programme=programme)],
            [CaseTaken(worker_id=worker, case_id=case, points=n)],
            [CaseReleased(worker_id=worker, case_id=case)],
        ][n * 11 % 4]
        try:
            await tell(log, *events)
            written += 1
        except VersionConflict:
            refused += 1
    beside = await held(database)
    assert written > 20
    assert refused > 5
    assert beside

    before, after = await rebuild_reservations(database)
    assert before == after == beside == await held(database)

    await as_owner(database, "DELETE FROM log.reservation")
    assert await rebuild_reservations(database) == (frozenset(), after)
    assert await held(database) == beside
