"""Cases that were closed too soon, and cases that were one person's, or were not after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from domain.case.action_changes import ActionReassigned, CancelAction, actions_again
from domain.case.allocation import AllocationEnded, WaitingListLeft
from domain.case.away import KeyWorkerUnavailable
from domain.case.closure import CaseClosed
from domain.case.consent_changes import WithdrawConsent
from domain.case.forum_review import InformationReturned
from domain.case.leaving import PersonDied, WithdrawParticipation
from domain.case.line import in_line
from domain.case.referral import ReferralDraftDiscarded, ReferralDrafted
from domain.case.referral_form import ReferralForm
from domain.case.reopening import (
    AgreementRequired,
    CannotMergeWith,
    CaseReopened,
    CasesMerged,
    IdentifiersRequired,
    MergeCases,
    MergeReversed,
    NotMerged,
    NotToBeReopened,
    ReopenCase,
    ReopenWindowOver,
    ReverseMerge,
    SecondPersonRequired,
    shared_in_error,
)
from domain.case.sharing import Category, DisclosureBasis, Purpose
from domain.case.stages import Stage
from domain.case.triage import ReferralAttached, ReferralDeclined
from domain.case.waiting_list import RemoveFromWaitingList
from domain.errors import WrongStage
from domain.keyworker.events import CaseReleased, CaseTaken, KeyWorkerReturned
from domain.messages import Command
from domain.person.identity import EpisodeEnded, EpisodeOpened, OpenCaseExists
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    MANAGER,
    POLICE,
    PROGRAMME,
    SHELTER,
    CaseStory,
    States,
    a_case,
    a_meeting,
    a_worker,
    given,
    like,
    london,
    some_id,
)

CASE = a_case().case_id
SAM = a_worker("sam")
REOPEN = ReopenCase(case_id=CASE, explanation="Came back within the week")
AGREES = REOPEN.model_copy(update={"person_agrees": True})
REVERSE = ReverseMerge(case_id=CASE, explanation="Two people of one name")


def declined(story: CaseStory) -> CaseStory:
    return story.then_also(
        ReferralDeclined(**story.ids, rule="eligibility", signpost="be-well"),
        EpisodeEnded(person_id=story.person_id, case_id=story.case_id, programme=PROGRAMME),
    )


def test_a_case_that_was_closed_too_soon_goes_on_where_it_stood_with_the_time_that_was_left() -> None:
    story = declined(a_case().in_triage())
    due = a_case().in_triage().case.due["triage"]
    reopened = given(story).when(REOPEN, as_=MANAGER)
    reopened.then(like(CaseReopened, to_stage=Stage.TRIAGE), EpisodeOpened)
    case = reopened.after.case
    assert (case.stage, case.closed_because, case.due["triage"]) == (Stage.TRIAGE, None, due)


def test_what_ran_out_meanwhile_is_due_on_the_next_working_day() -> None:
    story = declined(a_case().in_triage())
    late = story.now + timedelta(days=10)
    reopened = given(story).when(REOPEN, as_=MANAGER, at=late).one(CaseReopened)
    assert all(due_at > late for due_at in reopened.clocks.values())


@pytest.mark.parametrize(("days", "allowed"), [(27, True), (28, True), (29, False)])
def test_a_case_is_reopened_for_28_days(days: int, allowed: bool) -> None:
    story = declined(a_case().in_triage())
    outcome = given(story).when(REOPEN, as_=MANAGER, at=story.now + timedelta(days=days))
    if allowed:
        outcome.one(CaseReopened)
    else:
        outcome.refused(ReopenWindowOver)


def test_the_key_worker_takes_the_case_again() -> None:
    story = a_case().active(SAM)
    story = story.then_also(
        CaseClosed(**story.ids, because="need_met"),
        AllocationEnded(**story.ids, worker_id=SAM.worker_id, because="case_closed"),
        CaseReleased(worker_id=SAM.worker_id, case_id=CASE),
        EpisodeEnded(person_id=story.person_id, case_id=CASE, programme=PROGRAMME),
    )
    reopened = given(SAM, story).when(REOPEN, as_=MANAGER)
    assert reopened.one(CaseReopened).worker_id == SAM.worker_id == reopened.one(CaseTaken).worker_id
    case = reopened.after.cases[CASE]
    assert (case.stage, case.worker_id) == (Stage.ACTIVE, SAM.worker_id)


def test_a_worker_who_is_away_when_the_case_goes_on_is_missed_there_again() -> None:
    away = a_case().active(SAM).worker_away(first_day=date(2027, 2, 2))
    closed = given(away).when(WithdrawParticipation(case_id=CASE))
    told = given(away, closed.accepted().happened).when(AGREES, at=away.now)
    told.then(
        CaseReopened,
        CaseTaken,
        like(KeyWorkerUnavailable, worker_id=SAM.worker_id, because="absent"),
        ActionReassigned,
        EpisodeOpened,
    )
    assert told.after.case.away is not None
    assert "orphaned" in told.after.case.due


def test_the_end_of_a_cover_that_ended_with_the_case_is_not_waited_for_when_it_goes_on() -> None:
    kim = a_worker("kim")
    covered = a_case().active(SAM).worker_away().covered_by(kim)
    closed = given(kim, covered).when(WithdrawParticipation(case_id=CASE))
    back = KeyWorkerReturned(worker_id=SAM.worker_id)
    told = given(kim, covered, closed.accepted().happened, back).when(AGREES, at=covered.now)
    stands = told.accepted().after.case
    assert (stands.cover, stands.away) == (None, None)
    assert {"cover_ends", "orphaned"}.isdisjoint(stands.due)


def test_a_consent_is_reviewed_and_ends_wherever_the_case_goes_on() -> None:
    listed = a_case().with_grant(POLICE).ready_for_forum().on_agenda()
    clocks = {clock for clock in listed.case.due if clock.startswith("consent_")}
    closed = given(listed).when(WithdrawParticipation(case_id=CASE))
    told = given(listed, closed.accepted().happened).when(AGREES, at=listed.now).accepted().after.case
    assert told.stage is Stage.READY_FOR_FORUM
    assert set(told.due) == {"listing", *clocks}


def test_nobody_is_brought_back_from_a_death_and_a_merge_is_reversed_instead() -> None:
    dead = a_case().in_triage()
    dead = dead.then_also(PersonDied(**dead.ids, confirmed_by="gp", evidence_ref="letter-1"))
    merged = a_case().in_triage().merged_into(a_case("alex"))
    for story in (dead, merged):
        given(story).when(REOPEN, as_=MANAGER).refused(NotToBeReopened)


def test_a_draft_that_was_discarded_stays_so_and_one_that_was_not_is_open_anyway() -> None:
    draft = ReferralDrafted(**a_case().ids, programme=PROGRAMME, referring_agency=POLICE, form=ReferralForm())
    given(draft).when(REOPEN, as_=MANAGER).refused(WrongStage)
    discarded = ReferralDraftDiscarded(**a_case().ids)
    given(draft, discarded).when(REOPEN, as_=MANAGER).refused(NotToBeReopened, because="draft_discarded")


def test_a_case_is_not_reopened_beside_another_of_the_person() -> None:
    story = declined(a_case().in_triage())
    other = EpisodeOpened(person_id=story.person_id, case_id=a_case("alex").case_id, programme=PROGRAMME)
    given(story, other).when(REOPEN, as_=MANAGER).refused(OpenCaseExists)


def merge(**change: object) -> MergeCases:
    fields = {
        "case_id": CASE,
        "survivor": a_case("alex").case_id,
        "identifiers": ("nhs_number", "name_and_date_of_birth"),
        "confirmed_by": "manager-1",
    }
    return MergeCases.model_validate(fields | change)


def test_two_cases_of_one_person_become_one_on_two_strong_identifiers_and_a_second_persons_word() -> None:
    both = given(a_case("alex").in_triage(), a_case().active(SAM), SAM)
    merged = both.when(merge(), as_=COORDINATOR)
    assert merged.one(CasesMerged).survivor == a_case("alex").case_id
    assert merged.one(ReferralAttached).case_id == a_case("alex").case_id
    case = merged.after.cases[CASE]
    assert (case.stage, case.closed_because, case.merged_into) == (
        Stage.CLOSED,
        "merged",
        a_case("alex").case_id,
    )


def test_one_identifier_said_twice_is_one() -> None:
    both = given(a_case("alex").in_triage(), a_case().in_triage())
    both.when(merge(identifiers=("nhs_number", "nhs_number")), as_=COORDINATOR).refused(IdentifiersRequired)


def test_nobody_confirms_their_own_merge() -> None:
    both = given(a_case("alex").in_triage(), a_case().in_triage())
    both.when(merge(confirmed_by=COORDINATOR.person), as_=COORDINATOR).refused(SecondPersonRequired)


def test_a_case_is_merged_with_another_open_one_only() -> None:
    given(a_case("alex").closed(), a_case().in_triage()).when(merge(), as_=COORDINATOR).refused(
        CannotMergeWith
    )
    given(a_case().in_triage()).when(merge(survivor=CASE), as_=COORDINATOR).refused(CannotMergeWith)


def test_a_merge_that_was_an_error_is_reversed() -> None:
    alex = a_case("alex").in_triage()
    reversed_ = given(a_case().in_triage().merged_into(alex), alex).when(REVERSE, as_=MANAGER)
    reversed_.then(like(MergeReversed, survivor=alex.case_id, to_stage=Stage.TRIAGE), EpisodeOpened)
    assert reversed_.after.cases[CASE].stage is Stage.TRIAGE
    given(declined(a_case().in_triage())).when(REVERSE, as_=MANAGER).refused(NotMerged)


def test_what_the_other_case_shared_since_the_merge_is_listed_for_review() -> None:
    merged = a_case().in_triage().merged_into(a_case("alex"))
    history = States(tuple(merged.facts)).history(CASE)
    basis = DisclosureBasis(kind="grant", category=Category.HOUSING, evaluated_at=merged.now)
    told = InformationReturned(
        case_id=a_case("alex").case_id,
        person_id=a_case("alex").person_id,
        meeting_id=a_meeting().meeting_id,
        agency=HOUSING,
        nothing_to_share=False,
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(Category.HOUSING,),
        grant_ids=(),
        bases=(basis,),
    )
    before, after = (replace(history[0], event=told, position=history[-1].position + by) for by in (-1, 1))
    since = replace(after, envelope=after.envelope.model_copy(update={"event_id": some_id("since")}))
    assert shared_in_error(history, [before, since]) == (some_id("since"),)


def test_an_open_case_is_not_reopened() -> None:
    given(a_case().in_triage()).when(REOPEN, as_=MANAGER).refused(WrongStage)


LEAVES = WithdrawParticipation(case_id=CASE, by_channel="telephone")
TWO = ("nhs_number", "photograph")


def test_a_case_that_goes_on_has_its_plan_again_and_each_owner_hears_of_it() -> None:
    """Source: machine A, Reopen, "previous open state" (domain reference 2.4)."""
    story = a_case().active(SAM)
    gone = given(SAM, story).when(LEAVES, as_=MANAGER)
    assert gone.after.case.open_actions == []
    reopened = given(*gone.before, *gone.happened).when(AGREES, as_=MANAGER)
    back = reopened.one(ActionReassigned)
    assert (back.action_id, back.because) == (story.action_id(), "case_goes_on")
    assert [one.action_id for one in reopened.after.case.open_actions] == [story.action_id()]


def test_who_took_their_agreement_back_gives_it_again_before_their_case_goes_on() -> None:
    gone = given(SAM, a_case().active(SAM)).when(LEAVES, as_=MANAGER)
    assert not gone.after.case.participation_agreed
    given(*gone.before, *gone.happened).when(REOPEN, as_=MANAGER).refused(AgreementRequired)
    reopened = given(*gone.before, *gone.happened).when(AGREES, as_=MANAGER)
    assert reopened.one(CaseReopened).person_agrees
    assert reopened.after.case.participation_agreed


def test_who_was_not_asked_yet_is_asked_when_their_case_goes_on() -> None:
    gone = given(a_case().in_triage()).when(LEAVES, as_=MANAGER)
    reopened = given(*gone.before, *gone.happened).when(REOPEN, as_=MANAGER)
    assert not reopened.one(CaseReopened).person_agrees
    assert reopened.after.case.stage is Stage.TRIAGE


def test_an_action_that_fell_due_while_the_case_was_closed_has_a_new_date() -> None:
    story = a_case().active(SAM)
    gone = given(SAM, story).when(LEAVES, as_=MANAGER).after.case
    was_due = gone.actions[story.action_id()].due_at
    for earliest, due_at in [
        (was_due + timedelta(days=1), was_due + timedelta(days=1)),
        (was_due - timedelta(days=1), was_due),
    ]:
        assert [again.due_at for again in actions_again(gone, None, earliest)] == [due_at]


def test_an_agency_that_was_taken_out_while_the_case_was_closed_gets_nothing_back() -> None:
    """Source: what is of an agency whose consent is withdrawn goes to somebody else, or ends (domain reference 2.7)."""
    story = (
        a_case()
        .active(SAM)
        .with_grant(POLICE, Category.IDENTITY, recipient=HOUSING)
        .with_action("rent", agency=HOUSING)
    )
    gone = given(SAM, story).when(LEAVES, as_=MANAGER)
    housing = story.grant_id(POLICE, HOUSING)
    without = given(*gone.before, *gone.happened).when(
        WithdrawConsent(case_id=CASE, grant_id=housing, by_channel="telephone"), as_=COORDINATOR
    )
    reopened = given(*without.before, *without.happened).when(AGREES, as_=MANAGER)
    again = {one.action_id: one.agency for one in reopened.happened if isinstance(one, ActionReassigned)}
    assert again == {story.action_id(): POLICE, story.action_id("rent"): SHELTER}
    nobody = actions_again(without.after.case, None, london(2027, 3, 1, 9))
    assert [one.action_id for one in nobody] == [story.action_id()]


def test_what_was_cancelled_before_the_case_was_closed_stays_cancelled() -> None:
    story = a_case().active(SAM)
    cancels = CancelAction(case_id=CASE, action_id=story.action_id(), explanation="No longer wanted")
    cancelled = given(SAM, story).when(cancels, as_=MANAGER)
    gone = given(*cancelled.before, *cancelled.happened).when(LEAVES, as_=MANAGER)
    reopened = given(*gone.before, *gone.happened).when(AGREES, as_=MANAGER)
    assert not [one for one in reopened.happened if isinstance(one, ActionReassigned)]


def test_a_case_that_is_back_on_the_waiting_list_has_its_band_its_place_and_a_check() -> None:
    """Left without a clock it would wait for ever, and nobody would be asked to look."""
    story = a_case().waiting(band="P2")
    before = in_line(story.case)
    gone = given(story).when(
        RemoveFromWaitingList(case_id=CASE, because="withdrawn"),
        as_=MANAGER,
        at=story.now + timedelta(days=1),
    )
    reopened = given(*gone.before, *gone.happened).when(AGREES, as_=MANAGER, at=story.now + timedelta(days=2))
    case = reopened.after.case
    assert (case.stage, in_line(case)) == (Stage.WAITING_LIST, before)
    assert set(reopened.one(CaseReopened).clocks) == {"waiting_check", "forum_review"}


def test_a_case_of_the_first_band_that_is_back_on_the_list_may_not_wait_long_either() -> None:
    story = a_case().waiting(band="P1")
    gone = given(story).when(RemoveFromWaitingList(case_id=CASE, because="withdrawn"), as_=MANAGER)
    reopened = given(*gone.before, *gone.happened).when(AGREES, as_=MANAGER)
    assert set(reopened.one(CaseReopened).clocks) == {"waiting_check", "priority_wait", "forum_review"}


def test_a_case_that_was_stepping_down_weighs_again_as_one_that_steps_down() -> None:
    """Source: workload formula, step-down phase (domain reference 5.2)."""
    other = a_case("alex").in_triage()
    story = a_case().stepping_down()
    weight = States((*SAM, *story)).worker.cases[CASE]
    merges = MergeCases(case_id=CASE, survivor=other.case_id, identifiers=TWO, confirmed_by="coordinator-9")
    merged = given(SAM, story, other).when(merges, as_=COORDINATOR)
    reversed_ = given(*merged.before, *merged.happened).when(REVERSE, as_=MANAGER)
    assert reversed_.one(CaseTaken).points == weight


@pytest.mark.parametrize(
    ("command", "because"),
    [(LEAVES, "withdrawn"), (RemoveFromWaitingList(case_id=CASE, because="need_met"), "need_met")],
)
def test_a_case_that_is_closed_while_it_waits_leaves_the_list(command: Command, because: str) -> None:
    """Source: machine G, Leave (domain reference 2.10)."""
    closed = given(a_case().waiting()).when(command, as_=MANAGER)
    assert closed.one(WaitingListLeft).because == because
