"""Consent: the person is asked about one disclosure and answers, apart from their agreement to take part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.case import consent as c
from domain.case import consent_renewal as cr
from domain.case import consent_request as cq
from domain.case import sharing as sh
from domain.case.consent_rules import AgencyNotNamed
from domain.case.deciders import CapacityRetestRequired, PersonLacksCapacity
from domain.case.disclosure import may_disclose
from domain.case.grants import GrantState
from domain.case.sharing import Category, Purpose
from domain.errors import NotFound
from domain.messages import GrantId
from tests.support.scenario import (
    CGL,
    CONSENTED,
    COORDINATOR,
    HOUSING,
    POLICE,
    REFERRER,
    CaseStory,
    a_case,
    actor,
    given,
    like,
    london,
    new_id,
    rules,
    some_id,
)

ASKED: dict[str, Any] = {
    "discloser": POLICE,
    "recipient": "forum",
    "purpose": Purpose.COORDINATED_SUPPORT,
    "categories": (Category.IDENTITY, Category.OFFENDING),
    "capacity_view": sh.CapacityView.HAS,
    "information_version": "notice-2026.1",
}
CASE = a_case().awaiting_consent()


def ask(case: CaseStory = CASE, **other: Any) -> cq.RequestConsent:
    return cq.RequestConsent(case_id=case.case_id, **{**ASKED, **other})


def asked(case: CaseStory = CASE, **other: Any) -> tuple[CaseStory, GrantId]:
    requested = given(case).when(ask(case, **other), as_=COORDINATOR).one(cq.ConsentRequested)
    return case.then_also(requested), requested.grant_id


def yes(case: CaseStory, grant_id: GrantId, **other: Any) -> c.GrantConsent:
    fields = {"method": "signed", "evidence_ref": "form-1", **other}
    return c.GrantConsent(case_id=case.case_id, grant_id=grant_id, **fields)


# -- asking ----------------------------------------------------------------------------------------------------------


def test_a_request_is_for_one_discloser_recipient_and_purpose_and_says_who_asked() -> None:
    given(CASE).when(ask(), as_=COORDINATOR).then(
        like(cq.ConsentRequested, grant_id=new_id("grant"), discloser=POLICE, asked_by=COORDINATOR.person)
    )


def test_nobody_is_asked_before_a_view_of_their_capacity_is_taken() -> None:
    given(CASE).when(ask(capacity_view=sh.CapacityView.NOT_ASSESSED)).refused(cq.CapacityViewRequired)


def test_what_somebody_without_capacity_cannot_decide_is_asked_all_the_same_but_not_answered_by_them() -> (
    None
):
    case, grant_id = asked(capacity_view=sh.CapacityView.LACKS)
    given(case).when(yes(case, grant_id)).refused(PersonLacksCapacity)


@pytest.mark.parametrize("nobody", ["all", "All agencies", "any-partner", "everyone involved", "*"])
@pytest.mark.parametrize("field", ["discloser", "recipient"])
def test_there_is_no_consent_for_everybody(field: str, nobody: str) -> None:
    """Source: explicit consent per agency and purpose (domain reference 3.3)."""
    given(CASE).when(ask(**{field: nobody})).refused(AgencyNotNamed, field=field, agency=nobody)


def test_a_referrer_asks_only_for_their_own_agency() -> None:
    given(CASE).when(ask(discloser=HOUSING), as_=REFERRER).refused(c.OwnAgencyOnly)


@pytest.mark.parametrize(
    ("told", "understood"),
    [
        ({}, False),
        ({"interpreter_used": True}, True),
        ({"information_language": "Romanian"}, True),
        ({"information_language": "Polish"}, False),
    ],
)
def test_who_needs_an_interpreter_has_one_or_is_told_in_their_own_language(
    told: dict[str, Any], *, understood: bool
) -> None:
    case = a_case(interpreter_needed=True, first_language="Romanian").awaiting_consent()
    outcome = given(case).when(ask(case, **told))
    if understood:
        outcome.then(cq.ConsentRequested)
    else:
        outcome.refused(cq.AccessibleInformationRequired)


def test_nobody_is_asked_the_same_twice_at_once() -> None:
    case, grant_id = asked()
    again = ask(grant_id=some_id("other"), categories=(Category.OFFENDING, Category.IDENTITY))
    given(case).when(again).refused(cq.ConsentAlreadyAsked, grant_id=grant_id)
    given(case).when(ask(grant_id=some_id("other"), categories=(Category.HOUSING,))).then(cq.ConsentRequested)


# -- asking again ----------------------------------------------------------------------------------------------------


def said_no() -> tuple[CaseStory, GrantId]:
    case, grant_id = asked()
    refused = given(case).when(c.RefuseConsent(case_id=case.case_id, grant_id=grant_id), at=CONSENTED)
    return case.then_also(refused.one(c.ConsentRefused), at=CONSENTED), grant_id


AGAIN_FROM = rules().deadline("manchester-maps", "consent_ask_again", CONSENTED)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(("early", "allowed"), [(timedelta(seconds=1), False), (timedelta(0), True)])
def test_after_a_no_the_same_is_asked_again_only_after_the_interval(
    early: timedelta, *, allowed: bool, named: bool
) -> None:
    case, grant_id = said_no()
    command = ask(grant_id=grant_id) if named else ask()
    outcome = given(case).when(command, at=AGAIN_FROM - early)
    if allowed:
        outcome.then(like(cq.ConsentRequested, grant_id=grant_id))
        assert outcome.after.case.grants[grant_id].state is GrantState.REQUESTED
    else:
        outcome.refused(cq.AskedTooSoon)


def test_a_new_id_does_not_help_to_press_somebody_who_said_no() -> None:
    case, _ = said_no()
    given(case).when(ask(grant_id=some_id("other"))).refused(cq.AskedTooSoon)
    more = (Category.IDENTITY, Category.OFFENDING, Category.HOUSING)
    given(case).when(ask(grant_id=some_id("other"), categories=more)).refused(cq.AskedTooSoon)


def test_less_and_other_things_may_be_asked_at_once() -> None:
    case, _ = said_no()
    given(case).when(ask(categories=(Category.IDENTITY,))).then(cq.ConsentRequested)
    given(case).when(ask(recipient=HOUSING)).then(cq.ConsentRequested)
    given(case).when(ask(purpose=Purpose.HANDOVER)).then(cq.ConsentRequested)


def test_changed_circumstances_are_a_reason_to_ask_sooner_and_on_record() -> None:
    case, _ = said_no()
    given(case).when(ask(changed_circumstances="Now trusts the worker")).then(
        like(cq.ConsentRequested, changed_circumstances="Now trusts the worker")
    )


def test_a_consent_that_ran_out_is_no_no_and_may_be_asked_for_at_once() -> None:
    granted = a_case().with_grant(POLICE, Category.IDENTITY, Category.OFFENDING)
    expiry = granted.case.grants[granted.grant_id(POLICE)].expires_at
    expired = given(granted).when(
        cr.ExpireConsent(case_id=granted.case_id, grant_id=granted.grant_id(POLICE)), at=expiry
    )
    story = granted.then_also(*expired.accepted().happened, at=expiry)
    given(story).when(ask(story)).then(like(cq.ConsentRequested, grant_id=granted.grant_id(POLICE)))


def test_a_consent_that_ended_cannot_be_turned_into_another() -> None:
    case, grant_id = said_no()
    given(case).when(ask(grant_id=grant_id, recipient=HOUSING)).refused(
        cq.GrantIsForOther, differs="recipient"
    )


# -- answering -------------------------------------------------------------------------------------------------------


def test_a_yes_is_reviewed_after_six_months_and_ends_after_twelve() -> None:
    case, grant_id = asked()
    granted = given(case).when(yes(case, grant_id), at=london(2027, 1, 31, 10)).one(c.ConsentGranted)
    assert granted.review_due_at == london(2027, 7, 31, 10)
    assert granted.expires_at == london(2028, 1, 31, 10)


def test_a_late_yes_counts_from_when_it_was_given() -> None:
    case, grant_id = asked()
    granted = given(case).when(
        yes(case, grant_id), at=london(2027, 1, 31, 10), effective_at=london(2027, 1, 8, 10)
    )
    assert granted.one(c.ConsentGranted).effective_from == london(2027, 1, 8, 10)
    assert granted.one(c.ConsentGranted).expires_at == london(2028, 1, 8, 10)


@pytest.mark.parametrize(
    ("given_fields", "missing"),
    [
        ({"method": None, "evidence_ref": None}, "method, evidence_ref"),
        ({"method": None}, "method"),
        ({"evidence_ref": None}, "evidence_ref"),
    ],
)
def test_an_adapter_that_brings_no_evidence_brings_no_consent(
    given_fields: dict[str, Any], missing: str
) -> None:
    case, grant_id = asked()
    outcome = given(case).when(yes(case, grant_id, **given_fields), as_=actor("adapter", agency=POLICE))
    outcome.refused(c.ConsentEvidenceRequired, missing=missing)
    assert outcome.after.case.grants[grant_id].state is GrantState.REQUESTED


@pytest.mark.parametrize(("discloser", "recipient"), [(CGL, "forum"), (POLICE, CGL)])
def test_a_substance_misuse_service_shares_and_is_told_only_with_explicit_consent(
    discloser: str, recipient: str
) -> None:
    case, grant_id = asked(discloser=discloser, recipient=recipient, categories=(Category.SUBSTANCE_USE,))
    given(case).when(yes(case, grant_id)).refused(c.ExplicitConsentRequired, agency=CGL)
    given(case).when(yes(case, grant_id, explicit=True)).then(c.ConsentGranted)


@pytest.mark.parametrize(
    ("view_now", "rule"),
    [
        (None, CapacityRetestRequired),
        (sh.CapacityView.FLUCTUATES, CapacityRetestRequired),
        (sh.CapacityView.LACKS, PersonLacksCapacity),
        (sh.CapacityView.HAS, None),
    ],
)
def test_capacity_that_fluctuates_is_tested_again_when_the_person_decides(
    view_now: sh.CapacityView | None, rule: Any
) -> None:
    case, grant_id = asked(capacity_view=sh.CapacityView.FLUCTUATES)
    outcome = given(case).when(yes(case, grant_id, capacity_view=view_now))
    if rule:
        outcome.refused(rule)
    else:
        outcome.then(like(c.ConsentGranted, capacity_view=sh.CapacityView.HAS))


def test_a_consent_that_nobody_asked_for_cannot_be_given() -> None:
    given(CASE).when(yes(CASE, GrantId(some_id("unknown")))).refused(NotFound)


def test_a_no_to_one_agency_leaves_a_yes_to_another() -> None:
    case = a_case().with_grant(POLICE, Category.IDENTITY, recipient=HOUSING)
    case, to_cgl = asked(case, recipient=CGL, categories=(Category.IDENTITY,))
    refused = given(case).when(c.RefuseConsent(case_id=case.case_id, grant_id=to_cgl))
    after = refused.then(c.ConsentRefused).after.case
    told = (Purpose.COORDINATED_SUPPORT, Category.IDENTITY, CONSENTED, rules())
    assert may_disclose(after, POLICE, HOUSING, *told) is not None
    assert may_disclose(after, POLICE, CGL, *told) is None
