"""Our own log as an application of the library: for tools of auditors that know its repository and notification log.

It reads and never writes: whatever would record something is refused. Personal data is shown as the codec gives it, so
whoever runs it must be somebody who may read the log as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder as AbstractApplicationRecorder,
)
from eventsourcing.persistence import (
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    Notification,
    NotSupportedError,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.utils import Environment

from adapters.eventsourcing.factory import Factory
from adapters.eventsourcing.recorders import ApplicationRecorder
from adapters.postgres.codec import Codec
from adapters.postgres.errors import LogError
from domain.case.state import Case
from domain.loading import fold
from domain.messages import CaseEvent, CaseId, Envelope, Event, Recorded

if TYPE_CHECKING:
    from asyncpg import Record

LOG_SCHEMA: Final = "log"


@dataclass(frozen=True)
class LogNotification(Notification):
    """A row of our log: what the library knows, and the columns of the envelope."""

    event_id: UUID
    command_id: UUID
    metadata: str


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A fact of our log in the shape of the library's domain events."""

    recorded: Recorded

    @property
    def originator_id(self) -> UUID:
        return self.recorded.stream_id

    @property
    def originator_version(self) -> int:
        return self.recorded.version

    @property
    def event(self) -> Event:
        return self.recorded.event

    @property
    def envelope(self) -> Envelope:
        return self.recorded.envelope


@dataclass(frozen=True, slots=True)
class CaseFile:
    """A case as it stood at a version, with the facts that make it so; to the library, an immutable aggregate."""

    id: UUID
    facts: tuple[Recorded, ...]

    @property
    def version(self) -> int:
        return self.facts[-1].version

    @property
    def case(self) -> Case:
        return cast("Case", fold("Case", CaseId(self.id), self.facts))


class LogRecorder(ApplicationRecorder):
    """Our log, for reading."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise NotSupportedError("the log is written by the product's own commands alone")

    def _stored_event(self, row: Record) -> StoredEvent:
        return self._notification(row)

    def _notification(self, row: Record) -> Notification:
        return LogNotification(
            row["originator_id"],
            row["originator_version"],
            row["topic"],
            row["state"],
            row["notification_id"],
            row["event_id"],
            row["command_id"],
            row["metadata"],
        )


class LogMapper(Mapper[UUID]):
    """Reads our events by the codec that wrote them."""

    def __init__(self, codec: Codec | None = None) -> None:
        super().__init__(JSONTranscoder())
        self._codec = codec or Codec()

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> NoReturn:  # noqa: ARG002
        """Refuse."""
        raise NotSupportedError("the log is written by the product's own commands alone")

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Read an event.

        Raises: MapperDeserialisationError, with topic, position and fields.
        """
        if not isinstance(stored_event, LogNotification):
            raise ProgrammingError("an event of our log is read with its envelope, by a LogRecorder")
        row = {"notification_id": stored_event.id, **vars(stored_event)}
        try:
            return cast("DomainEventProtocol[UUID]", LoggedEvent(self._codec.decode(row)))
        except LogError as unreadable:
            raise MapperDeserialisationError(str(unreadable)) from None


class LogFactory(Factory):
    """Makes the recorder of our log; it makes no tables."""

    def application_recorder(self) -> AbstractApplicationRecorder:
        """Our log, for reading."""
        return LogRecorder(self.datastore, schema=LOG_SCHEMA)


class PathwayLog(Application[UUID]):
    """Our log: `notification_log`, `recorder.subscribe()`, `events.get(stream_id)` and `case_file(case_id)`.

    Needs `DATABASE_URL` in the environment that it is given.
    """

    name = "ccp"

    def construct_factory(self, env: Environment) -> InfrastructureFactory:
        """Whatever PERSISTENCE_MODULE says, this application is over our log."""
        return cast("InfrastructureFactory", LogFactory(env))

    def construct_mapper(self) -> Mapper[UUID]:
        """Read with the product's codec."""
        return LogMapper()

    def case_file(self, case_id: UUID, *, version: int | None = None) -> CaseFile:
        """A case as it stands, or as it stood at a version.

        Raises: AggregateNotFoundError.
        """
        return self.repository.get(case_id, version=version, projector_func=open_file)


def open_file(earlier: CaseFile | None, events: Iterable[LoggedEvent]) -> CaseFile | None:
    """Put events into a case's file: the library's projector function for our cases."""
    facts = (*(earlier.facts if earlier else ()), *(one.recorded for one in events))
    if facts and not isinstance(facts[0].event, CaseEvent):
        raise AggregateNotFoundError(f"{facts[0].stream_id} is not a case")
    return CaseFile(facts[0].stream_id, facts) if facts else None
