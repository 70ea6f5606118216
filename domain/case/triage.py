"""Triage: the first decision on a referral, made by a coordinator with the referrer.

Eligible, not eligible, somebody we already support, or another area's resident. Only reference data decides by itself.
Until the forum has decided, the referrer may take the referral back. Questions to the referrer are in `information.py`,
people whom we supported before in `same_person.py`, the deadlines in `triage_deadlines.py`.
Source: machine A, Triage and WithdrawReferral (domain reference 2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.closure import end_episode, off_its_agenda
from domain.case.stages import MOVES, OPEN_STAGES, Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.geography import InArea
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
    PersonId,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ReferralAcknowledged(CaseEvent):
    """The referrer was told that the referral arrived and what happens next."""

    TOPIC: ClassVar[str] = "ReferralAcknowledged"

    to_agency: AgencyName


class TriageStarted(CaseEvent):
    """The first decision on the referral was begun."""

    TOPIC: ClassVar[str] = "TriageStarted"


class EligibilityConfirmed(CaseEvent):
    """The referral meets the programme's rule, or a manager's override with a reason stands in its place."""

    TOPIC: ClassVar[str] = "EligibilityConfirmed"

    rule_version: Code
    needs_counted: int
    override_reason: PersonalText | None = None
    consent_attempt_due_at: Instant
    consent_due_at: Instant


class ReferralDeclined(CaseEvent):
    """The person does not meet the programme's rule; the referrer is told where else help is."""

    TOPIC: ClassVar[str] = "ReferralDeclined"

    rule: Code
    signpost: Code
    by_rule: bool = False
    explanation: PersonalText | None = None


class ReferralTransferredOut(CaseEvent):
    """The person lives in another area; the referral was passed on to it."""

    TOPIC: ClassVar[str] = "ReferralTransferredOut"

    to_area: AgencyName
    by_rule: bool = False


class DuplicateFound(CaseEvent):
    """A coordinator decided that this referral is about a person whose case is open already."""

    TOPIC: ClassVar[str] = "DuplicateFound"

    duplicate_of: CaseId


class ReferralLinked(CaseEvent):
    """This referral goes on as part of another case; this case is closed as merged."""

    TOPIC: ClassVar[str] = "ReferralLinked"

    to_case: CaseId


class ReferralAttached(CaseEvent):
    """Another agency's referral of the same person was attached to this case."""

    TOPIC: ClassVar[str] = "ReferralAttached"

    from_case: CaseId
    referring_agency: AgencyName


class DuplicateRuledOut(CaseEvent):
    """A coordinator decided that this is another person, whatever the likeness."""

    TOPIC: ClassVar[str] = "DuplicateRuledOut"

    other_person: PersonId


class ReferralWithdrawn(CaseEvent):
    """The referrer took the referral back."""

    TOPIC: ClassVar[str] = "ReferralWithdrawn"

    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class NotEligible(RuleBroken):
    """This referral does not meet the eligibility rule of {programme} ({counted} needs counted, {minimum} needed); a manager may override with override_reason."""

    code = "not_eligible"


class OverrideNeedsManager(RuleBroken):
    """Only a manager or the safeguarding lead may override a rule, with a reason."""

    code = "override_needs_manager"


class DuplicateUndecided(Conflict):
    """This referral may be about a person we know; decide that first (match-duplicate, confirm-same-person or rule-out-duplicate)."""

    code = "duplicate_undecided"


class NotADuplicateCandidate(RuleBroken):
    """Case {id} is not open for a person whom this referral was flagged against."""

    code = "not_a_duplicate_candidate"


class ServedArea(RuleBroken):
    """{area} is inside the area that this pathway serves; pass a referral on only to another area."""

    code = "served_area"


class SafeguardingConcernOpen(RuleBroken):
    """A safeguarding concern is open; this step needs the safeguarding lead."""

    code = "safeguarding_concern_open"


class ReferrerOnly(RuleBroken):
    """Only the agency that referred may do this."""

    code = "referring_agency_only"


