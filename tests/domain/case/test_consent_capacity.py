"""Who may decide about sharing, and how it is decided for somebody who cannot."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.case import best_interests as b
from domain.case import consent as c
from domain.case import consent_request as cq
from domain.case import deciders as d
from domain.case import disclosure as di
from domain.case.grants import GrantState
from domain.case.participation import ConsentPositionRecorded, ReachConsentPosition
from domain.case.sharing import CapacityView, Category, Purpose
from domain.case.viewers import ViewerBarred
from domain.messages import Event
from domain.person.identity import PersonRegistered
from tests.support.scenario import CONSENTED, POLICE, CaseStory, Given, a_case, given, like, london, rules

CASE = a_case().awaiting_consent(at=CONSENTED)
ID: dict[str, Any] = {"case_id": CASE.case_id, "grant_id": CASE.grant_id(POLICE)}
TODAY = london(2027, 3, 1, 10)


def asked(view: CapacityView = CapacityView.HAS) -> CaseStory:
    request = cq.ConsentRequested(
        **CASE.ids,
        grant_id=ID["grant_id"],
        discloser=POLICE,
        recipient="forum",
        purpose=Purpose.COORDINATED_SUPPORT,
        categories=(Category.IDENTITY,),
        capacity_view=view,
        information_version="notice-2026.1",
        information_language="English",
        information_format="spoken",
        asked_by="coordinator-1",
    )
    return CASE.then_also(request)


def born(day: str, story: CaseStory) -> Given:
    """The same story of somebody with another birthday."""

    def other(event: Event) -> Event:
        return (
            event.model_copy(update={"date_of_birth": day}) if isinstance(event, PersonRegistered) else event
        )

    return Given(tuple(map(other, story.facts)), TODAY)


def yes(**other: Any) -> c.GrantConsent:
    return c.GrantConsent(**ID, **{"method": "signed", "evidence_ref": "form-1", **other})


PARENT = {
    "decider": "parental_responsibility",
    "decided_by": "His mother",
    "parental_responsibility": "mother",
}
ATTORNEY = {"decider": "attorney", "decided_by": "His sister", "decider_document": "lpa-2024-17"}
DEPUTY = {"decider": "deputy", "decided_by": "J. Example", "decider_document": "cop-2025-3"}
FIFTEEN, SIXTEEN, ADULT = "2011-03-02", "2011-03-01", "1985-03-31"


@pytest.mark.parametrize(
    ("birthday", "view", "fields", "rule"),
    [
        (ADULT, "has", {}, None),
        (ADULT, "lacks", {}, d.PersonLacksCapacity),
        (ADULT, "has", ATTORNEY, d.DeciderNotEntitled),
        (ADULT, "lacks", ATTORNEY, None),
        (ADULT, "lacks", DEPUTY, None),
        (ADULT, "lacks", {**ATTORNEY, "decider_document": None}, d.DeciderProofRequired),
        (ADULT, "lacks", {**DEPUTY, "decided_by": None}, d.DeciderProofRequired),
        (ADULT, "has", {**PARENT, "gillick": "n"}, d.DeciderNotEntitled),
        (SIXTEEN, "has", {}, None),
        (SIXTEEN, "has", {**PARENT, "gillick": "n"}, d.DeciderNotEntitled),
        (SIXTEEN, "lacks", DEPUTY, None),
        (SIXTEEN, "lacks", ATTORNEY, d.DeciderNotEntitled),
        (FIFTEEN, "has", {}, d.GillickViewRequired),
        (FIFTEEN, "has", {"gillick": "n"}, d.GillickViewRequired),
        (FIFTEEN, "has", {"gillick": "y"}, None),
        (FIFTEEN, "has", {**PARENT, "gillick": "n"}, None),
        (FIFTEEN, "has", PARENT, d.GillickViewRequired),
        (FIFTEEN, "has", {**PARENT, "gillick": "y"}, d.DeciderNotEntitled),
        (FIFTEEN, "has", {**PARENT, "gillick": "n", "parental_responsibility": None}, d.DeciderProofRequired),
        (FIFTEEN, "lacks", DEPUTY, d.DeciderNotEntitled),
    ],
)
def test_nobody_but_who_may_decides(birthday: str, view: str, fields: dict[str, Any], rule: Any) -> None:
    outcome = born(birthday, asked(CapacityView(view))).when(yes(**fields))
    if rule is None:
        outcome.then(c.ConsentGranted)
    else:
        outcome.refused(rule)


def test_what_a_parent_agreed_to_ends_when_the_child_is_sixteen() -> None:
    granted = born("2011-09-09", asked()).when(yes(**PARENT, gillick="n")).one(c.ConsentGranted)
    assert granted.expires_at == london(2027, 9, 9)
    assert granted.parental_responsibility == "mother"


@pytest.mark.parametrize(
    ("birthday", "day"), [("2011-09-09", london(2027, 9, 9)), ("2012-02-29", london(2028, 3, 1))]
)
def test_a_person_is_sixteen_at_the_start_of_the_day(birthday: str, day: Any) -> None:
    person = born(birthday, asked()).when(yes(gillick="y")).after.people[CASE.person_id]
    assert d.sixteenth_birthday(person) == day
    assert date.fromisoformat(birthday).year + 16 == day.year


# -- a competent child who wants a parent not to know ----------------------------------------------------------------

NOT_TOLD = {"gillick": "y", "keep_from": ("parent-2",), "safeguarding_checked_by": "lead-1"}


def test_a_competent_child_may_keep_a_parent_out_after_a_safeguarding_check() -> None:
    outcome = born(FIFTEEN, asked()).when(yes(**NOT_TOLD))
    outcome.then(
        like(c.ConsentGranted, parents_not_told=True, gillick="y", safeguarding_checked_by="lead-1"),
        like(ViewerBarred, viewer="parent-2", ground="childs_wish"),
    )
    assert "parent-2" in outcome.after.case.barred_viewers


@pytest.mark.parametrize(
    ("birthday", "other"),
    [
        (FIFTEEN, {"safeguarding_checked_by": None}),
        (FIFTEEN, {**PARENT, "gillick": "n"}),
        (ADULT, {}),
    ],
)
def test_nobody_is_kept_out_otherwise(birthday: str, other: dict[str, Any]) -> None:
    born(birthday, asked()).when(yes(**{**NOT_TOLD, **other})).refused(c.SafeguardingCheckRequired)


# -- capacity and best interests -------------------------------------------------------------------------------------

CANNOT = b.CannotConsent(**ID, cannot=("retain",), impairment="Brain injury", help_given="Pictures")
DECISION = b.RecordBestInterestsDecision(
    **ID,
    share=True,
    decision_maker="social-worker-3",
    consultees=("Sister", "Advocate"),
    least_restrictive="Identity only, until the review",
    review_by=date(2027, 6, 1),
)


@pytest.mark.parametrize("part", ["cannot", "impairment", "help_given"])
def test_capacity_is_presumed_until_every_part_of_the_test_is_on_record(part: str) -> None:
    empty = CANNOT.model_copy(update={part: () if part == "cannot" else None})
    given(asked()).when(empty).refused(b.CapacityAssessmentIncomplete, missing=part)


def test_an_assessment_is_of_one_decision_on_one_day() -> None:
    outcome = given(asked()).when(CANNOT, at=TODAY)
    outcome.then(like(b.ConsentIncapacityRecorded, assessed_at=TODAY, capacity_view=CapacityView.LACKS))
    assert outcome.after.case.grants[ID["grant_id"]].state is GrantState.BEST_INTERESTS


def test_a_child_under_sixteen_is_not_assessed_under_the_act_for_adults() -> None:
    born(FIFTEEN, asked()).when(CANNOT).refused(b.ChildNotUnderMentalCapacityAct)


def incapable() -> CaseStory:
    return asked().then_also(*given(asked()).when(CANNOT).accepted().happened)


def test_an_adult_without_capacity_or_attorney_has_it_decided_in_their_best_interests() -> None:
    outcome = given(incapable()).when(DECISION, at=TODAY)
    outcome.then(
        like(
            b.BestInterestsDecisionRecorded,
            share=True,
            review_due_at=london(2027, 6, 2),
            expires_at=rules().deadline("manchester-maps", "consent_expiry", TODAY),
        )
    )
    story = incapable().then_also(*outcome.happened, at=TODAY)
    basis = di.may_disclose(
        story.case, POLICE, "forum", Purpose.COORDINATED_SUPPORT, Category.IDENTITY, TODAY
    )
    assert basis is not None
    assert basis.kind == "substitute"
    reach = ReachConsentPosition(case_id=CASE.case_id, position="best_interests")
    given(story).when(reach).then(like(ConsentPositionRecorded, position="best_interests"))


def test_a_decision_not_to_share_shares_nothing() -> None:
    outcome = given(incapable()).when(DECISION.model_copy(update={"share": False}))
    outcome.then(like(b.BestInterestsDecisionRecorded, share=False, to_state=GrantState.REFUSED))
    assert not [clock for clock in outcome.after.case.due if str(ID["grant_id"]) in clock]


@pytest.mark.parametrize(
    ("field", "empty"),
    [("decision_maker", None), ("consultees", ()), ("least_restrictive", None), ("review_by", None)],
)
def test_a_best_interests_decision_leaves_nothing_out(field: str, empty: Any) -> None:
    given(incapable()).when(DECISION.model_copy(update={field: empty})).refused(
        b.BestInterestsRecordIncomplete, missing=field
    )


@pytest.mark.parametrize(
    ("day", "allowed"),
    [
        (date(2027, 2, 28), False),
        (date(2027, 3, 1), True),
        (date(2028, 3, 1), True),
        (date(2028, 3, 2), False),
    ],
)
def test_a_best_interests_decision_is_reviewed_ahead_and_within_the_time_of_a_consent(
    day: date, *, allowed: bool
) -> None:
    outcome = given(incapable()).when(DECISION.model_copy(update={"review_by": day}), at=TODAY)
    if allowed:
        outcome.then(b.BestInterestsDecisionRecorded)
    else:
        outcome.refused(b.ReviewDateOutOfRange)
