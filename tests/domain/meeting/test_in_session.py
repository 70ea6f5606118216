"""What is said in the room: interests, information, dissent; and who is left out of what."""

from __future__ import annotations

from typing import Any

import pytest

from domain.case.consent import ConsentRefused
from domain.case.consent_request import ConsentRequested
from domain.case.disclosure import DisclosureNotCovered
from domain.case.forum_decision import RecordDecision
from domain.case.forum_review import DissentRecorded, InformationShared
from domain.case.sharing import Category, Purpose
from domain.errors import AlreadyRecorded, NotFound, NotPermitted
from domain.meeting import events as m
from domain.meeting.in_session import (
    DeclareInterest,
    NothingSaid,
    NotInTheRoom,
    RecordDissent,
    ShareInformation,
    SpeaksForOwnAgencyOnly,
)
from domain.meeting.quorum import InterestedInItem, QuorumBrokenByInterest
from domain.messages import Actor, GrantId
from tests.support.scenario import (
    CGL,
    CHAIR,
    COMMUNITY_SAFETY,
    COORDINATOR,
    DECIDED,
    HOUSING,
    MEETS,
    MENTAL_HEALTH,
    POLICE,
    QUORUM,
    SHELTER,
    CaseStory,
    a_case,
    a_meeting,
    actor,
    attendee,
    given,
    london,
    some_id,
)

ROBIN = a_case()
MEETING = a_meeting().in_session()
MEETING_ID = MEETING.meeting_id
LISTED = ROBIN.on_agenda(MEETING)
OFFICER = actor("forum_member", person=QUORUM[2].person, agency=POLICE)
HOUSING_REP = actor("forum_member", person=QUORUM[3].person, agency=HOUSING)
CGL_REP = actor("forum_member", person=QUORUM[4].person, agency=CGL)


# -- interests -------------------------------------------------------------------------------------------------------


def declare(who: str | None = None, **fields: Any) -> DeclareInterest:
    values = {"meeting_id": MEETING_ID, "case_id": ROBIN.case_id, "attendee": who, "ground": "relative"}
    return DeclareInterest.model_validate(values | fields)


def test_somebody_too_close_to_an_item_says_so_and_is_excluded_from_it() -> None:
    outcome = given(MEETING, LISTED).when(declare(), as_=HOUSING_REP, at=DECIDED)
    outcome.then(
        m.InterestDeclared(
            meeting_id=MEETING_ID,
            case_id=ROBIN.case_id,
            attendee=QUORUM[3].person,
            agency=HOUSING,
            ground="relative",
        )
    )
    assert outcome.after.meeting.items[ROBIN.case_id].conflicted == {QUORUM[3].person: HOUSING}


@pytest.mark.parametrize("by", [CHAIR, COORDINATOR], ids=lambda by: str(by.role))
def test_the_chair_or_the_coordinator_writes_down_the_interest_that_another_declared(by: Actor) -> None:
    given(MEETING, LISTED).when(declare(QUORUM[3].person), as_=by, at=DECIDED).then(m.InterestDeclared)


def test_members_declare_interests_of_their_own_only() -> None:
    given(MEETING, LISTED).when(declare(QUORUM[3].person), as_=OFFICER).refused(SpeaksForOwnAgencyOnly)


def test_only_who_is_in_the_meeting_declares_an_interest() -> None:
    given(MEETING, LISTED).when(declare("somebody-else"), as_=CHAIR).refused(NotInTheRoom)


def test_an_interest_is_declared_once() -> None:
    story = MEETING.with_interest(ROBIN, QUORUM[3])
    given(LISTED, story).when(declare(), as_=HOUSING_REP).refused(AlreadyRecorded)


def test_an_interest_is_in_an_item_of_this_meeting() -> None:
    given(MEETING, LISTED).when(declare(case_id=some_id("other")), as_=HOUSING_REP).refused(NotFound)


# -- deciding without them -------------------------------------------------------------------------------------------

ADVICE = RecordDecision(case_id=ROBIN.case_id, decision="advice", reasons="Already well held")
PUT_OFF = RecordDecision(
    case_id=ROBIN.case_id, decision="defer", reasons="No quorum", defer_until=london(2027, 2, 17, 10)
)
LARGE = (*QUORUM, attendee("member", MENTAL_HEALTH), attendee("deputy_chair"))


def heard(without: m.Attendee, sitting: tuple[m.Attendee, ...]) -> Any:
    meeting = a_meeting().in_session(sitting)
    return given(meeting, ROBIN.on_agenda(meeting), meeting.with_interest(ROBIN, without).facts[-1])


