"""The one road of a command: who may, what was done before, load, decide, append, answer.

No rule of a stage lives here. A decision's parameters say what to load; a conflict means load and decide again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from domain import catalogue
from domain.case.correction import voided_versions
from domain.case.line import Waiting, in_line
from domain.case.preview import AllocationPreview, preview
from domain.case.retry import DuplicateCommandIgnored
from domain.case.stages import Stage
from domain.case.state import Case
from domain.case.state import evolve as evolve_case
from domain.case.viewers import require_not_barred
from domain.decisions import Decision
from domain.errors import (
    ConcurrentChange,
    DomainError,
    EffectiveInFuture,
    NotFound,
    NotPermitted,
)
from domain.keyworker.events import CaseTaken
from domain.keyworker.state import KeyWorker
from domain.keyworker.state import evolve as evolve_worker
from domain.meeting.state import Meeting
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import (
    EVENTS,
    Actor,
    CaseEvent,
    CaseId,
    Channel,
    Command,
    Envelope,
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
from domain.person.identity import KnownPerson, PersonRegistered
from domain.person.state import Person
from domain.person.state import evolve as evolve_person
from domain.ports import (
    ANY_VERSION,
    Answer,
    Append,
    Clock,
    EventLog,
    IdentityIndex,
    IdentityKey,
    NewEvent,
    StreamChange,
    VersionConflict,
    WorkerPool,
    Written,
)
from domain.repetition import answer_again, body_of
from domain.reservations import reservations
from domain.roles import MAY_ISSUE
from domain.rules import Rules

ATTEMPTS = 20
"""How often a command is decided anew when others keep changing the same records at the same moment."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command with who issues it and under which id.

    The same `command_id` again gets the first answer. `effective_at` is when it happened, if not now.
    """

    command: Command
    actor: Actor
    command_id: UUID
    effective_at: datetime | None = None
    reason: str | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    repetition_expected: bool = False
    """Whoever asks goes over the same things again on purpose, as an import does: that is not worth a record."""


class _Identified(Protocol):
    """A command that brings a person who may be known already."""

    def identity_keys(self) -> Sequence[tuple[str, str]]: ...


@dataclass(slots=True)
class _Loaded:
    """What one attempt has read: states by kind, versions by stream, and the people found by identity."""

    states: dict[str, Any] = field(default_factory=dict)
    versions: dict[UUID, int] = field(default_factory=dict)
    identity_keys: tuple[IdentityKey, ...] = ()
    people_seen: frozenset[PersonId] = frozenset()


class Application:
    """Carries out commands against one log under one set of rules."""

    def __init__(
        self, *, log: EventLog, identities: IdentityIndex, pool: WorkerPool, clock: Clock, rules: Rules
    ) -> None:
        self._log = log
        self._identities = identities
        self._pool = pool
        self.clock = clock
        self.rules = rules

    async def execute(self, request: Request) -> Answer:
        """Carry out one command.

        Raises: a DomainError that names the broken rule; then nothing was recorded.
        """
        request = self._with_known_agency(request)
        command = request.command
        allowed = MAY_ISSUE[command.PERMISSION]
        if request.actor.role not in allowed:
            raise NotPermitted(
                role=request.actor.role, command=command.NAME, allowed=", ".join(sorted(allowed))
            )
        digest = await self._body_digest(request)
        earlier = await self._log.answer_to(request.command_id)
        if earlier is not None:
            answer = answer_again(earlier, request.command, digest, expected=request.repetition_expected)
            await self._note_repetition(request, answer)
            return answer
        decision = catalogue.decision(command.NAME)
        for _ in range(ATTEMPTS):
            moment = await self._moment(request)
            try:
                loaded = await self._load(decision, command, moment)
                if "Case" in loaded.states:
                    require_not_barred(loaded.states["Case"], command, request.actor)
                arguments = [
                    moment if kind == "Moment" else self._argument(kind, loaded) for _, kind in decision.reads
                ]
                events = decision.decide(command, *arguments)
            except DomainError:
                # The same command, sent twice at once, may have been recorded since we asked: then it is not refused
                # for what it has itself brought about.
                earlier = await self._log.answer_to(request.command_id)
                if earlier is None:
                    raise
                return answer_again(earlier, request.command, digest, expected=request.repetition_expected)
            try:
                append = await self._append(request, moment, loaded, events, digest)
                return answer_again(
                    await self._log.append(append),
                    request.command,
                    digest,
                    expected=request.repetition_expected,
                )
            except VersionConflict:
                continue
        raise ConcurrentChange

    async def preview(self, case_id: CaseId, worker_id: WorkerId) -> AllocationPreview:
        """What giving this case to this worker would mean now; nothing is recorded. Raises NotFound."""
        case = await self.case(case_id)
        worker = cast("KeyWorker", await self._stream("KeyWorker", worker_id, _Loaded(), may_be_new=False))
        waiting = await self._waiting(case.programme)
        today = self.rules.london_day(await self.clock.now())
        return preview(case, worker, waiting, self.rules, day=today)

    async def case(self, case_id: CaseId) -> Case:
        """One case as it stands; raises NotFound."""
        return cast("Case", await self._stream("Case", case_id, _Loaded(), may_be_new=False))

    def _with_known_agency(self, request: Request) -> Request:
        """Who acts belongs to the agency of that name however they spelled it, so that agencies compare by name."""
        name = self.rules.agency_name(request.actor.agency)
        if name == request.actor.agency:
            return request
        return replace(request, actor=request.actor.model_copy(update={"agency": name}))

    async def _body_digest(self, request: Request) -> str | None:
        """What tells this body from another one under the same command id; none of the engine's commands.

        Its ids name a step of a process, which it may put in other words when it takes the step again.
        """
        if request.actor.channel is Channel.TIMER:
            return None
        return await self._log.digest_of(body_of(request.command, request.command_id))

    async def _note_repetition(self, request: Request, answer: Answer) -> None:
        """Put on record that a partner's system sent a message twice, if it was about a case."""
        if request.repetition_expected or request.actor.channel is not Channel.ADAPTER:
            return
        case_id = next((one.stream_id for one in answer.events if _is_of_a_case(one)), None)
        if case_id is None:
            return
        moment = await self._moment(replace(request, effective_at=None))
        loaded = _Loaded()
        case = await self._stream("Case", case_id, loaded, may_be_new=False)
        ignored = DuplicateCommandIgnored(
            case_id=case.case_id, person_id=case.person_id, command=request.command.NAME
        )
        again = replace(
            request, command_id=uuid5(request.command_id, moment.now.isoformat()), effective_at=None
        )
        append = await self._append(again, moment, loaded, [ignored], None)
        change = replace(append.changes[0], expected_version=ANY_VERSION)
        await self._log.append(replace(append, changes=(change,)))

    # -- loading ------------------------------------------------------------------------------------------------------

    async def _moment(self, request: Request) -> Moment:
        now = await self.clock.now()
        effective_at = request.effective_at or now
        if effective_at > now:
            raise EffectiveInFuture
        return Moment(now=now, effective_at=effective_at, actor=request.actor, command_id=request.command_id)

    def _argument(self, kind: str, loaded: _Loaded) -> object:
        return self.rules if kind == "Rules" else loaded.states[kind]

    async def _load(self, decision: Decision, command: Command, moment: Moment) -> _Loaded:
        loaded = _Loaded()
        for kind in sorted((kind for _, kind in decision.reads), key=_LOAD_ORDER.index):
            new = kind in decision.starts
            match kind:
                case "Case":
                    case_id = getattr(command, "case_id", None) or CaseId(moment.new_id("case"))
                    await self._stream(kind, case_id, loaded, may_be_new=new)
                case "Case | None":
                    loaded.states[kind] = await self._other_case(command, loaded)
                case "Person":
                    person_id = getattr(command, "person_id", None)
                    started = new and person_id is None
                    person_id = person_id or _person_of(loaded) or PersonId(moment.new_id("person"))
                    await self._stream(kind, person_id, loaded, may_be_new=started)
                case "Person | None":
                    loaded.states[kind] = await self._other_person(command, loaded)
                case "Meeting":
                    meeting_id = getattr(command, "meeting_id", None) or _meeting_of(loaded)
                    await self._stream(
                        kind, meeting_id or MeetingId(moment.new_id("meeting")), loaded, may_be_new=new
                    )
                case "Meeting | None":
                    earlier = getattr(command, "earlier_meeting", None)
                    loaded.states[kind] = await self._beside("Meeting", earlier, loaded) if earlier else None
                case "Sequence[Case]":
                    meeting = cast("Meeting", loaded.states["Meeting"])
                    loaded.states[kind] = [
                        await self._beside("Case", case_id, loaded) for case_id in meeting.items
                    ]
                case "KeyWorker":
                    worker_id = getattr(command, "worker_id", None) or _worker_of(loaded)
                    await self._stream(
                        kind, worker_id or WorkerId(moment.new_id("worker")), loaded, may_be_new=new
                    )
                case "KeyWorker | None":
                    worker_id = getattr(command, "worker_id", None) or _worker_of(loaded)
                    loaded.states[kind] = (
                        await self._stream("KeyWorker", worker_id, loaded, may_be_new=False)
                        if worker_id
                        else None
                    )
                case "Mapping[CaseId, Case]":
                    carrier = cast("KeyWorker", loaded.states["KeyWorker"])
                    loaded.states[kind] = {
                        case_id: await self._beside("Case", case_id, loaded)
                        for case_id in sorted(carrier.cases)
                    }
                case "Mapping[WorkerId, KeyWorker]":
                    loaded.states[kind] = {
                        worker_id: await self._beside("KeyWorker", worker_id, loaded)
                        for worker_id in workers_named(command, loaded.states.get("Case"))
                    }
                case "Sequence[Waiting]":
                    programme = cast("Case", loaded.states["Case"]).programme
                    loaded.states[kind] = await self._waiting(programme)
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
                    loaded.states[kind] = [
                        await self._state("KeyWorker", worker_id)
                        for worker_id in await self._pool.workers_of(programme)
                    ]
        return loaded

    async def _stream(self, kind: str, stream_id: UUID, loaded: _Loaded, *, may_be_new: bool) -> Any:
        stream = await self._log.load(stream_id)
        if stream.events and not isinstance(stream.events[0], _EVENTS_OF[kind]):
            raise NotFound(kind=_NAMES[kind], id=stream_id)  # the id is of something else
        state = _folded(kind, stream_id, stream.events)
        if not state.exists and not may_be_new:
            raise NotFound(kind=_NAMES[kind], id=stream_id)
        loaded.states[kind] = state
        loaded.versions[stream_id] = stream.version
        return state

    async def _beside(self, kind: str, stream_id: UUID, loaded: _Loaded) -> Any:
        """One more of a kind that the command reads; its version counts too."""
        stream = await self._log.load(stream_id)
        if not stream.events or not isinstance(stream.events[0], _EVENTS_OF[kind]):
            raise NotFound(kind=_NAMES[kind], id=stream_id)
        loaded.versions.setdefault(stream_id, stream.version)
        return _folded(kind, stream_id, stream.events)

    async def _other_case(self, command: Command, loaded: _Loaded) -> Case | None:
        """The other case that a command names; its version counts too, so it cannot close at the same moment."""
        case_id = getattr(command, "duplicate_of", None) or getattr(command, "survivor", None)
        if case_id is None:
            return None
        stream = await self._log.load(case_id)
        loaded.versions.setdefault(case_id, stream.version)
        other = _folded("Case", case_id, [one for one in stream.events if isinstance(one, CaseEvent)])
        return cast("Case", other) if other.exists else None

    async def _other_person(self, command: Command, loaded: _Loaded) -> Person | None:
        """The other record of a person that a command names; its version counts too."""
        person_id = getattr(command, "other_person", None)
        if person_id is None:
            return None
        stream = await self._log.load(person_id)
        loaded.versions.setdefault(person_id, stream.version)
        other = _folded("Person", person_id, [one for one in stream.events if isinstance(one, PersonEvent)])
        return cast("Person", other) if other.exists else None

    async def _state(self, kind: str, stream_id: UUID) -> Any:
        return _folded(kind, stream_id, (await self._log.load(stream_id)).events)

    async def _waiting(self, programme: str) -> Sequence[Waiting]:
        """Who waits for a worker of a programme, each as their own events tell it."""
        entries = [in_line(await self._state("Case", one)) for one in await self._pool.may_be_waiting()]
        return [one for one in entries if one is not None and one.programme == programme]

    async def _known(self, command: _Identified, loaded: _Loaded) -> Sequence[KnownPerson]:
        loaded.identity_keys = tuple(IdentityKey(kind, value) for kind, value in command.identity_keys())
        loaded.people_seen = await self._identities.people_with(loaded.identity_keys)
        people = [
            cast("Person", await self._state("Person", person_id)) for person_id in sorted(loaded.people_seen)
        ]
        return [person.as_known() for person in people if person.exists]

    # -- writing ------------------------------------------------------------------------------------------------------

    async def _append(
        self, request: Request, moment: Moment, loaded: _Loaded, events: Sequence[Event], digest: str | None
    ) -> Append:
        envelopes = _envelopes(request, moment, loaded, events, digest)
        by_stream: dict[UUID, list[NewEvent]] = {}
        for event, envelope in zip(events, envelopes, strict=True):
            by_stream.setdefault(event.stream_id, []).append(NewEvent(event, envelope))
        registered = [event.person_id for event in events if isinstance(event, PersonRegistered)]
        return Append(
            command_id=request.command_id,
            command=request.command.NAME,
            changes=tuple(
                StreamChange(stream_id, loaded.versions.get(stream_id, ANY_VERSION), tuple(new))
                for stream_id, new in by_stream.items()
            ),
            identity_keys=loaded.identity_keys,
            people_seen=loaded.people_seen,
            registers=registered[0] if registered else None,
            reservations=reservations(events, await self._hard_limits(loaded, events)),
        )

    async def _hard_limits(self, loaded: _Loaded, events: Sequence[Event]) -> Mapping[WorkerId, int]:
        """How many cases each worker may carry who is given one here, whether or not the decision has read them."""
        read = {state.worker_id: state for state in loaded.states.values() if isinstance(state, KeyWorker)}
        given: dict[WorkerId, int] = {}
        for event in events:
            if isinstance(event, CaseTaken):
                given[event.worker_id] = given.get(event.worker_id, 0) + event.over_hard_limit
        limits = {}
        for worker_id, over_limit in given.items():
            worker = read.get(worker_id) or await self._state("KeyWorker", worker_id)
            # An override makes just the room that it needs, so two of them at once cannot make room for each other.
            limits[worker_id] = max(worker.hard_limit, len(worker.cases) + over_limit if over_limit else 0)
        return limits


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
    return _folded(kind, stream_id, [one.event for one in recorded])


