"""Giving a case to a key worker: on which terms and under which limits.

The same terms serve an allocation and an offer from the waiting list (`offers.py`). The facts, and what the worker
answers, are in `allocation.py`; which worker may take a case at all in `matching.py`, and what a manager's reason sets
aside in `override.py`.
Source: machine E, Allocate (domain reference 2.8); limits and matching rules (5.1, 5.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.allocation import InterpreterArranged, KeyWorkerAllocated, Visits, WaitingListLeft
from domain.case.away import unavailability
from domain.case.escalation import settled
from domain.case.line import Waiting, ahead_of
from domain.case.matching import HARD_REFUSALS, Pairing, WorkerAtHardLimit, speaks_the_language
from domain.case.override import (
    OVERRIDE_REFUSALS,
    OverrideReason,
    OverrideReviewOn,
    PersonAgrees,
    SecondPerson,
    looked_at_again,
    require_hard_rules,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.keyworker.events import CaseTaken
from domain.messages import CaseId, Code, Command, Event, Moment, WorkerId
from domain.programmes import workload
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

_NO_RISK = frozenset({"", "no", "none", "none known", "nil", "n/a", "not known"})
"""What people write in a form when there is nothing to say."""


# -- rules -----------------------------------------------------------------------------------------------------------


class SoftLimitNeedsApproval(RuleBroken):
    """worker_id: this worker carries {cases} cases and the limit is {limit}; a manager approves one more with approved_over_soft_limit."""

    code = "soft_limit_needs_approval"


class LoneWorkingNotSafe(RuleBroken):
    """visits: there is a known risk to workers, so this case is visited in pairs (paired) or in the office (office_based)."""

    code = "lone_working_not_safe"


class InterpreterRouteUnknown(RuleBroken):
    """interpreter: the programme has no such way to have an interpreter; known are: {known}."""

    code = "interpreter_route_unknown"


class NotFirstInLine(RuleBroken):
    """{ahead} waiting cases come before this one, first of them {first}; offer to it, or give override_reason."""

    code = "not_first_in_line"


TERMS_REFUSALS = (SoftLimitNeedsApproval, LoneWorkingNotSafe, InterpreterRouteUnknown)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class Terms(Command):
    """What a manager settles when a case goes to a worker; shared by an allocation and an offer."""

    case_id: CaseId
    worker_id: WorkerId
    override_reason: OverrideReason = None
    override_review_on: OverrideReviewOn = None
    second_person: SecondPerson = None
    person_agrees: PersonAgrees = False
    approved_over_soft_limit: bool = Field(False, description="the manager approves one case above the limit")
    visits: Visits | None = Field(
        None, description="paired, when nothing is said and a risk to workers is known; else alone"
    )
    interpreter: Code | None = Field(
        None, description="by which way an interpreter comes in; the programme's first, when nothing is said"
    )
    children: int | None = Field(
        None, ge=0, le=30, description="children in the household; as on record, when nothing is said"
    )
    long_travel: bool = Field(False, description="the way takes this worker more than 30 minutes")
    programmes: int = Field(1, ge=1, le=10, description="programmes that the person takes part in")


class AllocateKeyWorker(Terms):
    """Give a case to a key worker, who then accepts or queries it."""

    NAME: ClassVar[str] = "allocate-key-worker"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "worker_id": _WORKER}


@decides(AllocateKeyWorker, refuses=(*HARD_REFUSALS, *OVERRIDE_REFUSALS, *TERMS_REFUSALS, NotFirstInLine))
def allocate_key_worker(
    command: AllocateKeyWorker,
    case: Case,
    worker: KeyWorker,
    waiting: Sequence[Waiting],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """The worker's own stream takes the case too, so two allocations at once cannot pass a limit together.

    Source: machine A and E, Allocate (domain reference 2.4, 2.8); caseload limits (5.1).
    """
    case.require(command, Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST)
    overridden = require_hard_rules(command, case, worker, moment, rules)
    if case.stage is Stage.WAITING_LIST and require_order(command, case, waiting):
        overridden = (*overridden, NotFirstInLine.code)
    return take_on(command, case, worker, moment, rules, overridden)


def take_on(
    terms: Terms,
    case: Case,
    worker: KeyWorker,
    moment: Moment,
    rules: Rules,
    overridden: tuple[str, ...],
) -> Sequence[Event]:
    """The facts of an allocation on these terms; refused where they are not enough."""
    over_soft_limit = worker.is_at_soft_limit
    # Whoever sets the hard limit aside, with a reason and a date, has set the soft one aside with it.
    at_hard_limit = WorkerAtHardLimit.code in overridden
    if over_soft_limit and not at_hard_limit and not terms.approved_over_soft_limit:
        raise SoftLimitNeedsApproval(cases=len(worker.cases), limit=worker.soft_limit)
    route = _interpreter(terms, case, worker, rules)
    children = case.household_children if terms.children is None else terms.children
    points = workload.case_points(
        rules.programme(case.programme).caseload.points,
        intensity=case.intensity,
        safeguarding_open=bool(case.open_concerns),
        interpreter_needed=case.interpreter_needed,
        children=children,
        long_travel=terms.long_travel,
        programmes=terms.programmes,
    )
    left = WaitingListLeft(case_id=case.case_id, person_id=case.person_id, because="allocated")
    allocated = KeyWorkerAllocated(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker.worker_id,
        worker_name=worker.display_name,
        points=points,
        override_reason=terms.override_reason if overridden else None,
        overrides=overridden,
        override_review_on=terms.override_review_on if overridden else None,
        override_review_at=looked_at_again(terms, overridden, rules),
        override_second_person=terms.second_person if overridden else None,
        approved_over_soft_limit=over_soft_limit,
        visits=_visits(terms, case),
        interpreter=route,
        children=children,
        long_travel=terms.long_travel,
        programmes=terms.programmes,
        answer_due_at=rules.deadline(case.programme, "allocation_answer", moment.now),
        first_contact_due_at=rules.deadline(case.programme, "first_contact", moment.now),
        introduction_due_at=rules.deadline(case.programme, "introduction", moment.now),
        disengagement_due_at=rules.deadline(case.programme, "disengagement", moment.now),
    )
    interpreted = (
        [
            InterpreterArranged(
                case_id=case.case_id,
                person_id=case.person_id,
                worker_id=worker.worker_id,
                route=route,
                language=case.first_language,
            )
        ]
        if route
        else []
    )
    taken = CaseTaken(
        worker_id=worker.worker_id,
        case_id=case.case_id,
        points=points,
        over_hard_limit=at_hard_limit,
    )
    return [
        *([left] if case.stage is Stage.WAITING_LIST else []),
        allocated,
        *settled(case, "capacity", "allocated"),
        *settled(case, "allocation", "allocated"),
        *interpreted,
        *unavailability(case, worker, moment, rules),
        taken,
    ]


def require_order(terms: Terms, case: Case, waiting: Sequence[Waiting]) -> bool:
    """Refuse a case before which others wait for the same forum; tell whether a reason set the order aside.

    Source: machine A, order by priority then wait, or override with reason (domain reference 2.4).
    """
    ahead = ahead_of(case, waiting)
    if ahead and terms.override_reason is None:
        raise NotFirstInLine(ahead=len(ahead), first=ahead[0].case_id)
    return bool(ahead)


def _visits(terms: Terms, case: Case) -> Visits:
    """Nobody goes alone where a risk to workers is known.

    Source: lone working, risk to worker, hard: paired or office-based (domain reference 5.3).
    """
    risk_is_known = case.risk_to_workers.strip().rstrip(".").casefold() not in _NO_RISK
    if risk_is_known and terms.visits == "alone":
        raise LoneWorkingNotSafe
    return terms.visits or ("paired" if risk_is_known else "alone")


def _interpreter(terms: Terms, case: Case, worker: KeyWorker, rules: Rules) -> str | None:
    """By which way an interpreter comes in; none where none is needed or the worker speaks the language."""
    programme = rules.programme(case.programme)
    routes = programme.allocation.interpreter_routes
    if terms.interpreter is not None and terms.interpreter not in routes:
        raise InterpreterRouteUnknown(known=", ".join(routes) or "none")
    pair = Pairing(case, worker, programme, worker.active_from or programme.valid_from)
    if not case.interpreter_needed or speaks_the_language(pair):
        return terms.interpreter
    return terms.interpreter or next(iter(routes), None)
