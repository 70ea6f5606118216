"""The people of a simulated year: they look at each of their cases now and then, and do what is next. No measurement.

At random instants, but the same ones for the same seed, on the hour in working time. They know their cases from the log
and issue real commands; what a rule refuses is counted and left. How cases stand at the beginning is in `beginnings.py`.
"""

import asyncio
import heapq
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from adapters.postgres.errors import LogBusy
from adapters.postgres.event_log import PostgresEventLog
from benchmarks.beginnings import Beginnings
from domain import catalogue
from domain.application import Application, Request
from domain.calendar import LONDON
from domain.case.line import ahead_of, in_line
from domain.case.sharing import Category, Purpose
from domain.case.stages import OPEN_STAGES, Stage
from domain.case.state import Case
from domain.case.state import evolve as evolve_case
from domain.errors import DomainError
from domain.keyworker.events import KeyWorkerRegistered
from domain.meeting.state import Meeting, MeetingStage
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import Actor, CaseEvent, CaseId, MeetingEvent, MeetingId
from domain.roles import Role
from domain.rules import Rules
from tests.support.scenario import (
    CHAIR,
    COORDINATOR,
    FORUM,
    MANAGER,
    POLICE,
    QUORUM,
    SHELTER,
    MeetingStory,
    WorkerStory,
    a_meeting,
    a_worker,
    actor,
    whoever_may,
)
from tests.workflows.world import write

CASES_EACH = 7
"""Of all open cases, to one key worker; two in three have one, and who has ten is full."""
CASES_PER_MEETING = 200
"""The forum meets as often in its weeks as it takes to hear of so many open cases: an agenda takes a dozen items."""
FIRST_WEEKS = 4
"""In which the cases begin, one after the other."""
_HOURS = (10, 15)
"""At which they do what has come up: time stops for each, and a year is long."""
_AT_ONCE = 16
_TOO_EARLY = 0.15
"""Of the step-downs that are proposed, so many are not approved."""
_OFFICER = actor(Role.REFERRER, person="officer-7", agency=POLICE)

Command = tuple[str, Actor | None, dict[str, Any]]


