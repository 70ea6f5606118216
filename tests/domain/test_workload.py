"""What a case weighs and what a worker can carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.programmes import Grade, Intensity, Programme
from domain.programmes.workload import CaseLimits, capacity_points, case_limits, case_points, load_percent

CASELOAD = Programme.load("manchester-maps").caseload
WEIGHTS = CASELOAD.points


def test_an_intensive_case_with_three_children_and_an_interpreter_is_nine_points() -> None:
    assert case_points(WEIGHTS, intensity="intensive", children=3, interpreter_needed=True) == 9


def test_a_standard_case_in_step_down_is_three_points() -> None:
    assert case_points(WEIGHTS, intensity="standard", stepping_down=True) == 3


def test_a_case_with_everything_is_capped_at_ten_points() -> None:
    points = case_points(
        WEIGHTS,
        intensity="intensive",
        safeguarding_open=True,
        children=5,
        interpreter_needed=True,
        long_travel=True,
        programmes=2,
    )
    assert points == 10


def test_a_low_case_in_step_down_keeps_the_least_points() -> None:
    assert case_points(WEIGHTS, intensity="low", stepping_down=True) == 2


@pytest.mark.parametrize(("children", "points"), [(0, 4), (1, 4), (2, 5), (3, 6), (4, 7), (5, 7), (9, 7)])
def test_each_child_after_the_first_adds_a_point_up_to_three(children: int, points: int) -> None:
    assert case_points(WEIGHTS, intensity="standard", children=children) == points


@pytest.mark.parametrize(("programmes", "points"), [(1, 4), (2, 5), (3, 5)])
def test_two_or_more_programmes_add_one_point(programmes: int, points: int) -> None:
    assert case_points(WEIGHTS, intensity="standard", programmes=programmes) == points


@given(
    st.sampled_from(["low", "standard", "intensive"]),
    st.booleans(),
    st.integers(0, 12),
    st.booleans(),
    st.booleans(),
    st.integers(1, 4),
    st.booleans(),
)
def test_no_case_leaves_the_bounds(
    intensity: Intensity,
    safeguarding: bool,
    children: int,
    interpreter: bool,
    travel: bool,
    programmes: int,
    step: bool,
) -> None:
    points = case_points(
        WEIGHTS,
        intensity=intensity,
        safeguarding_open=safeguarding,
        children=children,
        interpreter_needed=interpreter,
        long_travel=travel,
        programmes=programmes,
        stepping_down=step,
    )
    assert WEIGHTS.minimum <= points <= WEIGHTS.maximum


@pytest.mark.parametrize(
    ("fte", "grade", "supervises", "capacity"),
    [
        (0.5, "asye", False, 16.0),
        (1.0, "asye", False, 32.0),
        (1.0, "experienced", False, 40.0),
        (1.0, "senior", False, 44.0),
        (1.0, "senior", True, 40.0),
        (0.7, "experienced", False, 28.0),
        (0.1, "experienced", True, 0.0),
        (0.05, "experienced", True, 0.0),
    ],
)
def test_capacity_follows_hours_grade_and_supervision(
    fte: float, grade: Grade, supervises: bool, capacity: float
) -> None:
    assert capacity_points(CASELOAD, fte=fte, grade=grade, supervises=supervises) == capacity


def test_two_eight_point_cases_fill_a_half_time_newly_qualified_worker() -> None:
    assert load_percent([8, 8], capacity_points(CASELOAD, fte=0.5, grade="asye")) == 100.0


def test_a_worker_without_capacity_has_no_load_in_per_cent() -> None:
    assert load_percent([4], 0.0) is None
    assert load_percent([], 40.0) == 0.0


@pytest.mark.parametrize(
    ("grade", "soft", "hard"), [("asye", 8, 12), ("experienced", 10, 15), ("senior", 10, 15)]
)
def test_a_newly_qualified_worker_has_four_fifths_of_the_limit_and_nobody_more_than_it(
    grade: Grade, soft: int, hard: int
) -> None:
    assert case_limits(CASELOAD, grade=grade) == CaseLimits(soft=soft, hard=hard)
