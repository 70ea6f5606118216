"""Compares what runs with what the log says should run, and on request puts right what differs.

Goes through the cases in the order of their ids, some hundreds at a time, beside Temporal's list of what runs in the
same range. That list is always a little old: what seems to differ is looked at directly before it counts. Repairs go
by the dispatcher's own herald. Must not decide what a case needs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.sql import named_queries
from adapters.temporal.dispatcher import NAME
from adapters.temporal.herald import PROCESS_NAMES, Herald
from adapters.temporal.telling import is_the_logs_fault, tell_until_it_stands
from domain import catalogue
from domain.messages import CaseEvent, MeetingEvent
from workflows.contracts import Heard, ProcessKind, workflow_id
from workflows.routing import Progress, Routing, begin

if TYPE_CHECKING:
    from asyncpg import Pool
    from temporalio.api.common.v1 import Payloads
    from temporalio.client import Client

    from domain.ports import LogReader

CASES: Final = 500
"""How many cases are held in memory at once, with what runs for them."""
LISTED: Final = 1_000
"""How many differences are told one by one; all are counted."""

_SQL: Final = named_queries(Path(__file__).with_suffix(".sql"))
_TOPICS: Final = sorted(
    topic for topic, event in catalogue.events().items() if issubclass(event, CaseEvent | MeetingEvent)
)
_RUNNING: Final = "ExecutionStatus = 'Running'"
_LOOKS: Final = 4
_PAUSE_SECONDS: Final = 0.5
"""Between two looks at what seems to differ: the dispatcher or a worker may be about to settle it."""
_PAGE: Final = 20
_ENDED: Final = frozenset(
    (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
    )
)


class What(StrEnum):
    """How a process differs from what the log says."""

    MISSING = "missing"
    """It should run and does not."""
    ORPHANED = "orphaned"
    """It runs, should not, and has not been told so."""
    STALE = "stale"
    """It runs and should, but has not heard how its case stands."""
    UNREADABLE = "unreadable"
    """Its case cannot be read, so nobody knows what should run."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One process that is not as it should be. `position` is that of its case's last fact, `heard` what it knows of."""

    what: What
    workflow_id: str | None
    case_id: UUID | None
    stage: str | None
    position: int | None
    heard: int | None
    repaired: str | None = None


@dataclass(slots=True)
class Comparison:
    """What was found. `ending` have been told that they are over and only wait for a worker: no difference."""

    log_position: int = 0
    dispatched: int = 0
    cases: int = 0
    wanted: int = 0
    ending: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether what runs is what should run."""
        return not self.counts

    def note(self, difference: Difference) -> None:
        """Count a difference, and keep it if there are not too many."""
        self.counts[difference.what] = self.counts.get(difference.what, 0) + 1
        if difference.repaired:
            self.repaired[difference.repaired] = self.repaired.get(difference.repaired, 0) + 1
        if len(self.differences) < LISTED:
            self.differences.append(difference)


Progressed = Callable[[Comparison], None]


async def check(
    *,
    pool: Pool,
    log: LogReader,
    client: Client,
    concurrency: int = 16,
    progressed: Progressed = lambda _: None,
) -> Comparison:
    """Compare, and change nothing."""
    return await _Reconciling(pool, log, client, None, concurrency).run(progressed)


async def rebuild(
    *,
    pool: Pool,
    log: LogReader,
    client: Client,
    task_queue: str,
    concurrency: int = 16,
    progressed: Progressed = lambda _: None,
) -> Comparison:
    """Start what is missing, end what should not run, tell what has not heard; answers what differed before.

    May be done at any time and any number of times, beside a dispatcher that works.
    """
    herald = Herald(client, task_queue=task_queue)
    return await _Reconciling(pool, log, client, herald, concurrency).run(progressed)


@dataclass(frozen=True, slots=True)
class _Case:
    """A case by the log, read to its end, and what should run for it; `version` 0 if the log has no such case."""

    progress: Progress
    wanted: frozenset[ProcessKind] = frozenset()
    readable: bool = True


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a process that runs was told last; position -1 if that was nothing of ours."""

    position: int = -1
    stage: str | None = None

    def knows(self, case: _Case) -> bool:
        """Whether it knows how its case stands."""
        return (self.position, self.stage) == (case.progress.position, case.progress.stage)


