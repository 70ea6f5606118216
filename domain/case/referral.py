"""Referral: a practitioner of a partner agency brings a person, their needs and an offer to play a part.

Any partner agency may refer. The engine checks the form and looks for people who may be the same; it closes at once
only what reference data decides beyond doubt (another borough, a child). Nothing else is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pydantic import Field

from domain.case.referral_form import (
    EXAMPLE_FORM,
    DateOfBirthImpossible,
    DateOfBirthInFuture,
    NameRequired,
    NeedNotInProgramme,
    NeedsRequired,
    NhsNumberInvalid,
    NotAwareReasonRequired,
    PersonalForm,
    Received,
    ReferralForm,
    ReferrerOfferRequired,
    ScoreOutOfRange,
    WardUnknown,
    birthday,
    broken_rules,
)
from domain.case.same_person import is_repeat
from domain.case.stages import Stage
from domain.case.triage import ReferralDeclined, ReferralTransferredOut, TriageStarted
from domain.case.triage_deadlines import triage_deadline
from domain.decisions import decides
from domain.errors import Conflict, RuleBroken
from domain.geography import InArea, OutOfArea, Place, Unknown
from domain.messages import (
    AgencyName,
    CaseEvent,
    CaseId,
    Code,
    Command,
    ConversationId,
    Event,
    Instant,
    Moment,
    PersonId,
    StaffText,
)
from domain.person.identity import EpisodeOpened, KnownPerson, OpenCaseExists, PersonRegistered
from domain.person.matching import MatchGround, identity_match
from domain.roles import Permission, Role
from domain.values import NHSNumber, ValueNotUsable, age_on

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.person.state import Person
    from domain.rules import Rules


# -- events --------------------------------------------------------------------------------------------


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
    conversation_id: ConversationId | None = None
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


class PossibleDuplicate(Conflict):
    """A referral that may concern the same person is open in programme {programme}; nothing was recorded. Send it again with if_possible_duplicate = link, and a coordinator decides whether it is the same person."""

    code = "possible_duplicate"


class DraftOfAnotherAgency(RuleBroken):
    """Another agency began this draft; only that agency, or a coordinator, manager or safeguarding lead, goes on with it."""

    code = "draft_of_another_agency"


def require_own_draft(case: Case, moment: Moment) -> None:
    """A draft is the affair of the agency that began it, until it is sent."""
    if moment.actor.role in _ANY_DRAFT or moment.by_agency == case.referring_agency:
        return
    raise DraftOfAnotherAgency


_ANY_DRAFT: Final = (Role.COORDINATOR, Role.MANAGER, Role.SAFEGUARDING_LEAD)


# -- commands --------------------------------------------------------------------------------------------------------


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
    """Bring a person to the pathway: who they are, what they need, and what the referrer's agency offers to do.

    A person who lives in another borough, or is too young for the programme, is passed on at once and the case closed.
    """

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
    conversation_id: ConversationId | None = Field(None, description="of the conversation that led here")
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


@decides(DiscardDraft, refuses=(DraftOfAnotherAgency,))
def discard_draft(command: DiscardDraft, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.DRAFT)
    require_own_draft(case, moment)
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
        DraftOfAnotherAgency,
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
    # A draft that holds a concern was begun by whoever was worried; whoever refers the person completes it.
    if case.stage is Stage.DRAFT and not case.concerns:
        require_own_draft(case, moment)
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
    episode = EpisodeOpened(
        person_id=person.person_id,
        case_id=case.case_id,
        programme=command.programme,
        referred_on=rules.london_day(moment.effective_at),
    )
    return [*registered, episode, submitted, *flags]


def _submitted(
    command: SubmitReferral, case: Case, person: Person, moment: Moment, rules: Rules
) -> ReferralSubmitted:
    programme = rules.programme(command.programme)
    today = rules.london_day(moment.now)
    place = lives_in(command.form, today, rules)
    area = place if isinstance(place, InArea) else None
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
        repeat=is_repeat(person, command.programme, moment, rules),
        previous_case=person.previous_case(command.programme),
        conversation_id=command.conversation_id,
        form=command.form,
        acknowledge_due_at=rules.deadline(command.programme, "acknowledge", moment.now),
        triage_due_at=triage_deadline(case, command.programme, moment.now, rules),
    )


def lives_in(form: ReferralForm, today: date, rules: Rules) -> Place:
    """Where the person's home is. Of somebody without one no ward says where they belong: a coordinator decides."""
    return Unknown() if form.no_fixed_abode else rules.geography.place(form.ward, today)


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
    place = lives_in(command.form, today, rules)
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
