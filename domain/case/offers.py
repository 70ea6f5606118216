"""An offer from the waiting list: the first in line is offered a worker, and keeps the place if nothing comes of it.

The manager offers; the person, or the manager for them, accepts or declines. The engine offers nobody anything.
Source: machine G, OfferWorker, AcceptOffer and DeclineOffer (domain reference 2.10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from domain.case.allocating import (
    TERMS_REFUSALS,
    NotFirstInLine,
    Terms,
    require_order,
    take_on,
)
from domain.case.allocation import Visits
from domain.case.bands import Band
from domain.case.line import Waiting, ahead_of
from domain.case.matching import HARD_REFUSALS
from domain.case.override import OVERRIDE_REFUSALS, require_hard_rules
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import Conflict
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
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class WorkerOffered(CaseEvent):
    """The person on the waiting list was offered a key worker, on these terms."""

    TOPIC: ClassVar[str] = "WorkerOffered"

    worker_id: WorkerId
    worker_name: StaffText
    band: Band
    joined_at: Instant | None
    because: Literal["highest_band", "longest_wait", "only_one", "override"]
    """Why this case and no other: it is before others in its band or by it, nobody else waits, or for a reason given."""
    ahead: tuple[CaseId, ...] = ()
    """Who came before this case and was passed over."""
    override_reason: StaffText | None = None
    override_review_on: Day | None = None
    second_person: StaffRef | None = None
    person_agrees: bool = False
    approved_over_soft_limit: bool = False
    visits: Visits | None = None
    interpreter: Code | None = None
    children: int | None = None
    long_travel: bool = False
    programmes: int = 1


class OfferDeclined(CaseEvent):
    """Nothing came of the offer; the case keeps its place."""

    TOPIC: ClassVar[str] = "OfferDeclined"

    worker_id: WorkerId
    explanation: PersonalText | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class OfferOpen(Conflict):
    """The person has been offered worker {worker_id}; they accept or decline first."""

    code = "offer_open"


class NoOffer(Conflict):
    """No worker has been offered to this person."""

    code = "no_offer"


_SETTLED = set(Terms.model_fields) - {"case_id", "worker_id"}
"""What the offer keeps of the manager's terms until it is accepted."""


def _why_this_case(
    case: Case, waiting: Sequence[Waiting], *, overtakes: bool
) -> Literal["highest_band", "longest_wait", "only_one", "override"]:
    if overtakes:
        return "override"
    others = [one for one in waiting if one.forum == case.forum and one.case_id != case.case_id]
    if not others:
        return "only_one"
    same_band = any(one.band == case.band for one in others)
    return "longest_wait" if same_band else "highest_band"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class OfferWorker(Terms):
    """Offer a worker with room to the person who is first in line."""

    NAME: ClassVar[str] = "offer-worker"
    PERMISSION: ClassVar[Permission] = Permission.ALLOCATE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "worker_id": _WORKER}


class AcceptOffer(Command):
    """Record that the person takes the worker they were offered; the worker then has the case."""

    NAME: ClassVar[str] = "accept-offer"
    PERMISSION: ClassVar[Permission] = Permission.ANSWER_OFFER
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class DeclineOffer(Command):
    """Record that nothing comes of the offer; the person loses no place by it."""

    NAME: ClassVar[str] = "decline-offer"
    PERMISSION: ClassVar[Permission] = Permission.ANSWER_OFFER
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Wants to wait for somebody nearer"}

    case_id: CaseId
    explanation: PersonalText | None = None


@decides(
    OfferWorker,
    refuses=(OfferOpen, *HARD_REFUSALS, *OVERRIDE_REFUSALS, *TERMS_REFUSALS, NotFirstInLine),
)
def offer_worker(
    command: OfferWorker,
    case: Case,
    worker: KeyWorker,
    waiting: Sequence[Waiting],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """The order is that of the log when this is decided: whoever joins at the same moment is next, not overtaken.

    Source: machine G, OfferWorker: first by band and joining, or override with reason (domain reference 2.10).
    """
    case.require(command, Stage.WAITING_LIST)
    if case.offer_open is not None:
        raise OfferOpen(worker_id=case.offer_open.worker_id)
    overridden = require_hard_rules(command, case, worker, moment, rules)
    overtakes = require_order(command, case, waiting)
    take_on(
        command, case, worker, moment, rules, overridden
    )  # refuses terms that would be refused on acceptance
    return [
        WorkerOffered(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=worker.worker_id,
            worker_name=worker.display_name,
            band=case.band or "P3",
            joined_at=case.joined_at,
            because=_why_this_case(case, waiting, overtakes=overtakes),
            ahead=tuple(one.case_id for one in ahead_of(case, waiting)),
            **command.model_dump(include=_SETTLED),
        )
    ]


@decides(
    AcceptOffer,
    refuses=(NoOffer, *HARD_REFUSALS, *OVERRIDE_REFUSALS, *TERMS_REFUSALS),
)
def accept_offer(
    command: AcceptOffer,
    case: Case,
    named: Mapping[WorkerId, KeyWorker],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Limits and wishes are looked at again, for the worker may be full by now; the offer's terms stand."""
    case.require(command, Stage.WAITING_LIST)
    offer = case.offer_open
    if offer is None:
        raise NoOffer
    terms = OfferWorker(case_id=case.case_id, worker_id=offer.worker_id, **offer.model_dump(include=_SETTLED))
    worker = named[offer.worker_id]
    overridden = require_hard_rules(terms, case, worker, moment, rules)
    if offer.because == "override":
        overridden = (*overridden, NotFirstInLine.code)
    return take_on(terms, case, worker, moment, rules, overridden)


@decides(DeclineOffer, refuses=(NoOffer,))
def decline_offer(command: DeclineOffer, case: Case) -> Sequence[Event]:
    case.require(command, Stage.WAITING_LIST)
    if case.offer_open is None:
        raise NoOffer
    return [
        OfferDeclined(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=case.offer_open.worker_id,
            explanation=command.explanation,
        )
    ]
