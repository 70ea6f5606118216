"""Enquiry: what follows when a safeguarding concern meets the threshold, and which other forum hears of it.

An adult's enquiry is under section 42 of the Care Act 2014, a child's under section 47 of the Children Act 1989 after a
strategy discussion; what that one has to see to in time is in `section_47.py`. The safeguarding lead decides. It goes on
whatever becomes of the case.
Source: machine F and the duties behind it (domain reference 2.9, 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.escalation import settled
from domain.case.safeguarding import ConcernNotInState, require_concern, went_late
from domain.decisions import decides
from domain.errors import AlreadyRecorded, NotFound, RuleBroken
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    ConcernId,
    Day,
    Event,
    Instant,
    Moment,
    PersonalText,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.evolving.safeguarding import Concern
    from domain.case.state import Case
    from domain.rules import Rules

HighRiskForum = Literal["marac", "mappa", "complex_safeguarding", "marm"]


# -- events ----------------------------------------------------------------------------------------------------------


class Section42EnquiryOpened(CaseEvent):
    """An adult's safeguarding enquiry was opened: all three parts of the test are satisfied."""

    TOPIC: ClassVar[str] = "Section42EnquiryOpened"

    concern_id: ConcernId
    care_and_support_needs: bool
    abuse_or_neglect: bool
    cannot_protect_themselves: bool


class StrategyDiscussionHeld(CaseEvent):
    """Agencies discussed what to do about a concern for a child."""

    TOPIC: ClassVar[str] = "StrategyDiscussionHeld"

    concern_id: ConcernId
    agencies: tuple[AgencyName, ...]
    significant_harm: bool
    parental_permission_sought: bool
    reasons: PersonalText


class Section47Opened(CaseEvent):
    """A child's safeguarding enquiry was opened: significant harm is suspected, or likely."""

    TOPIC: ClassVar[str] = "Section47Opened"

    concern_id: ConcernId
    child_seen_due_at: Instant | None = Field(
        default=None, description="none before this was watched; likewise of the conference"
    )
    conference_due_at: Instant | None = None


class EnquiryOverdue(CaseEvent):
    """A concern met the threshold, and no enquiry has begun in time."""

    TOPIC: ClassVar[str] = "EnquiryOverdue"

    concern_id: ConcernId
    due_at: Instant


class SafeguardingOutcomeRecorded(CaseEvent):
    """The enquiry ended with an outcome."""

    TOPIC: ClassVar[str] = "SafeguardingOutcomeRecorded"

    concern_id: ConcernId
    outcome: Code
    explanation: PersonalText


class ReferredToForum(CaseEvent):
    """Because of the risk, another multi-agency forum was asked to look at it as well."""

    TOPIC: ClassVar[str] = "ReferredToForum"

    concern_id: ConcernId
    forum: HighRiskForum
    criteria: tuple[Code, ...]
    wishes: PersonalText | None
    referred_at: Instant
    repeat: bool = Field(description="the same forum was told of this person within the repeat window before")


# -- rules -----------------------------------------------------------------------------------------------------------


class ConcernAboutSomebodyElse(RuleBroken):
    """{command} is for a concern about {wanted}; concern {concern} is about {about}."""

    code = "concern_about_somebody_else"


class ThreePartTestNotSatisfied(RuleBroken):
    """A section 42 enquiry needs all three parts of the test; not satisfied: {missing}."""

    code = "three_part_test_not_satisfied"


class SignificantHarmNotSuspected(RuleBroken):
    """A section 47 enquiry needs significant harm to be suspected, or likely: significant_harm is false."""

    code = "significant_harm_not_suspected"


def require_about(command: Command, concern: Concern, wanted: Literal["adult", "child"]) -> None:
    """An adult's and a child's concern take different ways."""
    if concern.about != wanted:
        raise ConcernAboutSomebodyElse(
            command=command.NAME,
            wanted=_WITH_ARTICLE[wanted],
            concern=concern.concern_id,
            about=_WITH_ARTICLE[concern.about],
        )


