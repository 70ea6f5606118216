"""Participation: whether the person agrees to take part, and when the case may therefore go to the forum.

Agreement to take part is not consent to share anything (`consent.py`). Somebody tries to reach the person and asks; the
engine reminds; after some weeks the forum may at least give engagement advice, without case information.
Source: machine A, stage AwaitingConsent, and the clocks (domain reference 2.3, 2.4, 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from domain.case.closure import end_episode, off_its_agenda
from domain.case.sharing import CapacityView, ConsentError, Method, Purpose
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded
from domain.messages import CaseEvent, CaseId, Code, Command, Event, Instant, Moment, PersonalText, StaffRef
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ConsentAttempted(CaseEvent):
    """Somebody tried to reach the person to explain and ask."""

    TOPIC: ClassVar[str] = "ConsentAttempted"

    reached: bool
    by_channel: Code
    note: PersonalText | None = None
    next_reminder_at: Instant | None = None


class ConsentReminderRaised(CaseEvent):
    """The engine reminded the coordinator that nobody has the person's answer yet."""

    TOPIC: ClassVar[str] = "ConsentReminderRaised"

    number: int
    due_at: Instant
    next_due_at: Instant


class ConsentOverdue(CaseEvent):
    """The time to reach a consent position ran out; the forum may give engagement advice without case information."""

    TOPIC: ClassVar[str] = "ConsentOverdue"

    due_at: Instant


class ParticipationAgreed(CaseEvent):
    """The person agreed to take part in the pathway; this is not consent to share anything."""

    TOPIC: ClassVar[str] = "ParticipationAgreed"

    method: Method
    evidence_ref: Code


class ParticipationRefused(CaseEvent):
    """The person, having capacity, does not want to take part; the referrer is told."""

    TOPIC: ClassVar[str] = "ParticipationRefused"

    explanation: PersonalText | None = None
    advice: PersonalText | None = None
    risk_referred_to: Code | None = None


class ConsentPositionRecorded(CaseEvent):
    """The case may go to the forum: agreement to take part is on record, or a lawful substitute for it."""

    TOPIC: ClassVar[str] = "ConsentPositionRecorded"

    position: Literal["agreed", "best_interests", "shared_without_consent"]
    rationale: PersonalText | None = None
    authoriser: StaffRef | None = None
    listing_due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class ParticipationNotAgreed(ConsentError):
    """The person's agreement to take part is not on record; record it, or a lawful substitute with its rationale and an authoriser."""

    code = "participation_not_agreed"


class AuthoriserIsRequester(ConsentError):
    """authoriser: somebody else than the person who asks must authorise this."""

    code = "authoriser_is_requester"


class DisclosureAuthorityStands(ConsentError):
    """The safeguarding decision to share without consent stands until {until}; while it does, the case goes on under it: reach the consent position shared_without_consent."""

    code = "disclosure_authority_stands"


class CapacityNotRecorded(ConsentError):
    """A refusal to take part counts only when the person was seen to have capacity for it."""

    code = "capacity_not_recorded"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RecordConsentAttempt(Command):
    """Record that somebody tried to reach the person to explain and ask."""

    NAME: ClassVar[str] = "record-consent-attempt"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "reached": False, "by_channel": "telephone"}

    case_id: CaseId
    reached: bool
    by_channel: Code = Field(description="how, as a code of your own, such as telephone, visit or letter")
    note: PersonalText | None = None


class RaiseConsentReminder(Command):
    """Remind the coordinator that no consent position is reached; issued by the engine's own timer."""

    NAME: ClassVar[str] = "raise-consent-reminder"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class MarkConsentOverdue(Command):
    """Record that the time to reach a consent position ran out; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-consent-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


class AgreeToTakePart(Command):
    """Record that the person agrees to take part in the pathway."""

    NAME: ClassVar[str] = "agree-to-take-part"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "method": "verbal", "evidence_ref": "note-17"}

    case_id: CaseId
    method: Method
    evidence_ref: Code = Field(description="where the evidence is")


class RefuseToTakePart(Command):
    """Record that the person, having capacity, does not want to take part; the case closes."""

    NAME: ClassVar[str] = "refuse-to-take-part"
    PERMISSION: ClassVar[Permission] = Permission.RECORD_CONSENT
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE, "capacity_view": "has"}

    case_id: CaseId
    capacity_view: CapacityView
    explanation: PersonalText | None = None
    advice: PersonalText | None = Field(None, description="what the person and the referrer were advised")
    risk_referred_to: Code | None = Field(
        None, description="another forum that was told of a serious risk, such as MARM"
    )


class ReachConsentPosition(Command):
    """Record that the case may go to the forum, on the person's agreement or on a lawful substitute."""

    NAME: ClassVar[str] = "reach-consent-position"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId
    position: Literal["agreed", "best_interests", "shared_without_consent"] = "agreed"
    rationale: PersonalText | None = Field(
        None, description="required for a substitute that has no record of its own on this case"
    )
    authoriser: StaffRef | None = Field(
        None, description="who authorised a substitute; not the acting person; required with a rationale"
    )