def test_an_item_is_not_decided_when_the_quorum_was_only_there_with_who_declared_an_interest() -> None:
    heard(QUORUM[3], QUORUM).when(ADVICE, as_=CHAIR, at=DECIDED).refused(
        QuorumBrokenByInterest, missing="agencies"
    )


def test_an_item_that_nobody_may_decide_is_put_off() -> None:
    heard(QUORUM[3], QUORUM).when(PUT_OFF, as_=CHAIR, at=DECIDED).accepted()


def test_an_item_is_decided_by_those_who_are_left_and_the_record_names_the_agency_that_was_not_heard() -> (
    None
):
    decided = heard(QUORUM[3], LARGE).when(ADVICE, as_=CHAIR, at=DECIDED).one(m.MeetingItemDecided)
    assert decided.excluded == (HOUSING,)


def test_an_agency_for_which_another_person_sits_too_is_still_heard() -> None:
    sitting = (*QUORUM, attendee("deputy", HOUSING))
    decided = heard(QUORUM[3], sitting).when(ADVICE, as_=CHAIR, at=DECIDED).one(m.MeetingItemDecided)
    assert decided.excluded == ()


def test_a_chair_who_declared_an_interest_leaves_the_decision_to_the_deputy() -> None:
    heard(QUORUM[0], LARGE).when(ADVICE, as_=CHAIR, at=DECIDED).refused(InterestedInItem)
    deputy = actor("chair", person=LARGE[-1].person)
    heard(QUORUM[0], LARGE).when(ADVICE, as_=deputy, at=DECIDED).accepted()


def test_a_referring_agency_that_declared_its_interest_counts_as_not_heard() -> None:
    decided = heard(QUORUM[2], LARGE).when(ADVICE, as_=CHAIR, at=DECIDED).one(m.MeetingItemDecided)
    assert decided.referring_agency_absent


# -- sharing ---------------------------------------------------------------------------------------------------------

CONSENTED = ROBIN.with_grant(POLICE, Category.IDENTITY, Category.OFFENDING).ready_for_forum()


def share(*categories: Category, **fields: Any) -> ShareInformation:
    values = {
        "case_id": ROBIN.case_id,
        "meeting_id": MEETING_ID,
        "categories": categories or (Category.OFFENDING,),
        "information": "Twelve calls since December",
    }
    return ShareInformation.model_validate(values | fields)


def refusing(story: CaseStory, recipient: str) -> CaseStory:
    grant_id = GrantId(some_id("no"))
    return story.then_also(
        ConsentRequested(
            **ROBIN.ids,
            grant_id=grant_id,
            discloser=POLICE,
            recipient=recipient,
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.IDENTITY, Category.OFFENDING),
            capacity_view="has",
            information_version="notice-2026.1",
            information_language="English",
            information_format="spoken",
            asked_by="coordinator-1",
        ),
        ConsentRefused(**ROBIN.ids, grant_id=grant_id),
    )


def test_what_the_person_allowed_the_forum_to_be_told_is_told_to_everybody_in_the_room() -> None:
    shared = (
        given(MEETING, CONSENTED.on_agenda(MEETING))
        .when(share(), as_=OFFICER, at=DECIDED)
        .one(InformationShared)
    )
    assert shared.agency == POLICE
    assert shared.recipients == (COMMUNITY_SAFETY, HOUSING, CGL, SHELTER)
    assert {basis.grant_id for basis in shared.bases} == {ROBIN.grant_id(POLICE)}


def test_one_listener_whom_the_person_excepted_stops_it() -> None:
    """Scenario 8."""
    story = refusing(CONSENTED, CGL).on_agenda(MEETING)
    given(MEETING, story).when(share(), as_=OFFICER, at=DECIDED).refused(DisclosureNotCovered, recipient=CGL)


def test_it_is_said_once_they_have_left_the_room() -> None:
    story = refusing(CONSENTED, CGL).on_agenda(MEETING)
    shared = given(MEETING, story).when(share(left_the_room=["CGL"]), as_=OFFICER, at=DECIDED)
    assert shared.one(InformationShared).recipients == (COMMUNITY_SAFETY, HOUSING, SHELTER)


def test_who_declared_an_interest_is_no_listener_and_no_speaker() -> None:
    meeting = MEETING.with_interest(ROBIN, QUORUM[3])
    story = (CONSENTED.on_agenda(MEETING), meeting)
    shared = given(*story).when(share(), as_=OFFICER, at=DECIDED).one(InformationShared)
    assert HOUSING not in shared.recipients
    given(*story).when(share(), as_=HOUSING_REP, at=DECIDED).refused(InterestedInItem)
    given(*story).when(share(agency=HOUSING), as_=COORDINATOR, at=DECIDED).refused(InterestedInItem)


