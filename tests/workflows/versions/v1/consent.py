"""Consent in version 1, as it was; see tests/workflows/test_upgrade.py. Not to be changed any more."""

from __future__ import annotations

from temporalio import workflow

from tests.workflows.versions.v1.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from tests.workflows.versions.v1.contracts import CaseBrief


@workflow.defn(name="Consent")
class Consent(CaseProcess):
    """From eligibility until a consent position is reached, or the person does not take part."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:
        while self.stands_in(Stage.AWAITING_CONSENT):
            self.when_passed("consent_attempt", "raise-consent-reminder")
            self.when_passed("consent", "mark-consent-overdue")
            await self.next("the person's consent position")
