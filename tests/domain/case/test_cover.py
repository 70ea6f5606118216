"""Cover: a worker is away or leaves, somebody named answers for each case, and a case without anybody is noticed."""

from datetime import date, datetime

import pytest

from domain.case import away as aw
from domain.case import cover as co
from domain.case import matching
from domain.case import support as su
from domain.case import wishes as wi
from domain.case.allocation import NotTheKeyWorker
from domain.case.escalation import EscalationRaised, EscalationResolved
from domain.case.leaving import WithdrawParticipation
from domain.case.reopening import CaseReopened, ReopenCase
from domain.case.stages import Stage
from domain.case.step_up import StepBackUp, SteppedBackUp
from domain.case.viewers import ViewerBarred
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from domain.keyworker import events as k
from domain.keyworker import worker as wo
from domain.messages import Event
from tests.domain.case.test_safeguarding import raise_concern
from tests.support.scenario import (
    A_SECOND,
    MANAGER,
    SYSTEM,
    CaseStory,
    Outcome,
    States,
    WorkerStory,
    a_case,
    a_worker,
    given,
    like,
    london,
)

SAM, ALEX = a_worker("sam"), a_worker("alex")
MONDAY = london(2027, 3, 1, 9)


def active() -> CaseStory:
    return a_case().active(SAM)


def absence(first: date, last: date | None) -> wo.RecordAbsence:
    return wo.RecordAbsence(worker_id=SAM.worker_id, first_day=first, last_day=last)


def cover(until: date, **more: object) -> co.StartCover:
    told = {"told_by": "manager-1", "told_on": "2027-03-01"}
    ids = {"case_id": active().case_id, "cover_worker_id": ALEX.worker_id}
    return co.StartCover.model_validate({**ids, "until": until, **told, **more})


def after(*before: Event | CaseStory | WorkerStory, command: object, at: datetime = MONDAY) -> list[Event]:
    story = [one for each in before for one in ([each] if isinstance(each, Event) else each)]
    return [*story, *given(*story).when(command, at=at).accepted().happened]  # type: ignore[arg-type]


# -- leaving ---------------------------------------------------------------------------------------------------------


def test_a_worker_who_leaves_on_friday_is_missed_on_monday_and_that_is_escalated_the_same_day() -> None:
    leaving = wo.RecordKeyWorkerLeaving(worker_id=SAM.worker_id, last_day=date(2027, 3, 5))
    told = given(active()).when(leaving, at=MONDAY)
    told.then(
        k.KeyWorkerLeft(worker_id=SAM.worker_id, last_day=date(2027, 3, 5)),
        like(
            aw.KeyWorkerUnavailable,
            because="leaving",
            orphaned_at=london(2027, 3, 8),
            handover_start_at=london(2027, 2, 5, 17),
        ),
    )
    gone = given(*active(), *told.happened)
    mark = aw.MarkAllocationOrphaned(case_id=active().case_id)
    gone.when(mark, at=london(2027, 3, 7, 23)).refused(NotYetDue)
    orphaned = gone.when(mark, at=london(2027, 3, 8))
    orphaned.then(
        like(aw.AllocationOrphaned, because="leaving"), like(EscalationRaised, subject="allocation")
    )
    assert orphaned.after.case.stage is Stage.ACTIVE
    again = given(*active(), *told.happened, *orphaned.happened)
    again.when(mark, at=london(2027, 3, 9)).refused(AlreadyRecorded)


def test_the_handover_of_a_leavers_cases_starts_twenty_working_days_before_the_last_day() -> None:
    leaving = wo.RecordKeyWorkerLeaving(worker_id=SAM.worker_id, last_day=date(2027, 4, 30))
    story = after(active(), command=leaving)
    start = aw.RaiseHandoverStart(case_id=active().case_id)
    given(*story).when(start, at=london(2027, 4, 2, 16, 59)).refused(NotYetDue)
    due = given(*story).when(start, at=london(2027, 4, 2, 17))
    due.then(like(aw.HandoverStartDue, last_day=date(2027, 4, 30)))
    assert "handover_start" not in due.after.case.due


