"""Support: see that the person is contacted, that lost contact is noticed, and that the forum reviews the case in time.

A suspended case waits for its review; its other clocks stand still.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from workflows.contracts import CaseBrief

_IN_SUPPORT = (Stage.ACTIVE, Stage.OUTREACH, Stage.SUSPENDED)
_CLOCKS = ("introduction", "contact", "disengagement", "forum_review")
"""They run before and after active support too, and wherever one runs, somebody has to wait for it."""


@workflow.defn(name="Support")
class Support(CaseProcess):
    """From the forum's yes, by which its review is due, until support is handed over or the case closes."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.stands_in(*_IN_SUPPORT) or self.runs(*_CLOCKS):
            self.when_passed("introduction", "mark-introduction-overdue")
            self.when_passed("contact", "mark-contact-overdue")
            self.when_passed("disengagement", "trigger-disengagement")
            self.when_passed("forum_review", "raise-forum-review")
            self.when_passed("suspension_review", "raise-suspension-review")
            await self.next(self._what_is_awaited())

    def _what_is_awaited(self) -> str:
        if self.stands_in(Stage.SUSPENDED):
            return "the review of the suspension"
        if self.stands_in(Stage.OUTREACH):
            return "a sign of life from the person"
        if self.stands_in(Stage.INTRODUCTION):
            return "the person and the key worker to meet"
        if self.stands_in(Stage.ACTIVE):
            return "progress towards what the person wants"
        return "the next review by the forum"
