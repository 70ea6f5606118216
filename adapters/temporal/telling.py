"""Telling of cases: many at once, but of one case one message after the other, so that its processes hear in order.

What is said here of cases holds for meetings too. What comes for a case while it is being told of is put together in its next message. Keeps in mind how the last cases
stood, so that most news can be told without reading the log again. A case that cannot be read or told of is set aside
with the reason, and the others go on. Must not keep a position and must not choose who hears what.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import structlog

from adapters.postgres.errors import LogError, NewerSchema, UnknownTopic, UnreadableEvent
from domain import catalogue
from domain.case.correction import RecordVoided, voided_versions
from domain.messages import CaseEvent, MeetingEvent, Recorded
from domain.ports import LogReader
from projections.parked import reason_of
from projections.source import Source, Stored
from workflows.routing import begin

if TYPE_CHECKING:
    from adapters.temporal.herald import Herald
    from workflows.routing import Progress, Routing

WAITING_FACTS: Final = 1_000
"""How many facts may wait to be told before no more are read."""
REMEMBERED: Final = 1_000
"""Of how many cases it is kept in mind how they stood when they were last told of."""

_OF_NOTHING_WITH_A_PROCESS: Final = frozenset(
    topic for topic, event in catalogue.events().items() if not issubclass(event, CaseEvent | MeetingEvent)
)
_UNREADABLE: Final = (UnknownTopic, NewerSchema, UnreadableEvent)
_END: Final = 2**63 - 1

_log = structlog.get_logger(__name__)


class Log(LogReader, Source, Protocol):
    """The log by events, and by events that are opened one by one: one that cannot be opened concerns its case alone."""


def is_the_logs_fault(error: Exception) -> bool:
    """Whether the log could not be read at all, so that nothing is known against the case."""
    return isinstance(error, LogError) and not isinstance(error, _UNREADABLE)


async def tell_until_it_stands(log: LogReader, herald: Herald, progress: Progress, routing: Routing) -> None:
    """Tell of one case outside its turn; and again if more happened meanwhile.

    Else a process that was begun by what had been read could be one that nobody ends any more.
    """
    while True:
        await herald.tell(routing)
        news = await log.read_stream(progress.stream_id, after_version=progress.version)
        if not news:
            return
        routing = progress.hear(news)


@dataclass(frozen=True, slots=True)
class Untold:
    """A case that could not be told of, with the position after which it was not, and why in words without a value."""

    after: int
    reason: str


@dataclass(slots=True)
class _Case:
    """A case that is being told of, or waits for its turn: told up to `after`, and what came since."""

    after: int
    facts: list[Stored] = field(default_factory=list)
    anew: bool = False
    """The case has to be read from the log as it stands now."""


class Telling:
    """The cases in hand of one leader. Its tasks belong to the group, which ends when the log is away."""

    def __init__(
        self,
        log: Log,
        herald: Herald,
        group: asyncio.TaskGroup,
        *,
        after: int,
        untold: Mapping[UUID, Untold],
        concurrency: int,
    ) -> None:
        self._log = log
        self._herald = herald
        self._group = group
        self._turns = asyncio.Semaphore(concurrency)
        self._read = after
        self._in_hand: dict[UUID, _Case] = {}
        self._waiting_facts = 0
        self._room = asyncio.Event()
        self._remembered: OrderedDict[UUID, Progress] = OrderedDict()
        self.untold: dict[UUID, Untold] = dict(untold)
        self.moved = asyncio.Event()
        """Set whenever the position may have moved, or a case was set aside or told of after all."""

    @property
    def position(self) -> int:
        """Everything up to here was told, but for the cases in `untold`."""
        return min((case.after for case in self._in_hand.values()), default=self._read)

    def in_hand(self) -> Mapping[UUID, int]:
        """The cases that are being told of, with the position up to which they were."""
        return {case_id: case.after for case_id, case in self._in_hand.items()}

    async def take(self, batch: Sequence[Stored], *, behind: bool) -> None:
        """Let the processes of every case in a batch hear of it; waits only while too much is in hand.

        `behind` says that more has happened than is in the batch: then each case is told of as it stands now, so that
        nothing is begun that is long over.
        """
        while self._waiting_facts >= WAITING_FACTS:
            self._room.clear()
            await self._room.wait()
        for one in batch:
            # A topic that only a newer release knows may be a case's.
            if one.topic not in _OF_NOTHING_WITH_A_PROCESS:
                case = self._case(one.stream_id, one.position - 1)
                case.facts.append(one)
                case.anew |= behind
                self._waiting_facts += 1
        self._read = batch[-1].position
        self.moved.set()

    def try_again(self) -> None:
        """Try every case that was set aside."""
        for case_id in self.untold:
            self._case(case_id, self._read).anew = True

    def _case(self, case_id: UUID, after: int) -> _Case:
        case = self._in_hand.get(case_id)
        if case is None:
            case = self._in_hand[case_id] = _Case(after)
            self._group.create_task(self._tell_of(case_id, case))
        return case

    async def _tell_of(self, case_id: UUID, case: _Case) -> None:
        while case.facts or case.anew:
            async with self._turns:
                facts, case.facts = case.facts, []
                anew, case.anew = case.anew, False
                try:
                    await self._tell(case_id, case, facts, anew=anew)
                except Exception as error:  # whatever is wrong with this case, the others must not wait
                    if is_the_logs_fault(error):
                        raise
                    self._set_aside(case_id, case.after, reason_of(error))
                if facts:
                    case.after = facts[-1].position
                    self._waiting_facts -= len(facts)
                    self._room.set()
        del self._in_hand[case_id]
        self.moved.set()

    async def _tell(self, case_id: UUID, case: _Case, new: Sequence[Stored], *, anew: bool) -> None:
        progress = self._remembered.pop(case_id, None)
        set_aside = self.untold.get(case_id)
        facts: Sequence[Recorded]
        # What was taken up may be void now: then the case is read from its start.
        void = anew or any(one.topic == RecordVoided.TOPIC for one in new)
        if progress is None or void:
            if set_aside or void or new[0].version > 1:
                stream = await self._log.read_streams([case_id], up_to_position=_END)
                progress = begin(case_id, stream[0].topic)
                # An event that nobody here knows made it look like a case; its first event, which is known, says more.
                facts = [] if stream[0].topic in _OF_NOTHING_WITH_A_PROCESS else _opened(stream)
                after = set_aside.after if set_aside else case.after
                progress.void = voided_versions(one.event for one in facts)
                progress.read(one for one in facts if one.position <= after)
            else:
                progress = begin(case_id, new[0].topic)
                facts = _opened(new)
        else:
            facts = _opened(new)
        # What was read ahead of its batch was told before.
        news = [one for one in facts if one.version > progress.version]
        if news:
            await self._herald.tell(progress.hear(news))
        if progress.version:
            self._remember(case_id, progress)
        if set_aside:
            del self.untold[case_id]
            _log.info("dispatch.case_told_after_all", case_id=str(case_id))
            self.moved.set()

    def _remember(self, case_id: UUID, progress: Progress) -> None:
        self._remembered[case_id] = progress
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)

    def _set_aside(self, case_id: UUID, after: int, reason: str) -> None:
        before = self.untold.get(case_id)
        self.untold[case_id] = Untold(before.after if before else after, reason)
        if before is None or before.reason != reason:
            _log.error("dispatch.case_not_told", case_id=str(case_id), error=reason)
        self.moved.set()


def _opened(stored: Sequence[Stored]) -> list[Recorded]:
    """What happened. Raises: UnknownTopic, NewerSchema or UnreadableEvent."""
    return [Recorded(one.position, one.stream_id, one.version, one.event, one.envelope) for one in stored]