def test_a_case_given_to_a_worker_whose_last_day_is_known_is_told_of_it() -> None:
    from tests.domain.case.test_allocation import allocate

    case, leaver = a_case().accepted(), a_worker().leaving(date(2027, 2, 26))
    allocated = given(case, leaver).when(allocate(case, leaver))
    assert allocated.one(aw.KeyWorkerUnavailable).because == "leaving"
    assert "orphaned" in allocated.after.case.due


# -- absence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urgent", "last", "orphaned_at"),
    [
        (False, date(2027, 3, 11), None),
        (False, date(2027, 3, 12), london(2027, 3, 1, 17)),
        (False, None, london(2027, 3, 12, 17)),
        (True, date(2027, 3, 2), None),
        (True, date(2027, 3, 3), london(2027, 3, 1, 17)),
        (True, None, london(2027, 3, 3, 17)),
    ],
    ids=["9 wd", "10 wd", "no end", "P1, 2 wd", "P1, 3 wd", "P1, no end"],
)
def test_an_absence_of_ten_working_days_or_three_in_the_first_band_needs_cover(
    urgent: bool, last: date | None, orphaned_at: datetime | None
) -> None:
    case = active().with_concern() if urgent else active()
    absent = given(case).when(absence(date(2027, 3, 1), last), at=MONDAY)
    assert absent.one(aw.KeyWorkerUnavailable).orphaned_at == orphaned_at
    assert absent.after.case.due.get("orphaned") == orphaned_at


def test_why_a_worker_is_away_stays_off_their_cases() -> None:
    sick = wo.RecordAbsence(
        worker_id=SAM.worker_id, first_day=date(2027, 3, 1), explanation="Operation on the knee"
    )
    absent = given(active()).when(sick, at=MONDAY)
    assert "knee" not in absent.one(aw.KeyWorkerUnavailable).model_dump_json()
    assert "explanation" not in absent.one(k.KeyWorkerAbsent).open_fields()


def test_an_absence_does_not_end_before_it_begins_and_is_recorded_once() -> None:
    backwards = absence(date(2027, 3, 5), date(2027, 3, 4))
    given(SAM).when(backwards).refused(wo.AbsenceEndsBeforeItBegins)
    story = after(SAM, command=absence(date(2027, 3, 1), None))
    given(*story).when(absence(date(2027, 3, 1), None)).refused(AlreadyRecorded)
    given(SAM).when(wo.EndAbsence(worker_id=SAM.worker_id)).refused(wo.NotAbsent)


def test_a_worker_who_comes_back_ends_the_cover_and_the_alarm() -> None:
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), None))
    covered = after(*away, command=cover(date(2027, 3, 31)))
    back = given(*covered).when(wo.EndAbsence(worker_id=SAM.worker_id), at=london(2027, 3, 15, 9))
    back.then(
        k.KeyWorkerReturned,
        like(co.CoverEnded, because="worker_returned", orphaned_at=None),
        aw.KeyWorkerAvailable,
    )
    case = back.after.case
    assert case.cover is None
    assert not {"orphaned", "cover_ends"} & set(case.due)


# -- cover -----------------------------------------------------------------------------------------------------------


def test_a_named_cover_stops_the_alarm_and_may_do_what_the_key_worker_may() -> None:
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), None))
    started = given(*away).when(cover(date(2027, 3, 31)), as_=MANAGER, at=MONDAY)
    started.then(like(co.CoverStarted, cover_worker_id=ALEX.worker_id, ends_at=london(2027, 3, 31, 17)))
    assert "orphaned" not in started.after.case.due
    assert started.after.workers[ALEX.worker_id].cases == {}, "a cover takes no case over"


