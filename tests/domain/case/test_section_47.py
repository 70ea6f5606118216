"""An enquiry about a child: the child is seen, and a conference held, each in time or put to a higher level."""

from datetime import timedelta

import pytest

from domain.case import enquiry as en
from domain.case import escalation as es
from domain.case import section_47 as s47
from domain.case.household import ChildProtectionPlanRecorded
from domain.case.referral import ReferralDrafted, ReferralSubmitted, SubmitReferral
from domain.case.referral_form import ReferralForm
from domain.case.safeguarding import RaiseSafeguardingConcern, SafeguardingConcernRaised
from domain.case.triage_deadlines import TriageBroughtForward
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue
from domain.messages import Command, ConcernId, Event
from tests.support.scenario import (
    A_SECOND,
    KEY_WORKER,
    POLICE,
    PROGRAMME,
    REFERRED,
    SAFEGUARDING_LEAD,
    CaseStory,
    a_case,
    given,
    like,
    london,
    some_id,
)

DISCUSSED = london(2027, 2, 1, 10)  # a Monday
SEEN_BY = london(2027, 2, 2, 17)
CONFERENCE_BY = london(2027, 2, 22, 17)


def concern_of(case: CaseStory) -> ConcernId:
    return ConcernId(some_id(f"concern/{case.name}/concern"))


def command(kind: type[Command], case: CaseStory, **changed: object) -> Command:
    return kind.model_validate(
        {**kind.EXAMPLE, "case_id": case.case_id, "concern_id": concern_of(case), **changed}
    )


def under_enquiry(case: CaseStory | None = None) -> CaseStory:
    """A strategy discussion has opened an enquiry about a child."""
    met = (case or a_case().active()).with_concern(about="child", at=DISCUSSED).screened()
    opened = given(met).when(command(en.StrategyDiscussion, met), at=DISCUSSED, as_=SAFEGUARDING_LEAD)
    return met.then_also(*opened.happened, at=DISCUSSED)


CASE = under_enquiry()
SEEN = f"child_seen:{concern_of(CASE)}"
CONFERENCE = f"conference:{concern_of(CASE)}"


def test_the_strategy_discussion_says_by_when_the_child_is_seen_and_a_conference_held() -> None:
    assert CASE.case.due[SEEN] == SEEN_BY
    assert CASE.case.due[CONFERENCE] == CONFERENCE_BY


def test_the_days_count_from_the_discussion_however_late_it_is_recorded() -> None:
    met = a_case().active().with_concern(about="child", at=DISCUSSED).screened()
    late = given(met).when(
        command(en.StrategyDiscussion, met), at=DISCUSSED + timedelta(days=3), effective_at=DISCUSSED
    )
    assert late.one(en.Section47Opened).child_seen_due_at == SEEN_BY


def test_an_enquiry_from_before_this_was_watched_has_no_deadlines_and_goes_on() -> None:
    met = a_case().active().with_concern(about="child").screened()
    old = met.then_also(en.Section47Opened(**met.ids, concern_id=concern_of(met)))
    assert SEEN not in old.case.due
    assert CONFERENCE not in old.case.due
    given(old).when(command(s47.RecordChildSeen, old)).then(s47.ChildSeen)
    given(old).when(command(s47.RecordInitialConference, old, plan_made=False)).then(
        s47.InitialConferenceHeld
    )


def test_a_child_who_was_seen_is_waited_for_no_more_and_may_be_seen_again() -> None:
    seen = given(CASE).when(command(s47.RecordChildSeen, CASE), as_=SAFEGUARDING_LEAD)
    seen.then(like(s47.ChildSeen, seen_alone=True))
    assert SEEN not in seen.after.case.due
    assert CONFERENCE in seen.after.case.due
    given(*CASE, *seen.happened).when(command(s47.RecordChildSeen, CASE, seen_alone=False)).then(
        s47.ChildSeen
    )


def test_only_a_safeguarding_lead_says_so() -> None:
    for kind in (s47.RecordChildSeen, s47.RecordInitialConference):
        given(CASE).when(command(kind, CASE), as_=KEY_WORKER).refused(NotPermitted)


@pytest.mark.parametrize("kind", [s47.RecordChildSeen, s47.RecordInitialConference])
def test_an_adults_enquiry_asks_for_neither(kind: type[Command]) -> None:
    adult = a_case().active().enquired()
    given(adult).when(command(kind, adult)).refused(en.ConcernAboutSomebodyElse, about="an adult")


@pytest.mark.parametrize(
    ("mark", "clock", "fact"),
    [
        (s47.MarkChildNotSeen, SEEN, s47.ChildNotSeen),
        (s47.MarkInitialConferenceOverdue, CONFERENCE, s47.InitialConferenceOverdue),
    ],
)
def test_a_deadline_that_passes_is_put_to_a_higher_level_once(
    mark: type[Command], clock: str, fact: type[Event]
) -> None:
    due_at = CASE.case.due[clock]
    given(CASE).when(command(mark, CASE), at=due_at - A_SECOND).refused(NotYetDue)
    late = given(CASE).when(command(mark, CASE), at=due_at)
    late.then(
        like(fact, due_at=due_at),
        like(es.EscalationRaised, subject="safeguarding", subject_id=concern_of(CASE), raised_by=None),
    )
    given(*CASE, *late.happened).when(command(mark, CASE), at=due_at + A_SECOND).refused(AlreadyRecorded)


