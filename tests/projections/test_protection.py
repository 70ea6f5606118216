"""Safeguarding and escalations as lists: codes and instants of each concern and each escalation, and nothing else."""

from __future__ import annotations

from domain.case import enquiry as en
from domain.case import safeguarding as sg
from domain.case.escalation_ladder import EscalationUnanswered
from projections import ProjectionRunner, ReadModels
from projections.escalations import EscalationFilter, EscalationRow
from projections.safeguarding import ConcernFilter, ConcernRow
from tests.projections.telling import Teller
from tests.support.scenario import FORUM, POLICE, SYSTEM, a_case, some_id

ROBIN = a_case("robin")


async def test_every_concern_stands_in_the_list_with_its_state(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    robin = ROBIN.active().with_concern("first").screened("first", met=False)
    first, second = (some_id(f"concern/robin/{name}") for name in ("first", "second"))
    await teller.tell(robin)
    await runner.catch_up()
    robin_again = robin.with_concern("second", about="child").screened("second")
    await teller.tell(
        robin_again.facts[len(robin.facts) :],
        sg.EmergencyServicesContacted(
            **robin.ids, concern_id=second, service="police", incident_reference=None
        ),
        en.ReferredToForum(
            **robin.ids,
            concern_id=second,
            forum="marac",
            criteria=("high_risk",),
            wishes=None,
            referred_at=robin.now,
            repeat=False,
        ),
        sg.ConcernClosedNoThreshold(**robin.ids, concern_id=first, advice="Ask again", earlier_concerns=0),
    )
    await runner.catch_up()
    rows = {row.concern_id: row for row in (await models.concerns()).rows}
    assert (rows[first].state, rows[first].earlier_concerns, rows[first].referred_to) == ("closed", 0, ())
    assert (rows[second].state, rows[second].about, rows[second].earlier_concerns) == ("met", "child", 1)
    assert rows[second].emergency_services
    assert rows[second].referred_to == ("marac",)
    assert rows[second].forum == FORUM
    open_ = await models.concerns(ConcernFilter(open=True, case=ROBIN.case_id, forum=FORUM))
    assert [row.concern_id for row in open_.rows] == [second]
    assert [row.concern_id for row in (await models.concerns(ConcernFilter(state="closed"))).rows] == [first]
    assert (await models.concerns(ConcernFilter(forum="\x00"))).rows == ()


async def test_a_late_screening_is_marked_and_those_to_be_screened_first_come_first(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    cases = [a_case(name).submitted().with_concern() for name in ("anna", "ben", "cleo")]
    for case in cases:
        await teller.tell(case)
    (late,) = cases[1].case.concerns
    due_at = cases[1].case.due[f"screening:{late}"]
    await teller.tell(sg.ScreeningOverdue(**cases[1].ids, concern_id=late, due_at=due_at))
    await runner.catch_up()
    first = await models.concerns(limit=2)
    rest = await models.concerns(limit=2, after=first.next)
    rows: list[ConcernRow] = [*first.rows, *rest.rows]
    assert rows == sorted(rows, key=lambda row: (row.screening_due_at, row.concern_id))
    assert [row.concern_id for row in rows if row.screening_overdue] == [late]
    assert rest.next is None


async def test_no_words_about_a_concern_reach_the_list(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await teller.tell(ROBIN.submitted().with_concern().screened())
    await runner.catch_up()
    shown = str((await models.concerns()).rows)
    assert "eaten" not in shown
    assert "Seen at home" not in shown


async def test_escalations_stand_where_they_are_and_those_that_wait_for_nobody_come_last(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    settled = a_case("settled").in_triage().escalated().escalated_to(2).answered()
    top = a_case("top").in_triage().escalated(by=SYSTEM).escalated_to(5)
    fresh = a_case("fresh").in_triage().escalated()
    for case in (settled, top, fresh):
        await teller.tell(case)
    alert = EscalationUnanswered(
        **top.ids,
        escalation_id=top.escalation_id(),
        level=5,
        owner="greater_manchester",
        due_at=top.now,
        reminder=1,
        next_due_at=top.due("escalation_reminder", top.now),
    )
    await teller.tell(alert)
    await runner.catch_up()
    first = await models.escalations(limit=1)
    rows: list[EscalationRow] = [
        *first.rows,
        *(await models.escalations(limit=1, after=first.next)).rows,
        *(await models.escalations(limit=50, after=(await models.escalations(limit=2)).next)).rows,
    ]
    assert [row.case_id for row in rows] == [fresh.case_id, top.case_id, settled.case_id]
    assert [(row.level, row.level_owner, row.state) for row in rows] == [
        (1, "practitioners_managers", "open"),
        (5, "greater_manchester", "open"),
        (2, "agency_seniors", "responded"),
    ]
    assert [row.raised_by_agency for row in rows] == [POLICE, None, POLICE]
    assert [row.reminders for row in rows] == [0, 1, 0]
    assert rows[-1].answer_due_at is None
    assert (
        len((await models.escalations(EscalationFilter(level=5, state="open", case=top.case_id))).rows) == 1
    )


async def test_that_something_is_about_safeguarding_is_told_only_where_it_is_asked_for(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await teller.tell(ROBIN.active().with_concern().escalated(subject="safeguarding"))
    await runner.catch_up()
    assert (await models.escalations()).rows == ()
    assert len((await models.escalations(EscalationFilter(with_safeguarding=True))).rows) == 1
