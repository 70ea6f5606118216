"""Cover: while a key worker is away, one named person answers for each of their cases, never "the team".

A cover takes no case over and ends by itself on its last day, or when the key worker is back. Who covers may do
whatever the key worker may.
Source: machine E, StartCover and EndCover (domain reference 2.8); cover triggers (5.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned
from domain.case.away import cover_clock, needs_cover
from domain.case.escalation import settled
from domain.case.matching import ABOUT_CASELOAD, HARD_REFUSALS, Pairing, PreferenceNotMet, broken_hard_rules
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.keyworker.state import Absence
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
    StaffText,
    WorkerId,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from datetime import date

    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Ground = Literal["absence", "immediate_risk"]


# -- events ----------------------------------------------------------------------------------------------------------


class CoverStarted(CaseEvent):
    """A named person answers for the case while its key worker is away."""

    TOPIC: ClassVar[str] = "CoverStarted"

    worker_id: WorkerId
    cover_worker_id: WorkerId
    cover_name: StaffText
    cover_ref: StaffRef
    ground: Ground
    until: Day
    ends_at: Instant
    told_by: StaffRef | None = None
    told_on: Day | None = None
    not_told_because: PersonalText | None = None
    override_reason: StaffText | None = None
    overrides: tuple[Code, ...] = ()
    """The rules of matching that a manager set aside for this cover."""


class CoverEnded(CaseEvent):
    """The cover is over."""

    TOPIC: ClassVar[str] = "CoverEnded"

    worker_id: WorkerId
    cover_worker_id: WorkerId
    because: Literal["worker_returned", "over", "ended", "handed_over"]
    orphaned_at: Instant | None = None
    """When nobody answers for the case, if the key worker is still away."""


# -- rules -----------------------------------------------------------------------------------------------------------


class NoCover(Conflict):
    """Nobody covers for the key worker of this case."""

    code = "no_cover"


class CoverNotNeeded(RuleBroken):
    """ground: this absence is too short to need cover; it starts at {working_days} working days, or for an immediate risk."""

    code = "cover_not_needed"


class CoverIsTheWorker(RuleBroken):
    """cover_worker_id: the key worker cannot cover for themselves."""

    code = "cover_is_the_worker"


class CoverEndsInThePast(RuleBroken):
    """until: the cover would have ended before it began, on {until}."""

    code = "cover_ends_in_the_past"


class PersonNotTold(RuleBroken):
    """told_on: say when the person was told who comes, and who told them (told_by), or why nobody could (not_told_because)."""

    code = "person_not_told"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class StartCover(Command):
    """Name the person who answers for a case while its key worker is away."""

    NAME: ClassVar[str] = "start-cover"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "cover_worker_id": _WORKER,
        "until": "2027-03-31",
        "told_by": "manager-1",
        "told_on": "2027-02-01",
    }

    case_id: CaseId
    cover_worker_id: WorkerId
    until: Day = Field(description="the last day of the cover")
    ground: Ground = Field(
        "absence", description="an absence that is long enough, or an immediate risk, however short it is"
    )
    told_by: StaffRef | None = Field(None, description="who told the person")
    told_on: Day | None = Field(None, description="when the person was told")
    not_told_because: PersonalText | None = Field(None, min_length=1)
    override_reason: StaffText | None = Field(
        None, min_length=1, description="why a rule of matching that may be overridden is set aside"
    )
    person_agrees: bool = Field(
        False, description="the person agrees to somebody who is not as they asked; only with override_reason"
    )

    def named_workers(self) -> Sequence[WorkerId]:
        return (self.cover_worker_id,)


class EndCover(Command):
    """End a cover before its last day, usually because the key worker is back."""

    NAME: ClassVar[str] = "end-cover"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkCoverEnded(Command):
    """Record that a cover's last day is over; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-cover-ended"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(
    StartCover,
    refuses=(
        NoKeyWorkerAssigned,
        CoverIsTheWorker,
        CoverEndsInThePast,
        CoverNotNeeded,
        PersonNotTold,
        *(rule for rule in HARD_REFUSALS if rule not in ABOUT_CASELOAD),
    ),
)
def start_cover(
    command: StartCover,
    case: Case,
    worker: KeyWorker | None,
    named: Mapping[WorkerId, KeyWorker],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """A second cover takes the place of the first.

    Source: machine E, StartCover: absence >= threshold or immediate risk, named cover, person told (domain reference 2.8).
    """
    case.require_open(command)
    if worker is None:
        raise NoKeyWorkerAssigned
    cover = named[command.cover_worker_id]
    today = rules.london_day(moment.now)
    if cover.worker_id == worker.worker_id:
        raise CoverIsTheWorker
    if command.until < today:
        raise CoverEndsInThePast(until=command.until)
    if command.ground == "absence":
        _require_long_absence(command, case, worker, today, rules)
    require_told(command.told_by, command.told_on, command.not_told_because)
    broken = [
        rule
        for rule in broken_hard_rules(Pairing(case, cover, rules.programme(case.programme), today))
        if rule.refusal not in ABOUT_CASELOAD
    ]
    for rule in broken:
        # Who is away covers for nobody, whatever the reason: only what the person asked for may be set aside here.
        if rule.refusal is not PreferenceNotMet or not rule.is_lifted(
            override_reason=command.override_reason, person_agrees=command.person_agrees
        ):
            raise rule.refusal()
    return [
        CoverStarted(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            cover_worker_id=cover.worker_id,
            cover_name=cover.display_name,
            cover_ref=cover.staff_ref,
            ground=command.ground,
            until=command.until,
            ends_at=rules.calendar.end_of_day(command.until),
            told_by=command.told_by,
            told_on=command.told_on,
            not_told_because=command.not_told_because,
            override_reason=command.override_reason if broken else None,
            overrides=tuple(rule.refusal.code for rule in broken),
        ),
        *settled(case, "allocation", "covered"),
    ]


def _require_long_absence(
    command: StartCover, case: Case, worker: KeyWorker, today: date, rules: Rules
) -> None:
    """The absence on record counts; without one, the time to be covered does. Who leaves for good always needs cover."""
    gone_by_then = worker.active_until is not None and worker.active_until < command.until
    if gone_by_then or (case.away is not None and case.away.because == "conflict_of_interest"):
        return
    absence = worker.absence or Absence(today, command.until)
    if not needs_cover(case, absence, rules):
        clock = rules.programme(case.programme).clock(cover_clock(case, rules))
        raise CoverNotNeeded(working_days=clock.value)


def require_told(by: str | None, on: date | None, not_told_because: str | None) -> None:
    """Who told the person, and when; or why nobody could.

    Source: record who told the person, when (domain reference 5.4).
    """
    if (by is None or on is None) and not_told_because is None:
        raise PersonNotTold


@decides(EndCover, refuses=(NoCover,))
def end_cover(
    command: EndCover, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_open(command)
    away = worker is not None and _is_away(case, worker, moment, rules)
    return [_ended(case, moment, rules, because="ended", still_away=away)]


@decides(MarkCoverEnded, refuses=(NoCover, AlreadyRecorded))
def mark_cover_ended(
    command: MarkCoverEnded, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require_passed(command, "cover_ends", moment.now)
    away = worker is not None and _is_away(case, worker, moment, rules)
    return [_ended(case, moment, rules, because="over", still_away=away)]


def cover_ended_by_return(case: Case, moment: Moment, rules: Rules) -> Sequence[CoverEnded]:
    """The cover of a case whose key worker is back, if there is one."""
    if case.cover is None:
        return []
    return [_ended(case, moment, rules, because="worker_returned", still_away=False)]


def cover_ended_by_conflict(
    case: Case, worker_id: WorkerId, moment: Moment, rules: Rules
) -> Sequence[CoverEnded]:
    """The end of a cover by this worker, if they cover the case; somebody else is needed while the key worker is away."""
    if case.cover is None or case.cover.worker_id != worker_id:
        return []
    return [_ended(case, moment, rules, because="ended", still_away=case.away is not None)]


def _is_away(case: Case, worker: KeyWorker, moment: Moment, rules: Rules) -> bool:
    """Whether the worker does not answer for the case on the next working day either."""
    today = rules.london_day(moment.now)
    next_day = rules.calendar.next_working_day(today)
    excluded = case.away is not None and case.away.because == "conflict_of_interest"
    return excluded or worker.is_absent_on(next_day) or not worker.active_on(next_day)


def _ended(
    case: Case,
    moment: Moment,
    rules: Rules,
    *,
    because: Literal["worker_returned", "over", "ended"],
    still_away: bool,
) -> CoverEnded:
    if case.cover is None or case.worker_id is None:
        raise NoCover
    return CoverEnded(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=case.worker_id,
        cover_worker_id=case.cover.worker_id,
        because=because,
        orphaned_at=rules.calendar.add_working_days(moment.now, 1) if still_away else None,
    )
