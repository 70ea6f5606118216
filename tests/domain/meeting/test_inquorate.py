"""A meeting without its quorum: what is put off, what the chair decides alone, and how it is ratified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.case.action import ActionAssigned
from domain.case.forum_decision import PlanNeedsAction
from domain.case.forum_review import ForumDecisionRecorded, ForumItemWithdrawn, PlanAgreed
from domain.case.review_item import ReviewItemWithdrawn
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue
from domain.meeting import events as m
from domain.meeting.inquorate import (
    ChairDecides,
    MarkChairDecisionOverdue,
    MarkRatificationOverdue,
    NotADecisionOnACase,
    NothingToRatify,
    RatifiedElsewhere,
    RatifyUrgentDecisions,
    RefusalToRatifyReasonRequired,
    UrgencyReasonRequired,
)
from domain.meeting.planning import MeetingInPast
from domain.meeting.state import MeetingStage
from domain.messages import MeetingId
from tests.support.scenario import (
    A_SECOND,
    COORDINATOR,
    DECIDED,
    POLICE,
    SYSTEM,
    Outcome,
    a_case,
    a_meeting,
    given,
    like,
    london,
    new_id,
)

ROBIN, KIM = a_case("robin"), a_case("kim")
OPEN = a_meeting().agenda_open()
BOTH = (ROBIN.on_agenda(OPEN), KIM.on_agenda(OPEN))
MEETING = OPEN.inquorate()
MEETING_ID = MEETING.meeting_id
MINUTES_DUE = london(2027, 1, 25, 17)
RATIFIED_BY = london(2027, 2, 18, 17)
WHY = "Two overdoses in one week"
FEBRUARY = a_meeting("february", starts_at=london(2027, 2, 17, 10))


def urgent(case: Any = ROBIN, **fields: Any) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "decision": "accept_key_worker",
        "reasons": "The risk is rising",
        "referrer_offer_reflected": True,
        "actions": [
            {"owner": "officer-7", "agency": POLICE, "links_to": "homelessness", "what": "A joint visit"}
        ],
    } | fields


def chair(*decisions: dict[str, Any], why: str | None = WHY, **fields: Any) -> ChairDecides:
    return ChairDecides.model_validate(
        {"meeting_id": MEETING_ID, "urgent": decisions, "explanation": why} | fields
    )


def decide(command: ChairDecides, at: datetime = DECIDED) -> Outcome:
    return given(MEETING, *BOTH).when(command, at=at)


def test_every_item_is_put_off_and_waits_for_another_meeting() -> None:
    outcome = decide(chair(why=None))
    back = [
        event
        for case in (ROBIN, KIM)
        for event in (
            ForumItemWithdrawn(
                **case.ids,
                meeting_id=MEETING_ID,
                because="inquorate",
                listing_due_at=london(2027, 1, 27, 17),
            ),
            m.AgendaItemRemoved(meeting_id=MEETING_ID, case_id=case.case_id),
        )
    ]
    outcome.then(
        m.ItemsDeferred(
            meeting_id=MEETING_ID, items=(ROBIN.case_id, KIM.case_id), minutes_due_at=MINUTES_DUE
        ),
        *back,
    )
    assert {case.stage for case in outcome.after.cases.values()} == {Stage.READY_FOR_FORUM}
    assert outcome.after.meeting.stage is MeetingStage.CONCLUDED
    assert outcome.after.meeting.due == {"minutes": MINUTES_DUE}


def test_the_chair_decides_on_an_urgent_case_at_once_and_the_rest_is_put_off() -> None:
    """Scenario 21."""
    outcome = decide(chair(urgent()))
    outcome.then(
        m.UrgentItemsHandledByChair(
            meeting_id=MEETING_ID,
            items=(ROBIN.case_id,),
            explanation=WHY,
            ratification_due_at=RATIFIED_BY,
            minutes_due_at=MINUTES_DUE,
        ),
        like(m.ItemsDeferred, items=(KIM.case_id,)),
        like(ForumDecisionRecorded, case_id=ROBIN.case_id, by_chair_alone=True, confirmed_by="chair-1"),
        PlanAgreed,
        ActionAssigned,
        like(m.MeetingItemDecided, case_id=ROBIN.case_id, outcome="accept_key_worker"),
        like(ForumItemWithdrawn, case_id=KIM.case_id),
        like(m.AgendaItemRemoved, case_id=KIM.case_id),
    )
    after = outcome.after
    assert after.cases[ROBIN.case_id].stage is Stage.AWAITING_ALLOCATION
    assert after.cases[KIM.case_id].stage is Stage.READY_FOR_FORUM
    assert after.meeting.due == {"minutes": MINUTES_DUE, "ratification": RATIFIED_BY}


def test_two_plans_have_actions_of_their_own() -> None:
    happened = decide(chair(urgent(ROBIN), urgent(KIM))).accepted().happened
    actions = [event.action_id for event in happened if isinstance(event, ActionAssigned)]
    assert len(set(actions)) == 2
    assert not any(isinstance(event, m.ItemsDeferred) for event in happened)


def test_an_urgent_decision_keeps_every_rule_of_a_decision() -> None:
    decide(chair(urgent(actions=[]))).refused(PlanNeedsAction)


@pytest.mark.parametrize("why", [None, "", "  "])
def test_deciding_alone_has_a_reason(why: str | None) -> None:
    decide(chair(urgent(), why=why)).refused(UrgencyReasonRequired)


@pytest.mark.parametrize(
    "decisions",
    [
        pytest.param([urgent(a_case("other"))], id="not on the agenda"),
        pytest.param([urgent(), urgent()], id="twice"),
    ],
)
def test_the_chair_decides_on_each_case_of_the_agenda_once(decisions: list[dict[str, Any]]) -> None:
    decide(chair(*decisions)).refused(NotADecisionOnACase)


def test_a_review_can_always_wait() -> None:
    review = ROBIN.active().up_for_review(OPEN)
    given(MEETING, review).when(chair(urgent())).refused(NotADecisionOnACase)
    outcome = given(MEETING, review).when(chair(why=None), at=DECIDED)
    assert outcome.one(ReviewItemWithdrawn).because == "inquorate"
    assert outcome.after.case.stage is Stage.ACTIVE


def test_a_meeting_for_what_was_put_off_is_planned_in_the_same_step() -> None:
    outcome = decide(chair(why=None, next_meeting_starts_at=london(2027, 1, 27, 10)))
    next_meeting = MeetingId(new_id("next-meeting"))
    assert outcome.one(m.ItemsDeferred).next_meeting == next_meeting
    planned = outcome.one(m.MeetingPlanned)
    assert (planned.meeting_id, planned.forum, planned.short_notice) == (next_meeting, MEETING.forum, True)
    decide(chair(why=None, next_meeting_starts_at=DECIDED)).refused(MeetingInPast)


def test_nobody_but_the_chair_decides_alone() -> None:
    given(MEETING, *BOTH).when(chair(why=None), as_=COORDINATOR).refused(NotPermitted)


# -- ratification ----------------------------------------------------------------------------------------------------

HANDLED = a_meeting().handled_by_chair(ROBIN)


def ratify(**fields: Any) -> RatifyUrgentDecisions:
    values = {"meeting_id": FEBRUARY.meeting_id, "earlier_meeting": MEETING_ID}
    return RatifyUrgentDecisions.model_validate(values | fields)


def test_the_next_meeting_ratifies_what_the_chair_decided_alone() -> None:
    outcome = given(HANDLED, FEBRUARY.in_session()).when(ratify())
    outcome.then(
        m.UrgentDecisionsRatified(
            meeting_id=MEETING_ID, at_meeting=FEBRUARY.meeting_id, items=(ROBIN.case_id,)
        ),
        m.EarlierDecisionsConsidered(
            meeting_id=FEBRUARY.meeting_id, earlier_meeting=MEETING_ID, ratified=True
        ),
    )
    assert "ratification" not in outcome.after.meeting.due
    given(HANDLED, FEBRUARY.in_session(), *outcome.happened).when(ratify()).refused(NothingToRatify)


def test_or_it_does_not_and_says_why() -> None:
    given(HANDLED, FEBRUARY.in_session()).when(ratify(ratified=False)).refused(RefusalToRatifyReasonRequired)
    given(HANDLED, FEBRUARY.in_session()).when(ratify(ratified=False, explanation="No risk was shown")).then(
        m.UrgentDecisionsNotRatified(
            meeting_id=MEETING_ID,
            at_meeting=FEBRUARY.meeting_id,
            items=(ROBIN.case_id,),
            explanation="No risk was shown",
        ),
        like(m.EarlierDecisionsConsidered, ratified=False),
    )


def test_a_later_meeting_of_the_same_forum_ratifies() -> None:
    elsewhere = a_meeting("elsewhere", starts_at=FEBRUARY.starts_at, forum="wythenshawe-northenden")
    for other in (elsewhere, a_meeting("before", starts_at=london(2027, 1, 19, 10))):
        given(HANDLED, other.in_session()).when(ratify(meeting_id=other.meeting_id)).refused(
            RatifiedElsewhere
        )


def test_there_is_something_to_ratify() -> None:
    given(a_meeting().concluded(), FEBRUARY.in_session()).when(ratify()).refused(NothingToRatify)
    given(FEBRUARY.in_session()).when(ratify()).refused(NotFound)


# -- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_what_the_chair_never_says_is_overdue(after: timedelta, due: bool) -> None:
    due_at = london(2027, 1, 21, 17)
    outcome = given(MEETING, *BOTH).when(
        MarkChairDecisionOverdue(meeting_id=MEETING_ID), as_=SYSTEM, at=due_at + after
    )
    if due:
        outcome.then(m.ChairDecisionOverdue(meeting_id=MEETING_ID, due_at=due_at))
    else:
        outcome.refused(NotYetDue)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_what_is_not_ratified_in_time_is_overdue_and_is_recorded_once(after: timedelta, due: bool) -> None:
    mark = MarkRatificationOverdue(meeting_id=MEETING_ID)
    outcome = given(HANDLED).when(mark, as_=SYSTEM, at=RATIFIED_BY + after)
    if due:
        outcome.then(m.RatificationOverdue(meeting_id=MEETING_ID, due_at=RATIFIED_BY))
        given(HANDLED, *outcome.happened).when(mark, at=RATIFIED_BY + after).refused(AlreadyRecorded)
    else:
        outcome.refused(NotYetDue)
