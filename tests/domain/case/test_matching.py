"""Matching, over many pools: who is left out, in which order the others stand, and what must never count."""

import dataclasses
from collections.abc import Sequence
from datetime import date

from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.case import matching
from domain.case.state import Case
from domain.keyworker.state import KeyWorker
from domain.messages import CaseId, WorkerId
from tests.support.scenario import FORUM, a_case, rules, some_id

DAY = date(2027, 1, 22)
PROGRAMME = rules().programme("manchester-maps")
WORKERS = [WorkerId(some_id(f"worker/{number}")) for number in range(6)]

genders = st.sampled_from([None, "female", "male", "non-binary", ""])
workers = st.builds(
    KeyWorker,
    worker_id=st.sampled_from(WORKERS),
    staff_ref=st.just("worker-1"),
    programme=st.sampled_from(["manchester-maps", "manchester-maps", "manchester-maps", "another"]),
    forums=st.sampled_from([(), (FORUM,), ("gorton-levenshulme",)]),
    specialisms=st.sampled_from([(), ("mental_health",), ("gambling",)]),
    languages=st.sampled_from([(), ("Urdu",), ("English", "Somali")]),
    gender=genders,
    soft_limit=st.sampled_from([2, 10]),
    hard_limit=st.just(12),
    capacity_points=st.sampled_from([0.0, 16.0, 40.0]),
    active_from=st.sampled_from([date(2026, 1, 1), DAY, date(2027, 1, 23)]),
    active_until=st.sampled_from([None, date(2027, 1, 21), DAY]),
    cases=st.sampled_from([0, 1, 2, 9, 11, 12, 13]).map(
        lambda many: {CaseId(some_id(f"case/{number}")): 4 for number in range(many)}
    ),
)
pools = st.lists(workers, unique_by=lambda worker: worker.worker_id, max_size=6)


@st.composite
def cases(draw: st.DrawFn, *, stated: bool = True) -> Case:
    """A case that waits for a worker, with or without what the person and workers have said."""
    story = a_case(first_language=draw(st.sampled_from(["", "English", "urdu", "Somali"])))
    case = story.accepted().case
    return dataclasses.replace(
        case,
        refused_workers=draw(st.sets(st.sampled_from(WORKERS), max_size=2)),
        queried_workers=draw(st.sets(st.sampled_from(WORKERS), max_size=2)),
        wants_gender=draw(st.sampled_from([None, "female", "Male"])) if stated else None,
    )


def ids(ranked: Sequence[matching.Ranked | matching.LeftOut]) -> list[WorkerId]:
    return [one.worker_id for one in ranked]


@for_all(case=cases(), pool=pools)
def test_every_worker_is_either_a_candidate_or_left_out_with_a_reason(
    case: Case, pool: list[KeyWorker]
) -> None:
    ranking = matching.rank(case, pool, PROGRAMME, DAY)
    assert sorted([*ids(ranking.candidates), *ids(ranking.left_out)]) == sorted(w.worker_id for w in pool)
    assert all(one.because for one in ranking.left_out)


@for_all(case=cases(), pool=pools)
def test_no_worker_who_is_left_out_by_any_hard_rule_is_ever_a_candidate(
    case: Case, pool: list[KeyWorker]
) -> None:
    candidates = set(ids(matching.rank(case, pool, PROGRAMME, DAY).candidates))
    for worker in (one for one in pool if one.worker_id in candidates):
        assert worker.programme == case.programme
        assert worker.active_from is not None
        assert worker.active_from <= DAY <= (worker.active_until or DAY)
        assert len(worker.cases) < worker.hard_limit
        assert worker.worker_id not in case.refused_workers | case.queried_workers
        if case.wants_gender is not None:
            assert (worker.gender or "").lower() == case.wants_gender.lower()


@for_all(case=cases(), pool=pools, data=st.data())
def test_the_order_does_not_depend_on_the_order_of_the_pool(
    case: Case, pool: list[KeyWorker], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(pool))
    assert matching.rank(case, shuffled, PROGRAMME, DAY) == matching.rank(case, pool, PROGRAMME, DAY)


@for_all(case=cases(), pool=pools)
def test_the_better_score_stands_first_then_the_lighter_load_then_the_id(
    case: Case, pool: list[KeyWorker]
) -> None:
    load = {worker.worker_id: worker.load for worker in pool}
    ranked = matching.rank(case, pool, PROGRAMME, DAY).candidates
    keys = [(-one.score, load[one.worker_id], str(one.worker_id)) for one in ranked]
    assert keys == sorted(keys)


@for_all(case=cases(), pool=pools)
def test_whoever_has_room_stands_before_whoever_needs_a_managers_approval(
    case: Case, pool: list[KeyWorker]
) -> None:
    room = [one.within_soft_limit for one in matching.rank(case, pool, PROGRAMME, DAY).candidates]
    assert room == sorted(room, reverse=True)


@for_all(case=cases(stated=False), pool=pools, data=st.data())
def test_equality_data_changes_nothing_when_the_person_stated_no_wish(
    case: Case, pool: list[KeyWorker], data: st.DataObject
) -> None:
    others = [dataclasses.replace(worker, gender=data.draw(genders)) for worker in pool]
    assert matching.rank(case, others, PROGRAMME, DAY) == matching.rank(case, pool, PROGRAMME, DAY)


@for_all(case=cases(), pool=pools, language=st.sampled_from(["", "English", "Urdu", "Somali", "Polish"]))
def test_no_language_leaves_anybody_out(case: Case, pool: list[KeyWorker], language: str) -> None:
    before = matching.rank(case, pool, PROGRAMME, DAY).left_out
    spoken = dataclasses.replace(case, first_language=language, interpreter_needed=bool(language))
    assert matching.rank(spoken, pool, PROGRAMME, DAY).left_out == before


def test_a_specialism_may_be_a_need_or_the_domain_that_it_counts_towards() -> None:
    case = a_case(needs=("substance_alcohol", "debt")).accepted().case
    for specialism, knows in (
        ("substance_alcohol", True),
        ("substance_misuse", True),
        ("debt", True),
        ("substance_drugs", False),
        ("gambling", False),
    ):
        worker = KeyWorker(WORKERS[0], specialisms=(specialism,))
        assert matching.knows_the_need(matching.Pairing(case, worker, PROGRAMME, DAY)) is knows
