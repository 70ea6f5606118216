"""Brings a brief to the processes of a case or a meeting: starts those that must run, and lets the others hear that they are over.

Waits for a Temporal server that is away, with a line in the log when it goes and when it is back. Must not read the
log and must not choose who hears what.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.contracts import Brief, CaseBrief, ProcessKind, workflow_id
from workflows.processes import PROCESSES
from workflows.search_attributes import CASE_ID, CASE_STAGE, NEIGHBOURHOOD, PROGRAMME

if TYPE_CHECKING:
    from temporalio.client import Client

    from workflows.routing import Routing

PROCESS_NAMES: Final[Mapping[ProcessKind, str]] = {
    kind: process.__name__ for kind, process in PROCESSES.items()
}
"""Under which name each process is known to Temporal."""

# The message itself is at fault, so sending it again would not help. Everything else may pass.
_AT_FAULT: Final = (
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.OUT_OF_RANGE,
)
_RPC_TIMEOUT: Final = timedelta(seconds=10)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_PATIENCE_SECONDS: Final = 60.0
"""How long one message is tried while Temporal takes others."""
_HEARD: Final = "heard"
"""The signal by which every process hears."""
_Attempt = Callable[[ProcessKind, Brief], Awaitable[None]]

_log = structlog.get_logger(__name__)


class Herald:
    """Tells processes over one client. Everybody who tells something waits, and tries again, while Temporal is away."""

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue
        self._answered_at = 0.0
        self.temporal_is_away = False

    async def tell(self, routing: Routing) -> None:
        """Bring the brief to everybody it is for, however long that takes.

        Raises: RPCError when Temporal will not have this message, or has not had it for a while in which it had others.
        """
        for kind in sorted(routing.run):
            tell = self._tell_or_start if kind in routing.running else self._start_and_tell
            await self._patiently(tell, kind, routing.brief)
        for kind in sorted(routing.end):
            await self._patiently(self._tell_of_the_end, kind, routing.brief)

    async def _tell_or_start(self, kind: ProcessKind, brief: Brief) -> None:
        # A signal alone carries the brief once; with a start it would be there twice.
        if not await self._signal(kind, brief):
            await self._start_and_tell(kind, brief)

    async def _start_and_tell(self, kind: ProcessKind, brief: Brief) -> None:
        await self._client.start_workflow(
            PROCESS_NAMES[kind],
            brief,
            id=workflow_id(kind, brief.about),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=_HEARD,
            start_signal_args=[brief],
            search_attributes=_search_attributes(brief),
            static_summary=f"{kind} of {brief.ABOUT.removesuffix('_id')} {brief.about}",
            rpc_timeout=_RPC_TIMEOUT,
        )

    async def _tell_of_the_end(self, kind: ProcessKind, brief: Brief) -> None:
        await self._signal(kind, brief)

    async def _signal(self, kind: ProcessKind, brief: Brief) -> bool:
        """Let a process hear a brief, and answer whether there is one: it may never have begun, or have ended."""
        handle = self._client.get_workflow_handle(workflow_id(kind, brief.about))
        try:
            await handle.signal(_HEARD, brief, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    async def _patiently(self, attempt: _Attempt, kind: ProcessKind, brief: Brief) -> None:
        pause = _FIRST_PAUSE
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                await attempt(kind, brief)
            except RPCError as error:
                if error.status in _AT_FAULT or self._answered_at > give_up_at:
                    raise
                self._note(away=True, status=error.status.name)
            else:
                self._note(away=False)
                self._answered_at = time.monotonic()
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _note(self, *, away: bool, status: str = "OK") -> None:
        if away and not self.temporal_is_away:
            _log.warning("dispatch.temporal_unavailable", status=status)
        if self.temporal_is_away and not away:
            _log.info("dispatch.temporal_back")
        self.temporal_is_away = away


def _search_attributes(brief: Brief) -> TypedSearchAttributes:
    """What is known from the start, so that a process can be found before any worker has seen it."""
    pairs = [
        SearchAttributePair(PROGRAMME, brief.programme),
        SearchAttributePair(CASE_STAGE, str(brief.stage)),
    ]
    if isinstance(brief, CaseBrief):
        pairs.append(SearchAttributePair(CASE_ID, str(brief.case_id)))
        if brief.neighbourhood is not None:
            pairs.append(SearchAttributePair(NEIGHBOURHOOD, brief.neighbourhood))
    return TypedSearchAttributes(pairs)
