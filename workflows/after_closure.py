"""After closure: ask, some months later, whether what was achieved has lasted."""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="AfterClosure")
class AfterClosure(CaseProcess):
    """While something is still to be asked about a closed case."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("sustained_outcome"):
            self.when_passed("sustained_outcome", "raise-sustained-outcome-test")
            await self.next("the test whether the outcome lasted")
