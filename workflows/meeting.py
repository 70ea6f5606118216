"""Forum meeting: open and publish the agenda when nobody else has, chase the start, the end and the minutes, plan the next one.

The engine prepares and reminds; it holds no meeting and decides nothing in one. On short notice it opens no agenda.
"""

from __future__ import annotations

from temporalio import workflow

from workflows.process import MeetingProcess

with workflow.unsafe.imports_passed_through():
    from domain.meeting.state import MeetingStage
    from workflows.contracts import MeetingBrief


@workflow.defn(name="ForumMeeting")
class ForumMeeting(MeetingProcess):
    """From the planning of a meeting until its minutes are sent, and its forum has a next one."""

    @workflow.run
    async def run(self, brief: MeetingBrief) -> None:  # noqa: ARG002 - the shared part holds it, and newer ones
        while self.meeting.due:
            if self.meeting.short_notice:
                self.when_passed("agenda_open", "mark-agenda-overdue")
            else:
                self.when_passed("agenda_open", "open-agenda")
            self.when_passed("agenda_publish", "close-agenda")
            self.when_passed("start", "mark-start-overdue")
            self.when_passed("conclusion", "mark-conclusion-overdue")
            self.when_passed("chair_decision", "mark-chair-decision-overdue")
            self.when_passed("minutes", "mark-minutes-overdue")
            self.when_passed("ratification", "mark-ratification-overdue")
            self.when_passed("next_meeting", "plan-next-meeting")
            await self.next(self._what_is_awaited())

    def _what_is_awaited(self) -> str:
        match self.meeting.stage:
            case MeetingStage.PLANNED:
                return "the opening of the agenda"
            case MeetingStage.AGENDA_OPEN:
                return "cases for the agenda"
            case MeetingStage.AGENDA_CLOSED:
                return "the meeting to begin"
            case MeetingStage.IN_SESSION:
                return "the end of the meeting"
            case MeetingStage.INQUORATE:
                return "the chair's word on the items"
            case MeetingStage.CONCLUDED:
                return "the minutes" if self.runs("minutes") else "the ratification of what the chair decided"
            case _:
                return (
                    "the ratification of what the chair decided"
                    if self.runs("ratification")
                    else "the next meeting"
                )
