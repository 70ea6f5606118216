"""The shape of a programme, and the one reader of its TOML file.

Every key is known by name here: an unknown or missing one is refused when the file is read, never ignored.
Must not hold the numbers themselves, and must not read anything but its own packaged files.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, time
from functools import cache
from importlib import resources
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from domain.calendar import WorkingCalendar
from domain.programmes.clocks import Clock, Clocks
from domain.programmes.part import Names, Part

Grade = Literal["asye", "experienced", "senior"]
Intensity = Literal["low", "standard", "intensive"]


class UnknownProgramme(ValueError):
    """No programme of this name is shipped."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no programme {name!r}; known are: {', '.join(Programme.names())}.")
        self.name = name


class ProgrammeInvalid(ValueError):
    """A programme's file breaks the shape of a programme."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"Programme {name!r} cannot be used: {'; '.join(self.problems)}.")
        self.name = name


class UnknownClock(ValueError):
    """The programme has no clock of this name."""

    def __init__(self, programme: str, clock: str) -> None:
        super().__init__(f"Programme {programme!r} has no clock {clock!r}.")
        self.clock = clock


class Need(Part):
    """A kind of support need, the plain words for it, and the eligibility domain that it counts towards."""

    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    label: str = Field(min_length=1)
    domain: str | None = None


class EligibilityTrace(Part):
    """How the eligibility rule came out, with what it counted, so that the decision can be explained."""

    programme: str
    version: str
    decided_by: Literal["needs", "domains"]
    needs: tuple[str, ...]
    minimum_needs: int
    domains: tuple[str, ...]
    minimum_domains: int
    eligible: bool


class Eligibility(Part):
    """The rule set of eligibility: how many needs to refer, and how many needs or domains to be accepted."""

    minimum_needs_to_submit: int = Field(ge=1)
    minimum_needs: int = Field(ge=1)
    decided_by: Literal["needs", "domains"]
    override_role: str
    domains: Names
    minimum: int = Field(ge=1)

    @model_validator(mode="after")
    def _the_minimum_can_be_reached(self) -> Self:
        if self.minimum > len(set(self.domains)):
            raise ValueError("minimum is higher than the number of domains")
        return self

    def domains_met(self, domains: Iterable[str]) -> bool:
        """Whether enough of the programme's domains are present; others do not count.

        Source: MEAM and Changing Futures: domains present >= minimum.
        """
        return len(set(domains) & set(self.domains)) >= self.minimum


class Forum(Part):
    """What holds for every forum of the programme."""

    action_default_due: Literal["next_meeting"]
    expected_agencies: Names
    starts_early_minutes: int = Field(ge=0)
    meeting_minutes: int = Field(ge=1)


class Quorum(Part):
    """Who must be present for a meeting to decide."""

    chair_or_deputy: bool
    coordinator: bool
    minimum_agencies: int = Field(ge=1)
    one_of_sectors: Names
    referring_agency_for_its_item: bool


class Agenda(Part):
    """Limits of one meeting's agenda."""

    capacity: int = Field(ge=1)


class MatchingWeights(Part):
    """How much each soft matching rule speaks for a worker."""

    within_soft_limit: int = Field(ge=0)
    specialism_matches: int = Field(ge=0)
    attached_to_forum: int = Field(ge=0)
    speaks_first_language: int = Field(ge=0)
    worked_with_before: int = Field(ge=0)


class Allocation(Part):
    """Limits around the key worker's first steps."""

    missed_contacts: int = Field(ge=1)
    high_score: int = Field(ge=0, le=48)
    interpreter_routes: Names
    weights: MatchingWeights


class Outreach(Part):
    """What is tried when contact with a person is lost."""

    attempts: int = Field(ge=1)


class Monitoring(Part):
    """What is watched after step-down."""

    missed_before_review: int = Field(ge=1)


class CasePoints(Part):
    """The weights that make up the points of one case."""

    base: dict[Intensity, int]
    safeguarding_open: int
    each_extra_child: int
    extra_children_at_most: int
    interpreter: int
    long_travel: int
    several_programmes: int
    step_down: int
    minimum: int
    maximum: int

    @model_validator(mode="after")
    def _every_intensity_has_a_weight(self) -> Self:
        if missing := {"low", "standard", "intensive"} - set(self.base):
            raise ValueError(f"base has no weight for {', '.join(sorted(missing))}")
        return self


class EscalationLevel(Part):
    """One step of the ladder of escalation, and the roles that answer for it."""

    code: str = Field(pattern=r"^[a-z][a-z_]*$")
    label: str = Field(min_length=1)
    roles: Names


class Escalation(Part):
    """The ladder of escalation, lowest level first."""

    levels: Annotated[tuple[EscalationLevel, ...], Field(strict=False, min_length=1)]
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _levels_are_named_once(self) -> Self:
        twice = [code for code, times in Counter(one.code for one in self.levels).items() if times > 1]
        if twice:
            raise ValueError(f"levels are listed twice: {', '.join(twice)}")
        return self

    @property
    def highest(self) -> int:
        return len(self.levels)

    def level(self, number: int) -> EscalationLevel:
        """The level of this number, from 1; beyond the last it is the last."""
        return self.levels[min(number, self.highest) - 1]


