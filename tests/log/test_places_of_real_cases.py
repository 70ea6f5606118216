"""Cases that go their way through the application: what they hold, what they free, and who is refused by which rule."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from adapters.bootstrap import SystemClock
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.reservations import rebuild_reservations
from domain.application import Application
from domain.errors import ConcurrentChange
from domain.keyworker.events import CaseTaken
from domain.loading import Loaded
from domain.messages import CaseId, Moment, PersonId, WorkerId
from domain.person.identity import OpenCaseExists
from domain.ports import Reservation
from domain.reservations import OPEN_CASE, PLACE
from domain.rules import Rules
from tests.log.writing import as_owner, reserving
from tests.system.office import REFERRER, Office, a_form

PROGRAMME = "manchester-maps"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def office(log: PostgresEventLog, rules: Rules) -> Office:
    return Office(Application(log=log, identities=log, pool=log, clock=SystemClock(), rules=rules))


async def held(database: str, scope: str) -> set[tuple[str, UUID]]:
    rows = await as_owner(database, "SELECT key, holder FROM log.reservation WHERE scope = $1", scope)
    return {(row["key"], row["holder"]) for row in rows}


async def referred(office: Office, number: int) -> tuple[CaseId, PersonId]:
    case_id = await office.refer(number)
    case = await office.case(case_id)
    assert case.person_id is not None
    return case_id, case.person_id


async def test_a_case_holds_its_persons_place_until_it_ends(office: Office, database: str) -> None:
    case_id, person_id = await referred(office, 1)
    assert await held(database, OPEN_CASE) == {(f"{person_id}/{PROGRAMME}", case_id)}
    with pytest.raises(OpenCaseExists):
        await office.do(REFERRER, "submit-referral", form=a_form(1), person_id=person_id)

    await office.do(REFERRER, "withdraw-referral", case_id=case_id, explanation="No longer needed")
    assert await held(database, OPEN_CASE) == set()
    await office.do(REFERRER, "submit-referral", form=a_form(1), person_id=person_id)
    assert len(await held(database, OPEN_CASE)) == 1


async def test_an_allocated_case_holds_one_of_its_workers_places(office: Office, database: str) -> None:
    worker = await office.register_worker("kim")
    worker_id = WorkerId(worker.worker_id)
    cases = await office.accepted_cases([1, 2])
    for case_id in cases:
        await office.allocate(case_id, worker)
    assert await held(database, PLACE) == {(str(worker_id), case_id) for case_id in cases}

    before, after = await rebuild_reservations(database)
    assert before == after
    assert len(after) == 4

    # Also when no decision has read the worker, their limit is the one they were registered with.
    taken = CaseTaken(worker_id=worker_id, case_id=CaseId(uuid4()), points=1)
    assert await office.application._hard_limits(Loaded(), [taken]) == {worker_id: 15}


async def test_a_place_that_the_streams_do_not_tell_of_is_held_all_the_same(
    office: Office, log: PostgresEventLog
) -> None:
    """Only a defect of the program could bring it about; then nothing is recorded, and nobody has two open cases."""
    command_id = uuid4()
    person_id = Moment(NOW, NOW, REFERRER, command_id).new_id("person")
    await log.append(reserving(Reservation(OPEN_CASE, f"{person_id}/{PROGRAMME}", uuid4(), 1)))
    with pytest.raises(ConcurrentChange):
        await office.do(REFERRER, "submit-referral", form=a_form(1), command_id=command_id)
    assert await log.head() == 1
