"""Forum review: the neighbourhood forum hears the case, agrees one plan and decides what happens next.

The chair confirms the decision; every action has an owner and a date; the referrer stays part of the plan. How a case
comes on an agenda and what services return beforehand is in `domain/meeting/items.py`; the meeting itself in
`domain/meeting/lifecycle.py`.
Source: machine A, stage OnAgenda, and machine C (domain reference 2.4, 2.6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.case.action import (
    ActionAssigned,
    ActionDueInPast,
    ActionNotLinked,
    ActionToAssign,
    assigned,
    require_due_ahead,
    require_link,
)
from domain.case.consent import Category, Purpose
from domain.case.stages import Stage
from domain.case.triage import end_episode
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.meeting.events import MeetingItemDecided
from domain.meeting.state import MeetingStage
from domain.messages import (
    ActionId,
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    GrantId,
    Instant,
    MeetingId,
    Moment,
    Personal,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- words -----------------------------------------------------------------------------------------------------------

Decision = Literal[
    "accept_key_worker", "accept_lead_agency", "defer", "refer_other_forum", "decline", "advice"
]


Intensity = Literal["low", "standard", "intensive"]
CLOSING = frozenset({"refer_other_forum", "decline", "advice"})
"""The decisions after which the case is closed."""


# -- events ----------------------------------------------------------------------------------------------------------


class ForumItemScheduled(CaseEvent):
    """The case was put on the agenda of a meeting; agencies return what they know by a date."""

    TOPIC: ClassVar[str] = "ForumItemScheduled"

    meeting_id: MeetingId
    forum: Code
    meeting_at: Instant
    agencies_asked: tuple[AgencyName, ...]
    returns_due_at: Instant
    decision_due_at: Instant


class ForumListingOverdue(CaseEvent):
    """The case is ready and still on no agenda."""

    TOPIC: ClassVar[str] = "ForumListingOverdue"

    due_at: Instant


class ForumItemWithdrawn(CaseEvent):
    """The case was taken off the agenda, or its meeting was called off."""

    TOPIC: ClassVar[str] = "ForumItemWithdrawn"

    meeting_id: MeetingId
    because: Literal["withdrawn", "meeting_cancelled", "inquorate"]
    explanation: PersonalText | None = None
    listing_due_at: Instant


class InformationReturned(CaseEvent):
    """An agency told the forum what it knows, or that it knows nothing it may share, on a recorded basis."""

    TOPIC: ClassVar[str] = "InformationReturned"

    meeting_id: MeetingId
    agency: AgencyName
    nothing_to_share: bool
    purpose: Purpose
    categories: tuple[Category, ...]
    grant_ids: tuple[GrantId, ...]
    information: PersonalText | None = None


class InformationReturnsMissing(CaseEvent):
    """The date for returns passed and some agencies had not answered; the item goes on with the gap noted."""

    TOPIC: ClassVar[str] = "InformationReturnsMissing"

    meeting_id: MeetingId
    agencies: tuple[AgencyName, ...]
    due_at: Instant


class ForumDecisionRecorded(CaseEvent):
    """What the forum decided about the case, confirmed by the chair, with its reasons."""

    TOPIC: ClassVar[str] = "ForumDecisionRecorded"

    meeting_id: MeetingId
    decision: Decision
    confirmed_by: StaffRef
    reasons: PersonalText
    dissent: PersonalText | None = None


class PlanAgreed(CaseEvent):
    """The forum agreed one plan with a key worker; the referrer's offer is part of it."""

    TOPIC: ClassVar[str] = "PlanAgreed"

    referrer_offer_reflected: bool
    single_agency_warning: bool
    intensity: Literal["low", "standard", "intensive"]
    allocation_due_at: Instant
    review_due_at: Instant


class LeadAgencyNamed(CaseEvent):
    """One agency leads without a key worker of the pathway."""

    TOPIC: ClassVar[str] = "LeadAgencyNamed"

    lead_agency: AgencyName
    lead: StaffRef
    review_due_at: Instant


class ForumItemDeferred(CaseEvent):
    """The forum put the case off to a later meeting, with a reason."""

    TOPIC: ClassVar[str] = "ForumItemDeferred"

    meeting_id: MeetingId
    until: Instant
    listing_due_at: Instant


class ForumDeclined(CaseEvent):
    """The forum declined the case or gave advice instead; the referrer is told why."""

    TOPIC: ClassVar[str] = "ForumDeclined"

    outcome: Literal["declined", "advice_given"]


class CaseReferredOn(CaseEvent):
    """Another forum (MARAC, MARM, complex safeguarding) takes the case."""

    TOPIC: ClassVar[str] = "CaseReferredOn"

    to_forum: Code


class ForumDecisionOverdue(CaseEvent):
    """The meeting is past and no decision on this case is recorded."""

    TOPIC: ClassVar[str] = "ForumDecisionOverdue"

    due_at: Instant


