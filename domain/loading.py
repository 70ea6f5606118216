"""What a decision reads: its parameters say which states to load, and by which ids of the command they are found.

A state that a decision rests on is kept with its version, so that the append fails when it has moved on meanwhile. No
rule of a stage lives here, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from uuid import UUID

from domain.case.correction import voided_versions
from domain.case.line import Waiting, in_line
from domain.case.stages import Stage
from domain.case.state import Case
from domain.case.state import evolve as evolve_case
from domain.decisions import Decision
from domain.errors import (
    NotFound,
)
from domain.keyworker.state import KeyWorker
from domain.keyworker.state import evolve as evolve_worker
from domain.meeting.state import Meeting
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import (
    CaseEvent,
    CaseId,
    Command,
    Event,
    MeetingEvent,
    MeetingId,
    Moment,
    PersonEvent,
    PersonId,
    Recorded,
    WorkerEvent,
    WorkerId,
)
from domain.person.identity import KnownPerson
from domain.person.state import Person
from domain.person.state import evolve as evolve_person
from domain.ports import (
    EventLog,
    IdentityIndex,
    IdentityKey,
    WorkerPool,
)


class _Identified(Protocol):
    """A command that brings a person who may be known already."""

    def identity_keys(self) -> Sequence[tuple[str, str]]: ...


@dataclass(slots=True)
class Loaded:
    """What one attempt has read: states by kind, versions by stream, and the people found by identity."""

    states: dict[str, Any] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)
    identity_keys: tuple[IdentityKey, ...] = ()
    people_seen: frozenset[PersonId] = frozenset()


class Loader:
    """Reads from one log what decisions ask for."""

    def __init__(self, *, log: EventLog, identities: IdentityIndex, pool: WorkerPool) -> None:
        self._log = log
        self._identities = identities
        self._pool = pool

    async def what(self, decision: Decision, command: Command, moment: Moment) -> Loaded:
        """Everything that a decision reads, as its parameters say. Raises NotFound."""
        loaded = Loaded()
        for kind in sorted((kind for _, kind in decision.reads), key=_LOAD_ORDER.index):
            new = kind in decision.starts
            match kind:
                case "Case":
                    case_id = getattr(command, "case_id", None) or CaseId(moment.new_id("case"))
                    await self.stream(kind, case_id, loaded, may_be_new=new)
                case "Case | None":
                    loaded.states[kind] = await self._other_case(command, loaded)
                case "Person":
                    person_id = getattr(command, "person_id", None)
                    started = new and person_id is None
                    person_id = person_id or _person_of(loaded) or PersonId(moment.new_id("person"))
                    await self.stream(kind, person_id, loaded, may_be_new=started)
                case "Person | None":
                    loaded.states[kind] = await self._other_person(command, loaded)
                case "Meeting":
                    meeting_id = getattr(command, "meeting_id", None) or _meeting_of(loaded)
                    await self.stream(
                        kind, meeting_id or MeetingId(moment.new_id("meeting")), loaded, may_be_new=new
                    )
                case "Meeting | None":
                    earlier = getattr(command, "earlier_meeting", None)
                    loaded.states[kind] = (
                        (await self._beside("Meeting", [earlier], loaded))[earlier] if earlier else None
                    )
                case "Sequence[Case]":
                    meeting = cast("Meeting", loaded.states["Meeting"])
                    loaded.states[kind] = list((await self._beside("Case", meeting.items, loaded)).values())
                case "KeyWorker":
                    worker_id = getattr(command, "worker_id", None) or _worker_of(loaded)
                    await self.stream(
                        kind, worker_id or WorkerId(moment.new_id("worker")), loaded, may_be_new=new
                    )
                case "KeyWorker | None":
                    worker_id = getattr(command, "worker_id", None) or _worker_of(loaded)
                    loaded.states[kind] = (
                        await self.stream("KeyWorker", worker_id, loaded, may_be_new=False)
                        if worker_id
                        else None
                    )
                case "Mapping[CaseId, Case]":
                    carrier = cast("KeyWorker", loaded.states["KeyWorker"])
                    loaded.states[kind] = await self._beside("Case", sorted(carrier.cases), loaded)
                case "Mapping[WorkerId, KeyWorker]":
                    named = workers_named(command, loaded.states.get("Case"))
                    loaded.states[kind] = await self._beside("KeyWorker", named, loaded)
                case "Sequence[Waiting]":
                    programme = cast("Case", loaded.states["Case"]).programme
                    loaded.states[kind] = await self.waiting(programme)
                case "Sequence[KnownPerson]":
                    loaded.states[kind] = await self._known(cast("_Identified", command), loaded)
                case "Sequence[Recorded]":
                    case_id = cast("Case", loaded.states["Case"]).case_id
                    loaded.states[kind] = await self._log.read_stream(case_id)
                case "Sequence[Recorded] | None":
                    survivor = cast("Case", loaded.states["Case"]).merged_into
                    loaded.states[kind] = await self._log.read_stream(survivor) if survivor else None
                case "Sequence[KeyWorker]":
                    programme = cast("Case", loaded.states["Case"]).programme
                    loaded.states[kind] = await self._states(
                        "KeyWorker", await self._pool.workers_of(programme)
                    )
        return loaded

    async def stream(self, kind: str, stream_id: UUID, loaded: Loaded, *, may_be_new: bool) -> Any:
        """The state of the stream that a command is about, kept with its version in what is loaded. Raises NotFound."""
        stream = await self._log.load(stream_id)
        if stream.events and not isinstance(stream.events[0], _EVENTS_OF[kind]):
            raise NotFound(kind=_NAMES[kind], id=stream_id)  # the id is of something else
        state = folded(kind, stream_id, stream.events)
        if not state.exists and not may_be_new:
            raise NotFound(kind=_NAMES[kind], id=stream_id)
        loaded.states[kind] = state
        loaded.versions[stream_id] = stream.version
        return state

    async def _beside(self, kind: str, stream_ids: Iterable[UUID], loaded: Loaded) -> dict[UUID, Any]:
        """More of a kind that the command reads, in this order; their versions count too. Raises NotFound."""
        found = {}
        for stream_id, stream in (await self._log.load_all(list(stream_ids))).items():
            if not stream.events or not isinstance(stream.events[0], _EVENTS_OF[kind]):
                raise NotFound(kind=_NAMES[kind], id=stream_id)
            loaded.versions.setdefault(stream_id, stream.version)
            found[stream_id] = folded(kind, stream_id, stream.events)
        return found

    async def _other_case(self, command: Command, loaded: Loaded) -> Case | None:
        """The other case that a command names; its version counts too, so it cannot close at the same moment."""
        case_id = getattr(command, "duplicate_of", None) or getattr(command, "survivor", None)
        if case_id is None:
            return None
        stream = await self._log.load(case_id)
        loaded.versions.setdefault(case_id, stream.version)
        other = folded("Case", case_id, [one for one in stream.events if isinstance(one, CaseEvent)])
        return cast("Case", other) if other.exists else None

    async def _other_person(self, command: Command, loaded: Loaded) -> Person | None:
        """The other record of a person that a command names; its version counts too."""
        person_id = getattr(command, "other_person", None)
        if person_id is None:
            return None
        stream = await self._log.load(person_id)
        loaded.versions.setdefault(person_id, stream.version)
        other = folded("Person", person_id, [one for one in stream.events if isinstance(one, PersonEvent)])
        return cast("Person", other) if other.exists else None

    async def state(self, kind: str, stream_id: UUID) -> Any:
        """The state of a stream whose version does not count."""
        return folded(kind, stream_id, (await self._log.load(stream_id)).events)

    async def _states(self, kind: str, stream_ids: Collection[UUID]) -> list[Any]:
        """The states of several such streams, in this order."""
        streams = await self._log.load_all(stream_ids)
        return [folded(kind, stream_id, stream.events) for stream_id, stream in streams.items()]

    async def waiting(self, programme: str) -> Sequence[Waiting]:
        """Who waits for a worker of a programme, each as their own events tell it."""
        entries = [in_line(case) for case in await self._states("Case", await self._pool.may_be_waiting())]
        return [one for one in entries if one is not None and one.programme == programme]

    async def _known(self, command: _Identified, loaded: Loaded) -> Sequence[KnownPerson]:
        loaded.identity_keys = tuple(IdentityKey(kind, value) for kind, value in command.identity_keys())
        loaded.people_seen = await self._identities.people_with(loaded.identity_keys)
        people: list[Person] = await self._states("Person", sorted(loaded.people_seen))
        return [person.as_known() for person in people if person.exists]


_LOAD_ORDER = (
    "Case",
    "Case | None",
    "Person",
    "Person | None",
    "Meeting",
    "Meeting | None",
    "Sequence[Case]",
    "KeyWorker",
    "KeyWorker | None",
    "Mapping[CaseId, Case]",
    "Mapping[WorkerId, KeyWorker]",
    "Sequence[Waiting]",
    "Sequence[KnownPerson]",
    "Sequence[KeyWorker]",
    "Sequence[Recorded]",
    "Sequence[Recorded] | None",
    "Moment",
    "Rules",
)
_NAMES = {"Case": "case", "Person": "person", "Meeting": "meeting", "KeyWorker": "key worker"}


def workers_named(command: Command, case: Case | None) -> Sequence[WorkerId]:
    """The workers whom a command names beside the case's own, and those whom the case has in view."""
    named = getattr(command, "named_workers", None)
    in_view = (
        (case.handover and case.handover.successor_id, case.offer_open and case.offer_open.worker_id)
        if case is not None
        else ()
    )
    return tuple(dict.fromkeys((*(named() if named else ()), *(one for one in in_view if one is not None))))


