"""The referral form: what a referrer tells us, and the rules a sound form keeps, one named function each.

A broken rule refuses the referral and leaves no trace; whether the person joins the pathway is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from domain.errors import DomainError, RuleBroken
from domain.geography import Geography, InArea, OutOfArea
from domain.messages import Message, Personal
from domain.person.matching import Identity
from domain.programmes import Programme
from domain.values import LONGEST_LIFE_YEARS, Ndta, NHSNumber, ValueNotUsable, age_on


class ReferralForm(Message):
    """The referral as the referrer wrote it, kept unchanged. Texts are what they are; a rule may refuse them."""

    given_name: str = Field("", max_length=100, description="a referral needs it; a draft does not")
    family_name: str = Field("", max_length=100, description="a referral needs it")
    known_as: str = Field("", max_length=100)
    date_of_birth: str = Field(
        "", max_length=40, description="a referral needs it; ISO 8601 day, such as 1985-03-31"
    )
    nhs_number: str = Field("", max_length=40)
    gender: str = Field("", max_length=60)
    ethnicity: str = Field("", max_length=100)
    first_language: str = Field("", max_length=60)
    interpreter_needed: bool = False
    ward: str = Field(
        "",
        max_length=100,
        description="name of the ward the person lives in; a referral needs it, or no_fixed_abode",
    )
    no_fixed_abode: bool = Field(
        False,
        description="the person has no settled home, so no ward; a coordinator chooses their area of connection",
    )
    postcode: str = Field("", max_length=12)
    telephone: str = Field("", max_length=40)
    needs: tuple[Annotated[str, Field(max_length=60)], ...] = Field(
        (), max_length=60, description="codes of needs; a referral needs at least one"
    )
    risk_to_workers: str = Field("", max_length=2_000)
    agencies_involved: tuple[Annotated[str, Field(max_length=120)], ...] = Field((), max_length=60)
    tried: str = Field("", max_length=4_000)
    offer: str = Field(
        "", max_length=4_000, description="what the referrer's own agency will do; a referral needs it"
    )
    person_aware: bool = Field(False, description="the person knows of the referral")
    not_aware_reason: str = Field("", max_length=2_000, description="needed if they do not")
    consent_claimed: tuple[Annotated[str, Field(max_length=120)], ...] = Field((), max_length=60)
    ndta: tuple[int | None, ...] | None = Field(
        None, max_length=20, description="ten scores, in the order of the items"
    )
    narrative: str = Field("", max_length=20_000)

    def identity(self, born: date) -> Identity:
        return Identity(
            given_name=self.given_name,
            family_name=self.family_name,
            known_as=self.known_as or None,
            date_of_birth=born,
            nhs_number=NHSNumber(self.nhs_number) if self.nhs_number.strip() else None,
        )


PersonalForm = Annotated[ReferralForm, Personal()]

EXAMPLE_FORM: dict[str, Any] = {
    "given_name": "Robin",
    "family_name": "Example",
    "date_of_birth": "1985-03-31",
    "ward": "Ardwick",
    "needs": ["mental_health", "substance_alcohol", "homelessness"],
    "offer": "Neighbourhood officer joins the first visit",
    "person_aware": True,
}


# -- rules -----------------------------------------------------------------------------------------------------------


class ReferralRefused(RuleBroken):
    """The referral breaks a rule of the form."""

    code = "referral_refused"


class NameRequired(ReferralRefused):
    """A referral needs the person's given name and family name (given_name, family_name)."""

    code = "name_required"


class NeedsRequired(ReferralRefused):
    """A referral names at least {minimum} need (needs)."""

    code = "needs_required"


class NeedNotInProgramme(ReferralRefused):
    """needs: {unknown} is not a need of programme {programme}; `ccp commands submit-referral` lists them."""

    code = "need_not_in_programme"


class ReferrerOfferRequired(ReferralRefused):
    """offer: every referral comes with the referrer's own offer to play a part."""

    code = "referrer_offer_required"


class NotAwareReasonRequired(ReferralRefused):
    """not_aware_reason: a referral of a person who is unaware of it says why they are."""

    code = "not_aware_reason_required"


class DateOfBirthImpossible(ReferralRefused):
    """date_of_birth: a referral says on which day the person was born, a day of the calendar written as 1985-03-31."""

    code = "date_of_birth_impossible"


class DateOfBirthInFuture(ReferralRefused):
    """date_of_birth: nobody is born after today."""

    code = "date_of_birth_in_future"


