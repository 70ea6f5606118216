"""What agencies tell the forum beforehand, under which consent, and who has not answered."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.case.consent_changes import ConsentWithdrawn
from domain.case.disclosure import DisclosureNotCovered
from domain.case.forum_review import ForumItemWithdrawn, InformationReturned, InformationReturnsMissing
from domain.case.sharing import Category, DisclosureBasis, Purpose
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.meeting.returns import (
    MarkReturnsMissing,
    ReturnForOwnAgencyOnly,
    ReturnIncomplete,
    ReturnInformation,
)
from domain.messages import Actor
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CHAIR,
    CONSENTED,
    COORDINATOR,
    HOUSING,
    MANAGER,
    POLICE,
    SYSTEM,
    CaseStory,
    Outcome,
    a_case,
    a_meeting,
    actor,
    given,
    london,
)

ROBIN = a_case()
MEETING_ID = a_meeting().meeting_id
RETURNS_DUE = london(2027, 1, 15, 17)
OFFICER = actor("forum_member", agency=POLICE)
CGL_REP = actor("forum_member", agency=CGL)
SHARED = ROBIN.with_grant(POLICE, Category.IDENTITY, Category.OFFENDING).ready_for_forum().on_agenda()


def tell(
    *categories: Category, agency: str | None = None, text: str = "Known to officers"
) -> ReturnInformation:
    return ReturnInformation(case_id=ROBIN.case_id, agency=agency, categories=categories, information=text)


def nothing(agency: str | None = None) -> ReturnInformation:
    return ReturnInformation(case_id=ROBIN.case_id, agency=agency, nothing_to_share=True)


def answer(agency: str) -> InformationReturned:
    return InformationReturned(
        **ROBIN.ids,
        meeting_id=MEETING_ID,
        agency=agency,
        nothing_to_share=True,
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(),
        grant_ids=(),
    )


# -- the gate --------------------------------------------------------------------------------------------------------


def test_an_agency_tells_what_its_consent_covers_and_the_grant_stands_on_the_event() -> None:
    told = given(SHARED).when(tell(Category.OFFENDING, Category.IDENTITY), as_=OFFICER)
    told.then(
        InformationReturned(
            **ROBIN.ids,
            meeting_id=MEETING_ID,
            agency=POLICE,
            nothing_to_share=False,
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.OFFENDING, Category.IDENTITY),
            grant_ids=(ROBIN.grant_id(POLICE),),
            bases=tuple(
                DisclosureBasis(
                    kind="grant",
                    category=category,
                    evaluated_at=SHARED.now,
                    grant_id=ROBIN.grant_id(POLICE),
                )
                for category in (Category.OFFENDING, Category.IDENTITY)
            ),
            information="Known to officers",
        )
    )


def test_one_category_that_is_not_covered_stops_the_whole_return() -> None:
    command = tell(Category.OFFENDING, Category.HEALTH)
    given(SHARED).when(command, as_=OFFICER).refused(
        DisclosureNotCovered, discloser=POLICE, category=Category.HEALTH, recipient="forum"
    )


def test_another_agencys_consent_releases_nothing() -> None:
    given(SHARED).when(tell(Category.OFFENDING), as_=CGL_REP).refused(DisclosureNotCovered, discloser=CGL)


def test_consent_to_tell_one_agency_is_not_consent_to_tell_the_forum() -> None:
    story = ROBIN.with_grant(POLICE, Category.OFFENDING, recipient=HOUSING).ready_for_forum().on_agenda()
    given(story).when(tell(Category.OFFENDING), as_=OFFICER).refused(DisclosureNotCovered)


def test_consent_for_one_purpose_is_not_consent_for_another() -> None:
    command = tell(Category.OFFENDING).model_copy(update={"purpose": Purpose.EVALUATION})
    given(SHARED).when(command, as_=OFFICER).refused(DisclosureNotCovered, purpose=Purpose.EVALUATION)


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (CONSENTED - A_SECOND, False),
        (CONSENTED, True),
        (london(2028, 1, 8, 10) - A_SECOND, True),
        (london(2028, 1, 8, 10), False),
    ],
)
def test_the_gate_opens_with_the_consent_and_shuts_when_it_expires(at: datetime, covered: bool) -> None:
    outcome = given(SHARED).when(tell(Category.OFFENDING), as_=OFFICER, at=at)
    outcome.accepted() if covered else outcome.refused(DisclosureNotCovered)


def test_a_withdrawn_consent_shuts_the_gate() -> None:
    withdrawn = ConsentWithdrawn(**ROBIN.ids, grant_id=ROBIN.grant_id(POLICE), by_channel="telephone")
    given(SHARED.then_also(withdrawn)).when(tell(Category.OFFENDING), as_=OFFICER).refused(
        DisclosureNotCovered
    )


def test_a_consent_covers_an_agency_by_any_of_its_names() -> None:
    story = ROBIN.with_grant("GMP", Category.OFFENDING).ready_for_forum().on_agenda()
    outcome = given(story).when(tell(Category.OFFENDING), as_=OFFICER)
    returned = outcome.one(InformationReturned)
    assert (returned.agency, returned.grant_ids) == (POLICE, (ROBIN.grant_id("GMP"),))


# -- explicit consent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", list(Category))
def test_without_consent_the_drug_service_does_not_even_confirm_that_it_knows_the_person(
    category: Category,
) -> None:
    """Scenario 9: the system neither confirms nor denies to the forum."""
    given(SHARED).when(tell(category), as_=CGL_REP).refused(DisclosureNotCovered, discloser=CGL)


def test_without_consent_the_drug_service_has_nothing_to_share_and_says_no_more() -> None:
    given(SHARED).when(nothing(), as_=CGL_REP).then(answer(CGL))


@pytest.mark.parametrize(
    "extra", [{"information": "Not known to us"}, {"categories": (Category.SUBSTANCE_USE,)}]
)
def test_nothing_to_share_comes_without_a_word(extra: dict[str, object]) -> None:
    given(SHARED).when(nothing().model_copy(update=extra), as_=CGL_REP).refused(ReturnIncomplete)


def test_with_explicit_consent_the_drug_service_shares() -> None:
    story = ROBIN.with_grant(CGL, Category.SUBSTANCE_USE).ready_for_forum().on_agenda()
    given(story).when(tell(Category.SUBSTANCE_USE), as_=CGL_REP).then(InformationReturned)


# -- a whole return, by the right agency -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        tell(text="Known to officers"),
        tell(Category.OFFENDING, text=""),
        tell(Category.OFFENDING, text="   "),
        ReturnInformation(case_id=ROBIN.case_id),
    ],
)
def test_a_return_says_what_is_known_and_in_which_category(command: ReturnInformation) -> None:
    given(SHARED).when(command, as_=OFFICER).refused(ReturnIncomplete)


@pytest.mark.parametrize("who", [OFFICER, CHAIR], ids=["member", "chair"])
def test_nobody_of_another_agency_returns_for_an_agency(who: Actor) -> None:
    given(SHARED).when(nothing(HOUSING), as_=who).refused(ReturnForOwnAgencyOnly)


@pytest.mark.parametrize("who", [COORDINATOR, actor("adapter", agency="Partner gateway")])
def test_a_coordinator_or_an_adapter_returns_on_behalf_of_an_agency(who: Actor) -> None:
    given(SHARED).when(nothing(HOUSING), as_=who).then(answer(HOUSING))


def test_the_coordinators_pen_does_not_open_the_gate() -> None:
    command = tell(Category.SUBSTANCE_USE, agency=CGL)
    given(SHARED).when(command, as_=COORDINATOR).refused(DisclosureNotCovered)


def test_an_agency_may_name_itself_by_any_of_its_names() -> None:
    given(SHARED).when(nothing("GMP"), as_=OFFICER).then(answer(POLICE))


def test_an_agency_may_return_again_and_late() -> None:
    story = SHARED.then_also(answer(POLICE), at=RETURNS_DUE + timedelta(days=1))
    given(story).when(tell(Category.OFFENDING), as_=OFFICER).accepted()


def test_information_is_for_a_case_on_an_agenda() -> None:
    given(ROBIN.ready_for_forum()).when(nothing(), as_=OFFICER).refused(WrongStage)
    given(ROBIN.accepted()).when(nothing(), as_=OFFICER).refused(WrongStage)


def test_a_manager_returns_no_information() -> None:
    given(SHARED).when(nothing(), as_=MANAGER).refused(NotPermitted)


# -- who has not answered --------------------------------------------------------------------------------------------


def timer(story: CaseStory, after: timedelta = timedelta(0)) -> Outcome:
    command = MarkReturnsMissing(case_id=ROBIN.case_id)
    return given(story).when(command, as_=SYSTEM, at=RETURNS_DUE + after)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_when_the_date_has_passed_the_agencies_that_did_not_answer_are_named(
    after: timedelta, due: bool
) -> None:
    outcome = timer(SHARED.then_also(answer(HOUSING)), after)
    if due:
        outcome.then(
            InformationReturnsMissing(
                **ROBIN.ids, meeting_id=MEETING_ID, agencies=(POLICE, CGL), due_at=RETURNS_DUE
            )
        )
        assert "returns" not in outcome.after.case.due
    else:
        outcome.refused(NotYetDue)


def test_the_clock_stops_when_the_last_agency_answers() -> None:
    story = SHARED.then_also(answer(POLICE), answer(CGL))
    assert "returns" in story.case.due
    outcome = given(story).when(nothing(HOUSING), as_=COORDINATOR)
    assert "returns" not in outcome.accepted().after.case.due
    timer(story.then_also(answer(HOUSING))).refused(AlreadyRecorded)


def test_an_answer_of_an_agency_that_was_not_asked_stops_no_clock() -> None:
    story = SHARED.then_also(answer(POLICE), answer(CGL), answer("Shelter"))
    timer(story).then(InformationReturnsMissing)


def test_missing_returns_are_recorded_once() -> None:
    missing = InformationReturnsMissing(
        **ROBIN.ids, meeting_id=MEETING_ID, agencies=(POLICE,), due_at=RETURNS_DUE
    )
    timer(SHARED.then_also(missing)).refused(AlreadyRecorded)


def test_a_case_on_no_agenda_misses_no_returns() -> None:
    timer(ROBIN.ready_for_forum()).refused(WrongStage)


def test_a_new_agenda_asks_everybody_again() -> None:
    withdrawn = ForumItemWithdrawn(
        **ROBIN.ids, meeting_id=MEETING_ID, because="withdrawn", listing_due_at=RETURNS_DUE
    )
    february = a_meeting("february", starts_at=london(2027, 2, 17, 10))
    story = SHARED.then_also(answer(POLICE), withdrawn).on_agenda(february)
    assert story.case.returned == set()
    assert story.case.due["returns"] == london(2027, 2, 12, 17)
