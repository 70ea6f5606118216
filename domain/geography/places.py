"""Where a place lies: ward, neighbourhood, locality and forum on a given day, or another borough, or unknown.

Boundaries and forums change, so every question carries its day. Must not guess: a misspelt ward is unknown.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from domain.geography.names import name_key


class UnknownGeographyCode(LookupError):
    """The reference data holds nothing under this code."""

    def __init__(self, kind: str, code: str) -> None:
        super().__init__(f"There is no {kind} with the code {code!r}.")
        self.kind = kind
        self.code = code


class NoForumServes(LookupError):
    """No forum serves the neighbourhood on that day."""

    def __init__(self, neighbourhood: str, on: date) -> None:
        super().__init__(f"No forum serves the neighbourhood {neighbourhood!r} on {on.isoformat()}.")
        self.neighbourhood = neighbourhood
        self.on = on


# --- Answers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InArea:
    """A ward of the city, with the codes of its neighbourhood and locality on that day."""

    ward_code: str
    ward_name: str
    neighbourhood: str
    locality: str


@dataclass(frozen=True, slots=True)
class OutOfArea:
    """A place in another borough, by that borough's name; other boroughs with one so called come after."""

    borough: str
    place: str
    other_boroughs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """No ward of the city, and no place that we know in another borough."""


Place = InArea | OutOfArea | Unknown