@decides(RecordConsentAttempt)
def record_consent_attempt(
    command: RecordConsentAttempt, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Whoever has just tried need not be reminded to: the next reminder counts from here."""
    case.require(command, Stage.AWAITING_CONSENT)
    return [
        ConsentAttempted(
            case_id=case.case_id,
            person_id=case.person_id,
            reached=command.reached,
            by_channel=command.by_channel,
            note=command.note,
            next_reminder_at=next_reminder(case, moment.now, rules),
        )
    ]


def next_reminder(case: Case, now: datetime, rules: Rules) -> datetime:
    """When the coordinator is reminded again: while the time to ask runs often, afterwards seldom, but without end.

    Once consent is overdue nothing hurries any more; services ask again when trust exists, and nobody is forgotten.
    Source: failure matrix, no consent (domain reference 2.13); the pace is proposed.
    """
    in_time = now < case.due.get("consent", now)
    clock = "consent_reminder_every" if in_time else "consent_reminder_overdue"
    return rules.deadline(case.programme, clock, now)


@decides(RaiseConsentReminder)
def raise_consent_reminder(
    command: RaiseConsentReminder, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    due_at = case.require_passed(command, "consent_attempt", moment.now)
    return [
        ConsentReminderRaised(
            case_id=case.case_id,
            person_id=case.person_id,
            number=case.consent_reminders + 1,
            due_at=due_at,
            next_due_at=next_reminder(case, moment.now, rules),
        )
    ]


@decides(MarkConsentOverdue, refuses=(AlreadyRecorded,))
def mark_consent_overdue(command: MarkConsentOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    due_at = case.require_newly_passed(command, "consent", moment.now, what="that consent is overdue")
    return [ConsentOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]


@decides(AgreeToTakePart, refuses=(AlreadyRecorded,))
def agree_to_take_part(command: AgreeToTakePart, case: Case) -> Sequence[Event]:
    case.require(command, Stage.AWAITING_CONSENT)
    if case.participation_agreed:
        raise AlreadyRecorded(what="the agreement to take part")
    return [
        ParticipationAgreed(
            case_id=case.case_id,
            person_id=case.person_id,
            method=command.method,
            evidence_ref=command.evidence_ref,
        )
    ]


@decides(RefuseToTakePart, refuses=(CapacityNotRecorded, DisclosureAuthorityStands))
def refuse_to_take_part(command: RefuseToTakePart, case: Case, moment: Moment) -> Sequence[Event]:
    """Also at a serious risk an adult with capacity may refuse; then another forum may be told of the risk.

    Source: machine A, PersonRefusesParticipation; acceptance scenario 15.
    """
    case.require(command, Stage.AWAITING_CONSENT)
    if command.capacity_view is not CapacityView.HAS:
        raise CapacityNotRecorded
    require_no_safeguarding_override(case, moment.now)
    refused = ParticipationRefused(
        case_id=case.case_id,
        person_id=case.person_id,
        explanation=command.explanation,
        advice=command.advice or None,
        risk_referred_to=command.risk_referred_to,
    )
    return [refused, *off_its_agenda(case), *end_episode(case)]


def require_no_safeguarding_override(case: Case, now: datetime) -> None:
    """A standing decision to share without consent to protect somebody is not undone by a refusal to take part.

    Source: machine A, PersonRefusesParticipation, "no safeguarding override" (domain reference 2.4).
    """
    for authority in case.authorities.values():
        if authority.purpose is Purpose.SAFEGUARDING and not authority.one_off and authority.is_live(now):
            raise DisclosureAuthorityStands(until=authority.expires_at)


@decides(ReachConsentPosition, refuses=(ParticipationNotAgreed, AuthoriserIsRequester))
def reach_consent_position(
    command: ReachConsentPosition, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Agreement opens the way to the forum; a substitute is on record already, or comes with rationale and authority.

    Source: machine A, ConsentPositionReached; rationale record of domain reference 3.7.
    """
    case.require(command, Stage.AWAITING_CONSENT)
    if command.position == "agreed":
        if not case.participation_agreed:
            raise ParticipationNotAgreed
    elif not has_substitute(case, command.position, moment.now):
        if not command.rationale or not command.authoriser:
            raise ParticipationNotAgreed
        if command.authoriser == moment.actor.person:
            raise AuthoriserIsRequester
    return [
        ConsentPositionRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            position=command.position,
            rationale=command.rationale,
            authoriser=command.authoriser,
            listing_due_at=rules.deadline(case.programme, "listing", moment.now),
        )
    ]


def has_substitute(case: Case, position: str, now: datetime) -> bool:
    """Whether a best-interests decision to share, or an authority to share without consent, stands on this case."""
    if position == "best_interests":
        return any(grant.by_best_interests and grant.is_live(now) for grant in case.grants.values())
    return any(authority.is_live(now) for authority in case.authorities.values())
