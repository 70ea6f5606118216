"""Transfer: a person who moved away is kept until the new area has taken over, or its time to do so is over."""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="Transfer")
class Transfer(CaseProcess):
    """While another area is asked to take a person over."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("transfer"):
            self.when_passed("transfer", "mark-transfer-lapsed")
            await self.next("the new area to take over")
