"""What the forum decides about a case, and what follows from each decision."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.case.action import ActionAssigned, ActionDueInPast, ActionNotLinked
from domain.case.forum_decision import (
    ClosedCaseTakesNoActions,
    DecisionReasonsRequired,
    DeferralDateRequired,
    LeadNotNamed,
    MarkDecisionOverdue,
    OtherForumNotNotified,
    PlanNeedsAction,
    RecordDecision,
    ReferrerOfferNotReflected,
)
from domain.case.forum_review import (
    CaseReferredOn,
    ForumDecisionOverdue,
    ForumDecisionRecorded,
    ForumDeclined,
    ForumItemDeferred,
    LeadAgencyNamed,
    PlanAgreed,
)
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.meeting.events import Attendee, MeetingItemDecided
from domain.meeting.state import WrongMeetingStage
from domain.messages import ActionId, Actor
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CHAIR,
    COORDINATOR,
    DECIDED,
    HOUSING,
    MANAGER,
    MEETS,
    PROGRAMME,
    QUORUM,
    SAFEGUARDING_LEAD,
    SYSTEM,
    Outcome,
    a_case,
    a_meeting,
    attendee,
    given,
    like,
    london,
    new_id,
)

POLICE_SPELT = "Greater Manchester Police"
ROBIN = a_case()
MEETING = a_meeting().in_session()
MEETING_ID = MEETING.meeting_id
LISTED = ROBIN.on_agenda(MEETING)
REVIEW_DUE = london(2027, 3, 3, 10, 40)
VISIT: dict[str, Any] = {
    "owner": "officer-7",
    "agency": POLICE_SPELT,
    "links_to": "homelessness",
    "what": "Visit together with the key worker",
}
TENANCY: dict[str, Any] = {
    "owner": "housing-officer-3",
    "agency": HOUSING,
    "links_to": "rent_arrears",
    "what": "Agree a payment plan",
}


def decision(name: str = "accept_key_worker", **fields: Any) -> RecordDecision:
    """A sound record of this decision, with some fields changed."""
    sound: dict[str, dict[str, Any]] = {
        "accept_key_worker": {"referrer_offer_reflected": True, "actions": [VISIT, TENANCY]},
        "accept_lead_agency": {"lead_agency": HOUSING, "lead": "housing-officer-3"},
        "defer": {"defer_until": london(2027, 2, 17, 10)},
        "refer_other_forum": {"to_forum": "MARAC", "other_forum_notified": True},
        "decline": {},
        "advice": {},
    }
    values = {"case_id": ROBIN.case_id, "decision": name, "reasons": "Services have lost contact"}
    return RecordDecision.model_validate(values | sound[name] | fields)


DECISIONS = ("accept_key_worker", "accept_lead_agency", "defer", "refer_other_forum", "decline", "advice")


def decide(command: RecordDecision, *, as_: Actor = CHAIR, at: datetime = DECIDED) -> Outcome:
    return given(MEETING, LISTED).when(command, as_=as_, at=at)


def recorded(name: str) -> ForumDecisionRecorded:
    return ForumDecisionRecorded.model_validate(
        {
            **ROBIN.ids,
            "meeting_id": MEETING_ID,
            "decision": name,
            "confirmed_by": "chair-1",
            "reasons": "Services have lost contact",
        }
    )


def item_decided(name: str) -> MeetingItemDecided:
    return MeetingItemDecided(
        meeting_id=MEETING_ID,
        case_id=ROBIN.case_id,
        outcome=name,
        # Nobody has answered: the item is heard all the same, and the gap is on record.
        returns_missing=(POLICE_SPELT, HOUSING, CGL),
    )


EPISODE_ENDED = EpisodeEnded(person_id=ROBIN.person_id, case_id=ROBIN.case_id, programme=PROGRAMME)


# -- what follows ----------------------------------------------------------------------------------------------------


def test_an_accepted_case_has_a_plan_with_owned_and_dated_actions_and_waits_for_a_key_worker() -> None:
    next_meeting = london(2027, 2, 17, 17)
    outcome = decide(decision(intensity="intensive"))
    outcome.then(
        recorded("accept_key_worker"),
        PlanAgreed(
            **ROBIN.ids,
            referrer_offer_reflected=True,
            single_agency_warning=False,
            intensity="intensive",
            allocation_due_at=london(2027, 1, 27, 17),
            review_due_at=REVIEW_DUE,
        ),
        ActionAssigned(**ROBIN.ids, action_id=ActionId(new_id("action/1")), due_at=next_meeting, **VISIT),
        ActionAssigned(**ROBIN.ids, action_id=ActionId(new_id("action/2")), due_at=next_meeting, **TENANCY),
        item_decided("accept_key_worker"),
    )
    case = outcome.after.case
    assert (case.stage, case.intensity) == (Stage.AWAITING_ALLOCATION, "intensive")
    assert case.due == {"allocation": london(2027, 1, 27, 17), "forum_review": REVIEW_DUE}
    assert outcome.after.meeting.items[ROBIN.case_id].outcome == "accept_key_worker"


def test_a_case_that_an_agency_leads_is_active_without_a_key_worker() -> None:
    outcome = decide(decision("accept_lead_agency", lead_agency="One Manchester"))
    outcome.then(
        recorded("accept_lead_agency"),
        LeadAgencyNamed(**ROBIN.ids, lead_agency=HOUSING, lead="housing-officer-3", review_due_at=REVIEW_DUE),
        item_decided("accept_lead_agency"),
    )
    assert outcome.after.case.stage is Stage.ACTIVE


def test_a_deferred_case_is_ready_again_and_has_its_date() -> None:
    until = london(2027, 2, 17, 10)
    outcome = decide(decision("defer", defer_until=until))
    outcome.then(
        recorded("defer"),
        ForumItemDeferred(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            until=until,
            # Before the agenda of its new date is published, five working days ahead.
            listing_due_at=london(2027, 2, 10, 17),
        ),
        item_decided("defer"),
    )
    assert outcome.after.case.stage is Stage.READY_FOR_FORUM
    assert outcome.after.case.meeting_id is None


def test_a_case_deferred_for_days_only_is_listed_in_the_usual_time() -> None:
    deferred = decide(decision("defer", defer_until=london(2027, 1, 28, 10))).one(ForumItemDeferred)
    assert deferred.listing_due_at == london(2027, 1, 27, 17)


def test_a_case_that_another_forum_takes_is_closed_here_and_the_place_is_free_again() -> None:
    outcome = decide(decision("refer_other_forum"))
    outcome.then(
        recorded("refer_other_forum"),
        CaseReferredOn(**ROBIN.ids, to_forum="MARAC"),
        EPISODE_ENDED,
        item_decided("refer_other_forum"),
    )
    assert (outcome.after.case.stage, outcome.after.case.closed_because) == (Stage.CLOSED, "referred_on")


def test_a_case_that_also_goes_to_another_forum_stays_and_is_heard_again() -> None:
    outcome = decide(decision("refer_other_forum", stays_parallel=True))
    outcome.then(
        recorded("refer_other_forum"),
        CaseReferredOn(
            **ROBIN.ids,
            to_forum="MARAC",
            to_stage=Stage.READY_FOR_FORUM,
            listing_due_at=london(2027, 1, 27, 17),
        ),
        item_decided("refer_other_forum"),
    )
    case = outcome.after.case
    assert (case.stage, case.due) == (Stage.READY_FOR_FORUM, {"listing": london(2027, 1, 27, 17)})


@pytest.mark.parametrize(("name", "because"), [("decline", "declined"), ("advice", "advice_given")])
def test_a_declined_or_advised_case_is_closed_with_its_reasons(name: str, because: str) -> None:
    outcome = decide(decision(name))
    outcome.then(recorded(name), like(ForumDeclined, outcome=because), EPISODE_ENDED, item_decided(name))
    assert (outcome.after.case.stage, outcome.after.case.closed_because) == (Stage.CLOSED, because)
    assert not outcome.after.people[ROBIN.person_id].open_cases


def test_dissent_is_kept_with_the_decision() -> None:
    outcome = decide(decision("decline", dissent="Housing would have accepted"))
    assert outcome.one(ForumDecisionRecorded).dissent == "Housing would have accepted"


@pytest.mark.parametrize("name", DECISIONS)
def test_every_decision_ends_the_waiting_for_it(name: str) -> None:
    due = decide(decision(name)).accepted().after.case.due
    assert not {"returns", "decision"} & set(due)


@pytest.mark.parametrize("name", ["accept_lead_agency", "defer"])
def test_a_case_that_goes_on_may_get_actions_whatever_was_decided(name: str) -> None:
    assert decide(decision(name, actions=[VISIT])).one(ActionAssigned).owner == "officer-7"


# -- actions of the plan ---------------------------------------------------------------------------------------------


def test_an_action_keeps_the_date_it_was_given() -> None:
    due_at = london(2027, 1, 29, 12)
    command = decision(actions=[VISIT | {"due_at": due_at}])
    assert decide(command).one(ActionAssigned).due_at == due_at


@pytest.mark.parametrize(("after", "refused"), [(-A_SECOND, True), (timedelta(0), True), (A_SECOND, False)])
def test_an_action_of_the_plan_is_for_a_date_to_come(after: timedelta, refused: bool) -> None:
    outcome = decide(decision(actions=[VISIT | {"due_at": DECIDED + after}]))
    outcome.refused(ActionDueInPast) if refused else outcome.accepted()


def test_an_action_of_the_plan_serves_a_need_an_outcome_or_a_risk() -> None:
    command = decision(actions=[VISIT | {"links_to": "unheard_of"}])
    decide(command).refused(ActionNotLinked, links_to="unheard_of")


def test_without_a_date_actions_are_due_at_the_end_of_a_working_day() -> None:
    """Four weeks after 2 December is 30 December; after 27 November 2026 it is Christmas Day, so 29 December."""
    meeting = a_meeting(starts_at=london(2026, 11, 27, 10)).in_session()
    outcome = given(meeting, ROBIN.on_agenda(meeting)).when(
        decision(actions=[VISIT]), at=london(2026, 11, 27, 11)
    )
    assert outcome.one(ActionAssigned).due_at == london(2026, 12, 29, 17)


@pytest.mark.parametrize(
    ("actions", "warned"),
    [
        pytest.param([VISIT, TENANCY], False, id="two agencies"),
        pytest.param([VISIT], True, id="one action"),
        pytest.param([VISIT, VISIT | {"agency": "GMP"}], True, id="one agency by two names"),
    ],
)
def test_a_plan_whose_actions_all_fall_to_one_agency_carries_a_warning(
    actions: list[dict[str, Any]], warned: bool
) -> None:
    assert decide(decision(actions=actions)).one(PlanAgreed).single_agency_warning is warned


# -- who, when, with whom --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [COORDINATOR, MANAGER, SAFEGUARDING_LEAD], ids=lambda who: str(who.role))
def test_nobody_but_the_chair_confirms_a_decision(who: Actor) -> None:
    decide(decision(), as_=who).refused(NotPermitted)


@pytest.mark.parametrize(
    "meeting", [a_meeting().agenda_closed(), a_meeting().concluded(), a_meeting().inquorate()]
)
def test_only_a_meeting_that_began_with_its_quorum_decides(meeting: Any) -> None:
    given(meeting, LISTED).when(decision()).refused(WrongMeetingStage)


@pytest.mark.parametrize(
    "story", [ROBIN.awaiting_consent(), ROBIN.ready_for_forum(), LISTED.accepted(), LISTED.closed()]
)
def test_only_a_case_on_an_agenda_is_decided(story: Any) -> None:
    given(MEETING, story).when(decision()).refused(WrongStage, allowed="OnAgenda")


def heard_by(*attendees: Attendee) -> MeetingItemDecided:
    meeting = a_meeting().in_session(attendees)
    outcome = given(meeting, ROBIN.on_agenda(meeting)).when(decision("advice"))
    return outcome.one(MeetingItemDecided)


def test_a_case_is_heard_without_its_referring_agency_and_the_gap_is_recorded() -> None:
    """Scenario 22."""
    without_police = tuple(one for one in QUORUM if one.agency != POLICE_SPELT)
    assert heard_by(*without_police).referring_agency_absent


@pytest.mark.parametrize("seat", [attendee("deputy", "GMP"), attendee("deputy_chair", POLICE_SPELT)])
def test_a_deputy_of_the_referring_agency_is_enough(seat: Attendee) -> None:
    without_police = tuple(one for one in QUORUM if one.agency != POLICE_SPELT)
    assert not heard_by(*without_police, seat).referring_agency_absent


# -- rules of the record ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECISIONS)
@pytest.mark.parametrize("reasons", ["", "   "])
def test_every_decision_has_its_reasons(name: str, reasons: str) -> None:
    decide(decision(name, reasons=reasons)).refused(DecisionReasonsRequired)


def test_a_plan_without_an_action_is_no_plan() -> None:
    decide(decision(actions=[])).refused(PlanNeedsAction)
    decide(decision(actions=[VISIT])).accepted()


def test_a_plan_without_the_referrers_offer_is_not_agreed() -> None:
    decide(decision(referrer_offer_reflected=False)).refused(ReferrerOfferNotReflected)


@pytest.mark.parametrize("missing", ["lead_agency", "lead"])
def test_a_leading_agency_and_its_lead_are_both_named(missing: str) -> None:
    decide(decision("accept_lead_agency", **{missing: None})).refused(LeadNotNamed)


@pytest.mark.parametrize(
    ("until", "refused"),
    [(None, True), (DECIDED - A_SECOND, True), (DECIDED, True), (DECIDED + A_SECOND, False)],
)
def test_a_deferred_case_has_a_date_to_come(until: datetime | None, refused: bool) -> None:
    outcome = decide(decision("defer", defer_until=until))
    outcome.refused(DeferralDateRequired) if refused else outcome.accepted()


@pytest.mark.parametrize("missing", [{"to_forum": None}, {"other_forum_notified": False}])
def test_another_forum_is_named_and_knows_of_the_case(missing: dict[str, Any]) -> None:
    decide(decision("refer_other_forum", **missing)).refused(OtherForumNotNotified)


@pytest.mark.parametrize("name", ["refer_other_forum", "decline", "advice"])
def test_a_case_that_closes_takes_no_actions(name: str) -> None:
    decide(decision(name, actions=[VISIT])).refused(ClosedCaseTakesNoActions, decision=name)


# -- the engine's clock ----------------------------------------------------------------------------------------------

DECISION_DUE = london(2027, 1, 21, 17)
MARK = MarkDecisionOverdue(case_id=ROBIN.case_id)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_a_decision_that_nobody_recorded_after_the_meeting_is_overdue(after: timedelta, due: bool) -> None:
    outcome = given(LISTED).when(MARK, as_=SYSTEM, at=DECISION_DUE + after)
    if due:
        outcome.then(ForumDecisionOverdue(**ROBIN.ids, due_at=DECISION_DUE))
    else:
        outcome.refused(NotYetDue)


def test_an_overdue_decision_is_recorded_once() -> None:
    story = LISTED.then_also(ForumDecisionOverdue(**ROBIN.ids, due_at=DECISION_DUE))
    given(story).when(MARK, at=DECISION_DUE).refused(AlreadyRecorded)


def test_a_decided_case_waits_for_no_decision() -> None:
    given(LISTED.accepted()).when(MARK, at=MEETS + timedelta(days=9)).refused(WrongStage)
