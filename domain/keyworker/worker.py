"""Registering key workers: where they work, what they are good at, how much they can carry, and when they are away.

Their limits are worked out here from the programme's data and then stand in the event, so that a later change of the
data never moves a limit silently. Putting a case on a caseload is decided in `domain/case/allocating.py`. When a worker
leaves or is away, each case they carry is told in the same step, so that none can be orphaned unseen.
Source: caseload figures and weighting of key workers (domain reference 5.1, 5.2); cover and leavers (5.4).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from domain.case.away import back_at_work, unavailability
from domain.case.cover import cover_ended_by_return
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.keyworker.events import (
    KeyWorkerAbsent,
    KeyWorkerLeft,
    KeyWorkerRegistered,
    KeyWorkerReturned,
)
from domain.keyworker.state import Absence
from domain.messages import (
    AgencyName,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Moment,
    StaffRef,
    StaffText,
    WorkerId,
)
from domain.programmes import Grade, workload
from domain.roles import Permission
from domain.rules import UnknownProgramme

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class ForumUnknown(RuleBroken):
    """forums: there is no forum {forum}; known are: {known}."""

    code = "forum_unknown"


class LeavesBeforeStarting(RuleBroken):
    """{field}: the last day {last_day} is before the first, {active_from}."""

    code = "leaves_before_starting"


class AbsenceEndsBeforeItBegins(RuleBroken):
    """last_day: the last day away {last_day} is before the first, {first_day}."""

    code = "absence_ends_before_it_begins"


class NotAbsent(Conflict):
    """No absence of this key worker is on record."""

    code = "not_absent"


# -- commands --------------------------------------------------------------------------------------------------------

_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"
WorkingShare = Annotated[
    float, Field(gt=0, le=1, description="share of a full working week: 1.0 is full time")
]


class RegisterKeyWorker(Command):
    """Take a key worker into the pool of a programme."""

    NAME: ClassVar[str] = "register-key-worker"
    PERMISSION: ClassVar[Permission] = Permission.MANAGE_WORKERS
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "staff_ref": "engagement-worker-1",
        "display_name": "Alex Example",
        "agency": "Shelter",
        "forums": ["ardwick-longsight"],
        "specialisms": ["substance_misuse", "homelessness"],
        "languages": ["Urdu"],
        "active_from": "2026-01-05",
    }

    worker_id: WorkerId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    staff_ref: StaffRef = Field(description="how the worker signs in: who answers for their cases")
    display_name: StaffText = Field(min_length=1)
    agency: AgencyName
    programme: Code = "manchester-maps"
    forums: tuple[Code, ...] = Field(description="codes of the forums the worker is attached to")
    specialisms: tuple[Code, ...] = Field(
        (), description="codes of needs, or of the domains they count towards"
    )
    languages: tuple[Code, ...] = ()
    gender: StaffText | None = Field(
        None, description="used only when a person asks for a worker of a gender"
    )
    grade: Grade = "experienced"
    fte: WorkingShare = 1.0
    supervises: bool = False
    active_from: Day = Field(description="the first day in the pool")
    active_until: Day | None = Field(None, description="the last day, when it is known")


class RecordKeyWorkerLeaving(Command):
    """Record a key worker's last day; after it they are offered no case."""

    NAME: ClassVar[str] = "record-key-worker-leaving"
    PERMISSION: ClassVar[Permission] = Permission.MANAGE_WORKERS
    EXAMPLE: ClassVar[dict[str, Any]] = {"worker_id": _WORKER, "last_day": "2027-06-30"}

    worker_id: WorkerId
    last_day: Day = Field(description="after it the worker has no case")


class RecordAbsence(Command):
    """Record that a key worker is away; each of their cases is told when it needs cover. Why they are away is shown to nobody."""

    NAME: ClassVar[str] = "record-absence"
    PERMISSION: ClassVar[Permission] = Permission.MANAGE_WORKERS
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "worker_id": _WORKER,
        "first_day": "2027-02-01",
        "last_day": "2027-02-19",
    }

    worker_id: WorkerId
    first_day: Day
    last_day: Day | None = Field(None, description="the last day away, when it is known")
    explanation: StaffText | None = Field(None, description="kept in the log, never shown in a list")


class EndAbsence(Command):
    """Record that a key worker is back; covers of their cases end."""

    NAME: ClassVar[str] = "end-absence"
    PERMISSION: ClassVar[Permission] = Permission.MANAGE_WORKERS
    EXAMPLE: ClassVar[dict[str, Any]] = {"worker_id": _WORKER}

    worker_id: WorkerId


