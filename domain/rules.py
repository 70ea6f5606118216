"""What a decision looks things up in: programmes, geography, agencies and the working calendar, all of it data.

Rules that change by place live in that data; a decision stores the programme version it was made under.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from domain.calendar import LONDON, WorkingCalendar
from domain.errors import RuleBroken
from domain.geography import Agencies, Geography
from domain.programmes import Programme


class UnknownProgramme(RuleBroken):
    """There is no programme {programme}; known are: {known}."""

    code = "programme_unknown"


@dataclass(frozen=True, slots=True)
class Rules:
    """The reference data of one installation."""

    programmes: Mapping[str, Programme]
    geography: Geography
    agencies: Agencies
    calendar: WorkingCalendar

    def programme(self, name: str) -> Programme:
        """The programme of this name, or `programme_unknown`."""
        if name not in self.programmes:
            raise UnknownProgramme(programme=name, known=", ".join(sorted(self.programmes)))
        return self.programmes[name]

    def deadline(self, programme: str, clock: str, start: datetime) -> datetime:
        """When a clock of the programme runs out if it starts at `start`; both are instants in UTC."""
        return self.programme(programme).deadline(clock, start, self.calendar)

    def agency_name(self, text: str) -> str:
        """The one name of an agency, however it was written; one that is not in the data keeps the name it was given."""
        known = self.agencies.find(text)
        return known.name if known else text

    def under(self, programme: Programme) -> Rules:
        """The same reference data with another version of one of the programmes, and its calendar.

        Raises: UnknownProgramme, when there is none of this name to take the place of.
        """
        self.programme(programme.name)
        return Rules(
            {**self.programmes, programme.name: programme},
            self.geography,
            self.agencies,
            programme.working_calendar(),
        )

    @staticmethod
    def london_day(instant: datetime) -> date:
        """The calendar day of an instant in Europe/London."""
        return instant.astimezone(LONDON).date()


def load_rules() -> Rules:
    """All reference data that ships with the product."""
    maps = Programme.load("manchester-maps")
    return Rules({maps.name: maps}, Geography.load(), Agencies.load(), maps.working_calendar())