@pytest.mark.parametrize(("until", "allowed"), [(date(2027, 3, 11), False), (date(2027, 3, 12), True)])
def test_cover_is_for_a_long_absence_or_an_immediate_risk(until: date, allowed: bool) -> None:
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), until))
    outcome = given(*away).when(cover(until), at=MONDAY)
    if allowed:
        outcome.one(co.CoverStarted)
    else:
        outcome.refused(co.CoverNotNeeded, working_days=10)
    given(*away).when(cover(until, ground="immediate_risk"), at=MONDAY).one(co.CoverStarted)


def test_the_person_is_told_who_comes_or_it_is_said_why_not() -> None:
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), None))
    untold = cover(date(2027, 3, 31), told_by=None, told_on=None)
    given(*away).when(untold, at=MONDAY).refused(co.PersonNotTold)
    unreachable = untold.model_copy(update={"not_told_because": "In custody, no visits"})
    given(*away).when(unreachable, at=MONDAY).one(co.CoverStarted)


def test_who_covers_is_somebody_else_whom_the_person_does_not_refuse() -> None:
    away = after(active().refusing(ALEX), ALEX, command=absence(date(2027, 3, 1), None))
    given(*away).when(cover(date(2027, 3, 31)), at=MONDAY).refused(matching.PersonRefusedWorker)
    self_cover = cover(date(2027, 3, 31), cover_worker_id=SAM.worker_id)
    given(*away).when(self_cover, at=MONDAY).refused(co.CoverIsTheWorker)
    past = cover(date(2027, 2, 26))
    given(*away).when(past, at=MONDAY).refused(co.CoverEndsInThePast)


def test_a_full_worker_may_cover_because_a_cover_is_no_case_of_theirs() -> None:
    away = after(active(), ALEX.carrying(15), command=absence(date(2027, 3, 1), None))
    given(*away).when(cover(date(2027, 3, 31)), at=MONDAY).one(co.CoverStarted)


@pytest.mark.parametrize(("back", "orphaned_at"), [(False, london(2027, 4, 1, 17)), (True, None)])
def test_a_cover_ends_on_its_last_day_and_the_alarm_runs_again_if_the_worker_is_still_away(
    back: bool, orphaned_at: datetime | None
) -> None:
    last = date(2027, 3, 31) if back else None
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), last))
    covered = after(*away, command=cover(date(2027, 3, 31)))
    mark = co.MarkCoverEnded(case_id=active().case_id)
    given(*covered).when(mark, at=london(2027, 3, 31, 16, 59)).refused(NotYetDue)
    over = given(*covered).when(mark, as_=SYSTEM, at=london(2027, 3, 31, 17))
    over.then(like(co.CoverEnded, because="over", orphaned_at=orphaned_at))
    given(*covered, *over.happened).when(mark, at=london(2027, 4, 1)).refused(WrongStage)


def test_a_manager_ends_a_cover_that_there_is() -> None:
    given(active()).when(co.EndCover(case_id=active().case_id)).refused(co.NoCover)
    away = after(active(), ALEX, command=absence(date(2027, 3, 1), None))
    covered = after(*away, command=cover(date(2027, 3, 31)))
    ended = given(*covered).when(co.EndCover(case_id=active().case_id), at=london(2027, 3, 15, 9))
    ended.then(like(co.CoverEnded, because="ended", orphaned_at=london(2027, 3, 16, 17)))


def test_who_covers_records_contact_as_the_key_worker_would_and_nobody_else_does() -> None:
    case = active().worker_away().covered_by(ALEX)
    review = su.ReviewPlan(case_id=case.case_id, summary="Rehab goes on")
    given(case, ALEX).when(review, as_=ALEX.actor, at=MONDAY).one(su.PlanReviewed)
    kim = a_worker("kim")
    given(case, ALEX, kim).when(review, as_=kim.actor, at=MONDAY).refused(NotTheKeyWorker)


# -- a conflict of interest where the pathway does not go back -------------------------------------------------------


def conflict(of: WorkerStory, story: CaseStory) -> wi.DeclareConflictOfInterest:
    return wi.DeclareConflictOfInterest(case_id=story.case_id, worker_id=of.worker_id, kind="relative")


