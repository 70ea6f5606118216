"""Any commands that come at once leave the log that some order of the accepted ones, one after the other, would leave.

The order is the one in which they stand in the log. Those refused are refused rightly: there was a moment between two of
the others at which they would have been refused alone. Nothing is assumed of how batches are made.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from domain.messages import PersonId
from domain.ports import ANY_VERSION, Answer, Append, IdentityKey, Reservation, StreamChange, VersionConflict
from tests.log.writing import as_owner, change, the_whole_log
from tests.support.servers import SharedPostgres

SPACE = UUID("6f1b2c7e-3d0a-4a55-9f0e-0a1b2c3d4e5f")


def some(kind: str, number: int) -> UUID:
    return uuid5(SPACE, f"{kind}/{number}")


HOT = [some("stream", n) for n in range(2)]
QUIET = [some("stream", n) for n in range(2, 14)]
KEYS = [IdentityKey("nhs_number", "1"), IdentityKey("date_of_birth", "2")]
PEOPLE = [PersonId(some("person", n)) for n in range(3)]
PLACES = {"one": 1, "two": 2}


@dataclass
class Model:
    """The log as one who writes alone would keep it."""

    done: dict[UUID, tuple[tuple[UUID, int, str], ...]] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)
    holders_of_keys: dict[IdentityKey, set[PersonId]] = field(default_factory=dict)
    holders_of_places: dict[str, set[UUID]] = field(default_factory=dict)

    def outcome(self, append: Append) -> str:
        if append.command_id in self.done:
            return "repeated"
        for one in append.changes:
            if one.expected_version not in (ANY_VERSION, self.versions.get(one.stream_id, 0)):
                return "conflict"
        for key in append.identity_keys:
            if not self.holders_of_keys.get(key, set()) <= append.people_seen:
                return "conflict"
        held = self._held_after(append)
        taken = {one.key for one in append.reservations if one.limit is not None}
        if any(len(held[key]) > PLACES[key] for key in taken):
            return "conflict"
        return "written"

    def write(self, append: Append) -> None:
        events = []
        for one in append.changes:
            for new in one.events:
                self.versions[one.stream_id] = self.versions.get(one.stream_id, 0) + 1
                events.append((one.stream_id, self.versions[one.stream_id], new.event.text))
        self.done[append.command_id] = tuple(events)
        if append.registers is not None:
            for key in append.identity_keys:
                self.holders_of_keys.setdefault(key, set()).add(append.registers)
        self.holders_of_places = self._held_after(append)

    def _held_after(self, append: Append) -> dict[str, set[UUID]]:
        held = {key: set(self.holders_of_places.get(key, ())) for key in PLACES}
        for one in append.reservations:
            (held[one.key].discard if one.limit is None else held[one.key].add)(one.holder)
        return held


@st.composite
def appends(draw: st.DrawFn) -> Append:
    command_id = some("command", draw(st.integers(0, 15)))
    # Mostly quiet streams, so that commands meet elsewhere than there, too.
    one = st.one_of([st.sampled_from(QUIET), st.sampled_from(QUIET), st.sampled_from(HOT)])
    streams = draw(st.lists(one, min_size=1, max_size=2, unique=True))
    reads_one_only = len(streams) > 1 and draw(st.booleans())
    changes = []
    for number, stream in enumerate(streams):
        at = draw(st.sampled_from([ANY_VERSION, ANY_VERSION, ANY_VERSION, 0, 0, 1, 2]))
        texts = draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=2))
        if reads_one_only and number == 1:
            changes.append(StreamChange(stream, at, ()))
        else:
            changes.append(change(command_id, stream, at, *texts))
    keys = draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
    places = draw(st.lists(st.sampled_from(sorted(PLACES)), max_size=2, unique=True))
    reservations = [
        Reservation(
            "place",
            key,
            draw(st.sampled_from(PEOPLE)),
            draw(st.sampled_from([PLACES[key], PLACES[key], None])),
        )
        for key in places
    ]
    return Append(
        command_id,
        "Note",
        tuple(changes),
        tuple(keys),
        draw(st.sampled_from([frozenset(), frozenset(PEOPLE[:1]), frozenset(PEOPLE)])),
        draw(st.sampled_from([*PEOPLE, None])) if keys else None,
        tuple(reservations),
    )


@pytest.fixture(scope="module")
def one_database(postgres: SharedPostgres) -> object:
    """One for all examples: each empties it."""
    name = postgres.create_database()
    yield postgres.dsn_for(database=name)
    postgres.drop_database(name)


@settings(
    max_examples=100,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.lists(appends(), min_size=1, max_size=14), processes=st.integers(1, 2))
def test_commands_at_once_leave_a_log_that_one_after_the_other_would_leave(
    one_database: str, batch: list[Append], processes: int
) -> None:
    asyncio.run(_check(one_database, batch, processes))


async def _check(dsn: str, batch: list[Append], processes: int) -> None:
    await _emptied(dsn)
    pools = [await open_pool(dsn, max_size=2) for _ in range(processes)]
    try:
        logs = [PostgresEventLog(pool) for pool in pools]
        results = await asyncio.gather(
            *(logs[n % processes].append(append) for n, append in enumerate(batch)), return_exceptions=True
        )
        written = [
            (result.position, append)
            for append, result in zip(batch, results, strict=True)
            if isinstance(result, Answer) and not result.repeated
        ]
        recorded = await the_whole_log(logs[0])
    finally:
        for pool in pools:
            await pool.close()
    event(f"{len(written)} written of {len(batch)}")

    # The accepted ones, one after the other, are accepted, and leave this very log.
    model = Model()
    moments = [Model()]
    expected = []
    for _, append in sorted(written, key=lambda one: one[0]):
        assert model.outcome(append) == "written"
        model.write(append)
        expected += [(append.command_id, *event) for event in model.done[append.command_id]]
        moments.append(_copy(model))
    assert [one.position for one in recorded] == list(range(1, len(recorded) + 1))
    assert [
        (one.envelope.command_id, one.stream_id, one.version, one.event.text) for one in recorded
    ] == expected

    for append, result in zip(batch, results, strict=True):
        if isinstance(result, Answer):
            told = tuple((one.stream_id, one.version) for one in result.events)
            assert told == tuple(event[:2] for event in model.done[append.command_id])
        else:
            assert isinstance(result, VersionConflict)
            assert any(moment.outcome(append) == "conflict" for moment in moments)

    # What is kept beside the log is what the accepted ones leave too.
    keys = await as_owner(dsn, "SELECT kind, value, person_id FROM log.identity_key")
    places = await as_owner(dsn, "SELECT key, holder FROM log.reservation")
    assert {tuple(row) for row in keys} == {
        (key.kind, key.value, person) for key, people in model.holders_of_keys.items() for person in people
    }
    assert {tuple(row) for row in places} == {
        (key, holder) for key, holders in model.holders_of_places.items() for holder in holders
    }


def _copy(model: Model) -> Model:
    return Model(
        dict(model.done),
        dict(model.versions),
        {key: set(people) for key, people in model.holders_of_keys.items()},
        {key: set(holders) for key, holders in model.holders_of_places.items()},
    )


async def _emptied(dsn: str) -> None:
    await as_owner(
        dsn,
        "DO $$ BEGIN ALTER TABLE log.event DISABLE TRIGGER refuse_change;"
        " TRUNCATE log.event, log.identity_key, log.reservation;"
        " ALTER TABLE log.event ENABLE ALWAYS TRIGGER refuse_change; END $$",
    )
