"""The names of a story: what stands for which id, and how a step's data says them.

A name is written `@m1`, or plainly `m1` where only an id can stand. `@cj.person` is the person of the case `cj`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import BaseModel

from adapters.fields import Shape, shape_of
from adapters.play.story import in_london
from domain.messages import Command

STORIES: Final = UUID("6f1d8a0c-4a57-5f0b-8f7d-2f1c1b6c9a55")
"""Namespace of everything that a story makes: the same story makes the same ids."""
_REFERENCES: Final = ("person_id", "subject_id", "conversation_id")
"""Fields that may be left out and yet name what is there already: nothing new is made under their name."""
_AROUND: Final = ("meeting", "worker", "case", "person")
"""Kinds of which a command makes one only when it makes nothing within it."""

Resolve = Callable[[str, str, bool], str]
"""From the path of a field, a name and whether a new id may stand there, to an id."""


class NameUnknown(Exception):
    """Nothing has this name at this point of the story."""

    def __init__(self, field: str, name: str) -> None:
        self.field, self.name = field, name
        super().__init__(name)


def new_id(title: str, name: str) -> UUID:
    """The id of something new that a story gives a name to before it is made."""
    return uuid5(STORIES, f"{title}/name/{name}")


def command_id(title: str, number: int) -> UUID:
    """The id of the command of a step that has no key of its own."""
    return uuid5(STORIES, f"{title}/{number}")


def plain(name: str) -> str:
    """A name without the sign that marks it."""
    return name.removeprefix("@")


def is_id(text: str) -> bool:
    """Whether this is an id and not a name."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def with_ids(command: type[Command], data: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
    """A step's data with ids in place of names, and every time of day meant in London where it has no offset.

    Raises: NameUnknown.
    """
    return _object(command, data, resolve, "data")


def _object(model: type[BaseModel], data: Mapping[str, Any], resolve: Resolve, path: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for key, value in data.items():
        field = model.model_fields.get(key)
        if field is None:
            told[key] = _times(value)
            continue
        may_be_new = not field.is_required() and key.endswith("_id") and key not in _REFERENCES
        told[key] = _value(shape_of(field), value, resolve, f"{path}.{key}", may_be_new=may_be_new)
    return told


def _value(shape: Shape, value: Any, resolve: Resolve, path: str, *, may_be_new: bool) -> Any:
    match value:
        case list():
            return [
                _value(shape, one, resolve, f"{path}.{number}", may_be_new=may_be_new)
                for number, one in enumerate(value)
            ]
        case dict() if shape.nested is not None:
            return _object(shape.nested, value, resolve, path)
        case str() if shape.kind == "id" and not is_id(value):
            return resolve(path, plain(value), may_be_new)
        case str() if shape.kind == "code" and value.startswith("@"):
            # What holds a code or an id, such as `links_to` of an action; no code begins like this.
            return resolve(path, plain(value), False)
        case str() if shape.kind == "instant":
            return _instant(value)
        case _:
            return _times(value)


def _instant(text: str) -> datetime | str:
    try:
        return in_london(datetime.fromisoformat(text))
    except ValueError:
        return text  # refused by the command, in its own words


def _times(value: Any) -> Any:
    match value:
        case datetime():
            return in_london(value)
        case dict():
            return {key: _times(one) for key, one in value.items()}
        case list():
            return [_times(one) for one in value]
        case _:
            return value


def made(events: Sequence[Any], given: frozenset[UUID]) -> dict[str, list[UUID]]:
    """The ids that stand in events and were not given before, by their kind (`grant`, `action`, …), in order."""
    found: dict[str, list[UUID]] = {}
    for event in events:
        for field, value in event.open_fields().items():
            if field.endswith("_id") and isinstance(value, UUID) and value not in given:
                kind = found.setdefault(field.removesuffix("_id"), [])
                if value not in kind:
                    kind.append(value)
    return found


def chief(found: Mapping[str, Sequence[UUID]], known: Mapping[str, Sequence[UUID]]) -> UUID | None:
    """Of what a command made, the thing that it was about: something within a case rather than the case itself.

    Args:
        found: what is new, by its kind.
        known: what stands in the same events and has a name already, such as a consent that is asked for again.

    """
    for ids in (
        *(found[kind] for kind in found if kind not in _AROUND),
        *(found[kind] for kind in _AROUND if kind in found and kind != "person"),
        *(known[kind] for kind in known if kind not in _AROUND),
        found.get("person", ()),
    ):
        if ids:
            return ids[0]
    return None


def kind_of(key: str) -> str:
    """`actions` and `action` are the same kind."""
    return key.removesuffix("_id").removesuffix("_ids").removesuffix("s")
