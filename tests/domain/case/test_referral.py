"""A referral: what a sound form is, what reference data decides at once, and who may be the same person."""

from typing import Any

import pytest

from domain.case import referral_form as form_rules
from domain.case.referral import (
    DiscardDraft,
    DraftOfAnotherAgency,
    DraftReferral,
    PossibleDuplicate,
    PossibleDuplicateFlagged,
    ReferralDraftDiscarded,
    ReferralDrafted,
    ReferralSubmitted,
    SubmitReferral,
)
from domain.case.referral_form import EXAMPLE_FORM, ReferralForm
from domain.case.triage import ReferralDeclined, ReferralTransferredOut, TriageStarted
from domain.errors import DomainError, NotPermitted, WrongStage
from domain.person.identity import EpisodeOpened, OpenCaseExists, PersonRegistered
from domain.roles import Role
from tests.support.scenario import (
    COORDINATOR,
    POLICE,
    REFERRED,
    REFERRER,
    SHELTER,
    SYSTEM,
    a_case,
    actor,
    given,
    like,
    london,
    new_id,
)


def a_form(**fields: Any) -> ReferralForm:
    return ReferralForm(**{**EXAMPLE_FORM, **fields})


def submit(**fields: Any) -> SubmitReferral:
    return SubmitReferral(form=a_form(**fields))


def test_a_sound_referral_opens_a_case_for_a_new_person_and_starts_our_clocks() -> None:
    given().when(submit(), as_=REFERRER, at=london(2027, 1, 4, 10)).then(
        PersonRegistered,
        EpisodeOpened,
        like(
            ReferralSubmitted,
            case_id=new_id("case"),
            referring_agency=REFERRER.agency,
            ward="ardwick",
            forum="ardwick-longsight",
            repeat=False,
            acknowledge_due_at=london(2027, 1, 5, 17),
            triage_due_at=london(2027, 1, 6, 17),
        ),
    )


def test_triage_of_a_referral_on_christmas_eve_is_due_after_the_holidays() -> None:
    submitted = given().when(submit(), at=london(2026, 12, 24, 10)).one(ReferralSubmitted)
    assert submitted.triage_due_at == london(2026, 12, 30, 17)


def test_clocks_start_when_we_learn_of_a_referral_and_not_when_it_was_written() -> None:
    late = given().when(submit(), at=REFERRED, effective_at=london(2026, 11, 2, 9)).one(ReferralSubmitted)
    assert late.triage_due_at == london(2027, 1, 6, 17)


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"offer": ""}, form_rules.ReferrerOfferRequired),
        ({"offer": "   "}, form_rules.ReferrerOfferRequired),
        ({"offer": "\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE} - "}, form_rules.ReferrerOfferRequired),
        (
            {"person_aware": False, "not_aware_reason": "\N{ZERO WIDTH SPACE}"},
            form_rules.NotAwareReasonRequired,
        ),
        ({"date_of_birth": "1985-W13-7"}, form_rules.DateOfBirthImpossible),
        ({"needs": []}, form_rules.NeedsRequired),
        ({"needs": ["debt", "flying_saucers"]}, form_rules.NeedNotInProgramme),
        ({"given_name": " "}, form_rules.NameRequired),
        ({"family_name": ""}, form_rules.NameRequired),
        ({"person_aware": False}, form_rules.NotAwareReasonRequired),
        ({"date_of_birth": "1985-02-31"}, form_rules.DateOfBirthImpossible),
        ({"date_of_birth": "31/03/1985"}, form_rules.DateOfBirthImpossible),
        ({"date_of_birth": ""}, form_rules.DateOfBirthImpossible),
        ({"date_of_birth": "1880-01-01"}, form_rules.DateOfBirthImpossible),
        ({"date_of_birth": "2027-01-05"}, form_rules.DateOfBirthInFuture),
        ({"nhs_number": "9434765918"}, form_rules.NhsNumberInvalid),
        ({"nhs_number": "943476591"}, form_rules.NhsNumberInvalid),
        ({"ward": "Atlantis"}, form_rules.WardUnknown),
        ({"ward": "M14"}, form_rules.WardUnknown),
        ({"ward": ""}, form_rules.WardUnknown),
        ({"ndta": [1, 2, 3, 5, 4, 1, 2, 3, 4, 0]}, form_rules.ScoreOutOfRange),
        ({"ndta": [5, 0, 0, 0, 0, 0, 0, 0, 0, 0]}, form_rules.ScoreOutOfRange),
        ({"ndta": [0, 0, 0, 0, 0, 0, 0, 0, 0]}, form_rules.ScoreOutOfRange),
    ],
)
def test_a_form_that_breaks_a_rule_is_refused_by_its_name(
    fields: dict[str, Any], rule: type[DomainError]
) -> None:
    given().when(submit(**fields), as_=REFERRER).refused(rule)