_WITH_ARTICLE = {"adult": "an adult", "child": "a child"}


def require_three_parts(command: OpenS42) -> None:
    """Needs for care and support; abuse or neglect, or a risk of it; and, because of the needs, no way to be safe.

    Source: Care Act 2014, section 42(1) (domain reference 3.8).
    """
    parts = ("care_and_support_needs", "abuse_or_neglect", "cannot_protect_themselves")
    missing = [part for part in parts if not getattr(command, part)]
    if missing:
        raise ThreePartTestNotSatisfied(missing=", ".join(missing))


def is_repeat(case: Case, forum: HighRiskForum, told_on: Day | None, at: datetime, rules: Rules) -> bool:
    """Whether the forum heard of the person within the repeat window, by this case or by what is known from elsewhere.

    The last day of the window counts. Source: community MARAC, repeat within 12 months (domain reference 3.8).
    """
    today = rules.london_day(at)
    begins = rules.london_day(
        rules.calendar.add_months(at, -rules.programme(case.programme).clocks.repeat_window.value)
    )
    days = [rules.london_day(one) for which, one in case.forum_referrals if which == forum]
    return any(begins <= day <= today for day in (*days, *((told_on,) if told_on else ())))


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_CONCERN = "e4b5d0a2-6d0c-5b8e-9c11-0f9a7c6b5d42"


class OpenS42(Command):
    """Open an adult's safeguarding enquiry; every part of the test is answered, and all must be satisfied."""

    NAME: ClassVar[str] = "open-s42"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "care_and_support_needs": True,
        "abuse_or_neglect": True,
        "cannot_protect_themselves": True,
    }

    case_id: CaseId
    concern_id: ConcernId
    care_and_support_needs: bool = Field(description="the adult has needs for care and support")
    abuse_or_neglect: bool = Field(description="the adult is experiencing, or at risk of, abuse or neglect")
    cannot_protect_themselves: bool = Field(
        description="because of those needs the adult cannot protect themselves"
    )


class StrategyDiscussion(Command):
    """Record a strategy discussion about a child that opens an enquiry."""

    NAME: ClassVar[str] = "strategy-discussion"
    PERMISSION: ClassVar[Permission] = Permission.SCREEN_SAFEGUARDING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "agencies": ["Manchester City Council Children's Services", "Greater Manchester Police"],
        "significant_harm": True,
        "parental_permission_sought": False,
        "reasons": "Marks seen at school; asking would put the child at risk",
    }

    case_id: CaseId
    concern_id: ConcernId
    agencies: tuple[AgencyName, ...] = Field(min_length=1, description="who took part")
    significant_harm: bool = Field(
        description="the child is suspected to suffer significant harm, or likely to"
    )
    parental_permission_sought: bool = Field(description="whether parents are asked before checks are made")
    reasons: PersonalText = Field(min_length=1)


