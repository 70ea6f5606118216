"""Introduction: the key worker and the person get to know each other; the relationship comes before any plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, allocated_worker, require_own_case
from domain.case.closure import free_everybody
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Moment,
    PersonalText,
    WorkerId,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker


# -- events ----------------------------------------------------------------------------------------------------------


class ContactRecorded(CaseEvent):
    """Somebody reached the person, or tried to."""

    TOPIC: ClassVar[str] = "ContactRecorded"

    worker_id: WorkerId | None
    by_agency: AgencyName
    by_channel: Code
    reached: bool
    face_to_face: bool
    note: PersonalText | None = None


class EngagementConfirmed(CaseEvent):
    """They met, and the person wants to go on."""

    TOPIC: ClassVar[str] = "EngagementConfirmed"

    worker_id: WorkerId
    agreed_alternative: PersonalText | None = None


class SupportDeclined(CaseEvent):
    """The person does not want support from the pathway."""

    TOPIC: ClassVar[str] = "SupportDeclined"

    explanation: PersonalText | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class MeetingRequired(RuleBroken):
    """Key worker and person have not met face to face yet; record the meeting, or say in agreed_alternative what they agreed instead."""

    code = "meeting_required"


class PersonMustAgree(RuleBroken):
    """person_agrees: support goes on only when the person wants it; otherwise record that they decline."""

    code = "person_must_agree"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
IN_SUPPORT = (
    Stage.INTRODUCTION,
    Stage.ACTIVE,
    Stage.STEP_DOWN_PROPOSED,
    Stage.STEPPING_DOWN,
    Stage.MONITORING,
)


class RecordContact(Command):
    """Record that somebody reached the person, or tried to: the key worker, or another agency."""

    NAME: ClassVar[str] = "record-contact"
    PERMISSION: ClassVar[Permission] = Permission.MONITOR
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "by_channel": "visit",
        "reached": True,
        "face_to_face": True,
    }

    case_id: CaseId
    by_channel: Code
    reached: bool
    face_to_face: bool = False
    note: PersonalText | None = None


class ConfirmEngagement(Command):
    """Record that key worker and person met and that the person wants to go on; support begins."""

    NAME: ClassVar[str] = "confirm-engagement"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "person_agrees": True}

    case_id: CaseId
    person_agrees: bool
    agreed_alternative: PersonalText | None = Field(
        None, min_length=1, description="what person and worker agreed instead of meeting face to face"
    )


class DeclineSupport(Command):
    """Record that the person does not want support; the case closes and the way back stays open."""

    NAME: ClassVar[str] = "decline-support"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Prefers to stay with the GP"}

    case_id: CaseId
    explanation: PersonalText | None = None


@decides(RecordContact, refuses=(NotTheKeyWorker,))
def record_contact(
    command: RecordContact, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """It counts as the key worker's own contact when they record it, or somebody does on their behalf."""
    case.require(command, *IN_SUPPORT)
    own = worker is not None and worker.staff_ref in (moment.actor.person, moment.actor.on_behalf_of)
    if not own:
        _require_no_colleague(worker, moment)
    return [
        ContactRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=case.worker_id if own else None,
            by_agency=moment.by_agency,
            by_channel=command.by_channel,
            reached=command.reached,
            face_to_face=command.face_to_face,
            note=command.note,
        )
    ]


@decides(ConfirmEngagement, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, MeetingRequired, PersonMustAgree))
def confirm_engagement(
    command: ConfirmEngagement, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """At least one meeting face to face, or what was agreed instead; and the person agrees to go on.

    Source: machine A, ConfirmEngagement (domain reference 2.4).
    """
    case.require(command, Stage.INTRODUCTION)
    require_own_case(worker, moment)
    if not case.met_face_to_face and command.agreed_alternative is None:
        raise MeetingRequired
    if not command.person_agrees:
        raise PersonMustAgree
    return [
        EngagementConfirmed(
            case_id=case.case_id,
            person_id=case.person_id,
            worker_id=allocated_worker(case),
            agreed_alternative=command.agreed_alternative,
        )
    ]


@decides(DeclineSupport, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker))
def decline_support(
    command: DeclineSupport, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    case.require(command, Stage.INTRODUCTION)
    require_own_case(worker, moment)
    declined = SupportDeclined(
        case_id=case.case_id, person_id=case.person_id, explanation=command.explanation
    )
    return [declined, *free_everybody(case, worker)]


def _require_no_colleague(worker: KeyWorker | None, moment: Moment) -> None:
    """A key worker of the same agency has no part in a colleague's case; cover is arranged, not assumed."""
    if worker is not None and moment.actor.role is Role.KEY_WORKER and moment.by_agency == worker.agency:
        raise NotTheKeyWorker
