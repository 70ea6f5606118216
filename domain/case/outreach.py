"""Outreach: contact is lost, and services keep trying by post, by phone and through each other.

When the attempts are used up the forum hears of it; a manager may close the case once the risk was looked at and
everybody knows how the person comes back. Silence itself may be a sign of danger, for children in the household too.
Source: machine A, Outreach (domain reference 2.4); failure "no contact / disengagement" (2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.allocation import NoKeyWorkerAssigned, NotTheKeyWorker, require_own_case
from domain.case.closure import CaseClosed, end_case
from domain.case.review_request import ReviewItemRequested
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.messages import CaseEvent, CaseId, Command, Event, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.keyworker.state import KeyWorker
    from domain.rules import Rules

Risk = Literal["low", "medium", "high"]


# -- events ----------------------------------------------------------------------------------------------------------


class DisengagementEscalated(CaseEvent):
    """The attempts to reach the person are used up; the forum is to look at the case."""

    TOPIC: ClassVar[str] = "DisengagementEscalated"

    attempts: int


class RiskScreenRecorded(CaseEvent):
    """Somebody looked at what may happen to the person, and to children with them, while nobody hears of them."""

    TOPIC: ClassVar[str] = "RiskScreenRecorded"

    risk: Risk
    child_safety_screened: bool
    findings: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class ClosingRefused(RuleBroken):
    """A rule of closing a case after lost contact refuses this step."""

    code = "closing_refused"


class AttemptsNotExhausted(RuleBroken):
    """Outreach is escalated after {needed} attempts to reach the person; {made} are recorded since contact was lost."""

    code = "attempts_not_exhausted"


class RiskScreenRequired(ClosingRefused):
    """A case is not closed for lost contact before a risk screen; record-risk-screen records one."""

    code = "risk_screen_required"


class ChildSafetyScreenRequired(ClosingRefused):
    """{children} child(ren) live in the household: the risk screen has to look at their safety (child_safety_screened)."""

    code = "child_safety_screen_required"


class SafeguardingNotConsidered(ClosingRefused):
    """safeguarding_considered: silence may itself be a sign of danger; say that safeguarding was considered."""

    code = "safeguarding_not_considered"


class ReferrerNotTold(ClosingRefused):
    """referrer_told: the referring agency hears of the closure before the case is closed."""

    code = "referrer_not_told"


class AgenciesNotTold(ClosingRefused):
    """agencies_told: the agencies of the plan hear of the closure before the case is closed."""

    code = "agencies_not_told"


class RouteBackRequired(ClosingRefused):
    """route_back: say how the person comes back when they want to; the door stays open."""

    code = "route_back_required"


def require_risk_was_screened(case: Case) -> None:
    """With a child in the household, the child's safety too.

    Source: machine A, CloseDisengaged (domain reference 2.4); acceptance scenario 39 (7.2).
    """
    if not case.risk_screened:
        raise RiskScreenRequired
    children = max(case.household_children, case.children)
    if children and not case.child_safety_screened:
        raise ChildSafetyScreenRequired(children=children)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class EscalateOutreach(Command):
    """Tell the forum that the attempts to reach the person are used up; it discusses the case as a review item."""

    NAME: ClassVar[str] = "escalate-outreach"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_SUPPORT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class RecordRiskScreen(Command):
    """Record what may happen to the person, and to children with them, while nobody hears of them."""

    NAME: ClassVar[str] = "record-risk-screen"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CIRCUMSTANCES
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "risk": "medium",
        "child_safety_screened": False,
        "findings": "Seen by the neighbour last week; no sign of harm",
    }

    case_id: CaseId
    risk: Risk
    child_safety_screened: bool = Field(
        False, description="whether the safety of children in the household was looked at"
    )
    findings: PersonalText = Field(min_length=1)


class CloseDisengaged(Command):
    """Close a case because contact stays lost; the person may come back at any time."""

    NAME: ClassVar[str] = "close-disengaged"
    PERMISSION: ClassVar[Permission] = Permission.CLOSE_CASE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "safeguarding_considered": True,
        "referrer_told": True,
        "agencies_told": True,
        "route_back": "Any service may ring the coordinator; no new referral form is needed",
    }

    case_id: CaseId
    safeguarding_considered: bool = False
    referrer_told: bool = False
    agencies_told: bool = False
    route_back: PersonalText = Field("", description="how the person comes back when they want to")


@decides(
    EscalateOutreach, refuses=(NoKeyWorkerAssigned, NotTheKeyWorker, AlreadyRecorded, AttemptsNotExhausted)
)
def escalate_outreach(
    command: EscalateOutreach, case: Case, worker: KeyWorker | None, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Once in an outreach, when as many attempts as the programme asks for are in the log.

    Source: machine A, EscalateOutreach (domain reference 2.4).
    """
    case.require(command, Stage.OUTREACH)
    require_own_case(worker, moment, case)
    if case.outreach_escalated:
        raise AlreadyRecorded(what="that the outreach is escalated")
    needed = rules.programme(case.programme).outreach.attempts
    if case.outreach_attempts < needed:
        raise AttemptsNotExhausted(needed=needed, made=case.outreach_attempts)
    ids = {"case_id": case.case_id, "person_id": case.person_id}
    return [
        DisengagementEscalated(**ids, attempts=case.outreach_attempts),
        ReviewItemRequested(**ids, because="disengagement"),
    ]


@decides(RecordRiskScreen)
def record_risk_screen(command: RecordRiskScreen, case: Case) -> Sequence[Event]:
    case.require(command, Stage.OUTREACH)
    return [
        RiskScreenRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            risk=command.risk,
            child_safety_screened=command.child_safety_screened,
            findings=command.findings,
        )
    ]


@decides(
    CloseDisengaged,
    refuses=(
        RiskScreenRequired,
        ChildSafetyScreenRequired,
        SafeguardingNotConsidered,
        ReferrerNotTold,
        AgenciesNotTold,
        RouteBackRequired,
    ),
)
def close_disengaged(command: CloseDisengaged, case: Case, worker: KeyWorker | None) -> Sequence[Event]:
    """A manager's decision, after the risk was looked at, with everybody told and the way back named.

    Source: machine A, CloseDisengaged (domain reference 2.4).
    """
    case.require(command, Stage.OUTREACH)
    require_risk_was_screened(case)
    if not command.safeguarding_considered:
        raise SafeguardingNotConsidered
    if not command.referrer_told:
        raise ReferrerNotTold
    if not command.agencies_told:
        raise AgenciesNotTold
    if not command.route_back:
        raise RouteBackRequired
    closed = CaseClosed(
        case_id=case.case_id,
        person_id=case.person_id,
        because="disengaged",
        explanation=command.route_back,
    )
    return [closed, *end_case(case, worker)]
