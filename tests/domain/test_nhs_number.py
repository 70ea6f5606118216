"""NHS numbers, ages and texts on their way out: values with a rule of their own."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.values import (
    NHSNumber,
    NHSNumberCheckDigitWrong,
    NHSNumberIsPlaceholder,
    NHSNumberNotTenDigits,
    ValueNotUsable,
    age_on,
    spreadsheet_safe,
)


class Record(BaseModel):
    nhs_number: NHSNumber | None = None


@pytest.mark.parametrize(
    "text",
    [
        "9993608378",
        "999 360 8378",
        "999-360-8378",
        " 9993608378 ",
        "999 3608378",
        "999\N{NO-BREAK SPACE}360 8378",
    ],
)
def test_an_nhs_number_is_stored_compact_however_it_is_spaced(text: str) -> None:
    number = NHSNumber(text)
    assert number == "9993608378"
    assert number.spaced() == "999 360 8378"


@pytest.mark.parametrize("text", ["", "999", "99936083781", "999360837A", "999.360.8378", "٩٩٩٣٦٠٨٣٧٨"])
def test_an_nhs_number_has_ten_digits(text: str) -> None:
    with pytest.raises(NHSNumberNotTenDigits):
        NHSNumber(text)


@pytest.mark.parametrize("text", ["9995313961", "9996677932", "9991968289", "1234567890"])
def test_an_nhs_number_with_a_wrong_check_digit_is_refused(text: str) -> None:
    with pytest.raises(NHSNumberCheckDigitWrong):
        NHSNumber(text)


@pytest.mark.parametrize("digit", "0123456789")
def test_one_repeated_digit_is_a_placeholder_although_its_check_digit_agrees(digit: str) -> None:
    with pytest.raises(NHSNumberIsPlaceholder):
        NHSNumber(digit * 10)


def check_digit(nine: str) -> int | None:
    """The NHS Data Dictionary's steps, written out: weights 10 to 2, modulus 11; 10 is no digit."""
    digit = 11 - sum(int(d) * weight for d, weight in zip(nine, range(10, 1, -1), strict=True)) % 11
    return {11: 0, 10: None}.get(digit, digit)


@given(st.from_regex(r"[0-9]{9}", fullmatch=True), st.integers(0, 9))
def test_an_nhs_number_is_accepted_exactly_when_its_check_digit_agrees(nine: str, last: int) -> None:
    text = f"{nine}{last}"
    if len(set(text)) == 1:
        return
    if check_digit(nine) == last:
        assert NHSNumber(text) == text
    else:
        with pytest.raises(NHSNumberCheckDigitWrong):
            NHSNumber(text)


@given(st.text(max_size=15))
def test_no_refusal_repeats_what_was_given(text: str) -> None:
    try:
        NHSNumber(text)
    except ValueNotUsable as refusal:
        said = str(refusal)
    else:
        return
    assert said in (
        NHSNumberNotTenDigits.__doc__,
        NHSNumberCheckDigitWrong.__doc__,
        NHSNumberIsPlaceholder.__doc__,
    )


def test_values_travel_through_json_as_plain_strings_and_numbers() -> None:
    record = Record.model_validate_json('{"nhs_number": "999 360 8378"}')
    assert type(record.nhs_number) is NHSNumber
    dumped = record.model_dump_json()
    assert json.loads(dumped) == {
        "nhs_number": "9993608378",
    }
    assert Record.model_validate_json(dumped) == record


def test_every_value_shows_an_example_in_the_json_schema() -> None:
    properties = Record.model_json_schema()["properties"]
    number = next(part for part in properties["nhs_number"]["anyOf"] if part["type"] == "string")
    assert NHSNumber(number["examples"][0])


def test_a_model_refuses_what_the_value_refuses() -> None:
    with pytest.raises(ValidationError, match="does not agree"):
        Record.model_validate({"nhs_number": "9995313961"})


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2008, 11, 21), date(2026, 11, 20), 17),
        (date(2008, 11, 21), date(2026, 11, 21), 18),
        (date(2008, 11, 21), date(2026, 11, 22), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2026, 11, 21), date(2026, 11, 21), 0),
    ],
)
def test_age_counts_completed_years(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+44 161 496 0000",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "\N{FULLWIDTH EQUALS SIGN}1",
    ],
)
def test_text_that_a_spreadsheet_would_run_is_written_with_an_apostrophe(text: str) -> None:
    assert spreadsheet_safe(text) == f"'{text}"
    assert spreadsheet_safe(spreadsheet_safe(text)) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Hulme", "1+1=2", "a=b", "O'Neill", "'quoted'", "e-mail"])
def test_other_text_is_written_as_it_is(text: str) -> None:
    assert spreadsheet_safe(text) == text
