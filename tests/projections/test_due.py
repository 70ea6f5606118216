"""Due: what must be done by when, and by whom."""

from __future__ import annotations

from datetime import timedelta

from domain.case.action_work import ActionCompleted
from domain.case.safeguarding import ConcernScreened
from domain.case.triage_deadlines import TriageOverdue
from domain.roles import Role
from projections import DueFilter, ProjectionRunner, ReadModels
from tests.projections.telling import Teller, engaged, given_to, returned, stepped_down
from tests.support.scenario import (
    CGL,
    DECIDED,
    FORUM,
    HOUSING,
    NEXT_MEETING_DAY_ENDS,
    POLICE,
    PROGRAMME,
    REFERRED,
    SHELTER,
    a_case,
    a_meeting,
    a_worker,
)


async def test_a_new_referral_is_due_to_be_acknowledged_and_triaged_by_the_coordinator(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case().submitted()
    await teller.tell(story)
    await runner.catch_up()
    page = await models.due(now=REFERRED)
    assert [(row.clock, row.what, row.role) for row in page.rows] == [
        ("acknowledge", "acknowledgement to the referrer", Role.COORDINATOR),
        ("triage", "triage decision", Role.COORDINATOR),
    ]
    assert [row.due_at for row in page.rows] == [
        story.due("acknowledge", REFERRED),
        story.due("triage", REFERRED),
    ]
    assert {(row.case_id, row.forum, row.stage) for row in page.rows} == {(story.case_id, FORUM, "Submitted")}
    assert page.total == 2


async def test_a_thing_is_overdue_from_its_instant_on(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case().in_triage()
    await teller.tell(story)
    await runner.catch_up()
    due_at = story.due("triage", REFERRED)

    async def triage(now_offset: int) -> bool:
        page = await models.due(now=due_at + timedelta(seconds=now_offset))
        return next(row.overdue for row in page.rows if row.clock == "triage")

    assert [await triage(offset) for offset in (-1, 0, 1)] == [False, True, True]
    listed = [await models.due(DueFilter(until=due_at + timedelta(seconds=s)), now=due_at) for s in (-1, 0)]
    assert ["triage" in {row.clock for row in page.rows} for page in listed] == [False, True]


async def test_what_the_engine_marked_overdue_is_shown_as_marked(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    story = a_case().in_triage()
    await teller.tell(story, TriageOverdue(**story.ids, due_at=story.due("triage", REFERRED)))
    await runner.catch_up()
    marked = {row.clock: row.marked_overdue for row in (await models.due(now=REFERRED)).rows}
    assert [clock for clock, is_marked in marked.items() if is_marked] == ["triage"]


async def test_each_agency_that_has_not_answered_owes_its_information_return(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    meeting = a_meeting()
    case = a_case().on_agenda(meeting)
    await teller.tell(case, returned(case, meeting, POLICE))
    await runner.catch_up()
    page = await models.due(DueFilter(role=Role.FORUM_MEMBER), now=REFERRED)
    assert {(row.clock, row.agency) for row in page.rows} == {("returns", HOUSING), ("returns", CGL)}
    assert len((await models.due(DueFilter(agency=CGL), now=REFERRED)).rows) == 1


async def test_an_action_is_due_for_its_owner_and_agency_until_it_is_done(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().accepted()
    await teller.tell(case)
    await runner.catch_up()
    (row,) = (await models.due(DueFilter(agency=POLICE), now=REFERRED)).rows
    assert (row.clock, row.what, row.role, row.owner) == ("action", "agreed action", None, "officer-7")
    assert (row.action_id, row.due_at) == (case.action_id(), NEXT_MEETING_DAY_ENDS)
    assert "Visit" not in row.model_dump_json()
    done = ActionCompleted(
        **case.ids, action_id=case.action_id(), evidence="seen", effective=True, late=False
    )
    await teller.tell(done)
    await runner.catch_up()
    assert (await models.due(DueFilter(agency=POLICE), now=REFERRED)).rows == ()


async def test_a_key_worker_sees_their_own_clocks_and_actions(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, ann = a_worker("sam"), a_worker("ann")
    case = a_case().accepted().with_action("call", owner="worker-sam", agency=SHELTER)
    await teller.tell(sam, ann, case, given_to(case, sam))
    await runner.catch_up()
    page = await models.due(DueFilter(worker=sam.worker_id), now=REFERRED)
    assert {row.clock for row in page.rows} == {"allocation_answer", "first_contact", "action"}
    assert {row.worker_name for row in page.rows if row.clock != "action"} == {"Sam"}
    assert {row.agency for row in page.rows} == {SHELTER}
    assert page.total == 3
    assert (await models.due(DueFilter(worker=ann.worker_id), now=REFERRED)).total == 0
    assert (await models.due(DueFilter(role=Role.KEY_WORKER, agency=SHELTER), now=REFERRED)).total == 2


async def test_a_check_in_is_due_from_the_receiving_agency(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, case = a_worker("sam"), a_case().accepted()
    await teller.tell(sam, case, given_to(case, sam), engaged(case, sam), stepped_down(case, at=DECIDED))
    await runner.catch_up()
    page = await models.due(DueFilter(agency=HOUSING), now=REFERRED)
    assert [(row.clock, row.role) for row in page.rows] == [("check_in_answer", Role.FORUM_MEMBER)]


async def test_a_safeguarding_concern_is_due_to_be_screened_even_on_a_closed_case(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().in_triage().with_concern()
    await teller.tell(case.closed())
    await runner.catch_up()
    page = await models.due(DueFilter(case=case.case_id), now=REFERRED)
    assert [(row.clock, row.role) for row in page.rows] == [("screening", Role.SAFEGUARDING_LEAD)]
    (concern,) = case.case.open_concerns
    await teller.tell(ConcernScreened(**case.ids, concern_id=concern, threshold_met=False, reasons="seen"))
    await runner.catch_up()
    assert (await models.due(now=REFERRED)).total == 0


async def test_a_meeting_owes_its_agenda_and_then_its_minutes(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    meeting = a_meeting()
    seen = []
    for story in (
        meeting,
        meeting.agenda_open(),
        meeting.agenda_closed(),
        meeting.concluded(),
        meeting.minutes_issued(),
    ):
        await teller.tell(story)
        await runner.catch_up()
        seen.append(
            [(row.clock, row.due_at) for row in (await models.due(DueFilter(forum=FORUM), now=REFERRED)).rows]
        )
    ended = meeting.concluded().meeting
    assert seen == [
        [("agenda_open", ended.agenda_opens_at)],
        [("agenda_publish", ended.agenda_closes_at)],
        [],
        [("minutes", ended.minutes_due_at)],
        [],
    ]


async def test_pages_of_what_is_due_meet_without_gap_also_where_instants_are_equal(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    for number in range(3):
        await teller.tell(a_case(f"c{number}").submitted())
    await runner.catch_up()
    whole = await models.due(DueFilter(programme=PROGRAMME), now=REFERRED)
    assert [row.due_at for row in whole.rows] == sorted(row.due_at for row in whole.rows)
    assert len({row.due_at for row in whole.rows}) == 2
    for size in (1, 2, 3, 4, 5):
        gathered, after = [], None
        while True:
            page = await models.due(now=REFERRED, limit=size, after=after)
            assert page.total == 6
            gathered += page.rows
            after = page.next
            if after is None:
                break
        assert gathered == list(whole.rows)
    assert (await models.due(DueFilter(agency="nul\x00"), now=REFERRED)).rows == ()
