"""Referral: acknowledge it and begin triage at once, and say so when the first decision is late.

A question to the referrer is repeated once and then given up; what follows is for the coordinator.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from workflows.contracts import CaseBrief


@workflow.defn(name="Referral")
class Referral(CaseProcess):
    """From the referral until triage has decided."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.stands_in(Stage.SUBMITTED, Stage.TRIAGE, Stage.INFO_REQUESTED):
            if self.stands_in(Stage.INFO_REQUESTED):
                self.when_passed("information_reminder", "remind-of-information")
                self.when_passed("information_request", "lapse-information-request")
                await self.next("the referrer's answer")
                continue
            if not self.case.acknowledged:
                self.at_once("acknowledge-referral", occasion="submitted")
            if self.stands_in(Stage.SUBMITTED):
                self.at_once("start-triage", occasion="submitted")
            self.when_passed("triage", "mark-triage-overdue")
            await self.next("the triage decision")
