"""Participation: the person agrees to take part or not, and the engine keeps asking until somebody knows."""

from typing import Literal

import pytest

from domain.case import participation as p
from domain.case.sharing import CapacityView
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from domain.person.identity import EpisodeEnded
from tests.support.scenario import A_SECOND, COORDINATOR, SYSTEM, a_case, given, like, london


def test_a_case_goes_to_the_forum_once_the_person_agreed() -> None:
    case = a_case().awaiting_consent()
    reach = p.ReachConsentPosition(case_id=case.case_id)
    given(case).when(reach).refused(p.ParticipationNotAgreed)
    agreed = given(case).when(
        p.AgreeToTakePart(case_id=case.case_id, method="verbal", evidence_ref="note-17")
    )
    position = given(*case.facts, *agreed.happened).when(reach, at=london(2027, 1, 8, 10))
    position.then(like(p.ConsentPositionRecorded, position="agreed", listing_due_at=london(2027, 1, 15, 17)))
    assert position.after.case.stage is Stage.READY_FOR_FORUM
    assert "consent" not in position.after.case.due


@pytest.mark.parametrize("substitute", ["best_interests", "shared_without_consent"])
def test_a_lawful_substitute_needs_a_rationale_and_somebody_elses_authority(
    substitute: Literal["best_interests", "shared_without_consent"],
) -> None:
    case = a_case().awaiting_consent()
    bare = p.ReachConsentPosition(case_id=case.case_id, position=substitute)
    given(case).when(bare).refused(p.ParticipationNotAgreed)
    own = bare.model_copy(update={"rationale": "Overdose risk", "authoriser": COORDINATOR.person})
    given(case).when(own, as_=COORDINATOR).refused(p.AuthoriserIsRequester)
    other = bare.model_copy(update={"rationale": "Overdose risk", "authoriser": "manager-9"})
    given(case).when(other, as_=COORDINATOR).then(like(p.ConsentPositionRecorded, position=substitute))


@pytest.mark.parametrize("view", [CapacityView.LACKS, CapacityView.FLUCTUATES, CapacityView.NOT_ASSESSED])
def test_a_refusal_counts_only_from_somebody_seen_to_have_capacity(view: CapacityView) -> None:
    case = a_case().awaiting_consent()
    given(case).when(p.RefuseToTakePart(case_id=case.case_id, capacity_view=view)).refused(
        p.CapacityNotRecorded
    )


def test_a_person_who_refuses_leaves_the_pathway_and_may_be_referred_again() -> None:
    case = a_case().awaiting_consent()
    refused = given(case).when(p.RefuseToTakePart(case_id=case.case_id, capacity_view=CapacityView.HAS))
    refused.then(p.ParticipationRefused, EpisodeEnded)
    assert refused.after.case.closed_because == "consent_refused"


def test_agreement_is_recorded_once() -> None:
    case = a_case().ready_for_forum()
    given(case).when(
        p.AgreeToTakePart(case_id=case.case_id, method="verbal", evidence_ref="note-17")
    ).refused(WrongStage)


def test_reminders_come_at_their_clock_and_start_the_next_one() -> None:
    case = a_case().awaiting_consent()
    due = case.case.due["consent_attempt"]
    remind = p.RaiseConsentReminder(case_id=case.case_id)
    given(case).when(remind, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    first = given(case).when(remind, as_=SYSTEM, at=due).one(p.ConsentReminderRaised)
    assert first.number == 1
    assert first.next_due_at > due
    second = (
        given(*case.facts, first).when(remind, as_=SYSTEM, at=first.next_due_at).one(p.ConsentReminderRaised)
    )
    assert second.number == 2


def test_after_twenty_working_days_consent_is_overdue_once_and_the_case_stays() -> None:
    case = a_case().awaiting_consent(at=london(2027, 1, 5, 11))
    due = london(2027, 2, 2, 17)
    overdue = p.MarkConsentOverdue(case_id=case.case_id)
    given(case).when(overdue, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    marked = given(case).when(overdue, as_=SYSTEM, at=due).then(like(p.ConsentOverdue, due_at=due))
    assert marked.after.case.stage is Stage.AWAITING_CONSENT
    given(*case.facts, *marked.happened).when(overdue, as_=SYSTEM, at=due).refused(AlreadyRecorded)


def test_an_attempt_to_reach_the_person_is_on_record_whether_it_succeeded_or_not() -> None:
    case = a_case().awaiting_consent()
    given(case).when(
        p.RecordConsentAttempt(case_id=case.case_id, reached=False, by_channel="telephone")
    ).then(like(p.ConsentAttempted, reached=False))
