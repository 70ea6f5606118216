"""The fields of a command as people and options need them: names, kinds in plain words, what each may hold.

Read from the models alone, so that a command that is defined once is explained everywhere. Must not read any input.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from annotated_types import MaxLen
from pydantic import AwareDatetime, BaseModel, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from domain.messages import Instant, Personal, Staff, marks
from domain.values import NHSNumber


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field holds: its kind in plain words, whether it is a list, and what it is made of."""

    kind: str
    many: bool = False
    nested: type[BaseModel] | None = None
    choices: tuple[str, ...] = ()
    yes_or_no: bool = False
    comma: bool = False
    """Whether several values may be written in one, separated by commas: they cannot hold one themselves."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a command by its path, such as `form.given_name`."""

    path: tuple[str, ...]
    shape: Shape
    required: bool
    description: str
    default: object | None
    about_a_person: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def kind(self) -> str:
        return f"list of {self.shape.kind}" if self.shape.many else self.shape.kind


@cache
def fields_of(model: type[BaseModel]) -> tuple[Field, ...]:
    """Every field of a command in order; the fields of a part stand in its place. Lists of parts stay one field."""
    return tuple(_fields(model, (), required=True, marked=False))


def _fields(
    model: type[BaseModel], path: tuple[str, ...], *, required: bool, marked: bool
) -> Iterator[Field]:
    for name, field in model.model_fields.items():
        shape = shape_of(field)
        needed = required and field.is_required()
        about = marked or name in marked_names(model)
        if shape.nested is not None and not shape.many:
            yield from _fields(shape.nested, (*path, name), required=needed, marked=about)
            continue
        default = None if field.default is PydanticUndefined else field.default
        yield Field((*path, name), shape, needed, _meaning(field, shape), default, about)


def _meaning(field: FieldInfo, shape: Shape) -> str:
    """What a field means, and always what it may hold: nobody can guess a choice or the parts of a list's members."""
    return "; ".join(part for part in (field.description, _holds(shape)) if part)


def _holds(shape: Shape) -> str:
    if shape.nested is not None:
        return "each with " + ", ".join(_part(field) for field in fields_of(shape.nested))
    return f"one of {', '.join(shape.choices)}" if shape.choices else ""


def _part(field: Field) -> str:
    """A part of each member of a list, with whether it may be left out and what it may hold."""
    said = ["" if field.required else "optional", _holds(field.shape)]
    about = ", ".join(one for one in said if one)
    return f"{field.name} ({about})" if about else field.name


def shape_of(field: FieldInfo) -> Shape:
    """What a field of a model holds."""
    return _shape(field.annotation, tuple(field.metadata))


def _shape(annotation: Any, metadata: tuple[object, ...]) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        added = [
            part for one in arguments[1:] for part in (one.metadata if isinstance(one, FieldInfo) else [one])
        ]
        return _shape(arguments[0], (*metadata, *added))
    if origin in (Union, types.UnionType):
        real = [argument for argument in arguments if argument is not type(None)]
        return _shape(real[0], metadata) if len(real) == 1 else Shape("text")
    if origin in (tuple, list, frozenset, set):
        inner = _shape(arguments[0], ())
        return Shape(inner.kind, True, inner.nested, inner.choices, False, inner.comma)
    if origin is Literal:
        return Shape(
            "one of " + ", ".join(map(str, arguments)), choices=tuple(map(str, arguments)), comma=True
        )
    supertype = getattr(annotation, "__supertype__", None)
    if supertype is not None:
        return _shape(supertype, metadata)
    if annotation in (AwareDatetime, Instant):
        return Shape("instant", comma=True)
    if not isinstance(annotation, type):
        return Shape("text")
    return _plain_shape(annotation, metadata)


def _plain_shape(kind: type, metadata: tuple[object, ...]) -> Shape:
    if issubclass(kind, BaseModel):
        return Shape("object", nested=kind)
    if issubclass(kind, Enum):
        values = tuple(str(member.value) for member in kind)
        return Shape("one of " + ", ".join(values), choices=values, comma=True)
    if issubclass(kind, bool):
        return Shape("yes or no", yes_or_no=True)
    for plain, name in (
        (int, "whole number"),
        (float, "number"),
        (UUID, "id"),
        (datetime, "instant"),
        (date, "day"),
    ):
        if issubclass(kind, plain):
            return Shape(name, comma=True)
    if issubclass(kind, NHSNumber):
        return Shape("NHS number", comma=True)
    if any(isinstance(one, StringConstraints) and one.pattern for one in metadata):
        return Shape("code", comma=True)
    short = any(isinstance(one, MaxLen) and one.max_length <= 60 for one in metadata)
    return Shape("text", comma=short and not any(isinstance(one, Personal | Staff) for one in metadata))


@cache
def marked_names(model: type[BaseModel]) -> frozenset[str]:
    """The fields of a model that may hold personal data or words of staff."""
    return frozenset(name for name, _ in marks(model))
