"""Waiting list: a case that no key worker has room for waits in a band, and somebody looks in every few weeks.

The facts of joining and leaving stand with the allocation (`allocation.py`), which also takes a case off the list;
a worker with room is offered in `offers.py`.
Source: machine G of the pathway (domain reference 2.10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import (
    WaitingCheckDue,
    WaitingCheckRecorded,
    WaitingListJoined,
)
from domain.case.bands import Band, band_of
from domain.case.closure import CaseClosed, end_case, off_the_list
from domain.case.escalation import put_higher, settled
from domain.case.matching import rank
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class WaitingListReprioritised(CaseEvent):
    """The case waits in another band now, because of a new risk or need. It keeps the time it joined."""

    TOPIC: ClassVar[str] = "WaitingListReprioritised"

    from_band: Band
    to_band: Band
    explanation: PersonalText
    escalate_at: Instant | None = None


class BandReviewRequested(CaseEvent):
    """Something new is known that may bring the case into a higher band; a manager decides whether it does."""

    TOPIC: ClassVar[str] = "BandReviewRequested"

    band: Band


class WaitingCheckMissed(CaseEvent):
    """Nobody looked how the waiting person is; a manager must see to it."""

    TOPIC: ClassVar[str] = "WaitingCheckMissed"

    due_at: Instant


class PriorityWaitExceeded(CaseEvent):
    """A case of band P1 still has no worker."""

    TOPIC: ClassVar[str] = "PriorityWaitExceeded"

    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class WorkerHasRoom(RuleBroken):
    """A case joins the waiting list only when nobody has room; {workers} may take this case now (propose-match names them)."""

    code = "worker_has_room"


class WaitingReasonRequired(RuleBroken):
    """explanation: a band is changed for a new risk or need; say which."""

    code = "waiting_reason_required"


class RecordedOtherwise(RuleBroken):
    """because: {because} is recorded with {command}, which asks for what has to be known; the case leaves the list by it."""

    code = "recorded_otherwise"


Left = Literal["withdrawn", "died", "moved", "need_met", "merged"]
_RECORDED_WITH: Mapping[Left, str] = {"died": "record-death", "merged": "merge-cases"}
"""A death takes a source that knows, a merge two strong identifiers and a second person."""


def urgent_wait(case: Case, band: Band, moment: Moment, rules: Rules) -> Instant | None:
    """Until when a case of this band may wait before it is escalated; only P1 has such a limit."""
    return rules.deadline(case.programme, "priority_wait", moment.now) if band == "P1" else None


def band_review(case: Case) -> Sequence[BandReviewRequested]:
    """What a new risk means for a case that waits below band P1; its manager is told that there is one, and not which.

    Source: machine G, ChangeBand (manager): new risk or need fact (domain reference 2.10).
    """
    if case.stage is not Stage.WAITING_LIST or case.band == "P1":
        return []
    return [BandReviewRequested(case_id=case.case_id, person_id=case.person_id, band=case.band or "P3")]


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class JoinWaitingList(Command):
    """Put a case on the waiting list, because no key worker has room for it (JoinList, PlaceOnWaitingList)."""

    NAME: ClassVar[str] = "join-waiting-list"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_MATCH
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId
    band: Band | None = Field(None, description="by what is known of the case, when nothing is said")


class ChangeBand(Command):
    """Move a waiting case to another band, because of a new risk or need."""

    NAME: ClassVar[str] = "change-band"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "to_band": "P1",
        "explanation": "Found sleeping rough, threatened",
    }

    case_id: CaseId
    to_band: Band
    explanation: PersonalText | None = Field(None, min_length=1, description="the new risk or need")


class RemoveFromWaitingList(Command):
    """Take a case off the waiting list for good and close it (Leave): withdrawn, moved or need met."""

    NAME: ClassVar[str] = "remove-from-waiting-list"
    PERMISSION: ClassVar[Permission] = Permission.CLOSE_CASE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "because": "need_met"}

    case_id: CaseId
    because: Left = Field(
        description="who died, or whose cases are merged, leaves by record-death or merge-cases"
    )
    explanation: PersonalText | None = None


class MarkWaitingCheckMissed(Command):
    """Record that nobody looked how a waiting person is; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-waiting-check-missed"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkPriorityWaitExceeded(Command):
    """Record that a case of band P1 waits too long, and escalate it; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-priority-wait-exceeded"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RaiseWaitingCheck(Command):
    """Ask for a look at how the waiting person is; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-waiting-check"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RecordWaitingCheck(Command):
    """Record how the waiting person is."""

    NAME: ClassVar[str] = "record-waiting-check"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "risk_changed": False,
        "note": "Spoke by telephone",
    }

    case_id: CaseId
    risk_changed: bool = Field(description="a manager is then asked to look at the band")
    note: PersonalText | None = None


