"""Events are for ever: their topics, fields and types are pinned here, and what may leave the log is marked.

To accept a change that old events survive (a new event, a new field with a default), run this file as a script.
"""

import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import BaseModel

import domain.application  # noqa: F401 - the folds know the events that no file of the catalogue imports
from domain import catalogue
from domain.messages import EVENTS, AgencyName, CaseEvent, Code, Personal, Staff, marks

PINNED = Path(__file__).with_name("event_schema.json")
OURS = {topic: event for topic, event in EVENTS.items() if event.__module__.startswith("domain.")}


def schema_of_every_event() -> dict[str, Any]:
    catalogue.events()
    return {
        topic: {
            "schema_version": event.SCHEMA_VERSION,
            "fields": {
                name: {"type": _type_name(field.annotation), "required": field.is_required()}
                for name, field in event.model_fields.items()
            },
            "marked": sorted({f"{name}:{type(mark).__name__}" for name, mark in marks(event)}),
        }
        for topic, event in sorted(OURS.items())
    }


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(sorted(_type_name(part) for part in get_args(annotation)))
    if get_origin(annotation) is not None:
        return f"{getattr(get_origin(annotation), '__name__', 'Literal')}[{', '.join(_type_name(a) for a in get_args(annotation))}]"
    return getattr(annotation, "__name__", repr(annotation))


def test_no_topic_and_no_field_of_an_event_has_changed() -> None:
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))
    now = schema_of_every_event()
    assert sorted(pinned) == sorted(now), (
        "topics are for ever; a new one is added by running this file as a script"
    )
    for topic, was in pinned.items():
        assert now[topic] == was, topic


@pytest.mark.parametrize("topic", sorted(OURS))
def test_a_topic_is_the_name_of_a_fact_and_never_a_python_path(topic: str) -> None:
    assert topic == OURS[topic].__name__
    assert not topic.endswith(("Event", "Updated"))
    assert (OURS[topic].__doc__ or "").strip()


SAFE_WORDS = {get_args(Code)[0]: Code, get_args(AgencyName)[0]: AgencyName}


def _free_texts(model: type[BaseModel], path: str = "") -> list[str]:
    """Every text field that carries neither a mark nor a pattern that makes it a word of reference data."""
    found = []
    for name, field in model.model_fields.items():
        marked = any(isinstance(m, Personal | Staff) for m in field.metadata) or name in {
            n for n, _ in marks(model)
        }
        if not marked:
            found += _unmarked(field.annotation, field.metadata, f"{path}{name}")
    return found


def _unmarked(annotation: Any, metadata: list[Any], path: str) -> list[str]:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _unmarked(inner, [*metadata, *more], path)
    if get_args(annotation):
        if (
            getattr(get_origin(annotation), "__name__", "") == "Literal"
            or str(get_origin(annotation)) == "typing.Literal"
        ):
            return []
        return [hit for part in get_args(annotation) for hit in _unmarked(part, [], path)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _free_texts(annotation, f"{path}.")
    if annotation is str:
        constrained = any(
            getattr(m, "pattern", None) or getattr(m, "max_length", None) == 120 for m in metadata
        )
        return [] if constrained else [path]
    return []


def test_whoever_imports_the_catalogue_alone_knows_every_event() -> None:
    """A story may expect any event, and is checked before the rest of the product is loaded."""
    alone = "from domain import catalogue; print(*sorted(catalogue.events()))"
    said = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, check=True).stdout
    assert said.split() == sorted(OURS)


@pytest.mark.parametrize("topic", sorted(OURS))
def test_every_free_text_of_an_event_is_marked_personal_or_staff(topic: str) -> None:
    assert _free_texts(OURS[topic]) == []


@pytest.mark.parametrize("topic", sorted(OURS))
def test_a_personal_field_names_the_person_it_is_about(topic: str) -> None:
    event = OURS[topic]
    for name, mark in marks(event):
        if isinstance(mark, Personal):
            assert mark.subject in event.model_fields, f"{topic}.{name}"


def test_what_may_leave_the_log_never_holds_the_form_of_a_referral() -> None:
    case_events = [event for event in OURS.values() if issubclass(event, CaseEvent)]
    assert case_events
    submitted = OURS["ReferralSubmitted"]
    assert {"form", "referrer"} <= {name for name, _ in marks(submitted)}
    assert UUID  # identifiers are what is left


if __name__ == "__main__":
    PINNED.write_text(json.dumps(schema_of_every_event(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"pinned {len(OURS)} events\n")
