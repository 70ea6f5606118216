"""The one road of a command: who may, what was done before, load, decide, append, answer.

No rule of a stage lives here. A decision's parameters say what to load; a conflict means load and decide again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from uuid import NAMESPACE_URL, UUID, uuid5

from domain import catalogue
from domain.case.preview import AllocationPreview, preview
from domain.case.retry import DuplicateCommandIgnored
from domain.case.state import Case
from domain.case.viewers import require_not_barred
from domain.errors import (
    ConcurrentChange,
    DomainError,
    EffectiveInFuture,
    NotPermitted,
)
from domain.keyworker.events import CaseTaken
from domain.keyworker.state import KeyWorker
from domain.loading import Loaded, Loader
from domain.messages import (
    EVENTS,
    Actor,
    CaseEvent,
    CaseId,
    Channel,
    Command,
    Envelope,
    Event,
    Moment,
    WorkerId,
)
from domain.person.identity import PersonRegistered
from domain.ports import (
    ANY_VERSION,
    Answer,
    Append,
    Clock,
    EventLog,
    IdentityIndex,
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


class Application:
    """Carries out commands against one log under one set of rules."""

    def __init__(
        self, *, log: EventLog, identities: IdentityIndex, pool: WorkerPool, clock: Clock, rules: Rules
    ) -> None:
        self._log = log
        self._loader = Loader(log=log, identities=identities, pool=pool)
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
                loaded = await self._loader.what(decision, command, moment)
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
        worker = cast(
            "KeyWorker", await self._loader.stream("KeyWorker", worker_id, Loaded(), may_be_new=False)
        )
        waiting = await self._loader.waiting(case.programme)
        today = self.rules.london_day(await self.clock.now())
        return preview(case, worker, waiting, self.rules, day=today)

    async def case(self, case_id: CaseId) -> Case:
        """One case as it stands; raises NotFound."""
        return cast("Case", await self._loader.stream("Case", case_id, Loaded(), may_be_new=False))

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
        loaded = Loaded()
        case = await self._loader.stream("Case", case_id, loaded, may_be_new=False)
        ignored = DuplicateCommandIgnored(
            case_id=case.case_id, person_id=case.person_id, command=request.command.NAME
        )
        again = replace(
            request, command_id=uuid5(request.command_id, moment.now.isoformat()), effective_at=None
        )
        append = await self._append(again, moment, loaded, [ignored], None)
        change = replace(append.changes[0], expected_version=ANY_VERSION)
        await self._log.append(replace(append, changes=(change,)))

    async def _moment(self, request: Request) -> Moment:
        now = await self.clock.now()
        effective_at = request.effective_at or now
        if effective_at > now:
            raise EffectiveInFuture
        return Moment(now=now, effective_at=effective_at, actor=request.actor, command_id=request.command_id)

    def _argument(self, kind: str, loaded: Loaded) -> object:
        return self.rules if kind == "Rules" else loaded.states[kind]

    # -- writing ------------------------------------------------------------------------------------------------------

    async def _append(
        self, request: Request, moment: Moment, loaded: Loaded, events: Sequence[Event], digest: str | None
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

    async def _hard_limits(self, loaded: Loaded, events: Sequence[Event]) -> Mapping[WorkerId, int]:
        """How many cases each worker may carry who is given one here, whether or not the decision has read them."""
        read = {state.worker_id: state for state in loaded.states.values() if isinstance(state, KeyWorker)}
        given: dict[WorkerId, int] = {}
        for event in events:
            if isinstance(event, CaseTaken):
                given[event.worker_id] = given.get(event.worker_id, 0) + event.over_hard_limit
        limits = {}
        for worker_id, over_limit in given.items():
            worker = read.get(worker_id) or await self._loader.state("KeyWorker", worker_id)
            # An override makes just the room that it needs, so two of them at once cannot make room for each other.
            limits[worker_id] = max(worker.hard_limit, len(worker.cases) + over_limit if over_limit else 0)
        return limits


def command_id_from(key: str, *, agency: str) -> UUID:
    """The command id for an idempotency key that is not a UUID; keys of different agencies never meet."""
    try:
        return UUID(key)
    except ValueError:
        return uuid5(NAMESPACE_URL, f"ccp:{agency}:{key}")


def _is_of_a_case(written: Written) -> bool:
    return issubclass(EVENTS[written.topic], CaseEvent)


def _envelopes(
    request: Request, moment: Moment, loaded: Loaded, events: Sequence[Event], digest: str | None
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