@decides(
    RegisterKeyWorker,
    starts=("KeyWorker",),
    refuses=(AlreadyRecorded, UnknownProgramme, ForumUnknown, LeavesBeforeStarting),
)
def register_key_worker(command: RegisterKeyWorker, worker: KeyWorker, rules: Rules) -> Sequence[Event]:
    if worker.exists:
        raise AlreadyRecorded(what="this key worker")
    caseload = rules.programme(command.programme).caseload
    _require_known_forums(command.forums, rules)
    if command.active_until is not None and command.active_until < command.active_from:
        raise LeavesBeforeStarting(
            field="active_until", last_day=command.active_until, active_from=command.active_from
        )
    limits = workload.case_limits(caseload, grade=command.grade)
    capacity = workload.capacity_points(
        caseload, fte=command.fte, grade=command.grade, supervises=command.supervises
    )
    return [
        KeyWorkerRegistered(
            worker_id=worker.worker_id,
            staff_ref=command.staff_ref,
            display_name=command.display_name,
            agency=rules.agency_name(command.agency),
            programme=command.programme,
            forums=command.forums,
            specialisms=command.specialisms,
            languages=command.languages,
            gender=command.gender,
            grade=command.grade,
            fte=command.fte,
            supervises=command.supervises,
            soft_limit=limits.soft,
            hard_limit=limits.hard,
            capacity_points=capacity,
            active_from=command.active_from,
            active_until=command.active_until,
        )
    ]


@decides(RecordKeyWorkerLeaving, refuses=(AlreadyRecorded, LeavesBeforeStarting))
def record_key_worker_leaving(
    command: RecordKeyWorkerLeaving,
    worker: KeyWorker,
    carried: Mapping[CaseId, Case],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Who leaves is missed on the first working day without them, whatever else is on record of them."""
    if worker.active_until == command.last_day:
        raise AlreadyRecorded(what="this last day")
    if worker.active_from is not None and command.last_day < worker.active_from:
        raise LeavesBeforeStarting(
            field="last_day", last_day=command.last_day, active_from=worker.active_from
        )
    leaver = dataclasses.replace(worker, active_until=command.last_day)
    return [
        KeyWorkerLeft(worker_id=worker.worker_id, last_day=command.last_day),
        *(
            event
            for case in carried.values()
            if case.worker_id == worker.worker_id
            for event in unavailability(case, leaver, moment, rules)
        ),
    ]


@decides(RecordAbsence, refuses=(AbsenceEndsBeforeItBegins, AlreadyRecorded))
def record_absence(
    command: RecordAbsence,
    worker: KeyWorker,
    carried: Mapping[CaseId, Case],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """A later absence takes the place of an earlier one: an illness that lasts longer is recorded anew."""
    if command.last_day is not None and command.last_day < command.first_day:
        raise AbsenceEndsBeforeItBegins(last_day=command.last_day, first_day=command.first_day)
    absence = Absence(command.first_day, command.last_day)
    if worker.absence == absence:
        raise AlreadyRecorded(what="this absence")
    absent = dataclasses.replace(worker, absence=absence)
    return [
        KeyWorkerAbsent(
            worker_id=worker.worker_id,
            first_day=command.first_day,
            last_day=command.last_day,
            explanation=command.explanation,
        ),
        *(
            event
            for case in carried.values()
            if case.worker_id == worker.worker_id
            for event in unavailability(case, absent, moment, rules)
        ),
    ]


@decides(EndAbsence, refuses=(NotAbsent,))
def end_absence(
    _: EndAbsence, worker: KeyWorker, carried: Mapping[CaseId, Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A leaver who is back for their last days still leaves, and each case is told so again."""
    if worker.absence is None:
        raise NotAbsent
    events: list[Event] = [KeyWorkerReturned(worker_id=worker.worker_id)]
    for case in carried.values():
        if case.away is None or case.away.because != "absent":
            continue
        events += cover_ended_by_return(case, moment, rules)
        events += back_at_work(case, worker, moment, rules)
    return events


def _require_known_forums(forums: Sequence[str], rules: Rules) -> None:
    known = {forum.code for forum in rules.geography.forums()}
    for forum in forums:
        if forum not in known:
            raise ForumUnknown(forum=forum, known=", ".join(sorted(known)))
