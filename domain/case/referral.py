"""Referral: a practitioner of a partner agency brings a person, their needs and an offer to play a part.

Any partner agency may refer. The engine checks the form and looks for people who may be the same; it closes at once
only what reference data decides beyond doubt (another borough, a child). Nothing else is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.case.stages import Stage
from domain.case.triage import ReferralDeclined, ReferralTransferredOut, TriageStarted
from domain.decisions import decides
from domain.errors import Conflict, DomainError, RuleBroken
from domain.geography import Geography, InArea, OutOfArea
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    Event,
    Instant,
    Message,
    Moment,
    Personal,
    PersonId,
    StaffText,
)
from domain.person.identity import EpisodeOpened, KnownPerson, OpenCaseExists, PersonRegistered
from domain.person.matching import Identity, MatchGround, identity_match
from domain.programmes import Programme
from domain.roles import Permission
from domain.values import LONGEST_LIFE_YEARS, Ndta, NHSNumber, ValueNotUsable, age_on

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules


# -- what is written down --------------------------------------------------------------------------------------------


class ReferralForm(Message):
    """The referral as the referrer wrote it, kept unchanged. Texts are what they are; a rule may refuse them."""

    given_name: str = Field("", max_length=100)
    family_name: str = Field("", max_length=100)
    known_as: str = Field("", max_length=100)
    date_of_birth: str = Field("", max_length=40, description="ISO 8601 day, such as 1985-03-31")
    nhs_number: str = Field("", max_length=40)
    gender: str = Field("", max_length=60)
    ethnicity: str = Field("", max_length=100)
    first_language: str = Field("", max_length=60)
    interpreter_needed: bool = False
    ward: str = Field("", max_length=100, description="name of the ward the person lives in")
    postcode: str = Field("", max_length=12)
    telephone: str = Field("", max_length=40)
    needs: tuple[Annotated[str, Field(max_length=60)], ...] = Field((), max_length=60)
    risk_to_workers: str = Field("", max_length=2_000)
    agencies_involved: tuple[Annotated[str, Field(max_length=120)], ...] = Field((), max_length=60)
    tried: str = Field("", max_length=4_000)
    offer: str = Field("", max_length=4_000, description="what the referrer's own agency will do")
    person_aware: bool = False
    not_aware_reason: str = Field("", max_length=2_000)
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


class ReferralDrafted(CaseEvent):
    """A referrer began a referral and did not send it yet."""

    TOPIC: ClassVar[str] = "ReferralDrafted"

    programme: Code
    referring_agency: AgencyName
    form: PersonalForm


class ReferralDraftDiscarded(CaseEvent):
    """A draft was thrown away before anybody else saw it."""

    TOPIC: ClassVar[str] = "ReferralDraftDiscarded"


class ReferralSubmitted(CaseEvent):
    """A referral came in: our clocks start now, whenever the agency wrote it."""

    TOPIC: ClassVar[str] = "ReferralSubmitted"

    programme: Code
    programme_version: Code
    referring_agency: AgencyName
    referrer: StaffText
    referrer_contact: StaffText | None = None
    source_reference: Code | None = None
    urgency: Literal["routine", "urgent"]
    ward: Code | None
    neighbourhood: Code | None
    locality: Code | None
    forum: Code | None
    interpreter_needed: bool
    repeat: bool
    previous_case: CaseId | None = None
    form: PersonalForm
    acknowledge_due_at: Instant
    triage_due_at: Instant


class PossibleDuplicateFlagged(CaseEvent):
    """The person of this referral may be somebody we know: a coordinator decides, nothing is merged."""

    TOPIC: ClassVar[str] = "PossibleDuplicateFlagged"

    other_person: PersonId
    other_case: CaseId | None
    ground: MatchGround


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
    """date_of_birth: this is not a day of the calendar (written as 1985-03-31)."""

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
    """ward: this is neither a ward of the city nor a known place in another Greater Manchester borough."""

    code = "ward_unknown"


class PossibleDuplicate(Conflict):
    """A referral that may concern the same person is open in programme {programme}; nothing was recorded. Send it again with if_possible_duplicate = link, and a coordinator decides whether it is the same person."""

    code = "possible_duplicate"


@dataclass(frozen=True, slots=True)
class Received:
    """A form on the day it came in, with the reference data it is held against."""

    form: ReferralForm
    programme: Programme
    geography: Geography
    today: date


Check = Callable[[Received], DomainError | None]


def name_is_given(received: Received) -> DomainError | None:
    return None if received.form.given_name.strip() and received.form.family_name.strip() else NameRequired()


def needs_are_named(received: Received) -> DomainError | None:
    minimum = received.programme.eligibility.minimum_needs_to_submit
    return None if len(set(received.form.needs)) >= minimum else NeedsRequired(minimum=minimum)


def needs_are_of_the_programme(received: Received) -> DomainError | None:
    unknown = received.programme.unknown_needs(received.form.needs)
    return (
        NeedNotInProgramme(unknown=", ".join(unknown), programme=received.programme.name) if unknown else None
    )


def referrer_makes_an_offer(received: Received) -> DomainError | None:
    """No dumping: the referrer stays part of the plan.

    Source: Making Every Adult Matter, consistency in client identification.
    """
    return None if received.form.offer.strip() else ReferrerOfferRequired()


def unaware_person_has_a_reason(received: Received) -> DomainError | None:
    return (
        None
        if received.form.person_aware or received.form.not_aware_reason.strip()
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
    """The date of birth on the form, or None if there is no such day."""
    try:
        return date.fromisoformat(form.date_of_birth)
    except ValueError:
        return None


def broken_rules(received: Received) -> Iterator[DomainError]:
    """Every rule of the form that a referral breaks, in the order of the form."""
    for check in RULES_OF_THE_FORM:
        broken = check(received)
        if broken is not None:
            yield broken


# -- commands --------------------------------------------------------------------------------------------------------

EXAMPLE_FORM: dict[str, Any] = {
    "given_name": "Robin",
    "family_name": "Example",
    "date_of_birth": "1985-03-31",
    "ward": "Ardwick",
    "needs": ["mental_health", "substance_alcohol", "homelessness"],
    "offer": "Neighbourhood officer joins the first visit",
    "person_aware": True,
}


class DraftReferral(Command):
    """Begin a referral and keep it, unsent."""

    NAME: ClassVar[str] = "draft-referral"
    PERMISSION: ClassVar[Permission] = Permission.SUBMIT_REFERRAL
    EXAMPLE: ClassVar[dict[str, Any]] = {"form": {"given_name": "Robin", "family_name": "Example"}}

    case_id: CaseId | None = Field(None, description="a new id; made from the idempotency key when left out")
    programme: Code = "manchester-maps"
    form: PersonalForm


class DiscardDraft(Command):
    """Throw a draft away."""

    NAME: ClassVar[str] = "discard-draft"
    PERMISSION: ClassVar[Permission] = Permission.SUBMIT_REFERRAL
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"}

    case_id: CaseId


class SubmitReferral(Command):
    """Bring a person to the pathway: who they are, what they need, and what the referrer's agency offers to do."""

    NAME: ClassVar[str] = "submit-referral"
    PERMISSION: ClassVar[Permission] = Permission.SUBMIT_REFERRAL
    EXAMPLE: ClassVar[dict[str, Any]] = {"form": EXAMPLE_FORM, "urgency": "routine"}

    case_id: CaseId | None = Field(
        None, description="of a draft, or a new id; made from the idempotency key when left out"
    )
    person_id: PersonId | None = Field(
        None, description="of a person already known; a new record when left out"
    )
    programme: Code = "manchester-maps"
    urgency: Literal["routine", "urgent"] = "routine"
    source_reference: Code | None = Field(None, description="the referring system's own reference")
    referrer: StaffText | None = Field(
        None, description="named practitioner; the acting person when left out"
    )
    referrer_contact: StaffText | None = None
    if_possible_duplicate: Literal["refuse", "link"] = Field(
        "refuse",
        description="what to do when a case may be open for the same person: refuse, or link for a decision",
    )
    form: PersonalForm

    def identity_keys(self) -> Sequence[tuple[str, str]]:
        """By what the person may be found among those already known."""
        born = birthday(self.form)
        keys = [("date_of_birth", born.isoformat())] if born else []
        if self.form.nhs_number.strip():
            with suppress(ValueNotUsable):  # the rule of the form refuses it with its name
                keys.append(("nhs_number", NHSNumber(self.form.nhs_number)))
        return keys


