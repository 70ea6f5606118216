"""Safeguarding: a concern can always be raised, and runs beside the pathway."""

from typing import Literal, get_args

import pytest

from domain.case import enquiry as en
from domain.case import escalation as es
from domain.case import safeguarding as sg
from domain.case import section_47 as s47
from domain.case.participation import ParticipationRefused
from domain.case.referral import ReferralDraftDiscarded, ReferralDrafted
from domain.case.referral_form import ReferralForm
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue
from domain.messages import Actor, CaseId, Command, ConcernId, Event
from domain.roles import Role
from tests.support.scenario import (
    A_SECOND,
    CHAIR,
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


def screen(case: CaseStory, *, met: bool = True, **changed: object) -> sg.ScreenConcern:
    told: dict[str, object] = {
        "case_id": case.case_id,
        "concern_id": concern_of(case),
        "threshold_met": met,
        "reasons": "Three-part test",
    }
    return sg.ScreenConcern.model_validate(told | changed)


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
    DRAFT.then_also(ReferralDraftDiscarded(**a_case().ids)),
    a_case().awaiting_consent().then_also(ParticipationRefused(**a_case().ids)),
    a_case().active().with_concern(),
    a_case().active().enquired(),
]


@pytest.mark.parametrize("case", EVERY_STAGE, ids=lambda case: str(case.case.stage))
def test_a_concern_can_be_raised_in_every_stage_and_moves_none(case: CaseStory) -> None:
    raised = given(case).when(raise_concern(case), as_=KEY_WORKER)
    assert raised.happened[0] == like(
        sg.SafeguardingConcernRaised, concern_id=new_id("concern"), about="adult"
    )
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


def test_a_concern_that_names_a_case_is_about_one_that_exists() -> None:
    nowhere = raise_concern(a_case(), case_id=CaseId(some_id("nowhere")))
    given(a_case().submitted()).when(nowhere).refused(NotFound)


def test_a_concern_about_somebody_without_a_case_gets_through_and_a_draft_holds_it() -> None:
    known = ReferralForm(given_name="Jo")
    raised = given().when(raise_concern(a_case(), case_id=None, form=known), as_=CHAIR)
    ids = {"case_id": new_id("case"), "person_id": new_id("person")}
    raised.then(
        like(ReferralDrafted, **ids, programme=PROGRAMME, referring_agency=CHAIR.agency, form=known),
        like(sg.SafeguardingConcernRaised, **ids, concern_id=new_id("concern")),
    )
    case = raised.after.case
    assert case.stage is Stage.DRAFT
    late = sg.MarkScreeningOverdue(case_id=case.case_id, concern_id=ConcernId(new_id("concern")))
    (screening_due_at,) = case.due.values()
    given(*raised.happened).when(late, at=screening_due_at).then(sg.ScreeningOverdue, es.EscalationRaised)


def test_of_somebody_without_a_case_nothing_has_to_be_known() -> None:
    raised = given().when(raise_concern(a_case(), case_id=None), as_=KEY_WORKER)
    raised.then(like(ReferralDrafted, form=ReferralForm()), sg.SafeguardingConcernRaised)


def test_a_concern_is_screened_within_one_working_day() -> None:
    case = a_case().awaiting_consent()
    friday = CONSENTED
    raised = given(case).when(raise_concern(case), at=friday)
    raised.then(like(sg.SafeguardingConcernRaised, screening_due_at=london(2027, 1, 11, 17)))


@pytest.mark.parametrize(("met", "stands"), [(True, "met"), (False, "not_met")])
def test_the_safeguarding_lead_screens_a_concern_and_what_follows_is_a_step_of_its_own(
    met: bool, stands: str
) -> None:
    case = a_case().active().with_concern()
    screened = given(case).when(screen(case, met=met)).then(like(sg.ConcernScreened, threshold_met=met))
    assert screened.after.case.open_concerns[concern_of(case)] == stands
    assert f"screening:{concern_of(case)}" not in screened.after.case.due
    again = given(*case, *screened.happened).when(screen(case, met=met))
    again.refused(sg.ConcernNotInState, state=stands, allowed="raised")


