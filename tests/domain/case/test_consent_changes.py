"""What becomes of a consent: narrowed, taken back, reviewed, renewed or run out; sharing stops and nothing else moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.case import consent_changes as cc
from domain.case import consent_renewal as cr
from domain.case.action import ActionAssigned, AgencyTakenOut, AssignAction
from domain.case.action_changes import ActionCancelled, ActionReassigned, ReassignAction
from domain.case.consent_rules import CapacityViewRequired, ConsentEvidenceRequired, ExplicitConsentRequired
from domain.case.deciders import PersonLacksCapacity
from domain.case.disclosure import LawfulBasisRecorded, agencies_excluded, may_disclose
from domain.case.grants import GrantState
from domain.case.sharing import CapacityView, Category, Purpose
from domain.case.stages import Stage
from domain.errors import NotYetDue
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CONSENTED,
    HOUSING,
    MEETS,
    POLICE,
    SHELTER,
    SYSTEM,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
    rules,
)

GRANTED = a_case().with_grant(POLICE, Category.IDENTITY, Category.OFFENDING)
ID: dict[str, Any] = {"case_id": GRANTED.case_id, "grant_id": GRANTED.grant_id(POLICE)}
REVIEW = rules().deadline("manchester-maps", "consent_review", CONSENTED)
EXPIRY = rules().deadline("manchester-maps", "consent_expiry", CONSENTED)
LISTED_CASE = GRANTED.ready_for_forum().on_agenda(asked=(POLICE, HOUSING, CGL))
withdraw = cc.WithdrawConsent(**ID, by_channel="telephone")
expire = cr.ExpireConsent(**ID)


def gate(case: Any, category: Category, at: Any) -> object:
    return may_disclose(case, POLICE, "forum", Purpose.COORDINATED_SUPPORT, category, at, rules())


# -- taking back -----------------------------------------------------------------------------------------------------


def test_sharing_stops_with_the_withdrawal_and_the_recipients_are_named_to_be_told() -> None:
    outcome = given(LISTED_CASE).when(withdraw)
    happened = outcome.then(
        like(cc.ConsentWithdrawn, recipients=("forum", HOUSING, CGL), discloser=POLICE),
        like(cc.ForumItemPulled, because="withdrawn", recipients=("forum", HOUSING, CGL)),
    )
    after = happened.after.case
    assert gate(after, Category.OFFENDING, outcome.after.case.due["returns"]) is None
    assert after.stage is Stage.ON_AGENDA
    assert after.grants[ID["grant_id"]].state is GrantState.WITHDRAWN


def test_no_reason_is_needed_and_any_role_that_records_consent_may_record_its_end() -> None:
    for role in ("referrer", "coordinator", "key_worker", "manager", "person", "adapter"):
        given(GRANTED).when(withdraw, as_=actor(role, agency=HOUSING)).then(cc.ConsentWithdrawn)


def test_a_single_recipient_hears_alone_that_a_consent_ended() -> None:
    case = a_case().with_grant(POLICE, recipient=HOUSING)
    command = cc.WithdrawConsent(
        case_id=case.case_id, grant_id=case.grant_id(POLICE, HOUSING), by_channel="letter"
    )
    given(case).when(command).then(like(cc.ConsentWithdrawn, recipients=(HOUSING,)))


def test_a_part_may_be_taken_back_and_the_rest_goes_on() -> None:
    outcome = given(LISTED_CASE).when(cc.NarrowConsent(**ID, categories=(Category.IDENTITY,)))
    outcome.then(
        like(cc.ConsentNarrowed, categories=(Category.IDENTITY,), taken_back=(Category.OFFENDING,)),
        like(cc.ForumItemPulled, because="narrowed", categories=(Category.OFFENDING,)),
    )
    after = outcome.after.case
    assert gate(after, Category.IDENTITY, MEETS) is not None
    assert gate(after, Category.OFFENDING, MEETS) is None


@pytest.mark.parametrize(
    "categories",
    [(Category.IDENTITY, Category.OFFENDING), (Category.HOUSING,), (Category.IDENTITY, Category.HOUSING)],
)
def test_narrowing_never_widens(categories: tuple[Category, ...]) -> None:
    given(GRANTED).when(cc.NarrowConsent(**ID, categories=categories)).refused(cc.NotNarrower)


# -- the actions of an agency that is taken out ----------------------------------------------------------------------


def supported(*, recipient: str = "forum", discloser: str = HOUSING) -> CaseStory:
    story = a_case().with_grant(discloser, recipient=recipient).active(a_worker())
    return story.with_action("forms", agency=HOUSING)


@pytest.mark.parametrize(("discloser", "recipient"), [(HOUSING, "forum"), (POLICE, HOUSING)])
def test_open_actions_of_an_agency_that_is_taken_out_go_to_the_key_worker(
    discloser: str, recipient: str
) -> None:
    case = supported(discloser=discloser, recipient=recipient)
    grant_id = case.grant_id(discloser, recipient)
    outcome = given(case).when(
        cc.WithdrawConsent(case_id=case.case_id, grant_id=grant_id, by_channel="visit")
    )
    outcome.then(
        like(cc.ConsentWithdrawn, agencies_excluded=(HOUSING,)),
        like(ActionReassigned, agency=SHELTER, because="consent_withdrawn"),
    )
    assert agencies_excluded(outcome.after.case) == {HOUSING}


def test_an_agency_that_is_taken_out_gets_no_new_action_until_there_is_a_new_consent() -> None:
    case = supported()
    withdraw = cc.WithdrawConsent(case_id=case.case_id, grant_id=case.grant_id(HOUSING), by_channel="visit")
    story = [*case, *given(case).when(withdraw).accepted().happened]
    assign = AssignAction(
        case_id=case.case_id, owner="housing-9", agency=HOUSING, links_to="risk:eviction", what="Call"
    )
    given(*story).when(assign).refused(AgencyTakenOut)
    given(*story).when(assign.model_copy(update={"agency": POLICE})).then(ActionAssigned)
    back = ReassignAction(
        case_id=case.case_id,
        action_id=case.action_id("forms"),
        owner="housing-9",
        agency=HOUSING,
        accepted_by_agency=True,
    )
    given(*story).when(back).refused(AgencyTakenOut)
    again = case.with_grant(POLICE, recipient=HOUSING)
    given(again).when(assign).then(ActionAssigned)


def test_without_a_key_worker_they_are_cancelled_by_an_event() -> None:
    case = a_case().with_grant(HOUSING).led_by(POLICE).with_action("forms", agency=HOUSING)
    command = cc.WithdrawConsent(case_id=case.case_id, grant_id=case.grant_id(HOUSING), by_channel="visit")
    given(case).when(command).then(cc.ConsentWithdrawn, like(ActionCancelled, because="consent_withdrawn"))


def test_an_agency_with_another_live_consent_stays() -> None:
    case = supported().with_grant(POLICE, recipient=HOUSING)
    command = cc.WithdrawConsent(case_id=case.case_id, grant_id=case.grant_id(HOUSING), by_channel="visit")
    outcome = given(case).when(command).then(like(cc.ConsentWithdrawn, agencies_excluded=()))
    assert agencies_excluded(outcome.after.case) == frozenset()


# -- review, renewal, end --------------------------------------------------------------------------------------------


def test_the_review_comes_at_its_date_and_the_consent_is_usable_until_it_expires() -> None:
    mark = cr.MarkConsentReviewDue(**ID)
    given(GRANTED).when(mark, as_=SYSTEM, at=REVIEW - A_SECOND).refused(NotYetDue)
    outcome = given(GRANTED).when(mark, as_=SYSTEM, at=REVIEW)
    outcome.then(like(cr.ConsentReviewDue, due_at=REVIEW, expires_at=EXPIRY))
    assert gate(outcome.after.case, Category.IDENTITY, EXPIRY - A_SECOND) is not None


IN_REVIEW = GRANTED.then_also(
    cr.ConsentReviewDue(**GRANTED.ids, grant_id=ID["grant_id"], due_at=REVIEW, expires_at=EXPIRY), at=REVIEW
)
RENEWAL = cr.RenewConsent(
    **ID,
    information_version="notice-2027.1",
    capacity_view=CapacityView.HAS,
    method="verbal",
    evidence_ref="note-44",
)


def test_a_renewal_sets_both_clocks_anew() -> None:
    outcome = given(IN_REVIEW).when(RENEWAL, at=london(2027, 7, 12, 9))
    renewed = outcome.one(cr.ConsentRenewed)
    assert renewed.review_due_at == london(2028, 1, 12, 9)
    assert renewed.expires_at == london(2028, 7, 12, 9)
    after = outcome.after.case
    assert after.due[f"consent_review:{ID['grant_id']}"] == renewed.review_due_at
    assert gate(after, Category.IDENTITY, EXPIRY) is not None
    assert gate(after, Category.IDENTITY, CONSENTED) is not None


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        ({"capacity_view": CapacityView.NOT_ASSESSED}, CapacityViewRequired),
        ({"capacity_view": CapacityView.LACKS}, PersonLacksCapacity),
        ({"method": None}, ConsentEvidenceRequired),
    ],
)
def test_a_renewal_is_as_demanding_as_the_first_yes(other: dict[str, Any], rule: Any) -> None:
    given(IN_REVIEW).when(RENEWAL.model_copy(update=other)).refused(rule)


def test_a_renewal_is_explicit_where_the_agency_demands_it() -> None:
    case = a_case().with_grant(CGL, Category.SUBSTANCE_USE)
    grant_id = case.grant_id(CGL)
    due = cr.ConsentReviewDue(**case.ids, grant_id=grant_id, due_at=REVIEW, expires_at=EXPIRY)
    renewal = RENEWAL.model_copy(update={"grant_id": grant_id})
    given(case.then_also(due, at=REVIEW)).when(renewal).refused(ExplicitConsentRequired)


def test_a_consent_that_ends_the_night_before_the_meeting_pulls_the_item_from_its_recipients() -> None:
    night = london(2027, 1, 19, 2)
    given_at = london(2026, 1, 19, 2)
    case = a_case().with_grant(POLICE, Category.OFFENDING, at=given_at).ready_for_forum().on_agenda()
    outcome = given(case).when(expire, as_=SYSTEM, at=night)
    outcome.then(
        like(cr.ConsentExpired, due_at=night, recipients=("forum", HOUSING, CGL)),
        like(
            cc.ForumItemPulled,
            because="expired",
            discloser=POLICE,
            categories=(Category.OFFENDING,),
            recipients=("forum", HOUSING, CGL),
        ),
    )
    assert outcome.after.case.stage is Stage.ON_AGENDA
    given(case).when(expire, as_=SYSTEM, at=night - A_SECOND).refused(NotYetDue)


def test_it_pulls_a_review_of_a_case_in_support_just_as_well() -> None:
    """Scenario 11, long after the first meeting."""
    sam = a_worker("sam")
    given(sam, GRANTED.active(sam).up_for_review()).when(withdraw).one(cc.ForumItemPulled)


def test_an_item_stays_with_its_recipients_while_another_basis_carries_it() -> None:
    second = a_case().with_grant(POLICE, Category.OFFENDING, at=CONSENTED - timedelta(days=360))
    basis = LawfulBasisRecorded(
        **second.ids,
        controller=POLICE,
        purpose=Purpose.COORDINATED_SUPPORT,
        article_6="6-1-e-public-task",
        schedule_1="paragraph-10",
    )
    listed = second.then_also(basis).ready_for_forum().on_agenda()
    end = second.case.grants[ID["grant_id"]].expires_at
    given(listed).when(expire, as_=SYSTEM, at=end).then(cr.ConsentExpired)
    given(listed).when(withdraw).then(cc.ConsentWithdrawn, cc.ForumItemPulled)


def test_the_end_of_a_consent_never_moves_the_case() -> None:
    for story in (GRANTED, GRANTED.ready_for_forum(), LISTED_CASE, GRANTED.accepted()):
        for command in (withdraw, expire, cc.NarrowConsent(**ID, categories=(Category.IDENTITY,))):
            outcome = given(story).when(command, at=EXPIRY)
            assert outcome.accepted().after.case.stage is story.case.stage
