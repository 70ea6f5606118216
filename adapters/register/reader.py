"""Reading a referral register: CSV as spreadsheets write it, with mixed dates, blanks and repeated rows.

It turns cells into the words of the domain and judges nothing: what a date or a ward is worth, the domain's rules say.
A row that cannot be put into words at all is refused here, with a rule of its own. Texts are kept as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import UUID, uuid5

from pydantic import ValidationError

from adapters.input import EARLIEST_YEAR, unkeepable
from domain.calendar import LONDON
from domain.case.referral import SubmitReferral
from domain.case.referral_form import ReferralForm
from domain.values import NDTA_ITEMS

REGISTER = UUID("3d0e8f5c-6b1e-5d35-9d3c-0f2b7c1a4e77")
"""Namespace of the command ids made from register references: the same reference twice is the same command."""

COLUMNS = (
    "reference",
    "received",
    "referring_agency",
    "referrer",
    "referrer_email",
    "given_name",
    "family_name",
    "known_as",
    "date_of_birth",
    "nhs_number",
    "gender",
    "ethnicity",
    "first_language",
    "interpreter",
    "ward",
    "no_fixed_abode",
    "postcode",
    "telephone",
    "needs",
    "risk_to_workers",
    "agencies_involved",
    "tried",
    "offer",
    "person_aware",
    "not_aware_reason",
    "consent_held",
    "urgency",
    "ndta",
    "narrative",
)
MANDATORY = frozenset(
    {"reference", "referring_agency", "given_name", "family_name", "date_of_birth", "ward", "needs", "offer"}
)
COLUMN_OF = {
    "referrer_contact": "referrer_email",
    "consent_claimed": "consent_held",
}
"""Fields of the command that the register calls otherwise, where a text can be too long."""
YES = frozenset({"yes", "y", "true", "1"})
NO = frozenset({"no", "n", "false", "0", ""})
LONGEST_NAME = 120
"""Of an agency or a referrer: who acts is named with every event."""


class RegisterUnreadable(Exception):
    """The file is not a register; nothing of it was brought in. The message says what is missing."""


class CellRefused(Exception):
    """A cell cannot be put into words; `rule` names why. It never holds the cell's text."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,99}")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the register: its line number in the file, and its cells, trimmed."""

    number: int
    cells: dict[str, str]
    shape_is_wrong: bool

    @property
    def reference(self) -> str:
        return self.cells.get("reference", "")

    @property
    def shown_reference(self) -> str:
        """The reference, if it is one: where cells slipped a column, its place may hold somebody's name."""
        is_one = REFERENCE.fullmatch(self.reference) and not self.shape_is_wrong
        return self.reference if is_one else ""

    @property
    def command_id(self) -> UUID:
        """Made from the reference alone, whatever its case, so that a second import adds nothing."""
        return uuid5(REGISTER, self.reference.casefold())


@dataclass(frozen=True, slots=True)
class Referral:
    """A row in the words of the domain."""

    command: SubmitReferral
    agency: str
    referrer: str
    received_at: datetime | None


