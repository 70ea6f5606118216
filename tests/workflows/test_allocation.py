"""What the allocation's process does by itself: it proposes and chases, and leaves the choice to the manager."""

from __future__ import annotations

from datetime import timedelta

from domain.case.allocating import AllocateKeyWorker
from domain.case.allocation import MatchesProposed, QueryAllocation
from tests.support.scenario import a_worker
from tests.workflows.world import World, accepted
from workflows.contracts import ProcessKind


async def test_a_match_is_proposed_at_once_and_when_it_is_late_and_the_choice_is_the_managers(
    world: World,
) -> None:
    worker = a_worker()
    case = accepted("robin", at=world.now)
    overdue = world.due("allocation")
    await world.given(worker)
    await world.given(case)
    assert await world.done_by_the_engine(case) == [("MatchesProposed", world.now)]
    began = world.now
    await world.time.advance(timedelta(days=30))
    assert await world.done_by_the_engine(case) == [
        ("MatchesProposed", began),
        ("AllocationOverdue", overdue),
        ("MatchesProposed", overdue),  # whoever was proposed may have been given another case since
    ]
    waiting = await world.waiting(ProcessKind.ALLOCATION, case)
    assert (waiting.waits_for, waiting.since) == ("the manager's choice of a key worker", began)


async def test_a_case_that_nobody_can_take_waits_is_looked_at_and_proposed_again(world: World) -> None:
    case = accepted("robin", at=world.now)
    overdue = world.due("allocation")
    first = world.due("waiting_check", overdue)
    second = world.due("waiting_check", first)
    began = world.now
    await world.given(case)
    await world.time.advance_to(first + timedelta(days=1))
    await world.given(worker := a_worker())
    await world.time.advance_to(second)
    done = await world.done_by_the_engine(case)
    assert [one for one in done if one[0] != "ReviewItemRequested"] == [
        ("MatchesProposed", began),
        ("AllocationOverdue", overdue),
        ("MatchesProposed", overdue),
        ("WaitingListJoined", overdue),
        ("WaitingCheckDue", first),
        ("MatchesProposed", first),
        ("WaitingCheckMissed", world.due("waiting_check_grace", first)),
        ("WaitingCheckDue", second),
        ("MatchesProposed", second),
    ]
    proposals = [
        one.event for one in await world.story_of(case.case_id) if isinstance(one.event, MatchesProposed)
    ]
    assert [[one.worker_id for one in proposal.candidates] for proposal in proposals] == [
        [],
        [],
        [],
        [worker.worker_id],
    ]


async def test_a_manager_has_the_time_of_an_allocation_before_a_case_that_nobody_can_take_joins_the_line(
    world: World,
) -> None:
    case = accepted("robin", at=world.now)
    overdue, began = world.due("allocation"), world.now
    await world.given(a_worker().carrying(15))
    await world.given(case)
    assert await world.done_by_the_engine(case) == [("MatchesProposed", began)]
    waiting = await world.waiting(ProcessKind.ALLOCATION, case)
    assert (waiting.next_step, waiting.next_due) == ("mark-allocation-overdue", overdue)
    await world.time.advance_to(overdue)
    assert await world.done_by_the_engine(case) == [
        ("MatchesProposed", began),
        ("AllocationOverdue", overdue),
        ("MatchesProposed", overdue),
        ("WaitingListJoined", overdue),
    ]


async def test_a_case_that_cannot_wait_joins_the_line_at_once(world: World) -> None:
    case = accepted("robin", at=world.now).with_concern(at=world.now)
    await world.given(case)
    joined = ["MatchesProposed", "WaitingListJoined", "EscalationRaised"]
    assert [topic for topic, _ in await world.done_by_the_engine(case)] == joined


async def test_so_does_one_that_a_concern_makes_unable_to_wait_any_longer(world: World) -> None:
    case = accepted("robin", at=world.now)
    await world.given(case)
    await world.time.advance(timedelta(hours=1))
    await world.given(case := case.with_concern(at=world.now))
    done = [topic for topic, at in await world.done_by_the_engine(case) if at == world.now]
    assert done == ["MatchesProposed", "WaitingListJoined", "EscalationRaised"]


async def test_another_worker_is_proposed_when_the_first_one_queries(world: World) -> None:
    first, second = a_worker("alex"), a_worker("billie")
    case = accepted("robin", at=world.now)
    for story in (first, second, case):
        await world.given(story)
    began = world.now
    await world.when(AllocateKeyWorker(case_id=case.case_id, worker_id=first.worker_id))
    await world.time.advance(timedelta(hours=3))
    await world.when(QueryAllocation(case_id=case.case_id, ground="conflict_of_interest"), as_=first.actor)
    assert await world.done_by_the_engine(case) == [
        ("MatchesProposed", began),
        ("MatchesProposed", world.now),
    ]


async def test_a_case_that_cannot_wait_joins_the_line_once_another_case_has_taken_the_last_room(
    world: World,
) -> None:
    worker = a_worker().carrying(14)
    case = accepted("robin", at=world.now).with_concern(at=world.now)
    again = world.due("priority_wait")
    await world.given(worker)
    await world.given(case)
    assert await world.done_by_the_engine(case) == [("MatchesProposed", world.now)]
    await world.given(worker.carrying(15))
    await world.time.advance_to(again + timedelta(minutes=1))
    done = [one for one in await world.done_by_the_engine(case) if one[1] == again]
    assert [topic for topic, _ in done if topic != "ScreeningOverdue"][:2] == [
        "MatchesProposed",
        "WaitingListJoined",
    ]
    assert (await world.waiting(ProcessKind.ALLOCATION, case)).waits_for == "a key worker with room"


async def test_a_missing_answer_and_a_missing_first_contact_are_marked(world: World) -> None:
    case = accepted("robin", at=world.now).allocated_to(a_worker(), at=world.now)
    answer, contact = world.due("allocation_answer"), world.due("first_contact")
    await world.given(case)
    assert (await world.waiting(ProcessKind.ALLOCATION, case)).waits_for == "the key worker's answer"
    await world.time.advance(timedelta(days=20))
    assert await world.done_by_the_engine(case) == [
        ("AllocationAnswerOverdue", answer),
        ("FirstContactOverdue", contact),
    ]


async def test_a_check_that_nobody_answers_is_missed_and_a_first_band_wait_of_a_working_day_is_escalated(
    world: World,
) -> None:
    case = accepted("robin", at=world.now).waiting(band="P1", at=world.now)
    exceeded, check = world.due("priority_wait"), world.due("waiting_check")
    missed = world.due("waiting_check_grace", check)
    await world.given(case)
    await world.time.advance_to(missed + timedelta(hours=1))
    done = [one for one in await world.done_by_the_engine(case) if one[0] != "MatchesProposed"]
    assert done[:2] == [("PriorityWaitExceeded", exceeded), ("EscalationRaised", exceeded)]
    assert ("WaitingCheckDue", check) in done
    assert ("WaitingCheckMissed", missed) in done