@pytest.mark.parametrize("last", [None, date(2027, 3, 5)])
def test_an_absence_changes_nothing_about_a_conflict_of_interest_and_its_end_brings_nobody_back(
    last: date | None,
) -> None:
    story = a_case().active(SAM).suspended()
    excluded = after(story, ALEX, command=conflict(SAM, story))
    missed = given(*excluded).when(absence(date(2027, 3, 1), last), at=MONDAY)
    missed.then(k.KeyWorkerAbsent)
    away = [*excluded, *missed.happened]
    stands = missed.after.case
    assert stands.away is not None
    assert stands.away.because == "conflict_of_interest"
    assert stands.due["orphaned"] == london(2027, 3, 1, 17)
    covered = after(*away, command=cover(date(2027, 3, 31)))
    back = given(*covered).when(wo.EndAbsence(worker_id=SAM.worker_id), at=london(2027, 3, 4, 9))
    back.then(k.KeyWorkerReturned)
    assert back.after.case.cover is not None
    over = given(*covered, *back.happened).when(
        co.MarkCoverEnded(case_id=story.case_id), at=london(2027, 3, 31, 17)
    )
    over.then(like(co.CoverEnded, orphaned_at=london(2027, 4, 1, 17)))


def test_a_worker_with_a_conflict_of_interest_who_leaves_is_missed_from_the_day_of_the_conflict() -> None:
    story = a_case().active(SAM).suspended()
    excluded = after(story, ALEX, command=conflict(SAM, story))
    leaving = wo.RecordKeyWorkerLeaving(worker_id=SAM.worker_id, last_day=date(2027, 6, 30))
    given(*excluded).when(leaving, at=MONDAY).then(k.KeyWorkerLeft)


def test_who_covers_and_has_a_conflict_of_interest_covers_no_more() -> None:
    covered = active().worker_away().covered_by(ALEX)
    declared = given(covered, ALEX).when(conflict(ALEX, covered), at=MONDAY)
    declared.then(
        wi.ConflictOfInterestDeclared,
        ViewerBarred,
        like(co.CoverEnded, cover_worker_id=ALEX.worker_id, orphaned_at=london(2027, 3, 2, 17)),
    )


def test_a_worker_with_a_conflict_of_interest_does_not_get_the_case_again_when_it_is_reopened() -> None:
    story = a_case().active(SAM).suspended()
    excluded = given(story).when(conflict(SAM, story)).accepted().happened
    closed = given(story, excluded).when(WithdrawParticipation(case_id=story.case_id)).accepted().happened
    reopen = ReopenCase(case_id=story.case_id, explanation="Came back", person_agrees=True)
    reopened = given(story, excluded, closed).when(reopen, at=story.now)
    assert reopened.one(CaseReopened).worker_id is None
    assert reopened.after.case.stage is Stage.AWAITING_ALLOCATION


def test_support_that_steps_back_up_waits_for_another_worker_than_one_with_a_conflict_of_interest() -> None:
    story = a_case().active(SAM).handed_over()
    excluded = after(story, command=conflict(SAM, story))
    back = given(*excluded).when(StepBackUp(case_id=story.case_id, deterioration="Overdose"), at=MONDAY)
    assert back.one(SteppedBackUp).to_stage is Stage.AWAITING_ALLOCATION
    assert back.after.case.worker_id is None


# -- a case that becomes urgent meanwhile -----------------------------------------------------------------------------


def with_a_concern(*story: Event | CaseStory | WorkerStory, at: datetime = MONDAY) -> Outcome:
    return given(*story).when(raise_concern(active()), at=at)


