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
    """While the key worker of a case is away, or about to leave, or has it although a rule says otherwise."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("orphaned", "absence_ends", "cover_ends", "handover_start", "override_review"):
            self.when_passed("orphaned", "mark-allocation-orphaned")
            self.when_passed("absence_ends", "mark-absence-over")
            self.when_passed("cover_ends", "mark-cover-ended")
            self.when_passed("handover_start", "raise-handover-start")
            self.when_passed("override_review", "raise-override-review")
            await self.next(self._what_is_awaited())

    def _what_is_awaited(self) -> str:
        if self.runs("orphaned"):
            return "somebody to answer for the case"
        if self.runs("cover_ends", "absence_ends"):
            return "the key worker's return"
        if self.runs("handover_start"):
            return "the handover to the next key worker"
        return "the review of an override"
