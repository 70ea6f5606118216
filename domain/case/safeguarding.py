"""Safeguarding: a concern can always be raised, by anyone, at any stage, and runs beside the pathway.

Nothing in the pathway blocks it, and it blocks nothing but what a rule of another stage names.
Source: machine F of the pathway (domain reference 2.9).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from domain.decisions import decides
from domain.errors import Conflict
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    ConcernId,
    Event,
    Instant,
    Moment,
    PersonalText,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules

# Not a clock of a programme: a concern is screened in one working day whatever the programme.
# Source: machine F, Screen (domain reference 2.9).
SCREENING_WORKING_DAYS: Final = 1


# -- events ----------------------------------------------------------------------------------------------------------


class SafeguardingConcernRaised(CaseEvent):
    """Somebody fears that the person, or someone near them, is being harmed."""

    TOPIC: ClassVar[str] = "SafeguardingConcernRaised"

    concern_id: ConcernId
    about: Literal["adult", "child"]
    category: Code
    immediate_danger: bool
    concern: PersonalText
    screening_due_at: Instant


class ConcernScreened(CaseEvent):
    """The safeguarding lead decided whether the threshold for an enquiry is met."""

    TOPIC: ClassVar[str] = "ConcernScreened"

    concern_id: ConcernId
    threshold_met: bool
    reasons: PersonalText


class SafeguardingOutcomeRecorded(CaseEvent):
    """The enquiry ended with an outcome."""

    TOPIC: ClassVar[str] = "SafeguardingOutcomeRecorded"

    concern_id: ConcernId
    outcome: Code
    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class ConcernNotInState(Conflict):
    """{command} is for a concern in state {allowed}; concern {concern} of this case is in state {state}."""

    code = "concern_not_in_state"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_CONCERN = "e4b5d0a2-6d0c-5b8e-9c11-0f9a7c6b5d42"


class RaiseSafeguardingConcern(Command):
    """Tell the safeguarding lead that the person, or someone near them, may be coming to harm. Always possible."""

    NAME: ClassVar[str] = "raise-safeguarding-concern"
    PERMISSION: ClassVar[Permission] = Permission.RAISE_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "about": "adult",
        "category": "self_neglect",
        "immediate_danger": False,
        "concern": "Has not eaten for days",
    }

    case_id: CaseId
    about: Literal["adult", "child"]
    category: Code
    immediate_danger: bool
    concern: PersonalText = Field(min_length=1)


class ScreenConcern(Command):
    """Decide whether a concern meets the threshold for an enquiry."""

    NAME: ClassVar[str] = "screen-concern"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "threshold_met": True,
        "reasons": "Care needs, at risk, cannot protect themselves",
    }

    case_id: CaseId
    concern_id: ConcernId
    threshold_met: bool
    reasons: PersonalText = Field(min_length=1)


class RecordSafeguardingOutcome(Command):
    """Record how an enquiry ended."""

    NAME: ClassVar[str] = "record-safeguarding-outcome"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "outcome": "risk_reduced",
        "explanation": "Meals arranged; the neighbour looks in",
    }

    case_id: CaseId
    concern_id: ConcernId
    outcome: Code
    explanation: PersonalText = Field(min_length=1)


@decides(RaiseSafeguardingConcern)
def raise_safeguarding_concern(
    command: RaiseSafeguardingConcern, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """No guard at all: any case, in any stage, draft and closed included, as often as somebody is worried."""
    screening = rules.calendar.add_working_days(moment.now, SCREENING_WORKING_DAYS)
    return [
        SafeguardingConcernRaised(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=ConcernId(moment.new_id("concern")),
            about=command.about,
            category=command.category,
            immediate_danger=command.immediate_danger,
            concern=command.concern,
            screening_due_at=screening,
        )
    ]


@decides(ScreenConcern, refuses=(ConcernNotInState,))
def screen_concern(command: ScreenConcern, case: Case) -> Sequence[Event]:
    _require_concern(command, case, command.concern_id, "raised")
    return [
        ConcernScreened(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=command.concern_id,
            threshold_met=command.threshold_met,
            reasons=command.reasons,
        )
    ]


@decides(RecordSafeguardingOutcome, refuses=(ConcernNotInState,))
def record_safeguarding_outcome(command: RecordSafeguardingOutcome, case: Case) -> Sequence[Event]:
    _require_concern(command, case, command.concern_id, "enquiry")
    return [
        SafeguardingOutcomeRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=command.concern_id,
            outcome=command.outcome,
            explanation=command.explanation,
        )
    ]


def _require_concern(command: Command, case: Case, concern_id: ConcernId, state: str) -> None:
    stands = case.open_concerns.get(concern_id, "not_open")
    if stands != state:
        raise ConcernNotInState(command=command.NAME, allowed=state, concern=concern_id, state=stands)
