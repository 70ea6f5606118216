"""Waiting list: nobody has room, so the case waits in its band and somebody looks in."""

from datetime import date

import pytest

from domain.case import allocation as al
from domain.case.stages import Stage
from domain.case.waiting_list import (
    BandReviewRequested,
    JoinWaitingList,
    RaiseWaitingCheck,
    RecordWaitingCheck,
    WorkerHasRoom,
)
from domain.errors import NotPermitted, NotYetDue, WrongStage
from domain.messages import Actor
from tests.domain.case.test_safeguarding import raise_concern
from tests.support.scenario import (
    A_SECOND,
    ALLOCATED,
    COORDINATOR,
    KEY_WORKER,
    MANAGER,
    SYSTEM,
    CaseStory,
    a_case,
    a_worker,
    given,
    like,
    london,
)


@pytest.mark.parametrize("by", [SYSTEM, COORDINATOR, MANAGER], ids=lambda by: by.role)
def test_a_case_joins_the_waiting_list_when_nobody_has_room(by: Actor) -> None:
    case, full = a_case().accepted(), a_worker().carrying(15)
    joined = given(case, full).when(JoinWaitingList(case_id=case.case_id), as_=by, at=ALLOCATED)
    joined.then(like(al.WaitingListJoined, band="P3", check_due_at=london(2027, 2, 19, 11)))
    assert joined.after.case.stage is Stage.WAITING_LIST
    assert "allocation" not in joined.after.case.due


@pytest.mark.parametrize(("carries", "joins"), [(9, False), (10, True), (11, True), (15, True)])
def test_room_means_room_below_the_limit_that_needs_no_approval(carries: int, joins: bool) -> None:
    case, worker = a_case().accepted(), a_worker().carrying(carries)
    outcome = given(case, worker).when(JoinWaitingList(case_id=case.case_id))
    if joins:
        outcome.one(al.WaitingListJoined)
    else:
        outcome.refused(WorkerHasRoom, workers="1 worker")


def test_a_worker_with_room_who_may_not_take_the_case_does_not_count() -> None:
    refused = a_worker("refused")
    gone = a_worker("gone").leaving(date(2027, 1, 19))
    case = a_case().accepted().refusing(refused)
    given(case, refused, gone).when(JoinWaitingList(case_id=case.case_id)).one(al.WaitingListJoined)
    free = a_worker("free")
    given(case, refused, gone, free).when(JoinWaitingList(case_id=case.case_id)).refused(WorkerHasRoom)


def test_a_case_waits_only_once_and_only_for_a_worker() -> None:
    for case in (a_case().on_agenda(), a_case().waiting(), a_case().allocated_to()):
        given(case).when(JoinWaitingList(case_id=case.case_id)).refused(WrongStage)


LOW = (3, 3, 3, 4, 4, 3, 3, 0, 0, 0)
HIGH = (3, 3, 3, 4, 4, 3, 3, 1, 0, 0)
INCOMPLETE = (4, 4, 4, 8, 8, 4, 4, 4, 4, None)


@pytest.mark.parametrize(
    ("case", "band"),
    [
        (a_case().accepted(), "P3"),
        (a_case(urgency="urgent").accepted(), "P2"),
        (a_case(needs=("debt", "risk_of_eviction")).accepted(), "P2"),
        (a_case().accepted().with_concern(), "P1"),
        (a_case().accepted().enquired(), "P1"),
        (a_case(urgency="urgent").accepted().with_concern(), "P1"),
    ],
    ids=["standard", "urgent", "losing the home", "concern", "enquiry", "urgent with a concern"],
)
def test_the_band_follows_what_is_known_of_the_case(case: CaseStory, band: str) -> None:
    joined = given(case).when(JoinWaitingList(case_id=case.case_id))
    assert joined.one(al.WaitingListJoined).band == band


@pytest.mark.parametrize(
    ("scores", "band"), [(LOW, "P3"), (HIGH, "P2"), (INCOMPLETE, "P3")], ids=["23", "24", "no total"]
)
def test_a_high_score_waits_in_the_second_band(scores: tuple[int | None, ...], band: str) -> None:
    case = a_case(ndta=scores).accepted()
    given(case).when(JoinWaitingList(case_id=case.case_id)).then(like(al.WaitingListJoined, band=band))


def test_the_engine_asks_for_a_check_at_its_time_and_not_a_second_before() -> None:
    case = a_case().waiting(at=ALLOCATED)
    due = london(2027, 2, 19, 11)
    check = RaiseWaitingCheck(case_id=case.case_id)
    given(case).when(check, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    asked = given(case).when(check, as_=SYSTEM, at=due)
    asked.then(like(al.WaitingCheckDue, due_at=due, next_due_at=london(2027, 3, 19, 11)))
    again = given(*case, *asked.happened).when(check, as_=SYSTEM, at=due + A_SECOND)
    again.refused(NotYetDue)
    given(case).when(check, as_=MANAGER, at=due).refused(NotPermitted)


@pytest.mark.parametrize("by", [KEY_WORKER, COORDINATOR, MANAGER], ids=lambda by: by.role)
def test_looking_in_on_the_waiting_person_sets_the_next_check(by: Actor) -> None:
    case = a_case().waiting(at=ALLOCATED)
    check = RecordWaitingCheck(case_id=case.case_id, risk_changed=True, note="Spoke by telephone")
    given(case).when(check, as_=by, at=london(2027, 2, 3, 9)).then(
        like(al.WaitingCheckRecorded, risk_changed=True, check_due_at=london(2027, 3, 3, 9)),
        like(BandReviewRequested, band="P3"),
    )
    nothing_new = check.model_copy(update={"risk_changed": False})
    given(case).when(nothing_new, as_=by, at=london(2027, 2, 3, 9)).then(al.WaitingCheckRecorded)


def test_a_concern_about_somebody_who_waits_is_for_the_manager_to_weigh() -> None:
    """Source: machine G, ChangeBand: new risk or need fact (domain reference 2.10)."""
    for band, asked in (("P3", True), ("P2", True), ("P1", False)):
        case = a_case().waiting(band=band)
        happened = given(case).when(raise_concern(case)).accepted().happened
        assert [one.TOPIC for one in happened[1:]] == (["BandReviewRequested"] if asked else [])


def test_nobody_is_checked_on_who_does_not_wait() -> None:
    case = a_case().allocated_to()
    given(case).when(RecordWaitingCheck(case_id=case.case_id, risk_changed=False)).refused(WrongStage)
    given(case).when(RaiseWaitingCheck(case_id=case.case_id)).refused(WrongStage)
