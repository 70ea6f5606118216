"""Key-worker allocation: propose, wait for the manager, the worker's answer and the first contact; keep the waiting list.

The engine proposes and never allocates. A case that nobody can take joins the line when the manager's time is over, is checked,
and is proposed again.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import CaseProcess

with workflow.unsafe.imports_passed_through():
    from domain.case.stages import Stage
    from workflows.contracts import CaseBrief


@workflow.defn(name="Allocation")
class Allocation(CaseProcess):
    """From the forum's acceptance until the person and their key worker have begun."""

    @workflow.run
    async def run(self, brief: CaseBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.stands_in(Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST, Stage.INTRODUCTION):
            if self.stands_in(Stage.INTRODUCTION):
                self.when_passed("allocation_answer", "mark-allocation-answer-overdue")
                self.when_passed("first_contact", "mark-first-contact-overdue")
                await self.next(self._part_of_the_introduction())
                continue
            if self._needs_a_proposal():
                self.at_once("propose-match", occasion=self.case.proposal_wanted_at)
            elif self.stands_in(Stage.AWAITING_ALLOCATION) and self._joins_the_line():
                self.at_once("join-waiting-list", occasion=self.case.proposed_at)
            self.when_passed("proposal", "propose-match")
            self.when_passed("allocation", "mark-allocation-overdue")
            self.when_passed("waiting_check", "raise-waiting-check")
            self.when_passed("waiting_check_answer", "mark-waiting-check-missed")
            self.when_passed("priority_wait", "mark-priority-wait-exceeded")
            if self.stands_in(Stage.WAITING_LIST):
                await self.next("a key worker with room")
            else:
                await self.next("the manager's choice of a key worker")

    def _needs_a_proposal(self) -> bool:
        """Whether something called for a proposal since: acceptance, a worker's query, lateness, a waiting check."""
        return self.case.proposed_at < self.case.proposal_wanted_at

    def _joins_the_line(self) -> bool:
        """Nobody can take it; but a manager has the time of an allocation to find somebody, or to put it in the line.

        A case that cannot wait has not: the engine proposes it anew within a working day, until somebody has it.
        """
        if self.case.candidates:
            return False
        has_time = (
            self.runs("allocation") and "allocation" not in self.case.overdue and not self.runs("proposal")
        )
        return not (has_time and self.knows("joins-the-line-when-late"))

    def _part_of_the_introduction(self) -> str:
        if not self.case.allocation_accepted:
            return "the key worker's answer"
        if "first_contact" in self.case.due:
            return "the first contact with the person"
        return "the person and the key worker to meet"
