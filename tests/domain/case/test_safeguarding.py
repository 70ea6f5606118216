"""Safeguarding: a concern can always be raised, and runs beside the pathway."""

import pytest

from domain.case import safeguarding as sg
from domain.case.referral import ReferralDrafted
from domain.case.referral_form import ReferralForm
from domain.errors import NotFound, NotPermitted
from domain.messages import CaseId, ConcernId
from domain.roles import Role
from tests.support.scenario import (
    CONSENTED,
    KEY_WORKER,
    MANAGER,
    POLICE,
    PROGRAMME,
    SAFEGUARDING_LEAD,
    CaseStory,
    a_case,
    actor,
    given,
    like,
    london,
    new_id,
    some_id,
)


def raise_concern(case: CaseStory, **changed: object) -> sg.RaiseSafeguardingConcern:
    told: dict[str, object] = {
        "case_id": case.case_id,
        "about": "adult",
        "category": "self_neglect",
        "immediate_danger": False,
        "concern": "Has not eaten for days",
    }
    return sg.RaiseSafeguardingConcern.model_validate(told | changed)


def concern_of(case: CaseStory, name: str = "concern") -> ConcernId:
    return ConcernId(some_id(f"concern/{case.name}/{name}"))


DRAFT = a_case().then_also(
    ReferralDrafted(**a_case().ids, programme=PROGRAMME, referring_agency=POLICE, form=ReferralForm())
)
EVERY_STAGE = [
    DRAFT,
    a_case().submitted(),
    a_case().in_triage(),
    a_case().awaiting_consent(),
    a_case().ready_for_forum(),
    a_case().on_agenda(),
    a_case().accepted(),
    a_case().waiting(),
    a_case().allocated_to(),
    a_case().active(),
    a_case().led_by(),
    a_case().step_down_proposed(),
    a_case().stepping_down(),
    a_case().handed_over(),
    a_case().closed(),
    a_case().active().with_concern(),
    a_case().active().enquired(),
]


@pytest.mark.parametrize("case", EVERY_STAGE, ids=lambda case: str(case.case.stage))
def test_a_concern_can_be_raised_in_every_stage_and_moves_none(case: CaseStory) -> None:
    raised = given(case).when(raise_concern(case), as_=KEY_WORKER)
    raised.then(like(sg.SafeguardingConcernRaised, concern_id=new_id("concern"), about="adult"))
    assert raised.after.case.stage is case.case.stage
    screening = {f"screening:{new_id('concern')}"}
    assert raised.after.case.due.keys() == case.case.due.keys() | screening
    assert raised.after.case.open_concerns == case.case.open_concerns | {new_id("concern"): "raised"}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SYSTEM, Role.AUDITOR}))
def test_anyone_may_raise_a_concern(role: Role) -> None:
    case = a_case().submitted()
    given(case).when(raise_concern(case, immediate_danger=True), as_=actor(role)).then(
        like(sg.SafeguardingConcernRaised, immediate_danger=True)
    )


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.AUDITOR])
def test_a_timer_and_an_auditor_raise_none(role: Role) -> None:
    case = a_case().submitted()
    given(case).when(raise_concern(case), as_=actor(role)).refused(NotPermitted)


def test_a_concern_needs_a_case_that_exists() -> None:
    nowhere = raise_concern(a_case(), case_id=CaseId(some_id("nowhere")))
    given(a_case().submitted()).when(nowhere).refused(NotFound)


def test_a_concern_is_screened_within_one_working_day() -> None:
    case = a_case().awaiting_consent()
    friday = CONSENTED
    raised = given(case).when(raise_concern(case), at=friday)
    raised.then(like(sg.SafeguardingConcernRaised, screening_due_at=london(2027, 1, 11, 17)))


@pytest.mark.parametrize(("met", "stands"), [(True, "enquiry"), (False, None)])
def test_the_safeguarding_lead_screens_a_concern(met: bool, stands: str | None) -> None:
    case = a_case().active().with_concern()
    screen = sg.ScreenConcern(
        case_id=case.case_id, concern_id=concern_of(case), threshold_met=met, reasons="Three-part test"
    )
    screened = given(case).when(screen).then(like(sg.ConcernScreened, threshold_met=met))
    assert screened.after.case.open_concerns.get(concern_of(case)) == stands
    again = given(*case, *screened.happened).when(screen)
    again.refused(sg.ConcernNotInState, state=stands or "not_open", allowed="raised")


def test_the_outcome_of_an_enquiry_closes_the_concern() -> None:
    case = a_case().active().enquired()
    record = sg.RecordSafeguardingOutcome(
        case_id=case.case_id,
        concern_id=concern_of(case),
        outcome="risk_reduced",
        explanation="Meals arranged",
    )
    recorded = given(case).when(record).then(like(sg.SafeguardingOutcomeRecorded, outcome="risk_reduced"))
    assert not recorded.after.case.open_concerns
    given(*case, *recorded.happened).when(record).refused(sg.ConcernNotInState, state="not_open")


def test_an_enquiry_has_an_outcome_and_a_concern_that_nobody_screened_has_none() -> None:
    case = a_case().active().with_concern()
    record = sg.RecordSafeguardingOutcome(
        case_id=case.case_id,
        concern_id=concern_of(case),
        outcome="risk_reduced",
        explanation="Meals arranged",
    )
    given(case).when(record).refused(sg.ConcernNotInState, state="raised", allowed="enquiry")


def test_safeguarding_goes_on_after_the_case_has_closed() -> None:
    case = a_case().submitted().with_concern().closed()
    screen = sg.ScreenConcern(
        case_id=case.case_id, concern_id=concern_of(case), threshold_met=True, reasons="Three-part test"
    )
    given(case).when(screen, as_=SAFEGUARDING_LEAD).one(sg.ConcernScreened)
    given(case).when(screen, as_=MANAGER).refused(NotPermitted)


def test_two_concerns_run_side_by_side() -> None:
    case = a_case().active().with_concern("first").with_concern("second")
    screen = sg.ScreenConcern(
        case_id=case.case_id, concern_id=concern_of(case, "first"), threshold_met=False, reasons="No risk"
    )
    after = given(case).when(screen).after.case
    assert after.open_concerns == {concern_of(case, "second"): "raised"}
