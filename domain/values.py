"""Value objects of the pathway: everything that has a rule or a unit of its own.

Each serialises to a plain JSON string, number or list, so that it can stand in an event for decades.
Must not read a clock, and must never put the value itself in a message: most of them are personal data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.gb import nhs

__all__ = [
    "LONGEST_LIFE_YEARS",
    "NDTA_ITEMS",
    "NHSNumber",
    "NHSNumberCheckDigitWrong",
    "NHSNumberIsPlaceholder",
    "NHSNumberNotTenDigits",
    "Ndta",
    "NdtaItem",
    "NdtaItemCountWrong",
    "NdtaNotNumbers",
    "NdtaScoreOutOfRange",
    "ValueNotUsable",
    "age_on",
    "spreadsheet_safe",
]


class ValueNotUsable(ValueError):
    """The value breaks the rule of its kind."""

    code = "value_not_usable"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


# --- NHS number -------------------------------------------------------------------------------------------


class NHSNumberNotTenDigits(ValueNotUsable):
    """An NHS number has ten digits; spaces and dashes may stand between them."""

    code = "nhs_number_not_ten_digits"


class NHSNumberCheckDigitWrong(ValueNotUsable):
    """The last digit of the NHS number does not agree with the others; check it against its source."""

    code = "nhs_number_check_digit_wrong"


class NHSNumberIsPlaceholder(ValueNotUsable):
    """An NHS number of one repeated digit is a placeholder; leave the field empty when it is not known."""

    code = "nhs_number_is_placeholder"


class NHSNumber(str):
    """A ten-digit NHS number, stored without spaces.

    Raises: NHSNumberNotTenDigits, NHSNumberCheckDigitWrong, NHSNumberIsPlaceholder.
    Source: NHS Data Dictionary, data element NHS NUMBER (modulus 11 check digit).
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        try:
            compact = nhs.validate(text)
        except InvalidChecksum:
            raise NHSNumberCheckDigitWrong from None
        except ValidationError:
            raise NHSNumberNotTenDigits from None
        # All ten-fold repeats pass modulus 11. Two people typed in as 0000000000 would be linked as one.
        if len(set(compact)) == 1:
            raise NHSNumberIsPlaceholder
        return super().__new__(cls, compact)

    def spaced(self) -> str:
        """Write the number as people read it: 3-3-4."""
        return f"{self[:3]} {self[3:6]} {self[6:]}"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "title": "NHS number",
            "description": "Ten digits with a valid check digit; spaces and dashes are accepted.",
            "examples": ["9990000018"],
        }


# --- Date of birth ----------------------------------------------------------------------------------------

LONGEST_LIFE_YEARS: Final = 120


def age_on(born: date, day: date) -> int:
    """Return the age in completed years on a day; somebody born on 29 February gains a year on 1 March.

    Source: Family Law Reform Act 1969 s9 (an age is attained at the start of the anniversary).
    """
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


# --- NDTA -------------------------------------------------------------------------------------------------


class NdtaItemCountWrong(ValueNotUsable):
    """An NDTA has ten scores, in the order of its items; leave a place empty where a score is missing."""

    code = "ndta_item_count_wrong"


class NdtaNotNumbers(ValueNotUsable):
    """NDTA scores are whole numbers."""

    code = "ndta_not_numbers"


class NdtaScoreOutOfRange(ValueNotUsable):
    """A score is outside the range of its NDTA item."""

    code = "ndta_score_out_of_range"

    def __init__(self, item: NdtaItem) -> None:
        allowed = ", ".join(str(score) for score in item.allowed)
        super().__init__(f"NDTA item {item.number} ({item.label}) takes one of {allowed}.")
        self.item = item.number


@dataclass(frozen=True, slots=True)
class NdtaItem:
    """One item of the assessment. Its wording belongs to a third party and is not shipped."""

    number: int
    label: str
    allowed: tuple[int, ...]


_SINGLE: Final = (0, 1, 2, 3, 4)
_DOUBLE: Final = (0, 2, 4, 6, 8)

