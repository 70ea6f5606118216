"""Cases: one row per case, to find it again and to see where it stands and what it waits for next.

The columns with a person's name and NHS number are marked personal in `cases.sql`; who may see them is not decided
here. Must not put them, or what somebody searched for, into an error or a log.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from domain.case.allocation import KeyWorkerAllocated
from domain.case.referral import ReferralSubmitted
from domain.case.stages import OPEN_STAGES, Stage
from domain.errors import Conflict, NotFound
from domain.messages import CaseId, MeetingId, PersonId, WorkerId
from projections.batch import Batch, CaseHistory
from projections.page import Page, ReadRow, can_occur, page_size, read_cursor, write_cursor
from projections.sql import Queries, put_many

SQL: Final = Queries.beside(__file__)
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
    """Which cases to list; what is None does not matter. `text` is words of a name, reference, NHS number, or an id's beginning."""

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
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        if batch.cases:
            await connection.execute(SQL["drop"], list(batch.cases))
        await put_many(connection, SQL["put"], [_values(history) for history in batch.cases.values()])


def _values(history: CaseHistory) -> tuple[object, ...]:
    """The row of one case, in the order of the query `put`."""
    case, form, submission = history.case, history.form, history.submission
    referral = submission.event if submission else None
    assert referral is None or isinstance(referral, ReferralSubmitted)
    opening = submission or history.recorded[0]
    next_due = min(((due_at, clock) for clock, due_at in case.due.items()), default=None)
    names = (form.given_name, form.family_name, form.known_as, form.nhs_number) if form else ("", "", "", "")
    nhs_number = "".join(digit for digit in names[3] if digit.isalnum())
    reference = referral.source_reference if referral else None
    return (
        case.case_id,
        case.person_id,
        case.programme,
        case.programme_version,
        case.stage.value,
        history.stage_since,
        referral.ward if referral else None,
        case.neighbourhood,
        case.forum,
        case.referring_agency,
        case.urgency,
        reference,
        case.worker_id,
        _worker_name(history),
        case.meeting_id,
        next_due[1] if next_due else None,
        next_due[0] if next_due else None,
        opening.envelope.recorded_at,
        submission.envelope.effective_at if submission else None,
        history.stage_since if case.stage is Stage.CLOSED else None,
        case.closed_because,
        bool(case.undecided_duplicates) and case.stage in OPEN_STAGES,
        bool(case.open_concerns),
        referral.repeat if referral else False,
        history.recorded[-1].version,
        *names[:3],
        nhs_number,
        " ".join(plain_words(" ".join((*names[:3], nhs_number, reference or "")))),
    )


def _worker_name(history: CaseHistory) -> str | None:
    """The name of the present key worker, as it was when the case was given to them."""
    if history.case.worker_id is None:
        return None
    allocations = (one.event for one in history.recorded if isinstance(one.event, KeyWorkerAllocated))
    names = {event.worker_id: event.worker_name for event in allocations}
    return names.get(history.case.worker_id)


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
    """The latest opened cases first, with the count of all that pass the filter."""
    filters = _filters(wanted)
    if filters is None:
        return Page(rows=(), total=0)
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID)) if after else (None, None)
    records = await pool.fetch(SQL["page"], *filters, *cursor, size + 1)
    total = await pool.fetchval(SQL["count"], *filters)
    rows = tuple(CaseRow.model_validate(dict(record)) for record in records[:size])
    more = len(records) > size
    return Page(
        rows=rows, total=total, next=write_cursor(rows[-1].opened_at, rows[-1].case_id) if more else None
    )


def _filters(wanted: CaseFilter) -> tuple[Any, ...] | None:
    """The parameters $1 to $11 of `page`; None if nothing can fit, as for a search text without letter or digit."""
    text = (wanted.text or "").strip()
    words = plain_words(text)
    if (text and not words) or not can_occur(wanted.forum, wanted.agency, wanted.programme):
        return None
    between = _ids_with_prefix(text) or (None, None)
    return (
        [f"%{word}%" for word in words] if words else None,
        *between,
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