@pytest.mark.parametrize(
    "fields",
    [
        {"person_aware": False, "not_aware_reason": "No contact possible for six weeks"},
        {"nhs_number": "943 476 5919"},
        {"ward": "  GORTON  and ABBEY HEY "},
        {"ndta": [4, 4, 4, 8, 8, 4, 4, 4, 4, 4]},
        {"ndta": [0] * 10},
        {"needs": ["debt"]},
        {"date_of_birth": "2009-01-04"},
    ],
)
def test_a_form_at_the_edge_of_a_rule_is_sound(fields: dict[str, Any]) -> None:
    given().when(submit(**fields), as_=REFERRER, at=REFERRED).one(EpisodeOpened)


def test_the_day_before_their_eighteenth_birthday_somebody_is_pointed_to_childrens_services() -> None:
    given().when(submit(date_of_birth="2009-01-05"), at=london(2027, 1, 4, 23)).then(
        PersonRegistered,
        ReferralSubmitted,
        TriageStarted,
        like(ReferralDeclined, rule="under_age", by_rule=True),
    )


def test_a_person_of_another_borough_is_passed_on_to_it_and_the_referral_is_on_record() -> None:
    given().when(submit(ward="Stretford")).then(
        PersonRegistered,
        ReferralSubmitted,
        TriageStarted,
        like(ReferralTransferredOut, to_area="Trafford", by_rule=True),
    )


def test_a_known_person_with_an_open_case_is_refused_a_second_one() -> None:
    case = a_case().submitted()
    again = SubmitReferral(person_id=case.person_id, form=a_form())
    given(case).when(again).refused(OpenCaseExists)


def test_a_known_person_whose_case_is_closed_comes_back_as_a_repeat() -> None:
    case = a_case().awaiting_consent()
    from domain.case.triage import WithdrawReferral

    withdrawn = (
        given(case)
        .when(WithdrawReferral(case_id=case.case_id, explanation="Sent in error"), as_=REFERRER)
        .accepted()
    )
    again = SubmitReferral(person_id=case.person_id, form=a_form(), if_possible_duplicate="link")
    repeat = given(*case.facts, *withdrawn.happened).when(again).one(ReferralSubmitted)
    assert repeat.repeat
    assert repeat.previous_case == case.case_id


def test_a_near_spelling_with_the_same_birthday_is_refused_unless_it_may_be_linked() -> None:
    known = a_case().submitted()
    near = a_form(given_name="Robyn")
    given(known).when(SubmitReferral(form=near)).refused(PossibleDuplicate)
    flagged = (
        given(known)
        .when(SubmitReferral(form=near, if_possible_duplicate="link"))
        .one(PossibleDuplicateFlagged)
    )
    assert flagged.other_case == known.case_id
    assert flagged.ground == "same_birthday_near_name"


def test_a_namesake_born_on_another_day_is_another_person() -> None:
    given(a_case().submitted()).when(submit(date_of_birth="1985-04-01")).then(
        PersonRegistered, EpisodeOpened, ReferralSubmitted
    )


def test_a_draft_may_be_broken_and_is_sent_or_thrown_away_later() -> None:
    drafted = (
        given().when(DraftReferral(form=ReferralForm(given_name="Robin")), as_=REFERRER).then(ReferralDrafted)
    )
    case_id = drafted.one(ReferralDrafted).case_id
    given(*drafted.happened).when(SubmitReferral(case_id=case_id, form=a_form()), as_=REFERRER).one(
        ReferralSubmitted
    )
    given(*drafted.happened).when(DiscardDraft(case_id=case_id), as_=REFERRER).then(ReferralDraftDiscarded)


def test_a_referral_is_sent_once() -> None:
    case = a_case().submitted()
    given(case).when(SubmitReferral(case_id=case.case_id, form=a_form())).refused(WrongStage)


def test_the_engine_itself_refers_nobody() -> None:
    given().when(submit(), as_=SYSTEM).refused(NotPermitted)


def test_a_coordinator_may_refer_too() -> None:
    given().when(submit(), as_=COORDINATOR).one(ReferralSubmitted)


# -- drafts ----------------------------------------------------------------------------------------------------------

DRAFT = a_case().then_also(
    ReferralDrafted(**a_case().ids, programme="manchester-maps", referring_agency=POLICE, form=ReferralForm())
)
SEND = SubmitReferral.model_validate({**SubmitReferral.EXAMPLE, "case_id": DRAFT.case_id})
THROW_AWAY = DiscardDraft(case_id=DRAFT.case_id)
OFFICER, SOMEBODY_ELSE = (
    actor(Role.REFERRER, person="officer-7", agency=agency) for agency in (POLICE, SHELTER)
)


@pytest.mark.parametrize("command", [SEND, THROW_AWAY], ids=lambda one: one.NAME)
def test_a_draft_is_sent_or_thrown_away_by_the_agency_that_began_it(
    command: SubmitReferral | DiscardDraft,
) -> None:
    given(DRAFT).when(command, as_=SOMEBODY_ELSE).refused(DraftOfAnotherAgency)
    for by in (OFFICER, COORDINATOR):
        given(DRAFT).when(command, as_=by).accepted()


def test_a_draft_that_holds_a_concern_is_completed_by_whoever_refers_the_person() -> None:
    worried = DRAFT.with_concern()
    given(worried).when(SEND, as_=SOMEBODY_ELSE).accepted()
    given(worried).when(THROW_AWAY, as_=SOMEBODY_ELSE).refused(DraftOfAnotherAgency)
