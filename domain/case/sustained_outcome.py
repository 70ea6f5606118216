"""Sustained outcome: some months after a case closed as completed, somebody asks whether it has lasted.

The case stays closed whatever the answer; a person who needs support again is referred again, or the case is reopened.
Source: sustained outcome test at six months (domain reference 2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.involvement import InvolvedAgenciesOnly, require_involved
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


# -- events ----------------------------------------------------------------------------------------------------------


class SustainedOutcomeTestDue(CaseEvent):
    """It is time to ask whether what the person reached has lasted."""

    TOPIC: ClassVar[str] = "SustainedOutcomeTestDue"

    due_at: Instant


class SustainedOutcomeRecorded(CaseEvent):
    """Whether what the person reached has lasted since the case was closed."""

    TOPIC: ClassVar[str] = "SustainedOutcomeRecorded"

    lasted: bool
    note: PersonalText | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class SustainedOutcomeNotAsked(Conflict):
    """Whether an outcome has lasted is recorded once the test is due (SustainedOutcomeTestDue); it is due at: {due_at}."""

    code = "sustained_outcome_not_asked"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RaiseSustainedOutcomeTest(Command):
    """Ask whether what the person reached has lasted; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-sustained-outcome-test"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RecordSustainedOutcome(Command):
    """Record whether what the person reached has lasted since the case was closed."""

    NAME: ClassVar[str] = "record-sustained-outcome"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "lasted": True}

    case_id: CaseId
    lasted: bool = Field(description="whether the outcome still holds")
    note: PersonalText | None = None


@decides(RaiseSustainedOutcomeTest)
def raise_sustained_outcome_test(
    command: RaiseSustainedOutcomeTest, case: Case, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.CLOSED)
    due_at = case.require_passed(command, "sustained_outcome", moment.now)
    return [SustainedOutcomeTestDue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(RecordSustainedOutcome, refuses=(SustainedOutcomeNotAsked, AlreadyRecorded, InvolvedAgenciesOnly))
def record_sustained_outcome(
    command: RecordSustainedOutcome, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.CLOSED)
    require_involved(command, case, worker, moment)
    if case.outcome_lasted is not None:
        raise AlreadyRecorded(what="whether the outcome has lasted")
    if not case.sustained_outcome_asked:
        due_at = case.due.get("sustained_outcome")
        raise SustainedOutcomeNotAsked(due_at=due_at or "no time")
    return [
        SustainedOutcomeRecorded(
            case_id=case.case_id, person_id=case.person_id, lasted=command.lasted, note=command.note
        )
    ]