def require_override_authority(moment: Moment) -> None:
    """Overriding a guard is for a manager or the safeguarding lead.

    Source: the table of commands and roles, last row (domain reference 2.14).
    """
    if moment.actor.role not in ("manager", "safeguarding_lead"):
        raise OverrideNeedsManager


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_OTHER = "5a0f6f0c-0b0e-5a5f-9a52-7f7f2f1f7a10"


class AcknowledgeReferral(Command):
    """Tell the referrer that the referral arrived; the engine does this by itself."""

    NAME: ClassVar[str] = "acknowledge-referral"
    PERMISSION: ClassVar[Permission] = Permission.ENGINE_STEP
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class StartTriage(Command):
    """Begin the first decision on a referral; the engine does this if nobody did."""

    NAME: ClassVar[str] = "start-triage"
    PERMISSION: ClassVar[Permission] = Permission.ENGINE_STEP
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class ConfirmEligible(Command):
    """Decide that the referral meets the programme's rule."""

    NAME: ClassVar[str] = "confirm-eligible"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId
    override_reason: PersonalText | None = Field(
        None, description="a manager's reason when the rule is not met"
    )


class MarkIneligible(Command):
    """Decide that the referral does not meet the programme's rule, and say where else help is."""

    NAME: ClassVar[str] = "mark-ineligible"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "signpost": "be-well",
        "explanation": "One need, already met",
    }

    case_id: CaseId
    signpost: Code = Field(description="where else help is, as a code of your own, such as debt_advice")
    explanation: PersonalText = Field(min_length=1)


class PassOutOfArea(Command):
    """Pass the referral on to the area where the person lives."""

    NAME: ClassVar[str] = "pass-out-of-area"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "to_area": "Trafford"}

    case_id: CaseId
    to_area: AgencyName


class MatchDuplicate(Command):
    """Decide that this referral is about a person whose case is open: it is attached there, nothing is lost."""

    NAME: ClassVar[str] = "match-duplicate"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "duplicate_of": _OTHER}

    case_id: CaseId
    duplicate_of: CaseId = Field(description="the open case that goes on")


class RuleOutDuplicate(Command):
    """Decide that this is another person than the one it was flagged against."""

    NAME: ClassVar[str] = "rule-out-duplicate"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "other_person": _OTHER}

    case_id: CaseId
    other_person: PersonId = Field(description="the person whom this referral was flagged against")


class WithdrawReferral(Command):
    """Take a referral back, before the forum has decided; for the agency that referred, or a safeguarding lead."""

    NAME: ClassVar[str] = "withdraw-referral"
    PERMISSION: ClassVar[Permission] = Permission.SUBMIT_REFERRAL
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "explanation": "Sent in error"}

    case_id: CaseId
    explanation: PersonalText = Field(min_length=1)


@decides(AcknowledgeReferral, refuses=(AlreadyRecorded,))
def acknowledge_referral(command: AcknowledgeReferral, case: Case) -> Sequence[Event]:
    case.require(command, Stage.SUBMITTED, Stage.TRIAGE)
    if case.acknowledged:
        raise AlreadyRecorded(what="the acknowledgement")
    return [
        ReferralAcknowledged(case_id=case.case_id, person_id=case.person_id, to_agency=case.referring_agency)
    ]


@decides(StartTriage)
def start_triage(command: StartTriage, case: Case) -> Sequence[Event]:
    case.require(command, Stage.SUBMITTED)
    return [TriageStarted(case_id=case.case_id, person_id=case.person_id)]