def test_without_a_basis_nothing_is_said() -> None:
    given(MEETING, LISTED).when(share(), as_=OFFICER, at=DECIDED).refused(DisclosureNotCovered)
    given(MEETING, CONSENTED.on_agenda(MEETING)).when(
        share(Category.OFFENDING, Category.HEALTH), as_=OFFICER, at=DECIDED
    ).refused(DisclosureNotCovered, category=Category.HEALTH)


def test_people_speak_for_their_own_agency_and_from_within_the_room() -> None:
    story = (MEETING, CONSENTED.on_agenda(MEETING))
    given(*story).when(share(agency=HOUSING), as_=OFFICER, at=DECIDED).refused(SpeaksForOwnAgencyOnly)
    outside = actor("forum_member", agency=MENTAL_HEALTH)
    given(*story).when(share(), as_=outside, at=DECIDED).refused(NotInTheRoom)


def test_what_was_shared_is_written_down() -> None:
    story = (MEETING, CONSENTED.on_agenda(MEETING))
    given(*story).when(share(information="  "), as_=OFFICER, at=DECIDED).refused(NothingSaid)


# -- dissent ---------------------------------------------------------------------------------------------------------


def dissent(text: str = "Housing should lead", **fields: Any) -> RecordDissent:
    values = {"case_id": ROBIN.case_id, "meeting_id": MEETING_ID, "dissent": text}
    return RecordDissent.model_validate(values | fields)


def test_dissent_names_who_and_which_agency_and_says_why() -> None:
    """Scenario 24."""
    given(MEETING, LISTED).when(dissent(), as_=HOUSING_REP, at=DECIDED).then(
        DissentRecorded(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            dissenter=HOUSING_REP.person,
            agency=HOUSING,
            dissent="Housing should lead",
        )
    )


def test_dissent_is_recorded_after_the_decision_too_as_long_as_the_meeting_sits() -> None:
    decided = LISTED.accepted()
    given(MEETING, decided).when(dissent(), as_=HOUSING_REP, at=DECIDED).then(DissentRecorded)


@pytest.mark.parametrize("by", [CHAIR, COORDINATOR], ids=lambda by: str(by.role))
def test_dissent_that_another_writes_down_names_who_dissented(by: Actor) -> None:
    said = dissent(agency=HOUSING, dissenter=f" {QUORUM[3].person.upper()} ")
    recorded = given(MEETING, LISTED).when(said, as_=by, at=DECIDED).one(DissentRecorded)
    assert (recorded.dissenter, recorded.agency) == (QUORUM[3].person, HOUSING)


def test_only_who_attended_dissents() -> None:
    colleague = actor("forum_member", person="housing-who-stayed-away", agency=HOUSING)
    given(MEETING, LISTED).when(dissent(), as_=colleague, at=DECIDED).refused(NotInTheRoom, field="dissenter")
    absent = dissent(agency=HOUSING, dissenter=colleague.person)
    given(MEETING, LISTED).when(absent, as_=CHAIR, at=DECIDED).refused(NotInTheRoom, field="dissenter")


def test_nobody_dissents_for_an_agency_that_they_did_not_sit_for() -> None:
    for_another = dissent(agency=HOUSING, dissenter=QUORUM[2].person)
    given(MEETING, LISTED).when(for_another, as_=CHAIR).refused(NotInTheRoom, field="dissenter")
    not_named = dissent(agency=HOUSING)
    given(MEETING, LISTED).when(not_named, as_=CHAIR).refused(NotInTheRoom, field="dissenter")


def test_whoever_declared_an_interest_has_no_dissent_written_down_by_the_chair_either() -> None:
    two_of_housing = (
        a_meeting()
        .in_session(attendees=(*QUORUM, m.Attendee(person="housing-9", agency=HOUSING)))
        .with_interest(ROBIN, QUORUM[3])
    )
    said = dissent(agency=HOUSING, dissenter=QUORUM[3].person)
    given(LISTED, two_of_housing).when(said, as_=CHAIR, at=DECIDED).refused(InterestedInItem)


def test_dissent_is_of_an_agency_in_the_room_and_has_words() -> None:
    given(MEETING, LISTED).when(dissent(agency=MENTAL_HEALTH), as_=CHAIR).refused(NotInTheRoom)
    given(MEETING, LISTED).when(dissent(agency=HOUSING), as_=OFFICER).refused(SpeaksForOwnAgencyOnly)
    given(MEETING, LISTED).when(dissent("  "), as_=HOUSING_REP).refused(NothingSaid)
    given(MEETING, LISTED).when(dissent(), as_=actor("adapter", agency=HOUSING), at=MEETS).refused(
        NotPermitted
    )