class NhsNumberInvalid(ReferralRefused):
    """nhs_number: ten digits of which the last must be the right check digit."""

    code = "nhs_number_invalid"


class ScoreOutOfRange(ReferralRefused):
    """ndta: ten scores, 0 to 4 each, but 0, 2, 4, 6 or 8 for risk to others and risk from others (items 4 and 5)."""

    code = "score_out_of_range"


class WardUnknown(ReferralRefused):
    """ward: this is neither a ward of the city nor a known place in another Greater Manchester borough; for a person without a home leave it out and say no_fixed_abode."""

    code = "ward_unknown"


@dataclass(frozen=True, slots=True)
class Received:
    """A form on the day it came in, with the reference data it is held against."""

    form: ReferralForm
    programme: Programme
    geography: Geography
    today: date


Check = Callable[[Received], DomainError | None]
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def name_is_given(received: Received) -> DomainError | None:
    return None if received.form.given_name.strip() and received.form.family_name.strip() else NameRequired()


def needs_are_named(received: Received) -> DomainError | None:
    minimum = received.programme.eligibility.minimum_needs_to_submit
    return None if len(set(received.form.needs)) >= minimum else NeedsRequired(minimum=minimum)


def needs_are_of_the_programme(received: Received) -> DomainError | None:
    """A code is named; a text that is none may hold anything, a name included, and is not repeated."""
    unknown = received.programme.unknown_needs(received.form.needs)
    if not unknown:
        return None
    named = dict.fromkeys(code if _CODE.fullmatch(code) else "a text that is no code" for code in unknown)
    return NeedNotInProgramme(unknown=", ".join(named), programme=received.programme.name)


def referrer_makes_an_offer(received: Received) -> DomainError | None:
    """No dumping: the referrer stays part of the plan.

    Source: Making Every Adult Matter, consistency in client identification.
    """
    return None if _says_something(received.form.offer) else ReferrerOfferRequired()


def unaware_person_has_a_reason(received: Received) -> DomainError | None:
    return (
        None
        if received.form.person_aware or _says_something(received.form.not_aware_reason)
        else NotAwareReasonRequired()
    )


def birthday_is_possible(received: Received) -> DomainError | None:
    born = birthday(received.form)
    if born is None:
        return DateOfBirthImpossible()
    if born > received.today:
        return DateOfBirthInFuture()
    return DateOfBirthImpossible() if age_on(born, received.today) > LONGEST_LIFE_YEARS else None


def nhs_number_checks_out(received: Received) -> DomainError | None:
    if not received.form.nhs_number.strip():
        return None
    try:
        NHSNumber(received.form.nhs_number)
    except ValueNotUsable:
        return NhsNumberInvalid()
    return None


def scores_are_in_range(received: Received) -> DomainError | None:
    if received.form.ndta is None:
        return None
    try:
        Ndta(received.form.ndta)
    except ValueNotUsable:
        return ScoreOutOfRange()
    return None


def ward_is_known(received: Received) -> DomainError | None:
    """Whoever has no home has no ward. Source: area of connection (domain reference 8.3), acceptance scenario 75."""
    if received.form.no_fixed_abode and not received.form.ward.strip():
        return None
    place = received.geography.place(received.form.ward, received.today)
    return None if isinstance(place, InArea | OutOfArea) else WardUnknown()


RULES_OF_THE_FORM: tuple[Check, ...] = (
    name_is_given,
    birthday_is_possible,
    nhs_number_checks_out,
    ward_is_known,
    needs_are_named,
    needs_are_of_the_programme,
    referrer_makes_an_offer,
    unaware_person_has_a_reason,
    scores_are_in_range,
)


def birthday(form: ReferralForm) -> date | None:
    """The date of birth on the form, or None if there is no such day; 1985-W13-7 is how nobody writes a birthday."""
    try:
        born = date.fromisoformat(form.date_of_birth)
    except ValueError:
        return None
    return born if born.isoformat() == form.date_of_birth else None


def _says_something(text: str) -> bool:
    """A dash, or signs that nobody sees, are as good as an empty field."""
    return any(letter.isalnum() for letter in text)


def broken_rules(received: Received) -> Iterator[DomainError]:
    """Every rule of the form that a referral breaks, in the order of the form."""
    for check in RULES_OF_THE_FORM:
        broken = check(received)
        if broken is not None:
            yield broken