# Source: New Directions Team Assessment, London Borough of Merton; labels and ranges only (domain.md 4.1).
NDTA_ITEMS: Final = (
    NdtaItem(1, "Engagement with front-line services", _SINGLE),
    NdtaItem(2, "Intentional self-harm", _SINGLE),
    NdtaItem(3, "Unintentional self-harm", _SINGLE),
    NdtaItem(4, "Risk to others", _DOUBLE),
    NdtaItem(5, "Risk from others", _DOUBLE),
    NdtaItem(6, "Stress and anxiety", _SINGLE),
    NdtaItem(7, "Social effectiveness", _SINGLE),
    NdtaItem(8, "Alcohol/drug use", _SINGLE),
    NdtaItem(9, "Impulse control", _SINGLE),
    NdtaItem(10, "Housing", _SINGLE),
)


@dataclass(frozen=True, slots=True)
class Ndta:
    """The ten NDTA scores of one day; a missing score is None and leaves the assessment without a total.

    Units: items 4 and 5 take 0, 2, 4, 6 or 8; the others 0 to 4; a higher score is a greater need.
    Raises: NdtaItemCountWrong, NdtaScoreOutOfRange.
    Source: New Directions Team Assessment; no official cut-off was found, so none is here.
    """

    scores: tuple[int | None, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", tuple(self.scores))
        if len(self.scores) != len(NDTA_ITEMS):
            raise NdtaItemCountWrong
        for item, score in zip(NDTA_ITEMS, self.scores, strict=True):
            if score is not None and score not in item.allowed:
                raise NdtaScoreOutOfRange(item)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "3,2,1,0,6,2,0,0,0,4"; an empty place is a missing score.

        Raises: NdtaNotNumbers, NdtaItemCountWrong, NdtaScoreOutOfRange.
        """
        cells = (cell.strip() for cell in text.split(","))
        try:
            return cls(tuple(int(cell) if cell else None for cell in cells))
        except ValueError as error:
            if isinstance(error, ValueNotUsable):
                raise
            raise NdtaNotNumbers from None

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the items that have no score."""
        return tuple(
            item.number for item, score in zip(NDTA_ITEMS, self.scores, strict=True) if score is None
        )

    @property
    def is_complete(self) -> bool:
        """Whether every item has a score."""
        return not self.missing

    @property
    def total(self) -> int | None:
        """The sum of the ten scores (0 to 48), or None while a score is missing."""
        if self.missing:
            return None
        return sum(score for score in self.scores if score is not None)

    @classmethod
    def _from_input(cls, given: object) -> Ndta:
        if isinstance(given, Ndta):
            return given
        if isinstance(given, str):
            return cls.parse(given)
        if not isinstance(given, Iterable):
            raise NdtaNotNumbers
        scores = tuple(given)
        if not all(score is None or type(score) is int for score in scores):
            raise NdtaNotNumbers
        return cls(scores)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._from_input,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda ndta: list(ndta.scores)),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _core: CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "array",
            "title": "NDTA scores",
            "description": "Ten scores in item order; items 4 and 5 count double; null where one is missing.",
            "prefixItems": [{"title": item.label, "enum": [*item.allowed, None]} for item in NDTA_ITEMS],
            "minItems": len(NDTA_ITEMS),
            "maxItems": len(NDTA_ITEMS),
            "examples": [[3, 2, 1, 0, 6, 2, 0, 0, 0, 4]],
        }


# --- Text on its way out ----------------------------------------------------------------------------------

_STARTS_A_FORMULA: Final = tuple("=+-@＝＋－＠")  # noqa: RUF001 - the full-width signs are the point


def spreadsheet_safe(text: str) -> str:
    """Return text that a spreadsheet shows and does not run, for the moment a CSV file is written.

    The log keeps what was said, unaltered; only the copy that leaves in a file gets the leading apostrophe.
    Source: OWASP, CSV Injection.
    """
    if text[:1] in ("\t", "\r", "\n") or text.lstrip().startswith(_STARTS_A_FORMULA):
        return f"'{text}"
    return text
