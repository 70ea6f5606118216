"""Forum review: see that the case is listed, returns come in, and a decision is recorded."""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import OPEN_STAGES, Stage
    from workflows.contracts import CaseBrief


@workflow.defn(name="ForumReview")
class ForumReview(CaseProcess):
    """From readiness for the forum until it has decided."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.stands_in(Stage.READY_FOR_FORUM, Stage.ON_AGENDA) or self._actions_are_open():
            self.when_passed("listing", "mark-listing-overdue")
            self.when_passed("returns", "mark-returns-missing")
            self.when_passed("decision", "mark-decision-overdue")
            for action in self.case.actions if self._actions_are_open() else ():
                if not action.overdue:
                    self.at(action.due_at, "mark-action-overdue", action_id=str(action.action_id))
            if self.stands_in(Stage.READY_FOR_FORUM):
                await self.next("a place on an agenda")
            elif self.stands_in(Stage.ON_AGENDA):
                await self.next("the forum's decision")
            else:
                oldest = min(action.assigned_at for action in self.case.actions)
                await self.next("the completion of open actions", since=oldest)

    def _actions_are_open(self) -> bool:
        # Actions have a process of their own now; one that began before goes on with those of its case.
        if self.knows("actions-followed-up-apart"):
            return False
        return self.stands_in(*OPEN_STAGES) and bool(self.case.actions)
