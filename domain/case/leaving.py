"""Leaving: what ends or moves a case whatever its stage: a death, a move away, a person who no longer takes part.

A death is acted on when somebody who knows has confirmed it; until then nothing is closed. A person who moves is kept
until the new area has taken over. Safeguarding runs on beside all of it.
Source: machine A, rows "any open" (domain reference 2.4) and the failure matrix (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.closure import CaseClosed, end_case, off_the_list
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.geography import InArea
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    Instant,
    Moment,
    PersonalText,
    StaffText,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

DeathSource = Literal["registrar", "coroner", "gp", "hospital", "police"]
"""Who knows for certain that somebody has died."""


# -- events ----------------------------------------------------------------------------------------------------------


class DeathReported(CaseEvent):
    """Somebody said that the person has died; it is not confirmed, and nothing is closed."""

    TOPIC: ClassVar[str] = "DeathReported"

    by_agency: AgencyName
    by_channel: Code
    report: PersonalText | None = None


class DeathReportWithdrawn(CaseEvent):
    """The report of a death was wrong."""

    TOPIC: ClassVar[str] = "DeathReportWithdrawn"

    explanation: PersonalText


class PersonDied(CaseEvent):
    """The person has died, as somebody confirmed who knows. All contact stops; the death is reviewed."""

    TOPIC: ClassVar[str] = "PersonDied"

    confirmed_by: DeathSource
    evidence_ref: Code
    died_on: Day | None = None
    mortality_review: bool = True


class PersonMovedArea(CaseEvent):
    """The person moved out of the area that the pathway serves; the new area is asked to take over."""

    TOPIC: ClassVar[str] = "PersonMovedArea"

    to_area: AgencyName
    consent_to_transfer: bool
    transfer_due_at: Instant


class TransferCompleted(CaseEvent):
    """The new area has taken the person over."""

    TOPIC: ClassVar[str] = "TransferCompleted"

    accepted_by: AgencyName
    package_ref: Code


class TransferLapsed(CaseEvent):
    """The time for the new area to take over has passed without its answer."""

    TOPIC: ClassVar[str] = "TransferLapsed"

    due_at: Instant


class ParticipationWithdrawn(CaseEvent):
    """The person takes back their agreement to take part; the case closes unless a legal duty keeps it open."""

    TOPIC: ClassVar[str] = "ParticipationWithdrawn"

    to_stage: Stage = Stage.CLOSED
    by_channel: Code
    lawful_duty: StaffText | None = None
    explanation: PersonalText | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class DeathInFuture(RuleBroken):
    """died_on: {died_on} lies ahead; give the day of the death, or leave it out."""

    code = "death_in_future"


class DeathNotReported(Conflict):
    """No report of a death is on record for this case."""

    code = "death_not_reported"


class MoveNotRecorded(Conflict):
    """This person has not moved away by the record; record that first (record-move-out)."""

    code = "move_not_recorded"


class StillServed(RuleBroken):
    """to_area: {area} is inside the area that this pathway serves; change the forum's route instead (change-forum-route)."""

    code = "still_served"


class LawfulDutyReasonRequired(RuleBroken):
    """lawful_duty: a case stays open against the person's wish only with the legal duty that requires it, said by a manager or the safeguarding lead."""

    code = "lawful_duty_reason_required"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class ReportDeath(Command):
    """Report that the person is said to have died; somebody who knows has to confirm it before the case closes."""

    NAME: ClassVar[str] = "report-death"
    PERMISSION: ClassVar[Permission] = Permission.REPORT_DEATH
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "by_channel": "email"}

    case_id: CaseId
    by_channel: Code = Field(description="how, as a code of your own, such as telephone, visit or letter")
    report: PersonalText | None = None


class WithdrawDeathReport(Command):
    """Record that the report of a death was wrong."""

    NAME: ClassVar[str] = "withdraw-death-report"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_DEATH
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "A person of the same name"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


class RecordDeath(Command):
    """Record a confirmed death: the case closes at once and all contact stops."""

    NAME: ClassVar[str] = "record-death"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_DEATH
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "confirmed_by": "gp",
        "evidence_ref": "letter-2027-05-03",
    }

    case_id: CaseId
    confirmed_by: DeathSource = Field(description="who confirmed it; an email or hearsay is reported instead")
    evidence_ref: Code = Field(description="where the confirmation is kept")
    died_on: Day | None = None


class RecordMoveOut(Command):
    """Record that the person moved out of the area; the new one has some weeks to take over."""

    NAME: ClassVar[str] = "record-move-out"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CIRCUMSTANCES
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "to_area": "Trafford", "consent_to_transfer": True}

    case_id: CaseId
    to_area: AgencyName
    consent_to_transfer: bool = Field(description="whether the person agrees that the new area is told")


class CompleteTransfer(Command):
    """Record that the new area has taken the person over; the case closes."""

    NAME: ClassVar[str] = "complete-transfer"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CIRCUMSTANCES
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "accepted_by": "Trafford Council",
        "package_ref": "transfer-17",
    }

    case_id: CaseId
    accepted_by: AgencyName
    package_ref: Code = Field(description="where the transfer package is kept")


