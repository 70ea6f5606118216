"""The library's own shipped test cases of recorders and factory, unchanged, on our tables.

Each class only says how a recorder is made. Nothing of what they inherit is overridden or skipped;
`optional_test_insert_subscribe` has no name by which it would be found, so it is called.
"""

from __future__ import annotations

from typing import Any

import pytest
from eventsourcing.tests import persistence as shipped
from eventsourcing.utils import Environment

import adapters.eventsourcing
from adapters.eventsourcing.recorders import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    SnapshotRecorder,
    TrackingRecorder,
)


class OnOurTables:
    """A factory on the test's own database."""

    factory: adapters.eventsourcing.Factory

    @pytest.fixture(autouse=True)
    def _our_tables(self, database: str) -> Any:
        self.factory = adapters.eventsourcing.Factory({"DATABASE_URL": database})
        yield
        self.factory.close()


class TestAggregateRecorder(OnOurTables, shipped.AggregateRecorderTestCase):
    def create_recorder(self) -> AggregateRecorder:
        return self.factory.aggregate_recorder()


class TestSnapshotRecorder(OnOurTables, shipped.AggregateRecorderTestCase):
    def create_recorder(self) -> SnapshotRecorder:
        recorder = self.factory.aggregate_recorder(purpose="snapshots")
        assert isinstance(recorder, SnapshotRecorder)
        return recorder


class TestApplicationRecorder(OnOurTables, shipped.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestProcessRecorderRecordsLikeAnApplication(
    OnOurTables, shipped.ApplicationRecorderTestCase[ProcessRecorder]
):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory.process_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(OnOurTables, shipped.TrackingRecorderTestCase):
    def create_recorder(self) -> TrackingRecorder:
        return self.factory.tracking_recorder()


class TestProcessRecorderTracks(OnOurTables, shipped.TrackingRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory.process_recorder()


class TestProcessRecorder(OnOurTables, shipped.ProcessRecorderTestCase):
    def create_recorder(self) -> ProcessRecorder:
        return self.factory.process_recorder()


class TestNonInterleavingNotificationIDs(OnOurTables, shipped.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return self.factory.application_recorder()


class TestFactory(shipped.InfrastructureFactoryTestCase[adapters.eventsourcing.Factory]):
    @pytest.fixture(autouse=True)
    def _environment(self, database: str) -> None:
        self.env = Environment("TestCase")
        self.env["PERSISTENCE_MODULE"] = "adapters.eventsourcing"
        self.env["DATABASE_URL"] = database

    def expected_factory_class(self) -> type[adapters.eventsourcing.Factory]:
        return adapters.eventsourcing.Factory

    def expected_aggregate_recorder_class(self) -> type[AggregateRecorder]:
        return AggregateRecorder

    def expected_application_recorder_class(self) -> type[ApplicationRecorder]:
        return ApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return TrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return AView

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return ProcessRecorder


class AView(TrackingRecorder):
    """Some view."""
