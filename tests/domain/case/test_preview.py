"""Preview: what an allocation would do to a worker's load, before anybody decides."""

from datetime import date

import pytest

from domain.case.line import in_line
from domain.case.preview import AllocationPreview, Load, preview
from tests.support.scenario import CaseStory, States, WorkerStory, a_case, a_worker, rules

DAY = date(2027, 1, 22)


def looked_at(case: CaseStory, worker: WorkerStory, *others: CaseStory) -> AllocationPreview:
    line = [in_line(one.case) for one in (case, *others)]
    return preview(
        case.case,
        States([*worker]).workers[worker.worker_id],
        [one for one in line if one is not None],
        rules(),
        day=DAY,
    )


def test_a_preview_shows_the_load_before_and_after_and_what_speaks_for_it() -> None:
    shown = looked_at(
        a_case().accepted(intensity="intensive"), a_worker(capacity_points=16).carrying(1, points=8)
    )
    assert shown.before == Load(cases=1, points=8, load_percent=50.0)
    assert shown.after == Load(cases=2, points=14, load_percent=87.5)
    assert shown.speaks_for == ("within_soft_limit", "attached_to_forum")
    assert (shown.needs_approval, shown.needs_override, shown.refused_by, shown.ahead) == (False, (), (), 0)


@pytest.mark.parametrize(
    ("carries", "approval", "override"),
    [(9, False, ()), (10, True, ()), (14, True, ()), (15, True, ("worker_at_hard_limit",))],
)
def test_a_preview_names_the_limits_that_it_would_meet(
    carries: int, approval: bool, override: tuple[str, ...]
) -> None:
    shown = looked_at(a_case().accepted(), a_worker().carrying(carries))
    assert (shown.needs_approval, shown.needs_override) == (approval, override)


def test_a_preview_says_what_nobody_may_set_aside_and_who_comes_before() -> None:
    sam = a_worker()
    case, urgent = a_case().waiting().refusing(sam), a_case("urgent").waiting(band="P1")
    shown = looked_at(case, sam, urgent)
    assert (shown.refused_by, shown.ahead) == (("person_refused_worker",), 1)
