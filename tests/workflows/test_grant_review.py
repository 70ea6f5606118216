"""What the process that watches over consents does by itself: it says when one must be looked at again, and when one ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.case.consent_changes import ConsentWithdrawn
from domain.case.consent_renewal import RenewConsent
from domain.case.sharing import Category
from domain.case.without_consent import RecordDisclosureWithoutConsent
from tests.support.scenario import MANAGER, POLICE, CaseStory, a_case, a_meeting
from tests.workflows.world import World, on_agenda
from workflows.contracts import ProcessKind

WAITS = "the next review or end of what may be shared"


def consented(world: World) -> CaseStory:
    """A case that stays open for long: it has a lead agency, and one consent."""
    listed = on_agenda("robin", at=world.now, meets=world.now)
    return listed.led_by(at=world.now).with_grant(POLICE, Category.IDENTITY, at=world.now)


async def done(world: World, case: CaseStory) -> list[tuple[str, Any]]:
    """What the engine did about what may be shared."""
    about = ("Consent", "ForumItemPulled", "Disclosure")
    return [one for one in await world.done_by_the_engine(case) if one[0].startswith(about)]


async def test_a_consent_is_reviewed_at_six_months_and_ends_at_twelve_if_nobody_renews_it(
    world: World,
) -> None:
    review, end = world.due("consent_review"), world.due("consent_expiry")
    case = consented(world)
    await world.given(case)
    waiting = await world.waiting(ProcessKind.GRANT_REVIEW, case)
    assert (waiting.waits_for, waiting.next_step, waiting.next_due) == (
        WAITS,
        "mark-consent-review-due",
        review,
    )

    await world.time.advance_to(end + timedelta(hours=1))
    assert await done(world, case) == [("ConsentReviewDue", review), ("ConsentExpired", end)]
    assert not await world.is_running(ProcessKind.GRANT_REVIEW, case)


async def test_a_renewed_consent_starts_anew(world: World) -> None:
    review = world.due("consent_review")
    case = consented(world)
    await world.given(case)
    await world.time.advance_to(review + timedelta(days=1))
    renewal = RenewConsent(
        case_id=case.case_id,
        grant_id=case.grant_id(POLICE),
        information_version="notice-2027.1",
        capacity_view="has",
        method="verbal",
        evidence_ref="note-44",
    )
    again = world.due("consent_review")
    await world.when(renewal)
    await world.time.advance_to(again + timedelta(hours=1))
    assert await done(world, case) == [("ConsentReviewDue", review), ("ConsentReviewDue", again)]


async def test_a_consent_that_was_taken_back_is_watched_no_more(world: World) -> None:
    case = consented(world)
    await world.given(case)
    withdrawn = ConsentWithdrawn(**case.ids, grant_id=case.grant_id(POLICE), by_channel="letter")
    await world.given(case.then_also(withdrawn))
    assert not await world.is_running(ProcessKind.GRANT_REVIEW, case)
    await world.time.advance(timedelta(days=400))
    assert await done(world, case) == []


async def test_a_consent_that_ends_while_the_case_is_on_an_agenda_pulls_the_item(world: World) -> None:
    end = world.now + timedelta(days=1)
    given_at = world.rules.calendar.add_months(end, -12)
    case = a_case("sam").with_grant(POLICE, Category.IDENTITY, at=given_at)
    case = on_agenda_of(case, world, meets=end + timedelta(days=1))
    await world.given(case)
    await world.time.advance_to(end + timedelta(hours=1))
    told = await done(world, case)
    assert ("ConsentExpired", end) in told
    assert ("ForumItemPulled", end) in told


def on_agenda_of(case: CaseStory, world: World, *, meets: Any) -> CaseStory:
    return case.ready_for_forum(at=world.now).on_agenda(a_meeting("sam", starts_at=meets), at=world.now)


async def test_an_authority_without_consent_is_reviewed_on_its_day(world: World) -> None:
    case = consented(world)
    await world.given(case)
    day = (world.now + timedelta(days=14)).date()
    fields = {**RecordDisclosureWithoutConsent.EXAMPLE, "case_id": case.case_id, "review_on": day}
    answer = await world.when(
        RecordDisclosureWithoutConsent(**{**fields, "share_at": world.now}), as_=MANAGER
    )
    assert [fact.topic for fact in answer.events] == ["DisclosureAuthorisedWithoutConsent"]
    await world.time.advance(timedelta(days=15))
    assert [topic for topic, _ in await done(world, case)] == ["DisclosureReviewDue"]
