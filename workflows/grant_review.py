"""Grant review: say when a consent must be looked at again, and end it when its time is over.

Nothing is renewed by itself: without a fresh explanation a consent expires.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief


@workflow.defn(name="GrantReview")
class GrantReview(CaseProcess):
    """As long as a consent that was given may still run out."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs("consent_review", "consent_expiry"):
            self.when_each_passed("consent_review", "mark-consent-review-due", "grant_id")
            self.when_each_passed("consent_expiry", "expire-consent", "grant_id")
            await self.next("the next review or end of a consent")
