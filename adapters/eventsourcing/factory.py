"""The library's infrastructure factory on our tables: `PERSISTENCE_MODULE=adapters.eventsourcing`.

Each application has a schema of its own, named after it, beside the product's. What is set comes in the library's
`Environment`, which the application fills: `DATABASE_URL`; `DATABASE_ADMIN_URL`, the same database as its owner, for
making tables; `CREATE_TABLE=no` when they are there. Must not read the environment itself.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, TypeVar, cast

from eventsourcing import persistence
from eventsourcing.persistence import InfrastructureFactory
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from adapters.eventsourcing.datastore import Datastore
from adapters.eventsourcing.recorders import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    Recorder,
    SnapshotRecorder,
    TrackingRecorder,
)

R = TypeVar("R", bound=Recorder)

SNAPSHOTS: Final = "snapshots"
_EVENTS: Final = "events"


class Factory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders that share one set of connections."""

    DATABASE_URL = "DATABASE_URL"
    DATABASE_ADMIN_URL = "DATABASE_ADMIN_URL"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        dsn = self.env.get(self.DATABASE_URL)
        if not dsn:
            raise OSError(f"the database's address is not in the environment; set {self.DATABASE_URL}")
        if self.env.get("ORIGINATOR_ID_TYPE", "uuid").lower() != "uuid":
            raise OSError(
                "the streams of this store are named by UUIDs; ORIGINATOR_ID_TYPE can be nothing else"
            )
        self.datastore = Datastore(dsn, owner_dsn=self.env.get(self.DATABASE_ADMIN_URL))

    def aggregate_recorder(self, purpose: str = _EVENTS) -> persistence.AggregateRecorder:
        """A recorder of events, or of snapshots when that is the purpose."""
        if purpose == SNAPSHOTS:
            return self._made(SnapshotRecorder)
        return self._made(AggregateRecorder, purpose="" if purpose == _EVENTS else purpose)

    def application_recorder(self) -> persistence.ApplicationRecorder:
        """A recorder of an application's events."""
        return self._made(self._class_of(self.APPLICATION_RECORDER_TOPIC, ApplicationRecorder))

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        """A recorder of positions, such as a view."""
        return self._made(
            tracking_recorder_class or self._class_of(self.TRACKING_RECORDER_TOPIC, TrackingRecorder)
        )

    def process_recorder(self) -> persistence.ProcessRecorder:
        """A recorder of events with what they came of."""
        return self._made(self._class_of(self.PROCESS_RECORDER_TOPIC, ProcessRecorder))

    def close(self) -> None:
        """Close all connections."""
        if hasattr(self, "datastore"):
            self.datastore.close()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        super().__exit__(exc_type, exc_val, exc_tb)
        self.close()

    def _class_of(self, key: str, usual: type[R]) -> type[R]:
        topic = self.env.get(key)
        return cast("type[R]", resolve_topic(topic)) if topic else usual

    def _made(self, kind: type[R], *, purpose: str = "") -> R:
        schema = _schema(self.env.name, purpose)
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            # A view alone has no events.
            with_events = issubclass(kind, persistence.AggregateRecorder)
            self.datastore.make_tables(schema, with_events=with_events)
        return kind(self.datastore, schema=schema)


def _schema(application: str, purpose: str) -> str:
    """A schema that is never one of the product's own."""
    return "_".join(("es", application.lower() or "application", *filter(None, [purpose])))
