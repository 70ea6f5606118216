"""Monitoring: the engine asks how the person is, and a manager closes the case when the outcome has lasted."""

from datetime import datetime

import pytest

from domain.case import allocation as al
from domain.case import monitoring as mo
from domain.case.action_changes import ActionCancelled
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.keyworker.events import CaseReleased
from domain.messages import Actor
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    A_SECOND,
    COORDINATOR,
    HOUSING,
    KEY_WORKER,
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
ENDS = london(2027, 9, 29, 10)
RECEIVING_LEAD = actor("forum_member", person="recovery-1", agency=HOUSING)


def monitored() -> CaseStory:
    """Handed over on 7 July 2027: asked every four weeks for twelve."""
    return a_case().active(SAM).handed_over()


def confirm(case: CaseStory) -> mo.ConfirmSustained:
    return mo.ConfirmSustained(case_id=case.case_id, summary="Sober, housed, in education")


# -- check-ins -------------------------------------------------------------------------------------------------------


def test_the_engine_asks_for_a_check_in_at_its_time_and_not_a_second_before() -> None:
    case, due = monitored(), london(2027, 8, 4, 10)
    ask = mo.RaiseCheckIn(case_id=case.case_id)
    given(case).when(ask, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    given(case).when(ask, as_=MANAGER, at=due).refused(NotPermitted)
    asked = given(case).when(ask, as_=SYSTEM, at=due)
    asked.then(like(mo.CheckInDue, number=1, due_at=due, answer_due_at=london(2027, 8, 11, 17)))
    given(*case, *asked.happened).when(ask, as_=SYSTEM, at=due + A_SECOND).refused(WrongStage)


@pytest.mark.parametrize("by", [RECEIVING_LEAD, SAM.actor, COORDINATOR, MANAGER], ids=lambda by: by.role)
def test_a_check_in_answers_the_one_that_was_asked_for(by: Actor) -> None:
    case = monitored().check_in_asked()
    record = mo.RecordCheckIn(case_id=case.case_id, status="good", note="College twice a week")
    recorded = given(case).when(record, as_=by, at=london(2027, 8, 5, 9))
    recorded.then(
        like(mo.CheckInRecorded, number=1, status="good", next_check_in_due_at=london(2027, 9, 2, 9))
    )
    assert recorded.after.case.due.keys() & {"check_in", "check_in_answer"} == {"check_in"}


def test_a_check_in_that_nobody_asked_for_is_the_next_one() -> None:
    case = monitored().checked_in()
    early = given(case).when(
        mo.RecordCheckIn(case_id=case.case_id, status="mixed"), at=london(2027, 8, 10, 9)
    )
    early.then(like(mo.CheckInRecorded, number=2, next_check_in_due_at=london(2027, 9, 7, 9)))


def test_a_late_check_in_still_answers_the_one_that_was_missed() -> None:
    case = monitored().check_in_missed()
    late = given(case).when(mo.RecordCheckIn(case_id=case.case_id, status="good"))
    late.then(like(mo.CheckInRecorded, number=1))
    assert late.after.case.check_in_answered


@pytest.mark.parametrize(
    ("at", "asks_again"),
    [
        (london(2027, 9, 1, 10) - A_SECOND, True),
        (london(2027, 9, 1, 10), True),
        (london(2027, 9, 1, 10) + A_SECOND, False),
        (ENDS + A_SECOND, False),
    ],
    ids=["before", "exactly", "after", "over"],
)
def test_nothing_is_asked_after_the_monitoring_time(at: datetime, asks_again: bool) -> None:
    case = monitored().checked_in()
    recorded = given(case).when(mo.RecordCheckIn(case_id=case.case_id, status="good"), at=at)
    assert (recorded.one(mo.CheckInRecorded).next_check_in_due_at is not None) is asks_again
    assert ("check_in" in recorded.after.case.due) is asks_again


def test_a_check_in_is_missed_when_its_answer_is_due_and_not_a_second_before() -> None:
    case, due = monitored().check_in_asked(), london(2027, 8, 11, 17)
    missed = mo.MarkCheckInMissed(case_id=case.case_id)
    given(case).when(missed, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    told = given(case).when(missed, as_=SYSTEM, at=due)
    told.then(
        like(
            mo.CheckInMissed,
            number=1,
            due_at=due,
            missed_in_all=1,
            next_check_in_due_at=london(2027, 9, 8, 17),
        )
    )
    given(*case, *told.happened).when(missed, as_=SYSTEM, at=due + A_SECOND).refused(WrongStage)


@pytest.mark.parametrize(
    ("case", "missed", "reviewed"),
    [
        (monitored().check_in_asked(), 1, False),
        (monitored().checked_in().check_in_asked(), 1, False),
        (monitored().check_in_missed().check_in_asked(), 2, True),
        (monitored().check_in_missed().check_in_missed().check_in_asked(at=ENDS), 3, True),
    ],
    ids=["first", "first after a good one", "second", "third"],
)
def test_the_second_missed_check_in_calls_a_manager(case: CaseStory, missed: int, reviewed: bool) -> None:
    mark = mo.MarkCheckInMissed(case_id=case.case_id)
    told = given(case).when(mark, as_=SYSTEM, at=case.case.due["check_in_answer"])
    review = [like(mo.ManagerReviewRequested, because="check_ins_missed")] if reviewed else []
    told.then(like(mo.CheckInMissed, missed_in_all=missed), *review)
    assert told.after.case.stage is Stage.MONITORING


# -- the end ---------------------------------------------------------------------------------------------------------


def test_the_monitoring_time_is_over_at_its_end_and_that_is_told_once() -> None:
    case = monitored()
    over = mo.MarkMonitoringElapsed(case_id=case.case_id)
    given(case).when(over, as_=SYSTEM, at=ENDS - A_SECOND).refused(NotYetDue)
    told = given(case).when(over, as_=SYSTEM, at=ENDS).then(like(mo.MonitoringWindowElapsed, ended_at=ENDS))
    assert told.after.case.stage is Stage.MONITORING, "only a manager closes a case"
    given(*case, *told.happened).when(over, as_=SYSTEM, at=ENDS + A_SECOND).refused(AlreadyRecorded)


def test_a_sustained_outcome_closes_the_case_as_completed_and_frees_everybody() -> None:
    case = monitored().checked_in("mixed").checked_in("good")
    closed = given(case).when(confirm(case), as_=MANAGER, at=ENDS)
    closed.then(
        like(mo.OutcomeSustained, summary="Sober, housed, in education"),
        like(al.AllocationEnded, worker_id=SAM.worker_id, because="case_closed"),
        CaseReleased(worker_id=SAM.worker_id, case_id=case.case_id),
        like(ActionCancelled, because="case_closed"),
        like(EpisodeEnded, person_id=case.person_id, case_id=case.case_id, programme="manchester-maps"),
    )
    after = closed.after
    assert (after.case.stage, after.case.closed_because) == (Stage.CLOSED, "completed")
    assert (set(after.case.due), after.case.worker_id, after.worker.cases) == (
        {"sustained_outcome"},
        None,
        {},
    )
    assert not after.people[case.person_id].open_cases


def test_an_outcome_without_a_key_worker_is_sustained_too() -> None:
    case = a_case().led_by().handed_over().checked_in()
    given(case).when(confirm(case), as_=MANAGER, at=ENDS).then(mo.OutcomeSustained, EpisodeEnded)


def test_an_outcome_has_lasted_at_the_end_of_the_monitoring_time_and_not_a_second_before() -> None:
    case = monitored().checked_in()
    given(case).when(confirm(case), as_=MANAGER, at=ENDS - A_SECOND).refused(
        mo.MonitoringNotOver, ends_at=ENDS
    )
    given(case).when(confirm(case), as_=MANAGER, at=ENDS).one(mo.OutcomeSustained)


@pytest.mark.parametrize(
    ("case", "last"),
    [
        (monitored(), "none yet"),
        (monitored().checked_in("mixed"), "mixed"),
        (monitored().checked_in("good").checked_in("deteriorating"), "deteriorating"),
        (monitored().checked_in("good").check_in_asked(), "unanswered"),
        (monitored().checked_in("good").check_in_missed(), "unanswered"),
        (monitored().checked_in("deteriorating").checked_in("good"), None),
        (monitored().check_in_missed().checked_in("good"), None),
    ],
    ids=["none", "mixed", "got worse", "asked", "missed", "got better", "missed, then good"],
)
def test_the_last_check_in_was_answered_and_good(case: CaseStory, last: str | None) -> None:
    outcome = given(case).when(confirm(case), as_=MANAGER, at=ENDS)
    if last is None:
        outcome.one(mo.OutcomeSustained)
    else:
        outcome.refused(mo.LastCheckInNotGood, last=last)


def test_only_a_manager_closes_a_case() -> None:
    case = monitored().checked_in()
    for by in (KEY_WORKER, COORDINATOR, SYSTEM, RECEIVING_LEAD):
        given(case).when(confirm(case), as_=by, at=ENDS).refused(NotPermitted)


def test_nobody_checks_in_on_a_case_that_is_not_monitored() -> None:
    case = a_case().active(SAM).stepping_down()
    for command in (
        mo.RaiseCheckIn(case_id=case.case_id),
        mo.RecordCheckIn(case_id=case.case_id, status="good"),
        mo.MarkCheckInMissed(case_id=case.case_id),
        mo.MarkMonitoringElapsed(case_id=case.case_id),
        confirm(case),
    ):
        given(case).when(command).refused(WrongStage)
