"""Waiting list: a case that no key worker has room for waits in a band, and somebody looks in every few weeks.

The facts themselves stand with the allocation (`allocation.py`), which also takes a case off the list.
Source: machine G of the pathway (domain reference 2.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from domain.case.allocation import Band, WaitingCheckDue, WaitingCheckRecorded, WaitingListJoined
from domain.case.matching import rank
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import CaseId, Command, Event, Moment, PersonalText
from domain.programmes import Programme
from domain.roles import Permission
from domain.values import Ndta

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

LOSING_THE_HOME: Final = "risk_of_eviction"


# -- rules -----------------------------------------------------------------------------------------------------------


class WorkerHasRoom(RuleBroken):
    """A case joins the waiting list only when nobody has room; {workers} may take this case now (propose-match names them)."""

    code = "worker_has_room"


def band_of(case: Case, programme: Programme) -> Band:
    """How urgent the wait is, from what is known of the case now.

    Source: bands (proposed): safeguarding; high score or imminent loss of the home; standard (domain reference 2.10).
    """
    if case.open_concerns:
        return "P1"
    total = Ndta(case.ndta).total if case.ndta is not None else None
    high_score = total is not None and total >= programme.allocation.high_score
    if case.urgency == "urgent" or high_score or LOSING_THE_HOME in case.needs:
        return "P2"
    return "P3"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class JoinWaitingList(Command):
    """Put a case on the waiting list, because no key worker has room for it."""

    NAME: ClassVar[str] = "join-waiting-list"
    PERMISSION: ClassVar[Permission] = Permission.PROPOSE_MATCH
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
    risk_changed: bool
    note: PersonalText | None = None


@decides(JoinWaitingList, refuses=(WorkerHasRoom,))
def join_waiting_list(
    command: JoinWaitingList, case: Case, pool: Sequence[KeyWorker], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Room means below the limit that needs no approval: a manager may prefer a short wait to a full caseload."""
    case.require(command, Stage.AWAITING_ALLOCATION)
    programme = rules.programme(case.programme)
    ranking = rank(case, pool, programme, rules.london_day(moment.now))
    with_room = sum(one.within_soft_limit for one in ranking.candidates)
    if with_room:
        raise WorkerHasRoom(workers=f"{with_room} worker{'s' if with_room > 1 else ''}")
    return [
        WaitingListJoined(
            case_id=case.case_id,
            person_id=case.person_id,
            band=band_of(case, programme),
            check_due_at=rules.deadline(case.programme, "waiting_check", moment.now),
        )
    ]


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
        )
    ]


@decides(RecordWaitingCheck)
def record_waiting_check(
    command: RecordWaitingCheck, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    return [
        WaitingCheckRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            risk_changed=command.risk_changed,
            note=command.note,
            check_due_at=rules.deadline(case.programme, "waiting_check", moment.now),
        )
    ]
