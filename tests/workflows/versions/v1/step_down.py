"""Step-down in version 1, as it was; see tests/workflows/test_upgrade.py. Not to be changed any more."""

from __future__ import annotations

from temporalio import workflow

from tests.workflows.versions.v1.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from tests.workflows.versions.v1.contracts import CaseBrief


@workflow.defn(name="StepDown")
class StepDown(CaseProcess):
    """From the proposal to step down until the outcome has lasted, or support is stepped back up."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:
        while self.stands_in(Stage.STEP_DOWN_PROPOSED, Stage.STEPPING_DOWN, Stage.MONITORING):
            self.when_passed("step_down_approval", "mark-step-down-approval-overdue")
            self.when_passed("handover", "mark-handover-overdue")
            self.when_passed("check_in", "raise-check-in")
            self.when_passed("check_in_answer", "mark-check-in-missed")
            self.when_passed("monitoring", "mark-monitoring-elapsed")
            await self.next(self._what_is_awaited())

    def _what_is_awaited(self) -> str:
        if self.stands_in(Stage.STEP_DOWN_PROPOSED):
            return "the manager's approval"
        if self.stands_in(Stage.STEPPING_DOWN):
            return "the handover"
        if self.case.monitoring_elapsed:
            return "the manager's confirmation that the outcome lasts"
        if "check_in_answer" in self.case.due:
            return f"the answer to check-in {self.case.check_in}"
        if "check_in" in self.case.due:
            return "the next check-in"
        return "the end of the monitoring time"
