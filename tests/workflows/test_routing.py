"""Which processes a case needs, and who hears of the end of a stage."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.case.action_work import ActionCompleted
from domain.case.allocation import MatchesProposed, WaitingCheckDue, WaitingListJoined
from domain.case.forum_review import ForumItemWithdrawn
from domain.messages import Actor, Envelope, Recorded
from domain.roles import Role
from tests.support.scenario import DECIDED, REFERRED, TRIAGED, CaseStory, a_case
from workflows.contracts import Fact, ProcessKind
from workflows.routing import route

K = ProcessKind


def recorded(case: CaseStory) -> list[Recorded]:
    """The case's stream, as if each fact had been written a minute after the one before."""
    own = [event for event in case if event.stream_id == case.case_id]
    by = Actor(person="coordinator-1", role=Role.COORDINATOR, agency="ccp")
    stream = []
    for number, event in enumerate(own, start=1):
        at = REFERRED + timedelta(minutes=number)
        envelope = Envelope(
            event_id=uuid4(),
            command_id=uuid4(),
            command="story",
            recorded_at=at,
            effective_at=at,
            actor=by,
            correlation_id=uuid4(),
        )
        stream.append(Recorded(number * 10, event.stream_id, number, event, envelope))
    return stream


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        (a_case().submitted(), {K.REFERRAL}),
        (a_case().in_triage(), {K.REFERRAL}),
        (a_case().awaiting_consent(), {K.CONSENT}),
        (a_case().ready_for_forum(), {K.FORUM_REVIEW}),
        (a_case().on_agenda(), {K.FORUM_REVIEW}),
        (a_case().accepted(), {K.ALLOCATION, K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().led_by(), {K.SUPPORT}),
        (a_case().led_by().with_action(), {K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().allocated_to(), {K.ALLOCATION, K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().active(), {K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().active().lost(), {K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().active().suspended(), {K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().step_down_proposed(), {K.STEP_DOWN, K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().stepping_down(), {K.STEP_DOWN, K.SUPPORT, K.ACTION_FOLLOW_UP}),
        (a_case().handed_over(), {K.STEP_DOWN, K.ACTION_FOLLOW_UP}),
        (a_case().on_agenda().with_action().closed(), set()),
    ],
    ids=lambda value: value.case.stage if isinstance(value, CaseStory) else None,
)
def test_a_case_needs_the_process_of_its_stage_and_one_for_its_open_actions(
    case: CaseStory, kinds: set[ProcessKind]
) -> None:
    assert route(recorded(case), after=10_000).run == kinds
    assert route(recorded(case), after=10_000).end == set()


def test_a_process_hears_of_its_end_when_the_batch_that_ends_it_began_before_it() -> None:
    stream = recorded(a_case().submitted().awaiting_consent().ready_for_forum())
    routing = route(stream, after=0)
    assert (routing.run, routing.end) == ({K.FORUM_REVIEW}, {K.REFERRAL, K.CONSENT})
    assert route(stream, after=stream[-1].position).end == set()


def test_the_end_of_the_last_action_is_told_to_a_forum_review_that_may_still_wait_for_it() -> None:
    case = a_case().active()
    done = ActionCompleted(
        **case.ids, action_id=case.action_id(), evidence="note-3", effective=True, late=False
    )
    stream = recorded(case.then_also(done))
    assert route(stream, after=stream[-2].position).end == {K.ACTION_FOLLOW_UP, K.FORUM_REVIEW}


def test_a_brief_says_since_when_what_runs_and_what_is_new() -> None:
    case = a_case().awaiting_consent(at=TRIAGED)
    stream = recorded(case)
    brief = route(stream, after=stream[-2].position).brief
    assert brief.since == stream[-1].envelope.recorded_at
    assert brief.position == stream[-1].position
    assert brief.due == case.case.due
    assert brief.heard == (Fact(position=stream[-1].position, topic="EligibilityConfirmed"),)


def test_a_proposal_is_wanted_after_acceptance_and_after_every_waiting_check() -> None:
    accepted = a_case().accepted()
    nobody = MatchesProposed(**accepted.ids, candidates=(), exclusions=())
    listed = WaitingListJoined(**accepted.ids, band="P3", check_due_at=DECIDED)
    check = WaitingCheckDue(**accepted.ids, due_at=DECIDED, next_due_at=DECIDED)
    for case, wanted in [
        (accepted, True),
        (accepted.then_also(nobody), False),
        (accepted.then_also(nobody, listed), False),
        (accepted.then_also(nobody, listed, check), True),
        (accepted.then_also(nobody, listed, check, nobody), False),
    ]:
        brief = route(recorded(case), after=0).brief
        assert (brief.proposed_at < brief.proposal_wanted_at) is wanted


def test_a_clock_that_runs_to_the_same_instant_again_is_another_occasion() -> None:
    listed = a_case().on_agenda()
    put_back = listed.then_also(
        ForumItemWithdrawn(
            **listed.ids,
            meeting_id=listed.case.meeting_id,
            because="withdrawn",
            listing_due_at=listed.due("listing", listed.now),
        )
    ).on_agenda()
    once, twice = (route(recorded(story), after=0).brief for story in (listed, put_back))
    assert once.due == twice.due
    assert once.again == {}
    assert twice.again == dict.fromkeys(("decision", "returns"), twice.position)
