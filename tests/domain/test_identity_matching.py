"""When two records may be about one person, and when they are two people for certain."""

from __future__ import annotations

import csv
from collections import Counter
from contextlib import suppress
from datetime import date, datetime
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.person.matching import Identity, MatchGround, identity_match, near_name
from domain.values import NHSNumber, ValueNotUsable

BORN = date(1980, 5, 19)
FIRST, SECOND = NHSNumber("9990756945"), NHSNumber("9993608378")
REGISTER = Path(__file__).parents[3] / "shared" / "data" / "referrals.csv"


def somebody(
    name: str = "Jamie Brown",
    *,
    known_as: str | None = None,
    born: date | None = BORN,
    nhs_number: NHSNumber | None = None,
) -> Identity:
    given_name, family_name = name.rsplit(" ", 1)
    return Identity(given_name, family_name, known_as, born, nhs_number)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Lyndan Curtis", "Lynda Curtis"),
        ("Jamii Brown", "Jamie Brown"),
        ("Kinneth Baker", "Kenneth Baker"),
        ("Milissa Jennings", "Melissa Jennings"),
        ("Karln Foster", "Karl Foster"),
        ("Kenneth Baker", "KENNETH  BAKER"),
        ("Siobhán O\N{RIGHT SINGLE QUOTATION MARK}Neill", "siobhan oneill"),
        ("Anne-Marie Smith", "Anne Marie Smith"),
        ("Annemarie Smith", "Anne-Marie Smith"),
        ("Sara Smith-Jones", "Sara Smith Jones"),
        ("Sara Smith-Jones", "Sara SmithJones"),
        ("Curtis Lynda", "Lynda Curtis"),
        ("Curtis Lynda", "Lyndan Curtis"),
        ("Steven Fowler", "Stephen Fowler"),
        ("Mohammed Ali", "Muhammad Ali"),
        ("Ann Ray", "Anne Raye"),
        ("Lech Wałęsa", "Lech Walesa"),
        ("Jamie Lee Brown", "Jamie Brown"),
        ("Jaime Brown", "Jamie Brown"),
    ],
)
def test_names_with_a_slip_of_the_pen_are_near(a: str, b: str) -> None:
    assert near_name(a, b)
    assert near_name(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Jade Knight", "Jade Jackson"),
        ("Ruth Whitehead", "Ruth McKenzie"),
        ("Irene Adams", "Irene Reynolds"),
        ("Eleanor Clark", "Sharon Howarth"),
        ("Ann Ray", "Amy Roy"),
        ("Jack Smith", "Jill Smith"),
        ("Ali Khan", "Asif Khan"),
        ("Jamie", "Jamie"),
        ("", ""),
        ("J Brown", "Kenneth Brown"),
    ],
)
def test_different_names_are_not_near(a: str, b: str) -> None:
    assert not near_name(a, b)
    assert not near_name(b, a)


def test_the_same_nhs_number_is_a_ground_whatever_name_and_birthday() -> None:
    a = somebody("Jade Knight", nhs_number=FIRST)
    b = somebody("Jade Jackson", born=date(1999, 1, 1), nhs_number=FIRST)
    assert identity_match(a, b) is MatchGround.SAME_NHS_NUMBER
    assert identity_match(a, b) == "same_nhs_number"


def test_a_namesake_with_another_nhs_number_is_another_person() -> None:
    assert identity_match(somebody(nhs_number=FIRST), somebody(nhs_number=SECOND)) is None


@pytest.mark.parametrize(("first", "second"), [(FIRST, None), (None, FIRST), (None, None)])
def test_the_same_birthday_and_a_near_name_are_a_ground_while_a_number_is_missing(
    first: NHSNumber | None, second: NHSNumber | None
) -> None:
    match = identity_match(somebody(nhs_number=first), somebody("Jamii Brown", nhs_number=second))
    assert match == "same_birthday_near_name"


def test_a_near_name_with_another_birthday_is_no_ground() -> None:
    assert identity_match(somebody(), somebody(born=date(1980, 5, 20))) is None


def test_without_a_birthday_a_name_is_no_ground() -> None:
    assert identity_match(somebody(born=None), somebody(born=None)) is None


def test_the_same_birthday_with_another_name_is_no_ground() -> None:
    assert identity_match(somebody("Jade Knight"), somebody("Jade Jackson")) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (somebody("Kenneth Baker", known_as="Ken"), somebody("Ken Baker")),
        (somebody("Kenneth Baker", known_as="Bill Baker"), somebody("William Baker", known_as="Bill")),
        (somebody("Ada Obi", known_as="Grace Okafor"), somebody("Grace Okafor")),
    ],
)
def test_the_name_that_somebody_goes_by_counts_as_their_name(a: Identity, b: Identity) -> None:
    assert identity_match(a, b) == "same_birthday_near_name"
    assert identity_match(b, a) == "same_birthday_near_name"


def test_going_by_the_same_first_name_is_not_enough() -> None:
    a, b = somebody("Jade Knight", known_as="Jad"), somebody("Jade Jackson", known_as="Jad")
    assert identity_match(a, b) is None


def test_an_identity_does_not_show_itself() -> None:
    assert "Brown" not in repr(somebody())
    assert "Brown" not in str(somebody(nhs_number=FIRST))


WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=10)
LETTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyz")


@given(WORDS, WORDS, st.data())
def test_one_slip_in_any_name_leaves_it_near(given_name: str, family_name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(given_name) - 1))
    letter = data.draw(LETTERS)
    left, right = given_name[:place], given_name[place:]
    for slip in (left + letter + right, left + letter + right[1:], left + right[1:]):
        assert near_name(f"{given_name} {family_name}", f"{slip} {family_name}")


@given(st.text(max_size=25), st.text(max_size=25))
def test_being_near_goes_both_ways(a: str, b: str) -> None:
    assert near_name(a, b) is near_name(b, a)


@given(WORDS, WORDS)
def test_writing_a_name_in_capitals_or_the_other_way_round_leaves_it_near(
    given_name: str, family: str
) -> None:
    assert near_name(f"{given_name} {family}", f"{family.upper()}, {given_name.title()}")


def _from(row: dict[str, str]) -> Identity:
    try:
        number = NHSNumber(row["nhs_number"]) if row["nhs_number"].strip() else None
    except ValueNotUsable:
        number = None
    return Identity(row["given_name"], row["family_name"], row["known_as"] or None, _day(row), number)


def _day(row: dict[str, str]) -> date | None:
    for form in ("%d/%m/%Y", "%Y-%m-%d", "%d %B %Y", "%d %b %Y"):
        with suppress(ValueError):
            return datetime.strptime(row["date_of_birth"].strip(), form).date()  # noqa: DTZ007 - a day only
    return None


@pytest.mark.skipif(not REGISTER.exists(), reason="no shared referral register beside the repository")
def test_the_shared_register_holds_exactly_the_planted_matches() -> None:
    with REGISTER.open(encoding="utf-8-sig", newline="") as file:
        rows = [(row["reference"], _from(row)) for row in csv.DictReader(file)]
    matches = {
        (one, other): ground
        for (one, a), (other, b) in combinations(rows, 2)
        if one != other and (ground := identity_match(a, b))
    }
    assert Counter(matches.values()) == {
        MatchGround.SAME_BIRTHDAY_NEAR_NAME: 5,
        MatchGround.SAME_NHS_NUMBER: 3,
    }
    for (one, other), ground in matches.items():
        suffix = "-B" if ground is MatchGround.SAME_BIRTHDAY_NEAR_NAME else "-C"
        assert {one, other} == {min(one, other), f"{min(one, other)}{suffix}"}
