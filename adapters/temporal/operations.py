"""What operations staff see of the processes: what each waits for, since when, and what fires next and when.

Read from Temporal alone, and it stands in its search attributes, so it is there also when no worker runs. Identifiers,
codes and instants; no case is read. Must not change anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar
from uuid import UUID

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.service import RPCError, RPCStatusCode

from domain.case.stages import Stage
from domain.errors import NotFound
from workflows.contracts import Brief, IssueCommand, Issued, ProcessKind
from workflows.search_attributes import (
    CASE_ID,
    CASE_STAGE,
    NEIGHBOURHOOD,
    NEXT_DUE,
    NEXT_STEP,
    PROGRAMME,
    WAITING_SINCE,
    WAITS_FOR,
)

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp
    from temporalio.api.common.v1 import Payloads
    from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
_RECENT: Final = 30
_C = TypeVar("_C", Brief, IssueCommand, Issued)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """One process as its search attributes show it.

    `status` is in Temporal's words: RUNNING, COMPLETED, TERMINATED and so on.
    """

    workflow_id: str
    run_id: str
    kind: str
    status: str
    case_id: str | None
    programme: str | None
    stage: str | None
    neighbourhood: str | None
    waits_for: str | None
    since: datetime | None
    next_step: str | None
    next_due: datetime | None
    started_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step that is being taken, or tried again and again, with the kind of the last failure."""

    step: str
    attempt: int
    last_failure: str | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a process, in words."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class WorkflowDetail:
    """One process with what is under way and its recent history."""

    row: WorkflowRow
    under_way: tuple[Attempt, ...]
    history: tuple[Entry, ...]


async def list_workflows(
    client: Client,
    *,
    case_id: UUID | None = None,
    kind: ProcessKind | None = None,
    stage: Stage | None = None,
    neighbourhood: str | None = None,
    closed_too: bool = False,
    limit: int | None = None,
) -> Sequence[WorkflowRow]:
    """The processes that run, those with the nearest deadline first; with `closed_too` also those that ended."""
    conditions = [f"{CASE_ID.name} = '{case_id}'" if case_id else f"{PROGRAMME.name} IS NOT NULL"]
    if not closed_too:
        conditions.append("ExecutionStatus = 'Running'")
    if kind is not None:
        conditions.append(f"WorkflowId STARTS_WITH '{kind}-'")
    if stage is not None:
        conditions.append(f"{CASE_STAGE.name} = '{stage}'")
    if neighbourhood is not None:
        conditions.append(f"{NEIGHBOURHOOD.name} = '{_code(neighbourhood)}'")
    found = client.list_workflows(" AND ".join(conditions), limit=limit)
    rows = [_row(execution) async for execution in found]
    return sorted(rows, key=lambda row: (row.closed_at is not None, row.next_due or _LATEST, row.started_at))


async def show_workflow(client: Client, workflow_id: str) -> WorkflowDetail:
    """One process, its latest run if it ran more than once.

    Raises: NotFound.
    """
    if not _CODE.fullmatch(workflow_id):
        # No process of ours is called so, and Temporal does not answer to every text.
        raise NotFound(kind="workflow", id="given")
    try:
        description = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        raise NotFound(kind="workflow", id=workflow_id) from None
    told = _Told(client)
    handle = client.get_workflow_handle(workflow_id, run_id=description.run_id)
    entries = [entry async for event in handle.fetch_history_events() if (entry := await told.tell(event))]
    return WorkflowDetail(
        row=_row(description),
        under_way=tuple(_under_way(description, told.commands)),
        history=tuple(entries[-_RECENT:]),
    )


def _row(execution: WorkflowExecution) -> WorkflowRow:
    shown = execution.typed_search_attributes
    return WorkflowRow(
        workflow_id=execution.id,
        run_id=execution.run_id,
        kind=execution.workflow_type,
        status=execution.status.name if execution.status else "UNKNOWN",
        case_id=shown.get(CASE_ID),
        programme=shown.get(PROGRAMME),
        stage=shown.get(CASE_STAGE),
        neighbourhood=shown.get(NEIGHBOURHOOD),
        waits_for=shown.get(WAITS_FOR),
        since=shown.get(WAITING_SINCE),
        next_step=shown.get(NEXT_STEP),
        next_due=shown.get(NEXT_DUE),
        started_at=execution.start_time,
        closed_at=execution.close_time,
    )


