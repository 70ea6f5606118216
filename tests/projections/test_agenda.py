"""Agenda: what a forum will hear, who has told what they know, and what was decided."""

from __future__ import annotations

from datetime import timedelta

from domain.case.forum_review import ForumItemDeferred
from domain.meeting.events import AgendaItemRemoved
from domain.meeting.state import MeetingStage
from projections import ProjectionRunner, ReadModels
from tests.projections.telling import Teller, returned
from tests.support.scenario import CGL, FORUM, HOUSING, MEETS, POLICE, a_case, a_meeting


async def test_a_planned_meeting_has_its_dates_and_no_items(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    await teller.tell(a_meeting())
    await runner.catch_up()
    (row,) = (await models.agenda(forum=FORUM)).rows
    assert (row.stage, row.starts_at, row.items, row.attendees) == (MeetingStage.PLANNED, MEETS, (), 0)


async def test_an_item_shows_who_returned_information_and_who_has_not(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    meeting = a_meeting().agenda_open()
    case = a_case().on_agenda(meeting)
    await teller.tell(meeting, case, returned(case, meeting))
    await runner.catch_up()
    (row,) = (await models.agenda()).rows
    (item,) = row.items
    assert (item.case_id, item.urgent, item.referring_agency) == (case.case_id, False, POLICE)
    assert item.agencies_asked == (POLICE, HOUSING, CGL)
    assert [(one.agency, one.nothing_to_share, one.received_at) for one in item.returned] == [
        (POLICE, False, teller.now)
    ]
    assert item.missing == (HOUSING, CGL)
    assert (item.outcome, item.decision) == (None, None)
    assert "Forty calls" not in row.model_dump_json()


async def test_a_decision_stands_at_its_item_and_the_meeting_with_its_minutes(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    meeting = a_meeting().concluded()
    await teller.tell(meeting, a_case().accepted())
    await runner.catch_up()
    (row,) = (await models.agenda()).rows
    (item,) = row.items
    assert (item.outcome, item.decision) == ("accept_key_worker", "accept_key_worker")
    assert item.decided_at is not None
    assert row.minutes_due_at == meeting.meeting.minutes_due_at
    assert (row.stage, row.attendees) == (MeetingStage.CONCLUDED, 6)
    assert CGL in row.agencies_present


async def test_a_removed_item_is_gone_and_the_others_keep_their_order(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    meeting = a_meeting().agenda_open()
    cases = [a_case(name).on_agenda(meeting) for name in ("one", "two", "three")]
    await teller.tell(meeting, *cases)
    await runner.catch_up()
    await teller.tell(AgendaItemRemoved(meeting_id=meeting.meeting_id, case_id=cases[1].case_id))
    await runner.catch_up()
    (row,) = (await models.agenda(meeting=meeting.meeting_id)).rows
    assert [item.case_id for item in row.items] == [cases[0].case_id, cases[2].case_id]


async def test_a_case_heard_twice_keeps_the_returns_of_each_meeting_apart(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    first, second = a_meeting("january"), a_meeting("february", starts_at=MEETS + timedelta(weeks=4))
    case = a_case().on_agenda(first)
    await teller.tell(first, second, case, returned(case, first))
    deferred = ForumItemDeferred(
        **case.ids, meeting_id=first.meeting_id, until=second.starts_at, listing_due_at=second.starts_at
    )
    again = [
        event for event in case.on_agenda(second) if event.TOPIC in ("ForumItemScheduled", "AgendaItemAdded")
    ]
    scheduled = [event.model_copy(update={"meeting_id": second.meeting_id}) for event in again]
    await teller.tell(deferred, scheduled)
    await runner.catch_up()
    january, february = (await models.agenda()).rows
    assert [one.agency for one in january.items[0].returned] == [POLICE]
    assert february.items[0].returned == ()


async def test_meetings_come_in_the_order_of_time_and_in_pages(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    for week in (2, 0, 1):
        await teller.tell(a_meeting(f"w{week}", starts_at=MEETS + timedelta(weeks=week)))
    await teller.tell(a_meeting("elsewhere", forum="wythenshawe"))
    await runner.catch_up()
    first = await models.agenda(forum=FORUM, limit=2)
    assert first.next is not None
    rest = await models.agenda(forum=FORUM, limit=2, after=first.next)
    assert [row.starts_at for row in (*first.rows, *rest.rows)] == [
        MEETS + timedelta(weeks=week) for week in range(3)
    ]
    assert rest.next is None
    later = await models.agenda(since=MEETS + timedelta(days=1), until=MEETS + timedelta(weeks=1))
    assert len(later.rows) == 1
    assert (await models.agenda(forum="nul\x00")).rows == ()