@decides(DraftReferral, starts=("Case", "Person"), refuses=())
def draft_referral(
    command: DraftReferral, case: Case, person: Person, moment: Moment, rules: Rules
) -> Sequence[Event]:
    case.require(command, Stage.NEW)
    rules.programme(command.programme)
    return [
        ReferralDrafted(
            case_id=case.case_id,
            person_id=person.person_id,
            programme=command.programme,
            referring_agency=moment.by_agency,
            form=command.form,
        )
    ]


@decides(DiscardDraft)
def discard_draft(command: DiscardDraft, case: Case) -> Sequence[Event]:
    case.require(command, Stage.DRAFT)
    return [ReferralDraftDiscarded(case_id=case.case_id, person_id=case.person_id)]


@decides(
    SubmitReferral,
    starts=("Case", "Person"),
    refuses=(
        NameRequired,
        DateOfBirthImpossible,
        DateOfBirthInFuture,
        NhsNumberInvalid,
        WardUnknown,
        NeedsRequired,
        NeedNotInProgramme,
        ReferrerOfferRequired,
        NotAwareReasonRequired,
        ScoreOutOfRange,
        OpenCaseExists,
        PossibleDuplicate,
    ),
)
def submit_referral(
    command: SubmitReferral,
    case: Case,
    person: Person,
    known: Sequence[KnownPerson],
    moment: Moment,
    rules: Rules,
) -> Sequence[Event]:
    """Refuse a broken form; record a sound one; close at once what reference data decides; flag who may be the same."""
    case.require(command, Stage.NEW, Stage.DRAFT)
    today = rules.london_day(moment.now)
    received = Received(command.form, rules.programme(command.programme), rules.geography, today)
    for broken in broken_rules(received):
        raise broken
    born = date.fromisoformat(command.form.date_of_birth)
    person.require_no_open_case(command.programme)
    submitted = _submitted(command, case, person, moment, rules)
    registered = [] if person.exists else [_registered(command.form, person)]
    closed = _closed_by_reference_data(command, case, person, born, today, rules)
    if closed:
        return [
            *registered,
            submitted,
            TriageStarted(case_id=case.case_id, person_id=person.person_id),
            *closed,
        ]
    flags = list(_flags(command, case, person, known, born))
    if command.if_possible_duplicate == "refuse" and any(flag.other_case for flag in flags):
        raise PossibleDuplicate(programme=command.programme)
    episode = EpisodeOpened(person_id=person.person_id, case_id=case.case_id, programme=command.programme)
    return [*registered, episode, submitted, *flags]


