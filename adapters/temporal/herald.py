"""Brings a brief to the processes of a case: starts those that must run, and lets the others hear that they are over.

Waits for a Temporal server that is away, with a line in the log when it goes and when it is back. Must not read the
log and must not choose who hears what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.allocation import Allocation
from workflows.consent import Consent
from workflows.contracts import CaseBrief, ProcessKind, workflow_id
from workflows.forum_review import ForumReview
from workflows.process import CaseProcess
from workflows.referral import Referral
from workflows.search_attributes import CASE_ID, CASE_STAGE, NEIGHBOURHOOD, PROGRAMME
from workflows.step_down import StepDown

if TYPE_CHECKING:
    from temporalio.client import Client

    from workflows.routing import Routing

_RUN: Final[Mapping[ProcessKind, Callable[[Any, CaseBrief], Awaitable[None]]]] = {
    ProcessKind.REFERRAL: Referral.run,
    ProcessKind.CONSENT: Consent.run,
    ProcessKind.FORUM_REVIEW: ForumReview.run,
    ProcessKind.ALLOCATION: Allocation.run,
    ProcessKind.STEP_DOWN: StepDown.run,
}

# The message itself is at fault, so sending it again would not help. Everything else may pass.
_AT_FAULT: Final = (
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.OUT_OF_RANGE,
)
_RPC_TIMEOUT: Final = timedelta(seconds=10)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0

_log = structlog.get_logger(__name__)


class Herald:
    """Tells processes over one client. Everybody who tells something waits together while Temporal is away."""

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue
        self.temporal_is_away = False

    async def tell(self, routing: Routing) -> None:
        """Bring the brief to everybody it is for, however long that takes.

        Raises: RPCError when Temporal will not have this message.
        """
        for kind in sorted(routing.run):
            await self._patiently(self._start_and_tell, kind, routing.brief)
        for kind in sorted(routing.end):
            await self._patiently(self._tell_of_the_end, kind, routing.brief)

    async def _start_and_tell(self, kind: ProcessKind, brief: CaseBrief) -> None:
        await self._client.start_workflow(
            _RUN[kind],
            brief,
            id=workflow_id(kind, brief.case_id),
            task_queue=self._task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal="heard",
            start_signal_args=[brief],
            search_attributes=_search_attributes(brief),
            static_summary=f"{kind} of case {brief.case_id}",
            rpc_timeout=_RPC_TIMEOUT,
        )

    async def _tell_of_the_end(self, kind: ProcessKind, brief: CaseBrief) -> None:
        handle = self._client.get_workflow_handle(workflow_id(kind, brief.case_id))
        try:
            await handle.signal(CaseProcess.heard, brief, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            # It never began, or it has ended already.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def _patiently(
        self,
        attempt: Callable[[ProcessKind, CaseBrief], Awaitable[None]],
        kind: ProcessKind,
        brief: CaseBrief,
    ) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await attempt(kind, brief)
            except RPCError as error:
                if error.status in _AT_FAULT:
                    raise
                self._note(away=True, status=error.status.name)
            else:
                self._note(away=False)
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _note(self, *, away: bool, status: str = "OK") -> None:
        if away and not self.temporal_is_away:
            _log.warning("dispatch.temporal_unavailable", status=status)
        if self.temporal_is_away and not away:
            _log.info("dispatch.temporal_back")
        self.temporal_is_away = away


def _search_attributes(brief: CaseBrief) -> TypedSearchAttributes:
    """What is known from the start, so that a process can be found before any worker has seen it."""
    pairs = [
        SearchAttributePair(CASE_ID, str(brief.case_id)),
        SearchAttributePair(PROGRAMME, brief.programme),
        SearchAttributePair(CASE_STAGE, brief.stage.value),
    ]
    if brief.neighbourhood is not None:
        pairs.append(SearchAttributePair(NEIGHBOURHOOD, brief.neighbourhood))
    return TypedSearchAttributes(pairs)
