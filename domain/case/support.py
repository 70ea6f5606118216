"""Support: the person sets outcomes, the key worker helps towards them, and the plan is reviewed.

Whoever writes an outcome down with the person, or looks at the plan with them, has been in contact with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case
from domain.case.contact import ContactClocks, contact_clocks
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound, RuleBroken
from domain.messages import CaseEvent, CaseId, Command, Event, Instant, Moment, OutcomeId, PersonalText
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class OutcomeSet(CaseEvent):
    """Something the person wants to reach, in their words, and who set it."""

    TOPIC: ClassVar[str] = "OutcomeSet"

    outcome_id: OutcomeId
    set_by: Literal["resident", "worker", "forum"]
    wording: PersonalText
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None


class OutcomeProgressed(CaseEvent):
    """How far towards an outcome the person is."""

    TOPIC: ClassVar[str] = "OutcomeProgressed"

    outcome_id: OutcomeId
    progress: Literal["not_started", "some", "most", "achieved", "given_up"]
    note: PersonalText | None = None


class PlanReviewed(CaseEvent):
    """Key worker and person looked at the plan together."""

    TOPIC: ClassVar[str] = "PlanReviewed"

    summary: PersonalText
    contact_due_at: Instant | None = None
    disengagement_due_at: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class PersonSetsTheirOwn(RuleBroken):
    """set_by: what the person sets themselves is set by the resident, not by {set_by}."""

    code = "person_sets_their_own"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_OUTCOME = "c1d2a5b0-9d3f-5f0c-8a43-6b7f1d2e3c40"


class SetOutcome(Command):
    """Write down something the person wants to reach, in their words, and who set it."""

    NAME: ClassVar[str] = "set-outcome"
    PERMISSION: ClassVar[Permission] = Permission.SET_OUTCOMES
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "set_by": "resident",
        "wording": "Go to rehab and stay",
    }

    case_id: CaseId
    outcome_id: OutcomeId | None = Field(
        None, description="a new id; made from the idempotency key when left out"
    )
    set_by: Literal["resident", "worker", "forum"] = "resident"
    wording: PersonalText = Field(min_length=1)


class UpdateOutcome(Command):
    """Record how far towards an outcome the person is."""

    NAME: ClassVar[str] = "update-outcome"
    PERMISSION: ClassVar[Permission] = Permission.SET_OUTCOMES
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "outcome_id": _OUTCOME, "progress": "most"}

    case_id: CaseId
    outcome_id: OutcomeId
    progress: Literal["not_started", "some", "most", "achieved", "given_up"]
    note: PersonalText | None = None


class ReviewPlan(Command):
    """Record that key worker and person looked at the plan together, and what came of it."""

    NAME: ClassVar[str] = "review-plan"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "summary": "Rehab finished; classes from September",
    }

    case_id: CaseId
    summary: PersonalText = Field(min_length=1)


@decides(SetOutcome, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, PersonSetsTheirOwn, AlreadyRecorded))
def set_outcome(
    command: SetOutcome, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The outcomes are the person's own; whoever writes one down says whose it is.

    Source: MAPS, "the resident sets outcomes" (domain reference 1.1).
    """
    case.require(command, Stage.ACTIVE)
    _require_part_in_outcomes(case, worker, moment)
    if moment.actor.role is Role.PERSON and command.set_by != "resident":
        raise PersonSetsTheirOwn(set_by=command.set_by)
    outcome_id = command.outcome_id or OutcomeId(moment.new_id("outcome"))
    if outcome_id in case.outcomes:
        raise AlreadyRecorded(what="this outcome")
    with_the_person = command.set_by == "resident"
    clocks = contact_clocks(case, moment, rules) if with_the_person else ContactClocks(None, None)
    return [
        OutcomeSet(
            case_id=case.case_id,
            person_id=case.person_id,
            outcome_id=outcome_id,
            set_by=command.set_by,
            wording=command.wording,
            contact_due_at=clocks.contact,
            disengagement_due_at=clocks.disengagement,
        )
    ]


@decides(UpdateOutcome, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, NotFound))
def update_outcome(
    command: UpdateOutcome, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """Support goes on while a step-down is being decided and handed over, and so does progress."""
    case.require(command, Stage.ACTIVE, Stage.STEP_DOWN_PROPOSED, Stage.STEPPING_DOWN)
    _require_part_in_outcomes(case, worker, moment)
    if command.outcome_id not in case.outcomes:
        raise NotFound(kind="outcome", id=command.outcome_id)
    return [
        OutcomeProgressed(
            case_id=case.case_id,
            person_id=case.person_id,
            outcome_id=command.outcome_id,
            progress=command.progress,
            note=command.note,
        )
    ]


@decides(ReviewPlan, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker))
def review_plan(
    command: ReviewPlan, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.ACTIVE)
    require_own_case(worker, moment, case)
    clocks = contact_clocks(case, moment, rules)
    return [
        PlanReviewed(
            case_id=case.case_id,
            person_id=case.person_id,
            summary=command.summary,
            contact_due_at=clocks.contact,
            disengagement_due_at=clocks.disengagement,
        )
    ]


def _require_part_in_outcomes(case: Case, worker: KeyWorker | None, moment: Moment) -> None:
    """The person speaks for themselves; a worker only for their own case."""
    if moment.actor.role is not Role.PERSON:
        require_own_case(worker, moment, case)
