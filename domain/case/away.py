"""A key worker who is away, about to leave, or may no longer have the case: what that means for each case they carry.

The worker's own record says that they are away, never why. Each of their cases is told from when somebody else must
answer for it; who does is decided in `cover.py` and `worker_handover.py`.
Source: machine E, orphan alarm (domain reference 2.8, 2.13); cover triggers and leavers (5.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.calendar import LONDON
from domain.case.bands import is_first_priority
from domain.case.escalation import put_higher, settled
from domain.decisions import decides
from domain.errors import AlreadyRecorded
from domain.keyworker.state import Absence
from domain.messages import CaseEvent, CaseId, Command, Day, Event, Instant, Moment, WorkerId
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

AwayBecause = Literal["leaving", "absent", "conflict_of_interest"]
CoverClock = Literal["cover_priority", "cover"]
_A_DAY = timedelta(days=1)
_NEVER = datetime.max.replace(tzinfo=UTC)


# -- events ----------------------------------------------------------------------------------------------------------


class KeyWorkerUnavailable(CaseEvent):
    """The key worker of this case is away from a day on, or will be; unless somebody covers, the case is then orphaned."""

    TOPIC: ClassVar[str] = "KeyWorkerUnavailable"

    worker_id: WorkerId
    because: AwayBecause
    first_day: Day
    last_day: Day | None = None
    orphaned_at: Instant | None = None
    """When nobody answers for the case any more; none for an absence too short to need cover."""
    ends_at: Instant | None = None
    """When an absence with a last day is over."""
    handover_start_at: Instant | None = None
    """When the handover of a leaver's case starts."""


class KeyWorkerAvailable(CaseEvent):
    """The key worker of this case is back."""

    TOPIC: ClassVar[str] = "KeyWorkerAvailable"

    worker_id: WorkerId


class AllocationOrphaned(CaseEvent):
    """The key worker is away or has left, and nobody was named in their place."""

    TOPIC: ClassVar[str] = "AllocationOrphaned"

    worker_id: WorkerId
    because: AwayBecause
    due_at: Instant


class HandoverStartDue(CaseEvent):
    """The key worker leaves soon: the handover of this case starts now."""

    TOPIC: ClassVar[str] = "HandoverStartDue"

    worker_id: WorkerId
    last_day: Day
    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


def needs_cover(case: Case, absence: Absence, rules: Rules, clock: CoverClock | None = None) -> bool:
    """Whether an absence is long enough that somebody must be named; one without a known end may be.

    Source: cover triggers, absence of 3 working days for P1 or of 10 otherwise (proposed) (domain reference 5.4).
    """
    if absence.last_day is None:
        return True
    start = _midnight(absence.first_day) - _A_DAY
    return rules.calendar.end_of_day(absence.last_day) >= rules.deadline(
        case.programme, clock or cover_clock(case, rules), start
    )


def cover_clock(case: Case, rules: Rules) -> CoverClock:
    """The clock that says how long an absence needs no cover."""
    return "cover_priority" if is_first_priority(case, rules.programme(case.programme)) else "cover"


def unavailability(
    case: Case, worker: KeyWorker, moment: Moment, rules: Rules
) -> Sequence[KeyWorkerUnavailable]:
    """What this case must know of its worker's absence or last day; nothing if they simply are there.

    Who may not go on because of a conflict of interest is away from the case for good already: an absence would end.
    """
    if worker.worker_id in case.conflicts:
        return []
    away: list[KeyWorkerUnavailable] = []
    if worker.absence is not None and not _is_over(worker.absence, rules.london_day(moment.now)):
        clock = cover_clock(case, rules)
        away.append(_absent(case, worker.worker_id, worker.absence, clock, moment, rules))
    if worker.active_until is not None:
        away.append(_leaving(case, worker.worker_id, worker.active_until, rules))
    if not away:
        return []
    # Of a leaver who is absent before, what is sooner; the handover starts in time all the same.
    soonest = min(away, key=lambda one: one.orphaned_at or _NEVER)
    return [soonest.model_copy(update={"handover_start_at": away[-1].handover_start_at})]


def _leaving(case: Case, worker_id: WorkerId, last_day: date, rules: Rules) -> KeyWorkerUnavailable:
    """Orphaned from the beginning of the first working day without them: who leaves on Friday is missed on Monday.

    Source: leaver, 20 working days before the last day start handover (proposed) (domain reference 5.4).
    """
    without = rules.calendar.next_working_day(last_day)
    return KeyWorkerUnavailable(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker_id,
        because="leaving",
        first_day=without,
        orphaned_at=_midnight(without),
        handover_start_at=rules.deadline(case.programme, "leaver_handover", _midnight(last_day)),
    )


