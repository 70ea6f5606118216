"""Override: a manager sets a rule of allocation aside, with a reason, and looks at it again on a day.

The same terms serve an allocation, an offer and a handover. Must not say which rules may be set aside at all: that is in
`matching.py`.
Source: override any guard, manager with reason, and second person for P1 (domain reference 2.14); hard limit (5.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Protocol

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, allocated_worker
from domain.case.bands import is_first_priority
from domain.case.matching import Pairing, WorkerAtHardLimit, WorkerNotActive, broken_hard_rules
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import (
    CaseEvent,
    CaseId,
    Command,
    Day,
    Event,
    Instant,
    Moment,
    StaffRef,
    StaffText,
    WorkerId,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from datetime import date, datetime

    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

OverrideReason = Annotated[
    StaffText | None,
    Field(
        min_length=1,
        description="why a rule is set aside: the hard limit, a worker who is absent, did not answer or queried the "
        "case, a wish of the person who then agreed, or the order of the waiting list. Nothing lifts the person's "
        "refusal of this worker, or a conflict of interest.",
    ),
]
OverrideReviewOn = Annotated[
    Day | None, Field(description="when the override is looked at again; needed above the hard limit")
]
SecondPerson = Annotated[
    StaffRef | None,
    Field(description="who agreed to the override, other than you; needed for a case of band P1"),
]
PersonAgrees = Annotated[bool, Field(description="the person agrees that a wish of theirs is not met")]


class Overriding(Protocol):
    """What a manager says when a rule is to be set aside."""

    @property
    def override_reason(self) -> str | None: ...
    @property
    def override_review_on(self) -> date | None: ...
    @property
    def second_person(self) -> str | None: ...
    @property
    def person_agrees(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Override:
    """What was said, as it is remembered until it is used; by default nothing, which sets no rule aside."""

    override_reason: str | None = None
    override_review_on: date | None = None
    second_person: str | None = None
    person_agrees: bool = False


NO_OVERRIDE: Final = Override()


# -- events ----------------------------------------------------------------------------------------------------------


class OverrideReviewDue(CaseEvent):
    """It is the day on which a rule that was set aside for this worker is to be looked at again."""

    TOPIC: ClassVar[str] = "OverrideReviewDue"

    worker_id: WorkerId
    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class OverrideReviewDateRequired(RuleBroken):
    """override_review_on: a case above the hard limit needs a date, from tomorrow on, on which this override is reviewed."""

    code = "override_review_date_required"


class OverrideNeedsSecondPerson(RuleBroken):
    """second_person: an override for a case of band P1 names a second person who agreed, other than the one who acts."""

    code = "override_needs_second_person"


OVERRIDE_REFUSALS = (OverrideReviewDateRequired, OverrideNeedsSecondPerson)


def require_hard_rules(
    terms: Overriding, case: Case, worker: KeyWorker, moment: Moment, rules: Rules
) -> tuple[str, ...]:
    """Refuse by the first hard rule that these terms do not lift; answer with the codes of those they lift."""
    programme = rules.programme(case.programme)
    today = rules.london_day(moment.now)
    # An allocation written down later counts from the day it was made; the worker must have been there by then.
    if not worker.active_on(rules.london_day(moment.effective_at)):
        raise WorkerNotActive
    broken = list(broken_hard_rules(Pairing(case, worker, programme, today)))
    for rule in broken:
        if not rule.is_lifted(override_reason=terms.override_reason, person_agrees=terms.person_agrees):
            raise rule.refusal()
    if any(rule.refusal is WorkerAtHardLimit for rule in broken) and (
        terms.override_review_on is None or terms.override_review_on <= today
    ):
        raise OverrideReviewDateRequired
    if broken and is_first_priority(case, programme):
        require_second_person(terms, moment)
    return tuple(rule.refusal.code for rule in broken)


def require_second_person(terms: Overriding, moment: Moment) -> None:
    """Somebody else must have agreed."""
    if terms.second_person is None or terms.second_person == moment.actor.person:
        raise OverrideNeedsSecondPerson


def looked_at_again(terms: Overriding, overridden: Sequence[str], rules: Rules) -> datetime | None:
    """The beginning of the day on which an override is looked at, if one was used and a day was named."""
    if not overridden or terms.override_review_on is None:
        return None
    return rules.calendar.start_of_day(terms.override_review_on)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RaiseOverrideReview(Command):
    """Say that an override of a rule of allocation is to be looked at today; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-override-review"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


@decides(RaiseOverrideReview, refuses=(NoKeyWorkerAssigned,))
def raise_override_review(command: RaiseOverrideReview, case: Case, moment: Moment) -> Sequence[Event]:
    """Once: whoever leaves things as they are has looked. Source: breach of hard, review date (domain reference 5.1)."""
    due_at = case.require_passed(command, "override_review", moment.now)
    return [
        OverrideReviewDue(
            case_id=case.case_id, person_id=case.person_id, worker_id=allocated_worker(case), due_at=due_at
        )
    ]
