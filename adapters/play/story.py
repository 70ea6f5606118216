"""The shape of a story, and the one reader of its file.

Every key is known by name: an unknown one, or one of another type, is refused when the file is read. What a step means,
and whether it can be played, is looked at in `rehearsal.py`; nothing here knows a command.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from adapters.input import FieldError, InvalidInput, rule_of
from domain.calendar import LONDON, WorkingCalendar

LONGEST: Final = 2_000
"""Steps of one story, and repetitions of one step: more is a slip of the pen."""


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_one_or_many)]
"""One word or a list of them."""
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class By(_Part):
    """Who does a step."""

    person: Name
    role: Name
    agency: Name
    on_behalf_of: Name | None = None


class NextStep(_Part):
    """What the engine is to do next by itself, and when."""

    command: str | None = None
    at: datetime | date | None = None


class MessageSent(_Part):
    """A message that somebody is to have been sent."""

    to: str
    about: str


EFFECTIVE_AT: Final = "effective_at"
"""When it happened: of every event, and a field of none."""


class Expect(_Part):
    """What must hold when a step is over."""

    events: Words = []
    not_events: Words = []
    stage: str | None = None
    closed: str | None = None
    refused: str | None = None
    waits_for: str | None = None
    next: NextStep | None = None
    messages: list[MessageSent] = []
    due: dict[str, datetime | date | bool] = {}
    facts: dict[str, dict[str, Any]] = {}
    exactly: bool = False

    @property
    def says_something(self) -> bool:
        return bool(self.model_fields_set - {"exactly"})


class Step(_Part):
    """One thing somebody does at a time, or, without `do`, a time that is reached."""

    at: datetime | None = None
    after: str | None = None
    by: By | None = Field(None, alias="as")
    do: str | None = None
    case: Name | None = None
    name: Name | None = None
    names: dict[str, Words] = {}
    data: dict[str, Any] = {}
    effective_at: datetime | None = None
    reason: str | None = None
    key: str | None = Field(None, min_length=1, max_length=200)
    times: int = Field(1, ge=1, le=LONGEST)
    say: str = ""
    exactly: bool = False
    expect: Expect = Expect()

    @property
    def is_lapse(self) -> bool:
        """Whether nobody does anything, so that only time passes."""
        return self.do is None


class Story(_Part):
    """A story: when it starts, and its steps in order of time."""

    title: str = Field(min_length=1)
    programme: str = "manchester-maps"
    start: datetime | None = None
    about: str = ""
    step: list[Step] = Field(min_length=1, max_length=LONGEST)


class StoryInvalid(InvalidInput):
    """A story cannot be played as it is written: file, step, field and rule of everything that is wrong."""


def read_story(file: Path) -> Story:
    """Read a story's file.

    Raises: StoryInvalid.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoryInvalid(FieldError(str(file), f"cannot be read: {reason}")) from None
    except UnicodeDecodeError:
        raise StoryInvalid(FieldError(str(file), "must be TOML in UTF-8")) from None
    return story_from(text, str(file))


def shipped_story(name: str) -> Story:
    """A story that comes with the product."""
    text = resources.files("adapters.demo").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return story_from(text, f"{name}.toml")


def story_from(text: str, file: str) -> Story:
    """A story from the text of its file.

    Raises: StoryInvalid.
    """
    try:
        return Story.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StoryInvalid(FieldError(file, f"is not TOML: {error}")) from None
    except ValidationError as error:
        raise StoryInvalid(*_problems(error, file)) from None


def where(file: str, step: int | None, *fields: object) -> str:
    """A place in a story, for people: file, step and field."""
    parts = [file, f"step {step}" if step else "", ".".join(map(str, fields))]
    return ": ".join(part for part in parts if part)


def _problems(error: ValidationError, file: str) -> Iterator[FieldError]:
    told: set[str] = set()
    for one in error.errors(include_url=False):
        place = list(one["loc"])
        step = None
        if place[:1] == ["step"] and len(place) > 1 and isinstance(place[1], int):
            step = place[1] + 1
            place = place[2:]
        # A member of a union stands in pydantic's place as if it were a key.
        place = [part for part in place if part not in ("datetime", "date", "bool")]
        told_at = where(file, step, *place)
        if told_at not in told:
            told.add(told_at)
            yield FieldError(told_at, _rule(one, is_step=step is not None))


def _rule(error: Mapping[str, Any], *, is_step: bool) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return "is not a key of a step or of its parts" if is_step else "is not a key of a story"
    if kind in ("datetime_type", "date_type"):
        return "must be a date and time as TOML writes it, such as 2027-03-01T14:30:00"
    if kind == "int_type":
        return "must be a whole number"
    return rule_of(error)


# -- time ------------------------------------------------------------------------------------------------------------

_AFTER = re.compile(r"(\d{1,5})\s*(wd|mo|w|d|h|m)")
AFTER_RULE: Final = 'must be a number and a unit: "2wd" working days, "20d" days, "2w" weeks, "6mo" months, "3h" hours, "30m" minutes'


def in_london(instant: datetime) -> datetime:
    """An instant; without an offset it is meant in Europe/London."""
    return instant if instant.tzinfo else instant.replace(tzinfo=LONDON)


def exists_in_london(instant: datetime) -> bool:
    """Whether the clocks of London ever show this; in the night they go forward they skip an hour."""
    if instant.tzinfo is not None:
        return True
    return in_london(instant).astimezone(UTC).astimezone(LONDON).replace(tzinfo=None) == instant


def later(instant: datetime, after: str, calendar: WorkingCalendar, *, lapse: bool) -> datetime | None:
    """The instant that lies so long after another; None when `after` is not a length of time.

    Days, weeks and months keep the time of day in London. Working days do so too where somebody acts; where only time
    passes, they end as a clock of so many working days does that began at the step before: at the end of that day.
    """
    found = _AFTER.fullmatch(after.strip())
    if found is None:
        return None
    count, unit = int(found[1]), found[2]
    match unit:
        case "wd":
            ends = calendar.add_working_days(instant, count)
            if lapse:
                return max(ends, instant)
            local, day = instant.astimezone(LONDON), ends.astimezone(LONDON).date()
            return max(datetime.combine(day, local.time(), LONDON), instant)
        case "mo":
            return calendar.add_months(instant, count)
        case "w":
            return calendar.add_weeks(instant, count)
        case "d":
            return calendar.add_calendar_days(instant, count)
        case "h":
            return instant + timedelta(hours=count)
        case _:
            return instant + timedelta(minutes=count)
