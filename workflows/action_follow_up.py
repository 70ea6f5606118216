"""Action follow-up: say when an action of the plan falls due, and escalate one that stays undone.

It stays as long as an action is open, whatever stage the case is in by then.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import OPEN_STAGES
    from workflows.contracts import CaseBrief


@workflow.defn(name="ActionFollowUp")
class ActionFollowUp(CaseProcess):
    """From the first action of a plan until none is open."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.case.actions and self.stands_in(*OPEN_STAGES):
            for action in self.case.actions:
                if not action.overdue:
                    self.at(action.due_at, "mark-action-overdue", action_id=str(action.action_id))
            self.when_each_passed("action_escalation", "escalate-action", "action_id")
            oldest = min(action.assigned_at for action in self.case.actions)
            await self.next("the completion of open actions", since=oldest)
