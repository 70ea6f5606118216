"""Escalation: a level that does not answer in time is passed over, up to the highest."""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="Escalation")
class Escalation(CaseProcess):
    """While an escalation is open."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("escalation"):
            self.when_each_passed("escalation", "raise-escalation-level", "escalation_id")
            await self.next("an answer to the escalation")
