"""Any event of the catalogue, drawn from its definition: each field by its type and the limits written on it."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin
from uuid import UUID

from annotated_types import MaxLen, MinLen
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo

M = TypeVar("M", bound=BaseModel)

_LONG_ENOUGH = 40
# No record can hold NUL, and no text of Unicode half a surrogate pair.
_LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=1)), timezone(-timedelta(hours=9, minutes=30))])


def any_of(model: type[M]) -> st.SearchStrategy[M]:
    """Any value of a message, all fields given."""
    fields = {name: _value(field.annotation, field.metadata) for name, field in model.model_fields.items()}
    return st.fixed_dictionaries(fields).map(model.model_validate)


def _value(annotation: Any, metadata: Iterable[Any] = ()) -> st.SearchStrategy[Any]:
    limits = list(_flat(metadata))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(arguments[0], [*arguments[1:], *limits])
    if isinstance(annotation, NewType):
        return _value(annotation.__supertype__, limits)
    if origin in {Union, types.UnionType}:
        return st.one_of([_value(one, limits) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        assert arguments[1] is Ellipsis
        shortest, longest = _length(limits)
        return st.lists(_value(arguments[0]), min_size=shortest, max_size=min(longest, 4)).map(tuple)
    if origin is dict:
        return st.dictionaries(_value(arguments[0]), _value(arguments[1]), max_size=4)
    if annotation is AwareDatetime:
        return st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30), timezones=_ZONES)  # noqa: DTZ001
    if annotation is str:
        pattern = next((one.pattern for one in limits if getattr(one, "pattern", None)), None)
        if pattern is not None:
            return st.from_regex(pattern, fullmatch=True, alphabet=st.characters(codec="ascii"))
        shortest, longest = _length(limits)
        return st.text(_LETTERS, min_size=shortest, max_size=longest)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any_of(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return _PLAIN[annotation]


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    type(None): st.none(),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    UUID: st.uuids(),
    date: st.dates(),
}


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from one.metadata
        else:
            yield one


def _length(limits: Iterable[Any]) -> tuple[int, int]:
    shortest, longest = 0, _LONG_ENOUGH
    for one in limits:
        if isinstance(one, MinLen | StringConstraints) and one.min_length is not None:
            shortest = max(shortest, one.min_length)
        if isinstance(one, MaxLen | StringConstraints) and one.max_length is not None:
            longest = min(longest, one.max_length)
    return shortest, longest
