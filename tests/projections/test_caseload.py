"""Caseload: who carries how much."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from asyncpg import Pool

from domain.case.cover import CoverEnded
from domain.keyworker.events import CaseReweighed, KeyWorkerAbsent, KeyWorkerReturned
from projections import ProjectionRunner, ReadModels
from tests.projections.telling import Teller, completed, engaged, given_to, stepped_down
from tests.support.scenario import DECIDED, HOUSING, SHELTER, a_case, a_worker


async def test_a_worker_without_cases_has_room(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await teller.tell(a_worker("sam"))
    await runner.catch_up()
    (row,) = await models.caseload()
    assert (row.display_name, row.agency, row.forums) == ("Sam", SHELTER, ("ardwick-longsight",))
    assert (row.cases, row.points, row.load_percent) == (0, 0, 0.0)
    assert (row.soft_limit, row.hard_limit, row.capacity_points) == (10, 15, 40.0)
    assert row.cases_by_stage == {}


async def test_cases_count_by_the_stage_they_are_in(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, one, two = a_worker("sam"), a_case("one").accepted(), a_case("two").accepted()
    await teller.tell(sam, one, two, given_to(one, sam, points=6), given_to(two, sam), engaged(two, sam))
    await runner.catch_up()
    (row,) = await models.caseload()
    assert (row.cases, row.points, row.load_percent) == (2, 10, 25.0)
    assert row.cases_by_stage == {"Introduction": 1, "Active": 1}
    assert list(row.cases_by_stage) == ["Introduction", "Active"]


async def test_a_case_that_is_released_leaves_the_caseload(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, case = a_worker("sam"), a_case().accepted()
    await teller.tell(sam, case, given_to(case, sam), engaged(case, sam), stepped_down(case, at=DECIDED))
    await runner.catch_up()
    (row,) = await models.caseload()
    assert row.cases_by_stage == {"Monitoring": 1}
    await teller.tell(completed(case, sam, at=DECIDED))
    await runner.catch_up()
    (row,) = await models.caseload()
    assert (row.cases, row.points, row.cases_by_stage) == (0, 0, {})


async def test_a_case_that_is_closed_leaves_nothing_behind_however_its_events_are_cut(
    teller: Teller, runner: ProjectionRunner, pool: Pool
) -> None:
    at_once, later, open_still = (
        a_case("one").closed(),
        a_case("two").awaiting_consent(),
        a_case("three").accepted(),
    )
    await teller.tell(at_once, later, open_still)
    await runner.catch_up()
    assert await _stages(pool) == {later.case_id, open_still.case_id}
    await teller.tell(later.closed().facts[len(later.facts) :])
    await runner.catch_up()
    assert await _stages(pool) == {open_still.case_id}


async def _stages(pool: Pool) -> set[UUID]:
    return {row["case_id"] for row in await pool.fetch("SELECT case_id FROM read.caseload_stage")}


async def test_a_case_that_is_weighed_anew_counts_with_its_new_points(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, case = a_worker("sam"), a_case().accepted()
    reweighed = CaseReweighed(worker_id=sam.worker_id, case_id=case.case_id, points=3)
    await teller.tell(sam, case, given_to(case, sam), reweighed)
    await runner.catch_up()
    (row,) = await models.caseload()
    assert (row.cases, row.points) == (1, 3)


async def test_workers_are_listed_by_name_and_found_by_forum_agency_and_id(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    zoe = a_worker("zoe", forums=("wythenshawe",), agency=HOUSING)
    await teller.tell(zoe, a_worker("ann"))
    await runner.catch_up()
    assert [row.display_name for row in await models.caseload()] == ["Ann", "Zoe"]
    assert [row.display_name for row in await models.caseload(forum="wythenshawe")] == ["Zoe"]
    assert [row.display_name for row in await models.caseload(agency=SHELTER)] == ["Ann"]
    assert [row.display_name for row in await models.caseload(worker=zoe.worker_id)] == ["Zoe"]
    assert await models.caseload(programme="other") == []
    assert await models.caseload(forum="nul\x00") == []


async def test_a_worker_who_left_is_shown_on_a_day_only_while_cases_remain(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    left = date(2027, 1, 31)
    await teller.tell(a_worker("ann").leaving(left), a_worker("sam").carrying(1).leaving(left))
    await runner.catch_up()
    on_the_day = await models.caseload(on=left)
    the_day_after = await models.caseload(on=date(2027, 2, 1))
    assert [row.display_name for row in on_the_day] == ["Ann", "Sam"]
    assert [row.display_name for row in the_day_after] == ["Sam"]


async def test_the_workload_says_what_each_case_weighs_and_what_all_come_to(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, one, two = a_worker("sam", capacity_points=16), a_case("one").accepted(), a_case("two").accepted()
    await teller.tell(sam, one, two, given_to(one, sam, points=6), given_to(two, sam, points=8))
    await runner.catch_up()
    heavy, light = await models.workload(worker=sam.worker_id)
    assert (heavy.case_id, heavy.points, heavy.stage) == (two.case_id, 8, "Introduction")
    assert (light.points_in_all, light.load_percent) == (14, 87.5)
    assert await models.workload(forum="wythenshawe") == []


async def test_a_worker_who_is_away_is_shown_as_absent_and_never_why(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam = a_worker("sam")
    away = KeyWorkerAbsent(
        worker_id=sam.worker_id, first_day=date(2027, 2, 1), last_day=date(2027, 2, 5), explanation="Ill"
    )
    await teller.tell(sam, away)
    await runner.catch_up()
    (row,) = await models.caseload()
    assert (row.absent_from, row.absent_until) == (date(2027, 2, 1), date(2027, 2, 5))
    assert "Ill" not in row.model_dump_json()
    await teller.tell(KeyWorkerReturned(worker_id=sam.worker_id))
    await runner.catch_up()
    (row,) = await models.caseload()
    assert row.absent_from is None


async def test_who_covers_for_a_case_is_known_until_the_cover_ends(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, kim = a_worker("sam"), a_worker("kim")
    case = a_case().active(sam).worker_away().covered_by(kim)
    await teller.tell(kim, case)
    await runner.catch_up()
    (row,) = await models.workload()
    assert (row.covered_by, row.covered_until) == (kim.worker_id, date(2027, 3, 31))
    assert {row.display_name: (row.cases, row.covering) for row in await models.caseload()} == {
        "Sam": (1, 0),
        "Kim": (0, 1),
    }
    await teller.tell(
        CoverEnded(
            **case.ids, worker_id=sam.worker_id, cover_worker_id=kim.worker_id, because="worker_returned"
        )
    )
    await runner.catch_up()
    (row,) = await models.workload()
    assert (row.covered_by, row.covered_until) == (None, None)
    assert sum(row.covering for row in await models.caseload()) == 0
