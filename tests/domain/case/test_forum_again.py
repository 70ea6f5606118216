"""Cases that the forum looks at again, and those on which it is only asked for advice."""

from __future__ import annotations

from typing import Any

import pytest

from domain.case.advice_item import (
    AdviceItemScheduled,
    ConsentNotOutstanding,
    EngagementAdviceRecorded,
    NotOnAgendaForAdvice,
    RecordEngagementAdvice,
    ScheduleAdviceItem,
)
from domain.case.forum_decision import DecisionReasonsRequired
from domain.case.review_item import (
    ForumReviewRecorded,
    KeyWorkerRequested,
    NotLedByAgency,
    NotOnAgendaForReview,
    RecordReviewDecision,
    RequestKeyWorker,
    ReviewDidNotAskForKeyWorker,
    ReviewItemScheduled,
    ScheduleReviewItem,
)
from domain.case.stages import Stage
from domain.errors import NotPermitted, WrongStage
from domain.meeting import events as m
from domain.meeting.items import AlreadyOnAnAgenda, ForumDoesNotServe, ScheduleItem
from domain.meeting.quorum import InterestedInItem, QuorumBrokenByInterest
from tests.support.scenario import (
    CGL,
    CHAIR,
    COORDINATOR,
    POLICE,
    QUORUM,
    CaseStory,
    a_case,
    a_meeting,
    given,
    like,
    london,
)

ROBIN = a_case()
MARCH = a_meeting("march", starts_at=london(2027, 3, 17, 10))
AGENDA = MARCH.agenda_open()
SITTING = MARCH.in_session()
MEETING_ID = MARCH.meeting_id
HEARD_AT = london(2027, 3, 17, 10, 30)


# -- review items ----------------------------------------------------------------------------------------------------


def schedule() -> ScheduleReviewItem:
    return ScheduleReviewItem(case_id=ROBIN.case_id, meeting_id=MEETING_ID)


def review(outcome: str = "continue", reasons: str = "Contact is steady") -> RecordReviewDecision:
    return RecordReviewDecision.model_validate(
        {"case_id": ROBIN.case_id, "outcome": outcome, "reasons": reasons}
    )


def test_a_case_in_support_comes_before_the_forum_again_and_stays_where_it_is() -> None:
    outcome = given(ROBIN.active(), AGENDA).when(schedule())
    outcome.then(
        ReviewItemScheduled(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            forum=MARCH.forum,
            meeting_at=MARCH.starts_at,
            agencies_asked=(POLICE, CGL),
        ),
        m.AgendaItemAdded(
            meeting_id=MEETING_ID,
            **ROBIN.ids,
            referring_agency=POLICE,
            agencies_asked=(POLICE, CGL),
            kind="review",
        ),
    )
    assert outcome.after.case.stage is Stage.ACTIVE
    assert outcome.after.meetings[MEETING_ID].items[ROBIN.case_id].kind == "review"


@pytest.mark.parametrize(
    "story",
    [ROBIN.awaiting_consent(), ROBIN.ready_for_forum(), ROBIN.accepted(), ROBIN.allocated_to()],
    ids=lambda story: str(story.case.stage),
)
def test_only_a_case_in_support_or_in_outreach_is_looked_at_again(story: CaseStory) -> None:
    given(story, AGENDA).when(schedule()).refused(WrongStage, allowed="Active, Outreach")


def test_a_case_has_one_place_on_an_agenda_at_a_time() -> None:
    given(ROBIN.active().up_for_review(MARCH), AGENDA).when(schedule()).refused(AlreadyOnAnAgenda)


def test_a_review_is_before_the_forum_of_the_neighbourhood() -> None:
    elsewhere = a_meeting("elsewhere", forum="wythenshawe-northenden").agenda_open()
    command = ScheduleReviewItem(case_id=ROBIN.case_id, meeting_id=elsewhere.meeting_id)
    given(ROBIN.active(), elsewhere).when(command).refused(ForumDoesNotServe)


def test_what_a_review_says_is_recorded_and_the_next_one_is_due() -> None:
    story = ROBIN.active().up_for_review(MARCH)
    outcome = given(story, SITTING).when(review(), at=HEARD_AT)
    next_review = london(2027, 6, 9, 10, 30)
    outcome.then(
        ForumReviewRecorded(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            outcome="continue",
            confirmed_by="chair-1",
            reasons="Contact is steady",
            next_review_due_at=next_review,
        ),
        like(m.MeetingItemDecided, outcome="continue", returns_missing=(POLICE,)),
    )
    assert outcome.after.case.due["forum_review"] == next_review
    assert (outcome.after.case.stage, outcome.after.case.agenda_kind) == (Stage.ACTIVE, None)


