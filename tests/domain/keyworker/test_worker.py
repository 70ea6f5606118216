"""Key workers: who is in the pool, and how much they can carry."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from domain.errors import AlreadyRecorded, NotFound, NotPermitted
from domain.keyworker import events as k
from domain.keyworker.worker import (
    ForumUnknown,
    LeavesBeforeStarting,
    RecordKeyWorkerLeaving,
    RegisterKeyWorker,
)
from domain.messages import WorkerId
from domain.rules import UnknownProgramme
from tests.support.scenario import COORDINATOR, MANAGER, a_worker, given, like, new_id, some_id


def register(**changed: Any) -> RegisterKeyWorker:
    return RegisterKeyWorker.model_validate(RegisterKeyWorker.EXAMPLE | changed)


def test_a_registered_worker_has_limits_and_capacity_from_the_programme() -> None:
    given().when(register(), as_=MANAGER).then(
        like(
            k.KeyWorkerRegistered,
            worker_id=new_id("worker"),
            staff_ref="engagement-worker-1",
            programme="manchester-maps",
            forums=("ardwick-longsight",),
            grade="experienced",
            soft_limit=10,
            hard_limit=15,
            capacity_points=40.0,
        )
    )


@pytest.mark.parametrize(
    ("grade", "fte", "supervises", "soft", "hard", "capacity"),
    [
        ("asye", 0.5, False, 8, 12, 16.0),
        ("asye", 1.0, False, 8, 12, 32.0),
        ("experienced", 0.7, False, 10, 15, 28.0),
        ("experienced", 1.0, True, 10, 15, 36.0),
        ("senior", 1.0, False, 10, 15, 44.0),
    ],
)
def test_limits_follow_the_grade_and_capacity_the_hours(
    grade: str, fte: float, supervises: bool, soft: int, hard: int, capacity: float
) -> None:
    given().when(register(grade=grade, fte=fte, supervises=supervises)).then(
        like(k.KeyWorkerRegistered, soft_limit=soft, hard_limit=hard, capacity_points=capacity)
    )


@pytest.mark.parametrize(("fte", "allowed"), [(0, False), (0.01, True), (1, True), (1.01, False)])
def test_nobody_works_more_than_a_week_or_no_hour_of_it(fte: float, allowed: bool) -> None:
    if allowed:
        given().when(register(fte=fte)).one(k.KeyWorkerRegistered)
    else:
        with pytest.raises(ValidationError, match="fte"):
            register(fte=fte)


def test_a_worker_may_be_registered_under_an_id_of_ones_own_and_only_once() -> None:
    worker = a_worker()
    given().when(register(worker_id=worker.worker_id)).then(
        like(k.KeyWorkerRegistered, worker_id=worker.worker_id)
    )
    given(worker).when(register(worker_id=worker.worker_id)).refused(AlreadyRecorded)


def test_a_forum_that_does_not_exist_is_refused_by_its_name() -> None:
    refusal = given().when(register(forums=["ardwick-longsight", "atlantis"])).refused(ForumUnknown)
    assert "there is no forum atlantis" in str(refusal)


def test_a_workers_agency_has_one_name_however_it_was_written() -> None:
    given().when(register(agency="gmp")).then(like(k.KeyWorkerRegistered, agency="Greater Manchester Police"))


def test_a_programme_that_does_not_exist_is_refused() -> None:
    given().when(register(programme="atlantis")).refused(UnknownProgramme, programme="atlantis")


@pytest.mark.parametrize(
    ("last", "allowed"),
    [(date(2026, 1, 4), False), (date(2026, 1, 5), True), (date(2026, 1, 6), True)],
)
def test_a_worker_does_not_leave_before_starting(last: date, allowed: bool) -> None:
    registered = given().when(register(active_until=last))
    worker = a_worker(active_from=date(2026, 1, 5))
    leaving = given(worker).when(RecordKeyWorkerLeaving(worker_id=worker.worker_id, last_day=last))
    if allowed:
        registered.then(like(k.KeyWorkerRegistered, active_until=last))
        leaving.then(like(k.KeyWorkerLeft, last_day=last))
    else:
        registered.refused(LeavesBeforeStarting, field="active_until")
        leaving.refused(LeavesBeforeStarting, field="last_day")


@pytest.mark.parametrize(
    ("day", "active"),
    [
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2027, 6, 30), True),
        (date(2027, 7, 1), False),
    ],
)
def test_a_worker_is_in_the_pool_from_the_first_day_to_the_last(day: date, active: bool) -> None:
    worker = a_worker()
    left = given(worker).when(RecordKeyWorkerLeaving(worker_id=worker.worker_id, last_day=date(2027, 6, 30)))
    assert left.accepted().after.worker.active_on(day) is active


def test_the_same_last_day_is_recorded_once_and_may_be_moved() -> None:
    worker = a_worker().leaving(date(2027, 6, 30))
    again = RecordKeyWorkerLeaving(worker_id=worker.worker_id, last_day=date(2027, 6, 30))
    given(worker).when(again).refused(AlreadyRecorded)
    later = RecordKeyWorkerLeaving(worker_id=worker.worker_id, last_day=date(2027, 7, 31))
    given(worker).when(later).one(k.KeyWorkerLeft)


def test_nobody_leaves_whom_we_do_not_know() -> None:
    leaving = RecordKeyWorkerLeaving(worker_id=WorkerId(some_id("nobody")), last_day=date(2027, 6, 30))
    given().when(leaving).refused(NotFound, kind="key worker")


def test_only_a_manager_keeps_the_pool() -> None:
    worker = a_worker()
    given().when(register(), as_=COORDINATOR).refused(NotPermitted)
    leaving = RecordKeyWorkerLeaving(worker_id=worker.worker_id, last_day=date(2027, 6, 30))
    given(worker).when(leaving, as_=worker.actor).refused(NotPermitted)


def test_the_caseload_is_what_was_taken_and_not_released() -> None:
    worker = a_worker().carrying(3, points=4)
    first = next(event.case_id for event in worker if isinstance(event, k.CaseTaken))
    told = worker.then_also(
        k.CaseReweighed(worker_id=worker.worker_id, case_id=first, points=3),
        k.CaseReleased(worker_id=worker.worker_id, case_id=first),
    )
    before, after = given(worker).when(register()).after, given(told).when(register()).after
    assert (before.worker.points, before.worker.load) == (12, 0.3)
    assert (after.worker.points, len(after.worker.cases)) == (8, 2)
