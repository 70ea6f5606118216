"""Cases: one row per case, to find it again and to see where it stands and what it waits for next.

The columns with a person's name and NHS number are marked personal in `cases.sql`; who may see them is not decided
here. Must not put them, or what somebody searched for, into an error or a log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from domain.case.referral import ReferralDrafted, ReferralSubmitted
from domain.case.stages import OPEN_STAGES, Stage
from domain.errors import Conflict, NotFound
from domain.messages import CaseId, MeetingId, PersonId, WorkerId
from projections.batch import Batch
from projections.case_file import CASE_TOPICS, DATED_TOPICS, CaseFile
from projections.page import (
    COUNTED,
    Page,
    ReadRow,
    asking,
    can_occur,
    page_size,
    read_cursor,
    write_cursor,
)
from projections.sql import Queries
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
_SEARCHED: Final = frozenset({ReferralDrafted.TOPIC, ReferralSubmitted.TOPIC})
SHORTEST_PREFIX: Final = 4
"""From this length on, hexadecimal digits are taken as the beginning of an id."""

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


class CaseNotFound(NotFound):
    """No case has this id, this beginning of an id, or this register reference."""

    code = "not_found"


class CaseNotUnique(Conflict):
    """More than one case has this beginning of an id, or this register reference; give the whole id."""

    code = "case_not_unique"


class CaseRow(ReadRow):
    """One case. `next_clock` names the running clock that runs out first; see `projections.words.CLOCKS`."""

    case_id: CaseId
    person_id: PersonId
    programme: str
    programme_version: str
    stage: Stage
    since: datetime
    ward: str | None
    neighbourhood: str | None
    forum: str | None
    referring_agency: str
    urgency: str
    reference: str | None
    worker_id: WorkerId | None
    worker_name: str | None
    meeting_id: MeetingId | None
    next_clock: str | None
    next_due_at: datetime | None
    opened_at: datetime
    received_at: datetime | None
    closed_at: datetime | None
    closed_because: str | None
    possible_duplicate: bool
    safeguarding_open: bool
    repeat: bool
    events: int
    # Personal:
    given_name: str
    family_name: str
    known_as: str
    nhs_number: str


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; what is None does not matter.

    `text` is words of a name, reference or NHS number, or parts of words from three letters on, or an id's beginning.
    """

    text: str | None = None
    stages: Sequence[Stage] | None = None
    forum: str | None = None
    agency: str | None = None
    worker: UUID | None = None
    programme: str | None = None
    possible_duplicate: bool | None = None
    open: bool | None = None


class Cases:
    """Keeps one row per case from the case's own events."""

    NAME: ClassVar[str] = "cases"
    VERSION: ClassVar[int] = 2
    QUERIES: ClassVar[Queries] = SQL
    HEARS: ClassVar[frozenset[str]] = CASE_TOPICS
    OPENS: ClassVar[frozenset[str]] = CASE_TOPICS
    DATES: ClassVar[frozenset[str]] = DATED_TOPICS

    async def apply(self, tables: Tables, batch: Batch) -> None:
        files = await batch.cases()
        if not files:
            return
        await tables.execute("drop", list(files))
        await tables.copy("cases", [_values(file) for file in files.values()])
        told_anew = {one.stream_id for one in batch.told if one.topic in _SEARCHED}
        if searched := [file for case_id, file in files.items() if case_id in told_anew]:
            await tables.execute("drop_search", [file.case.case_id for file in searched])
            await tables.copy("cases_search", [_searched(file) for file in searched])


def _values(file: CaseFile) -> tuple[object, ...]:
    """The row of one case, in the order of the table's columns."""
    case = file.case
    next_due = min(((due_at, clock) for clock, due_at in case.due.items()), default=None)
    return (
        case.case_id,
        case.person_id,
        case.programme,
        case.programme_version,
        case.stage.value,
        file.since,
        file.ward,
        case.neighbourhood,
        case.forum,
        case.referring_agency,
        case.urgency,
        file.reference,
        case.worker_id,
        file.worker_names.get(case.worker_id) if case.worker_id is not None else None,
        case.meeting_id,
        next_due[1] if next_due else None,
        next_due[0] if next_due else None,
        file.opened_at,
        file.received_at,
        file.since if case.stage is Stage.CLOSED else None,
        case.closed_because,
        bool(case.undecided_duplicates) and case.stage in OPEN_STAGES,
        bool(case.open_concerns),
        file.repeat,
        file.version,
        *file.names,
        file.nhs_number,
    )


