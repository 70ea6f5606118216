"""The forum's decision: the chair confirms what becomes of a case, with reasons, and every action gets an owner.

A meeting decides with its quorum, and on each item without those who declared an interest in it. The referrer stays
part of the plan. What agencies did not tell is a gap on the record and holds nothing up.
Source: machine A, stage OnAgenda, and machine C (domain reference 2.4, 2.6, 2.13).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from domain.case.action import (
    ActionAssigned,
    ActionDueInPast,
    ActionNotLinked,
    ActionToAssign,
    AgencyTakenOut,
    assigned,
    require_due_ahead,
    require_link,
    require_not_taken_out,
)
from domain.case.closure import end_episode
from domain.case.forum_review import (
    CLOSING,
    CaseReferredOn,
    Decision,
    ForumDecisionOverdue,
    ForumDecisionRecorded,
    ForumDeclined,
    ForumItemDeferred,
    Intensity,
    LeadAgencyNamed,
    PlanAgreed,
)
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.meeting.events import MeetingItemDecided
from domain.meeting.quorum import (
    InterestedInItem,
    QuorumBrokenByInterest,
    agencies_excluded,
    require_not_interested,
    require_quorum_for_item,
    taking_part,
)
from domain.meeting.state import MeetingStage
from domain.messages import (
    ActionId,
    AgencyName,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Message,
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


class Decided(Message):
    """What is to be said of any decision about a case, whoever takes it."""

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
    stays_parallel: bool = Field(
        False,
        description="refer_other_forum: the case also stays here and is heard again, instead of closing",
    )


class RecordDecision(Decided, Command):
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


class MarkDecisionOverdue(Command):
    """Record that a meeting is past without a decision on this case; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-decision-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


# -- decisions -------------------------------------------------------------------------------------------------------


def reasons_are_given(command: Decided) -> None:
    if not command.reasons:
        raise DecisionReasonsRequired


def plan_has_an_action(command: Decided) -> None:
    if command.decision == "accept_key_worker" and not command.actions:
        raise PlanNeedsAction


def referrers_offer_is_in_the_plan(command: Decided) -> None:
    """No dumping: whoever referred stays part of the plan.

    Source: Making Every Adult Matter; machine A, RecordDecision(accept_key_worker).
    """
    if command.decision == "accept_key_worker" and not command.referrer_offer_reflected:
        raise ReferrerOfferNotReflected


def lead_is_named(command: Decided) -> None:
    if command.decision == "accept_lead_agency" and not (command.lead_agency and command.lead):
        raise LeadNotNamed


def other_forum_knows(command: Decided) -> None:
    if command.decision == "refer_other_forum" and not (command.to_forum and command.other_forum_notified):
        raise OtherForumNotNotified


def actions_are_for_a_case_that_goes_on(command: Decided) -> None:
    if closes(command) and command.actions:
        raise ClosedCaseTakesNoActions(decision=command.decision)


def closes(command: Decided) -> bool:
    """Whether the case ends here with this decision."""
    return command.decision in CLOSING and not command.stays_parallel


RULES_OF_A_DECISION: tuple[Callable[[Decided], None], ...] = (
    reasons_are_given,
    plan_has_an_action,
    referrers_offer_is_in_the_plan,
    lead_is_named,
    other_forum_knows,
    actions_are_for_a_case_that_goes_on,
)
"""What the record of a decision must hold, whatever the case; rules that need more than the record follow."""


def deferral_has_a_date_to_come(command: Decided, moment: Moment) -> None:
    if command.decision == "defer" and (command.defer_until is None or command.defer_until <= moment.now):
        raise DeferralDateRequired


def actions_are_dated_and_linked(command: Decided, case: Case, moment: Moment, rules: Rules) -> None:
    for action in command.actions:
        require_due_ahead(action.due_at, moment.now)
        require_link(action.links_to, case, rules)
        require_not_taken_out(rules.agency_name(action.agency), case)


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
        AgencyTakenOut,
        InterestedInItem,
        QuorumBrokenByInterest,
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
    item = meeting.require_item(case.case_id)
    # To put an item off is no decision about it: it stays possible when nobody is left who may decide.
    if command.decision != "defer":
        require_not_interested(moment.actor, item)
        require_quorum_for_item(meeting, item, rules)
    return decide_item(command, case, meeting, moment, rules)


def decide_item(
    command: Decided,
    case: Case,
    meeting: Meeting,
    moment: Moment,
    rules: Rules,
    *,
    by_chair_alone: bool = False,
) -> Sequence[Event]:
    """What a decision means for the case and for the item, if the record of it is whole."""
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
            by_chair_alone=by_chair_alone,
        ),
        *_what_follows(command, case, meeting, moment, rules),
        *_actions_of_the_plan(command, case, meeting, moment, rules),
        item_decided(case, meeting, command.decision, rules),
    ]


def item_decided(case: Case, meeting: Meeting, outcome: str, rules: Rules) -> MeetingItemDecided:
    """The item is closed; who was not heard on it is kept as a gap.

    An agency that never answers does not hold anything up. Source: forum proceeds with the gap noted (2.13).
    """
    item = meeting.require_item(case.case_id)
    return MeetingItemDecided(
        meeting_id=meeting.meeting_id,
        case_id=case.case_id,
        outcome=outcome,
        referring_agency_absent=referring_agency_is_absent(case, meeting, rules),
        returns_missing=tuple(agency for agency in item.agencies_asked if agency not in case.returned),
        excluded=agencies_excluded(meeting, item, rules),
    )


def _what_follows(
    command: Decided, case: Case, meeting: Meeting, moment: Moment, rules: Rules
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
        case "refer_other_forum" if command.stays_parallel:
            stays = CaseReferredOn(
                **ids,
                to_forum=command.to_forum or "",
                to_stage=Stage.READY_FOR_FORUM,
                listing_due_at=rules.deadline(case.programme, "listing", moment.now),
            )
            return [stays]
        case "refer_other_forum":
            return [CaseReferredOn(**ids, to_forum=command.to_forum or ""), *end_episode(case)]
        case "decline":
            return [ForumDeclined(**ids, outcome="declined"), *end_episode(case)]
        case "advice":
            return [ForumDeclined(**ids, outcome="advice_given"), *end_episode(case)]


def _deferred(
    command: Decided, case: Case, meeting: Meeting, moment: Moment, rules: Rules
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
    command: Decided, case: Case, meeting: Meeting, moment: Moment, rules: Rules
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
    item = meeting.require_item(case.case_id)
    present = {rules.agency_name(attendee.agency) for attendee in taking_part(meeting, item)}
    return rules.agency_name(case.referring_agency) not in present


@decides(MarkDecisionOverdue, refuses=(AlreadyRecorded,))
def mark_decision_overdue(command: MarkDecisionOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.ON_AGENDA)
    due_at = case.require_newly_passed(command, "decision", moment.now, what="that the decision is overdue")
    return [ForumDecisionOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
