"""The library's own shipped test cases of applications, snapshots and projections, unchanged, on our tables.

They make their applications from the environment, so that is where our persistence module is named.
"""

from __future__ import annotations

from typing import Any

import pytest
from asyncpg.pool import PoolConnectionProxy
from eventsourcing.persistence import Tracking
from eventsourcing.tests import application as shipped
from eventsourcing.tests import projection as shipped_projection

import adapters.eventsourcing
from adapters.eventsourcing.recorders import TrackingRecorder


@pytest.fixture(autouse=True)
def _our_persistence_module(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSISTENCE_MODULE", "adapters.eventsourcing")
    monkeypatch.setenv("DATABASE_URL", database)


class TestApplication(shipped.ApplicationTestCase):
    pass


class TestExampleApplicationWithSnapshots(shipped.ExampleApplicationTestCase):
    expected_factory_topic = "adapters.eventsourcing.factory:Factory"


class EventCounters(TrackingRecorder, shipped_projection.EventCountersView):
    """Counts events, each together with the position at which it was counted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.datastore.fetch(
            "CREATE TABLE IF NOT EXISTS read.counter (name text PRIMARY KEY, n int NOT NULL)"
        )

    def get_created_event_counter(self) -> int:
        return self._count("created")

    def get_subsequent_event_counter(self) -> int:
        return self._count("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._increment("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._increment("subsequent", tracking)

    def _count(self, name: str) -> int:
        return sum(
            row["n"] for row in self.datastore.fetch("SELECT n FROM read.counter WHERE name = $1", name)
        )

    def _increment(self, name: str, tracking: Tracking) -> None:
        async def increment(connection: PoolConnectionProxy) -> None:
            await connection.execute(
                "INSERT INTO read.counter AS c VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET n = c.n + 1",
                name,
            )

        self.record(tracking, increment)


class TestEventCountersView(shipped_projection.EventCountersViewTestCase):
    @pytest.fixture(autouse=True)
    def _factory(self, database: str) -> Any:
        self.factory = adapters.eventsourcing.Factory({"DATABASE_URL": database})
        yield
        self.factory.close()

    def construct_event_counters_view(self) -> EventCounters:
        return self.factory.tracking_recorder(EventCounters)


class TestEventCountersProjection(shipped_projection.AggregateEventCountersProjectionTestCase):
    view_class = EventCounters


class TestEventSourcedProjection(shipped_projection.EventSourcedProjectionTestCase):
    pass
