"""Every event survives the way into the log and out of it, also those of older versions."""

from __future__ import annotations

import json
from types import NoneType
from typing import Any, ClassVar, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from adapters.postgres.append_core import RawEvent
from adapters.postgres.codec import UPCASTERS, Codec
from adapters.postgres.errors import NewerSchema, UnreadableEvent
from adapters.postgres.event_log import PostgresEventLog
from domain import catalogue
from domain.messages import Actor, Envelope, Event, Recorded
from domain.ports import ANY_VERSION, Append, NewEvent, StreamChange
from tests.log.any_event import any_of
from tests.log.writing import envelope

ONE = settings(max_examples=1, phases=[Phase.generate], database=None)
TOPICS = sorted(catalogue.events())


def row(stored: RawEvent, *, stream_id: UUID, command_id: UUID) -> dict[str, Any]:
    return {
        "originator_id": stream_id,
        "originator_version": 1,
        "topic": stored.topic,
        "state": stored.state,
        "notification_id": 7,
        "event_id": stored.event_id,
        "command_id": command_id,
        "metadata": stored.metadata,
    }


@pytest.mark.parametrize("topic", TOPICS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_event_survives_the_round_trip(topic: str, data: st.DataObject) -> None:
    event = data.draw(any_of(catalogue.events()[topic]))
    written = envelope(uuid4())
    stored = Codec().encode(uuid4(), NewEvent(event, written))
    read = Codec().decode(row(stored, stream_id=event.stream_id, command_id=written.command_id))
    assert read == Recorded(7, event.stream_id, 1, event, written)
    assert type(read.event) is type(event)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(written=any_of(Envelope))
def test_every_envelope_survives_the_round_trip(written: Envelope) -> None:
    written = written.model_copy(update={"schema_version": 1})
    event = catalogue.events()["CaseReleased"](worker_id=uuid4(), case_id=uuid4())
    stored = Codec().encode(uuid4(), NewEvent(event, written))
    read = Codec().decode(row(stored, stream_id=uuid4(), command_id=written.command_id))
    assert read.envelope == written
    # The two columns are not written a second time.
    assert not {"event_id", "command_id"} & json.loads(stored.metadata).keys()


async def test_an_event_of_every_topic_survives_the_database(log: PostgresEventLog) -> None:
    new = []
    for topic in TOPICS:
        event = find(any_of(catalogue.events()[topic]), lambda _: True, settings=ONE)
        new.append(NewEvent(event, envelope(uuid4(), reason="ein „Grund“ \\ \"'\n")))
    for one in new:
        await log.append(
            Append(one.envelope.command_id, "Note", (StreamChange(one.event.stream_id, ANY_VERSION, (one,)),))
        )
    read = await log.read_all(after=0, limit=1000)
    assert [NewEvent(one.event, one.envelope) for one in read] == new


class Moved(Event):
    """An event that has had three shapes: `where`, then `place`, then `place` and `distance`."""

    SCHEMA_VERSION: ClassVar[int] = 3
    place: str
    distance: int

    @property
    def stream_id(self) -> UUID:
        return UUID(int=1)


UPCAST = Codec(
    {"TestMoved": Moved},
    {
        ("TestMoved", 1): lambda old: {"place": old["where"]},
        ("TestMoved", 2): lambda old: old | {"distance": 0},
    },
)


def moved(version: int, **fields: object) -> dict[str, Any]:
    written = envelope(uuid4()).model_copy(update={"schema_version": version})
    metadata = written.model_dump_json(exclude={"event_id", "command_id"})
    stored = RawEvent(uuid4(), "TestMoved", json.dumps(fields).encode(), written.event_id, metadata)
    return row(stored, stream_id=uuid4(), command_id=written.command_id)


@pytest.mark.parametrize(
    "old",
    [moved(1, where="Ardwick"), moved(2, place="Ardwick"), moved(3, place="Ardwick", distance=0)],
    ids=["first", "second", "present"],
)
def test_an_event_of_an_older_version_is_read_in_its_present_shape(old: dict[str, Any]) -> None:
    assert UPCAST.decode(old).event == Moved(place="Ardwick", distance=0)


def test_an_event_of_a_newer_release_is_refused_and_not_guessed_at() -> None:
    with pytest.raises(
        NewerSchema, match="TestMoved at position 7 is of version 4, this release knows up to 3"
    ):
        UPCAST.decode(moved(4, place="Ardwick", distance=0))


@pytest.mark.parametrize("broken", [moved(1, place="Robin"), moved(1, where="Robin") | {"state": b"Robin"}])
def test_an_upcaster_that_stumbles_quotes_no_data(broken: dict[str, Any]) -> None:
    with pytest.raises(UnreadableEvent, match="position 7") as raised:
        UPCAST.decode(broken)
    assert "Robin" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_field_that_a_later_release_added_is_forgiven() -> None:
    assert UPCAST.decode(moved(3, place="Ardwick", distance=1, speed=3)).event == Moved(
        place="Ardwick", distance=1
    )


def test_every_older_version_of_every_event_has_its_upcaster() -> None:
    needed = {
        (topic, version)
        for topic, event in catalogue.events().items()
        for version in range(1, event.SCHEMA_VERSION)
    }
    assert needed == set(UPCASTERS)


def test_what_an_envelope_may_leave_empty_is_empty_by_default() -> None:
    # Empty fields are not written, so whoever reads must find them empty without being told.
    for model in (Envelope, Actor):
        may_be_empty = [
            field for field in model.model_fields.values() if NoneType in get_args(field.annotation)
        ]
        assert may_be_empty
        assert all(field.default is None for field in may_be_empty)