# -- rules -----------------------------------------------------------------------------------------------------------


class DecisionReasonsRequired(RuleBroken):
    """reasons: every decision of the forum is recorded with its reasons."""

    code = "decision_reasons_required"


class PlanNeedsAction(RuleBroken):
    """actions: a plan with a key worker has at least one action with an owner."""

    code = "plan_needs_action"


class ReferrerOfferNotReflected(RuleBroken):
    """referrer_offer_reflected: the plan includes what the referrer offered to do; a plan without it is not agreed."""

    code = "referrer_offer_not_reflected"


class LeadNotNamed(RuleBroken):
    """lead_agency, lead: an agency that leads without a key worker is named, and the person who leads for it."""

    code = "lead_not_named"


class DeferralDateRequired(RuleBroken):
    """defer_until: a deferred case has the date to come on which it is heard again."""

    code = "deferral_date_required"


class OtherForumNotNotified(RuleBroken):
    """to_forum, other_forum_notified: the other forum is named and has accepted the case or been told of it."""

    code = "other_forum_not_notified"


class ClosedCaseTakesNoActions(RuleBroken):
    """actions: decision {decision} closes the case, and a closed case has nobody who chases an action."""

    code = "closed_case_takes_no_actions"


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


class RecordDecision(Command):
    """Record what the forum decided about a case, as its chair confirms it."""

    NAME: ClassVar[str] = "record-decision"
    PERMISSION: ClassVar[Permission] = Permission.DECIDE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "decision": "accept_key_worker",
        "reasons": "Several needs at once, and services have lost contact",
        "referrer_offer_reflected": True,
        "actions": [
            {
                "owner": "officer-7",
                "agency": "Greater Manchester Police",
                "links_to": "nuisance_calls",
                "what": "Introduce the key worker on a joint visit",
            }
        ],
    }

    case_id: CaseId
    decision: Decision
    reasons: PersonalText
    dissent: PersonalText | None = Field(None, description="who saw it otherwise, and why")
    referrer_offer_reflected: bool = Field(
        False, description="accept_key_worker: the offer is part of the plan"
    )
    intensity: Intensity = Field("standard", description="accept_key_worker: how much support is planned")
    actions: tuple[Annotated[ActionToAssign, Personal()], ...] = Field((), max_length=40)
    lead_agency: AgencyName | None = Field(None, description="accept_lead_agency: required")
    lead: StaffRef | None = Field(None, description="accept_lead_agency: required")
    defer_until: Instant | None = Field(None, description="defer: required")
    to_forum: Code | None = Field(None, description="refer_other_forum: required, such as MARAC")
    other_forum_notified: bool = Field(False, description="refer_other_forum: it has accepted, or been told")


class MarkDecisionOverdue(Command):
    """Record that a meeting is past without a decision on this case; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-decision-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


# -- decisions -------------------------------------------------------------------------------------------------------


def reasons_are_given(command: RecordDecision) -> None:
    if not command.reasons:
        raise DecisionReasonsRequired


def plan_has_an_action(command: RecordDecision) -> None:
    if command.decision == "accept_key_worker" and not command.actions:
        raise PlanNeedsAction


def referrers_offer_is_in_the_plan(command: RecordDecision) -> None:
    """No dumping: whoever referred stays part of the plan.

    Source: Making Every Adult Matter; machine A, RecordDecision(accept_key_worker).
    """
    if command.decision == "accept_key_worker" and not command.referrer_offer_reflected:
        raise ReferrerOfferNotReflected


def lead_is_named(command: RecordDecision) -> None:
    if command.decision == "accept_lead_agency" and not (command.lead_agency and command.lead):
        raise LeadNotNamed


def other_forum_knows(command: RecordDecision) -> None:
    if command.decision == "refer_other_forum" and not (command.to_forum and command.other_forum_notified):
        raise OtherForumNotNotified


def actions_are_for_a_case_that_goes_on(command: RecordDecision) -> None:
    if command.decision in CLOSING and command.actions:
        raise ClosedCaseTakesNoActions(decision=command.decision)


RULES_OF_A_DECISION: tuple[Callable[[RecordDecision], None], ...] = (
    reasons_are_given,
    plan_has_an_action,
    referrers_offer_is_in_the_plan,
    lead_is_named,
    other_forum_knows,
    actions_are_for_a_case_that_goes_on,
)
"""What the record of a decision must hold, whatever the case; rules that need more than the record follow."""


def deferral_has_a_date_to_come(command: RecordDecision, moment: Moment) -> None:
    if command.decision == "defer" and (command.defer_until is None or command.defer_until <= moment.now):
        raise DeferralDateRequired


def actions_are_dated_and_linked(command: RecordDecision, case: Case, moment: Moment, rules: Rules) -> None:
    for action in command.actions:
        require_due_ahead(action.due_at, moment.now)
        require_link(action.links_to, case, rules)


# A case on no agenda has no meeting to load. Letting the meeting be new lets the case's own stage refuse, by its name.
@decides(
    RecordDecision,
    starts=("Meeting",),
    refuses=(
        DecisionReasonsRequired,
        PlanNeedsAction,
        ReferrerOfferNotReflected,
        LeadNotNamed,
        DeferralDateRequired,
        OtherForumNotNotified,
        ClosedCaseTakesNoActions,
        ActionDueInPast,
        ActionNotLinked,
    ),
)
def record_decision(
    command: RecordDecision, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A meeting in session had its quorum when it began; the chair, who alone may issue this, confirms.

    An agency that referred and is not there does not stop its item: the gap is recorded.
    Source: machines A and C (domain reference 2.4, 2.6); acceptance scenario 22.
    """
    case.require(command, Stage.ON_AGENDA)
    meeting.require(command, MeetingStage.IN_SESSION)
    for check in RULES_OF_A_DECISION:
        check(command)
    deferral_has_a_date_to_come(command, moment)
    actions_are_dated_and_linked(command, case, moment, rules)
    return [
        ForumDecisionRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            decision=command.decision,
            confirmed_by=moment.actor.person,
            reasons=command.reasons,
            dissent=command.dissent or None,
        ),
        *_what_follows(command, case, meeting, moment, rules),
        *_actions_of_the_plan(command, case, meeting, moment, rules),
        MeetingItemDecided(
            meeting_id=meeting.meeting_id,
            case_id=case.case_id,
            outcome=command.decision,
            referring_agency_absent=referring_agency_is_absent(case, meeting, rules),
        ),
    ]