class _Reconciling:
    """One comparison, with repairs if there is a herald to make them."""

    def __init__(
        self, pool: Pool, log: LogReader, client: Client, herald: Herald | None, concurrency: int
    ) -> None:
        self._pool = pool
        self._log = log
        self._client = client
        self._herald = herald
        self._reads, self._calls = asyncio.Semaphore(concurrency), asyncio.Semaphore(concurrency)
        self._found = Comparison()

    async def run(self, progressed: Progressed) -> Comparison:
        found = self._found
        found.log_position = await self._log.head()
        async for process in self._under_foreign_ids():
            await self._settle(process, None, None)
        async for ids, after, last in self._ranges():
            cases = dict(zip(ids, await self._all_of(ids), strict=True))
            should_run = {
                workflow_id(kind, case_id): (kind, case_id)
                for case_id, case in cases.items()
                for kind in case.wanted
            }
            listed = {process async for process in self._listed(after, last)}
            suspects = sorted((should_run.keys() ^ listed) | await self._stale(should_run, listed, cases))
            await asyncio.gather(*(self._settle(one, *_parsed(one)) for one in suspects))
            for case_id, case in cases.items():
                if not case.readable:
                    found.note(Difference(What.UNREADABLE, None, case_id, None, None, None))
            found.cases += len(ids)
            found.wanted += len(should_run)
            progressed(found)
        found.dispatched = await self._dispatched()
        return found

    # -- the two sides -----------------------------------------------------------------------------------------------

    async def _ranges(self) -> AsyncIterator[tuple[Sequence[UUID], str, str]]:
        """The cases of the log in the order of their ids, with the bounds of each range: together they cover all ids."""
        after, bound = UUID(int=0), ""
        while True:
            rows = await self._pool.fetch(_SQL["cases"], _TOPICS, after, CASES)
            ids = [row["originator_id"] for row in rows]
            # The last range is open: these letters come after every id.
            last = str(ids[-1]) if len(ids) == CASES else "zz"
            yield ids, bound, last
            if len(ids) < CASES:
                return
            after, bound = ids[-1], last

    async def _all_of(self, ids: Sequence[UUID]) -> Sequence[_Case]:
        return await asyncio.gather(*(self._case(case_id) for case_id in ids))

    async def _case(self, case_id: UUID) -> _Case:
        try:
            async with self._reads:
                stream = await self._log.read_stream(case_id)
                progress = begin(case_id, stream[0].event.TOPIC if stream else "")
                progress.read(stream)
        except Exception as error:  # whatever is wrong with this case, the others are compared
            if is_the_logs_fault(error):
                raise
            return _Case(begin(case_id, ""), readable=False)
        return _Case(progress, progress.wanted())

    async def _listed(self, after: str, last: str) -> AsyncIterator[str]:
        """What runs for the cases of a range, by Temporal's list."""
        ranges = (
            f"(WorkflowId > '{kind}-{after}' AND WorkflowId <= '{kind}-{last}')" for kind in ProcessKind
        )
        async for execution in self._client.list_workflows(f"{_RUNNING} AND ({' OR '.join(ranges)})"):
            yield execution.id

    async def _under_foreign_ids(self) -> AsyncIterator[str]:
        """Processes of ours under ids that no case has: somebody started them by hand."""
        for kind, name in PROCESS_NAMES.items():
            query = f"{_RUNNING} AND WorkflowType = '{name}' AND WorkflowId NOT STARTS_WITH '{kind}-'"
            async for execution in self._client.list_workflows(query):
                yield execution.id

    async def _stale(
        self,
        should_run: Mapping[str, tuple[ProcessKind, UUID]],
        listed: set[str],
        cases: Mapping[UUID, _Case],
    ) -> set[str]:
        """Those of the processes that should run and do, which do not know how their cases stand."""
        both = sorted(should_run.keys() & listed)
        heard = await asyncio.gather(*(self._heard(one) for one in both))
        return {
            one
            for one, last in zip(both, heard, strict=True)
            if last is None or not last.knows(cases[should_run[one][1]])
        }

    async def _heard(self, process: str, run_id: str = "") -> _Heard | None:
        """What a process was told last, by its own history; None if it does not run."""
        token = b""
        while True:
            request = GetWorkflowExecutionHistoryReverseRequest(
                namespace=self._client.namespace,
                execution=WorkflowExecution(workflow_id=process, run_id=run_id),
                maximum_page_size=_PAGE,
                next_page_token=token,
            )
            try:
                async with self._calls:
                    page = await self._client.workflow_service.get_workflow_execution_history_reverse(
                        request, retry=True
                    )
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return None
            for event in page.history.events:
                if event.event_type in _ENDED:
                    return None
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                    return await self._told(event.workflow_execution_signaled_event_attributes.input)
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                    return await self._told(event.workflow_execution_started_event_attributes.input)
            token = page.next_page_token

    async def _told(self, message: Payloads) -> _Heard:
        try:
            found: list[Heard] = await self._client.data_converter.decode(message.payloads, [Heard])
        except Exception:  # noqa: BLE001 - whatever it was told, and however, it was not by us
            return _Heard()
        return _Heard(found[0].position, found[0].stage) if found else _Heard()

    async def _dispatched(self) -> int:
        position: int = await self._pool.fetchval(_SQL["dispatched"], NAME)
        return position

    # -- one process that seems to differ ----------------------------------------------------------------------------

    async def _settle(self, process: str, kind: ProcessKind | None, case_id: UUID | None) -> None:
        """Look at a process directly until it is as it should be or there is nothing to wait for; then repair it."""
        last: What | None = None
        looks, before = 0, -1
        while True:
            # First how far was told: what was read before may have been told since.
            dispatched = await self._dispatched()
            # A dispatcher that gets on will come to this case, however busy it is.
            looks += dispatched == before
            before = dispatched
            case = await self._case(case_id) if case_id is not None else None
            heard = await self._heard(process)
            what = _verdict(kind, case, heard)
            if what is None:
                self._found.ending += heard is not None and (case is None or kind not in case.wanted)
                return
            will_be_told = case is not None and dispatched < case.progress.position
            # Telling it never does harm; ending it might, if something has just happened.
            is_behind = heard is None or (case is not None and heard.position < case.progress.position)
            if (
                (self._herald is not None and is_behind)
                or (what is last and not will_be_told)
                or looks == _LOOKS
            ):
                break
            last = what
            if will_be_told:
                await asyncio.sleep(_PAUSE_SECONDS)
        repaired = await self._repair(process, kind, case, heard) if self._herald is not None else None
        self._found.note(
            Difference(
                what,
                process,
                case_id,
                case.progress.stage if case and case.progress.version else None,
                case.progress.position if case and case.progress.version else None,
                heard.position if heard and heard.position >= 0 else None,
                repaired,
            )
        )

    async def _repair(
        self, process: str, kind: ProcessKind | None, case: _Case | None, heard: _Heard | None
    ) -> str | None:
        if case is None or kind is None or not case.progress.version:
            return await self._terminate(process)
        if heard is None:
            await self._tell(case, kind, running=False)
            return "started"
        if heard.position < case.progress.position:
            await self._tell(case, kind, running=True)
            return "told"
        # It would not listen to what the log says: it has heard of later facts than there are.
        await self._terminate(process)
        await self._tell(case, kind, running=False)
        return "terminated" if kind not in case.wanted else "restarted"

    async def _tell(self, case: _Case, kind: ProcessKind, *, running: bool) -> None:
        assert self._herald is not None
        one = frozenset((kind,))
        routing = Routing(
            case.progress.brief(()),
            run=one & case.wanted,
            end=one - case.wanted,
            running=one if running else frozenset(),
        )
        async with self._calls:
            await tell_until_it_stands(self._log, self._herald, case.progress, routing)

    async def _terminate(self, process: str) -> str:
        try:
            await self._client.get_workflow_handle(process).terminate(
                reason="the log does not call for this process"
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return "terminated"


def _verdict(kind: ProcessKind | None, case: _Case | None, heard: _Heard | None) -> What | None:
    """How a process differs; a process that has heard that it is over, and only has to end, does not."""
    if case is not None and not case.readable:
        return None
    should_run = case is not None and kind in case.wanted
    if heard is None:
        return What.MISSING if should_run else None
    if case is not None and case.progress.version and heard.knows(case):
        return None
    return What.STALE if should_run else What.ORPHANED


def _parsed(process: str) -> tuple[ProcessKind | None, UUID | None]:
    """Which process of which case has this id; nothing if no case's has."""
    for kind in ProcessKind:
        with contextlib.suppress(ValueError):
            case_id = UUID(process.removeprefix(f"{kind}-"))
            if process == workflow_id(kind, case_id):
                return kind, case_id
    return None, None
