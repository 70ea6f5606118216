"""NDTA scores: ten items, two of them of double weight, and no total while one is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.values import NDTA_ITEMS, Ndta, NdtaItemCountWrong, NdtaNotNumbers, NdtaScoreOutOfRange


class Record(BaseModel):
    ndta: Ndta | None = None


@pytest.mark.parametrize(
    ("scores", "total"),
    [
        ("0,0,0,0,0,0,0,0,0,0", 0),
        ("4,4,4,8,8,4,4,4,4,4", 48),
        ("2,2,2,4,4,2,2,2,2,2", 24),
        ("3, 2, 1, 0, 6, 2, 0, 0, 0, 4", 18),
    ],
)
def test_the_total_is_the_sum_of_the_ten_scores(scores: str, total: int) -> None:
    assert Ndta.parse(scores).total == total


def test_a_missing_score_leaves_the_assessment_incomplete_and_without_a_total() -> None:
    ndta = Ndta.parse("3,2,,0,6,2,0,0,0,4")
    assert ndta.missing == (3,)
    assert not ndta.is_complete
    assert ndta.total is None


@pytest.mark.parametrize(
    ("scores", "item"),
    [
        ("0,0,0,3,0,0,0,0,0,0", 4),
        ("1,2,3,5,4,1,2,3,4,0", 4),
        ("0,0,0,0,1,0,0,0,0,0", 5),
        ("0,0,0,10,0,0,0,0,0,0", 4),
        ("5,0,0,0,0,0,0,0,0,0", 1),
        ("0,0,0,0,0,0,0,0,0,-1", 10),
    ],
)
def test_a_score_outside_the_range_of_its_item_is_refused_with_the_item_named(scores: str, item: int) -> None:
    with pytest.raises(NdtaScoreOutOfRange, match=f"item {item} ") as refusal:
        Ndta.parse(scores)
    assert refusal.value.item == item


@pytest.mark.parametrize("scores", ["", "1,2,3", "0,0,0,0,0,0,0,0,0", "0,0,0,0,0,0,0,0,0,0,0"])
def test_an_assessment_has_ten_places(scores: str) -> None:
    with pytest.raises(NdtaItemCountWrong):
        Ndta.parse(scores)


@pytest.mark.parametrize("scores", ["a,0,0,0,0,0,0,0,0,0", "1.5,0,0,0,0,0,0,0,0,0"])
def test_scores_are_whole_numbers(scores: str) -> None:
    with pytest.raises(NdtaNotNumbers):
        Ndta.parse(scores)


SCORES = st.tuples(*(st.sampled_from(item.allowed) for item in NDTA_ITEMS))


@given(SCORES)
def test_every_allowed_set_of_scores_totals_between_0_and_48_and_survives_json(
    scores: tuple[int, ...],
) -> None:
    record = Record(ndta=Ndta(scores))
    assert record.ndta is not None
    assert record.ndta.total == sum(scores)
    assert 0 <= sum(scores) <= 48
    assert record.model_dump(mode="json") == {"ndta": list(scores)}
    assert Record.model_validate_json(record.model_dump_json()) == record


@given(SCORES, st.integers(0, 9), st.integers(-20, 20))
def test_any_score_that_an_item_does_not_take_is_refused(
    scores: tuple[int, ...], place: int, score: int
) -> None:
    changed = (*scores[:place], score, *scores[place + 1 :])
    if score in NDTA_ITEMS[place].allowed:
        assert Ndta(changed).is_complete
    else:
        with pytest.raises(NdtaScoreOutOfRange):
            Ndta(changed)


@pytest.mark.parametrize("given_value", [["a"] * 10, 5, [True] * 10, [0.5] * 10, {"a": 1}, "x", [0] * 9])
def test_a_model_refuses_what_is_no_list_of_ten_scores(given_value: object) -> None:
    with pytest.raises(ValidationError):
        Record.model_validate({"ndta": given_value})


def test_the_schema_gives_labels_and_ranges_and_an_example_that_is_accepted() -> None:
    schema = Record.model_json_schema()["properties"]["ndta"]["anyOf"][0]
    assert [item["title"] for item in schema["prefixItems"]] == [item.label for item in NDTA_ITEMS]
    assert Ndta(tuple(schema["examples"][0])).is_complete
