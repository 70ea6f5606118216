"""The library's recorder interfaces on our tables: what a synchronous application writes and reads through.

Events are written by the append core alone, so that they keep its promises: positions without gaps in the order of
commits, versions without gaps. Must not look into an event.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID, uuid4

from eventsourcing import persistence
from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Subscription,
    Tracking,
)

from adapters.eventsourcing.datastore import Datastore, OneConnection
from adapters.eventsourcing.subscription import LogSubscription
from adapters.postgres.append_core import AppendCore, Outcome, RawAnswer, RawAppend, RawEvent, RawStream
from adapters.postgres.errors import LogError
from adapters.postgres.sql import in_schema, named_queries

if TYPE_CHECKING:
    from asyncpg import Pool, Record
    from asyncpg.pool import PoolConnectionProxy

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_FIRST, _LAST = -(2**63), 2**63 - 1
_NO_METADATA: Final = "{}"


class Recorder:
    """What all recorders have: a database, and the schema in which their tables are."""

    def __init__(self, datastore: Datastore, *, schema: str) -> None:
        self.datastore = datastore
        self.schema = schema
        self._sql = {name: in_schema(text, schema) for name, text in _SQL.items()}


class AggregateRecorder(Recorder, persistence.AggregateRecorder):
    """Events by their streams."""

    _stream_query = "stream"

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write events, all or none.

        Raises: IntegrityError when a version is there already or is not the next one.
        """
        self._insert(stored_events, **kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream."""
        rows = self.datastore.fetch(
            self._sql[self._stream_query + ("_downwards" if desc else "")],
            _uuid(originator_id),
            _FIRST if gt is None else gt,
            _LAST if lte is None else lte,
            limit,
        )
        return [self._stored_event(row) for row in rows]

    def _stored_event(self, row: Record) -> StoredEvent:
        return StoredEvent(row["originator_id"], row["originator_version"], row["topic"], row["state"])

    def _insert(
        self, stored_events: Sequence[StoredEvent], *, command_id: UUID | None = None, **_: Any
    ) -> Sequence[int]:
        """Write events and answer their positions; a command id that was carried out gives its first positions."""
        if not stored_events:
            return []
        raw = _raw(stored_events, command_id or uuid4())

        async def append() -> RawAnswer:
            return await (await self.datastore.core(self.schema)).append(raw)

        answer = self.datastore.run(append)
        if answer.outcome is Outcome.REPEATED:
            rows = self.datastore.fetch(self._sql["positions_of_command"], raw.command_id)
            return [row["notification_id"] for row in rows]
        return _positions(raw, answer)


class SnapshotRecorder(AggregateRecorder):
    """Snapshots by their streams: no events but copies, in a table of their own that may be emptied.

    Their versions have gaps and come in any order, and nobody follows them, so they are not the append core's business.
    """

    _stream_query = "snapshots"

    def _insert(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        columns = zip(
            *(
                (_uuid(one.originator_id), one.originator_version, one.topic, one.state)
                for one in stored_events
            ),
            strict=True,
        )
        arguments = [list(column) for column in columns]

        async def keep() -> None:
            async with self.datastore.transaction() as connection:
                await connection.execute(self._sql["keep_snapshots"], *arguments)

        if stored_events:
            self.datastore.run(keep)
        return []


class ApplicationRecorder(AggregateRecorder, persistence.ApplicationRecorder):
    """Events by their streams and by their positions in the application's whole log."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write events, all or none, and answer their positions.

        A `command_id` (a UUID, from `Application.save(…, command_id=…)`) is carried out once: given again, it writes
        nothing and gives the same positions.

        Raises: IntegrityError when a version is there already or is not the next one.
        """
        if kwargs.get("tracking") is not None:
            raise ProgrammingError("this recorder keeps no positions; a process recorder does")
        return self._insert(stored_events, **kwargs)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events of the whole log in its order."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        rows = self.datastore.fetch(
            self._sql["notifications"], after, _LAST if stop is None else stop, list(topics) or None, limit
        )
        return [self._notification(row) for row in rows]

    def max_notification_id(self) -> int | None:
        """The last position, or None for an empty log."""
        position: int | None = self.datastore.fetch(self._sql["last_position"])[0][0]
        return position

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[persistence.ApplicationRecorder]:
        """What is in the log after a position, and then what comes."""
        return LogSubscription(self, gt=gt, topics=topics)

    def _notification(self, row: Record) -> Notification:
        return Notification(
            row["originator_id"],
            row["originator_version"],
            row["topic"],
            row["state"],
            row["notification_id"],
        )


class TrackingRecorder(Recorder, persistence.TrackingRecorder):
    """How far something has come in the logs of other applications; a view keeps its rows with it, by `record`."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move a position forwards.

        Raises: IntegrityError when it was reached before.
        """
        self.record(tracking, _nothing)

    def record(self, tracking: Tracking, change: Callable[[PoolConnectionProxy], Awaitable[object]]) -> None:
        """Make a change to a view and move the position, both or neither.

        `change` runs in the background loop on the connection that it is given, and calls no recorder.

        Raises: IntegrityError when the position was reached before; OperationalError, after which nobody knows
        whether it was done: `max_tracking_id` answers.
        """

        async def record() -> None:
            async with self.datastore.transaction() as connection:
                await self._track(connection, tracking)
                await change(connection)

        self.datastore.run(record)

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position in an application's log."""
        position: int | None = self.datastore.fetch(self._sql["tracked"], application_name)[0][0]
        return position

    async def _track(self, connection: PoolConnectionProxy, tracking: Tracking) -> None:
        moved = await connection.fetch(
            self._sql["track"], tracking.application_name, tracking.notification_id
        )
        if not moved:
            raise IntegrityError(
                f"position {tracking.notification_id} of {tracking.application_name} was reached before"
            )


class ProcessRecorder(TrackingRecorder, ApplicationRecorder, persistence.ProcessRecorder):
    """Events together with the position, in another application's log, of what they came of."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write events and move the position, both or neither.

        Raises: IntegrityError when a version is not the next one, or the position was reached before.
        """
        tracking: Tracking | None = kwargs.pop("tracking", None)
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        raw = _raw(stored_events, uuid4())
        written: list[int] = []

        async def append(connection: PoolConnectionProxy) -> None:
            alone = cast("Pool", OneConnection(connection))
            try:
                answer = await AppendCore(alone, schema=self.schema).append(raw)
            except LogError as failed:
                # The transaction is lost with it, whatever it was: the position tells whether to do it again.
                raise OperationalError(str(failed)) from None
            written.extend(_positions(raw, answer))

        self.record(tracking, append)
        return written


def _raw(stored_events: Sequence[StoredEvent], command_id: UUID) -> RawAppend:
    """The events of one call as one command of the core."""
    streams: dict[UUID, RawStream] = {}
    last: dict[UUID, int] = {}
    events = []
    for one in stored_events:
        stream_id, version = _uuid(one.originator_id), one.originator_version
        if stream_id not in streams:
            streams[stream_id] = RawStream(stream_id, version - 1)
        elif version != last[stream_id] + 1:
            raise IntegrityError("the events of a stream do not follow one another")
        last[stream_id] = version
        events.append(RawEvent(stream_id, one.topic, one.state, uuid4(), _NO_METADATA))
    return RawAppend(command_id, list(streams.values()), events)


def _positions(raw: RawAppend, answer: RawAnswer) -> Sequence[int]:
    if answer.outcome is Outcome.CONFLICT:
        raise IntegrityError("a stream does not stand just before the first of its events to be written")
    return list(range(answer.first_position, answer.first_position + len(raw.events)))


def _uuid(originator_id: UUID | str) -> UUID:
    try:
        return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
    except ValueError:
        raise DataError("the streams of this store are named by UUIDs") from None


async def _nothing(_: object) -> None:
    pass
