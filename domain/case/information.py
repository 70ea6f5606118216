"""Information: triage asks the referrer a question, reminds them once, and goes on without an answer when time is up.

While it waits, the clock of the triage decision stands still; it starts anew with the answer. Who asks decides what
follows: nothing is closed for want of information but by a coordinator.
Source: machine A, stage InfoRequested, and its clocks (domain reference 2.3, 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.closure import CaseClosed, end_episode
from domain.case.referral_form import NeedNotInProgramme
from domain.case.stages import Stage
from domain.case.triage import ReferrerOnly
from domain.case.triage_deadlines import triage_deadline
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Moment,
    PersonalText,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class InformationRequested(CaseEvent):
    """Triage cannot decide without an answer of the referrer."""

    TOPIC: ClassVar[str] = "InformationRequested"

    question: PersonalText
    to_agency: AgencyName
    reminder_due_at: Instant
    due_at: Instant


class InformationReminderRaised(CaseEvent):
    """The referrer was reminded of the question."""

    TOPIC: ClassVar[str] = "InformationReminderRaised"

    to_agency: AgencyName
    due_at: Instant


class InformationSupplied(CaseEvent):
    """The referrer answered; triage goes on. Needs that they named now count with those of the form."""

    TOPIC: ClassVar[str] = "InformationSupplied"

    answer: PersonalText
    by_agency: AgencyName
    further_needs: tuple[Code, ...] = ()
    triage_due_at: Instant


class InformationRequestLapsed(CaseEvent):
    """Nobody answered in time; the coordinator decides with what there is."""

    TOPIC: ClassVar[str] = "InformationRequestLapsed"

    due_at: Instant
    triage_due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class InformationNotAwaited(Conflict):
    """A referral is closed for want of information only after a question about it went unanswered (request-information)."""

    code = "information_not_awaited"


def require_who_was_asked(case: Case, moment: Moment) -> None:
    """The agency that referred answers; a coordinator or manager may write down what it said on the telephone."""
    if moment.actor.role in (Role.COORDINATOR, Role.MANAGER, Role.SAFEGUARDING_LEAD):
        return
    if moment.by_agency != case.referring_agency:
        raise ReferrerOnly


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RequestInformation(Command):
    """Ask the referrer what triage needs to know; the case waits for the answer."""

    NAME: ClassVar[str] = "request-information"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "question": "Which ward does the person live in?"}

    case_id: CaseId
    question: PersonalText = Field(min_length=1)


class RemindOfInformation(Command):
    """Remind the referrer of the question; issued by the engine's own timer."""

    NAME: ClassVar[str] = "remind-of-information"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class SupplyInformation(Command):
    """Answer the question that triage asked about your referral."""

    NAME: ClassVar[str] = "supply-information"
    PERMISSION: ClassVar[Permission] = Permission.SUBMIT_REFERRAL
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "answer": "Ardwick; and there are arrears now",
        "further_needs": ["rent_arrears"],
    }

    case_id: CaseId
    answer: PersonalText = Field(min_length=1)
    further_needs: tuple[Code, ...] = Field((), description="codes of needs that the form did not name")


class LapseInformationRequest(Command):
    """Record that the referrer did not answer in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "lapse-information-request"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class CloseInsufficientInformation(Command):
    """Close a referral that cannot be decided because the referrer never answered; the referrer is told."""

    NAME: ClassVar[str] = "close-insufficient-information"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "No ward, no telephone number"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


@decides(RequestInformation)
def request_information(
    command: RequestInformation, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.TRIAGE)
    return [
        InformationRequested(
            case_id=case.case_id,
            person_id=case.person_id,
            question=command.question,
            to_agency=case.referring_agency,
            reminder_due_at=rules.deadline(case.programme, "information_reminder", moment.now),
            due_at=rules.deadline(case.programme, "information_request", moment.now),
        )
    ]


@decides(RemindOfInformation, refuses=(AlreadyRecorded,))
def remind_of_information(command: RemindOfInformation, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.INFO_REQUESTED)
    due_at = case.require_passed(command, "information_reminder", moment.now)
    return [
        InformationReminderRaised(
            case_id=case.case_id, person_id=case.person_id, to_agency=case.referring_agency, due_at=due_at
        )
    ]


@decides(SupplyInformation, refuses=(ReferrerOnly, NeedNotInProgramme))
def supply_information(
    command: SupplyInformation, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.INFO_REQUESTED)
    require_who_was_asked(case, moment)
    programme = rules.programme(case.programme)
    if unknown := programme.unknown_needs(command.further_needs):
        raise NeedNotInProgramme(unknown=", ".join(unknown), programme=programme.name)
    return [
        InformationSupplied(
            case_id=case.case_id,
            person_id=case.person_id,
            answer=command.answer,
            by_agency=moment.by_agency,
            further_needs=command.further_needs,
            triage_due_at=triage_deadline(case, case.programme, moment.now, rules),
        )
    ]


@decides(LapseInformationRequest)
def lapse_information_request(
    command: LapseInformationRequest, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The reminder comes first; a request whose reminder could not go out in time does not lapse unsaid.

    Source: machine A, InfoRequested, "past due and reminder sent" (domain reference 2.4).
    """
    case.require(command, Stage.INFO_REQUESTED)
    due_at = case.require_passed(command, "information_request", moment.now)
    lapsed = InformationRequestLapsed(
        case_id=case.case_id,
        person_id=case.person_id,
        due_at=due_at,
        triage_due_at=triage_deadline(case, case.programme, moment.now, rules),
    )
    if "information_reminder" not in case.due:
        return [lapsed]
    reminded = InformationReminderRaised(
        case_id=case.case_id,
        person_id=case.person_id,
        to_agency=case.referring_agency,
        due_at=case.due["information_reminder"],
    )
    return [reminded, lapsed]


@decides(CloseInsufficientInformation, refuses=(InformationNotAwaited,))
def close_insufficient_information(command: CloseInsufficientInformation, case: Case) -> Sequence[Event]:
    """Source: machine A, InfoRequested, "may close reason=insufficient_information" (domain reference 2.4)."""
    case.require(command, Stage.TRIAGE)
    if not case.information_lapsed:
        raise InformationNotAwaited
    closed = CaseClosed(
        case_id=case.case_id,
        person_id=case.person_id,
        because="insufficient_information",
        explanation=command.explanation,
    )
    return [closed, *end_episode(case)]