def read_register(path: Path) -> list[Line]:
    """Every row of a register file.

    Raises: RegisterUnreadable with a sentence for a person, when the file or its header cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RegisterUnreadable(f"There is no file {path}.") from None
    except OSError as error:
        raise RegisterUnreadable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise RegisterUnreadable(
            f"{path} is not UTF-8 (byte {error.start}); export it as 'CSV UTF-8' and try again."
        ) from None
    # A cell too long is its row's fault; at its own limit, csv would give up the whole file.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        missing = sorted(MANDATORY - set(header))
        if missing:
            raise RegisterUnreadable(
                f"{path} is not a referral register: the header lacks {', '.join(missing)}."
            )
        twice = sorted(name for name in COLUMNS if header.count(name) > 1)
        if twice:
            raise RegisterUnreadable(
                f"{path} says twice in its header: {', '.join(twice)}; keep one of each."
            )
        return list(_lines(reader, header))
    except csv.Error as error:
        raise RegisterUnreadable(f"{path}, line {reader.line_num}: {error}.") from None


def _lines(reader: Iterator[list[str]], header: list[str]) -> Iterator[Line]:
    for number, row in enumerate(reader, start=2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=False)}
        yield Line(number, cells, shape_is_wrong=len(row) != len(header))


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def in_words(line: Line, programme: str) -> Referral:
    """One row as a command; raises CellRefused when a cell cannot be put into words."""
    cells = line.cells
    if line.shape_is_wrong:
        raise CellRefused(
            "row_malformed",
            "The row has more or fewer cells than the header; a quotation mark that is never closed takes in the rows below.",
        )
    if not line.reference:
        raise CellRefused("reference_required", "reference: every row has one.")
    if not REFERENCE.fullmatch(line.reference):
        raise CellRefused(
            "reference_malformed", "reference: letters, digits and _ . : / - only, 100 at most."
        )
    agency = cells.get("referring_agency", "")
    if not agency:
        raise CellRefused(
            "referring_agency_required", "referring_agency: every referral comes from an agency."
        )
    for column in COLUMNS:
        cell = cells.get(column, "")
        if unkeepable(cell) or (column in ("referring_agency", "referrer") and len(cell) > LONGEST_NAME):
            raise _unusable(column)
    urgency = cells.get("urgency", "").casefold() or "routine"
    if urgency not in ("routine", "urgent"):
        raise CellRefused("urgency_unknown", "urgency: routine or urgent.")
    try:
        command = SubmitReferral(
            programme=programme,
            urgency="urgent" if urgency == "urgent" else "routine",
            source_reference=line.reference,
            referrer=cells.get("referrer") or None,
            referrer_contact=cells.get("referrer_email") or None,
            if_possible_duplicate="link",
            form=_form(cells),
        )
    except ValidationError as error:
        field = str(error.errors(include_input=False)[0]["loc"][0])
        raise _unusable(COLUMN_OF.get(field, field)) from None
    return Referral(
        command, agency, cells.get("referrer") or "not named", _received(cells.get("received", ""))
    )


def _unusable(column: str) -> CellRefused:
    return CellRefused("cell_unusable", f"{column}: the text is too long or cannot be stored.")


def _form(cells: dict[str, str]) -> ReferralForm:
    return ReferralForm(
        given_name=cells.get("given_name", ""),
        family_name=cells.get("family_name", ""),
        known_as=cells.get("known_as", ""),
        date_of_birth=_day(cells.get("date_of_birth", "")),
        nhs_number=cells.get("nhs_number", ""),
        gender=cells.get("gender", ""),
        ethnicity=cells.get("ethnicity", ""),
        first_language=cells.get("first_language", ""),
        interpreter_needed=_yes_or_no("interpreter", cells),
        ward=cells.get("ward", ""),
        no_fixed_abode=_has_no_home(cells),
        postcode=cells.get("postcode", ""),
        telephone=cells.get("telephone", ""),
        needs=_several(cells.get("needs", "")),
        risk_to_workers=cells.get("risk_to_workers", ""),
        agencies_involved=_several(cells.get("agencies_involved", "")),
        tried=cells.get("tried", ""),
        offer=cells.get("offer", ""),
        person_aware=_yes_or_no("person_aware", cells),
        not_aware_reason=cells.get("not_aware_reason", ""),
        consent_claimed=_several(cells.get("consent_held", "")),
        ndta=_scores(cells.get("ndta", "")),
        narrative=cells.get("narrative", ""),
    )


def _several(cell: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in cell.split(";") if part.strip()))


def _yes_or_no(column: str, cells: dict[str, str]) -> bool:
    cell = cells.get(column, "").casefold()
    if cell in YES:
        return True
    if cell in NO:
        return False
    raise CellRefused("yes_or_no_expected", f"{column}: yes or no.")


def _has_no_home(cells: dict[str, str]) -> bool:
    """A register says either where somebody lives or that they have no home: of both, one was filled in by mistake."""
    has_no_home = _yes_or_no("no_fixed_abode", cells)
    if has_no_home and cells.get("ward"):
        raise CellRefused(
            "ward_of_no_fixed_abode",
            "ward, no_fixed_abode: a person without a home has no ward; leave one of the two out.",
        )
    return has_no_home


def _day(cell: str) -> str:
    """ISO 8601 if the cell is a day in one of the usual British forms; else the cell, for the domain to refuse."""
    for form in (
        "%Y-%m-%d",
        "%d/%m/%Y",
        "%d-%m-%Y",
        "%d.%m.%Y",
        "%d %b %Y",
        "%d %B %Y",
        "%d-%b-%Y",
        "%Y-%m-%dT%H:%M:%S",
        # A spreadsheet or a database writes a day with its midnight.
        "%Y-%m-%d %H:%M:%S",
        "%d/%m/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
    ):
        try:
            return datetime.strptime(cell, form).date().isoformat()  # noqa: DTZ007 - a birthday has no time zone
        except ValueError:
            continue
    try:
        return date.fromisoformat(cell).isoformat()
    except ValueError:
        return cell[:40]


def _received(cell: str) -> datetime | None:
    """When the agency says it referred; a year that no calendar is worked out for is a slip of the pen."""
    instant = _instant(cell) if cell else None
    if instant is not None and instant.year < EARLIEST_YEAR:
        raise _not_a_time()
    return instant


def _not_a_time() -> CellRefused:
    return CellRefused(
        "received_not_a_time", "received: a time such as 2027-01-04T09:30 or 04/01/2027 09:30."
    )


def _instant(cell: str) -> datetime:
    """An instant; local time is Europe/London. A day alone is its midnight."""
    for form in (
        "%Y-%m-%dT%H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%d/%m/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
    ):
        try:
            return datetime.strptime(cell, form).replace(tzinfo=LONDON)
        except ValueError:
            continue
    try:
        instant = datetime.fromisoformat(cell)
    except ValueError:
        try:
            instant = datetime.combine(date.fromisoformat(_day(cell)), datetime.min.time())
        except ValueError:
            raise _not_a_time() from None
    return instant if instant.tzinfo else instant.replace(tzinfo=LONDON)


def _scores(cell: str) -> tuple[int | None, ...] | None:
    if not cell:
        return None
    parts = cell.split(",") if cell.count(",") == len(NDTA_ITEMS) - 1 else ["too few or too many"]
    try:
        return tuple(int(part) if part.strip() else None for part in parts)
    except ValueError:
        raise CellRefused("score_out_of_range", "ndta: ten whole numbers, separated by commas.") from None
