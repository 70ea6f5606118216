"""A meeting without its quorum: the chair puts items off, or decides alone on what cannot wait, until it is ratified.

A decision that the chair took alone takes effect at once; the next quorate meeting of the forum ratifies it, or does
not and says why. It is never quietly forgotten: a clock runs.
Source: machine C, ChairDecides (domain reference 2.6); "forum inquorate" (2.13); acceptance scenario 21.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from domain.case.action import ActionDueInPast, ActionNotLinked, AgencyTakenOut
from domain.case.forum_decision import (
    ClosedCaseTakesNoActions,
    Decided,
    DecisionReasonsRequired,
    DeferralDateRequired,
    LeadNotNamed,
    OtherForumNotNotified,
    PlanNeedsAction,
    ReferrerOfferNotReflected,
    decide_item,
)
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, NotFound, RuleBroken
from domain.meeting.events import (
    AgendaItemRemoved,
    ChairDecisionOverdue,
    EarlierDecisionsConsidered,
    ItemsDeferred,
    RatificationOverdue,
    UrgentDecisionsNotRatified,
    UrgentDecisionsRatified,
    UrgentItemsHandledByChair,
)
from domain.meeting.off_agenda import off_the_agenda, still_listed
from domain.meeting.planning import ForumNotHeld, MeetingInPast, planned, require_ahead, require_forum_is_held
from domain.meeting.state import MeetingStage
from domain.messages import CaseId, Command, Event, Instant, MeetingId, Moment, Personal, StaffText
from domain.roles import Permission

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class UrgencyReasonRequired(RuleBroken):
    """explanation: why these items cannot wait for a quorate meeting is recorded."""

    code = "urgency_reason_required"


class NotADecisionOnACase(RuleBroken):
    """urgent: the chair decides alone only on cases that are on this agenda to be decided on, each once; {case_id} is not one of them."""

    code = "not_a_decision_on_a_case"


class NothingToRatify(Conflict):
    """earlier_meeting: the chair decided nothing alone at that meeting that is still to be ratified."""

    code = "nothing_to_ratify"


class RatifiedElsewhere(RuleBroken):
    """earlier_meeting: what the chair decided is ratified by a later meeting of the same forum."""

    code = "ratified_elsewhere"


class RefusalToRatifyReasonRequired(RuleBroken):
    """explanation: a meeting that does not ratify what the chair decided says why."""

    code = "refusal_to_ratify_reason_required"


def cases_that_cannot_wait(command: ChairDecides, listed: Sequence[Case]) -> dict[CaseId, Case]:
    """Review and advice items can always wait: nothing is decided on them."""
    by_id = {case.case_id: case for case in listed if case.agenda_kind == "case"}
    urgent: dict[CaseId, Case] = {}
    for decision in command.urgent:
        if decision.case_id not in by_id or decision.case_id in urgent:
            raise NotADecisionOnACase(case_id=decision.case_id)
        urgent[decision.case_id] = by_id[decision.case_id]
    return urgent


def require_later_meeting_of_the_forum(meeting: Meeting, earlier: Meeting) -> None:
    if meeting.forum != earlier.forum or meeting.start <= earlier.start:
        raise RatifiedElsewhere


def require_something_to_ratify(earlier: Meeting) -> None:
    if not earlier.handled_by_chair or earlier.ratified is not None:
        raise NothingToRatify


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"
_NEXT_MEETING = "5c2b1d52-9f5a-5d0e-8a35-6f2f8f1f6a02"


class UrgentDecision(Decided):
    """What the chair decides alone about one case; the same as for a decision of the forum is recorded."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class ChairDecides(Command):
    """Say what becomes of the items of a meeting without a quorum: what cannot wait is decided, the rest is put off."""

    NAME: ClassVar[str] = "chair-decides"
    PERMISSION: ClassVar[Permission] = Permission.DECIDE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "meeting_id": _MEETING,
        "explanation": "Two overdoses in one week: this cannot wait four weeks",
        "urgent": [
            {
                "case_id": _CASE,
                "decision": "accept_key_worker",
                "reasons": "Several needs at once, and the risk is rising",
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
        ],
    }

    meeting_id: MeetingId
    urgent: tuple[Annotated[UrgentDecision, Personal()], ...] = Field(
        (), max_length=60, description="decisions on what cannot wait; every item is put off when left out"
    )
    explanation: StaffText | None = Field(
        None, description="required with urgent decisions: why they cannot wait"
    )
    next_meeting_starts_at: Instant | None = Field(
        None, description="plans another meeting of the forum for the items that are put off"
    )


