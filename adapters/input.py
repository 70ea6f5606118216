"""Turns what came in at an edge (JSON, options) into a command of the catalogue, or says which field broke which rule.

Serves HTTP, the command line and imports alike. Must not decide anything, and must never repeat what was written in a
field that may hold personal data: whatever is marked in the model, free text, and the names of unknown fields.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from adapters.fields import Shape, marked_names, shape_of
from domain.calendar import LONDON
from domain.messages import Command
from domain.values import ValueNotUsable

C = TypeVar("C", bound=Command)

MOST_ERRORS = 50
"""More errors than this help nobody, and a hostile body could make millions."""
EARLIEST_YEAR, LATEST_YEAR = 1850, 2200
"""Instants and days outside are slips of the pen; calendars and deadlines are not worked out for them."""
LARGEST_NUMBER = 2_147_483_647


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field and the rule it broke; the value stands here only where it cannot be personal data."""

    field: str
    rule: str
    value: str | int | float | bool | None = None

    def as_json(self) -> dict[str, object]:
        """The error as it is sent; a value that may not be shown is left out."""
        shown = {} if self.value is None else {"value": self.value}
        return {"field": self.field, "rule": self.rule, **shown}

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}" if self.field else self.rule


class InvalidInput(Exception):
    """What came in is not a command: some field is missing, unknown or not of its kind."""

    code = "invalid_input"

    def __init__(self, *errors: FieldError) -> None:
        self.errors = errors
        super().__init__("; ".join(map(str, errors[:3])) + ("; …" if len(errors) > 3 else ""))


# -- JSON ------------------------------------------------------------------------------------------------------------


def json_object(text: str | bytes) -> dict[str, Any]:
    """Read one JSON object, strictly: no NaN, no key twice, no text that the log cannot keep.

    Raises: InvalidInput.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        given = json.loads(decoded, parse_constant=_no_constant, object_pairs_hook=_no_key_twice)
    except InvalidInput:
        raise
    except UnicodeDecodeError:
        raise InvalidInput(FieldError("", "must be JSON in UTF-8")) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(
            FieldError("", f"is not JSON (line {error.lineno}, column {error.colno})")
        ) from None
    except (ValueError, RecursionError):
        # A number of thousands of digits, or thousands of brackets.
        raise InvalidInput(FieldError("", "is not JSON that can be read")) from None
    if not isinstance(given, dict):
        raise InvalidInput(FieldError("", "must be one JSON object"))
    return given


def _no_constant(_name: str) -> object:
    raise InvalidInput(FieldError("", "NaN and Infinity are not JSON"))


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        twice = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise InvalidInput(FieldError(_key(twice), "stands twice in one object"))
    return read


# -- the command -----------------------------------------------------------------------------------------------------


def command_from(model: type[C], given: Mapping[str, Any]) -> C:
    """Make a command from plain values.

    Raises: InvalidInput, with every field that broke a rule.
    """
    if unusable := list(_unusable(given, ())):
        raise InvalidInput(*unusable[:MOST_ERRORS])
    unknown = list(_unknown_fields(model, given, ()))
    try:
        command = model.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(*[*unknown, *_field_errors(model, error)][:MOST_ERRORS]) from None
    except OverflowError:
        # An instant at the very edge of the calendar, moved over it by its offset.
        raise InvalidInput(FieldError("", _YEARS)) from None
    if unknown := [*unknown, *_out_of_bounds(command, ())]:
        raise InvalidInput(*unknown[:MOST_ERRORS])
    return command


def instant_from(text: str, field: str) -> datetime:
    """Read an instant; without an offset it is meant in Europe/London.

    Raises: InvalidInput.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        rule = "must be a date and time such as 2027-03-01T14:30+00:00; without an offset it is meant in Europe/London"
        raise InvalidInput(FieldError(field, rule)) from None
    if not EARLIEST_YEAR <= read.year <= LATEST_YEAR:
        raise InvalidInput(FieldError(field, _YEARS))
    return read if read.tzinfo else read.replace(tzinfo=LONDON)


_YEARS = f"the year must lie between {EARLIEST_YEAR} and {LATEST_YEAR}"
_TEXT = "holds a character that cannot be kept (a NUL, or half of a surrogate pair)"


def _unusable(given: object, path: tuple[str | int, ...]) -> Iterator[FieldError]:
    """Texts that PostgreSQL or UTF-8 cannot hold, and numbers that JSON cannot."""
    match given:
        case str():
            if unkeepable(given):
                yield FieldError(_path(path), _TEXT)
        case float():
            if not math.isfinite(given):
                yield FieldError(_path(path), "must be a finite number")
        case Mapping():
            for key, value in given.items():
                if not isinstance(key, str) or unkeepable(key):
                    yield FieldError(_path(path), f"a field name {_TEXT}")
                else:
                    yield from _unusable(value, (*path, _key(key)))
        case list() | tuple():
            for number, value in enumerate(given):
                yield from _unusable(value, (*path, number))


