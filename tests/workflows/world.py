"""The words of a process's test: given a case in the log, when time passes or somebody acts, then these facts follow.

Stories come from `tests/support/scenario.py`; here they are written to a real log. Must not decide anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Literal
from uuid import UUID, uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.event_log import PostgresEventLog
from adapters.temporal.virtual import VirtualTime
from domain.application import Application, Request
from domain.calendar import LONDON
from domain.case.forum_review import ForumDecisionRecorded, PlanAgreed
from domain.messages import Actor, CaseId, Command, Envelope, Event, Recorded
from domain.ports import ANY_VERSION, Answer, Append, NewEvent, StreamChange
from domain.rules import Rules
from tests.support.scenario import COORDINATOR, PROGRAMME, CaseStory, Story, a_case, a_meeting, whoever_may
from workflows.contracts import ProcessKind, Waiting, workflow_id
from workflows.process import CaseProcess

TASK_QUEUE = "virtual"


def next_working_monday(now: datetime, rules: Rules) -> datetime:
    """Ten o'clock on a Monday ahead that is no bank holiday, with no bank holiday in the five weeks after it."""
    for days in count(1):
        morning = (now.astimezone(LONDON) + timedelta(days=days)).replace(
            hour=10, minute=0, second=0, microsecond=0
        )
        weekdays = (morning.date() + timedelta(days=n) for n in range(35))
        quiet = all(day.weekday() >= 5 or rules.calendar.is_working_day(day) for day in weekdays)
        if morning.weekday() == 0 and quiet:
            return morning
    raise AssertionError


async def write(
    log: PostgresEventLog, events: Iterable[Event], *, at: datetime, by: Actor = COORDINATOR
) -> None:
    """Put events in the log as if one command had just caused them."""
    command_id = uuid4()
    changes: dict[UUID, list[NewEvent]] = {}
    for event in events:
        envelope = Envelope(
            event_id=uuid4(),
            command_id=command_id,
            command="story",
            recorded_at=at,
            effective_at=at,
            actor=by,
            correlation_id=command_id,
        )
        changes.setdefault(event.stream_id, []).append(NewEvent(event, envelope))
    await log.append(
        Append(
            command_id=command_id,
            command="story",
            changes=tuple(StreamChange(stream, ANY_VERSION, tuple(new)) for stream, new in changes.items()),
        )
    )


@dataclass
class World:
    """A pathway in virtual time with a log of its own."""

    time: VirtualTime
    log: PostgresEventLog
    application: Application
    rules: Rules
    told: dict[str, int] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.time.now

    def due(self, clock: str, start: datetime | None = None) -> datetime:
        """When a clock of the programme runs out that starts now, or at `start`."""
        return self.rules.deadline(PROGRAMME, clock, start or self.now)

    async def given(self, story: Story) -> None:
        """What is new in the story happens now and is in the log, and everybody has heard of it."""
        new = story.facts[self.told.get(story.name, 0) :]
        self.told[story.name] = len(story.facts)
        await write(self.log, new, at=self.now)
        await self.time.settle()

    async def when(self, command: Command, *, as_: Actor | None = None) -> Answer:
        """Somebody issues a command, and all that follows at once has happened."""
        request = Request(command=command, actor=as_ or whoever_may(command), command_id=uuid4())
        answer = await self.application.execute(request)
        await self.time.settle()
        return answer

    async def story_of(self, case_id: CaseId) -> Sequence[Recorded]:
        """Everything that the log holds of a case."""
        return await self.log.read_stream(case_id)

    async def done_by_the_engine(self, case: CaseStory) -> list[tuple[str, datetime]]:
        """What the engine did by itself, and when."""
        return [
            (one.event.TOPIC, one.envelope.recorded_at)
            for one in await self.story_of(case.case_id)
            if one.envelope.actor.role == "system"
        ]

    async def is_running(self, kind: ProcessKind, case: CaseStory) -> bool:
        """Whether the case has an open process of this kind."""
        handle = self.time.client.get_workflow_handle(workflow_id(kind, case.case_id))
        try:
            history = await handle.fetch_history()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return history.events[-1].event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED

    async def waiting(self, kind: ProcessKind, case: CaseStory) -> Waiting:
        """What a process says that it waits for."""
        handle = self.time.client.get_workflow_handle(workflow_id(kind, case.case_id))
        said = await handle.query(CaseProcess.waiting)
        assert said is not None
        return said


def on_agenda(name: str, *, at: datetime, meets: datetime) -> CaseStory:
    """A case that goes to a forum's meeting."""
    case = a_case(name).ready_for_forum(at=at)
    return case.on_agenda(a_meeting(name, starts_at=meets), at=at)


def decided(
    case: CaseStory, decision: Literal["accept_key_worker", "accept_lead_agency"], *, at: datetime
) -> CaseStory:
    """The forum decided on a case on its agenda; what follows from that is still to be told."""
    assert case.case.meeting_id is not None
    recorded = ForumDecisionRecorded(
        **case.ids,
        meeting_id=case.case.meeting_id,
        decision=decision,
        confirmed_by="chair-1",
        reasons="Several needs",
    )
    return case.then_also(recorded, at=at)


def accepted(name: str, *, at: datetime) -> CaseStory:
    """A case for which the forum agreed a plan with a key worker, and no action yet."""
    heard = decided(on_agenda(name, at=at, meets=at), "accept_key_worker", at=at)
    return with_a_plan(heard, at=at)


def with_a_plan(case: CaseStory, *, at: datetime) -> CaseStory:
    """The forum agreed a plan with a key worker."""
    plan = PlanAgreed(
        **case.ids,
        referrer_offer_reflected=True,
        single_agency_warning=True,
        intensity="standard",
        allocation_due_at=case.due("allocation", at),
        review_due_at=case.due("forum_review", at),
    )
    return case.then_also(plan, at=at)
