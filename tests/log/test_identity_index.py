"""Finding people again, and two people who may be one never registered behind each other's back."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from adapters.postgres.event_log import PostgresEventLog
from domain.keyworker.events import KeyWorkerRegistered
from domain.messages import PersonId, WorkerId
from domain.ports import Answer, Append, IdentityKey, NewEvent, StreamChange, VersionConflict
from tests.log.writing import as_owner, envelope, registration

NUMBER = IdentityKey("nhs_number", "9434765919")
BIRTHDAY = IdentityKey("date_of_birth", "1985-03-31")


async def test_a_registered_person_is_found_by_each_of_their_keys(log: PostgresEventLog) -> None:
    one, other = PersonId(uuid4()), PersonId(uuid4())
    await log.append(registration([NUMBER, BIRTHDAY], person_id=one))
    await log.append(registration([BIRTHDAY], person_id=other, seen=[one]))

    assert await log.people_with([NUMBER]) == {one}
    assert await log.people_with([BIRTHDAY]) == {one, other}
    assert await log.people_with([NUMBER, BIRTHDAY]) == {one, other}
    assert await log.people_with([IdentityKey("nhs_number", BIRTHDAY.value)]) == frozenset()
    assert await log.people_with([]) == frozenset()


async def test_somebody_who_appeared_since_the_look_is_a_conflict_and_nothing_is_kept(
    log: PostgresEventLog,
) -> None:
    one = PersonId(uuid4())
    await log.append(registration([BIRTHDAY], person_id=one))
    with pytest.raises(VersionConflict):
        await log.append(registration([NUMBER, BIRTHDAY]))
    with pytest.raises(VersionConflict):
        await log.append(registration([NUMBER, BIRTHDAY], seen=[PersonId(uuid4())]))
    assert await log.people_with([NUMBER]) == frozenset()
    assert await log.head() == 1


async def test_of_many_registrations_of_one_person_at_once_one_wins(log: PostgresEventLog) -> None:
    results = await asyncio.gather(
        *(log.append(registration([NUMBER, BIRTHDAY])) for _ in range(12)), return_exceptions=True
    )
    assert sum(isinstance(result, Answer) for result in results) == 1
    assert sum(isinstance(result, VersionConflict) for result in results) == 11
    assert len(await log.people_with([NUMBER])) == 1


async def test_a_repeated_registration_is_answered_and_is_no_conflict_with_itself(
    log: PostgresEventLog,
) -> None:
    append = registration([NUMBER])
    await log.append(append)
    assert (await log.append(append)).repeated


async def test_a_person_of_whom_no_key_is_known_is_registered_too(log: PostgresEventLog) -> None:
    await log.append(registration([]))
    await log.append(registration([]))
    assert await log.head() == 2


async def test_the_index_can_be_deleted_because_it_is_not_the_truth(
    log: PostgresEventLog, database: str
) -> None:
    await log.append(registration([NUMBER]))
    await as_owner(database, "DELETE FROM log.identity_key")
    assert await log.people_with([NUMBER]) == frozenset()


def worker_registered(programme: str) -> tuple[WorkerId, Append]:
    worker_id, command_id = WorkerId(uuid4()), uuid4()
    event = KeyWorkerRegistered.model_validate(
        {
            "worker_id": worker_id,
            "staff_ref": "worker-1",
            "display_name": "Kim Worker",
            "agency": "Test agency",
            "programme": programme,
            "forums": ["north"],
            "soft_limit": 8,
            "hard_limit": 10,
            "capacity_points": 20.0,
            "active_from": "2026-01-01",
        }
    )
    new = NewEvent(event, envelope(command_id, "RegisterKeyWorker"))
    return worker_id, Append(command_id, "RegisterKeyWorker", (StreamChange(worker_id, 0, (new,)),))


async def test_the_pool_is_every_registered_key_worker_of_the_programme(log: PostgresEventLog) -> None:
    assert await log.workers_of("manchester-maps") == []
    workers = []
    for programme in ("manchester-maps", "elsewhere", "manchester-maps"):
        worker_id, append = worker_registered(programme)
        await log.append(append)
        workers.append(worker_id)
    assert await log.workers_of("manchester-maps") == [workers[0], workers[2]]
    assert await log.workers_of("elsewhere") == [workers[1]]