def test_a_child_seen_late_settles_it_unless_the_conference_is_late_as_well() -> None:
    late = given(CASE).when(command(s47.MarkChildNotSeen, CASE), at=SEEN_BY)
    seen = given(*CASE, *late.happened).when(command(s47.RecordChildSeen, CASE), at=SEEN_BY + A_SECOND)
    seen.then(s47.ChildSeen, like(es.EscalationResolved, outcome="child_seen"))

    both = given(*CASE, *late.happened).when(
        command(s47.MarkInitialConferenceOverdue, CASE), at=CONFERENCE_BY
    )
    both.then(s47.InitialConferenceOverdue)  # it stands at a higher level already
    facts = (*CASE, *late.happened, *both.happened)
    given(*facts).when(command(s47.RecordChildSeen, CASE), at=CONFERENCE_BY + A_SECOND).then(s47.ChildSeen)


def test_the_conference_is_held_once_and_a_plan_it_makes_is_on_record() -> None:
    held = given(CASE).when(command(s47.RecordInitialConference, CASE))
    held.then(
        like(s47.InitialConferenceHeld, plan_made=True), like(ChildProtectionPlanRecorded, is_open=True)
    )
    assert held.after.case.child_protection_plan
    assert CONFERENCE not in held.after.case.due
    again = command(s47.RecordInitialConference, CASE, plan_made=False)
    given(*CASE, *held.happened).when(again).refused(AlreadyRecorded)


def test_without_a_plan_nothing_else_is_recorded() -> None:
    held = given(CASE).when(command(s47.RecordInitialConference, CASE, plan_made=False))
    held.then(like(s47.InitialConferenceHeld, plan_made=False))
    assert not held.after.case.child_protection_plan


def test_the_outcome_of_the_enquiry_ends_both_deadlines_and_what_was_put_higher_because_of_them() -> None:
    late = given(CASE).when(command(s47.MarkChildNotSeen, CASE), at=SEEN_BY)
    ended = given(*CASE, *late.happened).when(command(en.RecordSafeguardingOutcome, CASE))
    ended.then(en.SafeguardingOutcomeRecorded, like(es.EscalationResolved, outcome="enquiry_ended"))
    assert not {SEEN, CONFERENCE} & ended.after.case.due.keys()


def test_the_enquiry_is_watched_after_the_case_has_closed() -> None:
    closed = CASE.closed()
    assert {SEEN, CONFERENCE} <= closed.case.due.keys()
    given(closed).when(command(s47.MarkChildNotSeen, closed), at=SEEN_BY).then(
        s47.ChildNotSeen, es.EscalationRaised
    )


# -- triage ----------------------------------------------------------------------------------------------------------


def a_concern(case: CaseStory, *, about: str) -> RaiseSafeguardingConcern:
    told = {"about": about, "category": "neglect", "immediate_danger": False, "concern": "Alone at night"}
    return RaiseSafeguardingConcern.model_validate({"case_id": case.case_id, **told})


def test_a_concern_about_a_child_brings_the_triage_decision_forward_by_a_day() -> None:
    case = a_case().submitted()
    raised = given(case).when(a_concern(case, about="child"), as_=KEY_WORKER, at=REFERRED)
    sooner = raised.one(TriageBroughtForward).triage_due_at
    assert raised.after.case.due["triage"] == sooner < case.case.due["triage"]


def test_a_concern_about_an_adult_or_outside_triage_brings_nothing_forward() -> None:
    referred, supported = a_case().submitted(), a_case().active()
    given(referred).when(a_concern(referred, about="adult"), at=REFERRED).then(SafeguardingConcernRaised)
    given(supported).when(a_concern(supported, about="child")).then(SafeguardingConcernRaised)


def test_triage_that_is_due_sooner_already_stays_as_it_is() -> None:
    case = a_case().in_triage().with_concern("first", about="child")
    due_at = case.case.due["triage"]
    given(case).when(a_concern(case, about="child"), at=due_at).then(SafeguardingConcernRaised)


def test_a_referral_of_a_draft_with_a_concern_about_a_child_is_urgent_from_the_start() -> None:
    draft = a_case().then_also(
        ReferralDrafted(**a_case().ids, programme=PROGRAMME, referring_agency=POLICE, form=ReferralForm())
    )
    submit = SubmitReferral.model_validate({**SubmitReferral.EXAMPLE, "case_id": draft.case_id})
    usual = given(draft).when(submit).one(ReferralSubmitted).triage_due_at
    urgent = given(draft.with_concern(about="child")).when(submit).one(ReferralSubmitted).triage_due_at
    assert urgent < usual