def unkeepable(text: str) -> bool:
    """Whether a text holds what PostgreSQL or UTF-8 cannot."""
    return "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def _unknown_fields(
    model: type[BaseModel], given: object, path: tuple[str | int, ...]
) -> Iterator[FieldError]:
    """Fields that no model has, at any depth: the shared parts of events and commands forgive them, an edge does not."""
    if not isinstance(given, Mapping):
        return
    for name, value in given.items():
        field = model.model_fields.get(name)
        if field is None:
            # The top level is refused by the command itself.
            if path:
                yield FieldError(_path((*path, _key(name))), _EXTRA)
            continue
        shape = shape_of(field)
        if shape.nested is not None:
            for number, one in enumerate(
                value if shape.many and isinstance(value, list | tuple) else [value]
            ):
                yield from _unknown_fields(
                    shape.nested, one, (*path, name, number) if shape.many else (*path, name)
                )


def _out_of_bounds(value: object, path: tuple[str | int, ...]) -> Iterator[FieldError]:
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from _out_of_bounds(getattr(value, name), (*path, name))
        case tuple() | list():
            for number, one in enumerate(value):
                yield from _out_of_bounds(one, (*path, number))
        case bool():
            return
        case date():
            if not EARLIEST_YEAR <= value.year <= LATEST_YEAR:
                yield FieldError(_path(path), _YEARS)
        case int():
            if abs(value) > LARGEST_NUMBER:
                yield FieldError(_path(path), f"must be at most {LARGEST_NUMBER}")


# -- errors of pydantic, in our words and without values ----------------------------------------------------------------

_EXTRA = "is not a field of this command"
_CODE = "must be a code: letters, digits and _ . : / - without spaces, at most 100 characters"
_ID = "must be an id such as 0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_RULES: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": _EXTRA,
    "string_type": "must be a text",
    "string_pattern_mismatch": _CODE,
    "uuid_parsing": _ID,
    "uuid_type": _ID,
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": f"must be at most {LARGEST_NUMBER}",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "timezone_aware": "needs its offset, such as 2027-03-01T14:30+00:00",
    "time_type": "must be a time such as 14:30",
    "time_parsing": "must be a time such as 14:30",
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "string_too_long": ("max_length", "must have at most {} characters"),
    "string_too_short": ("min_length", "must have at least {} characters"),
    "too_long": ("max_length", "must have at most {} entries"),
    "too_short": ("min_length", "must have at least {} entries"),
    "greater_than_equal": ("ge", "must be at least {}"),
    "greater_than": ("gt", "must be more than {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "less_than": ("lt", "must be less than {}"),
    "multiple_of": ("multiple_of", "must be a multiple of {}"),
    "enum": ("expected", "must be one of {}"),
    "literal_error": ("expected", "must be one of {}"),
}


def _field_errors(model: type[BaseModel], refused: ValidationError) -> Iterator[FieldError]:
    for error in refused.errors(include_url=False):
        path, marked = _within(model, error["loc"])
        show = not marked and error["type"] not in ("missing", "extra_forbidden")
        yield FieldError(_path(path), _rule(error), _shown(error["input"]) if show else None)


def rule_of(error: Mapping[str, Any]) -> str:
    """The rule that one error of pydantic stands for, in our words and without the value."""
    return _rule(error)


def _rule(error: Mapping[str, Any]) -> str:
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind in _RULES:
        return _RULES[kind]
    if kind in _BOUNDS:
        key, rule = _BOUNDS[kind]
        bound = str(context[key]).replace("'", "").replace(" or ", ", ")
        plain = rule.format(bound)
        return plain if bound != "1" else plain.replace("characters", "character").replace("entries", "entry")
    if kind.startswith(("datetime", "timezone")):
        return "must be a date and time such as 2027-03-01T14:30+00:00"
    if kind.startswith("date"):
        return "must be a day such as 2027-03-01"
    reason = context.get("error")
    if isinstance(reason, ValueNotUsable):
        return str(reason).rstrip(".")
    return "is not usable here"


def _within(model: type[BaseModel], location: Sequence[str | int]) -> tuple[tuple[str | int, ...], bool]:
    """The path that a caller knows, and whether it lies inside a marked field. Names the caller made up are masked."""
    path: list[str | int] = []
    marked, inside = False, model
    shape: Shape | None = None
    for step in location:
        if isinstance(step, int):
            path.append(step)
            continue
        known = inside.model_fields.get(step) if inside is not None else None
        if known is None:
            # A step that pydantic put in for a member of a union, or a field that does not exist.
            if shape is None or shape.nested is not None:
                path.append(_key(step))
            continue
        marked = marked or step in marked_names(inside)
        path.append(step)
        shape = shape_of(known)
        if shape.nested is not None:
            inside = shape.nested
    return tuple(path), marked


def _path(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _key(name: object) -> str:
    """A field name as the caller wrote it, if it looks like one: somebody's name or number may stand there by mistake."""
    plain = isinstance(name, str) and re.fullmatch(r"[a-z][a-z_]{0,39}", name)
    return str(name) if plain else "(unknown field)"


def _shown(value: object) -> str | int | float | bool | None:
    """A value that is safe to repeat: a small number, an id, or one word in small letters that could be a code."""
    match value:
        case bool():
            return value
        case int() | float():
            return value if abs(value) < 100_000 else None
        case str():
            return value if _CODE_LIKE.fullmatch(value) or _UUID_LIKE.fullmatch(value) else None
        case _:
            return None


_CODE_LIKE = re.compile(r"(?!.*\d{5})[a-z][a-z0-9_.:/-]{0,39}")
_UUID_LIKE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
