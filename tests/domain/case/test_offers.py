"""The waiting list at work: who is first, offers, missed checks, urgent waits, and leaving for good."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import matching
from domain.case import offers as of
from domain.case import waiting_list as wl
from domain.case.bands import Band
from domain.case.closure import CaseClosed
from domain.case.escalation import EscalationRaised, EscalationResolved
from domain.case.leaving import RecordDeath
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from domain.keyworker import events as k
from domain.messages import Event
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    ALLOCATED,
    MANAGER,
    SYSTEM,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
)

SAM = a_worker("sam")
FORTY_DAYS_LATER = ALLOCATED + timedelta(days=40)


def waiting(name: str = "robin", band: Band = "P3", since: datetime = ALLOCATED) -> CaseStory:
    return a_case(name).waiting(band=band, at=since)


def offer(case: CaseStory, **more: object) -> of.OfferWorker:
    return of.OfferWorker.model_validate({"case_id": case.case_id, "worker_id": SAM.worker_id, **more})


def offered(*stories: CaseStory, **more: object) -> list[Event]:
    """The first of the stories was offered Sam."""
    before = [event for story in stories for event in story] + list(SAM)
    return [*before, *given(*before).when(offer(stories[0], **more), at=FORTY_DAYS_LATER).accepted().happened]


# -- who is first ----------------------------------------------------------------------------------------------------


def test_the_first_band_is_offered_a_worker_before_a_third_that_has_waited_forty_days() -> None:
    long, urgent = waiting("long"), waiting("urgent", "P1", FORTY_DAYS_LATER)
    refused = given(long, urgent, SAM).when(offer(long), at=FORTY_DAYS_LATER)
    refused.refused(alc.NotFirstInLine, ahead=1, first=urgent.case_id)
    first = given(long, urgent, SAM).when(offer(urgent), as_=MANAGER, at=FORTY_DAYS_LATER)
    first.then(like(of.WorkerOffered, because="highest_band", band="P1", ahead=()))
    assert first.after.cases[urgent.case_id].stage is Stage.WAITING_LIST, "an offer allocates nobody"


@pytest.mark.parametrize("later", [timedelta(seconds=1), timedelta(days=30)])
def test_within_a_band_who_joined_earlier_is_first(later: timedelta) -> None:
    early, late = waiting("early"), waiting("late", since=ALLOCATED + later)
    given(early, late, SAM).when(offer(late), at=FORTY_DAYS_LATER).refused(alc.NotFirstInLine)
    first = given(early, late, SAM).when(offer(early), at=FORTY_DAYS_LATER)
    assert first.one(of.WorkerOffered).because == "longest_wait"


def test_the_order_is_set_aside_only_with_a_reason_which_names_who_was_passed_over() -> None:
    long, urgent = waiting("long"), waiting("urgent", "P1", FORTY_DAYS_LATER)
    reason = offer(long, override_reason="Sam knows the person from the shelter")
    outcome = given(long, urgent, SAM).when(reason, at=FORTY_DAYS_LATER)
    event = outcome.one(of.WorkerOffered)
    assert (event.because, event.ahead) == ("override", (urgent.case_id,))


def test_another_forum_has_a_line_of_its_own() -> None:
    here = waiting("here")
    there = waiting("there", "P1")
    elsewhere = [
        event.model_copy(update={"forum": "wythenshawe"}) if hasattr(event, "forum") else event
        for event in there
    ]
    alone = given(*here, *elsewhere, *SAM).when(offer(here), at=FORTY_DAYS_LATER)
    assert alone.one(of.WorkerOffered).because == "only_one"


def test_an_allocation_straight_from_the_list_keeps_the_same_order() -> None:
    long, urgent = waiting("long"), waiting("urgent", "P1", FORTY_DAYS_LATER)
    ids: dict[str, Any] = {"case_id": long.case_id, "worker_id": SAM.worker_id}
    straight = alc.AllocateKeyWorker(**ids)
    given(long, urgent, SAM).when(straight, at=FORTY_DAYS_LATER).refused(alc.NotFirstInLine)
    reasoned = alc.AllocateKeyWorker(**ids, override_reason="Sam knows the person")
    outcome = given(long, urgent, SAM).when(reasoned, at=FORTY_DAYS_LATER)
    assert outcome.one(al.KeyWorkerAllocated).overrides == ("not_first_in_line",)


# -- offers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [MANAGER, actor("person")], ids=["manager", "person"])
def test_an_accepted_offer_is_an_allocation_on_its_terms(by: object) -> None:
    case = waiting()
    story = offered(case, visits="paired", children=3)
    accepted = given(*story).when(of.AcceptOffer(case_id=case.case_id), as_=by, at=FORTY_DAYS_LATER)  # type: ignore[arg-type]
    accepted.then(
        like(al.WaitingListLeft, because="allocated"),
        like(al.KeyWorkerAllocated, worker_id=SAM.worker_id, visits="paired", points=6),
        k.CaseTaken(worker_id=SAM.worker_id, case_id=case.case_id, points=6),
    )
    assert accepted.after.case.stage is Stage.INTRODUCTION


def test_a_declined_offer_costs_no_place() -> None:
    case, other = waiting("early"), waiting("late", since=FORTY_DAYS_LATER)
    story = offered(case, other)
    declined = given(*story).when(of.DeclineOffer(case_id=case.case_id), as_=actor("person"))
    declined.then(like(of.OfferDeclined, worker_id=SAM.worker_id))
    again = given(*story, *declined.happened).when(offer(case), at=FORTY_DAYS_LATER)
    assert again.one(of.WorkerOffered).joined_at == case.case.joined_at


def test_one_offer_at_a_time_and_nothing_to_answer_without_one() -> None:
    case = waiting()
    given(*offered(case)).when(offer(case), at=FORTY_DAYS_LATER).refused(of.OfferOpen)
    for answer in (of.AcceptOffer(case_id=case.case_id), of.DeclineOffer(case_id=case.case_id)):
        given(case).when(answer).refused(of.NoOffer)
        given(a_case().accepted()).when(answer).refused(WrongStage)


def test_a_worker_who_is_full_by_the_time_of_the_yes_gets_no_more() -> None:
    case = waiting()
    full = [one for one in SAM.carrying(15) if isinstance(one, k.CaseTaken)]
    accepted = given(*offered(case), *full).when(of.AcceptOffer(case_id=case.case_id), at=FORTY_DAYS_LATER)
    accepted.refused(matching.WorkerAtHardLimit)


def test_a_place_is_kept_when_the_worker_gives_the_case_back_before_the_person_began_with_them() -> None:
    case = waiting()
    story = offered(case)
    story += given(*story).when(of.AcceptOffer(case_id=case.case_id), at=FORTY_DAYS_LATER).happened
    query = al.QueryAllocation(case_id=case.case_id, ground="capacity")
    story += given(*story).when(query, as_=SAM.actor, at=FORTY_DAYS_LATER).accepted().happened
    full = [one for one in SAM.carrying(15) if isinstance(one, k.CaseTaken)]
    rejoined = given(*story, *full).when(wl.JoinWaitingList(case_id=case.case_id), at=FORTY_DAYS_LATER)
    assert rejoined.one(al.WaitingListJoined).joined_at == case.case.joined_at


# -- bands and urgent waits ------------------------------------------------------------------------------------------


def test_a_first_band_case_that_cannot_be_placed_is_escalated_the_same_day_and_once() -> None:
    case, full = a_case().accepted().with_concern(), SAM.carrying(15)
    joined = given(case, full).when(wl.JoinWaitingList(case_id=case.case_id), as_=SYSTEM, at=ALLOCATED)
    joined.then(
        like(al.WaitingListJoined, band="P1", joined_at=ALLOCATED, escalate_at=london(2027, 1, 25, 17)),
        like(EscalationRaised, subject="capacity"),
    )
    mark = wl.MarkPriorityWaitExceeded(case_id=case.case_id)
    story = [*case, *full, *joined.happened]
    given(*story).when(mark, at=london(2027, 1, 25, 16, 59)).refused(NotYetDue)
    exceeded = given(*story).when(mark, at=london(2027, 1, 25, 17))
    exceeded.then(wl.PriorityWaitExceeded)
    given(*story, *exceeded.happened).when(mark, at=london(2027, 1, 26)).refused(AlreadyRecorded)


def test_a_first_band_wait_of_more_than_a_working_day_is_escalated_if_it_is_not_yet() -> None:
    case = waiting(band="P1")
    [joined] = [one for one in case if isinstance(one, al.WaitingListJoined)]
    mark = wl.MarkPriorityWaitExceeded(case_id=case.case_id)
    given(case).when(mark, at=joined.escalate_at).then(
        wl.PriorityWaitExceeded, like(EscalationRaised, subject="capacity")
    )


def test_a_new_risk_moves_a_case_to_another_band_and_it_keeps_its_time() -> None:
    case = waiting()
    change = wl.ChangeBand(case_id=case.case_id, to_band="P1", explanation="Threatened at home")
    changed = given(case).when(change, as_=MANAGER, at=FORTY_DAYS_LATER)
    changed.then(
        like(wl.WaitingListReprioritised, from_band="P3", to_band="P1"),
        like(EscalationRaised, subject="capacity", raised_by=None),
    )
    after = changed.after.case
    assert (after.band, after.joined_at) == ("P1", case.case.joined_at)
    assert "priority_wait" in after.due
    back = wl.ChangeBand(case_id=case.case_id, to_band="P2", explanation="Safe at her sister's")
    calmer = given(*case, *changed.happened).when(back, at=FORTY_DAYS_LATER)
    assert "priority_wait" not in calmer.after.case.due
    assert calmer.one(EscalationResolved).outcome == "can_wait"


def test_a_band_changes_for_a_reason_and_to_another() -> None:
    case = waiting()
    given(case).when(wl.ChangeBand(case_id=case.case_id, to_band="P2")).refused(wl.WaitingReasonRequired)
    same = wl.ChangeBand(case_id=case.case_id, to_band="P3", explanation="Still waits")
    given(case).when(same).refused(AlreadyRecorded)


# -- checks ----------------------------------------------------------------------------------------------------------


def test_a_check_that_nobody_makes_is_missed_and_one_that_is_made_is_not() -> None:
    case = waiting()
    due_at = case.case.due["waiting_check"]
    asked = given(case).when(wl.RaiseWaitingCheck(case_id=case.case_id), at=due_at)
    answer_due_at = asked.one(al.WaitingCheckDue).answer_due_at
    assert answer_due_at == london(2027, 2, 26, 17)
    mark = wl.MarkWaitingCheckMissed(case_id=case.case_id)
    story = [*case, *asked.happened]
    given(*story).when(mark, at=answer_due_at - timedelta(seconds=1)).refused(NotYetDue)
    missed = given(*story).when(mark, as_=SYSTEM, at=answer_due_at)
    missed.then(wl.WaitingCheckMissed)
    given(*story, *missed.happened).when(mark, at=answer_due_at).refused(AlreadyRecorded)
    check = wl.RecordWaitingCheck(case_id=case.case_id, risk_changed=False)
    checked = given(*story).when(check, at=due_at)
    given(*story, *checked.happened).when(mark, at=answer_due_at).refused(WrongStage)


# -- leaving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("because", ["withdrawn", "moved", "need_met"])
def test_a_case_leaves_the_list_for_good_and_closes(because: str) -> None:
    case = waiting()
    remove = wl.RemoveFromWaitingList.model_validate({"case_id": case.case_id, "because": because})
    left = given(case).when(remove, as_=MANAGER)
    assert left.one(al.WaitingListLeft).because == because
    assert left.one(CaseClosed).because == because
    left.one(EpisodeEnded)
    after = left.after.case
    assert after.stage is Stage.CLOSED
    assert not {"waiting_check", "waiting_check_answer", "priority_wait"} & set(after.due)


@pytest.mark.parametrize(("because", "command"), [("died", "record-death"), ("merged", "merge-cases")])
def test_a_death_and_a_merge_are_not_taken_on_hearsay_on_the_waiting_list_either(
    because: str, command: str
) -> None:
    """Source: machine A, RecordDeath "verified source", MergeCases "at least two strong identifiers" (domain reference 2.4)."""
    case = waiting()
    remove = wl.RemoveFromWaitingList.model_validate({"case_id": case.case_id, "because": because})
    given(case).when(remove, as_=MANAGER).refused(wl.RecordedOtherwise, command=command)


def test_who_died_leaves_the_list_as_soon_as_somebody_who_knows_has_confirmed_it() -> None:
    case = waiting()
    confirmed = RecordDeath(case_id=case.case_id, confirmed_by="gp", evidence_ref="letter-1")
    left = given(case).when(confirmed, as_=MANAGER)
    assert left.one(al.WaitingListLeft).because == "died"
    assert left.after.case.stage is Stage.CLOSED