@decides(ConfirmEligible, refuses=(NotEligible, OverrideNeedsManager, DuplicateUndecided))
def confirm_eligible(command: ConfirmEligible, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    case.require(command, Stage.TRIAGE)
    if case.undecided_duplicates:
        raise DuplicateUndecided
    programme = rules.programme(case.programme)
    trace = programme.eligibility_of(case.needs)
    if not trace.eligible:
        if not command.override_reason:
            raise NotEligible(programme=programme.name, counted=len(trace.needs), minimum=trace.minimum_needs)
        require_override_authority(moment)
    return [
        EligibilityConfirmed(
            case_id=case.case_id,
            person_id=case.person_id,
            rule_version=programme.version,
            needs_counted=len(trace.needs),
            override_reason=command.override_reason,
            consent_attempt_due_at=rules.deadline(case.programme, "consent_first_attempt", moment.now),
            consent_due_at=rules.deadline(case.programme, "consent_wait", moment.now),
        )
    ]


@decides(MarkIneligible)
def mark_ineligible(command: MarkIneligible, case: Case) -> Sequence[Event]:
    case.require(command, Stage.TRIAGE)
    declined = ReferralDeclined(
        case_id=case.case_id,
        person_id=case.person_id,
        rule="eligibility",
        signpost=command.signpost,
        explanation=command.explanation,
    )
    return [declined, *end_episode(case)]


@decides(PassOutOfArea, refuses=(ServedArea,))
def pass_out_of_area(command: PassOutOfArea, case: Case, moment: Moment, rules: Rules) -> Sequence[Event]:
    """Another area is any that is not ours: neither the city by its name nor one of its wards.

    Source: machine A, PassOutOfArea, "address outside served area" (domain reference 2.4).
    """
    case.require(command, Stage.TRIAGE)
    place = rules.geography.place(command.to_area, rules.london_day(moment.now))
    if isinstance(place, InArea) or command.to_area.casefold() == rules.geography.city.casefold():
        raise ServedArea(area=rules.geography.city)
    out = ReferralTransferredOut(case_id=case.case_id, person_id=case.person_id, to_area=command.to_area)
    return [out, *end_episode(case)]


@decides(MatchDuplicate, refuses=(NotADuplicateCandidate,))
def match_duplicate(command: MatchDuplicate, case: Case, other: Case | None) -> Sequence[Event]:
    """The other case must still be open: attached to one that has closed since, this referral would be lost.

    Source: machine A, MatchDuplicate, "at least one open case for the same person" (domain reference 2.4).
    """
    case.require(command, Stage.TRIAGE)
    survivor = case.duplicate_candidates.get(command.duplicate_of)
    if survivor is None or other is None or other.stage not in OPEN_STAGES:
        raise NotADuplicateCandidate(id=command.duplicate_of)
    return [
        DuplicateFound(case_id=case.case_id, person_id=case.person_id, duplicate_of=command.duplicate_of),
        ReferralLinked(case_id=case.case_id, person_id=case.person_id, to_case=command.duplicate_of),
        ReferralAttached(
            case_id=command.duplicate_of,
            person_id=survivor,
            from_case=case.case_id,
            referring_agency=case.referring_agency,
        ),
        *end_episode(case),
    ]


@decides(RuleOutDuplicate, refuses=(NotADuplicateCandidate,))
def rule_out_duplicate(command: RuleOutDuplicate, case: Case) -> Sequence[Event]:
    case.require(command, Stage.SUBMITTED, Stage.TRIAGE)
    if command.other_person not in case.undecided_duplicates:
        raise NotADuplicateCandidate(id=command.other_person)
    return [
        DuplicateRuledOut(case_id=case.case_id, person_id=case.person_id, other_person=command.other_person)
    ]


@decides(WithdrawReferral, refuses=(ReferrerOnly, SafeguardingConcernOpen))
def withdraw_referral(command: WithdrawReferral, case: Case, moment: Moment) -> Sequence[Event]:
    """The referring agency may withdraw while no concern is open; the safeguarding lead always may.

    Source: machine A, WithdrawReferral (domain reference 2.4).
    """
    case.require(command, *MOVES[ReferralWithdrawn.TOPIC])
    if moment.actor.role != "safeguarding_lead":
        if moment.by_agency != case.referring_agency:
            raise ReferrerOnly
        if case.open_concerns:
            raise SafeguardingConcernOpen
    withdrawn = ReferralWithdrawn(
        case_id=case.case_id, person_id=case.person_id, explanation=command.explanation
    )
    return [withdrawn, *off_its_agenda(case), *end_episode(case)]
