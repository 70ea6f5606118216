"""A batch of events, and the cases and meetings they belong to, each folded as it stands after the batch's last event.

A row is made of one stream up to one position and of nothing else, so it comes out the same live, again, and rebuilt
from zero, wherever the batches are cut. No table and no query lives here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Generic, Protocol, TypeVar, cast, get_args
from uuid import UUID

from domain.case.correction import RecordVoided, voided_versions
from domain.case.state import AnyCaseEvent
from domain.keyworker.events import AnyWorkerEvent
from domain.meeting.events import AnyMeetingEvent
from domain.meeting.state import Meeting, evolve
from domain.messages import MeetingId
from domain.person.identity import AnyPersonEvent
from projections.case_file import CASE_TOPICS, CaseFile
from projections.source import Source, Stored

KINDS: Final[Mapping[str, str]] = {
    event.TOPIC: kind
    for kind, events in (
        ("Case", AnyCaseEvent),
        ("Meeting", AnyMeetingEvent),
        ("KeyWorker", AnyWorkerEvent),
        ("Person", AnyPersonEvent),
    )
    for event in get_args(events)
}
"""Topic → which aggregate it belongs to; a topic that is not here is of a later version of the product."""
MEETING_TOPICS: Final = frozenset(topic for topic, kind in KINDS.items() if kind == "Meeting")
WORKER_TOPICS: Final = frozenset(topic for topic, kind in KINDS.items() if kind == "KeyWorker")

FILES: Final = 20_000
"""How many cases are kept in memory between two batches; the others are read again when something happens to them."""


class StreamUnfit(Exception):
    """One stream of a batch could not be read or folded; the others are not concerned."""

    def __init__(self, stream_id: UUID, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.stream_id = stream_id
        self.cause = cause


class SourceAway(Exception):
    """The log could not be read; no stream is at fault."""


class _File(Protocol):
    """What is kept of a stream from batch to batch."""

    version: int

    @property
    def exists(self) -> bool: ...

    def bring_forward(self, stored: Stored) -> None: ...


@dataclass(slots=True)
class MeetingFile:
    """One meeting at one version."""

    meeting: Meeting
    version: int = 0

    @classmethod
    def new(cls, stream_id: UUID) -> MeetingFile:
        return cls(Meeting(MeetingId(stream_id)))

    @property
    def exists(self) -> bool:
        return self.meeting.exists

    def bring_forward(self, stored: Stored) -> None:
        """Take in the next event."""
        evolve(self.meeting, cast("AnyMeetingEvent", stored.event))
        self.version = stored.version


F = TypeVar("F", bound=_File)


class Files(Generic[F]):
    """The files of one kind, brought forward from batch to batch, or read from the log where that cannot be done.

    A file is what its stream's events make of it up to its version, whether anybody wrote rows of it or not; so it
    stays true when a transaction is rolled back.
    """

    def __init__(
        self, source: Source, topics: Collection[str], new: Callable[[UUID], F], capacity: int = FILES
    ) -> None:
        self._source = source
        self._topics = topics
        self._new = new
        self._capacity = capacity
        self._files: OrderedDict[UUID, F] = OrderedDict()

    async def brought_forward(self, streams: Mapping[UUID, Sequence[Stored]]) -> dict[UUID, F]:
        """The files of these streams after their last event here; those without a beginning are left out.

        Raises: StreamUnfit.
        """
        found: dict[UUID, F] = {}
        unknown: dict[UUID, Sequence[Stored]] = {}
        for stream_id, events in streams.items():
            if any(one.topic == RecordVoided.TOPIC for one in events):
                unknown[stream_id] = events  # something that was taken in is void now
                continue
            file = self._files.get(stream_id)
            if file is None and events[0].version == 1:
                file = self._files[stream_id] = self._new(stream_id)
            if file is not None and file.version == events[0].version - 1:
                self._bring_forward(stream_id, file, events)
            if file is None or file.version != events[-1].version:
                unknown[stream_id] = events
            else:
                self._files.move_to_end(stream_id)
                found[stream_id] = file
        if unknown:
            found.update(await self._read(unknown))
        while len(self._files) > self._capacity:
            self._files.popitem(last=False)
        return {stream_id: file for stream_id, file in found.items() if file.exists}

    async def _read(self, streams: Mapping[UUID, Sequence[Stored]]) -> dict[UUID, F]:
        last = max(events[-1].position for events in streams.values())
        whole: dict[UUID, list[Stored]] = {stream_id: [] for stream_id in streams}
        try:
            stored = await self._source.read_streams(list(streams), up_to_position=last)
        except Exception as away:
            raise SourceAway from away
        for one in stored:
            if one.topic in self._topics and one.version <= streams[one.stream_id][-1].version:
                whole[one.stream_id].append(one)
        for stream_id, events in whole.items():
            file = self._files[stream_id] = self._new(stream_id)
            self._files.move_to_end(stream_id)
            void = voided_versions(opened(one) for one in events if one.topic == RecordVoided.TOPIC)
            self._bring_forward(stream_id, file, [one for one in events if one.version not in void])
            file.version = events[-1].version if events else file.version
        return {stream_id: self._files[stream_id] for stream_id in whole}

    def _bring_forward(self, stream_id: UUID, file: F, events: Sequence[Stored]) -> None:
        try:
            for one in events:
                file.bring_forward(one)
        except Exception as unfit:  # noqa: BLE001 - whatever it is, it is the stream that is at fault
            # It may have been changed half.
            self._files.pop(stream_id, None)
            raise StreamUnfit(stream_id, unfit) from None


class Memory:
    """The files of whoever applies batches one after the other."""

    def __init__(self, source: Source, capacity: int = FILES) -> None:
        self.cases: Files[CaseFile] = Files(source, CASE_TOPICS, CaseFile.new, capacity)
        self.meetings: Files[MeetingFile] = Files(source, MEETING_TOPICS, MeetingFile.new, capacity)


class Batch:
    """The events that one read model hears of a stretch of the log, in order."""

    def __init__(self, told: Sequence[Stored], memory: Memory) -> None:
        self.told = told
        self._memory = memory

    @cached_property
    def streams(self) -> Mapping[UUID, Sequence[Stored]]:
        """The events by stream, each stream's in its order."""
        found: dict[UUID, list[Stored]] = {}
        for one in self.told:
            found.setdefault(one.stream_id, []).append(one)
        return found

    def only(self, streams: Collection[UUID]) -> Batch:
        """The part of this batch that is about these streams."""
        return Batch([one for one in self.told if one.stream_id in streams], self._memory)

    async def cases(self) -> Mapping[UUID, CaseFile]:
        """The cases among the streams; for a read model that hears every event of a case. Raises: StreamUnfit."""
        return await self._memory.cases.brought_forward(self._of_kind(CASE_TOPICS))

    async def meetings(self) -> Mapping[UUID, Meeting]:
        """The meetings among the streams; for a read model that hears every event of a meeting. Raises: StreamUnfit."""
        files = await self._memory.meetings.brought_forward(self._of_kind(MEETING_TOPICS))
        return {stream_id: file.meeting for stream_id, file in files.items()}

    def _of_kind(self, topics: Collection[str]) -> Mapping[UUID, Sequence[Stored]]:
        # A stream holds events of one kind.
        return {stream_id: events for stream_id, events in self.streams.items() if events[0].topic in topics}


def opened(stored: Stored) -> Any:
    """The event itself. Raises: StreamUnfit."""
    try:
        return stored.event
    except Exception as unfit:  # noqa: BLE001 - likewise
        raise StreamUnfit(stored.stream_id, unfit) from None
