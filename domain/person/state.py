"""The person as the events tell it. `evolve` only assigns."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import assert_never

from domain.messages import CaseId, PersonId
from domain.person.identity import (
    AnyPersonEvent,
    EpisodeEnded,
    EpisodeOpened,
    KnownPerson,
    OpenCaseExists,
    PersonRegistered,
)
from domain.person.matching import Identity


@dataclass(slots=True)
class Person:
    """Who somebody is, and their open case in each programme."""

    person_id: PersonId
    identity: Identity | None = None
    open_cases: dict[str, CaseId] = field(default_factory=dict)
    past_cases: list[tuple[str, CaseId]] = field(default_factory=list)
    last_referred: dict[str, date] = field(default_factory=dict)
    """The day of the last referral to each programme."""

    @property
    def exists(self) -> bool:
        return self.identity is not None

    def require_no_open_case(self, programme: str) -> None:
        """One open case per person and programme.

        Source: invariant of machine A (domain reference 2.4).
        """
        if programme in self.open_cases:
            raise OpenCaseExists(programme=programme)

    def previous_case(self, programme: str) -> CaseId | None:
        """The last case of this person in the programme that was closed."""
        return next((case_id for name, case_id in reversed(self.past_cases) if name == programme), None)

    def as_known(self) -> KnownPerson:
        """This person as somebody a new referral may be about; only for a person who exists."""
        if self.identity is None:
            raise ValueError("a person nobody registered is not known")
        return KnownPerson(self.person_id, self.identity, tuple(self.open_cases.items()))


def evolve(person: Person, event: AnyPersonEvent) -> Person:
    """Assign what the event says."""
    match event:
        case PersonRegistered():
            person.identity = Identity(
                given_name=event.given_name,
                family_name=event.family_name,
                known_as=event.known_as,
                date_of_birth=date.fromisoformat(event.date_of_birth),
                nhs_number=event.nhs_number,
            )
        case EpisodeOpened():
            person.open_cases[event.programme] = event.case_id
            if event.referred_on is not None:
                person.last_referred[event.programme] = event.referred_on
        case EpisodeEnded():
            person.open_cases.pop(event.programme, None)
            person.past_cases.append((event.programme, event.case_id))
        case _:
            assert_never(event)
    return person
