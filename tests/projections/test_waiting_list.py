"""Waiting list: who is first, since when, and whether somebody looked how they are."""

from __future__ import annotations

from datetime import timedelta

from domain.case import allocation as al
from domain.case import waiting_list as wl
from domain.case.closure import CaseClosed
from projections import ProjectionRunner, ReadModels
from tests.projections.telling import Teller
from tests.support.scenario import ALLOCATED, FORUM, a_case, a_worker

LATER = ALLOCATED + timedelta(days=40)


async def test_the_first_band_comes_first_and_within_a_band_who_joined_earlier(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    late, early = a_case("late").waiting(at=LATER), a_case("early").waiting()
    urgent, served = a_case("urgent").waiting(band="P1", at=LATER), a_case("served").accepted()
    await teller.tell(late, early, urgent, served)
    await runner.catch_up()
    rows = await models.waiting_list(forum=FORUM)
    assert [row.case_id for row in rows] == [urgent.case_id, early.case_id, late.case_id]
    assert [(row.place, row.band) for row in rows] == [(1, "P1"), (2, "P3"), (3, "P3")]
    assert rows[1].joined_at == ALLOCATED
    assert rows[0].priority_due_at is not None
    (third, fourth) = await models.waiting_list(band="P3")
    assert (third.place, fourth.place) == (2, 3), "a band chosen does not change the places"
    assert await models.waiting_list(forum="wythenshawe") == []


async def test_checks_offers_and_long_waits_show_and_who_leaves_is_gone(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case, sam = a_case().waiting(band="P1"), a_worker("sam")
    await teller.tell(
        case.offered(sam),
        al.WaitingCheckDue(**case.ids, due_at=LATER, next_due_at=LATER, answer_due_at=LATER),
        wl.WaitingCheckMissed(**case.ids, due_at=LATER),
        wl.PriorityWaitExceeded(**case.ids, due_at=LATER),
    )
    await runner.catch_up()
    (row,) = await models.waiting_list()
    assert (row.check_asked, row.check_missed, row.waits_too_long) == (True, True, True)
    assert row.offered_worker == sam.worker_id
    await teller.tell(al.WaitingCheckRecorded(**case.ids, risk_changed=False, check_due_at=LATER))
    await runner.catch_up()
    (row,) = await models.waiting_list()
    assert not row.check_asked
    await teller.tell(
        al.WaitingListLeft(**case.ids, because="need_met"), CaseClosed(**case.ids, because="need_met")
    )
    await runner.catch_up()
    assert await models.waiting_list() == []
