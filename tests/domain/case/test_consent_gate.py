"""The gate: which consent opens it, from when to when, for whom, and with what answer."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.case.consent import ConsentRefused
from domain.case.consent_request import ConsentRequested
from domain.case.disclosure import may_disclose, may_tell_member
from domain.case.grants import GrantState
from domain.case.sharing import Category, Purpose
from tests.support.scenario import (
    A_SECOND,
    CGL,
    CONSENTED,
    HOUSING,
    POLICE,
    SHELTER,
    CaseStory,
    a_case,
    rules,
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


def test_the_answer_names_the_consent_and_the_instant_at_which_it_was_asked() -> None:
    story = a_case().with_grant(POLICE, Category.OFFENDING)
    basis = may_disclose(
        story.case, POLICE, "forum", Purpose.COORDINATED_SUPPORT, Category.OFFENDING, CONSENTED, rules()
    )
    assert basis is not None
    assert (basis.kind, basis.grant_id, basis.evaluated_at) == ("grant", story.grant_id(POLICE), CONSENTED)


@pytest.mark.parametrize("written", ["GMP", "greater manchester police", "Greater Manchester Police"])
def test_an_agency_is_the_same_however_it_is_written(written: str) -> None:
    case = a_case().with_grant(POLICE, Category.OFFENDING).case
    asked = (case, written, "forum", Purpose.COORDINATED_SUPPORT, Category.OFFENDING, CONSENTED, rules())
    assert may_disclose(*asked) is not None


def refused_to(story: CaseStory, recipient: str) -> CaseStory:
    """The person was asked whether the police may tell this agency, and said no."""
    grant_id = story.grant_id(POLICE, recipient)
    return story.then_also(
        ConsentRequested(
            **story.ids,
            grant_id=grant_id,
            discloser=POLICE,
            recipient=recipient,
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.IDENTITY,),
            capacity_view="has",
            information_version="notice-2026.1",
            information_language="English",
            information_format="spoken",
            asked_by="coordinator-1",
        ),
        ConsentRefused(**story.ids, grant_id=grant_id),
    )


def test_what_the_forum_may_know_its_members_may_but_for_those_whom_the_person_excepted() -> None:
    story = refused_to(a_case().with_grant(POLICE, Category.IDENTITY, Category.OFFENDING), CGL)
    assert story.case.grants[story.grant_id(POLICE, CGL)].state is GrantState.REFUSED

    def told(member: str, category: Category) -> bool:
        known = (story.case, POLICE, member, Purpose.COORDINATED_SUPPORT, category, CONSENTED, rules())
        return may_tell_member(*known) is not None

    assert told(HOUSING, Category.IDENTITY)
    assert told(SHELTER, Category.OFFENDING)
    assert not told(CGL, Category.IDENTITY)
    assert told(CGL, Category.OFFENDING)
    assert not told(HOUSING, Category.HEALTH)


def test_a_yes_to_one_member_is_for_that_one_alone() -> None:
    case = a_case().with_grant(POLICE, Category.IDENTITY, recipient=HOUSING).case
    told = (Purpose.COORDINATED_SUPPORT, Category.IDENTITY, CONSENTED, rules())
    assert may_tell_member(case, POLICE, HOUSING, *told) is not None
    assert may_tell_member(case, POLICE, SHELTER, *told) is None
    assert may_disclose(case, POLICE, "forum", *told) is None
