"""Which processes a case or a meeting needs, and what they are told: read from its own events and from nothing else.

Pure: the dispatcher asks here what to tell whom, and tells it. A process ends by hearing that its stage is over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

from domain.case.action import ActionAssigned
from domain.case.allocation import AllocationOverdue, MatchesProposed, WaitingCheckDue
from domain.case.correction import voided_versions
from domain.case.safeguarding import SafeguardingConcernRaised
from domain.case.stages import OPEN_STAGES, Stage
from domain.case.state import AnyCaseEvent, Case, evolve
from domain.meeting.events import AnyMeetingEvent
from domain.meeting.state import Meeting
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import EVENTS, CaseId, MeetingEvent, MeetingId, Recorded
from workflows.contracts import Brief, CaseBrief, Fact, MeetingBrief, OpenAction, ProcessKind

_BY_STAGE: dict[Stage, ProcessKind] = {
    Stage.SUBMITTED: ProcessKind.REFERRAL,
    Stage.TRIAGE: ProcessKind.REFERRAL,
    Stage.INFO_REQUESTED: ProcessKind.REFERRAL,
    Stage.AWAITING_CONSENT: ProcessKind.CONSENT,
    Stage.READY_FOR_FORUM: ProcessKind.FORUM_REVIEW,
    Stage.ON_AGENDA: ProcessKind.FORUM_REVIEW,
    Stage.AWAITING_ALLOCATION: ProcessKind.ALLOCATION,
    Stage.WAITING_LIST: ProcessKind.ALLOCATION,
    Stage.INTRODUCTION: ProcessKind.ALLOCATION,
    Stage.ACTIVE: ProcessKind.SUPPORT,
    Stage.OUTREACH: ProcessKind.SUPPORT,
    Stage.SUSPENDED: ProcessKind.SUPPORT,
    Stage.STEP_DOWN_PROPOSED: ProcessKind.STEP_DOWN,
    Stage.STEPPING_DOWN: ProcessKind.STEP_DOWN,
    Stage.MONITORING: ProcessKind.STEP_DOWN,
}

_BY_CLOCK: dict[str, ProcessKind] = {
    "introduction": ProcessKind.SUPPORT,
    "contact": ProcessKind.SUPPORT,
    "disengagement": ProcessKind.SUPPORT,
    "forum_review": ProcessKind.SUPPORT,
    "consent_review": ProcessKind.GRANT_REVIEW,
    "consent_expiry": ProcessKind.GRANT_REVIEW,
    "disclosure_review": ProcessKind.GRANT_REVIEW,
    "orphaned": ProcessKind.COVER,
    "absence_ends": ProcessKind.COVER,
    "cover_ends": ProcessKind.COVER,
    "handover_start": ProcessKind.COVER,
    "override_review": ProcessKind.COVER,
    "screening": ProcessKind.SAFEGUARDING,
    "enquiry": ProcessKind.SAFEGUARDING,
    "child_seen": ProcessKind.SAFEGUARDING,
    "conference": ProcessKind.SAFEGUARDING,
    "escalation": ProcessKind.ESCALATION,
    "transfer": ProcessKind.TRANSFER,
    "sustained_outcome": ProcessKind.AFTER_CLOSURE,
}
"""Clocks that may run in several stages, or beside any: whoever waits for them is not the process of a stage."""


def wanted(case: Case) -> frozenset[ProcessKind]:
    """The processes that this case needs now: that of its stage, and those of its running clocks and open actions."""
    kinds = {_BY_STAGE[case.stage]} if case.stage in _BY_STAGE else set()
    kinds |= {_BY_CLOCK[name] for clock in case.due if (name := clock.partition(":")[0]) in _BY_CLOCK}
    if case.stage in OPEN_STAGES and case.open_actions:
        kinds.add(ProcessKind.ACTION_FOLLOW_UP)
    return frozenset(kinds)


@dataclass(frozen=True, slots=True)
class Routing:
    """Whom to tell: these processes must run and hear the brief; those, if they run, hear it and end.

    Of those that must run, `running` were needed before the news as well, so they should run already.
    """

    brief: Brief
    run: frozenset[ProcessKind]
    end: frozenset[ProcessKind]
    running: frozenset[ProcessKind] = frozenset()


def wanted_by_meeting(meeting: Meeting) -> frozenset[ProcessKind]:
    """The process that this meeting needs now: as long as one of its clocks runs."""
    return frozenset({ProcessKind.MEETING}) if meeting.due else frozenset()


def route(recorded: Sequence[Recorded], *, after: int) -> Routing:
    """What the events of one stream after a position mean for its processes; `recorded` is it from the start."""
    progress = begin(recorded[0].stream_id, recorded[0].event.TOPIC)
    progress.void = voided_versions(one.event for one in recorded)
    progress.read(one for one in recorded if one.position <= after)
    return progress.hear([one for one in recorded if one.position > after])


@dataclass
class Clocks:
    """Which clocks began when, so that one that runs to the same instant once more is not taken for the one before."""

    running: dict[str, datetime] = field(default_factory=dict)
    overdue: frozenset[str] = frozenset()
    ran_to: set[tuple[str, datetime]] = field(default_factory=set)
    again: dict[str, int] = field(default_factory=dict)

    def stand(self, due: Mapping[str, datetime], overdue: Iterable[str], position: int) -> None:
        """Take up how the clocks stand after the event at a position."""
        no_longer_late = self.overdue.difference(overdue)
        for clock, due_at in due.items():
            if self.running.get(clock) != due_at or clock in no_longer_late:
                self.again.pop(clock, None)
                if (clock, due_at) in self.ran_to:
                    self.again[clock] = position
                self.ran_to.add((clock, due_at))
        self.running, self.overdue = dict(due), frozenset(overdue)
        self.again = {clock: since for clock, since in self.again.items() if clock in due}


class Progress(ABC):
    """A case or a meeting while its events are read, and what they mean for its processes."""

    version: int = 0
    position: int = 0
    void: frozenset[int] = frozenset()
    """Versions that count no more. Whoever reads from the start sets them from the whole stream."""
    clocks: Clocks
    """What its clocks have run to so far."""

    @property
    @abstractmethod
    def stream_id(self) -> UUID:
        """Of what it is the reading."""

    @property
    @abstractmethod
    def stage(self) -> str:
        """The stage it has come to."""

    @abstractmethod
    def wanted(self) -> frozenset[ProcessKind]:
        """The processes that it needs now."""

    @abstractmethod
    def brief(self, heard: tuple[Fact, ...]) -> Brief:
        """How it stands now, for a process."""

    @abstractmethod
    def _add(self, one: Recorded) -> None: ...

    def read(self, recorded: Iterable[Recorded]) -> None:
        """Take up events of which the processes have heard."""
        events = list(recorded)
        self.void |= voided_versions(one.event for one in events)
        for one in events:
            self._add(one)

    def hear(self, news: Sequence[Recorded]) -> Routing:
        """Take up events of which they have not, and answer whom to tell what.

        Every process that the case needed at some point hears of its end, whether or not it was told of its beginning:
        news that is told again may be cut elsewhere than the first time.
        """
        before = self.wanted()
        needed: set[ProcessKind] = set()
        for one in news:
            needed |= self.wanted()
            self._add(one)
        run = self.wanted()
        end = needed - run
        if ProcessKind.ACTION_FOLLOW_UP in end:
            # A forum review that began before actions had a process of their own stays with them until they are done.
            end |= {ProcessKind.FORUM_REVIEW} - run
        heard = tuple(Fact(position=one.position, topic=one.event.TOPIC) for one in news)
        return Routing(self.brief(heard), run=run, end=frozenset(end), running=run & before)


@dataclass
class CaseProgress(Progress):
    """A case, with what its state does not keep: when and where in the log things happened."""

    case_id: InitVar[CaseId]
    case: Case = field(init=False)
    since: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    proposal_wanted_at: int = 0
    proposed_at: int = 0
    assigned_at: dict[UUID, datetime] = field(default_factory=dict)
    clocks: Clocks = field(default_factory=Clocks)

    def __post_init__(self, case_id: CaseId) -> None:
        self.case = Case(case_id)

    @property
    def stream_id(self) -> UUID:
        return self.case.case_id

    @property
    def stage(self) -> str:
        return self.case.stage

    def wanted(self) -> frozenset[ProcessKind]:
        return wanted(self.case)

    def _add(self, one: Recorded) -> None:
        before = self.case.stage
        if one.version not in self.void:
            evolve(self.case, cast("AnyCaseEvent", one.event))
        entered = self.case.stage if self.case.stage is not before else None
        self.version, self.position = one.version, one.position
        self.clocks.stand(self.case.due, self.case.overdue, one.position)
        if entered is not None:
            self.since = one.envelope.recorded_at
        if entered is Stage.AWAITING_ALLOCATION or isinstance(one.event, WaitingCheckDue | AllocationOverdue):
            self.proposal_wanted_at = one.position
        # It cannot wait any longer as it could.
        if self.case.stage is Stage.AWAITING_ALLOCATION and isinstance(one.event, SafeguardingConcernRaised):
            self.proposal_wanted_at = one.position
        if isinstance(one.event, MatchesProposed):
            self.proposed_at = one.position
        if isinstance(one.event, ActionAssigned):
            self.assigned_at[one.event.action_id] = one.envelope.recorded_at

    def brief(self, heard: tuple[Fact, ...]) -> CaseBrief:
        case = self.case
        return CaseBrief(
            case_id=case.case_id,
            position=self.position,
            programme=case.programme,
            stage=case.stage,
            neighbourhood=case.neighbourhood,
            since=self.since,
            due=dict(sorted(case.due.items())),
            overdue=tuple(sorted(case.overdue)),
            again=dict(sorted(self.clocks.again.items())),
            actions=tuple(
                OpenAction(
                    action_id=action.action_id,
                    assigned_at=self.assigned_at[action.action_id],
                    due_at=action.due_at,
                    overdue=action.overdue,
                )
                for action in case.open_actions
            ),
            heard=heard,
            acknowledged=case.acknowledged,
            proposal_wanted_at=self.proposal_wanted_at,
            proposed_at=self.proposed_at,
            candidates=len(case.candidates),
            allocation_accepted=case.allocation_accepted,
            check_in=case.check_in,
            monitoring_elapsed=case.monitoring_elapsed,
        )


@dataclass
class MeetingProgress(Progress):
    """A forum meeting."""

    meeting_id: InitVar[MeetingId]
    meeting: Meeting = field(init=False)
    since: datetime = field(default=datetime.min.replace(tzinfo=UTC))
    clocks: Clocks = field(default_factory=Clocks)

    def __post_init__(self, meeting_id: MeetingId) -> None:
        self.meeting = Meeting(meeting_id)

    @property
    def stream_id(self) -> UUID:
        return self.meeting.meeting_id

    @property
    def stage(self) -> str:
        return self.meeting.stage

    def wanted(self) -> frozenset[ProcessKind]:
        return wanted_by_meeting(self.meeting)

    def _add(self, one: Recorded) -> None:
        before = self.meeting.stage
        evolve_meeting(self.meeting, cast("AnyMeetingEvent", one.event))
        self.version, self.position = one.version, one.position
        self.clocks.stand(self.meeting.due, self.meeting.overdue, one.position)
        if self.meeting.stage is not before:
            self.since = one.envelope.recorded_at

    def brief(self, heard: tuple[Fact, ...]) -> MeetingBrief:
        meeting = self.meeting
        return MeetingBrief(
            meeting_id=meeting.meeting_id,
            position=self.position,
            programme=meeting.programme,
            stage=meeting.stage,
            forum=meeting.forum,
            short_notice=meeting.short_notice,
            since=self.since,
            due=dict(sorted(meeting.due.items())),
            overdue=tuple(sorted(meeting.overdue)),
            again=dict(sorted(self.clocks.again.items())),
            heard=heard,
        )


def begin(stream_id: UUID, topic: str) -> Progress:
    """The reading of a stream from its start; its first event says what the stream is about."""
    event = EVENTS.get(topic)
    if event is not None and issubclass(event, MeetingEvent):
        return MeetingProgress(MeetingId(stream_id))
    return CaseProgress(CaseId(stream_id))
