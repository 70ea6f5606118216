"""Who must not see or touch a case: a court, a child's wish or a conflict of interest keeps them out."""

from __future__ import annotations

import pytest

from domain.case import viewers as v
from domain.case.consent_changes import WithdrawConsent
from domain.case.safeguarding import RaiseSafeguardingConcern
from domain.errors import AlreadyRecorded
from domain.messages import Actor
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    MANAGER,
    POLICE,
    a_case,
    actor,
    given,
    like,
)

CASE = a_case().with_grant(POLICE)
BAR = v.BarViewer(
    case_id=CASE.case_id,
    viewer="parent-2",
    relationship="non_resident_parent",
    ground="court_order",
    document="non-molestation-order-2027-17",
)
BARRED = CASE.then_also(*given(CASE).when(BAR).accepted().happened)
TAKE_BACK = WithdrawConsent(case_id=CASE.case_id, grant_id=CASE.grant_id(POLICE), by_channel="telephone")
FATHER = actor("person", person="parent-2", agency="self")


def test_a_parent_whom_a_court_forbids_contact_is_barred_and_does_nothing_more_on_the_case() -> None:
    given(CASE).when(BAR, as_=COORDINATOR).then(like(v.ViewerBarred, ground="court_order"))
    assert v.is_barred(BARRED.case, FATHER)
    given(CASE).when(TAKE_BACK, as_=FATHER).accepted()
    given(BARRED).when(TAKE_BACK, as_=FATHER).refused(v.ViewerIsBarred)


@pytest.mark.parametrize(
    "who",
    [
        actor("manager", person="parent-2", agency=HOUSING),
        actor("key_worker", person="worker-4").model_copy(update={"on_behalf_of": "parent-2"}),
    ],
)
def test_another_role_and_another_persons_hands_do_not_help(who: Actor) -> None:
    given(BARRED).when(TAKE_BACK, as_=who).refused(v.ViewerIsBarred)


def test_others_go_on_as_before() -> None:
    given(BARRED).when(TAKE_BACK, as_=COORDINATOR).accepted()


def test_that_somebody_is_in_danger_may_still_be_said_by_anybody() -> None:
    concern = RaiseSafeguardingConcern(**{**RaiseSafeguardingConcern.EXAMPLE, "case_id": CASE.case_id})
    given(BARRED).when(concern, as_=FATHER).accepted()


def test_whoever_is_alleged_to_do_the_harm_is_refused_like_a_barred_viewer() -> None:
    concern = RaiseSafeguardingConcern(
        **{**RaiseSafeguardingConcern.EXAMPLE, "case_id": CASE.case_id, "alleged_source": "partner-3"}
    )
    story = CASE.then_also(*given(CASE).when(concern).accepted().happened)
    partner = actor("person", person="partner-3", agency="self")
    given(story).when(TAKE_BACK, as_=partner).refused(v.ViewerIsBarred)


def test_a_court_order_is_referred_to() -> None:
    given(CASE).when(BAR.model_copy(update={"document": None})).refused(v.CourtOrderRequired)


def test_somebody_is_barred_once_and_the_bar_is_lifted_with_a_reason() -> None:
    given(BARRED).when(BAR).refused(AlreadyRecorded)
    lift = v.LiftViewerBar(case_id=CASE.case_id, viewer="parent-2", explanation="Order discharged")
    given(CASE).when(lift).refused(v.ViewerNotBarred)
    given(BARRED).when(lift.model_copy(update={"explanation": ""})).refused(v.LiftingReasonRequired)
    lifted = given(BARRED).when(lift, as_=MANAGER).then(v.ViewerBarLifted)
    assert not v.is_barred(lifted.after.case, FATHER)


def test_a_closed_case_may_be_closed_to_somebody_too() -> None:
    given(CASE.closed()).when(BAR).then(v.ViewerBarred)