def test_a_concern_that_an_older_version_screened_was_an_enquiry_or_closed_by_that() -> None:
    case = a_case().active().with_concern()
    told = {"concern_id": str(concern_of(case)), "reasons": "Three-part test", **case.ids}
    met = sg.ConcernScreened.model_validate({**told, "threshold_met": True})
    assert case.then_also(met).case.open_concerns == {concern_of(case): "enquiry"}
    not_met = sg.ConcernScreened.model_validate({**told, "threshold_met": False})
    assert case.then_also(not_met).case.open_concerns == {}


def test_whoever_is_alleged_to_do_the_harm_is_barred_from_the_case() -> None:
    case = a_case().active()
    raised = given(case).when(raise_concern(case, alleged_source="partner-3"))
    assert raised.after.case.barred == {"partner-3"}
    named = screen(case.with_concern(), alleged_source="cousin-1")
    assert given(case.with_concern()).when(named).after.case.barred == {"cousin-1"}


# -- late screening --------------------------------------------------------------------------------------------------


def test_a_screening_is_late_one_second_after_its_day_and_goes_to_the_managers() -> None:
    case = a_case().active().with_concern()
    mark = sg.MarkScreeningOverdue(case_id=case.case_id, concern_id=concern_of(case))
    due_at = case.case.due[f"screening:{concern_of(case)}"]
    given(case).when(mark, at=due_at - A_SECOND).refused(NotYetDue)
    late = given(case).when(mark, at=due_at)
    late.then(
        like(sg.ScreeningOverdue, concern_id=concern_of(case), due_at=due_at),
        like(
            es.EscalationRaised,
            subject="safeguarding",
            subject_id=concern_of(case),
            level=1,
            owner="practitioners_managers",
            raised_by=None,
        ),
    )
    given(*case, *late.happened).when(mark, at=due_at).refused(AlreadyRecorded)


def test_a_late_screening_ends_the_escalation_of_its_lateness() -> None:
    case = a_case().active().with_concern()
    mark = sg.MarkScreeningOverdue(case_id=case.case_id, concern_id=concern_of(case))
    due_at = case.case.due[f"screening:{concern_of(case)}"]
    late = given(case).when(mark, at=due_at)
    screened = given(*case, *late.happened).when(screen(case), at=due_at)
    screened.then(sg.ConcernScreened, like(es.EscalationResolved, outcome="screened", change_made=False))
    assert not {clock for clock in screened.after.case.due if clock.startswith(("screening", "escalation"))}


def test_a_screened_concern_is_never_late() -> None:
    case = a_case().active().with_concern().screened()
    mark = sg.MarkScreeningOverdue(case_id=case.case_id, concern_id=concern_of(case))
    given(case).when(mark).refused(sg.ConcernNotInState, state="met")


# -- below the threshold ---------------------------------------------------------------------------------------------


def test_a_concern_below_the_threshold_returns_to_the_pathway_with_advice() -> None:
    case = a_case().active().with_concern().screened(met=False)
    back = sg.ReturnToPathway(
        case_id=case.case_id, concern_id=concern_of(case), advice="Ask about meals at every visit"
    )
    closed = given(case).when(back).then(like(sg.ConcernClosedNoThreshold, earlier_concerns=0))
    assert closed.after.case.open_concerns == {}
    assert closed.after.case.stage is case.case.stage


def test_earlier_concerns_are_counted_because_several_may_be_a_pattern() -> None:
    case = a_case().active()
    for name in ("first", "second", "third"):
        case = case.with_concern(name).screened(name, met=False)
    back = sg.ReturnToPathway(
        case_id=case.case_id, concern_id=concern_of(case, "third"), advice="The third this year"
    )
    given(case).when(back).then(like(sg.ConcernClosedNoThreshold, earlier_concerns=2))


