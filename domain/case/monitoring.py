"""Monitoring: after the handover the receiving lead is asked now and then how the person is, until the outcome lasts.

A manager closes the case; a timer only ever asks. Whether it has lasted is asked once more, some months later.
Source: machine A, Monitoring (domain reference 2.4); check-in, monitoring and sustained outcome clocks (2.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.closure import end_case
from domain.case.involvement import InvolvedAgenciesOnly, require_involved
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import CaseEvent, CaseId, Code, Command, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class CheckInDue(CaseEvent):
    """The engine asks the receiving lead for a check-in."""

    TOPIC: ClassVar[str] = "CheckInDue"

    number: int
    due_at: Instant
    answer_due_at: Instant


class CheckInRecorded(CaseEvent):
    """How the person is doing after step-down."""

    TOPIC: ClassVar[str] = "CheckInRecorded"

    number: int
    status: Literal["good", "mixed", "deteriorating"]
    note: PersonalText | None = None
    next_check_in_due_at: Instant | None


class CheckInMissed(CaseEvent):
    """A check-in was asked for and did not come."""

    TOPIC: ClassVar[str] = "CheckInMissed"

    number: int
    due_at: Instant
    missed_in_all: int
    next_check_in_due_at: Instant | None


class ManagerReviewRequested(CaseEvent):
    """Check-ins were missed more than once; a manager must look at the case."""

    TOPIC: ClassVar[str] = "ManagerReviewRequested"

    because: Code


class MonitoringWindowElapsed(CaseEvent):
    """The monitoring time is over; a manager confirms that the outcome lasts, or steps back up."""

    TOPIC: ClassVar[str] = "MonitoringWindowElapsed"

    ended_at: Instant


class OutcomeSustained(CaseEvent):
    """What the person reached has lasted; the case closes as completed."""

    TOPIC: ClassVar[str] = "OutcomeSustained"

    summary: PersonalText
    sustained_outcome_due_at: Instant | None = Field(
        None, description="when it is asked whether it has lasted"
    )


# -- rules -----------------------------------------------------------------------------------------------------------


class MonitoringNotOver(RuleBroken):
    """The monitoring time runs until {ends_at}; only then can an outcome be seen to last."""

    code = "monitoring_not_over"


class LastCheckInNotGood(RuleBroken):
    """A case closes as completed when its last check-in was good; here it was: {last}."""

    code = "last_check_in_not_good"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RaiseCheckIn(Command):
    """Ask the receiving lead how the person is; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-check-in"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RecordCheckIn(Command):
    """Record how the person is after the step-down, asked or unasked."""

    NAME: ClassVar[str] = "record-check-in"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "status": "good",
        "note": "Goes to college twice a week",
    }

    case_id: CaseId
    status: Literal["good", "mixed", "deteriorating"]
    note: PersonalText | None = None


class MarkCheckInMissed(Command):
    """Record that a check-in was asked for and did not come; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-check-in-missed"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkMonitoringElapsed(Command):
    """Record that the monitoring time is over; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-monitoring-elapsed"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class ConfirmSustained(Command):
    """Confirm that what the person reached has lasted; the case closes as completed."""

    NAME: ClassVar[str] = "confirm-sustained"
    PERMISSION: ClassVar[Permission] = Permission.CLOSE_CASE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "summary": "Sober, housed, in education"}

    case_id: CaseId
    summary: PersonalText = Field(min_length=1)


@decides(RaiseCheckIn)
def raise_check_in(command: RaiseCheckIn, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require(command, Stage.MONITORING)
    due_at = case.require_passed(command, "check_in", moment.now)
    return [
        CheckInDue(
            case_id=case.case_id,
            person_id=case.person_id,
            number=case.check_in + 1,
            due_at=due_at,
            answer_due_at=rules.deadline(case.programme, "check_in_grace", moment.now),
        )
    ]


@decides(RecordCheckIn, refuses=(InvolvedAgenciesOnly,))
def record_check_in(
    command: RecordCheckIn, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Answers the check-in that was asked for, even late; otherwise it is the next one, come early."""
    case.require(command, Stage.MONITORING)
    require_involved(command, case, worker, moment)
    return [
        CheckInRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            number=case.check_in + 1 if case.check_in_answered else case.check_in,
            status=command.status,
            note=command.note,
            next_check_in_due_at=_next_check_in(case, moment, rules),
        )
    ]


@decides(MarkCheckInMissed)
def mark_check_in_missed(
    command: MarkCheckInMissed, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.MONITORING)
    due_at = case.require_passed(command, "check_in_answer", moment.now)
    missed_in_all = case.missed_check_ins + 1
    missed = CheckInMissed(
        case_id=case.case_id,
        person_id=case.person_id,
        number=case.check_in,
        due_at=due_at,
        missed_in_all=missed_in_all,
        next_check_in_due_at=_next_check_in(case, moment, rules),
    )
    if missed_in_all < rules.programme(case.programme).monitoring.missed_before_review:
        return [missed]
    review = ManagerReviewRequested(
        case_id=case.case_id, person_id=case.person_id, because="check_ins_missed"
    )
    return [missed, review]


@decides(MarkMonitoringElapsed, refuses=(AlreadyRecorded,))
def mark_monitoring_elapsed(command: MarkMonitoringElapsed, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.MONITORING)
    if case.monitoring_elapsed:
        raise AlreadyRecorded(what="that the monitoring time is over")
    ended_at = case.require_passed(command, "monitoring", moment.now)
    return [MonitoringWindowElapsed(case_id=case.case_id, person_id=case.person_id, ended_at=ended_at)]


@decides(ConfirmSustained, refuses=(MonitoringNotOver, LastCheckInNotGood))
def confirm_sustained(
    command: ConfirmSustained, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The time is over, by the clock and not by a timer's word, and the last check-in was answered and good.

    Source: machine A, ConfirmSustained (domain reference 2.4).
    """
    case.require(command, Stage.MONITORING)
    if case.monitoring_ends_at is None or moment.now < case.monitoring_ends_at:
        raise MonitoringNotOver(ends_at=case.monitoring_ends_at)
    last = case.last_check_in if case.check_in_answered else "unanswered"
    if last != "good":
        raise LastCheckInNotGood(last=last or "none yet")
    sustained = OutcomeSustained(
        case_id=case.case_id,
        person_id=case.person_id,
        summary=command.summary,
        sustained_outcome_due_at=rules.deadline(case.programme, "sustained_outcome", moment.now),
    )
    return [sustained, *end_case(case, worker)]


def _next_check_in(case: Case, moment: Moment, rules: Rules) -> datetime | None:
    """When to ask again, counted from the last word; nothing is asked after the monitoring time."""
    due_at = rules.deadline(case.programme, "check_in_every", moment.now)
    if case.monitoring_ends_at is None or due_at > case.monitoring_ends_at:
        return None
    return due_at