# --- Reference data ---------------------------------------------------------------------------------------


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Dated(_Row):
    valid_from: date
    valid_to: date | None = None

    def is_valid(self, on: date) -> bool:
        """Whether this holds on that day; `valid_to` is the last day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class City(_Row):
    """The city that the programme serves."""

    code: str
    name: str


class Locality(_Row):
    """A third of the city."""

    code: str
    name: str


class Neighbourhood(_Row):
    """An area of two to four wards with a neighbourhood team."""

    code: str
    name: str
    locality: str


class Ward(_Dated):
    """An electoral ward."""

    code: str
    name: str


class WardLink(_Dated):
    """A ward lies in a neighbourhood."""

    ward: str
    neighbourhood: str


class ForumLink(_Dated):
    """A forum serves a neighbourhood."""

    forum: str
    neighbourhood: str


class _ForumRow(_Dated):
    code: str
    name: str


class _CityFile(_Row):
    version: str
    city: City
    localities: list[Locality]
    neighbourhoods: list[Neighbourhood]
    wards: list[Ward]
    ward_neighbourhoods: list[WardLink]
    forums: list[_ForumRow]
    forum_neighbourhoods: list[ForumLink]


class Borough(_Row):
    """A borough with the names of its towns, districts and wards. `in_area` marks the city itself."""

    code: str
    name: str
    aliases: list[str] = []
    in_area: bool = False
    places: list[str]


class _BoroughFile(_Row):
    version: str
    boroughs: list[Borough]


@dataclass(frozen=True, slots=True)
class Forum:
    """A multi-agency forum, with every neighbourhood that it serves or has served."""

    code: str
    name: str
    valid_from: date
    valid_to: date | None
    links: tuple[ForumLink, ...]

    def serves(self, neighbourhood: str, on: date) -> bool:
        """Whether the forum serves the neighbourhood of this code on that day."""
        return neighbourhood in self.neighbourhoods(on)

    def neighbourhoods(self, on: date) -> tuple[str, ...]:
        """Return the codes of the neighbourhoods that the forum serves on that day."""
        if on < self.valid_from or (self.valid_to is not None and on > self.valid_to):
            return ()
        return tuple(link.neighbourhood for link in self.links if link.is_valid(on))


_Coded = TypeVar("_Coded", Locality, Neighbourhood, Ward)
_Found = TypeVar("_Found")

# A borough after the place, "Broughton (Salford)" or "Broughton, Salford"; the last comma counts.
_QUALIFIED = (
    re.compile(r"(?P<place>.+?) ?[(\[](?P<borough>[^()\[\]]*)[)\]][ .,;]*"),
    re.compile(r"(?P<place>.+),(?P<borough>[^,]*)"),
    re.compile(r"(?P<place>.+) [-\N{EN DASH}\N{EM DASH}/] (?P<borough>.+)"),
)
# What may stand behind a place instead of its borough, and says nothing of which borough it is.
_COUNTIES = frozenset({"greatermanchester", "gtrmanchester", "lancashire", "lancs", "cheshire"})
_WARD_SUFFIX = re.compile(r"\s+ward[\s.,;]*$", re.IGNORECASE)


class Geography:
    """The city and its surroundings, ready for questions."""

    def __init__(self, city: _CityFile, boroughs: _BoroughFile) -> None:
        self.version = city.version
        self.city = city.city.name
        self.city_code = city.city.code
        self.localities = tuple(city.localities)
        self.neighbourhoods = tuple(city.neighbourhoods)
        self.wards = tuple(city.wards)
        self.boroughs = tuple(boroughs.boroughs)
        self._localities = _by_code(city.localities)
        self._neighbourhoods = _by_code(city.neighbourhoods)
        self._wards = _by_code(city.wards)
        self._links = tuple(city.ward_neighbourhoods)
        self._forums = {
            row.code: Forum(
                code=row.code,
                name=row.name,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                links=tuple(link for link in city.forum_neighbourhoods if link.forum == row.code),
            )
            for row in city.forums
        }
        self._check_codes(city)
        self._wards_by_name: dict[str, list[Ward]] = {}
        for ward in city.wards:
            for name in {name_key(ward.name), name_key(ward.code)}:
                self._wards_by_name.setdefault(name, []).append(ward)
        self._boroughs_by_name = {
            name_key(name): borough for borough in self.boroughs for name in (borough.name, *borough.aliases)
        }
        self._boroughs_by_place: dict[str, list[Borough]] = {}
        for borough in self.boroughs:
            names = {name_key(place) for place in (borough.name, *borough.aliases, *borough.places)}
            for name in names:
                self._boroughs_by_place.setdefault(name, []).append(borough)

    @staticmethod
    def load() -> Geography:
        """Read the packaged reference data, once."""
        return _load()

    def place(self, text: str, on: date) -> Place:
        """Say where a place lies on a day, however it is written.

        A name that the city shares with another borough is the city's, unless the borough stands with it.
        Postal districts, misspellings and parts of the city that are no ward are unknown.
        """
        name = " ".join(text.split())
        for form in _QUALIFIED:
            if qualified := form.fullmatch(name):
                borough = self._boroughs_by_name.get(name_key(qualified["borough"]))
                if borough is not None and not borough.in_area:
                    return OutOfArea(borough.name, qualified["place"].strip())
                if borough is not None:
                    # "Manchester" behind a place may be the city or only the post town, so the place decides.
                    name = qualified["place"]
                elif name_key(qualified["borough"]) in _COUNTIES:
                    name = qualified["place"]
                break
        return self._ward_or_borough(_WARD_SUFFIX.sub("", name).strip(" .,;:"), on)

    def ward(self, code: str) -> Ward:
        """Return the ward of this code.

        Raises: UnknownGeographyCode.
        """
        return _found(self._wards, "ward", code)

    def neighbourhood(self, code: str) -> Neighbourhood:
        """Return the neighbourhood of this code.

        Raises: UnknownGeographyCode.
        """
        return _found(self._neighbourhoods, "neighbourhood", code)

    def locality(self, code: str) -> Locality:
        """Return the locality of this code.

        Raises: UnknownGeographyCode.
        """
        return _found(self._localities, "locality", code)

    def forum(self, code: str) -> Forum:
        """Return the forum of this code.

        Raises: UnknownGeographyCode.
        """
        return _found(self._forums, "forum", code)

    def forums(self) -> tuple[Forum, ...]:
        """Return every forum, those that have ended included."""
        return tuple(self._forums.values())

    def neighbourhoods_of(self, ward_code: str, on: date) -> tuple[str, ...]:
        """Return the codes of the neighbourhoods that a ward lies in on a day; the first takes referrals."""
        return tuple(
            link.neighbourhood for link in self._links if link.ward == ward_code and link.is_valid(on)
        )

    def forum_for(self, neighbourhood_code: str, on: date) -> Forum:
        """Return the forum that takes the referrals of a neighbourhood on that day.

        Raises: UnknownGeographyCode, NoForumServes.
        """
        self.neighbourhood(neighbourhood_code)
        for forum in self._forums.values():
            if forum.serves(neighbourhood_code, on):
                return forum
        raise NoForumServes(neighbourhood_code, on)

    def _ward_or_borough(self, name: str, on: date) -> Place:
        key = name_key(name)
        for ward in self._wards_by_name.get(key, ()):
            neighbourhoods = self.neighbourhoods_of(ward.code, on) if ward.is_valid(on) else ()
            if neighbourhoods:
                first = self.neighbourhood(neighbourhoods[0])
                return InArea(ward.code, ward.name, first.code, first.locality)
        boroughs = self._boroughs_by_place.get(key, ())
        # A ward of another day, or a part of the city that is no ward, is the city's all the same.
        if not boroughs or key in self._wards_by_name or any(borough.in_area for borough in boroughs):
            return Unknown()
        return OutOfArea(boroughs[0].name, name, tuple(borough.name for borough in boroughs[1:]))

    def _check_codes(self, city: _CityFile) -> None:
        for neighbourhood in city.neighbourhoods:
            self.locality(neighbourhood.locality)
        for ward_link in city.ward_neighbourhoods:
            self.ward(ward_link.ward)
            self.neighbourhood(ward_link.neighbourhood)
        for forum_link in city.forum_neighbourhoods:
            self.forum(forum_link.forum)
            self.neighbourhood(forum_link.neighbourhood)


def _by_code(rows: Iterable[_Coded]) -> dict[str, _Coded]:
    return {row.code: row for row in rows}


def _found(rows: Mapping[str, _Found], kind: str, code: str) -> _Found:
    try:
        return rows[code]
    except KeyError:
        raise UnknownGeographyCode(kind, code) from None


@cache
def _load() -> Geography:
    folder = resources.files("domain.geography")
    city = tomllib.loads((folder / "manchester.toml").read_text(encoding="utf-8"))
    boroughs = tomllib.loads((folder / "greater_manchester.toml").read_text(encoding="utf-8"))
    return Geography(_CityFile.model_validate(city), _BoroughFile.model_validate(boroughs))
