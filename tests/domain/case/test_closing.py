"""Whichever command closes a case: nobody is left with an action, the worker's place is free, and the person's too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import catalogue
from domain.case.action_changes import ActionCancelled
from domain.case.advice_item import RecordEngagementAdvice
from domain.case.allocation import AllocationEnded
from domain.case.leaving import ParticipationWithdrawn, WithdrawParticipation
from domain.case.reopening import ReopenCase
from domain.case.review_item import ReviewItemScheduled, ScheduleReviewItem
from domain.case.stages import Stage
from domain.case.triage import ReferralWithdrawn, WithdrawReferral
from domain.keyworker.events import CaseReleased
from domain.meeting.events import AgendaItemAdded, AgendaItemRemoved
from domain.person.identity import EpisodeEnded
from tests.support.scenario import MEETS, REFERRER, CaseStory, Outcome, a_case, a_meeting, given
from tests.support.situations import Situation, situations

ALL = situations()
A_MONTH = timedelta(days=28)


def _of_robin(situation: Situation) -> CaseStory | None:
    """The story of the case that the command is about, if it is one."""
    stories = [one for one in situation.before if isinstance(one, CaseStory)]
    return next((one for one in stories if one.case_id == a_case().case_id), None)


def _carried_out(name: str) -> tuple[Outcome, CaseStory] | None:
    """What the command does to a case that has one more open action; nothing if it is about no open case."""
    situation = ALL[name]
    story = _of_robin(situation)
    if story is None or story.case.stage in (Stage.NEW, Stage.DRAFT, Stage.CLOSED):
        return None
    busy = story.with_action("another", at=story.now)
    before = [busy if one is story else one for one in situation.before]
    command = catalogue.decision(name).command.model_validate(situation.fields)
    told = given(*before).when(command, as_=situation.by, at=situation.now)
    return (told, busy) if told.refusal is None else None


def _closes(name: str) -> bool:
    done = _carried_out(name)
    return done is not None and done[0].after.cases[done[1].case_id].stage is Stage.CLOSED


CLOSING = sorted(name for name in ALL if _closes(name))


@pytest.mark.parametrize("name", CLOSING)
def test_a_command_that_closes_a_case_leaves_nothing_of_it_open(name: str) -> None:
    done = _carried_out(name)
    assert done is not None
    told, story = done
    case = told.after.cases[story.case_id]
    assert case.open_actions == []
    assert case.worker_id is None
    assert any(isinstance(event, EpisodeEnded) for event in told.happened)


@pytest.mark.parametrize("name", CLOSING)
def test_whichever_command_closes_a_case_it_stands_on_no_agenda_any_more(name: str) -> None:
    done = _carried_out(name)
    assert done is not None
    told, story = done
    assert told.after.cases[story.case_id].agenda_kind is None


def test_a_case_that_closed_before_its_review_is_taken_off_the_agenda_and_can_be_reviewed_once_reopened() -> (
    None
):
    meeting, later = a_meeting("review").agenda_open(), a_meeting("later", starts_at=MEETS + A_MONTH)
    case = a_case().active().up_for_review(meeting)
    leave = WithdrawParticipation(case_id=case.case_id)
    closed = given(meeting, case).when(leave)
    closed.then(
        ParticipationWithdrawn,
        AgendaItemRemoved,
        AllocationEnded,
        CaseReleased,
        ActionCancelled,
        EpisodeEnded,
    )
    again = given(meeting, case, closed.happened).when(
        ReopenCase(case_id=case.case_id, explanation="Rang the next day", person_agrees=True), at=case.now
    )
    listed = given(meeting, case, closed.happened, again.accepted().happened, later.agenda_open()).when(
        ScheduleReviewItem(case_id=case.case_id, meeting_id=later.meeting_id)
    )
    listed.then(ReviewItemScheduled, AgendaItemAdded)


def test_an_item_that_the_forum_has_dealt_with_stays_on_its_record_when_the_case_closes() -> None:
    meeting = a_meeting("advice").in_session()
    case = a_case().up_for_advice(meeting)
    advised = given(meeting, case).when(RecordEngagementAdvice(case_id=case.case_id, advice="Ask her sister"))
    withdraw = WithdrawReferral(case_id=case.case_id, explanation="Sent in error")
    given(meeting, case, advised.happened).when(withdraw, as_=REFERRER).then(ReferralWithdrawn, EpisodeEnded)


def test_the_closings_of_every_part_of_the_pathway_are_among_them() -> None:
    assert {
        "mark-ineligible",
        "withdraw-referral",
        "refuse-to-take-part",
        "decline-support",
        "close-disengaged",
        "confirm-sustained",
        "record-death",
        "merge-cases",
    } <= set(CLOSING)
