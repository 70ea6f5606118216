"""When two records may be one person: the same NHS number, or the same birthday and nearly the same name.

A match is a question for a person to answer, never an answer: nothing here merges anything.
Must not put a name, a date or a number into a message or a representation.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

# From this length of given and family name together, two slips of the pen still leave the same name; below,
# one: in a short name two changed letters make another, as in Ann Ray and Amy Roy.
TWO_SLIPS_FROM: Final = 10
# How alike given names and family names must each be when the slips are more: Ann Ray and Anne Raye.
ALIKE: Final = 0.92

# Letters that Unicode does not take apart into a base letter and an accent.
_PLAIN: Final = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)


class MatchGround(StrEnum):
    """Why two records may be about one person."""

    SAME_NHS_NUMBER = "same_nhs_number"
    SAME_BIRTHDAY_NEAR_NAME = "same_birthday_near_name"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Who somebody is said to be. It has no representation, so that it cannot reach a log line.

    Units: `nhs_number` is compact, as NHSNumber writes it; it is checked where it comes in, not on every reading.
    """

    given_name: str
    family_name: str
    known_as: str | None = None
    date_of_birth: date | None = None
    nhs_number: str | None = None


def identity_match(a: Identity, b: Identity) -> MatchGround | None:
    """Return why two identities may be one person, or None.

    Two different NHS numbers are two people, whatever their names: a namesake is another person.
    """
    if a.nhs_number and b.nhs_number:
        return MatchGround.SAME_NHS_NUMBER if a.nhs_number == b.nhs_number else None
    if a.date_of_birth is None or a.date_of_birth != b.date_of_birth:
        return None
    if any(near_name(one, other) for one in _names(a) for other in _names(b)):
        return MatchGround.SAME_BIRTHDAY_NEAR_NAME
    return None


def near_name(a: str, b: str) -> bool:
    """Whether two full names are nearly spelt the same, given and family name in either order.

    Case, accents, apostrophes, hyphens, spaces and middle names do not matter. A single name matches nothing.
    """
    return any(_near(one, other) for one in _readings(a) for other in _readings(b))


def _names(identity: Identity) -> Iterator[str]:
    yield f"{identity.given_name} {identity.family_name}"
    known_as = (identity.known_as or "").strip()
    if known_as:
        yield f"{known_as} {identity.family_name}"
        yield known_as


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """The ways to read a name as given and family name: every cut, and first with last only; both orders."""
    words = _words(name)
    if len(words) < 2:
        return
    cuts = {("".join(words[:cut]), "".join(words[cut:])) for cut in range(1, len(words))}
    cuts.add((words[0], words[-1]))
    for given, family in cuts:
        yield given, family
        yield family, given


def _near(a: tuple[str, str], b: tuple[str, str]) -> bool:
    longest = max(len("".join(a)), len("".join(b)))
    allowed = 2 if longest >= TWO_SLIPS_FROM else 1
    slips = sum(DamerauLevenshtein.distance(one, other) for one, other in zip(a, b, strict=True))
    if slips <= allowed:
        return True
    return all(JaroWinkler.similarity(one, other) >= ALIKE for one, other in zip(a, b, strict=True))


def _words(name: str) -> list[str]:
    """The words of a name in plain lower-case letters; O'Neill is one word, Smith-Jones is two."""
    plain = unicodedata.normalize("NFKD", name.casefold()).translate(_PLAIN)
    letters = "".join(
        " " if letter.isspace() or unicodedata.category(letter) == "Pd" else letter for letter in plain
    )
    words = ("".join(letter for letter in word if letter.isalnum()) for word in letters.split())
    return [word for word in words if word]