def test_a_case_with_a_concern_is_missed_sooner_while_its_worker_is_absent() -> None:
    """Source: cover triggers, absence of 3 working days for P1 or of 10 otherwise (domain reference 5.4)."""
    away = after(active(), command=absence(date(2027, 3, 1), date(2027, 3, 8)))
    assert "orphaned" not in States(away).case.due
    raised = with_a_concern(*away)
    assert raised.one(aw.KeyWorkerUnavailable).orphaned_at == london(2027, 3, 1, 17)
    assert raised.after.case.due["orphaned"] == london(2027, 3, 1, 17)
    assert raised.after.case.due["absence_ends"] == london(2027, 3, 8, 17)


def test_a_short_absence_a_cover_or_another_concern_before_changes_nothing() -> None:
    short = after(active(), command=absence(date(2027, 3, 1), date(2027, 3, 2)))
    long = after(active(), command=absence(date(2027, 3, 1), date(2027, 3, 8)))
    covered = after(*long, *ALEX, command=cover(date(2027, 3, 8), ground="immediate_risk"))
    urgent = [*long, *with_a_concern(*long).accepted().happened]
    for story in (active(), short, covered, urgent):
        happened = with_a_concern(*story, at=MONDAY + A_SECOND).accepted().happened
        assert not any(isinstance(one, aw.KeyWorkerUnavailable) for one in happened)


# -- the end of an absence -------------------------------------------------------------------------------------------


def test_an_absence_whose_last_day_is_over_ends_by_itself_and_settles_what_was_escalated() -> None:
    away = after(active(), command=absence(date(2027, 3, 1), date(2027, 3, 19)))
    orphaned = given(*away).when(
        aw.MarkAllocationOrphaned(case_id=active().case_id), at=london(2027, 3, 1, 17), as_=SYSTEM
    )
    orphaned.then(aw.AllocationOrphaned, EscalationRaised)
    over = aw.MarkAbsenceOver(case_id=active().case_id)
    given(*away, *orphaned.happened).when(over, at=london(2027, 3, 19, 16), as_=SYSTEM).refused(NotYetDue)
    back = given(*away, *orphaned.happened).when(over, at=london(2027, 3, 19, 17), as_=SYSTEM)
    back.then(aw.KeyWorkerAvailable, like(EscalationResolved, outcome="worker_back"))
    assert back.after.case.away is None
    assert not {"orphaned", "absence_ends"} & back.after.case.due.keys()


def test_an_absence_without_a_known_end_is_ended_by_people_alone() -> None:
    away = after(active(), command=absence(date(2027, 3, 1), None))
    over = aw.MarkAbsenceOver(case_id=active().case_id)
    given(*away).when(over, at=london(2027, 6, 1, 9), as_=SYSTEM).refused(WrongStage)


# -- what the person asked for ---------------------------------------------------------------------------------------


def test_a_cover_who_is_not_as_the_person_asked_needs_a_reason_and_their_yes() -> None:
    asked = active().then_also(wi.WorkerPreferenceRecorded(**active().ids, wants_gender="female"))
    away = after(asked, ALEX, command=absence(date(2027, 3, 1), date(2027, 3, 19)))
    until = date(2027, 3, 19)
    for lacking in ({}, {"override_reason": "Nobody else"}, {"person_agrees": True}):
        given(*away).when(cover(until, **lacking), at=MONDAY).refused(matching.PreferenceNotMet)
    agreed = cover(until, override_reason="Nobody else", person_agrees=True)
    started = given(*away).when(agreed, at=MONDAY).one(co.CoverStarted)
    assert started.overrides == ("preference_not_met",)


def test_no_reason_makes_somebody_cover_who_is_away_too() -> None:
    both = after(active(), ALEX, command=absence(date(2027, 3, 1), date(2027, 3, 19)))
    alex = wo.RecordAbsence(worker_id=ALEX.worker_id, first_day=date(2027, 3, 1), last_day=date(2027, 3, 5))
    both = [*both, *given(*both).when(alex, at=MONDAY).accepted().happened]
    wanted = cover(date(2027, 3, 19), override_reason="Nobody else", person_agrees=True)
    given(*both).when(wanted, at=MONDAY).refused(matching.WorkerAbsent)
