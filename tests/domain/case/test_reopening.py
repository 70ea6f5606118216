"""Cases that were closed too soon, and cases that were one person's, or were not after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.case.allocation import AllocationEnded
from domain.case.closure import CaseClosed
from domain.case.forum_review import InformationReturned
from domain.case.leaving import PersonDied
from domain.case.reopening import (
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
from domain.errors import WrongStage
from domain.keyworker.events import CaseReleased, CaseTaken
from domain.person.identity import EpisodeEnded, EpisodeOpened, OpenCaseExists
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    MANAGER,
    PROGRAMME,
    CaseStory,
    States,
    a_case,
    a_meeting,
    a_worker,
    given,
    like,
    some_id,
)

CASE = a_case().case_id
SAM = a_worker("sam")
REOPEN = ReopenCase(case_id=CASE, explanation="Came back within the week")
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


def test_nobody_is_brought_back_from_a_death_and_a_merge_is_reversed_instead() -> None:
    dead = a_case().in_triage()
    dead = dead.then_also(PersonDied(**dead.ids, confirmed_by="gp", evidence_ref="letter-1"))
    merged = a_case().in_triage().merged_into(a_case("alex"))
    for story in (dead, merged):
        given(story).when(REOPEN, as_=MANAGER).refused(NotToBeReopened)


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
