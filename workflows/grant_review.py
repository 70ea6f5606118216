"""Grant review: say when a consent, or an authority to share without one, must be looked at again, and end a consent in time.

Nothing is renewed by itself: without a fresh explanation a consent expires. The gate has shut by then in any case; what
is said here makes it known.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import CaseBrief

_CLOCKS = ("consent_review", "consent_expiry", "disclosure_review")


@workflow.defn(name="GrantReview")
class GrantReview(CaseProcess):
    """As long as something that was allowed to be shared must still be looked at, or may run out."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.runs(*_CLOCKS):
            self.when_each_passed("consent_review", "mark-consent-review-due", "grant_id")
            self.when_each_passed("consent_expiry", "expire-consent", "grant_id")
            self.when_each_passed("disclosure_review", "mark-disclosure-review-due", "authority_id")
            await self.next("the next review or end of what may be shared")
