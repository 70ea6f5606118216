"""Which forum hears a case: that of the ward, or of the area where somebody without a home belongs."""

from __future__ import annotations

from domain.case.referral import ReferralSubmitted, SubmitReferral
from domain.case.referral_form import EXAMPLE_FORM, WardUnknown
from domain.case.route import ChangeForumRoute, ForumRouteChanged, WardOutsideTheCity
from domain.errors import AlreadyRecorded
from tests.support.scenario import COORDINATOR, REFERRER, Given, a_case, given, like

CASE = a_case()


def homeless(**form: object) -> SubmitReferral:
    told = EXAMPLE_FORM | {"ward": "", "no_fixed_abode": True} | form
    return SubmitReferral.model_validate({"case_id": CASE.case_id, "form": told})


def belongs_to(ward: str) -> ChangeForumRoute:
    return ChangeForumRoute(
        case_id=CASE.case_id, ward=ward, area_of_connection=True, explanation="Last settled there"
    )


def referred(**form: object) -> Given:
    told = given().when(homeless(**form), as_=REFERRER)
    return given(*told.before, *told.happened)


def test_a_person_without_a_home_has_no_ward_and_no_forum_yet() -> None:
    for ward in ("", "Piccadilly", "Stretford"):
        submitted = given().when(homeless(ward=ward), as_=REFERRER).one(ReferralSubmitted)
        assert (submitted.ward, submitted.neighbourhood, submitted.forum) == (None, None, None)


def test_a_place_in_another_borough_is_no_route_inside_the_city() -> None:
    moved = referred().when(belongs_to("Stretford"), as_=COORDINATOR)
    moved.refused(WardOutsideTheCity, borough="Trafford")
    referred().when(belongs_to("Atlantis"), as_=COORDINATOR).refused(WardUnknown)


def test_the_coordinator_chooses_the_area_of_connection_once_and_says_why() -> None:
    """Scenario 75."""
    chosen = referred().when(belongs_to("Ardwick"), as_=COORDINATOR)
    chosen.then(
        like(
            ForumRouteChanged,
            from_forum=None,
            to_forum="ardwick-longsight",
            ward=None,
            area_of_connection=True,
        )
    )
    again = given(*chosen.before, *chosen.happened)
    again.when(belongs_to("Longsight"), as_=COORDINATOR).refused(AlreadyRecorded)