def fold(kind: str, stream_id: UUID, recorded: Sequence[Recorded]) -> Any:
    """The state of one stream from its recorded events."""
    return folded(kind, stream_id, [one.event for one in recorded])


def folded(kind: str, stream_id: UUID, events: Sequence[Event]) -> Any:
    begin, evolve = _AGGREGATES[kind]
    state = begin(stream_id)
    void = voided_versions(events)
    for version, event in enumerate(events, start=1):
        if version not in void:
            evolve(state, event)
    return state


_AGGREGATES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "Case": (Case, evolve_case),
    "Person": (Person, evolve_person),
    "Meeting": (Meeting, evolve_meeting),
    "KeyWorker": (KeyWorker, evolve_worker),
}


_EVENTS_OF: Mapping[str, type[Event]] = {
    "Case": CaseEvent,
    "Person": PersonEvent,
    "Meeting": MeetingEvent,
    "KeyWorker": WorkerEvent,
}


def _person_of(loaded: Loaded) -> PersonId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    return case.person_id if case is not None and case.exists else None


def _meeting_of(loaded: Loaded) -> MeetingId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    return case.meeting_id if case is not None else None


def _worker_of(loaded: Loaded) -> WorkerId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    if case is None:
        return None
    # Of a closed case it is the one who had it: they may take it again.
    return case.worker_when_closed if case.stage is Stage.CLOSED else case.worker_id
