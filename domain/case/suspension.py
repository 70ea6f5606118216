"""Suspension: support rests while the person cannot take part, or asks for a pause; a date says when to look again.

The pathway's clocks stand still meanwhile, and each gets its remaining time when support goes on. What runs beside the
pathway does not rest: safeguarding, escalations, consent, actions.
Source: machine A, Suspended (domain reference 2.4); pausing of clocks (2.3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.london import LONDON
from domain.messages import CaseEvent, CaseId, Code, Command, Day, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Reason = Literal["prison", "hospital", "inpatient", "whereabouts_unknown", "person_asks"]
_A_DAY = timedelta(days=1)


# -- events ----------------------------------------------------------------------------------------------------------


class CaseSuspended(CaseEvent):
    """Support rests until a reason has ended; a day is set on which it is looked at again."""

    TOPIC: ClassVar[str] = "CaseSuspended"

    reason: Reason
    review_on: Day
    review_due_at: Instant
    suspended_at: Instant = Field(description="from when on the pathway's clocks stand still")
    explanation: PersonalText | None = None


class SuspensionReviewDue(CaseEvent):
    """It is the day on which the suspension is to be looked at."""

    TOPIC: ClassVar[str] = "SuspensionReviewDue"

    due_at: Instant


class SuspensionReviewed(CaseEvent):
    """The suspension was looked at and goes on; it will be looked at again."""

    TOPIC: ClassVar[str] = "SuspensionReviewed"

    review_on: Day
    review_due_at: Instant
    explanation: PersonalText | None = None


class CaseResumed(CaseEvent):
    """The reason of the suspension has ended; support goes on, and each clock has the time that it had left."""

    TOPIC: ClassVar[str] = "CaseResumed"

    to_stage: Literal[Stage.INTRODUCTION, Stage.ACTIVE, Stage.AWAITING_ALLOCATION]
    clocks: dict[Code, Instant] = Field(
        description="when each clock now runs out. One in working days keeps the working days it had left; one in days, "
        "weeks or months keeps its days, and on a day off goes to the end of the next working day."
    )


# -- rules -----------------------------------------------------------------------------------------------------------


class ReviewMustBeAhead(RuleBroken):
    """review_on: a suspension is looked at again on a day to come; {review_on} is not after {today}."""

    code = "review_must_be_ahead"


def review_on(day: Day, moment: Moment, rules: Rules) -> datetime:
    """The beginning of the day on which a suspension is looked at; it has to lie ahead."""
    today = rules.london_day(moment.now)
    if day <= today:
        raise ReviewMustBeAhead(review_on=day.isoformat(), today=today.isoformat())
    return rules.calendar.start_of_day(day)


def clocks_go_on(case: Case, moment: Moment, rules: Rules) -> Mapping[Code, datetime]:
    """Each clock that stood still, with the time that it had left.

    Source: a clock pauses for suspended cases (domain reference 2.3); how the rest is counted is (ours).
    """
    since = case.suspended_at or moment.now
    again = max(moment.effective_at, since)
    return {
        clock: _goes_on(clock, due_at, since, again, case, rules) for clock, due_at in case.paused.items()
    }


def _goes_on(
    clock: str, due_at: datetime, since: datetime, again: datetime, case: Case, rules: Rules
) -> datetime:
    if due_at <= since:
        return due_at  # it had run out before the suspension, and suspending excuses nobody
    if rules.programme(case.programme).clock(clock).unit == "wd":
        return rules.calendar.add_working_days(again, rules.calendar.working_days_between(since, due_at))
    # By the clock on the wall: a day on which the clocks change is a day.
    days, rest = divmod(_on_the_wall(due_at) - _on_the_wall(since), _A_DAY)
    moved = rules.calendar.add_calendar_days(again, days) + rest
    if rules.calendar.is_working_day(rules.london_day(moved)):
        return moved
    return rules.calendar.add_working_days(moved, 0)


def _on_the_wall(instant: datetime) -> datetime:
    return instant.astimezone(LONDON).replace(tzinfo=None)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class Suspend(Command):
    """Let support rest: the person is in prison, in hospital or on a ward, cannot be found, or asks for a pause."""

    NAME: ClassVar[str] = "suspend"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "reason": "hospital", "review_on": "2027-04-30"}

    case_id: CaseId
    reason: Reason
    review_on: Day = Field(description="the day on which the suspension is looked at again")
    explanation: PersonalText | None = None


class ReviewSuspension(Command):
    """Record that a suspension was looked at and goes on, and when to look again."""

    NAME: ClassVar[str] = "review-suspension"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "review_on": "2027-06-30"}

    case_id: CaseId
    review_on: Day
    explanation: PersonalText | None = None


class RaiseSuspensionReview(Command):
    """Say that a suspension is to be looked at today; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-suspension-review"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class Resume(Command):
    """Record that the reason of a suspension has ended; support goes on, with a new worker from the introduction."""

    NAME: ClassVar[str] = "resume"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(Suspend, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, ReviewMustBeAhead))
def suspend(
    command: Suspend, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION, Stage.ACTIVE)
    require_own_case(worker, moment, case)
    return [
        CaseSuspended(
            case_id=case.case_id,
            person_id=case.person_id,
            reason=command.reason,
            review_on=command.review_on,
            review_due_at=review_on(command.review_on, moment, rules),
            suspended_at=moment.effective_at,
            explanation=command.explanation,
        )
    ]


@decides(ReviewSuspension, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, ReviewMustBeAhead))
def review_suspension(
    command: ReviewSuspension, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.SUSPENDED)
    require_own_case(worker, moment, case)
    return [
        SuspensionReviewed(
            case_id=case.case_id,
            person_id=case.person_id,
            review_on=command.review_on,
            review_due_at=review_on(command.review_on, moment, rules),
            explanation=command.explanation,
        )
    ]


@decides(RaiseSuspensionReview, refuses=(AlreadyRecorded,))
def raise_suspension_review(command: RaiseSuspensionReview, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.SUSPENDED)
    due_at = case.require_newly_passed(
        command, "suspension_review", moment.now, what="that the suspension is to be looked at"
    )
    return [SuspensionReviewDue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(Resume, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker))
def resume(
    command: Resume, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """To where it was; to the introduction if the worker has changed; to allocation if there is none any more.

    Source: machine A, Resume (domain reference 2.4); a case whose worker left meanwhile is (ours).
    """
    case.require(command, Stage.SUSPENDED)
    require_own_case(worker, moment, case)
    clocks = dict(clocks_go_on(case, moment, rules))
    to: Literal[Stage.INTRODUCTION, Stage.ACTIVE, Stage.AWAITING_ALLOCATION]
    if case.worker_id is None and case.lead_agency is None:
        to = Stage.AWAITING_ALLOCATION
        clocks = {clock: due_at for clock, due_at in clocks.items() if clock == "forum_review"}
        clocks["allocation"] = rules.deadline(case.programme, "allocation", moment.now)
    elif case.worker_id != case.worker_when_suspended:
        to = Stage.INTRODUCTION
        clocks.pop("contact", None)
        for clock in ("introduction", "disengagement"):
            clocks[clock] = rules.deadline(case.programme, clock, moment.now)
    else:
        was_introduced = case.came_from.get(Stage.SUSPENDED) is not Stage.INTRODUCTION
        to = Stage.ACTIVE if was_introduced else Stage.INTRODUCTION
    return [CaseResumed(case_id=case.case_id, person_id=case.person_id, to_stage=to, clocks=clocks)]
