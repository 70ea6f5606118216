"""What each member agency may see of each item, and that nobody learns from a pack who knows whom."""

from __future__ import annotations

from datetime import datetime

import pytest

from domain.case.consent import ConsentRefused
from domain.case.consent_request import ConsentRequested
from domain.case.forum_review import InformationReturned
from domain.case.sharing import Category, Purpose
from domain.meeting.packs import Pack, PackItem, ToldInPack, pack_for
from domain.messages import GrantId
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CONSENTED,
    HOUSING,
    LISTED,
    POLICE,
    QUORUM,
    SHELTER,
    CaseStory,
    States,
    a_case,
    a_meeting,
    london,
    rules,
    some_id,
)

ROBIN = a_case()
MEETING = a_meeting().agenda_open()
MEETING_ID = MEETING.meeting_id
EXPIRES = london(2028, 1, 8, 10)
REDACTED = PackItem(place=1, kind="redacted")


def pack(agency: str, *stories: CaseStory, at: datetime = LISTED, meeting: object = MEETING) -> Pack:
    states = States([event for story in (meeting, *stories) for event in story])  # type: ignore[attr-defined]
    return pack_for(agency, states.meetings[MEETING_ID], states.cases.values(), at, rules())


def first(agency: str, story: CaseStory, **fields: object) -> PackItem:
    return pack(agency, story, **fields).items[0]  # type: ignore[arg-type]


def refusing(story: CaseStory, recipient: str) -> CaseStory:
    grant_id = GrantId(some_id("no"))
    return story.then_also(
        ConsentRequested(
            **ROBIN.ids,
            grant_id=grant_id,
            discloser=POLICE,
            recipient=recipient,
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.IDENTITY,),
            capacity_view="has",
            information_version="notice-2026.1",
            information_language="English",
            information_format="spoken",
            asked_by="coordinator-1",
        ),
        ConsentRefused(**ROBIN.ids, grant_id=grant_id),
    )


def told(agency: str, *categories: Category, text: str = "") -> InformationReturned:
    return InformationReturned(
        **ROBIN.ids,
        meeting_id=MEETING_ID,
        agency=agency,
        nothing_to_share=not categories,
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=categories,
        grant_ids=(),
        information=text or None,
    )


def listed(story: CaseStory) -> CaseStory:
    return story.ready_for_forum().on_agenda(MEETING)


def test_the_referring_agency_sees_the_case_that_it_brought() -> None:
    item = first(POLICE, listed(ROBIN))
    assert (item.kind, item.case_id, item.referring_agency) == ("case", ROBIN.case_id, POLICE)
    assert item.needs == ROBIN.needs
    assert item.offer == "Neighbourhood officer joins the first visit"


def test_without_a_basis_an_item_is_there_by_its_place_alone() -> None:
    assert first(HOUSING, listed(ROBIN)) == REDACTED


def test_the_person_agrees_to_housing_and_not_to_the_drug_service() -> None:
    """Scenario 8: redacted for the one, and its own data is not exposed to the other."""
    agreed = ROBIN.with_grant(POLICE, Category.IDENTITY, recipient=HOUSING)
    story = listed(refusing(agreed, CGL)).then_also(told(CGL, Category.SUBSTANCE_USE, text="Known to us"))
    assert first(HOUSING, story).case_id == ROBIN.case_id
    assert first(HOUSING, story).told == ()
    assert first(CGL, story) == REDACTED


def test_who_is_excepted_sees_nothing_although_the_forum_may_be_told() -> None:
    story = listed(refusing(ROBIN.with_grant(POLICE, Category.IDENTITY), CGL))
    assert first(SHELTER, story).case_id == ROBIN.case_id
    assert first(CGL, story) == REDACTED


