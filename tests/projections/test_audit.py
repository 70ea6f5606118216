"""Audit: one case's story and one person's doings, told without the content of the case."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain import catalogue
from domain.case.referral import PossibleDuplicateFlagged
from domain.case.triage import ReferralAcknowledged
from domain.messages import Channel
from domain.person.matching import MatchGround
from domain.roles import Role
from projections import ProjectionRunner, ReadModels
from projections.audit import cases_named
from projections.page import CursorInvalid
from tests.projections.telling import Teller, completed, engaged, given_to, stepped_down
from tests.support.scenario import (
    COORDINATOR,
    DECIDED,
    MANAGER,
    POLICE,
    REFERRED,
    REFERRER,
    SYSTEM,
    a_case,
    a_meeting,
    a_worker,
    actor,
    some_id,
)


async def test_a_story_tells_who_did_what_when_why_and_under_which_rules(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case, happened = a_case().submitted(), REFERRED - timedelta(days=3)
    by = actor(Role.ADAPTER, person="gmp-adapter", agency=POLICE).model_copy(
        update={"on_behalf_of": "officer-7"}
    )
    await teller.tell(
        case, by=by, effective_at=happened, reason="sent by post first", command="submit-referral"
    )
    await runner.catch_up()
    rows = (await models.story_of_case(case.case_id)).rows
    assert [row.topic for row in rows] == ["EpisodeOpened", "ReferralSubmitted"]
    row = rows[-1]
    assert (row.person, row.role, row.agency, row.on_behalf_of) == (
        "gmp-adapter",
        Role.ADAPTER,
        POLICE,
        "officer-7",
    )
    assert (row.channel, row.reason, row.command) == (
        Channel.ADAPTER,
        "sent by post first",
        "submit-referral",
    )
    assert (row.effective_at, row.recorded_at) == (happened, teller.now)
    assert (row.programme_version, row.about, row.version) == ("2026.1", "Case", 1)
    assert "from Greater Manchester Police" in row.what
    assert "Robin" not in row.what


async def test_a_story_takes_in_the_engines_own_steps_and_every_record_that_names_the_case(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, case, other = a_worker("sam"), a_case().accepted(), a_case("other").submitted()
    await teller.tell(sam, other, a_meeting(), case, given_to(case, sam))
    await teller.tell(ReferralAcknowledged(**case.ids, to_agency=POLICE), by=SYSTEM)
    await runner.catch_up()
    rows = (await models.story_of_case(case.case_id)).rows
    assert {row.about for row in rows} == {"Case", "Person", "Meeting", "KeyWorker"}
    assert {"AgendaItemAdded", "MeetingItemDecided", "CaseTaken", "EpisodeOpened"} <= {
        row.topic for row in rows
    }
    assert all(case.case_id in row.cases for row in rows)
    assert [row.position for row in rows] == sorted(row.position for row in rows)
    assert [row.topic for row in rows if row.by_engine] == ["ReferralAcknowledged"]


async def test_an_event_that_names_two_cases_is_in_both_stories(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case, other = a_case().submitted(), a_case("other").submitted()
    flag = PossibleDuplicateFlagged(
        **case.ids, other_person=other.person_id, other_case=other.case_id, ground=MatchGround.SAME_NHS_NUMBER
    )
    await teller.tell(other, case, flag)
    await runner.catch_up()
    assert cases_named(flag) == [case.case_id, other.case_id]
    for one in (case, other):
        assert (await models.story_of_case(one.case_id)).rows[-1].topic == "PossibleDuplicateFlagged"


async def test_somebodys_doings_are_what_they_did_and_what_was_done_for_them(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().submitted()
    for_her = MANAGER.model_copy(update={"on_behalf_of": "referrer-1"})
    await teller.tell(case, by=REFERRER)
    await teller.tell(a_case("hers").submitted(), by=for_her)
    await teller.tell(a_case("mine").submitted(), by=COORDINATOR)
    await runner.catch_up()
    rows = (await models.doings_of_person("referrer-1")).rows
    assert [row.person for row in rows] == ["referrer-1"] * 3 + ["manager-1"] * 3
    assert (await models.doings_of_person("nobody")).rows == ()
    assert (await models.doings_of_person("nul\x00")).rows == ()


async def test_doings_and_stories_can_be_bounded_by_when_they_were_recorded(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().submitted()
    await teller.tell(case, at=REFERRED)
    later = REFERRED + timedelta(days=1)
    await teller.tell(ReferralAcknowledged(**case.ids, to_agency=POLICE), at=later)
    await runner.catch_up()
    assert [row.topic for row in (await models.story_of_case(case.case_id, since=later)).rows] == [
        "ReferralAcknowledged"
    ]
    assert len((await models.doings_of_person("coordinator-1", until=REFERRED)).rows) == 3


async def test_pages_of_a_story_meet_without_gap_or_repetition(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    case = a_case().accepted()
    await teller.tell(case)
    await runner.catch_up()
    whole = (await models.story_of_case(case.case_id)).rows
    for size in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
        gathered, after = [], None
        while True:
            page = await models.story_of_case(case.case_id, limit=size, after=after)
            gathered += page.rows
            after = page.next
            if after is None:
                break
        assert tuple(gathered) == whole


async def test_a_cursor_that_is_no_position_is_refused(models: ReadModels) -> None:
    for cursor in ("WyJhIl0", "WyItMSJd", "WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ"):
        with pytest.raises(CursorInvalid):
            await models.story_of_case(some_id("x"), after=cursor)


async def test_a_whole_story_holds_no_word_of_the_case(
    teller: Teller, runner: ProjectionRunner, models: ReadModels
) -> None:
    sam, meeting, case = a_worker("sam"), a_meeting().concluded(), a_case().accepted().with_concern()
    await teller.tell(sam, meeting, case, given_to(case, sam), engaged(case, sam))
    await teller.tell(stepped_down(case, at=DECIDED), completed(case, sam, at=DECIDED))
    await runner.catch_up()
    told = " ".join(row.what for row in (await models.story_of_case(case.case_id)).rows)
    for secret in (
        "Robin",
        "Example",
        "1985",
        "rehab",
        "eaten",
        "Sober",
        "Glad",
        "college",
        "day centre",
        "officer-7",
    ):
        assert secret not in told, secret


def test_every_event_says_which_cases_it_names() -> None:
    naming = {
        topic
        for topic, event in catalogue.events().items()
        if any("case" in name for name in event.model_fields)
    }
    from projections.audit import _fields_with_cases

    assert {topic for topic, event in catalogue.events().items() if _fields_with_cases(event)} == naming | {
        "AgendaPublished",
        "DuplicateFound",
        "ItemsDeferred",
        "UrgentItemsHandledByChair",
        "UrgentDecisionsRatified",
        "UrgentDecisionsNotRatified",
    }