@decides(JoinWaitingList, refuses=(WorkerHasRoom,))
def join_waiting_list(
    command: JoinWaitingList, case: Case, pool: Sequence[KeyWorker], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Room means below the limit that needs no approval: a manager may prefer a short wait to a full caseload.

    A case that had a place before and whose person never began with a worker gets that place again. P1 that cannot be
    placed is escalated the same day. Source: machine G, JoinList; no capacity (domain reference 2.10, 2.13).
    """
    case.require(command, Stage.AWAITING_ALLOCATION)
    programme = rules.programme(case.programme)
    ranking = rank(case, pool, programme, rules.london_day(moment.now))
    with_room = sum(one.within_soft_limit for one in ranking.candidates)
    if with_room:
        raise WorkerHasRoom(workers=f"{with_room} worker{'s' if with_room > 1 else ''}")
    band = command.band or band_of(case, programme)
    joined = WaitingListJoined(
        case_id=case.case_id,
        person_id=case.person_id,
        band=band,
        check_due_at=rules.deadline(case.programme, "waiting_check", moment.now),
        joined_at=case.joined_at or moment.now,
        escalate_at=urgent_wait(case, band, moment, rules),
    )
    return [joined, *(put_higher(case, moment, rules, subject="capacity") if band == "P1" else [])]


@decides(ChangeBand, refuses=(WaitingReasonRequired, AlreadyRecorded))
def change_band(command: ChangeBand, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    if command.explanation is None:
        raise WaitingReasonRequired
    before: Band = case.band or "P3"
    if before == command.to_band:
        raise AlreadyRecorded(what=f"band {before}")
    changed = WaitingListReprioritised(
        case_id=case.case_id,
        person_id=case.person_id,
        from_band=before,
        to_band=command.to_band,
        explanation=command.explanation,
        escalate_at=urgent_wait(case, command.to_band, moment, rules),
    )
    if command.to_band == "P1":
        return [changed, *put_higher(case, moment, rules, subject="capacity")]
    return [changed, *settled(case, "capacity", "can_wait")]


@decides(RemoveFromWaitingList, refuses=(RecordedOtherwise,))
def remove_from_waiting_list(command: RemoveFromWaitingList, case: Case) -> Sequence[Event]:
    """Source: machine A, RemoveFromWaitingList, RecordDeath and MergeCases; machine G, Leave (domain reference 2.4, 2.10)."""
    case.require(command, Stage.WAITING_LIST)
    if command.because in ("died", "merged"):
        raise RecordedOtherwise(because=command.because, command=_RECORDED_WITH[command.because])
    return [
        *off_the_list(case, command.because),
        CaseClosed(
            case_id=case.case_id,
            person_id=case.person_id,
            because=command.because,
            explanation=command.explanation,
        ),
        *end_case(case, None),
    ]


@decides(MarkWaitingCheckMissed, refuses=(AlreadyRecorded,))
def mark_waiting_check_missed(command: MarkWaitingCheckMissed, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    due_at = case.require_newly_passed(
        command, "waiting_check_answer", moment.now, what="that the check was missed"
    )
    return [WaitingCheckMissed(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(MarkPriorityWaitExceeded, refuses=(AlreadyRecorded,))
def mark_priority_wait_exceeded(
    command: MarkPriorityWaitExceeded, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Source: machine G, P1 waiting more than one working day raises machine J (domain reference 2.10)."""
    case.require(command, Stage.WAITING_LIST)
    due_at = case.require_newly_passed(
        command, "priority_wait", moment.now, what="that the case waits too long"
    )
    exceeded = PriorityWaitExceeded(case_id=case.case_id, person_id=case.person_id, due_at=due_at)
    return [exceeded, *put_higher(case, moment, rules, subject="capacity")]


@decides(RaiseWaitingCheck)
def raise_waiting_check(
    command: RaiseWaitingCheck, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    due_at = case.require_passed(command, "waiting_check", moment.now)
    return [
        WaitingCheckDue(
            case_id=case.case_id,
            person_id=case.person_id,
            due_at=due_at,
            next_due_at=rules.deadline(case.programme, "waiting_check", moment.now),
            answer_due_at=rules.deadline(case.programme, "waiting_check_grace", moment.now),
        )
    ]


@decides(RecordWaitingCheck)
def record_waiting_check(
    command: RecordWaitingCheck, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    recorded = WaitingCheckRecorded(
        case_id=case.case_id,
        person_id=case.person_id,
        risk_changed=command.risk_changed,
        note=command.note,
        check_due_at=rules.deadline(case.programme, "waiting_check", moment.now),
    )
    return [recorded, *(band_review(case) if command.risk_changed else [])]