# -- immediate danger ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "by", [KEY_WORKER, MANAGER, SAFEGUARDING_LEAD, actor(Role.PERSON)], ids=lambda one: one.role
)
def test_anyone_records_that_an_emergency_service_was_called(by: Actor) -> None:
    case = a_case().active().with_concern()
    called = given(case).when(
        sg.RecordEmergencyServices(case_id=case.case_id, concern_id=concern_of(case), service="police"),
        as_=by,
    )
    called.then(like(sg.EmergencyServicesContacted, service="police"))
    assert called.after.case.open_concerns == {concern_of(case): "raised"}


# -- every state, every command --------------------------------------------------------------------------------------


def concern_in(state: str, about: Literal["adult", "child"]) -> CaseStory:
    case = a_case().active().with_concern(about=about)
    match state:
        case "raised":
            return case
        case "met":
            return case.screened()
        case "not_met":
            return case.screened(met=False)
        case "enquiry":
            return case.enquired(about=about)
        case _:
            return case.enquired(about=about).then_also(
                en.SafeguardingOutcomeRecorded(
                    **case.ids, concern_id=concern_of(case), outcome="risk_reduced", explanation="Meals"
                )
            )


STEPS: tuple[tuple[type[Command], dict[str, object], Literal["adult", "child"], type[Event]], ...] = (
    (sg.RecordEmergencyServices, {}, "adult", sg.EmergencyServicesContacted),
    (sg.ScreenConcern, {"threshold_met": True}, "adult", sg.ConcernScreened),
    (sg.ScreenConcern, {"threshold_met": False}, "child", sg.ConcernScreened),
    (sg.MarkScreeningOverdue, {}, "adult", sg.ScreeningOverdue),
    (sg.ReturnToPathway, {}, "adult", sg.ConcernClosedNoThreshold),
    (en.OpenS42, {}, "adult", en.Section42EnquiryOpened),
    (en.StrategyDiscussion, {}, "child", en.StrategyDiscussionHeld),
    (s47.RecordChildSeen, {}, "child", s47.ChildSeen),
    (s47.RecordInitialConference, {}, "child", s47.InitialConferenceHeld),
    (en.RecordSafeguardingOutcome, {}, "adult", en.SafeguardingOutcomeRecorded),
    (en.ReferToForum, {}, "adult", en.ReferredToForum),
)


@pytest.mark.parametrize("state", get_args(sg.ConcernState))
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step[0].NAME)
def test_every_command_in_every_state_of_a_concern_does_what_the_table_says(
    step: tuple[type[Command], dict[str, object], Literal["adult", "child"], type[Event]], state: str
) -> None:
    kind, changed, about, fact = step
    case = concern_in(state, about)
    command = kind.model_validate(
        {**kind.EXAMPLE, "case_id": case.case_id, "concern_id": concern_of(case), **changed}
    )
    late = max(case.now, case.case.due.get(f"screening:{concern_of(case)}", case.now))
    outcome = given(case).when(command, at=late)
    if state not in sg.CONCERN_MOVES[fact.TOPIC]:
        outcome.refused(sg.ConcernNotInState, state=state)
        return
    now = state
    for event in outcome.accepted().happened:
        to = sg.CONCERN_MOVES.get(event.TOPIC, {}).get(now, now)  # type: ignore[call-overload]
        now = (to[0] if changed["threshold_met"] else to[1]) if isinstance(to, tuple) else to
    assert outcome.after.case.concerns[concern_of(case)].state == now


def test_a_concern_that_is_not_of_this_case_is_not_found() -> None:
    case = a_case().active().with_concern()
    given(case).when(screen(case, concern_id=some_id("another"))).refused(NotFound)


def test_safeguarding_goes_on_after_the_case_has_closed() -> None:
    case = a_case().submitted().with_concern().closed()
    given(case).when(screen(case), as_=SAFEGUARDING_LEAD).one(sg.ConcernScreened)
    given(case).when(screen(case), as_=MANAGER).refused(NotPermitted)


def test_two_concerns_run_side_by_side() -> None:
    case = a_case().active().with_concern("first").with_concern("second")
    after = given(case).when(screen(case, concern_id=concern_of(case, "first"))).after.case
    assert after.open_concerns == {concern_of(case, "first"): "met", concern_of(case, "second"): "raised"}