def test_a_review_is_confirmed_by_a_chair_who_is_not_too_close_with_a_quorum_without_them() -> None:
    story = ROBIN.active().up_for_review(MARCH)
    chair, member = SITTING.with_interest(ROBIN, QUORUM[0]), SITTING.with_interest(ROBIN, QUORUM[3])
    interest = {who: meeting.facts[-1] for who, meeting in (("chair", chair), ("member", member))}
    given(story, SITTING, interest["chair"]).when(review()).refused(InterestedInItem)
    given(story, SITTING, interest["member"]).when(review()).refused(QuorumBrokenByInterest)
    given(story, SITTING).when(review(), as_=COORDINATOR).refused(NotPermitted)
    given(story, SITTING).when(review(reasons=" ")).refused(DecisionReasonsRequired)


def test_a_case_on_no_agenda_is_not_reviewed() -> None:
    given(ROBIN.active(), SITTING).when(review()).refused(NotOnAgendaForReview)


# -- a key worker after all ------------------------------------------------------------------------------------------

ASK = RequestKeyWorker(case_id=ROBIN.case_id)
LED = ROBIN.led_by()


def test_a_case_that_an_agency_leads_gets_a_key_worker_when_the_review_decided_so() -> None:
    decided = LED.reviewed_by_forum(MARCH, "request_key_worker", at=HEARD_AT)
    outcome = given(decided).when(ASK)
    outcome.then(KeyWorkerRequested(**ROBIN.ids, allocation_due_at=london(2027, 3, 24, 17)))
    assert outcome.after.case.stage is Stage.AWAITING_ALLOCATION
    assert outcome.after.case.due["allocation"] == london(2027, 3, 24, 17)


def test_not_without_a_review_that_says_so() -> None:
    given(LED).when(ASK).refused(ReviewDidNotAskForKeyWorker)
    given(LED.reviewed_by_forum(MARCH)).when(ASK).refused(ReviewDidNotAskForKeyWorker)


def test_and_not_for_a_case_that_has_one() -> None:
    story = ROBIN.active().reviewed_by_forum(MARCH, "request_key_worker")
    given(story).when(ASK).refused(NotLedByAgency)


# -- advice ----------------------------------------------------------------------------------------------------------

OUTSTANDING = ROBIN.consent_overdue()


def ask(**fields: Any) -> ScheduleAdviceItem:
    return ScheduleAdviceItem.model_validate({"case_id": ROBIN.case_id, "meeting_id": MEETING_ID} | fields)


def test_the_forum_is_asked_for_advice_without_learning_of_whom() -> None:
    outcome = given(OUTSTANDING, AGENDA).when(ask())
    added = m.AdviceItemAdded(meeting_id=MEETING_ID, case_id=ROBIN.case_id, forum=MARCH.forum)
    outcome.then(
        AdviceItemScheduled(
            **ROBIN.ids, meeting_id=MEETING_ID, forum=MARCH.forum, meeting_at=MARCH.starts_at
        ),
        added,
    )
    assert set(added.model_dump()) == {"meeting_id", "case_id", "forum"}
    assert outcome.after.case.stage is Stage.AWAITING_CONSENT


def test_advice_is_asked_for_once_consent_is_overdue() -> None:
    given(ROBIN.awaiting_consent(), AGENDA).when(ask()).refused(ConsentNotOutstanding)
    given(ROBIN.ready_for_forum(), AGENDA).when(ask()).refused(WrongStage, allowed="AwaitingConsent")
    given(ROBIN.up_for_advice(MARCH), AGENDA).when(ask()).refused(AlreadyOnAnAgenda)


def test_what_the_forum_advised_is_recorded_and_the_case_goes_on_waiting() -> None:
    command = RecordEngagementAdvice(case_id=ROBIN.case_id, advice="Ask a worker whom the person trusts")
    outcome = given(ROBIN.up_for_advice(MARCH), SITTING).when(command, as_=CHAIR, at=HEARD_AT)
    outcome.then(
        EngagementAdviceRecorded(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            given_by="chair-1",
            advice="Ask a worker whom the person trusts",
        ),
        m.MeetingItemDecided(meeting_id=MEETING_ID, case_id=ROBIN.case_id, outcome="engagement_advice"),
    )
    assert (outcome.after.case.stage, outcome.after.case.agenda_kind) == (Stage.AWAITING_CONSENT, None)


def test_advice_is_on_what_was_asked_and_has_words() -> None:
    command = RecordEngagementAdvice(case_id=ROBIN.case_id, advice="Ask a worker")
    given(OUTSTANDING, SITTING).when(command).refused(NotOnAgendaForAdvice)
    empty = RecordEngagementAdvice(case_id=ROBIN.case_id, advice=" ")
    given(ROBIN.up_for_advice(MARCH), SITTING).when(empty).refused(DecisionReasonsRequired)


def test_a_case_that_agreed_meanwhile_is_taken_off_first_and_then_heard_as_a_case() -> None:
    story = ROBIN.up_for_advice(MARCH).ready_for_forum()
    command = ScheduleItem(case_id=ROBIN.case_id, meeting_id=MEETING_ID)
    given(story, AGENDA).when(command).refused(AlreadyOnAnAgenda)
