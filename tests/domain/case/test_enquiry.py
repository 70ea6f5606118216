"""Enquiries: what follows when a safeguarding concern meets the threshold, and which other forum hears of it."""

from datetime import date, datetime, timedelta

import pytest

from domain.case import enquiry as en
from domain.case.escalation import EscalationRaised, EscalationResolved
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue
from domain.messages import Actor, Command, ConcernId
from tests.support.scenario import (
    A_SECOND,
    COORDINATOR,
    KEY_WORKER,
    MANAGER,
    SOCIAL_CARE,
    CaseStory,
    a_case,
    given,
    like,
    london,
    some_id,
)


def concern_of(case: CaseStory) -> ConcernId:
    return ConcernId(some_id(f"concern/{case.name}/concern"))


def command(kind: type[Command], case: CaseStory, **changed: object) -> Command:
    return kind.model_validate(
        {**kind.EXAMPLE, "case_id": case.case_id, "concern_id": concern_of(case), **changed}
    )


ADULT = a_case().active().with_concern().screened()
CHILD = a_case().active().with_concern(about="child").screened()


# -- adults ----------------------------------------------------------------------------------------------------------


def test_all_three_parts_of_the_test_open_an_enquiry_for_an_adult() -> None:
    opened = given(ADULT).when(command(en.OpenS42, ADULT)).then(en.Section42EnquiryOpened)
    assert opened.after.case.enquiries == {concern_of(ADULT)}
    assert opened.after.case.stage is ADULT.case.stage


@pytest.mark.parametrize("part", ["care_and_support_needs", "abuse_or_neglect", "cannot_protect_themselves"])
def test_an_enquiry_lacks_a_part_of_the_test_by_name(part: str) -> None:
    given(ADULT).when(command(en.OpenS42, ADULT, **{part: False})).refused(
        en.ThreePartTestNotSatisfied, missing=part
    )


@pytest.mark.parametrize("story", [ADULT, CHILD], ids=["adult", "child"])
def test_a_concern_that_meets_the_threshold_does_not_wait_for_its_enquiry_in_silence(
    story: CaseStory,
) -> None:
    clock = f"enquiry:{concern_of(story)}"
    due_at = story.case.due[clock]
    mark = en.MarkEnquiryOverdue(case_id=story.case_id, concern_id=concern_of(story))
    given(story).when(mark, at=due_at - A_SECOND).refused(NotYetDue)
    late = given(story).when(mark, at=due_at)
    late.then(
        like(en.EnquiryOverdue, due_at=due_at),
        like(EscalationRaised, subject="safeguarding", subject_id=concern_of(story)),
    )
    given(*story, *late.happened).when(mark, at=due_at).refused(AlreadyRecorded)
    opens = command(en.OpenS42 if story is ADULT else en.StrategyDiscussion, story)
    opened = given(*story, *late.happened).when(opens, at=due_at)
    assert opened.one(EscalationResolved).outcome == "enquiry_opened"
    assert clock not in opened.after.case.due


def test_a_concern_below_the_threshold_waits_for_no_enquiry() -> None:
    below = a_case().active().with_concern().screened(met=False)
    assert not [clock for clock in below.case.due if clock.startswith("enquiry")]


def test_an_adult_has_no_strategy_discussion_and_a_child_no_section_42() -> None:
    given(ADULT).when(command(en.StrategyDiscussion, ADULT)).refused(
        en.ConcernAboutSomebodyElse, about="an adult", wanted="a child"
    )
    given(CHILD).when(command(en.OpenS42, CHILD)).refused(
        en.ConcernAboutSomebodyElse, about="a child", wanted="an adult"
    )


def test_only_a_safeguarding_lead_opens_an_enquiry() -> None:
    given(ADULT).when(command(en.OpenS42, ADULT), as_=MANAGER).refused(NotPermitted)


# -- children --------------------------------------------------------------------------------------------------------


def test_a_strategy_discussion_opens_an_enquiry_for_a_child() -> None:
    held = given(CHILD).when(command(en.StrategyDiscussion, CHILD, agencies=["adult social care mcc", "GMP"]))
    held.then(en.StrategyDiscussionHeld, en.Section47Opened)
    assert held.after.case.enquiries == {concern_of(CHILD)}


def test_without_significant_harm_there_is_no_section_47() -> None:
    given(CHILD).when(command(en.StrategyDiscussion, CHILD, significant_harm=False)).refused(
        en.SignificantHarmNotSuspected
    )


# -- outcomes --------------------------------------------------------------------------------------------------------


def test_the_outcome_of_an_enquiry_closes_the_concern() -> None:
    opened = given(ADULT).when(command(en.OpenS42, ADULT))
    record = en.RecordSafeguardingOutcome(
        case_id=ADULT.case_id,
        concern_id=concern_of(ADULT),
        outcome="risk_reduced",
        explanation="Meals arranged",
    )
    recorded = given(*ADULT, *opened.happened).when(record)
    recorded.then(like(en.SafeguardingOutcomeRecorded, outcome="risk_reduced"))
    assert not recorded.after.case.open_concerns


# -- other forums ----------------------------------------------------------------------------------------------------

FIRST = london(2027, 3, 10, 9)


@pytest.mark.parametrize("by", [KEY_WORKER, MANAGER, COORDINATOR], ids=lambda one: one.role)
def test_whoever_works_with_the_person_refers_and_nothing_else_changes(by: Actor) -> None:
    case = a_case().active().with_concern()
    referred = given(case).when(command(en.ReferToForum, case), as_=by)
    referred.then(like(en.ReferredToForum, forum="marac", repeat=False))
    assert referred.after.case.open_concerns == case.case.open_concerns


@pytest.mark.parametrize(
    ("again", "repeat"),
    [
        (london(2027, 3, 10, 9), True),
        (london(2028, 3, 10, 9), True),
        (london(2028, 3, 10, 23, 59), True),
        (london(2028, 3, 11, 0, 0), False),
    ],
)
def test_a_second_marac_referral_within_twelve_months_is_a_repeat_the_last_day_included(
    again: datetime, repeat: bool
) -> None:
    case = a_case().active().with_concern(at=FIRST - timedelta(days=1))
    first = given(case).when(command(en.ReferToForum, case), at=FIRST, command_id=some_id("first"))
    second = given(*case, *first.happened).when(command(en.ReferToForum, case), at=again)
    second.then(like(en.ReferredToForum, repeat=repeat))


def test_another_forum_is_no_repeat_and_what_is_known_from_elsewhere_is_one() -> None:
    case = a_case().active().with_concern(at=FIRST - timedelta(days=1))
    first = given(case).when(command(en.ReferToForum, case), at=FIRST, command_id=some_id("first"))
    mappa = command(en.ReferToForum, case, forum="mappa")
    given(*case, *first.happened).when(mappa, at=FIRST).then(like(en.ReferredToForum, repeat=False))
    known = command(en.ReferToForum, case, last_referred_on=date(2026, 3, 10))
    given(case).when(known, at=FIRST).then(like(en.ReferredToForum, repeat=True))
    long_ago = command(en.ReferToForum, case, last_referred_on=date(2026, 3, 9))
    given(case).when(long_ago, at=FIRST).then(like(en.ReferredToForum, repeat=False))


def test_agencies_of_a_strategy_discussion_are_named_as_the_reference_data_names_them() -> None:
    held = given(CHILD).when(command(en.StrategyDiscussion, CHILD, agencies=[SOCIAL_CARE.lower()]))
    assert held.one(en.StrategyDiscussionHeld).agencies == (SOCIAL_CARE,)