class Caseload(Part):
    """Limits and weights of a key worker's caseload."""

    soft_cases: int = Field(ge=1)
    hard_cases: int = Field(ge=1)
    points_per_fte: int = Field(ge=1)
    supervision_points: int = Field(ge=0)
    grade_factors: dict[Grade, float]
    points: CasePoints

    @model_validator(mode="after")
    def _limits_and_grades_make_sense(self) -> Self:
        if self.soft_cases > self.hard_cases:
            raise ValueError("soft_cases is above hard_cases")
        if missing := {"asye", "experienced", "senior"} - set(self.grade_factors):
            raise ValueError(f"grade_factors has none for {', '.join(sorted(missing))}")
        return self


class Assessment(Part):
    """Which assessments a referral must carry."""

    ndta_required: bool


class Programme(Part):
    """One version of a pathway programme."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str
    version: str = Field(pattern=r"^\d{4}\.\d+$")
    valid_from: date
    minimum_age: int = Field(ge=0)
    working_day_ends: time
    eligibility: Eligibility
    clocks: Clocks
    forum: Forum
    quorum: Quorum
    agenda: Agenda
    allocation: Allocation
    outreach: Outreach
    monitoring: Monitoring
    caseload: Caseload
    escalation: Escalation
    assessment: Assessment
    needs: Annotated[tuple[Need, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _needs_are_named_once_and_count_towards_known_domains(self) -> Self:
        twice = [code for code, times in Counter(need.code for need in self.needs).items() if times > 1]
        if twice:
            raise ValueError(f"needs are listed twice: {', '.join(twice)}")
        strange = {need.domain for need in self.needs if need.domain} - set(self.eligibility.domains)
        if strange:
            raise ValueError(f"needs count towards unknown domains: {', '.join(sorted(strange))}")
        return self

    @staticmethod
    def names() -> tuple[str, ...]:
        """The programmes that are shipped."""
        folder = resources.files("domain.programmes")
        return tuple(
            sorted(
                file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")
            )
        )

    @staticmethod
    def load(name: str) -> Programme:
        """Read a shipped programme; each is read once.

        Raises: UnknownProgramme, ProgrammeInvalid.
        """
        return _load(name)

    @classmethod
    def from_toml(cls, text: str, name: str = "(text)") -> Programme:
        """Read a programme from TOML.

        Raises: ProgrammeInvalid, naming every key that is unknown, missing or wrong.
        """
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise ProgrammeInvalid(name, [f"not TOML: {error}"]) from None
        except ValidationError as error:
            raise ProgrammeInvalid(name, map(_problem, error.errors(include_url=False))) from None

    def clock(self, name: str) -> Clock:
        """Return the clock of this name.

        Raises: UnknownClock.
        """
        if name not in Clocks.model_fields:
            raise UnknownClock(self.name, name)
        clock: Clock = getattr(self.clocks, name)
        return clock

    def deadline(self, clock_name: str, from_instant: datetime, calendar: WorkingCalendar) -> datetime:
        """Return the instant at which this clock runs out, started at an instant.

        For clocks that count back from a meeting, `from_instant` is the start of the meeting.
        Raises: UnknownClock, InstantWithoutZone.
        """
        return self.clock(clock_name).deadline(from_instant, calendar)

    def working_calendar(self) -> WorkingCalendar:
        """Return the calendar with this programme's working hours."""
        return WorkingCalendar(day_ends=self.working_day_ends)

    def need(self, code: str) -> Need | None:
        """Return the need of this code, or None if the programme does not know it."""
        return next((need for need in self.needs if need.code == code), None)

    def unknown_needs(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Return the codes that are not in the programme, in the order given."""
        known = {need.code for need in self.needs}
        return tuple(dict.fromkeys(code for code in codes if code not in known))

    def eligibility_of(self, needs: Iterable[str]) -> EligibilityTrace:
        """Apply the eligibility rule to a person's needs. Repeats and unknown codes do not count."""
        present = set(needs)
        counted = [need for need in self.needs if need.code in present]
        reached = {need.domain for need in counted}
        domains = tuple(domain for domain in self.eligibility.domains if domain in reached)
        rule = self.eligibility
        enough = (
            len(counted) >= rule.minimum_needs if rule.decided_by == "needs" else rule.domains_met(domains)
        )
        return EligibilityTrace(
            programme=self.name,
            version=self.version,
            decided_by=rule.decided_by,
            needs=tuple(need.code for need in counted),
            minimum_needs=rule.minimum_needs,
            domains=domains,
            minimum_domains=rule.minimum,
            eligible=enough,
        )


@cache
def _load(name: str) -> Programme:
    # The name comes from people; it must not be able to walk out of the folder.
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name not in Programme.names():
        raise UnknownProgramme(name)
    text = (resources.files("domain.programmes") / f"{name}.toml").read_text(encoding="utf-8")
    programme = Programme.from_toml(text, name)
    if programme.name != name:
        raise ProgrammeInvalid(name, [f"its file calls it {programme.name!r}"])
    return programme


def _problem(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {key}"
        case "missing":
            return f"missing key {key}"
        case "value_error":
            return f"{key}: {error['ctx']['error']}" if key else str(error["ctx"]["error"])
        case _:
            return f"{key}: {error['msg']}"
