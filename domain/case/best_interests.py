"""Best interests: who cannot decide about sharing for themselves has it decided for them, as a record that can be examined.

Capacity is assessed for this one decision and on this day; a person is helped to decide before anybody else does. The
decision may be to share or not to, it consults those who know the person, and it is the least restrictive one.
Source: machine B, BestInterests (domain reference 2.5); who may decide (3.5); Mental Capacity Act 2005.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.calendar import local_day
from domain.case.consent_rules import GrantNotInState
from domain.case.deciders import age_at, day_ends, is_child
from domain.case.grants import GrantState
from domain.case.sharing import CapacityView, ConsentError
from domain.decisions import decides
from domain.errors import NotFound
from domain.messages import (
    CaseEvent,
    CaseId,
    Code,
    Command,
    Day,
    Event,
    GrantId,
    Instant,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules

Inability = Literal["understand", "retain", "use_or_weigh", "communicate"]
"""What somebody cannot do with the information. Source: functional test (domain reference 3.5)."""


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentIncapacityRecorded(CaseEvent):
    """The person was found to lack capacity for this one decision on this day, although they were helped to make it."""

    TOPIC: ClassVar[str] = "ConsentIncapacityRecorded"

    grant_id: GrantId
    capacity_view: CapacityView
    cannot: tuple[Inability, ...]
    impairment: PersonalText
    help_given: PersonalText
    assessed_by: StaffRef
    assessed_at: Instant


class BestInterestsDecisionRecorded(CaseEvent):
    """It was decided in the person's best interests whether to share, after consulting those who know them."""

    TOPIC: ClassVar[str] = "BestInterestsDecisionRecorded"

    grant_id: GrantId
    share: bool
    decision_maker: StaffRef
    consultees: tuple[PersonalText, ...]
    least_restrictive: PersonalText
    advocate: Code | None = None
    to_state: GrantState
    effective_from: Instant
    review_due_at: Instant
    expires_at: Instant
    ask_again_from: Instant | None = None


# -- rules -----------------------------------------------------------------------------------------------------------


class CapacityAssessmentIncomplete(ConsentError):
    """{missing}: an assessment of capacity says what the person cannot do with the information, because of which impairment, and how they were helped."""

    code = "capacity_assessment_incomplete"


class BestInterestsRecordIncomplete(ConsentError):
    """{missing}: a best-interests decision names who decided, who was consulted, why it is the least restrictive one and when it is reviewed."""

    code = "best_interests_record_incomplete"


class ChildNotUnderMentalCapacityAct(ConsentError):
    """For a child under sixteen whoever has parental responsibility decides, unless the child is competent; no best-interests decision is recorded."""

    code = "child_not_under_mental_capacity_act"


class ReviewDateOutOfRange(ConsentError):
    """{field}: a review is on a day to come, and no later than {latest}; {given} is not."""

    code = "review_date_out_of_range"


def require_complete(record: Mapping[str, object], refusal: type[ConsentError]) -> None:
    """Every part of a record is there: an empty one is none."""
    missing = [part for part, given in record.items() if given is None or given in ("", ())]
    if missing:
        raise refusal(missing=", ".join(missing))


def review_by(day: Day, moment: Moment, latest: datetime, *, field: str = "review_by") -> datetime:
    """The end of a day on which something is looked at again, which lies ahead and not too far."""
    due_at = day_ends(day)
    last = local_day(latest)
    if not moment.now < due_at <= day_ends(last):
        raise ReviewDateOutOfRange(field=field, latest=last.isoformat(), given=day.isoformat())
    return min(due_at, latest)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_GRANT = "77f8e2a0-3a8e-5c9b-9a58-1b5f4d2c8e01"


