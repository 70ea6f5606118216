"""Cover: see that a case is never without somebody who answers for it.

A worker who is away or has left, and nobody named in their place, is noticed the same day.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="Cover")
class Cover(CaseProcess):
    """While the key worker of a case is away, or about to leave."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("orphaned", "cover_ends"):
            self.when_passed("orphaned", "mark-allocation-orphaned")
            self.when_passed("cover_ends", "mark-cover-ended")
            await self.next("somebody to cover, or the key worker's return")
