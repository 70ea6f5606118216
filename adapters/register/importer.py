"""Bringing a register in, row by row in its own order, so that a second run, or one after a crash, ends the same.

Each row becomes one command whose id is made from the row's reference; the log itself remembers what was done.
No pathway rule lives here, and nothing written to the report is personal data.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from adapters.register.reader import CellRefused, Line, in_words
from domain.application import Application, Request
from domain.errors import DomainError, EffectiveInFuture
from domain.geography import OutOfArea, Place
from domain.messages import Actor, Channel
from domain.ports import Answer
from domain.roles import Role
from domain.values import spreadsheet_safe


class Outcome(StrEnum):
    """How a row ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LINKED = "linked"
    ALREADY_KNOWN = "already known"


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """One line of the report: which rule decided, a sentence, and the case if there is one."""

    line: int
    reference: str
    outcome: Outcome
    rule: str = ""
    detail: str = ""
    case_id: UUID | None = None


async def import_register(
    application: Application, lines: Iterable[Line], *, programme: str
) -> AsyncIterator[RowOutcome]:
    """Bring rows in one after the other and yield what became of each."""
    first_seen: dict[str, Line] = {}
    for line in lines:
        earlier = first_seen.setdefault(line.reference.casefold(), line)
        yield await _one(application, line, earlier, programme)


async def _one(application: Application, line: Line, earlier: Line, programme: str) -> RowOutcome:
    try:
        referral = in_words(line, programme)
        answer = await application.execute(
            Request(
                command=referral.command,
                actor=Actor(
                    person="register-import",
                    role=Role.ADAPTER,
                    agency=referral.agency,
                    on_behalf_of=referral.referrer,
                    channel=Channel.ADAPTER,
                ),
                command_id=line.command_id,
                effective_at=referral.received_at,
                repetition_expected=True,
            )
        )
    except CellRefused as refused:
        return RowOutcome(line.number, line.shown_reference, Outcome.REFUSED, refused.rule, str(refused))
    except EffectiveInFuture as refused:
        detail = "received: nobody can have referred later than now."
        return RowOutcome(line.number, line.shown_reference, Outcome.REFUSED, refused.code, detail)
    except DomainError as refused:
        return RowOutcome(line.number, line.shown_reference, Outcome.REFUSED, refused.code, str(refused))
    place = application.rules.geography.place(
        referral.command.form.ward, application.rules.london_day(answer.recorded_at)
    )
    return _outcome(line, earlier, answer, _what_was_decided(answer, place))


def _what_was_decided(answer: Answer, place: Place) -> tuple[str, str]:
    """Rule and sentence for a referral that was recorded and closed, or flagged, at once."""
    topics = {written.topic for written in answer.events}
    if "ReferralTransferredOut" in topics:
        borough = place.borough if isinstance(place, OutOfArea) else "another borough"
        return "out_of_area", f"The person lives in {borough}; the referral was passed on to it."
    if "ReferralDeclined" in topics:
        return (
            "under_age",
            "The person is too young for this programme; the referrer is pointed to children's services.",
        )
    if "PossibleDuplicateFlagged" in topics:
        return "possible_duplicate", "The person may be known already; a coordinator decides."
    return "", ""


def _outcome(line: Line, earlier: Line, answer: Answer, decided: tuple[str, str]) -> RowOutcome:
    rule, detail = decided
    case_id = next(written.stream_id for written in answer.events if written.topic == "ReferralSubmitted")
    if answer.repeated:
        if earlier is not line and earlier.cells != line.cells:
            detail = f"Line {earlier.number} has the same reference and says otherwise; it was kept."
        elif answer.says_otherwise:
            detail = "What an earlier import brought in under this reference says otherwise; it was kept."
        return RowOutcome(
            line.number, line.reference, Outcome.ALREADY_KNOWN, rule or "same_reference", detail, case_id
        )
    outcome = {
        "": Outcome.ACCEPTED,
        "possible_duplicate": Outcome.LINKED,
    }.get(rule, Outcome.REFUSED)
    return RowOutcome(line.number, line.reference, outcome, rule, detail, case_id)


def counted(outcomes: Sequence[RowOutcome]) -> dict[Outcome, int]:
    """How many rows ended in which way."""
    counts = Counter(row.outcome for row in outcomes)
    return {outcome: counts[outcome] for outcome in Outcome}


def write_report(path: Path, outcomes: Sequence[RowOutcome]) -> None:
    """One line for each row, as CSV that a spreadsheet shows and does not run."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "reference", "outcome", "rule", "detail", "case_id"))
        for row in outcomes:
            writer.writerow(
                (
                    row.line,
                    spreadsheet_safe(row.reference),
                    row.outcome.value,
                    row.rule,
                    spreadsheet_safe(row.detail),
                    str(row.case_id or ""),
                )
            )
