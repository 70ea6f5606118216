"""Actions as a list: what is open, late, escalated or blocked, and for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.case import action_deadlines as ad
from domain.case import action_work as aw
from domain.messages import BlockerId
from projections import ProjectionRunner, ReadModels
from projections.actions import ActionFilter, ActionRow
from tests.projections.telling import Teller
from tests.support.scenario import FORUM, HOUSING, NEXT_MEETING_DAY_ENDS, POLICE, a_case, some_id

ROBIN = (
    a_case("robin")
    .ready_for_forum()
    .with_action("late")
    .with_action(
        "stuck", agency=HOUSING, owner="housing-officer-3", due_at=NEXT_MEETING_DAY_ENDS + timedelta(days=1)
    )
    .with_action("done", due_at=NEXT_MEETING_DAY_ENDS + timedelta(days=2))
)
LATE, STUCK, DONE = (ROBIN.action_id(name) for name in ("late", "stuck", "done"))
WHAT_BECAME_OF_THEM = (
    ad.ActionOverdue(**ROBIN.ids, action_id=LATE, agency=POLICE, due_at=NEXT_MEETING_DAY_ENDS),
    ad.ActionEscalated(**ROBIN.ids, action_id=LATE, agency=POLICE, level=1, due_at=NEXT_MEETING_DAY_ENDS),
    aw.ActionBlocked(
        **ROBIN.ids, action_id=STUCK, blocker_id=BlockerId(some_id("blocker")), blocker="no_identity_document"
    ),
    aw.ActionCompleted(**ROBIN.ids, action_id=DONE, evidence="Went there", effective=True, late=False),
)


@pytest.fixture
async def told(teller: Teller, runner: ProjectionRunner) -> None:
    await teller.tell(ROBIN, WHAT_BECAME_OF_THEM, a_case("kim").ready_for_forum().with_action())
    await runner.catch_up()


async def found(models: ReadModels, wanted: ActionFilter) -> list[ActionRow]:
    return list((await models.actions(wanted, now=NEXT_MEETING_DAY_ENDS)).rows)


async def test_open_actions_stand_in_the_order_of_their_dates(models: ReadModels, told: None) -> None:
    page = await models.actions(now=NEXT_MEETING_DAY_ENDS)
    assert {row.action_id for row in page.rows} == {LATE, STUCK, a_case("kim").action_id()}
    assert [row.due_at for row in page.rows] == sorted(row.due_at for row in page.rows)
    assert page.total == 3
    (ended,) = await found(models, ActionFilter(open=False))
    assert (ended.action_id, ended.state, ended.overdue) == (DONE, "done", False)
    assert len(await found(models, ActionFilter(open=None))) == 4


async def test_an_action_is_overdue_from_its_date_on_and_marked_once_the_engine_has_seen_it(
    models: ReadModels, told: None
) -> None:
    late = {row.action_id: row.marked_overdue for row in await found(models, ActionFilter(overdue=True))}
    assert late == {LATE: True, a_case("kim").action_id(): False}
    before = NEXT_MEETING_DAY_ENDS - timedelta(seconds=1)
    assert (await models.actions(ActionFilter(overdue=True), now=before)).rows == ()


async def test_what_is_escalated_or_blocked_is_found(models: ReadModels, told: None) -> None:
    (escalated,) = await found(models, ActionFilter(escalated=True))
    assert (escalated.action_id, escalated.escalated_to) == (LATE, 1)
    (blocked,) = await found(models, ActionFilter(blocked=True))
    assert (blocked.action_id, blocked.blocker_id, blocked.state) == (
        STUCK,
        some_id("blocker"),
        "in_progress",
    )


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (ActionFilter(agency=HOUSING), 1),
        (ActionFilter(agency=POLICE, owner="officer-7"), 2),
        (ActionFilter(owner="nobody"), 0),
        (ActionFilter(owner="\x00"), 0),
        (ActionFilter(forum=FORUM), 3),
        (ActionFilter(forum="wythenshawe"), 0),
        (ActionFilter(case=ROBIN.case_id), 2),
        (ActionFilter(programme="manchester-maps", escalated=False), 2),
    ],
    ids=str,
)
async def test_actions_are_found_by_agency_owner_forum_and_case(
    models: ReadModels, told: None, wanted: ActionFilter, count: int
) -> None:
    assert len(await found(models, wanted)) == count


async def test_pages_follow_each_other_without_a_gap(models: ReadModels, told: None) -> None:
    rows: list[ActionRow] = []
    after: str | None = None
    while True:
        page = await models.actions(now=NEXT_MEETING_DAY_ENDS, limit=1, after=after)
        rows += page.rows
        after = page.next
        if after is None:
            break
    assert tuple(rows) == (await models.actions(now=NEXT_MEETING_DAY_ENDS)).rows
