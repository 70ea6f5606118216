"""Parked cases: nobody has reached the person for long, nothing is in progress, and somebody's move it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest

from domain.case import action_work as aw
from domain.case import contact as co
from domain.case import monitoring as mo
from domain.case.stages import Stage
from domain.messages import Event
from domain.roles import Role
from projections import ProjectionRunner, ReadModels
from projections.page import Page
from projections.standstill import ParkedFilter, ParkedRow
from tests.projections.telling import Teller
from tests.support.scenario import (
    FORUM,
    HOUSING,
    MET,
    POLICE,
    PROGRAMME,
    SHELTER,
    CaseStory,
    a_case,
    a_meeting,
    a_worker,
    rules,
)

LONG_AFTER = MET + timedelta(days=60)


async def parked(
    models: ReadModels,
    wanted: ParkedFilter | None = None,
    *,
    now: datetime = LONG_AFTER,
    limit: int = 50,
    after: str | None = None,
) -> Page[ParkedRow]:
    since = {PROGRAMME: rules().deadline(PROGRAMME, "parked", now)}
    return await models.parked_cases(since, wanted, now=now, limit=limit, after=after)


async def told(teller: Teller, runner: ProjectionRunner, *stories: CaseStory | Sequence[Event]) -> None:
    for story in stories:
        for event in story:
            await teller.tell(event, at=MET)
    await runner.catch_up()


async def test_a_case_is_parked_once_nobody_has_reached_the_person_for_twenty_working_days(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await told(teller, runner, a_case().in_triage())
    parks_at = rules().calendar.add_working_days(MET, 20)
    assert (await parked(models, now=parks_at - timedelta(days=1))).rows == ()
    (row,) = (await parked(models, now=parks_at)).rows
    assert (row.since, row.last_contact_at, row.stage, row.stage_since) == (MET, None, Stage.TRIAGE, MET)
    assert (row.role, row.forum) == (Role.COORDINATOR, FORUM)


async def test_contact_counts_from_when_it_happened_and_an_attempt_does_not_count(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().active(a_worker())
    done = [
        aw.ActionCompleted(**case.ids, action_id=one.action_id, evidence="Done", effective=True, late=False)
        for one in case.case.open_actions
    ]
    await told(teller, runner, case, done)
    called = co.ContactRecorded(
        **case.ids, worker_id=None, by_agency=SHELTER, by_channel="text", reached=True, face_to_face=False
    )
    happened = MET + timedelta(days=2)
    await teller.tell(called, at=MET + timedelta(days=9), effective_at=happened)
    await teller.tell(called.model_copy(update={"reached": False}), at=LONG_AFTER - timedelta(days=1))
    await runner.catch_up()
    (row,) = (await parked(models)).rows
    assert (row.last_contact_at, row.since) == (happened, happened)
    assert (row.role, row.worker_id) == (Role.KEY_WORKER, a_worker().worker_id)
    await teller.tell(called, at=LONG_AFTER)
    await runner.catch_up()
    assert (await parked(models)).rows == ()


@pytest.mark.parametrize(
    "story",
    [
        a_case().in_triage().with_action(),
        a_case().on_agenda(a_meeting()),
        a_case().active(a_worker()).suspended(review_on=date(2027, 12, 1)),
        a_case().closed(),
    ],
    ids=["an open action", "a place on an agenda", "a pause until a day to come", "closed"],
)
async def test_a_case_is_not_parked_while_something_is_in_progress(
    teller: Teller, runner: ProjectionRunner, models: ReadModels, story: CaseStory
) -> None:
    await told(teller, runner, story)
    assert (await parked(models)).rows == ()


async def test_a_case_stands_still_from_the_end_of_what_was_last_in_progress(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().in_triage().with_action()
    await told(teller, runner, case)
    ended = LONG_AFTER - timedelta(days=3)
    done = aw.ActionNotDone(**case.ids, action_id=case.action_id(), explanation="No answer", late=True)
    await teller.tell(done, at=ended)
    rests = a_case("resting").active(a_worker()).suspended(review_on=date(2027, 2, 1))
    open_ones = [
        aw.ActionNotDone(**rests.ids, action_id=one.action_id, explanation="Prison", late=False)
        for one in rests.case.open_actions
    ]
    await told(teller, runner, rests, open_ones)
    rows = {row.case_id: row for row in (await parked(models)).rows}
    assert rows[case.case_id].since == ended
    assert rows[rests.case_id].since == rests.case.due["suspension_review"]


async def test_after_the_handover_it_is_the_receiving_agency_s_move(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().active(a_worker()).handed_over().check_in_asked()
    over = [
        aw.ActionNotDone(**case.ids, action_id=one.action_id, explanation="-", late=False)
        for one in case.case.open_actions
    ]
    missed = mo.CheckInMissed(**case.ids, number=1, due_at=MET, missed_in_all=1, next_check_in_due_at=None)
    await told(teller, runner, case, [*over, missed])
    (row,) = (await parked(models)).rows
    assert (row.role, row.agency) == (Role.FORUM_MEMBER, HOUSING)


async def test_parked_cases_are_found_by_forum_role_and_worker_page_by_page(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await told(teller, runner, *(a_case(name, by=POLICE).in_triage() for name in ("anna", "ben", "cleo")))
    assert (await parked(models)).total == 3
    for nothing in (
        ParkedFilter(forum="wythenshawe"),
        ParkedFilter(role=Role.MANAGER),
        ParkedFilter(worker=a_worker().worker_id),
        ParkedFilter(programme="\x00"),
    ):
        assert (await parked(models, nothing)).rows == ()
    first = await parked(models, ParkedFilter(forum=FORUM, role=Role.COORDINATOR), limit=2)
    rest = await parked(models, limit=2, after=first.next)
    assert (first.rows + rest.rows, rest.next) == ((await parked(models)).rows, None)