class CannotConsent(Command):
    """Record that the person lacks capacity for this one decision, as assessed today."""

    NAME: ClassVar[str] = "cannot-consent"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CAPACITY
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "cannot": ["retain", "use_or_weigh"],
        "impairment": "Alcohol-related brain damage",
        "help_given": "Explained twice with pictures, in the morning, with the sister present",
    }

    case_id: CaseId
    grant_id: GrantId
    cannot: tuple[Inability, ...] = Field((), description="required, at least one", max_length=4)
    impairment: PersonalText | None = Field(
        None, description="required: the impairment of mind or brain that is the cause"
    )
    help_given: PersonalText | None = Field(None, description="required: all practicable help to decide")
    assessed_by: StaffRef | None = Field(None, description="the acting person when left out")


class RecordBestInterestsDecision(Command):
    """Record whether to share, decided in the best interests of a person who cannot decide it."""

    NAME: ClassVar[str] = "record-best-interests-decision"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CAPACITY
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "grant_id": _GRANT,
        "share": True,
        "decision_maker": "social-worker-3",
        "consultees": ["Sister", "Advocate"],
        "least_restrictive": "Only what the forum needs to find a home, and only until the review",
        "review_by": "2027-04-08",
    }

    case_id: CaseId
    grant_id: GrantId
    share: bool
    decision_maker: StaffRef | None = Field(None, description="required")
    consultees: tuple[PersonalText, ...] = Field(
        (), description="required: family, friends, attorneys, deputies, or an advocate", max_length=20
    )
    least_restrictive: PersonalText | None = Field(
        None, description="required: why nothing that restricts the person less would do"
    )
    advocate: Code | None = None
    review_by: Day | None = Field(None, description="required")


@decides(
    CannotConsent,
    refuses=(NotFound, GrantNotInState, ChildNotUnderMentalCapacityAct, CapacityAssessmentIncomplete),
)
def cannot_consent(command: CannotConsent, case: Case, person: Person, moment: Moment) -> Sequence[Event]:
    """Presume capacity: without all parts of the functional test nobody is found to lack it.

    Source: machine B, CannotConsent (domain reference 2.5); functional test (3.5).
    """
    case.require_open(command)
    case.require_grant(command, command.grant_id, GrantState.REQUESTED)
    if is_child(age_at(person, moment)):
        raise ChildNotUnderMentalCapacityAct
    record = {
        "cannot": command.cannot,
        "impairment": command.impairment,
        "help_given": command.help_given,
    }
    require_complete(record, CapacityAssessmentIncomplete)
    return [
        ConsentIncapacityRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            capacity_view=CapacityView.LACKS,
            cannot=tuple(dict.fromkeys(command.cannot)),
            impairment=command.impairment or "",
            help_given=command.help_given or "",
            assessed_by=command.assessed_by or moment.actor.person,
            assessed_at=moment.effective_at,
        )
    ]


@decides(
    RecordBestInterestsDecision,
    refuses=(NotFound, GrantNotInState, BestInterestsRecordIncomplete, ReviewDateOutOfRange),
)
def record_best_interests_decision(
    command: RecordBestInterestsDecision, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Source: machine B, RecordBestInterestsDecision (domain reference 2.5); acceptance scenario 14."""
    case.require_open(command)
    case.require_grant(command, command.grant_id, GrantState.BEST_INTERESTS)
    record = {
        "decision_maker": command.decision_maker,
        "consultees": tuple(filter(None, command.consultees)),
        "least_restrictive": command.least_restrictive,
        "review_by": command.review_by,
    }
    require_complete(record, BestInterestsRecordIncomplete)
    expires_at = rules.deadline(case.programme, "consent_expiry", moment.effective_at)
    again = rules.deadline(case.programme, "consent_ask_again", moment.effective_at)
    return [
        BestInterestsDecisionRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            grant_id=command.grant_id,
            share=command.share,
            decision_maker=command.decision_maker or "",
            consultees=command.consultees,
            least_restrictive=command.least_restrictive or "",
            advocate=command.advocate,
            to_state=GrantState.SUBSTITUTE_GRANTED if command.share else GrantState.REFUSED,
            effective_from=moment.effective_at,
            review_due_at=review_by(command.review_by or Day.min, moment, expires_at),
            expires_at=expires_at,
            ask_again_from=None if command.share else again,
        )
    ]
