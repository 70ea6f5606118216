"""What agencies tell the forum before it meets: each category passes the consent gate, or nothing is told.

An agency that does not answer holds nothing up: that it did not is recorded, and the item goes on with the gap.
Source: machines A and C (domain reference 2.4, 2.6), explicit consent per agency (1.3, 3.3), the failure matrix (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.disclosure import DisclosureNotCovered, may_disclose
from domain.case.forum_review import InformationReturned, InformationReturnsMissing
from domain.case.sharing import FORUM, Category, DisclosureBasis, Purpose
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken, WrongStage
from domain.messages import (
    AgencyName,
    CaseId,
    Command,
    Event,
    MeetingId,
    Moment,
    PersonalText,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class ReturnForOwnAgencyOnly(RuleBroken):
    """agency: an agency returns its own information; only a coordinator or an adapter may return for another."""

    code = "return_for_own_agency_only"


class ReturnIncomplete(RuleBroken):
    """nothing_to_share, categories, information: a return either has nothing to share and nothing else, or says what is known and in which categories."""

    code = "return_incomplete"


def require_own_or_on_behalf(agency: str, moment: Moment, rules: Rules) -> None:
    """A member speaks for their own agency; a coordinator writes down what one told them, an adapter carries it."""
    if moment.actor.role in (Role.COORDINATOR, Role.ADAPTER):
        return
    if rules.agency_name(moment.by_agency) != agency:
        raise ReturnForOwnAgencyOnly


def require_heard(command: Command, case: Case) -> None:
    """Information is asked for of a case that the forum hears for the first time or looks at again."""
    if case.agenda_kind not in ("case", "review"):
        raise WrongStage(command=command.NAME, allowed=Stage.ON_AGENDA, stage=case.stage)


def require_whole_return(command: ReturnInformation) -> None:
    """Nothing to share confirms nothing: it never comes with a category or a word about the person.

    Source: CGL and explicit consent, "nor even confirm" (domain reference 1.3).
    """
    says_something = bool(command.categories or command.information)
    says_enough = bool(command.categories and command.information)
    if says_something if command.nothing_to_share else not says_enough:
        raise ReturnIncomplete


def basis_to_tell_the_forum(
    case: Case, agency: str, purpose: Purpose, category: Category, at: datetime, rules: Rules
) -> DisclosureBasis:
    """On what basis an agency may tell the forum, however it is written; refused when there is none.

    Source: machine B, `may_disclose`, used everywhere (domain reference 2.5).
    """
    basis = may_disclose(case, agency, FORUM, purpose, category, at, rules)
    if basis is None:
        raise DisclosureNotCovered(discloser=agency, category=category, recipient=FORUM, purpose=purpose)
    return basis


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class ReturnInformation(Command):
    """Tell the forum what an agency knows, under the person's consent, or that it has nothing to share."""

    NAME: ClassVar[str] = "return-information"
    PERMISSION: ClassVar[Permission] = Permission.RETURN_INFORMATION
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "nothing_to_share": True}

    case_id: CaseId
    agency: AgencyName | None = Field(
        None, description="the acting agency when left out; another only by a coordinator or an adapter"
    )
    nothing_to_share: bool = False
    purpose: Purpose = Purpose.COORDINATED_SUPPORT
    categories: tuple[Category, ...] = Field((), max_length=len(Category))
    information: PersonalText | None = None


class MarkReturnsMissing(Command):
    """Record which agencies have not answered by the date for returns; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-returns-missing"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(ReturnInformation, refuses=(ReturnForOwnAgencyOnly, ReturnIncomplete, DisclosureNotCovered))
def return_information(
    command: ReturnInformation, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Everything told passes the gate at this moment, also of agencies that ask for no explicit consent.

    An agency may return more than once, also after the date: what it learns late still helps the forum.
    """
    require_heard(command, case)
    agency = rules.agency_name(command.agency or moment.by_agency)
    require_own_or_on_behalf(agency, moment, rules)
    require_whole_return(command)
    categories = tuple(dict.fromkeys(command.categories))
    bases = tuple(
        basis_to_tell_the_forum(case, agency, command.purpose, category, moment.now, rules)
        for category in categories
    )
    return [
        InformationReturned(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=_meeting_of(case),
            agency=agency,
            nothing_to_share=command.nothing_to_share,
            purpose=command.purpose,
            categories=categories,
            grant_ids=tuple(dict.fromkeys(basis.grant_id for basis in bases if basis.grant_id)),
            bases=bases,
            information=command.information or None,
        )
    ]


@decides(MarkReturnsMissing, refuses=(AlreadyRecorded,))
def mark_returns_missing(command: MarkReturnsMissing, case: Case, moment: Moment) -> Sequence[Event]:
    """The clock stops when the last agency answers, and when it is recorded who did not."""
    case.require(command, Stage.ON_AGENDA)
    if "returns" not in case.due:
        raise AlreadyRecorded(what="what became of this item's returns")
    due_at = case.require_passed(command, "returns", moment.now)
    return [
        InformationReturnsMissing(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=_meeting_of(case),
            agencies=tuple(agency for agency in case.agencies_asked if agency not in case.returned),
            due_at=due_at,
        )
    ]


def _meeting_of(case: Case) -> MeetingId:
    if case.meeting_id is None:
        raise ValueError("a case on an agenda has a meeting")
    return case.meeting_id