def _what_follows(
    command: RecordDecision, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    ids = {"case_id": case.case_id, "person_id": case.person_id}
    review_due_at = rules.deadline(case.programme, "forum_review", moment.now)
    match command.decision:
        case "accept_key_worker":
            plan = PlanAgreed(
                **ids,
                referrer_offer_reflected=command.referrer_offer_reflected,
                single_agency_warning=one_agency_owns_all(command.actions, rules),
                intensity=command.intensity,
                allocation_due_at=rules.deadline(case.programme, "allocation", moment.now),
                review_due_at=review_due_at,
            )
            return [plan]
        case "accept_lead_agency":
            lead_agency = rules.agency_name(command.lead_agency or "")
            return [
                LeadAgencyNamed(
                    **ids, lead_agency=lead_agency, lead=command.lead or "", review_due_at=review_due_at
                )
            ]
        case "defer":
            return [_deferred(command, case, meeting, moment, rules)]
        case "refer_other_forum":
            return [CaseReferredOn(**ids, to_forum=command.to_forum or ""), *end_episode(case)]
        case "decline":
            return [ForumDeclined(**ids, outcome="declined"), *end_episode(case)]
        case "advice":
            return [ForumDeclined(**ids, outcome="advice_given"), *end_episode(case)]


def _deferred(
    command: RecordDecision, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> ForumItemDeferred:
    """A case put off for long need not be listed before the agenda of its new date is published."""
    until = command.defer_until or moment.now
    return ForumItemDeferred(
        case_id=case.case_id,
        person_id=case.person_id,
        meeting_id=meeting.meeting_id,
        until=until,
        listing_due_at=max(
            rules.deadline(case.programme, "listing", moment.now),
            rules.deadline(case.programme, "agenda_published", until),
        ),
    )


def _actions_of_the_plan(
    command: RecordDecision, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[ActionAssigned]:
    return [
        assigned(action, ActionId(moment.new_id(f"action/{number}")), case, meeting.start, rules)
        for number, action in enumerate(command.actions, start=1)
    ]


def one_agency_owns_all(actions: Sequence[ActionToAssign], rules: Rules) -> bool:
    """Shared responsibility: a plan whose actions all fall to one agency is worth a second look.

    Source: MAPS, whole-person support and shared responsibility (domain reference 1.1; the warning is proposed).
    """
    return len({rules.agency_name(action.agency) for action in actions}) == 1


def referring_agency_is_absent(case: Case, meeting: Meeting, rules: Rules) -> bool:
    """Whether nobody in the meeting, whatever their part, is of the agency that referred.

    Source: quorum, "the referring agency for its own item" (domain reference 2.6); scenario 22: heard all the same.
    """
    if not rules.programme(meeting.programme).quorum.referring_agency_for_its_item:
        return False
    present = {rules.agency_name(attendee.agency) for attendee in meeting.attendees}
    return rules.agency_name(case.referring_agency) not in present


@decides(MarkDecisionOverdue, refuses=(AlreadyRecorded,))
def mark_decision_overdue(command: MarkDecisionOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.ON_AGENDA)
    due_at = case.require_passed(command, "decision", moment.now)
    if "decision" in case.overdue:
        raise AlreadyRecorded(what="that the decision is overdue")
    return [ForumDecisionOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
