"""Deadlines of triage: by when the first decision is due, sooner where there is concern for a child, and that it is late.

Must not decide anything about the referral: that is in `triage.py`.
Source: clock "triage decision" (domain reference 2.3); machine A, Triage (2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class TriageBroughtForward(CaseEvent):
    """There is a safeguarding concern about a child, so the triage decision is due sooner."""

    TOPIC: ClassVar[str] = "TriageBroughtForward"

    triage_due_at: Instant


class TriageOverdue(CaseEvent):
    """The time for the triage decision ran out without one."""

    TOPIC: ClassVar[str] = "TriageOverdue"

    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


def triage_deadline(case: Case, programme: str, start: datetime, rules: Rules) -> datetime:
    """When the triage decision is due, counted from an instant: sooner where there is concern for a child.

    Source: two working days, one if there is a child concern (domain reference 2.3).
    """
    about_a_child = any(
        concern.about == "child" and concern.state != "closed" for concern in case.concerns.values()
    )
    return rules.deadline(programme, "triage_child" if about_a_child else "triage", start)


def brought_forward(case: Case, moment: Moment, rules: Rules) -> Sequence[TriageBroughtForward]:
    """What a new concern about a child means for a triage that is under way."""
    now_due, sooner = case.due.get("triage"), rules.deadline(case.programme, "triage_child", moment.now)
    if now_due is None or now_due <= sooner:
        return []
    return [TriageBroughtForward(case_id=case.case_id, person_id=case.person_id, triage_due_at=sooner)]


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class MarkTriageOverdue(Command):
    """Record that the triage decision is late; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-triage-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(MarkTriageOverdue, refuses=(AlreadyRecorded,))
def mark_triage_overdue(command: MarkTriageOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.SUBMITTED, Stage.TRIAGE)
    due_at = case.require_newly_passed(command, "triage", moment.now, what="that triage is overdue")
    return [TriageOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