class MarkTransferLapsed(Command):
    """Record that the new area did not take over in time, and close the case; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-transfer-lapsed"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class WithdrawParticipation(Command):
    """Record that the person no longer wants to take part; the case closes unless a legal duty keeps it open."""

    NAME: ClassVar[str] = "withdraw-participation"
    PERMISSION: ClassVar[Permission] = Permission.WITHDRAW_PARTICIPATION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "by_channel": "telephone"}

    case_id: CaseId
    by_channel: Code = Field(
        "in_person", description="how, as a code of your own, such as telephone, visit or letter"
    )
    lawful_duty: StaffText | None = Field(
        None,
        min_length=1,
        description="the legal duty that keeps the case open all the same; for a manager or safeguarding lead to say",
    )
    explanation: PersonalText | None = None


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(ReportDeath, refuses=(AlreadyRecorded,))
def report_death(command: ReportDeath, case: Case, moment: Moment) -> Sequence[Event]:
    """Source: acceptance scenario 54: an unverified message closes nothing."""
    case.require_open(command)
    if case.death_reported:
        raise AlreadyRecorded(what="the report of the death")
    return [
        DeathReported(
            case_id=case.case_id,
            person_id=case.person_id,
            by_agency=moment.by_agency,
            by_channel=command.by_channel,
            report=command.report,
        )
    ]


@decides(WithdrawDeathReport, refuses=(DeathNotReported,))
def withdraw_death_report(command: WithdrawDeathReport, case: Case) -> Sequence[Event]:
    case.require_open(command)
    if not case.death_reported:
        raise DeathNotReported
    return [
        DeathReportWithdrawn(case_id=case.case_id, person_id=case.person_id, explanation=command.explanation)
    ]


@decides(RecordDeath, refuses=(DeathInFuture,))
def record_death(
    command: RecordDeath, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Source: machine A, RecordDeath, "verified source" (domain reference 2.4)."""
    case.require_open(command)
    if command.died_on is not None and command.died_on > rules.london_day(moment.now):
        raise DeathInFuture(died_on=command.died_on.isoformat())
    died = PersonDied(
        case_id=case.case_id,
        person_id=case.person_id,
        confirmed_by=command.confirmed_by,
        evidence_ref=command.evidence_ref,
        died_on=command.died_on,
    )
    return [*off_the_list(case, "died"), died, *end_case(case, worker)]


@decides(RecordMoveOut, refuses=(AlreadyRecorded, StillServed))
def record_move_out(command: RecordMoveOut, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require_open(command)
    if "transfer" in case.due:
        raise AlreadyRecorded(what="that the person moved away")
    place = rules.geography.place(command.to_area, rules.london_day(moment.now))
    if isinstance(place, InArea) or command.to_area.casefold() == rules.geography.city.casefold():
        raise StillServed(area=rules.geography.city)
    return [
        PersonMovedArea(
            case_id=case.case_id,
            person_id=case.person_id,
            to_area=command.to_area,
            consent_to_transfer=command.consent_to_transfer,
            transfer_due_at=rules.deadline(case.programme, "transfer", moment.now),
        )
    ]


@decides(CompleteTransfer, refuses=(MoveNotRecorded,))
def complete_transfer(command: CompleteTransfer, case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    case.require_open(command)
    if "transfer" not in case.due:
        raise MoveNotRecorded
    completed = TransferCompleted(
        case_id=case.case_id,
        person_id=case.person_id,
        accepted_by=command.accepted_by,
        package_ref=command.package_ref,
    )
    return [completed, *_closed_because_moved(case, worker)]


@decides(MarkTransferLapsed)
def mark_transfer_lapsed(
    command: MarkTransferLapsed, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """Source: failure matrix, "closure only after acceptance or 28 days" (domain reference 2.13)."""
    case.require_open(command)
    due_at = case.require_passed(command, "transfer", moment.now)
    lapsed = TransferLapsed(case_id=case.case_id, person_id=case.person_id, due_at=due_at)
    return [lapsed, *_closed_because_moved(case, worker)]


@decides(WithdrawParticipation, refuses=(LawfulDutyReasonRequired,))
def withdraw_participation(
    command: WithdrawParticipation, case: Case, worker: KeyWorker | None, moment: Moment
) -> Sequence[Event]:
    """A concern for the person's safety is followed up all the same: it does not need the case.

    Source: machine A, WithdrawParticipation (domain reference 2.4, 3.6); acceptance scenario 13.
    """
    case.require_open(command)
    if command.lawful_duty is not None and moment.actor.role not in ("manager", "safeguarding_lead"):
        raise LawfulDutyReasonRequired
    stays = command.lawful_duty is not None
    withdrawn = ParticipationWithdrawn(
        case_id=case.case_id,
        person_id=case.person_id,
        to_stage=case.stage if stays else Stage.CLOSED,
        by_channel=command.by_channel,
        lawful_duty=command.lawful_duty,
        explanation=command.explanation,
    )
    if stays:
        return [withdrawn]
    return [*off_the_list(case, "withdrawn"), withdrawn, *end_case(case, worker)]


def _closed_because_moved(case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    closed = CaseClosed(case_id=case.case_id, person_id=case.person_id, because="moved")
    return [*off_the_list(case, "moved"), closed, *end_case(case, worker)]