def _folded(kind: str, stream_id: UUID, events: Sequence[Event]) -> Any:
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


def command_id_from(key: str, *, agency: str) -> UUID:
    """The command id for an idempotency key that is not a UUID; keys of different agencies never meet."""
    try:
        return UUID(key)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"ccp:{agency}:{key}")


def _is_of_a_case(written: Written) -> bool:
    return issubclass(EVENTS[written.topic], CaseEvent)


def _envelopes(
    request: Request, moment: Moment, loaded: _Loaded, events: Sequence[Event], digest: str | None
) -> list[Envelope]:
    case = cast("Case | None", loaded.states.get("Case"))
    version = next((v for event in events if (v := getattr(event, "programme_version", None))), None)
    return [
        Envelope(
            event_id=uuid5(request.command_id, f"event/{number}"),
            command_id=request.command_id,
            command=request.command.NAME,
            recorded_at=moment.now,
            effective_at=moment.effective_at,
            actor=request.actor,
            reason=request.reason,
            correlation_id=request.correlation_id or request.command_id,
            causation_id=request.causation_id,
            programme_version=version or (case.programme_version if case else None) or None,
            schema_version=event.SCHEMA_VERSION,
            body_digest=digest if number == 1 else None,
        )
        for number, event in enumerate(events, start=1)
    ]


def _person_of(loaded: _Loaded) -> PersonId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    return case.person_id if case is not None and case.exists else None


def _meeting_of(loaded: _Loaded) -> MeetingId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    return case.meeting_id if case is not None else None


def _worker_of(loaded: _Loaded) -> WorkerId | None:
    case = cast("Case | None", loaded.states.get("Case"))
    if case is None:
        return None
    # Of a closed case it is the one who had it: they may take it again.
    return case.worker_when_closed if case.stage is Stage.CLOSED else case.worker_id