def _under_way(description: WorkflowExecutionDescription, commands: Mapping[str, str]) -> Iterator[Attempt]:
    raw = description.raw_description
    for activity in raw.pending_activities:
        yield Attempt(
            step=commands[activity.activity_id],
            attempt=activity.attempt,
            last_failure=activity.last_failure.application_failure_info.type or None,
            next_attempt_at=_instant(activity.scheduled_time),
        )
    if raw.HasField("pending_workflow_task"):
        task = raw.pending_workflow_task
        yield Attempt("workflow task", task.attempt, None, _instant(task.scheduled_time))


class _Told:
    """Finds words for the events of a history, one after the other, as a person would tell it."""

    def __init__(self, client: Client) -> None:
        self._convert = client.data_converter
        self._steps: dict[int, str] = {}
        self._timers: dict[int, str] = {}
        self.commands: dict[str, str] = {}
        """The command that each activity was to issue, by the activity's id."""

    async def tell(self, event: HistoryEvent) -> Entry | None:
        """One event in words, or None if it is of no interest."""
        what = await self._in_words(event)
        return Entry(event.event_time.ToDatetime(UTC), what) if what else None

    async def _in_words(self, event: HistoryEvent) -> str | None:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                return "began"
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                brief = await self._one(event.workflow_execution_signaled_event_attributes.input, Brief)
                facts = ", ".join(fact.topic for fact in brief.heard) or "how the case stands"
                return f"heard of {facts}; stage {brief.stage}"
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                scheduled = event.activity_task_scheduled_event_attributes
                order = await self._one(scheduled.input, IssueCommand)
                self._steps[event.event_id] = self.commands[scheduled.activity_id] = order.command
                return f"issued {order.command}"
            case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
                done = event.activity_task_completed_event_attributes
                issued = await self._one(done.result, Issued)
                return f"{self._steps[done.scheduled_event_id]}: {_outcome(issued)}"
            case EventType.EVENT_TYPE_TIMER_STARTED:
                self._timers[event.event_id] = await self._summary(event)
                return f"set a timer: {self._timers[event.event_id]}"
            case EventType.EVENT_TYPE_TIMER_FIRED:
                fired = event.timer_fired_event_attributes
                return f"the timer fired: {self._timers[fired.started_event_id]}"
            case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                cause = event.workflow_task_failed_event_attributes.cause
                return f"could not go on: {WorkflowTaskFailedCause.Name(cause)}"
            case _:
                return _ENDS.get(event.event_type)

    async def _one(self, payloads: Payloads, kind: type[_C]) -> _C:
        found: list[_C] = await self._convert.decode(payloads.payloads, [kind])
        return found[0]

    async def _summary(self, event: HistoryEvent) -> str:
        if not event.user_metadata.HasField("summary"):
            return "without a name"
        found: list[str] = await self._convert.decode([event.user_metadata.summary], [str])
        return found[0]


_ENDS: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "ended: its part of the pathway is over",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "went on in a new run",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "timed out",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: "was asked to cancel",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "was cancelled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "was terminated",
}


def _outcome(issued: Issued) -> str:
    if issued.refused is not None:
        return f"refused by the rule {issued.refused}"
    facts = ", ".join(issued.facts)
    return f"{facts} (had been recorded before)" if issued.repeated else facts


def _instant(timestamp: Timestamp) -> datetime | None:
    return timestamp.ToDatetime(UTC) if timestamp.seconds else None


def _code(text: str) -> str:
    # It stands inside a filter's quotes, so it may hold nothing that could end them.
    if not _CODE.fullmatch(text):
        raise NotFound(kind="neighbourhood", id="of this name")
    return text
