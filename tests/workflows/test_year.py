"""A year of a few open cases, as `python -m benchmarks year` has a thousand live it: the engine keeps its size."""

from __future__ import annotations

import pytest

from benchmarks import year

CASES = 5
MOST_GROWTH_MIB = 40
"""From the second month to the last."""


@pytest.mark.timeout(600)
async def test_a_year_of_open_cases_leaves_no_history_too_long_and_no_memory_behind() -> None:
    lived = await year.run(CASES)
    months = lived["months"]
    assert len(months) == year.MONTHS
    assert months[-1]["open_cases"] >= CASES - 1, "who closes is followed by somebody new"
    assert lived["longest_history"] < year.MOST_ENTRIES
    assert months[-1]["worker_mib"] - months[1]["worker_mib"] < MOST_GROWTH_MIB
    assert lived["by_the_engine"]["mark-contact-overdue"] > 0
    assert lived["by_people"]["record-contact"] > 0
