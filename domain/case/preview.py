"""Preview: what giving a case to a worker would mean, before anybody does it. It decides nothing and records nothing.

The rules are those of an allocation (`matching.py`, `allocating.py`); the figures are indicative, only limits refuse.
Source: workload formula and limits (domain reference 5.1, 5.2): transparent, reviewed, indicative and not decisive.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from domain.case.allocation import points_of
from domain.case.line import Waiting, ahead_of
from domain.case.matching import SOFT_RULES, Pairing, broken_hard_rules
from domain.messages import CaseId, Code, Message, WorkerId
from domain.programmes.workload import load_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


class Load(Message):
    """What a worker carries. The load is in per cent of their capacity; None without capacity."""

    cases: int
    points: int
    load_percent: float | None


class AllocationPreview(Message):
    """A worker's load before and after, the limits, and what speaks for and against."""

    case_id: CaseId
    worker_id: WorkerId
    points: int
    before: Load
    after: Load
    soft_limit: int
    hard_limit: int
    capacity_points: float
    needs_approval: bool
    """The soft limit is reached: a manager approves."""
    needs_override: tuple[Code, ...]
    """Hard rules that a manager may set aside with a reason."""
    refused_by: tuple[Code, ...]
    """Hard rules that nobody sets aside."""
    speaks_for: tuple[Code, ...]
    score: int
    ahead: int
    """How many waiting cases come before this one."""


def preview(
    case: Case, worker: KeyWorker, waiting: Sequence[Waiting], rules: Rules, *, day: date
) -> AllocationPreview:
    """What an allocation on this day would do to the worker's load, and which rules it would meet."""
    programme = rules.programme(case.programme)
    pair = Pairing(case, worker, programme, day)
    points = points_of(case, rules)
    others = [weight for case_id, weight in worker.cases.items() if case_id != case.case_id]
    broken = list(broken_hard_rules(pair))
    speaks_for = tuple(code for code, is_met in SOFT_RULES if is_met(pair))
    return AllocationPreview(
        case_id=case.case_id,
        worker_id=worker.worker_id,
        points=points,
        before=_load(list(worker.cases.values()), worker),
        after=_load([*others, points], worker),
        soft_limit=worker.soft_limit,
        hard_limit=worker.hard_limit,
        capacity_points=worker.capacity_points,
        needs_approval=worker.is_at_soft_limit,
        needs_override=tuple(rule.refusal.code for rule in broken if rule.may_be_overridden),
        refused_by=tuple(rule.refusal.code for rule in broken if not rule.may_be_overridden),
        speaks_for=speaks_for,
        score=sum(getattr(programme.allocation.weights, code) for code in speaks_for),
        ahead=len(ahead_of(case, waiting)),
    )


def _load(points: Sequence[int], worker: KeyWorker) -> Load:
    return Load(
        cases=len(points), points=sum(points), load_percent=load_percent(points, worker.capacity_points)
    )
