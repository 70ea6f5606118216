"""Safeguarding: see that a concern is screened in time, its enquiry begun, and what one about a child needs is done.

It runs beside the pathway and outlives the case. The process waits and reminds; nothing it does can hold a concern back.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="Safeguarding")
class Safeguarding(CaseProcess):
    """While a concern waits to be screened or for its enquiry, or an enquiry about a child has something to see to."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("screening", "enquiry", "child_seen", "conference"):
            self.when_each_passed("screening", "mark-screening-overdue", "concern_id")
            self.when_each_passed("enquiry", "mark-enquiry-overdue", "concern_id")
            self.when_each_passed("child_seen", "mark-child-not-seen", "concern_id")
            self.when_each_passed("conference", "mark-initial-conference-overdue", "concern_id")
            await self.next("the safeguarding lead")