@pytest.mark.parametrize("cgl_did", ["nothing", "had nothing to share", "told what it may not tell"])
def test_no_pack_says_whether_the_drug_service_knows_the_person(cgl_did: str) -> None:
    """Scenario 9: the system neither confirms nor denies to the forum."""
    agreed = listed(ROBIN.with_grant(POLICE, Category.IDENTITY))
    happened = {
        "nothing": [],
        "had nothing to share": [told(CGL)],
        "told what it may not tell": [told(CGL, Category.SUBSTANCE_USE, text="Known to us")],
    }[cgl_did]
    assert first(HOUSING, agreed.then_also(*happened)) == first(HOUSING, agreed)
    shown = pack(HOUSING, agreed.then_also(*happened)).model_dump_json()
    assert CGL not in shown
    assert "Known to us" not in shown


def test_needs_are_told_by_what_they_are_about() -> None:
    story = listed(ROBIN.with_grant(POLICE, Category.IDENTITY, Category.HOUSING))
    item = first(HOUSING, story)
    assert item.needs == ("homelessness",)
    assert item.offer is None


def test_a_return_is_seen_whole_by_who_may_know_every_category_of_it() -> None:
    agreed = ROBIN.with_grant(POLICE, Category.IDENTITY).with_grant(SHELTER, Category.HOUSING)
    story = listed(agreed)
    shelter = told(SHELTER, Category.HOUSING, text="In our hostel since May")
    more = told(SHELTER, Category.HOUSING, Category.HEALTH, text="And unwell")
    assert first(HOUSING, story.then_also(shelter)).told == (
        ToldInPack(agency=SHELTER, categories=(Category.HOUSING,), information="In our hostel since May"),
    )
    assert first(HOUSING, story.then_also(more)).told == ()
    assert first(SHELTER, story.then_also(more)).told[0].information == "And unwell"


def test_an_agency_sees_that_it_was_asked_and_has_answered_and_of_no_other() -> None:
    story = listed(ROBIN.with_grant(POLICE, Category.IDENTITY)).then_also(told(HOUSING))
    assert (first(HOUSING, story).you_were_asked, first(HOUSING, story).you_answered) == (True, True)
    assert (first(CGL, story).you_were_asked, first(CGL, story).you_answered) == (True, False)
    assert (first(SHELTER, story).you_were_asked, first(SHELTER, story).you_answered) == (False, False)


@pytest.mark.parametrize(("at", "seen"), [(CONSENTED, True), (EXPIRES - A_SECOND, True), (EXPIRES, False)])
def test_a_pack_is_open_as_long_as_the_consent_is(at: datetime, seen: bool) -> None:
    """Scenario 11: the item is pulled from who is affected, whenever the pack is asked for."""
    story = listed(ROBIN.with_grant(POLICE, Category.IDENTITY))
    assert (first(HOUSING, story, at=at) != REDACTED) is seen


def test_an_agency_goes_by_any_of_its_names() -> None:
    story = listed(ROBIN.with_grant(POLICE, Category.IDENTITY, recipient=CGL))
    assert pack("CGL", story).agency == CGL
    assert first("CGL", story).case_id == ROBIN.case_id


def test_who_declared_an_interest_sees_no_more_of_the_item() -> None:
    story = listed(ROBIN.with_grant(POLICE, Category.IDENTITY))
    sitting = MEETING.agenda_closed().in_session()
    interest = sitting.with_interest(ROBIN, QUORUM[3]).facts[-1]
    states = States([*sitting, *story, interest])
    meeting, cases = states.meetings[MEETING_ID], states.cases.values()
    assert pack_for(HOUSING, meeting, cases, LISTED, rules()).items[0] == REDACTED
    assert pack_for(SHELTER, meeting, cases, LISTED, rules()).items[0].case_id == ROBIN.case_id


def test_of_an_advice_item_everybody_sees_that_advice_is_wanted() -> None:
    story = ROBIN.up_for_advice(MEETING)
    for agency in (POLICE, HOUSING):
        assert first(agency, story) == PackItem(place=1, kind="advice")


def test_a_case_that_closed_is_not_told_of_any_more() -> None:
    assert first(POLICE, listed(ROBIN).closed()) == REDACTED
