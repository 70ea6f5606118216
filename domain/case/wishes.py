"""What the person wishes of a key worker, and which workers may not have the case because of a conflict of interest.

Nothing is weighed here: `matching.py` reads it. A refusal by the person and a conflict of interest are lifted by nobody.
Source: matching rules (domain reference 5.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation_end import MAY_GO_BACK, taken_off
from domain.case.away import excluded_today
from domain.case.cover import cover_ended_by_conflict
from domain.case.viewers import ViewerBarred
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound, RuleBroken
from domain.messages import CaseEvent, CaseId, Command, Event, Moment, PersonalText, WorkerId
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

ConflictKind = Literal["relative", "neighbour", "prior_complaint", "dual_role"]


# -- events ----------------------------------------------------------------------------------------------------------


class WorkerPreferenceRecorded(CaseEvent):
    """What the person wants, or does not want, of a worker."""

    TOPIC: ClassVar[str] = "WorkerPreferenceRecorded"

    refuses_worker: WorkerId | None = None
    wants_gender: PersonalText | None = None


class ConflictOfInterestDeclared(CaseEvent):
    """A worker may not have this case: they are related to the person, or cannot be impartial for another reason."""

    TOPIC: ClassVar[str] = "ConflictOfInterestDeclared"

    worker_id: WorkerId
    kind: ConflictKind
    explanation: PersonalText | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class PreferenceRequired(RuleBroken):
    """refuses_worker, wants_gender: say at least one thing that the person wants or does not want."""

    code = "preference_required"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_WORKER = "3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71"


class RecordWorkerPreference(Command):
    """Record what the person wants, or does not want, of a key worker."""

    NAME: ClassVar[str] = "record-worker-preference"
    # The same people who record what the person says about consent, the person included.
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "wants_gender": "female"}

    case_id: CaseId
    refuses_worker: WorkerId | None = Field(None, description="a worker whom the person does not want")
    wants_gender: PersonalText | None = Field(None, min_length=1)


class DeclareConflictOfInterest(Command):
    """Say that a worker cannot be impartial about this case; they never get it, and lose it if they have it."""

    NAME: ClassVar[str] = "declare-conflict-of-interest"
    PERMISSION: ClassVar[Permission] = Permission.DECLARE_CONFLICT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "worker_id": _WORKER, "kind": "relative"}

    case_id: CaseId
    worker_id: WorkerId
    kind: ConflictKind
    explanation: PersonalText | None = None


@decides(RecordWorkerPreference, refuses=(PreferenceRequired, NotFound))
def record_worker_preference(
    command: RecordWorkerPreference, case: Case, pool: Sequence[KeyWorker]
) -> Sequence[Event]:
    case.require_open(command)
    if command.refuses_worker is None and command.wants_gender is None:
        raise PreferenceRequired
    if command.refuses_worker is not None and command.refuses_worker not in {one.worker_id for one in pool}:
        raise NotFound(kind="key worker", id=command.refuses_worker)
    return [
        WorkerPreferenceRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            refuses_worker=command.refuses_worker,
            wants_gender=command.wants_gender,
        )
    ]


@decides(DeclareConflictOfInterest, refuses=(AlreadyRecorded,))
def declare_conflict_of_interest(
    command: DeclareConflictOfInterest, case: Case, worker: KeyWorker, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The worker may not see the case either. Who has or covers it is taken off at once; where the pathway must not go back, cover is needed today.

    Source: conflict of interest, hard; exclusion and block of access (domain reference 2.13, 5.3).
    """
    case.require_open(command)
    if worker.worker_id in case.conflicts:
        raise AlreadyRecorded(what="a conflict of interest of this worker")
    declared = ConflictOfInterestDeclared(
        case_id=case.case_id,
        person_id=case.person_id,
        worker_id=worker.worker_id,
        kind=command.kind,
        explanation=command.explanation,
    )
    barred = ViewerBarred(
        case_id=case.case_id,
        person_id=case.person_id,
        viewer=worker.staff_ref,
        relationship=command.kind,
        ground="conflict_of_interest",
    )
    if case.worker_id != worker.worker_id:
        return [declared, barred, *cover_ended_by_conflict(case, worker.worker_id, moment, rules)]
    if case.stage in MAY_GO_BACK:
        ended = taken_off(case, worker, moment, rules, because="conflict_of_interest")
        return [declared, barred, *ended]
    return [declared, barred, excluded_today(case, worker.worker_id, moment, rules)]
