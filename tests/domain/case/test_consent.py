"""Consent: the person's yes to one disclosure, apart from their agreement to take part and from the lawful basis."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.case import consent as c
from domain.case.consent import Category, Purpose, may_disclose
from domain.errors import NotFound
from domain.messages import GrantId
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CONSENTED,
    COORDINATOR,
    HOUSING,
    POLICE,
    REFERRER,
    a_case,
    given,
    like,
    london,
    new_id,
    some_id,
)

ASKED = {
    "discloser": POLICE,
    "recipient": "forum",
    "purpose": Purpose.COORDINATED_SUPPORT,
    "categories": (Category.IDENTITY, Category.OFFENDING),
    "capacity_view": c.CapacityView.HAS,
    "information_version": "notice-2026.1",
}


def asked(**other: Any) -> tuple[Any, GrantId]:
    case = a_case().awaiting_consent()
    request = c.RequestConsent(case_id=case.case_id, **{**ASKED, **other})
    requested = given(case).when(request, as_=COORDINATOR).one(c.ConsentRequested)
    return (case, [*case.facts, requested]), requested.grant_id


def test_a_request_is_for_one_discloser_recipient_and_purpose_and_says_who_asked() -> None:
    case = a_case().awaiting_consent()
    given(case).when(c.RequestConsent(case_id=case.case_id, **ASKED), as_=COORDINATOR).then(
        like(c.ConsentRequested, grant_id=new_id("grant"), discloser=POLICE, asked_by=COORDINATOR.person)
    )


@pytest.mark.parametrize(
    ("view", "rule"),
    [(c.CapacityView.NOT_ASSESSED, c.CapacityViewRequired), (c.CapacityView.LACKS, c.PersonLacksCapacity)],
)
def test_nobody_is_asked_before_a_view_of_their_capacity_is_taken(view: c.CapacityView, rule: Any) -> None:
    case = a_case().awaiting_consent()
    given(case).when(c.RequestConsent(case_id=case.case_id, **{**ASKED, "capacity_view": view})).refused(rule)


def test_a_referrer_asks_only_for_their_own_agency() -> None:
    case = a_case().awaiting_consent()
    given(case).when(
        c.RequestConsent(case_id=case.case_id, **{**ASKED, "discloser": HOUSING}), as_=REFERRER
    ).refused(c.OwnAgencyOnly)


def test_a_yes_is_reviewed_after_six_months_and_ends_after_twelve() -> None:
    (case, facts), grant_id = asked()
    granted = (
        given(*facts)
        .when(
            c.GrantConsent(case_id=case.case_id, grant_id=grant_id, method="signed", evidence_ref="form-1"),
            at=london(2027, 1, 31, 10),
        )
        .one(c.ConsentGranted)
    )
    assert granted.review_due_at == london(2027, 7, 31, 10)
    assert granted.expires_at == london(2028, 1, 31, 10)


def test_a_substance_misuse_service_shares_only_with_explicit_consent() -> None:
    (case, facts), grant_id = asked(discloser=CGL, categories=(Category.SUBSTANCE_USE,))
    yes = {"case_id": case.case_id, "grant_id": grant_id, "method": "verbal", "evidence_ref": "note-2"}
    given(*facts).when(c.GrantConsent(**yes)).refused(c.ExplicitConsentRequired)
    given(*facts).when(c.GrantConsent(**yes, explicit=True)).one(c.ConsentGranted)


def test_a_consent_that_nobody_asked_for_cannot_be_given() -> None:
    case = a_case().awaiting_consent()
    unknown = GrantId(some_id("unknown"))
    given(case).when(
        c.GrantConsent(case_id=case.case_id, grant_id=unknown, method="signed", evidence_ref="form-1")
    ).refused(NotFound)


def test_a_no_stands_and_a_yes_may_be_taken_back() -> None:
    (case, facts), grant_id = asked()
    given(*facts).when(c.RefuseConsent(case_id=case.case_id, grant_id=grant_id)).then(c.ConsentRefused)
    given(*facts).when(
        c.WithdrawConsent(case_id=case.case_id, grant_id=grant_id, by_channel="telephone")
    ).refused(c.GrantNotInState)
    granted = a_case().with_grant(POLICE, Category.OFFENDING)
    withdrawn = given(granted).when(
        c.WithdrawConsent(case_id=granted.case_id, grant_id=granted.grant_id(POLICE), by_channel="telephone")
    )
    withdrawn.then(c.ConsentWithdrawn)
    after = withdrawn.after.case
    assert (
        may_disclose(after, POLICE, "forum", Purpose.COORDINATED_SUPPORT, Category.OFFENDING, CONSENTED)
        is None
    )


def test_the_gate_opens_at_the_first_instant_of_a_consent_and_shuts_at_its_last() -> None:
    case = a_case().with_grant(POLICE, Category.OFFENDING).case
    five = (case, POLICE, "forum", Purpose.COORDINATED_SUPPORT, Category.OFFENDING)
    expires = next(iter(case.grants.values())).expires_at
    assert expires is not None
    assert may_disclose(*five, CONSENTED - A_SECOND) is None
    assert may_disclose(*five, CONSENTED) is not None
    assert may_disclose(*five, expires - A_SECOND) is not None
    assert may_disclose(*five, expires) is None


@for_all(
    discloser=st.sampled_from([POLICE, HOUSING, CGL]),
    recipient=st.sampled_from(["forum", HOUSING]),
    purpose=st.sampled_from(Purpose),
    category=st.sampled_from(Category),
)
def test_without_a_consent_that_covers_all_five_the_gate_stays_shut(
    discloser: str, recipient: str, purpose: Purpose, category: Category
) -> None:
    case = a_case().with_grant(POLICE, Category.OFFENDING, Category.IDENTITY).case
    covered = (
        discloser == POLICE
        and recipient == "forum"
        and purpose is Purpose.COORDINATED_SUPPORT
        and category in (Category.OFFENDING, Category.IDENTITY)
    )
    assert (may_disclose(case, discloser, recipient, purpose, category, CONSENTED) is not None) is covered


def test_the_lawful_basis_is_recorded_apart_from_any_consent() -> None:
    case = a_case().awaiting_consent()
    recorded = given(case).when(
        c.RecordLawfulBasis(
            case_id=case.case_id,
            controller=HOUSING,
            purpose=Purpose.COORDINATED_SUPPORT,
            article_6="6-1-e-public-task",
        )
    )
    recorded.then(c.LawfulBasisRecorded)
    assert recorded.after.case.grants == {}
