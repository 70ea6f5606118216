"""Safeguarding: see that a concern is screened in time. It runs beside the pathway and outlives the case.

The process waits and reminds; nothing it does can hold a concern back.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="Safeguarding")
class Safeguarding(CaseProcess):
    """While a safeguarding concern has not been screened."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("screening"):
            self.when_each_passed("screening", "mark-screening-overdue", "concern_id")
            await self.next("the safeguarding lead")