class MarkEnquiryOverdue(Command):
    """Say that a concern met the threshold and no enquiry has begun in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-enquiry-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "concern_id": _CONCERN}

    case_id: CaseId
    concern_id: ConcernId


class RecordSafeguardingOutcome(Command):
    """Record how an enquiry ended (RecordOutcome)."""

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
    outcome: Code = Field(description="how it ended, as a code of your own")
    explanation: PersonalText = Field(min_length=1)


class ReferToForum(Command):
    """Refer to MARAC, MAPPA, complex safeguarding or a multi-agency risk meeting; it does not wait for consent."""

    NAME: ClassVar[str] = "refer-to-forum"
    PERMISSION: ClassVar[Permission] = Permission.REFER_HIGH_RISK
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "concern_id": _CONCERN,
        "forum": "marac",
        "criteria": ["professional_judgement"],
    }

    case_id: CaseId
    concern_id: ConcernId
    forum: HighRiskForum
    criteria: tuple[Code, ...] = Field(
        min_length=1, description="which of the forum's criteria are met, as codes"
    )
    wishes: PersonalText | None = Field(
        default=None, description="what the person at risk wishes, if they were asked"
    )
    last_referred_on: Day | None = Field(
        default=None, description="the last referral to this forum that is known from elsewhere"
    )


@decides(OpenS42, refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse, ThreePartTestNotSatisfied))
def open_s42(command: OpenS42, case: Case) -> Sequence[Event]:
    concern = require_concern(command, case, command.concern_id, Section42EnquiryOpened)
    require_about(command, concern, "adult")
    require_three_parts(command)
    opened = Section42EnquiryOpened(
        case_id=case.case_id,
        person_id=case.person_id,
        concern_id=command.concern_id,
        care_and_support_needs=True,
        abuse_or_neglect=True,
        cannot_protect_themselves=True,
    )
    return [opened, *settled(case, "safeguarding", "enquiry_opened", command.concern_id)]


@decides(
    StrategyDiscussion,
    refuses=(NotFound, ConcernNotInState, ConcernAboutSomebodyElse, SignificantHarmNotSuspected),
)
def strategy_discussion(
    command: StrategyDiscussion, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The days that the law gives count from the discussion, whenever it was recorded."""
    concern = require_concern(command, case, command.concern_id, StrategyDiscussionHeld)
    require_about(command, concern, "child")
    if not command.significant_harm:
        raise SignificantHarmNotSuspected
    ids: dict[str, Any] = {
        "case_id": case.case_id,
        "person_id": case.person_id,
        "concern_id": command.concern_id,
    }
    return [
        StrategyDiscussionHeld(
            **ids,
            agencies=tuple(rules.agency_name(agency) for agency in command.agencies),
            significant_harm=True,
            parental_permission_sought=command.parental_permission_sought,
            reasons=command.reasons,
        ),
        Section47Opened(
            **ids,
            child_seen_due_at=rules.deadline(case.programme, "child_seen", moment.effective_at),
            conference_due_at=rules.deadline(case.programme, "initial_conference", moment.effective_at),
        ),
        *settled(case, "safeguarding", "enquiry_opened", command.concern_id),
    ]


@decides(MarkEnquiryOverdue, refuses=(NotFound, ConcernNotInState, AlreadyRecorded))
def mark_enquiry_overdue(
    command: MarkEnquiryOverdue, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    require_concern(command, case, command.concern_id, EnquiryOverdue)
    what = "that the enquiry is overdue"
    return went_late(
        command, case, command.concern_id, moment, rules, clock="enquiry", says=EnquiryOverdue, what=what
    )


@decides(RecordSafeguardingOutcome, refuses=(NotFound, ConcernNotInState))
def record_safeguarding_outcome(command: RecordSafeguardingOutcome, case: Case) -> Sequence[Event]:
    """Whatever of the enquiry was late is so no more."""
    require_concern(command, case, command.concern_id, SafeguardingOutcomeRecorded)
    outcome = SafeguardingOutcomeRecorded(
        case_id=case.case_id,
        person_id=case.person_id,
        concern_id=command.concern_id,
        outcome=command.outcome,
        explanation=command.explanation,
    )
    return [outcome, *settled(case, "safeguarding", "enquiry_ended", command.concern_id)]


@decides(ReferToForum, refuses=(NotFound, ConcernNotInState))
def refer_to_forum(command: ReferToForum, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    require_concern(command, case, command.concern_id, ReferredToForum)
    return [
        ReferredToForum(
            case_id=case.case_id,
            person_id=case.person_id,
            concern_id=command.concern_id,
            forum=command.forum,
            criteria=command.criteria,
            wishes=command.wishes,
            referred_at=moment.effective_at,
            repeat=is_repeat(case, command.forum, command.last_referred_on, moment.effective_at, rules),
        )
    ]