def missed_sooner(case: Case, moment: Moment, rules: Rules) -> Sequence[KeyWorkerUnavailable]:
    """A case that comes into band P1 while its worker is absent and nobody covers cannot wait as long as others.

    Source: absence of 3 working days for P1, of 10 otherwise (proposed) (domain reference 5.4).
    """
    away = case.away
    if away is None or away.because != "absent" or case.cover is not None or "orphaned" in case.overdue:
        return []
    absence = Absence(away.first_day, away.last_day)
    anew = _absent(case, away.worker_id, absence, "cover_priority", moment, rules)
    before = case.due.get("orphaned", _NEVER)
    if anew.orphaned_at is None or anew.orphaned_at >= before:
        return []
    today = rules.calendar.add_working_days(moment.now, 0)
    return [
        anew.model_copy(
            update={
                "orphaned_at": min(max(anew.orphaned_at, today), before),
                "handover_start_at": case.due.get("handover_start"),
            }
        )
    ]


def _absent(
    case: Case, worker_id: WorkerId, absence: Absence, clock: CoverClock, moment: Moment, rules: Rules
) -> KeyWorkerUnavailable:
    """A long absence is noticed on its first day, at its end, so that the day can be used to name somebody."""
    orphaned_at = None
    if absence.last_day is None:
        day_before = _midnight(absence.first_day) - _A_DAY
        orphaned_at = rules.deadline(case.programme, clock, day_before)
    elif needs_cover(case, absence, rules, clock):
        orphaned_at = rules.calendar.add_working_days(max(_midnight(absence.first_day), moment.now), 0)
    return KeyWorkerUnavailable(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker_id,
        because="absent",
        first_day=absence.first_day,
        last_day=absence.last_day,
        orphaned_at=orphaned_at,
        ends_at=absence.last_day and rules.calendar.end_of_day(absence.last_day),
    )


def excluded_today(case: Case, worker_id: WorkerId, moment: Moment, rules: Rules) -> KeyWorkerUnavailable:
    """The worker may not go on, but the stage holds the case: somebody else must be named by the end of the day."""
    return KeyWorkerUnavailable(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker_id,
        because="conflict_of_interest",
        first_day=rules.london_day(moment.now),
        orphaned_at=rules.calendar.add_working_days(moment.now, 0),
    )


def back_at_work(case: Case, worker: KeyWorker, moment: Moment, rules: Rules) -> Sequence[Event]:
    """The worker answers for the case again, and nobody has to for them; a leaver who is back still leaves."""
    back = replace(worker, absence=None)
    available = KeyWorkerAvailable(case_id=case.case_id, person_id=case.person_id, worker_id=worker.worker_id)
    return [
        available,
        *settled(case, "allocation", "worker_back"),
        *unavailability(case, back, moment, rules),
    ]


def _is_over(absence: Absence, today: date) -> bool:
    return absence.last_day is not None and absence.last_day < today


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class MarkAllocationOrphaned(Command):
    """Record that nobody answers for a case any more, and escalate it; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-allocation-orphaned"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkAbsenceOver(Command):
    """Record that the last day of a key worker's absence is over; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-absence-over"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RaiseHandoverStart(Command):
    """Ask for the handover of a leaver's case to start; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-handover-start"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(MarkAllocationOrphaned, refuses=(AlreadyRecorded,))
def mark_allocation_orphaned(
    command: MarkAllocationOrphaned, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The escalation is raised in the same breath, so it can be neither late nor forgotten.

    Source: machine E, "worker inactive and no cover", escalate same day (domain reference 2.8).
    """
    due_at = case.require_passed(command, "orphaned", moment.now)
    if "orphaned" in case.overdue or case.away is None:
        raise AlreadyRecorded(what="that nobody answers for the case")
    orphaned = AllocationOrphaned(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=case.away.worker_id,
        because=case.away.because,
        due_at=due_at,
    )
    return [orphaned, *put_higher(case, moment, rules, subject="allocation")]


@decides(MarkAbsenceOver, refuses=(AlreadyRecorded,))
def mark_absence_over(
    command: MarkAbsenceOver, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """As if the return had been recorded: what was escalated because nobody answered for the case is settled.

    Source: machine E, "original returns" (domain reference 2.8).
    """
    case.require_passed(command, "absence_ends", moment.now)
    if worker is None or case.away is None:
        raise AlreadyRecorded(what="that the worker is back")
    return back_at_work(case, worker, moment, rules)


@decides(RaiseHandoverStart, refuses=(AlreadyRecorded,))
def raise_handover_start(
    command: RaiseHandoverStart, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    due_at = case.require_passed(command, "handover_start", moment.now)
    if worker is None or worker.active_until is None:
        raise AlreadyRecorded(what="that the worker stays")
    return [
        HandoverStartDue(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            last_day=worker.active_until,
            due_at=due_at,
        )
    ]
