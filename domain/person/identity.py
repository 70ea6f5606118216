"""Identity: the record of who a person is, and of the episodes (cases) they have in each programme.

People who may be the same are never merged silently: a person of the team decides. At most one case per person and
programme is open at a time; that rule lives in `Person.require_no_open_case`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from domain.errors import Conflict
from domain.messages import CaseId, Code, Day, PersonalText, PersonEvent, PersonId
from domain.person.matching import Identity


class PersonRegistered(PersonEvent):
    """A person became known to the pathway, with who they are as the referrer gave it."""

    TOPIC: ClassVar[str] = "PersonRegistered"

    given_name: PersonalText
    family_name: PersonalText
    known_as: PersonalText | None = None
    date_of_birth: PersonalText
    nhs_number: PersonalText | None = None
    gender: PersonalText | None = None
    ethnicity: PersonalText | None = None
    first_language: PersonalText | None = None
    postcode: PersonalText | None = None
    telephone: PersonalText | None = None


class EpisodeOpened(PersonEvent):
    """A case was opened for this person in a programme."""

    TOPIC: ClassVar[str] = "EpisodeOpened"

    case_id: CaseId
    programme: Code
    referred_on: Day | None = None
    """The day in London on which the referral happened; episodes of earlier versions do not say."""


class EpisodeEnded(PersonEvent):
    """This person's case in a programme was closed."""

    TOPIC: ClassVar[str] = "EpisodeEnded"

    case_id: CaseId
    programme: Code


class OpenCaseExists(Conflict):
    """This person already has an open case in programme {programme}; a person has at most one."""

    code = "open_case_exists"


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody already known who shares an NHS number or a birthday with the person of a new referral."""

    person_id: PersonId
    identity: Identity
    open_cases: tuple[tuple[str, CaseId], ...]

    def open_case(self, programme: str) -> CaseId | None:
        return dict(self.open_cases).get(programme)


AnyPersonEvent = PersonRegistered | EpisodeOpened | EpisodeEnded