def _searched(file: CaseFile) -> tuple[object, ...]:
    """What a case is found by: the words of its names, NHS number and reference, and pieces of them."""
    words = plain_words(" ".join((*file.names, file.nhs_number, file.reference or "")))
    pieces = sorted({piece for word in words for piece in _pieces_of(word)})
    return (file.case.case_id, " ".join(("", *words)), pieces)


def _pieces_of(word: str) -> Iterator[str]:
    """All that a word can be found by: three letters of it in a row, or the one or two that it begins with."""
    yield from (f" {word[:1]}", f" {word[:2]}")
    yield from _threes(word)


def _threes(word: str) -> Iterator[str]:
    return (word[place : place + 3] for place in range(len(word) - 2))


def _wanted_pieces(words: Sequence[str]) -> list[str]:
    """The pieces that a case must have to be found by all these words."""
    return sorted({piece for word in words for piece in (_threes(word) if len(word) > 2 else (f" {word}",))})


def _wanted_patterns(words: Sequence[str]) -> list[str]:
    """Words of three letters are found anywhere in a word, shorter ones at its beginning."""
    return [f"%{word}%" if len(word) > 2 else f"% {word}%" for word in words]


def plain_words(text: str) -> list[str]:
    """The words of a text in plain lower-case letters and digits: Zoë O'Neill-Smith is zoe, oneill, smith."""
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_PLAIN)
    without = "".join(
        sign for sign in folded if sign not in "'\u2019`" and unicodedata.category(sign) != "Mn"
    )
    return re.findall(r"[^\W_]+", without)


def _ids_with_prefix(text: str) -> tuple[UUID, UUID] | None:
    """The first and last id that begin like this, or None if no id can."""
    digits = text.strip().casefold().replace("-", "")
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}", digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))


async def find_cases(
    pool: Pool, wanted: CaseFilter, *, limit: int = 50, after: str | None = None
) -> Page[CaseRow]:
    """The latest opened cases first, with the count of all that pass the filter if they are not too many to count."""
    text = (wanted.text or "").strip()
    words = plain_words(text)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    if (text and not words) or not can_occur(wanted.forum, wanted.agency, wanted.programme):
        return Page(rows=(), total=0)
    size = page_size(limit)
    async with asking(pool) as connection:
        among, patterns = await _candidates(connection, text, words) if text else (None, None)
        filters = (among, patterns, *_filters(wanted))
        records = await connection.fetch(SQL["page"], *filters, *cursor, size + 1)
        total = await connection.fetchval(SQL["count"], *filters, COUNTED + 1)
    rows = tuple(CaseRow.model_validate(dict(record)) for record in records[:size])
    more = len(records) > size
    return Page(
        rows=rows,
        total=total if total <= COUNTED else None,
        next=write_cursor(rows[-1].opened_at, rows[-1].case_id) if more else None,
    )


async def _candidates(
    connection: PoolConnectionProxy, text: str, words: Sequence[str]
) -> tuple[list[UUID] | None, list[str] | None]:
    """The cases that a text finds; or if these are many, no list but what each case must look like.

    Few are looked at one by one; of many, the latest are soon found by going through the cases in their order.
    """
    patterns = _wanted_patterns(words)
    between = _ids_with_prefix(text) or (None, None)
    found = await connection.fetch(SQL["found_by"], _wanted_pieces(words), patterns, *between, COUNTED + 1)
    if len(found) > COUNTED:
        return None, patterns
    return [record["case_id"] for record in found], None


def _filters(wanted: CaseFilter) -> tuple[Any, ...]:
    """The parameters $3 to $10 of `page`."""
    return (
        None if wanted.stages is None else [Stage(stage).value for stage in wanted.stages],
        wanted.forum,
        wanted.agency,
        wanted.worker,
        wanted.programme,
        wanted.possible_duplicate,
        wanted.open,
        sorted(OPEN_STAGES),
    )


async def one_case(pool: Pool, case_id: UUID) -> CaseRow | None:
    """One case, or None."""
    record = await pool.fetchrow(SQL["one"], case_id)
    return CaseRow.model_validate(dict(record)) if record else None


async def resolve_case(pool: Pool, text: str) -> CaseId:
    """The case that somebody means by an id, the beginning of one, or a register reference.

    Raises: CaseNotFound, CaseNotUnique; neither repeats the text, which may be anything.
    """
    if not can_occur(text):
        raise CaseNotFound
    found: set[UUID] = set()
    if between := _ids_with_prefix(text):
        found.update(record["case_id"] for record in await pool.fetch(SQL["with_id_between"], *between))
    found.update(record["case_id"] for record in await pool.fetch(SQL["with_reference"], text.strip()))
    if not found:
        raise CaseNotFound
    if len(found) > 1:
        raise CaseNotUnique
    return CaseId(found.pop())