def _submitted(
    command: SubmitReferral, case: Case, person: Person, moment: Moment, rules: Rules
) -> ReferralSubmitted:
    programme = rules.programme(command.programme)
    today = rules.london_day(moment.now)
    place = rules.geography.place(command.form.ward, today)
    area = place if isinstance(place, InArea) else None
    previous = [case_id for name, case_id in person.past_cases if name == command.programme]
    return ReferralSubmitted(
        case_id=case.case_id,
        person_id=person.person_id,
        programme=command.programme,
        programme_version=programme.version,
        referring_agency=moment.by_agency,
        referrer=command.referrer or moment.actor.person,
        referrer_contact=command.referrer_contact,
        source_reference=command.source_reference,
        urgency=command.urgency,
        ward=area.ward_code if area else None,
        neighbourhood=area.neighbourhood if area else None,
        locality=area.locality if area else None,
        forum=rules.geography.forum_for(area.neighbourhood, today).code if area else None,
        interpreter_needed=command.form.interpreter_needed,
        repeat=bool(previous),
        previous_case=previous[-1] if previous else None,
        form=command.form,
        acknowledge_due_at=rules.deadline(command.programme, "acknowledge", moment.now),
        triage_due_at=rules.deadline(command.programme, "triage", moment.now),
    )


def _registered(form: ReferralForm, person: Person) -> PersonRegistered:
    return PersonRegistered(
        person_id=person.person_id,
        given_name=form.given_name,
        family_name=form.family_name,
        known_as=form.known_as or None,
        date_of_birth=form.date_of_birth,
        nhs_number=NHSNumber(form.nhs_number) if form.nhs_number.strip() else None,
        gender=form.gender or None,
        ethnicity=form.ethnicity or None,
        first_language=form.first_language or None,
        postcode=form.postcode or None,
        telephone=form.telephone or None,
    )


def _closed_by_reference_data(
    command: SubmitReferral, case: Case, person: Person, born: date, today: date, rules: Rules
) -> list[Event]:
    """Another borough or an age below the programme's closes the case at once, with the reason on record."""
    place = rules.geography.place(command.form.ward, today)
    if isinstance(place, OutOfArea):
        return [
            ReferralTransferredOut(
                case_id=case.case_id, person_id=person.person_id, to_area=place.borough, by_rule=True
            )
        ]
    if age_on(born, today) < rules.programme(command.programme).minimum_age:
        return [
            ReferralDeclined(
                case_id=case.case_id,
                person_id=person.person_id,
                rule="under_age",
                signpost="childrens-services",
                by_rule=True,
            )
        ]
    return []


def _flags(
    command: SubmitReferral, case: Case, person: Person, known: Sequence[KnownPerson], born: date
) -> Iterator[PossibleDuplicateFlagged]:
    identity = command.form.identity(born)
    for other in known:
        ground = identity_match(identity, other.identity)
        if ground is not None and other.person_id != person.person_id:
            yield PossibleDuplicateFlagged(
                case_id=case.case_id,
                person_id=person.person_id,
                other_person=other.person_id,
                other_case=other.open_case(command.programme),
                ground=ground,
            )
