"""What the process of support does by itself: contact, its loss, reviews by the forum, and a suspension's date."""

from __future__ import annotations

from datetime import timedelta

from domain.case.contact import ContactMade, RecordContact
from domain.case.suspension import Resume, Suspend
from domain.roles import Role
from tests.support.scenario import CGL, CaseStory, a_worker, actor
from tests.workflows.world import World, accepted
from workflows.contracts import ProcessKind

SAM = a_worker()
THIRD_AGENCY = actor(Role.FORUM_MEMBER, person="recovery-9", agency=CGL)


def introduced(world: World) -> CaseStory:
    return accepted("robin", at=world.now).allocated_to(SAM, at=world.now).met(at=world.now)


def active(world: World) -> CaseStory:
    return introduced(world).active(at=world.now)


async def test_contact_is_asked_for_then_counts_as_lost_and_the_forum_still_looks_at_the_case(
    world: World,
) -> None:
    case = active(world)
    overdue, lost, review = world.due("contact"), world.due("disengagement"), world.due("forum_review")
    await world.given(case)
    waiting = await world.waiting(ProcessKind.SUPPORT, case)
    assert (waiting.waits_for, waiting.next_due) == ("progress towards what the person wants", overdue)
    await world.time.advance(timedelta(weeks=8))
    assert await world.done_by_the_engine(case) == [
        ("ContactOverdue", overdue),
        ("DisengagementTriggered", lost),
        ("ReviewItemRequested", review),
    ]
    assert (await world.waiting(ProcessKind.SUPPORT, case)).waits_for == "a sign of life from the person"


async def test_a_text_to_a_third_agency_keeps_contact(world: World) -> None:
    """Scenario 38."""
    case = active(world)
    await world.given(case)
    await world.time.advance(timedelta(days=9))
    await world.when(RecordContact(case_id=case.case_id, by_channel="text", reached=True), as_=THIRD_AGENCY)
    overdue = world.due("contact")
    await world.time.advance_to(overdue + timedelta(hours=1))
    assert await world.done_by_the_engine(case) == [("ContactOverdue", overdue)]


async def test_regained_contact_starts_the_clocks_anew(world: World) -> None:
    case = active(world)
    first = world.due("disengagement")
    await world.given(case)
    await world.time.advance_to(first + timedelta(hours=1))
    await world.when(ContactMade(case_id=case.case_id, by_channel="text"), as_=SAM.actor)
    again = world.due("disengagement")
    await world.time.advance_to(again + timedelta(hours=1))
    topics = [topic for topic, _ in await world.done_by_the_engine(case)]
    assert topics.count("DisengagementTriggered") == 2


async def test_an_introduction_that_lasts_too_long_is_said(world: World) -> None:
    case = introduced(world)
    due = world.due("introduction")
    await world.given(case)
    for _ in range(3):
        await world.time.advance(timedelta(days=10))
        await world.when(
            RecordContact(case_id=case.case_id, by_channel="visit", reached=True, face_to_face=True),
            as_=SAM.actor,
        )
    assert ("IntroductionOverdue", due) in await world.done_by_the_engine(case)


async def test_nothing_falls_due_while_support_rests_but_its_review(world: World) -> None:
    """Scenario 40: eight weeks in prison."""
    case = active(world)
    await world.given(case)
    day = (world.now + timedelta(weeks=8)).date()
    await world.when(Suspend(case_id=case.case_id, reason="prison", review_on=day), as_=SAM.actor)
    await world.time.advance(timedelta(weeks=9))
    assert await world.done_by_the_engine(case) == [
        ("SuspensionReviewDue", world.rules.calendar.start_of_day(day))
    ]
    await world.when(Resume(case_id=case.case_id), as_=SAM.actor)
    lost = world.due("disengagement")
    await world.time.advance_to(lost + timedelta(hours=1))
    topics = [topic for topic, _ in await world.done_by_the_engine(case)]
    assert topics == ["SuspensionReviewDue", "ContactOverdue", "DisengagementTriggered"]
