"""How what is on an agenda leaves it unheard: withdrawn with a reason, or because the meeting is not held.

A case that is to be decided on waits for another meeting; one in support, or one that waits for consent, goes on as it
was. Must not record an outcome: once a meeting is in session, an item gets one instead.
Source: machine A, WithdrawItem; machine C, CancelMeeting and ChairDecides (domain reference 2.4, 2.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.case.advice_item import AdviceItemWithdrawn
from domain.case.forum_review import ForumItemWithdrawn
from domain.case.review_item import ReviewItemWithdrawn
from domain.case.stages import OPEN_STAGES, Stage
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.meeting.events import AgendaItemRemoved
from domain.meeting.state import MeetingStage
from domain.messages import CaseId, Command, Event, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class WithdrawalReasonRequired(RuleBroken):
    """explanation: a case is taken off an agenda with a reason."""

    code = "withdrawal_reason_required"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class WithdrawItem(Command):
    """Take a case off the agenda before the meeting, with a reason; it is ready for another meeting."""

    NAME: ClassVar[str] = "withdraw-item"
    PERMISSION: ClassVar[Permission] = Permission.SCHEDULE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "explanation": "In hospital; to be heard next month",
    }

    case_id: CaseId
    explanation: PersonalText


# -- decisions -------------------------------------------------------------------------------------------------------


# A case on no agenda has no meeting to load. Letting the meeting be new lets the case's own stage refuse, by its name.
@decides(WithdrawItem, starts=("Meeting",), refuses=(WithdrawalReasonRequired,))
def withdraw_item(
    command: WithdrawItem, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Once the meeting is in session an item gets an outcome instead; to put it off is one.

    Source: machine A, WithdrawItem (domain reference 2.4).
    """
    if case.agenda_kind is None:
        case.require(command, Stage.ON_AGENDA)
    meeting.require(command, MeetingStage.AGENDA_OPEN, MeetingStage.AGENDA_CLOSED)
    if not command.explanation:
        raise WithdrawalReasonRequired
    return off_the_agenda(case, meeting, "withdrawn", moment, rules, explanation=command.explanation)


def off_the_agenda(
    case: Case,
    meeting: Meeting,
    because: Literal["withdrawn", "meeting_cancelled", "inquorate"],
    moment: Moment,
    rules: Rules,
    *,
    explanation: str | None = None,
) -> Sequence[Event]:
    """The case leaves the agenda as what it stood on it; one to be decided on is ready for another meeting."""
    ids: dict[str, Any] = {
        "case_id": case.case_id,
        "person_id": case.person_id,
        "meeting_id": meeting.meeting_id,
    }
    removed = AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=case.case_id)
    if case.agenda_kind == "review":
        return [ReviewItemWithdrawn(**ids, because=because, explanation=explanation), removed]
    if case.agenda_kind == "advice":
        return [AdviceItemWithdrawn(**ids, because=because), removed]
    listing_due_at = rules.deadline(case.programme, "listing", moment.now)
    withdrawn = ForumItemWithdrawn(
        **ids, because=because, explanation=explanation, listing_due_at=listing_due_at
    )
    return [withdrawn, removed]


def still_listed(cases: Sequence[Case], meeting: Meeting) -> list[Case]:
    """The cases that still stand on this agenda; one that was closed meanwhile does not, whatever the agenda says."""
    return [
        case
        for case in cases
        if case.meeting_id == meeting.meeting_id
        and case.agenda_kind is not None
        and case.stage in OPEN_STAGES
    ]


def items_go_back(
    cases: Sequence[Case],
    meeting: Meeting,
    because: Literal["meeting_cancelled", "inquorate"],
    moment: Moment,
    rules: Rules,
) -> Iterator[Event]:
    """Every case on the agenda waits for another meeting; both sides are told."""
    listed = {case.case_id: case for case in still_listed(cases, meeting)}
    for case_id in meeting.items:
        if case_id in listed:
            yield from off_the_agenda(listed[case_id], meeting, because, moment, rules)
        else:
            yield AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=case_id)
