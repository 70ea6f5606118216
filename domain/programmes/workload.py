"""How much a case weighs and how much a worker can carry: pure arithmetic over the programme's weights.

The figures are there to be looked at together with people, not to decide alone: only the case limits refuse.
Must not hold a weight of its own. Source: workload weighting formula (proposed), parameters in the programme.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from domain.programmes.model import Caseload, CasePoints, Grade, Intensity


def case_points(
    weights: CasePoints,
    *,
    intensity: Intensity,
    safeguarding_open: bool = False,
    children: int = 0,
    interpreter_needed: bool = False,
    long_travel: bool = False,
    programmes: int = 1,
    stepping_down: bool = False,
) -> int:
    """Return the points of one case. `long_travel` is more than 30 minutes; the first child adds nothing."""
    extra_children = min(max(children - 1, 0), weights.extra_children_at_most)
    points = (
        weights.base[intensity]
        + weights.safeguarding_open * safeguarding_open
        + weights.each_extra_child * extra_children
        + weights.interpreter * interpreter_needed
        + weights.long_travel * long_travel
        + weights.several_programmes * (programmes >= 2)
        + weights.step_down * stepping_down
    )
    return min(max(points, weights.minimum), weights.maximum)


def capacity_points(caseload: Caseload, *, fte: float, grade: Grade, supervises: bool = False) -> float:
    """Return how many points a worker can carry; `fte` 1.0 is a full working week. Never below nought."""
    # Decimal, so that 0.7 of a week is 0.7 and a worker at exactly the limit is not a hair above it.
    full = Decimal(str(fte)) * caseload.points_per_fte * Decimal(str(caseload.grade_factors[grade]))
    return float(max(full - caseload.supervision_points * supervises, Decimal(0)))


def load_percent(points: Iterable[int], capacity: float) -> float | None:
    """Return the load in per cent of the capacity, to one decimal place; None without capacity."""
    if capacity <= 0:
        return None
    return round(100 * sum(points) / capacity, 1)


@dataclass(frozen=True, slots=True)
class CaseLimits:
    """Above `soft` a manager approves; above `hard` it is refused unless overridden with a review date."""

    soft: int
    hard: int


def case_limits(caseload: Caseload, *, grade: Grade) -> CaseLimits:
    """Return a grade's case limits: a newly qualified worker has a share, nobody more than the limit.

    Source: MEAM, not above 1:15, whatever the grade; newly qualified workers 80 % of the limit (proposed).
    """
    share = min(Decimal(str(caseload.grade_factors[grade])), Decimal(1))

    def part(limit: int) -> int:
        return int((limit * share).to_integral_value(ROUND_FLOOR))

    return CaseLimits(soft=part(caseload.soft_cases), hard=part(caseload.hard_cases))
