"""Forum review in version 1, as it was: it stays while an action is open, whatever the stage. Not to be changed any more."""

from __future__ import annotations

from temporalio import workflow

from tests.workflows.versions.v1.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import OPEN_STAGES, Stage
    from tests.workflows.versions.v1.contracts import CaseBrief


@workflow.defn(name="ForumReview")
class ForumReview(CaseProcess):
    """From readiness for the forum until it has decided and the actions it set are finished."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:
        while self.stands_in(Stage.READY_FOR_FORUM, Stage.ON_AGENDA) or self._actions_are_open():
            self.when_passed("listing", "mark-listing-overdue")
            self.when_passed("returns", "mark-returns-missing")
            self.when_passed("decision", "mark-decision-overdue")
            for action in self.case.actions:
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
        return self.stands_in(*OPEN_STAGES) and bool(self.case.actions)