class MarkChairDecisionOverdue(Command):
    """Record that the chair has not said what becomes of the items; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-chair-decision-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


class RatifyUrgentDecisions(Command):
    """Record that a quorate meeting ratifies what the chair decided alone at an earlier one, or does not, and why."""

    NAME: ClassVar[str] = "ratify-urgent-decisions"
    PERMISSION: ClassVar[Permission] = Permission.DECIDE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _NEXT_MEETING, "earlier_meeting": _MEETING}

    meeting_id: MeetingId = Field(description="the meeting that is in session now")
    earlier_meeting: MeetingId = Field(description="the one at which the chair decided alone")
    ratified: bool = True
    explanation: StaffText | None = Field(None, description="required when it is not ratified")


class MarkRatificationOverdue(Command):
    """Record that what the chair decided alone was not put before a meeting in time; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-ratification-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"meeting_id": _MEETING}

    meeting_id: MeetingId


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(
    ChairDecides,
    refuses=(
        UrgencyReasonRequired,
        NotADecisionOnACase,
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
        MeetingInPast,
        ForumNotHeld,
    ),
)
def chair_decides(
    command: ChairDecides, meeting: Meeting, cases: Sequence[Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    meeting.require(command, MeetingStage.INQUORATE)
    if command.urgent and not command.explanation:
        raise UrgencyReasonRequired
    listed = still_listed(cases, meeting)
    urgent = cases_that_cannot_wait(command, listed)
    handled = [
        event
        for decision in command.urgent
        for event in decide_item(
            decision,
            urgent[decision.case_id],
            meeting,
            # Of each case its own ids, so that the actions of two plans are not the same.
            replace(moment, command_id=moment.new_id(f"urgent/{decision.case_id}")),
            rules,
            by_chair_alone=True,
        )
    ]
    return [
        *_how_it_ends(
            command, meeting, [case for case in listed if case.case_id not in urgent], moment, rules
        ),
        *handled,
        *_put_off(meeting, {case.case_id: case for case in listed}, urgent, moment, rules),
        *_next_meeting(command, meeting, moment, rules),
    ]


def _how_it_ends(
    command: ChairDecides, meeting: Meeting, deferred: Sequence[Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    """The meeting is over either way. Nothing on the agenda and nothing urgent: then nothing was put off, and it says so."""
    minutes_due_at = rules.deadline(meeting.programme, "minutes", moment.now)
    happened: list[Event] = []
    if command.urgent:
        happened.append(
            UrgentItemsHandledByChair(
                meeting_id=meeting.meeting_id,
                items=tuple(decision.case_id for decision in command.urgent),
                explanation=command.explanation or "",
                ratification_due_at=_ratified_by(meeting, moment, rules),
                minutes_due_at=minutes_due_at,
            )
        )
    if deferred or not command.urgent:
        happened.append(
            ItemsDeferred(
                meeting_id=meeting.meeting_id,
                items=tuple(case.case_id for case in deferred),
                explanation=command.explanation or None,
                next_meeting=_next_meeting_id(command, moment),
                minutes_due_at=minutes_due_at,
            )
        )
    return happened


def _ratified_by(meeting: Meeting, moment: Moment, rules: Rules) -> datetime:
    """By the end of the day after the next turn of the forum, counted from now."""
    next_turn = rules.deadline(meeting.programme, "forum_cadence", moment.now)
    return rules.deadline(meeting.programme, "decision_record", next_turn)


def _put_off(
    meeting: Meeting, listed: dict[CaseId, Case], urgent: dict[CaseId, Case], moment: Moment, rules: Rules
) -> Sequence[Event]:
    events: list[Event] = []
    for case_id in meeting.items:
        if case_id in urgent:
            continue
        if case_id in listed:
            events += off_the_agenda(listed[case_id], meeting, "inquorate", moment, rules)
        else:
            events.append(AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=case_id))
    return events


def _next_meeting_id(command: ChairDecides, moment: Moment) -> MeetingId | None:
    return MeetingId(moment.new_id("next-meeting")) if command.next_meeting_starts_at else None


def _next_meeting(command: ChairDecides, meeting: Meeting, moment: Moment, rules: Rules) -> Sequence[Event]:
    """One more meeting, beside those of the forum's cadence."""
    starts_at, meeting_id = command.next_meeting_starts_at, _next_meeting_id(command, moment)
    if starts_at is None or meeting_id is None:
        return []
    require_ahead(starts_at, moment)
    require_forum_is_held(meeting.forum, starts_at, rules)
    return [
        planned(
            meeting_id,
            forum=meeting.forum,
            programme=meeting.programme,
            starts_at=starts_at,
            slot=None,
            moment=moment,
            rules=rules,
        )
    ]


@decides(MarkChairDecisionOverdue, refuses=(AlreadyRecorded,))
def mark_chair_decision_overdue(
    command: MarkChairDecisionOverdue, meeting: Meeting, moment: Moment
) -> Sequence[Event]:
    meeting.require(command, MeetingStage.INQUORATE)
    due_at = meeting.require_newly_passed(
        command, "chair_decision", moment.now, what="that the chair's decision is overdue"
    )
    return [ChairDecisionOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]


@decides(
    RatifyUrgentDecisions,
    refuses=(NothingToRatify, RatifiedElsewhere, RefusalToRatifyReasonRequired),
)
def ratify_urgent_decisions(
    command: RatifyUrgentDecisions, meeting: Meeting, earlier: Meeting | None
) -> Sequence[Event]:
    """A meeting in session had its quorum when it began. What it does not ratify stays done until the forum changes it."""
    meeting.require(command, MeetingStage.IN_SESSION)
    if earlier is None:
        raise NotFound(kind="meeting", id=command.earlier_meeting)
    require_later_meeting_of_the_forum(meeting, earlier)
    require_something_to_ratify(earlier)
    if not (command.ratified or command.explanation):
        raise RefusalToRatifyReasonRequired
    considered = EarlierDecisionsConsidered(
        meeting_id=meeting.meeting_id, earlier_meeting=earlier.meeting_id, ratified=command.ratified
    )
    if command.ratified:
        ratified = UrgentDecisionsRatified(
            meeting_id=earlier.meeting_id, at_meeting=meeting.meeting_id, items=earlier.handled_by_chair
        )
        return [ratified, considered]
    not_ratified = UrgentDecisionsNotRatified(
        meeting_id=earlier.meeting_id,
        at_meeting=meeting.meeting_id,
        items=earlier.handled_by_chair,
        explanation=command.explanation or "",
    )
    return [not_ratified, considered]


@decides(MarkRatificationOverdue, refuses=(AlreadyRecorded,))
def mark_ratification_overdue(
    command: MarkRatificationOverdue, meeting: Meeting, moment: Moment
) -> Sequence[Event]:
    due_at = meeting.require_newly_passed(
        command, "ratification", moment.now, what="that the ratification is overdue"
    )
    return [RatificationOverdue(meeting_id=meeting.meeting_id, due_at=due_at)]