class Staff:
    """Everybody who works with so many open cases."""

    def __init__(
        self, log: PostgresEventLog, application: Application, rules: Rules, *, cases: int, seed: int = 11
    ) -> None:
        self._log = log
        self._application = application
        self._rules = rules
        self._number_of_cases = cases
        self._chance = random.Random(seed)
        self._counter = count()
        self._read = 0
        self._appointments: list[tuple[datetime, int, Callable[[], Awaitable[None]]]] = []
        self._cases: dict[CaseId, Case] = {}
        self._meetings: dict[MeetingId, Meeting] = {}
        workers = [a_worker(f"w{number}", hard_limit=12) for number in range(cases // CASES_EACH + 1)]
        self._workers = {worker.worker_id: worker for worker in workers}
        self._first_meeting: MeetingStory | None = None
        self._beginnings: Beginnings | None = None
        self._now = datetime.min.replace(tzinfo=UTC)
        self._by_stage: dict[Stage, Callable[[Case], Iterator[Command]]] = {
            Stage.TRIAGE: self._in_triage,
            Stage.AWAITING_CONSENT: self._awaiting_consent,
            Stage.READY_FOR_FORUM: self._ready,
            Stage.AWAITING_ALLOCATION: self._awaiting_allocation,
            Stage.WAITING_LIST: self._on_the_waiting_list,
            Stage.INTRODUCTION: self._introduced,
            Stage.ACTIVE: self._supported,
            Stage.OUTREACH: self._out_of_contact,
            Stage.STEP_DOWN_PROPOSED: self._step_down_to_approve,
            Stage.STEPPING_DOWN: self._handed_over,
            Stage.MONITORING: self._monitored,
        }
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.by_the_engine: Counter[str] = Counter()
        self.events = 0
        self._closed: set[CaseId] = set()

    @property
    def open_cases(self) -> int:
        return len(self._cases)

    @property
    def closed_cases(self) -> int:
        """How many have been; the engine still asks after them once."""
        return len(self._closed)

    @property
    def next_instant(self) -> datetime:
        """When somebody does something next."""
        return self._appointments[0][0]

    async def begin(self, now: datetime) -> None:
        """Take everybody on, plan the forum's next meeting, and have the cases begin in the weeks to come."""
        self._now = now
        for worker in self._workers.values():
            await write(self._log, worker, at=now)
        self._first_meeting = a_meeting("first", starts_at=now).agenda_open(at=now)
        await write(self._log, self._first_meeting, at=now)
        self._beginnings = Beginnings(self._chance, self._first_meeting, self._who_has_room)
        for number in range(self._number_of_cases // CASES_PER_MEETING + 1):
            await self._plan_meetings(timedelta(weeks=FIRST_WEEKS + 1, days=number))
        for _ in range(self._number_of_cases):
            self._appoint(timedelta(weeks=FIRST_WEEKS) * self._chance.random(), self._a_case_begins)
        self._appoint(timedelta(weeks=FIRST_WEEKS, days=1), self._the_first_meeting_is_over)

    async def _plan_meetings(self, first: timedelta) -> None:
        starts_at = self._at_work(self._now + first).isoformat()
        await self._issue("plan-meeting", COORDINATOR, forum=FORUM, starts_at=starts_at, repeats=True)

    async def act(self, now: datetime) -> None:
        """Do what was appointed until now."""
        self._now = now
        await self._hear_the_news()
        while self._appointments[0][0] <= now:
            some = []
            while len(some) < _AT_ONCE and self._appointments[0][0] <= now:
                some.append(heapq.heappop(self._appointments)[2])
            await asyncio.gather(*(do() for do in some))

    # -- when ---------------------------------------------------------------------------------------------------------

    def _appoint(self, after: timedelta, do: Callable[[], Awaitable[None]]) -> None:
        at = self._at_work(self._now + after)
        heapq.heappush(self._appointments, (at, next(self._counter), do))

    def _at_work(self, instant: datetime) -> datetime:
        """The next of the hours at which they work."""
        local = instant.astimezone(LONDON)
        day, hour = local.date(), next((hour for hour in _HOURS if hour > local.hour), None)
        if hour is None:
            day, hour = day + timedelta(days=1), _HOURS[0]
        while not self._rules.calendar.is_working_day(day):
            day, hour = day + timedelta(days=1), self._chance.choice(_HOURS)
        return datetime.combine(day, time(hour), LONDON).astimezone(UTC)

    # -- the log ------------------------------------------------------------------------------------------------------

    async def _hear_the_news(self) -> None:
        commands: dict[UUID, str] = {}
        while batch := await self._log.read_all(after=self._read, limit=500):
            for one in batch:
                self.events += 1
                if one.envelope.actor.role is Role.SYSTEM:
                    commands[one.envelope.command_id] = one.envelope.command
                if isinstance(one.event, CaseEvent) and one.event.case_id not in self._closed:
                    case = self._cases.setdefault(one.event.case_id, Case(one.event.case_id))
                    evolve_case(case, one.event)
                elif isinstance(one.event, MeetingEvent):
                    self._hear_of_a_meeting(one.event)
            self._read = batch[-1].position
        self.by_the_engine.update(commands.values())
        for case_id in [one.case_id for one in self._cases.values() if one.stage not in OPEN_STAGES]:
            del self._cases[case_id]
            self._closed.add(case_id)
            self._appoint(timedelta(0), self._somebody_new_is_referred)

    def _hear_of_a_meeting(self, event: MeetingEvent) -> None:
        meeting_id = event.meeting_id
        is_new = meeting_id not in self._meetings
        meeting = self._meetings.setdefault(meeting_id, Meeting(meeting_id))
        evolve_meeting(meeting, event)
        if is_new and meeting_id != self._first_meeting.meeting_id:
            self._appoint(meeting.starts_at - self._now, partial(self._hold, meeting))

    # -- how cases begin ----------------------------------------------------------------------------------------------

    async def _a_case_begins(self) -> None:
        """Somewhere on the way, and so that its next deadline lies ahead."""
        case = self._beginnings.one(f"case-{next(self._counter)}", self._now)
        # Each case of a worker tells of the worker.
        facts = [fact for fact in case if not isinstance(fact, KeyWorkerRegistered)]
        await _until_written(lambda: write(self._log, facts, at=self._now))
        self._look_at(case.case_id)

    def _who_has_room(self) -> WorkerStory:
        carried = Counter(case.worker_id for case in self._cases.values())
        least = min(self._workers, key=lambda worker: (carried[worker], self._chance.random()))
        return self._workers[least]

    async def _the_first_meeting_is_over(self) -> None:
        story = self._first_meeting
        over = story.agenda_closed(at=self._now).in_session(at=self._now).concluded(at=self._now)
        await write(self._log, over.minutes_issued().facts[len(story.facts) :], at=self._now)

    async def _somebody_new_is_referred(self) -> None:
        number = next(self._counter)
        form = catalogue.decision("submit-referral").command.EXAMPLE["form"]
        form = {
            **form,
            "family_name": f"Example{number}",
            "date_of_birth": f"19{number % 50 + 50}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        }
        await self._issue("submit-referral", _OFFICER, form=form)

    # -- what is done -------------------------------------------------------------------------------------------------

    def _look_at(self, case_id: CaseId, *, days: float = 4) -> None:
        self._appoint(timedelta(days=self._chance.expovariate(1 / days)), partial(self._work_on, case_id))

    async def _work_on(self, case_id: CaseId) -> None:
        """Do what is next in a case, and look at it again: soon if something is under way, later in a long phase."""
        case = self._cases.get(case_id)
        if case is None:
            return
        # Whatever is left to chance is settled before the first of them waits, and so in the same order each time.
        steps = list(self._next_steps(case))
        is_long = case.stage in (Stage.ACTIVE, Stage.MONITORING, Stage.WAITING_LIST)
        self._look_at(case_id, days=20 if is_long else 5)
        for command, by, fields in steps:
            if not await self._issue(command, by, case_id=case_id, **fields):
                break

    def _next_steps(self, case: Case) -> Iterator[Command]:
        for action in case.open_actions:
            if self._chance.random() < 0.3:
                yield "complete-action", _OFFICER, {"action_id": action.action_id}
        for grant_id in case.grants:
            if f"consent_review:{grant_id}" in case.overdue:
                yield "renew-consent", COORDINATOR, {"grant_id": grant_id, "explicit": False}
        yield from self._by_stage.get(case.stage, _nothing)(case)

    def _in_triage(self, case: Case) -> Iterator[Command]:  # noqa: ARG002 - asked like all
        yield "confirm-eligible", COORDINATOR, {}

    def _awaiting_consent(self, case: Case) -> Iterator[Command]:
        reached = self._chance.random() < 0.4
        yield "record-consent-attempt", COORDINATOR, {"reached": reached}
        if reached and not case.participation_agreed:
            yield "agree-to-take-part", COORDINATOR, {}
            yield "reach-consent-position", COORDINATOR, {}

    def _ready(self, case: Case) -> Iterator[Command]:  # noqa: ARG002 - asked like all
        if meeting := self._open_agenda():
            yield "schedule-item", COORDINATOR, {"meeting_id": meeting.meeting_id}

    def _awaiting_allocation(self, case: Case) -> Iterator[Command]:  # noqa: ARG002 - asked like all
        yield "allocate-key-worker", MANAGER, {"worker_id": self._who_has_room().worker_id}

    def _on_the_waiting_list(self, case: Case) -> Iterator[Command]:
        if "waiting_check_answer" in case.due and self._chance.random() < 0.7:
            yield "record-waiting-check", COORDINATOR, {}
        if case.offer_open is not None:
            yield "accept-offer", MANAGER, {}
        elif not ahead_of(case, [one for one in map(in_line, self._cases.values()) if one is not None]):
            yield "offer-worker", MANAGER, {"worker_id": self._who_has_room().worker_id}

    def _introduced(self, case: Case) -> Iterator[Command]:
        worker = self._workers[case.worker_id].actor
        if not case.allocation_accepted:
            yield "accept-allocation", worker, {}
        yield "record-contact", worker, {"reached": True}
        yield "confirm-engagement", worker, {}

    def _supported(self, case: Case) -> Iterator[Command]:
        worker = self._workers[case.worker_id].actor if case.worker_id else COORDINATOR
        yield "record-contact", worker, {"reached": self._chance.random() < 0.8}
        if case.review_requested and case.agenda_kind is None and (meeting := self._open_agenda()):
            yield "schedule-review-item", COORDINATOR, {"meeting_id": meeting.meeting_id}
        if case.worker_id is None:
            return
        if not case.plan_reviewed and self._chance.random() < 0.2:
            yield "review-plan", worker, {}
        elif case.plan_reviewed and case.agenda_kind is None and self._chance.random() < 0.1:
            yield "propose-step-down", worker, {}

    def _out_of_contact(self, case: Case) -> Iterator[Command]:
        worker = self._workers[case.worker_id].actor if case.worker_id else COORDINATOR
        yield ("contact-made" if self._chance.random() < 0.5 else "record-contact"), worker, {}

    def _step_down_to_approve(self, case: Case) -> Iterator[Command]:
        if self._chance.random() < _TOO_EARLY:
            yield "reject-step-down", MANAGER, {}
            return
        sharing = SHELTER, case.receiving_agency, Purpose.HANDOVER
        asked = [
            one for one in case.grants.values() if (one.discloser, one.recipient, one.purpose) == sharing
        ]
        if not any(one.is_live(self._now) for one in asked):
            grant_id = asked[0].grant_id if asked else UUID(int=self._chance.getrandbits(128), version=4)
            discloser, recipient, purpose = sharing
            yield (
                "request-consent",
                COORDINATOR,
                {
                    "grant_id": grant_id,
                    "discloser": discloser,
                    "recipient": recipient,
                    "purpose": purpose,
                    "categories": [Category.SUPPORT_PLAN],
                },
            )
            yield "grant-consent", COORDINATOR, {"grant_id": grant_id}
        yield "approve-step-down", MANAGER, {}

    def _handed_over(self, case: Case) -> Iterator[Command]:
        yield "complete-handover", self._workers[case.worker_id].actor if case.worker_id else MANAGER, {}

    def _monitored(self, case: Case) -> Iterator[Command]:
        if case.monitoring_elapsed:
            yield "record-check-in", None, {}
            yield "confirm-sustained", MANAGER, {}
        elif "check_in_answer" in case.due:
            yield "record-check-in", None, {}

    # -- the forum ----------------------------------------------------------------------------------------------------

    def _open_agenda(self) -> Meeting | None:
        takes = (
            one
            for one in self._meetings.values()
            if one.stage is MeetingStage.AGENDA_OPEN
            and len(one.items) < self._rules.programme(one.programme).agenda.capacity
        )
        ahead = [one for one in takes if one.starts_at > self._now]
        return min(ahead, key=lambda one: one.starts_at, default=None)

    async def _hold(self, meeting: Meeting) -> None:
        """Decide every case on the agenda, and send the minutes some days later."""
        register = [line.model_dump() for line in QUORUM]
        await self._issue("start-meeting", CHAIR, meeting_id=meeting.meeting_id, attendees=register)
        for item in meeting.undecided:
            decide = "record-decision" if item.kind == "case" else "record-review-decision"
            await self._issue(decide, CHAIR, case_id=item.case_id)
        await self._issue("conclude-meeting", CHAIR, meeting_id=meeting.meeting_id)

        async def send_the_minutes() -> None:
            await self._issue("issue-minutes", COORDINATOR, meeting_id=meeting.meeting_id)

        self._appoint(timedelta(days=2), send_the_minutes)

    async def _issue(self, name: str, by: Actor | None, **fields: Any) -> bool:
        """Issue a command, its fields as in its example where none are given; whether it was carried out."""
        kind = catalogue.decision(name).command
        command = kind.model_validate({**kind.EXAMPLE, **fields})
        request = Request(command, by or whoever_may(command), uuid4())
        try:
            await _until_written(lambda: self._application.execute(request))
        except DomainError as refused:
            self.refused[f"{name}: {refused.code}"] += 1
            return False
        self.done[name] += 1
        return True


async def _until_written(attempt: Callable[[], Awaitable[object]]) -> None:
    """Whoever is told that too many write at once tries again in a moment."""
    while True:
        try:
            await attempt()
        except LogBusy:
            await asyncio.sleep(1)
        else:
            return


def _nothing(_: Case) -> Iterator[Command]:
    return iter(())
