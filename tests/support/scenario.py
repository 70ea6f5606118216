"""The words of a decision's test: given what happened, when a command comes, then these events, or refused by this rule.

Decisions are called with states folded from the events, without any I/O. The stories (`a_case()`, `a_meeting()`,
`a_worker()`) are phrases with quiet defaults that only ever say events. A phrase tells what must have come before it,
so `a_case().on_agenda()` is a whole story. Must not set a field of a state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.case import action as a
from domain.case import advice_item as ad
from domain.case import allocation as al
from domain.case import away as aw
from domain.case import consent as c
from domain.case import consent_request as cq
from domain.case import contact as co
from domain.case import cover as cv
from domain.case import escalation as es
from domain.case import escalation_ladder as el
from domain.case import forum_review as f
from domain.case import information as inf
from domain.case import introduction as i
from domain.case import leaving as le
from domain.case import monitoring as mo
from domain.case import offers as of
from domain.case import participation as p
from domain.case import referral as r
from domain.case import reopening as reo
from domain.case import review_item as ri
from domain.case import safeguarding as sg
from domain.case import sharing as sh
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import support as su
from domain.case import suspension as sp
from domain.case import triage as t
from domain.case import wishes as wi
from domain.case import worker_handover as wh
from domain.case.line import in_line
from domain.case.referral_form import ReferralForm
from domain.case.stages import Stage
from domain.case.state import Case
from domain.case.state import evolve as evolve_case
from domain.case.viewers import ViewerIsBarred, require_not_barred
from domain.errors import DomainError, NotFound, NotPermitted, NotYetDue, WrongStage
from domain.keyworker import events as k
from domain.keyworker.state import KeyWorker
from domain.keyworker.state import evolve as evolve_worker
from domain.meeting import events as m
from domain.meeting.state import Meeting, WrongMeetingStage
from domain.meeting.state import evolve as evolve_meeting
from domain.messages import (
    ActionId,
    Actor,
    CaseEvent,
    CaseId,
    Channel,
    Command,
    ConcernId,
    Envelope,
    EscalationId,
    Event,
    GrantId,
    MeetingEvent,
    MeetingId,
    Moment,
    OutcomeId,
    PersonEvent,
    PersonId,
    Recorded,
    WorkerEvent,
    WorkerId,
    marks,
)
from domain.person.identity import EpisodeEnded, EpisodeOpened, KnownPerson, PersonRegistered
from domain.person.matching import Identity
from domain.person.state import Person
from domain.person.state import evolve as evolve_person
from domain.roles import MAY_ISSUE, Role

if TYPE_CHECKING:
    from domain.decisions import Decision
    from domain.rules import Rules


@cache
def rules() -> Rules:
    """The reference data that ships with the product."""
    from domain.rules import load_rules

    return load_rules()


def some_id(name: str) -> UUID:
    """An id that is the same in every run."""
    return uuid5(NAMESPACE_URL, f"ccp-test:{name}")


COMMAND_ID = some_id("command")
"""Under which id `when` issues its command, unless told."""


def new_id(what: str) -> UUID:
    """The id that a decision makes for `what` under COMMAND_ID."""
    return uuid5(COMMAND_ID, what)


# -- who and when ----------------------------------------------------------------------------------------------------

PROGRAMME = "manchester-maps"
FORUM = "ardwick-longsight"
NEIGHBOURHOOD = "ardwick-longsight"
POLICE = "Greater Manchester Police"
HOUSING = "One Manchester"
CGL = "Change Grow Live"
SOCIAL_CARE = "Manchester City Council Adult Social Care"
MENTAL_HEALTH = "GMMH"
SHELTER = "Shelter"
COMMUNITY_SAFETY = "MCC Community Safety"


def london(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An instant by the clock on the wall in London."""
    from domain.calendar import LONDON

    return datetime(year, month, day, hour, minute, second, tzinfo=LONDON).astimezone(UTC)


# The resident whose story the demonstration tells: referred on 4 January 2027, heard on 20 January.
REFERRED = london(2027, 1, 4, 10)
TRIAGED = london(2027, 1, 5, 11)
CONSENTED = london(2027, 1, 8, 10)
LISTED = london(2027, 1, 11, 9)
PLANNED = london(2026, 12, 14, 9)
AGENDA_OPENED = london(2027, 1, 5, 9)
AGENDA_CLOSED = london(2027, 1, 13, 16)
MEETS = london(2027, 1, 20, 10)
DECIDED = london(2027, 1, 20, 10, 40)
ALLOCATED = london(2027, 1, 22, 11)
MET = london(2027, 1, 26, 14)
ENGAGED = london(2027, 2, 1, 14)
REVIEWED = london(2027, 6, 1, 10)
STEP_DOWN_PROPOSED = london(2027, 6, 14, 10)
STEP_DOWN_APPROVED = london(2027, 6, 16, 10)
HANDED_OVER = london(2027, 7, 7, 10)
NEXT_MEETING_DAY_ENDS = london(2027, 2, 17, 17)
A_SECOND = timedelta(seconds=1)


def actor(role: Role | str, *, person: str | None = None, agency: str = COMMUNITY_SAFETY) -> Actor:
    """Somebody who acts in this role."""
    named = Role(role)
    channel = {Role.SYSTEM: Channel.TIMER, Role.ADAPTER: Channel.ADAPTER}.get(named, Channel.HUMAN)
    return Actor(person=person or f"{named}-1", role=named, agency=agency, channel=channel)


COORDINATOR = actor(Role.COORDINATOR)
CHAIR = actor(Role.CHAIR)
MANAGER = actor(Role.MANAGER, agency=SHELTER)
KEY_WORKER = actor(Role.KEY_WORKER, agency=SHELTER)
SAFEGUARDING_LEAD = actor(Role.SAFEGUARDING_LEAD, agency=SOCIAL_CARE)
REFERRER = actor(Role.REFERRER, agency=POLICE)
SYSTEM = actor(Role.SYSTEM, agency="ccp")
_WHOEVER = (COORDINATOR, CHAIR, MANAGER, KEY_WORKER, SAFEGUARDING_LEAD, REFERRER, SYSTEM)


def whoever_may(command: Command) -> Actor:
    """Somebody whose role may issue the command, for tests that are not about who."""
    allowed = MAY_ISSUE[command.PERMISSION]
    return next((one for one in _WHOEVER if one.role in allowed), None) or actor(min(allowed))


# -- given, when, then -----------------------------------------------------------------------------------------------


def given(*what: Event | Iterable[Event]) -> Given:
    """What happened before: events, or stories that tell them. The time is then that of the latest story."""
    events = [event for one in what for event in ([one] if isinstance(one, Event) else one)]
    times = [one.now for one in what if isinstance(one, Story)]
    return Given(tuple(events), max(times, default=REFERRED))


@dataclass(frozen=True)
class Given:
    """What happened, and until when."""

    events: tuple[Event, ...]
    now: datetime

    def when(
        self,
        command: Command,
        *,
        as_: Actor | None = None,
        at: datetime | None = None,
        effective_at: datetime | None = None,
        command_id: UUID = COMMAND_ID,
    ) -> Outcome:
        """Issue a command: as whoever may and at the story's time, unless told."""
        by, now = as_ or whoever_may(command), at or self.now
        moment = Moment(now=now, effective_at=effective_at or now, actor=by, command_id=command_id)
        read = States(self.events, told_at=self.now)
        try:
            allowed = MAY_ISSUE[command.PERMISSION]
            if by.role not in allowed:
                raise NotPermitted(role=by.role, command=command.NAME, allowed=", ".join(sorted(allowed)))
            happened = _decide(command, moment, read)
        except DomainError as refusal:
            return Outcome(self.events, command, refusal=refusal, read=read)
        return Outcome(self.events, command, happened=tuple(happened), read=read)


@dataclass(frozen=True)
class Outcome:
    """What became of the command: events, or a refusal."""

    before: tuple[Event, ...]
    command: Command
    happened: tuple[Event, ...] = ()
    refusal: DomainError | None = None
    read: States | None = None
    """The states that the decision was given."""

    def then(self, *expected: Event | type[Event] | Like) -> Outcome:
        """Exactly these events happened, in this order; a class or `like(…)` stands for an event of that kind."""
        happened = self.accepted().happened
        told = [event.TOPIC for event in happened]
        assert len(happened) == len(expected), f"expected {len(expected)} events, happened: {told}"
        for event, wanted in zip(happened, expected, strict=True):
            if isinstance(wanted, type):
                assert isinstance(event, wanted), f"expected {wanted.TOPIC} in {told}"
            else:
                assert event == wanted
        return self

    def accepted(self) -> Outcome:
        """The command was carried out; every event survives the log, and the states take it up."""
        if self.refusal is not None:
            raise AssertionError(f"{self.command.NAME} was refused: {self.refusal}") from self.refusal
        for event in self.happened:
            assert type(event).model_validate_json(event.model_dump_json()) == event
        assert self.after
        return self

    def refused(self, rule: type[DomainError], **data: object) -> DomainError:
        """The command was refused by exactly this rule, which the catalogue names for it; `data` is part of its data."""
        assert self.refusal is not None, (
            f"{self.command.NAME} was carried out: {[e.TOPIC for e in self.happened]}"
        )
        assert type(self.refusal) is rule, f"refused by {self.refusal.code}: {self.refusal}"
        assert rule in (*ANY_COMMAND_MAY_MEET, *_decision(self.command).refuses), (
            f"{rule} is not in the catalogue"
        )
        assert self.refusal.data | data == self.refusal.data
        assert "<" not in str(self.refusal), f"a value is missing: {self.refusal}"
        _assert_nothing_personal(str(self.refusal), (*self.before, self.command))
        return self.refusal

    def one(self, kind: type[_E]) -> _E:
        """The one event of this kind that happened."""
        found = [event for event in self.accepted().happened if isinstance(event, kind)]
        assert len(found) == 1, f"{len(found)} of {kind.TOPIC} in {[event.TOPIC for event in self.happened]}"
        return found[0]

    @property
    def after(self) -> States:
        """The states once these events happened."""
        return States((*self.before, *self.happened))


ANY_COMMAND_MAY_MEET: tuple[type[DomainError], ...] = (
    NotPermitted,
    NotFound,
    WrongStage,
    WrongMeetingStage,
    NotYetDue,
    ViewerIsBarred,
)
"""Refusals that the catalogue does not list command by command."""


@dataclass(frozen=True)
class Like:
    """An event of this kind with at least these fields."""

    kind: type[Event]
    fields: Mapping[str, object]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.kind) and all(
            getattr(other, name) == value for name, value in self.fields.items()
        )

    __hash__ = None  # type: ignore[assignment]


def like(kind: type[Event], **fields: object) -> Like:
    """An event of this kind with at least these fields."""
    return Like(kind, fields)


_E = TypeVar("_E", bound=Event)


class States:
    """Every aggregate that the events tell of."""

    def __init__(self, events: Iterable[Event], *, told_at: datetime = REFERRED) -> None:
        events = tuple(events)
        self._events, self._told_at = events, told_at
        self.cases: dict[UUID, Case] = {}
        self.people: dict[UUID, Person] = {}
        self.meetings: dict[UUID, Meeting] = {}
        self.workers: dict[UUID, KeyWorker] = {}
        for event in events:
            stream: Any = event
            if isinstance(event, CaseEvent):
                evolve_case(self.cases.setdefault(event.case_id, Case(event.case_id)), stream)
            elif isinstance(event, PersonEvent):
                evolve_person(self.people.setdefault(event.person_id, Person(event.person_id)), stream)
            elif isinstance(event, MeetingEvent):
                evolve_meeting(self.meetings.setdefault(event.meeting_id, Meeting(event.meeting_id)), stream)
            elif isinstance(event, WorkerEvent):
                evolve_worker(self.workers.setdefault(event.worker_id, KeyWorker(event.worker_id)), stream)

    def history(self, case_id: CaseId) -> list[Recorded]:
        """A case's own events as the log would give them, all recorded when the story was told."""
        own = (one for one in self._events if isinstance(one, CaseEvent) and one.case_id == case_id)
        return [
            Recorded(number, case_id, number, event, self._envelope(number))
            for number, event in enumerate(own, start=1)
        ]

    def _envelope(self, number: int) -> Envelope:
        return Envelope(
            event_id=some_id(f"event/{number}"),
            command_id=some_id(f"told/{number}"),
            command="told",
            recorded_at=self._told_at,
            effective_at=self._told_at,
            actor=SYSTEM,
            correlation_id=some_id("told"),
        )

    @property
    def case(self) -> Case:
        """The only case, or the first that was told of."""
        return next(iter(self.cases.values()))

    @property
    def meeting(self) -> Meeting:
        """The only meeting, or the first that was told of."""
        return next(iter(self.meetings.values()))

    @property
    def worker(self) -> KeyWorker:
        """The only key worker, or the first that was told of."""
        return next(iter(self.workers.values()))


def _decision(command: Command) -> Decision:
    from domain import catalogue

    return catalogue.decision(command.NAME)


def _decide(command: Command, moment: Moment, states: States) -> Sequence[Event]:
    """Load what the decision reads, by the application's own rules, and ask it."""
    decision = _decision(command)
    case: Case | None = None
    loaded: dict[str, object] = {"Moment": moment, "Rules": rules()}
    wanted = [kind for _, kind in decision.reads]
    if "Case" in wanted:
        case_id = _named(command, "case_id") or moment.new_id("case")
        case = states.cases.get(case_id, Case(CaseId(case_id)))
        loaded["Case"] = _existing("case", case_id, case, may_be_new="Case" in decision.starts)
        require_not_barred(case, command, moment.actor)
    if "Case | None" in wanted:
        loaded["Case | None"] = states.cases.get(
            _named(command, "duplicate_of") or _named(command, "survivor")
        )
    if "Person" in wanted:
        named = _named(command, "person_id")
        person_id = named or (case.person_id if case and case.exists else moment.new_id("person"))
        person = states.people.get(person_id, Person(PersonId(person_id)))
        may_be_new = "Person" in decision.starts and named is None
        loaded["Person"] = _existing("person", person_id, person, may_be_new=may_be_new)
    if "Person | None" in wanted:
        loaded["Person | None"] = states.people.get(_named(command, "other_person"))  # type: ignore[arg-type]
    if "Sequence[Recorded]" in wanted and case is not None:
        loaded["Sequence[Recorded]"] = states.history(case.case_id)
    if "Sequence[Recorded] | None" in wanted and case is not None:
        survivor = case.merged_into
        loaded["Sequence[Recorded] | None"] = states.history(survivor) if survivor else None
    if "Meeting" in wanted:
        meeting_id = _named(command, "meeting_id") or (case and case.meeting_id) or moment.new_id("meeting")
        meeting = states.meetings.get(meeting_id, Meeting(MeetingId(meeting_id)))
        loaded["Meeting"] = _existing("meeting", meeting_id, meeting, may_be_new="Meeting" in decision.starts)
    if "Meeting | None" in wanted:
        earlier_id = _named(command, "earlier_meeting")
        loaded["Meeting | None"] = (
            _existing(
                "meeting",
                earlier_id,
                states.meetings.get(earlier_id, Meeting(MeetingId(earlier_id))),
                may_be_new=False,
            )
            if earlier_id
            else None
        )
    if "Sequence[Case]" in wanted:
        on_the_agenda = states.meetings[_named(command, "meeting_id")].items  # type: ignore[index]
        loaded["Sequence[Case]"] = [
            states.cases.get(case_id, Case(CaseId(case_id))) for case_id in on_the_agenda
        ]
    if "KeyWorker" in wanted or "KeyWorker | None" in wanted:
        had = case and (case.worker_when_closed if case.stage is Stage.CLOSED else case.worker_id)
        worker_id = _named(command, "worker_id") or had
        asked = worker_id or moment.new_id("worker")
        worker = states.workers.get(asked, KeyWorker(WorkerId(asked)))
        if "KeyWorker" in wanted:
            loaded["KeyWorker"] = _existing(
                "key worker", asked, worker, may_be_new="KeyWorker" in decision.starts
            )
        else:
            loaded["KeyWorker | None"] = (
                _existing("key worker", asked, worker, may_be_new=False) if worker_id else None
            )
    if "Mapping[CaseId, Case]" in wanted:
        carrier = loaded["KeyWorker"]
        assert isinstance(carrier, KeyWorker)
        loaded["Mapping[CaseId, Case]"] = {one: states.cases[one] for one in sorted(carrier.cases)}
    if "Mapping[WorkerId, KeyWorker]" in wanted:
        loaded["Mapping[WorkerId, KeyWorker]"] = {
            one: _existing(
                "key worker", one, states.workers.get(one, KeyWorker(WorkerId(one))), may_be_new=False
            )
            for one in _workers_named(command, case)
        }
    if "Sequence[Waiting]" in wanted and case is not None:
        line = [in_line(one) for one in states.cases.values()]
        loaded["Sequence[Waiting]"] = [
            one for one in line if one is not None and one.programme == case.programme
        ]
    if "Sequence[KnownPerson]" in wanted:
        loaded["Sequence[KnownPerson]"] = _known_by(command, states)
    if "Sequence[KeyWorker]" in wanted and case is not None:
        loaded["Sequence[KeyWorker]"] = [w for w in states.workers.values() if w.programme == case.programme]
    return decision.decide(command, *(loaded[kind] for kind in wanted))


def _workers_named(command: Command, case: Case | None) -> Sequence[WorkerId]:
    from domain.loading import workers_named

    return workers_named(command, case)


def _named(command: Command, field: str) -> UUID | None:
    value = getattr(command, field, None)
    return value if isinstance(value, UUID) else None


_S = TypeVar("_S", Case, Person, Meeting, KeyWorker)


def _existing(kind: str, of: UUID, state: _S, *, may_be_new: bool) -> _S:
    if not state.exists and not may_be_new:
        raise NotFound(kind=kind, id=of)
    return state


def _known_by(command: Command, states: States) -> list[KnownPerson]:
    keys = set(command.identity_keys())  # type: ignore[attr-defined]
    known = [person.as_known() for person in states.people.values() if person.exists]
    return [one for one in known if keys & _keys_of(one.identity)]


def _keys_of(identity: Identity) -> set[tuple[str, str | None]]:
    born = identity.date_of_birth
    return {("date_of_birth", born.isoformat() if born else None), ("nhs_number", identity.nhs_number)}


@cache
def _marked(kind: type[Event | Command]) -> tuple[str, ...]:
    return tuple(name for name, _ in marks(kind))


def _assert_nothing_personal(message: str, messages: Iterable[Event | Command]) -> None:
    for one in messages:
        for name in _marked(type(one)):
            value = getattr(one, name)
            told = (
                [value]
                if isinstance(value, str)
                else [getattr(value, "given_name", ""), getattr(value, "family_name", "")]
            )
            assert not any(len(text) > 3 and text in message for text in told), f"{name} is in: {message}"


# -- stories ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """Events told so far and the time they have come to. Every phrase answers with a longer story."""

    name: str
    now: datetime
    facts: tuple[Event, ...] = ()

    def __iter__(self) -> Iterator[Event]:
        return iter(self.facts)

    def then_also(self, *events: Event, at: datetime | None = None) -> Self:
        """Add events that no phrase tells."""
        return dataclasses.replace(self, facts=(*self.facts, *events), now=max(self.now, at or self.now))


def a_case(
    name: str = "robin",
    *,
    by: str = POLICE,
    needs: tuple[str, ...] = ("mental_health", "substance_alcohol", "homelessness"),
    neighbourhood: str | None = NEIGHBOURHOOD,
    interpreter_needed: bool = False,
    first_language: str = "",
    risk_to_workers: str = "",
    urgency: Literal["routine", "urgent"] = "routine",
    ndta: tuple[int | None, ...] | None = None,
) -> CaseStory:
    """A resident's case; `name` tells one story from another in the same test."""
    return CaseStory(
        name,
        REFERRED,
        agency=by,
        needs=needs,
        neighbourhood=neighbourhood,
        interpreter_needed=interpreter_needed,
        first_language=first_language,
        risk_to_workers=risk_to_workers,
        urgency=urgency,
        ndta=ndta,
    )


@dataclass(frozen=True)
class CaseStory(Story):
    """One case from its referral on."""

    agency: str = POLICE
    needs: tuple[str, ...] = ()
    neighbourhood: str | None = NEIGHBOURHOOD
    interpreter_needed: bool = False
    first_language: str = ""
    risk_to_workers: str = ""
    urgency: Literal["routine", "urgent"] = "routine"
    ndta: tuple[int | None, ...] | None = None

    @property
    def case_id(self) -> CaseId:
        return CaseId(some_id(f"case/{self.name}"))

    @property
    def person_id(self) -> PersonId:
        return PersonId(some_id(f"person/{self.name}"))

    @property
    def ids(self) -> dict[str, Any]:
        """The two ids that every event of a case carries, to be spread into it."""
        return {"case_id": self.case_id, "person_id": self.person_id}

    @property
    def case(self) -> Case:
        """The case as it stands."""
        return States(self.facts).cases.get(self.case_id, Case(self.case_id))

    def due(self, clock: str, start: datetime) -> datetime:
        """When a clock of the programme runs out."""
        return rules().deadline(PROGRAMME, clock, start)

    def submitted(self, at: datetime = REFERRED) -> Self:
        form = ReferralForm(
            given_name="Robin",
            family_name="Example",
            date_of_birth="1985-03-31",
            ward="Ardwick",
            needs=self.needs,
            offer="Neighbourhood officer joins the first visit",
            person_aware=True,
            interpreter_needed=self.interpreter_needed,
            first_language=self.first_language,
            risk_to_workers=self.risk_to_workers,
            ndta=self.ndta,
        )
        return self.then_also(
            PersonRegistered(
                person_id=self.person_id,
                given_name=form.given_name,
                family_name=form.family_name,
                date_of_birth=form.date_of_birth,
            ),
            EpisodeOpened(person_id=self.person_id, case_id=self.case_id, programme=PROGRAMME),
            r.ReferralSubmitted(
                **self.ids,
                programme=PROGRAMME,
                programme_version=rules().programme(PROGRAMME).version,
                referring_agency=self.agency,
                referrer="officer-7",
                urgency=self.urgency,
                ward="ardwick" if self.neighbourhood else None,
                neighbourhood=self.neighbourhood,
                locality="central" if self.neighbourhood else None,
                forum=FORUM if self.neighbourhood else None,
                interpreter_needed=self.interpreter_needed,
                repeat=False,
                form=form,
                acknowledge_due_at=self.due("acknowledge", at),
                triage_due_at=self.due("triage", at),
            ),
            at=at,
        )

    def in_triage(self, at: datetime = TRIAGED) -> Self:
        return self._from(Stage.SUBMITTED, self.submitted).then_also(
            t.ReferralAcknowledged(**self.ids, to_agency=self.agency), t.TriageStarted(**self.ids), at=at
        )

    def asked_for_information(self, at: datetime = TRIAGED) -> Self:
        """Triage asked the referrer a question."""
        asked = inf.InformationRequested(
            **self.ids,
            question="Which ward does the person live in?",
            to_agency=POLICE,
            reminder_due_at=self.due("information_reminder", at),
            due_at=self.due("information_request", at),
        )
        return self.in_triage().then_also(asked, at=at)

    def unanswered(self) -> Self:
        """The referrer was asked, reminded, and never answered."""
        asked = self.asked_for_information()
        reminded = inf.InformationReminderRaised(
            **self.ids, to_agency=POLICE, due_at=asked.case.due["information_reminder"]
        )
        lapsed_at = asked.case.due["information_request"]
        lapsed = inf.InformationRequestLapsed(
            **self.ids, due_at=lapsed_at, triage_due_at=self.due("triage", lapsed_at)
        )
        return asked.then_also(reminded, lapsed, at=lapsed_at)

    def perhaps(self, other: CaseStory) -> Self:
        """The person may be the one of another case; nobody has decided it."""
        return self.then_also(
            r.PossibleDuplicateFlagged(
                **self.ids,
                other_person=other.person_id,
                other_case=other.case_id,
                ground="same_birthday_near_name",
            )
        )

    def said_to_have_died(self) -> Self:
        """Somebody wrote that the person has died."""
        return self.then_also(le.DeathReported(**self.ids, by_agency=POLICE, by_channel="email"))

    def moved_out(self) -> Self:
        """The person moved to another area, which is asked to take over."""
        return self.then_also(
            le.PersonMovedArea(
                **self.ids,
                to_area="Trafford",
                consent_to_transfer=True,
                transfer_due_at=self.due("transfer", self.now),
            )
        )

    def merged_into(self, other: CaseStory) -> Self:
        """Two people agreed that this is the other's case too."""
        return self.then_also(
            reo.CasesMerged(
                **self.ids,
                survivor=other.case_id,
                identifiers=("nhs_number", "name_and_date_of_birth"),
                confirmed_by="manager-1",
            ),
            EpisodeEnded(person_id=self.person_id, case_id=self.case_id, programme=PROGRAMME),
        )

    def awaiting_consent(self, at: datetime = TRIAGED) -> Self:
        return self._from(Stage.TRIAGE, self.in_triage).then_also(
            t.EligibilityConfirmed(
                **self.ids,
                rule_version=rules().programme(PROGRAMME).version,
                needs_counted=len(self.needs),
                consent_attempt_due_at=self.due("consent_first_attempt", at),
                consent_due_at=self.due("consent_wait", at),
            ),
            at=at,
        )

    def with_grant(
        self,
        discloser: str,
        *categories: sh.Category,
        recipient: str = sh.FORUM,
        purpose: sh.Purpose = sh.Purpose.COORDINATED_SUPPORT,
        at: datetime = CONSENTED,
    ) -> Self:
        """The person said yes to one disclosure; its id is `grant_id(discloser, recipient)`."""
        early = (Stage.NEW, Stage.SUBMITTED, Stage.TRIAGE)
        story = self.awaiting_consent() if self.case.stage in early else self
        grant_id = self.grant_id(discloser, recipient)
        return story.then_also(
            cq.ConsentRequested(
                **self.ids,
                grant_id=grant_id,
                discloser=discloser,
                recipient=recipient,
                purpose=purpose,
                categories=categories or (sh.Category.IDENTITY,),
                capacity_view=sh.CapacityView.HAS,
                information_version="notice-2026.1",
                information_language="English",
                information_format="spoken",
                asked_by="coordinator-1",
            ),
            c.ConsentGranted(
                **self.ids,
                grant_id=grant_id,
                decider="self",
                method="signed",
                evidence_ref="form-1",
                explicit=True,
                effective_from=at,
                review_due_at=self.due("consent_review", at),
                expires_at=self.due("consent_expiry", at),
            ),
            at=at,
        )

    def grant_id(self, discloser: str, recipient: str = sh.FORUM) -> GrantId:
        return GrantId(some_id(f"grant/{self.name}/{discloser}/{recipient}"))

    def ready_for_forum(self, at: datetime = CONSENTED) -> Self:
        return self._from(Stage.AWAITING_CONSENT, self.awaiting_consent).then_also(
            p.ParticipationAgreed(**self.ids, method="verbal", evidence_ref="note-17"),
            p.ConsentPositionRecorded(**self.ids, position="agreed", listing_due_at=self.due("listing", at)),
            at=at,
        )

    def on_agenda(
        self,
        meeting: MeetingStory | None = None,
        *,
        asked: tuple[str, ...] = (POLICE, HOUSING, CGL),
        at: datetime = LISTED,
    ) -> Self:
        """The case is on the agenda of a meeting; the meeting's own event is told too."""
        heard_at = meeting or a_meeting()
        return self._from(Stage.READY_FOR_FORUM, self.ready_for_forum).then_also(
            f.ForumItemScheduled(
                **self.ids,
                meeting_id=heard_at.meeting_id,
                forum=heard_at.forum,
                meeting_at=heard_at.starts_at,
                agencies_asked=asked,
                returns_due_at=self.due("information_returns", heard_at.starts_at),
                decision_due_at=self.due("decision_record", heard_at.starts_at),
            ),
            m.AgendaItemAdded(
                meeting_id=heard_at.meeting_id,
                **self.ids,
                referring_agency=self.agency,
                agencies_asked=asked,
            ),
            at=at,
        )

    def up_for_review(self, meeting: MeetingStory | None = None, *, at: datetime | None = None) -> Self:
        """The forum is to look at the case again; the meeting's own event is told too."""
        heard_at = meeting or a_meeting("review")
        return self.then_also(
            ri.ReviewItemScheduled(
                **self.ids,
                meeting_id=heard_at.meeting_id,
                forum=heard_at.forum,
                meeting_at=heard_at.starts_at,
                agencies_asked=(self.agency,),
            ),
            m.AgendaItemAdded(
                meeting_id=heard_at.meeting_id,
                **self.ids,
                referring_agency=self.agency,
                agencies_asked=(self.agency,),
                kind="review",
            ),
            at=at,
        )

    def reviewed_by_forum(
        self, meeting: MeetingStory, outcome: ri.ReviewOutcome = "continue", *, at: datetime | None = None
    ) -> Self:
        """The forum looked at the case again and said this."""
        return self.up_for_review(meeting).then_also(
            ri.ForumReviewRecorded(
                **self.ids,
                meeting_id=meeting.meeting_id,
                outcome=outcome,
                confirmed_by="chair-1",
                reasons="The plan still fits",
                next_review_due_at=self.due("forum_review_repeat", at or self.now),
            ),
            m.MeetingItemDecided(meeting_id=meeting.meeting_id, case_id=self.case_id, outcome=outcome),
            at=at,
        )

    def consent_overdue(self) -> Self:
        """The person has given no consent position in the time there is for it."""
        story = self._from(Stage.AWAITING_CONSENT, self.awaiting_consent)
        due_at = story.case.due["consent"]
        return story.then_also(p.ConsentOverdue(**self.ids, due_at=due_at), at=due_at)

    def up_for_advice(self, meeting: MeetingStory) -> Self:
        """The forum is asked how to reach the person, without being told of whom."""
        return self.consent_overdue().then_also(
            ad.AdviceItemScheduled(
                **self.ids,
                meeting_id=meeting.meeting_id,
                forum=meeting.forum,
                meeting_at=meeting.starts_at,
            ),
            m.AdviceItemAdded(meeting_id=meeting.meeting_id, case_id=self.case_id, forum=meeting.forum),
        )

    def accepted(
        self, *, intensity: Literal["low", "standard", "intensive"] = "standard", at: datetime = DECIDED
    ) -> Self:
        """The forum agreed a plan with a key worker; the plan has one action, of the referring agency."""
        story = self._from(Stage.ON_AGENDA, self.on_agenda)
        meeting_id = story.case.meeting_id or a_meeting().meeting_id
        return story.then_also(
            f.ForumDecisionRecorded(
                **self.ids,
                meeting_id=meeting_id,
                decision="accept_key_worker",
                confirmed_by="chair-1",
                reasons="Several needs, lost contact",
            ),
            f.PlanAgreed(
                **self.ids,
                referrer_offer_reflected=True,
                single_agency_warning=True,
                intensity=intensity,
                allocation_due_at=self.due("allocation", at),
                review_due_at=self.due("forum_review", at),
            ),
            m.MeetingItemDecided(meeting_id=meeting_id, case_id=self.case_id, outcome="accept_key_worker"),
            at=at,
        ).with_action(at=at)

    def with_action(
        self,
        name: str = "visit",
        *,
        owner: str = "officer-7",
        agency: str | None = None,
        due_at: datetime = NEXT_MEETING_DAY_ENDS,
        at: datetime = DECIDED,
    ) -> Self:
        """Somebody has one thing to do; its id is `action_id(name)`."""
        return self.then_also(
            a.ActionAssigned(
                **self.ids,
                action_id=ActionId(self.action_id(name)),
                owner=owner,
                agency=agency or self.agency,
                links_to="homelessness",
                what="Visit together with the key worker",
                due_at=due_at,
            ),
            at=at,
        )

    def action_id(self, name: str = "visit") -> ActionId:
        return ActionId(some_id(f"action/{self.name}/{name}"))

    def with_concern(
        self, name: str = "concern", *, about: Literal["adult", "child"] = "adult", at: datetime | None = None
    ) -> Self:
        """A safeguarding concern was raised; nobody has screened it."""
        now = at or self.now
        story = self.submitted() if self.case.stage is Stage.NEW else self
        return story.then_also(
            sg.SafeguardingConcernRaised(
                **self.ids,
                concern_id=ConcernId(some_id(f"concern/{self.name}/{name}")),
                about=about,
                category="self_neglect",
                immediate_danger=False,
                concern="Has not eaten for days",
                screening_due_at=self.due("acknowledge", now),
            ),
            at=now,
        )

    def screened(self, name: str = "concern", *, met: bool = True) -> Self:
        """The safeguarding lead screened the concern; what follows is a step of its own."""
        return self.then_also(
            sg.ConcernScreened(
                **self.ids,
                concern_id=ConcernId(some_id(f"concern/{self.name}/{name}")),
                threshold_met=met,
                reasons="Seen at home",
                followed_by_a_step=True,
                enquiry_due_at=self.due("enquiry", self.now) if met else None,
            )
        )

    def escalated(
        self,
        name: str = "dispute",
        *,
        subject: es.Subject = "dispute",
        by: Actor | None = None,
        at: datetime | None = None,
    ) -> Self:
        """An escalation was raised at level 1, by an officer of the police unless told."""
        now = at or self.now
        raised_by = by or actor(Role.REFERRER, person="officer-7", agency=POLICE)
        by_deadline = raised_by.role is Role.SYSTEM
        return self.then_also(
            es.EscalationRaised(
                **self.ids,
                escalation_id=self.escalation_id(name),
                subject=subject,
                subject_id=None,
                owner="practitioners_managers",
                desired_result=None if by_deadline else "One agency leads",
                raised_by=None if by_deadline else raised_by.person,
                raised_by_agency=None if by_deadline else raised_by.agency,
                answer_due_at=self.due("escalation_answer", now),
            ),
            at=now,
        )

    def escalated_to(self, level: int, name: str = "dispute") -> Self:
        """Level after level did not answer, each until its time was over."""
        story = self
        for number in range(2, level + 1):
            at = story.case.due[f"escalation:{self.escalation_id(name)}"]
            owner = rules().programme(PROGRAMME).escalation.level(number).code
            story = story.then_also(
                el.EscalationRaisedLevel(
                    **self.ids,
                    escalation_id=self.escalation_id(name),
                    level=number,
                    owner=owner,
                    reason="no_response",
                    answer_due_at=self.due("escalation_answer", at),
                ),
                at=at,
            )
        return story

    def answered(self, name: str = "dispute") -> Self:
        """The level gave its answer to the escalation."""
        return self.then_also(
            el.EscalationResponded(
                **self.ids,
                escalation_id=self.escalation_id(name),
                level=self.case.escalations[self.escalation_id(name)].level,
                response="Housing leads",
                responded_by="manager-1",
            )
        )

    def escalation_id(self, name: str = "dispute") -> EscalationId:
        return EscalationId(some_id(f"escalation/{self.name}/{name}"))

    def enquired(self, name: str = "concern", *, about: Literal["adult", "child"] = "adult") -> Self:
        """The concern of this name meets the threshold: an enquiry is under way."""
        screened = sg.ConcernScreened(
            **self.ids,
            concern_id=ConcernId(some_id(f"concern/{self.name}/{name}")),
            threshold_met=True,
            reasons="Care needs, at risk, cannot protect themselves",
        )
        return self.with_concern(name, about=about).then_also(screened)

    def waiting(self, *, band: al.Band = "P3", at: datetime = ALLOCATED) -> Self:
        """No worker had room, so the case is on the waiting list."""
        joined = al.WaitingListJoined(
            **self.ids,
            band=band,
            check_due_at=self.due("waiting_check", at),
            joined_at=at,
            escalate_at=self.due("priority_wait", at) if band == "P1" else None,
        )
        return self._from(Stage.AWAITING_ALLOCATION, self.accepted).then_also(joined, at=at)

    def offered(self, worker: WorkerStory) -> Self:
        """The first in line was offered this worker."""
        story = self._from(Stage.WAITING_LIST, self.waiting)
        return story.then_also(
            of.WorkerOffered(
                **self.ids,
                worker_id=worker.worker_id,
                worker_name=worker.name.title(),
                band="P3",
                joined_at=story.case.joined_at,
                because="only_one",
            )
        )

    def worker_away(self, first_day: date = date(2027, 2, 2)) -> Self:
        """The key worker is absent, nobody knows for how long."""
        worker_id = self.allocated_worker
        return self.then_also(
            k.KeyWorkerAbsent(worker_id=worker_id, first_day=first_day),
            aw.KeyWorkerUnavailable(
                **self.ids,
                worker_id=worker_id,
                because="absent",
                first_day=first_day,
                orphaned_at=self.due("cover", self.now),
            ),
        )

    def covered_by(self, cover: WorkerStory, *, until: date = date(2027, 3, 31)) -> Self:
        """Somebody else answers for the case; their own story is not told here."""
        return self.then_also(
            cv.CoverStarted(
                **self.ids,
                worker_id=self.allocated_worker,
                cover_worker_id=cover.worker_id,
                cover_name=cover.name.title(),
                cover_ref=f"worker-{cover.name}",
                ground="absence",
                until=until,
                ends_at=rules().calendar.end_of_day(until),
                told_by="manager-1",
                told_on=self.now.date(),
            )
        )

    def handover_planned(self, successor: WorkerStory) -> Self:
        """The next key worker is named; their own story is not told here."""
        return self.then_also(
            wh.HandoverPlanned(
                **self.ids,
                worker_id=self.allocated_worker,
                successor_id=successor.worker_id,
                successor_name=successor.name.title(),
                joint_visit_on=date(2027, 2, 10),
            )
        )

    def refusing(self, worker: WorkerStory) -> Self:
        """The person does not want this worker."""
        return self.then_also(wi.WorkerPreferenceRecorded(**self.ids, refuses_worker=worker.worker_id))

    def wanting(self, gender: str) -> Self:
        """The person wants a worker of this gender."""
        return self.then_also(wi.WorkerPreferenceRecorded(**self.ids, wants_gender=gender))

    def allocated_to(
        self, worker: WorkerStory | None = None, *, points: int = 4, at: datetime = ALLOCATED
    ) -> Self:
        """A manager gave the case to a worker, whose own story is told too."""
        taker = worker or a_worker()
        return self._from(Stage.AWAITING_ALLOCATION, self.accepted).then_also(
            *taker,
            al.KeyWorkerAllocated(
                **self.ids,
                worker_id=taker.worker_id,
                worker_name=taker.name.title(),
                points=points,
                answer_due_at=self.due("allocation_answer", at),
                first_contact_due_at=self.due("first_contact", at),
                introduction_due_at=self.due("introduction", at),
                disengagement_due_at=self.due("disengagement", at),
            ),
            k.CaseTaken(worker_id=taker.worker_id, case_id=self.case_id, points=points),
            at=at,
        )

    def queried_by(
        self,
        worker: WorkerStory,
        *,
        points: int = 4,
        ground: Literal["conflict_of_interest", "safety", "capacity"] = "capacity",
        at: datetime = ALLOCATED + timedelta(hours=2),
    ) -> Self:
        """The worker got the case and gave it back; another one is sought."""
        return self.allocated_to(worker, points=points).then_also(
            al.AllocationQueried(
                **self.ids,
                worker_id=worker.worker_id,
                ground=ground,
                allocation_due_at=self.due("allocation", at),
            ),
            al.AllocationEnded(**self.ids, worker_id=worker.worker_id, because="queried"),
            k.CaseReleased(worker_id=worker.worker_id, case_id=self.case_id),
            at=at,
        )

    def met(self, *, face_to_face: bool = True, reached: bool = True, at: datetime = MET) -> Self:
        """The key worker saw the person, or tried to."""
        story = self._from(Stage.INTRODUCTION, self.allocated_to)
        contact = co.ContactRecorded(
            **self.ids,
            worker_id=story.case.worker_id,
            by_agency=SHELTER,
            by_channel="visit",
            reached=reached,
            face_to_face=face_to_face,
            disengagement_due_at=self.due("disengagement", at) if reached else None,
        )
        return story.then_also(contact, at=at)

    def missed(self, times: int = 1, *, at: datetime | None = None) -> Self:
        """The key worker tried to reach the person so many times, and did not."""
        attempt = co.ContactRecorded(
            **self.ids,
            worker_id=self.case.worker_id,
            by_agency=SHELTER,
            by_channel="telephone",
            reached=False,
            face_to_face=False,
        )
        return self.then_also(*[attempt] * times, at=at or self.now)

    def lost(self, *, at: datetime | None = None) -> Self:
        """Contact with the person is lost, and outreach has begun."""
        story = self if self.case.stage in (Stage.INTRODUCTION, Stage.ACTIVE) else self.active()
        due = story.case.due.get("disengagement")
        lost = co.DisengagementTriggered(
            **self.ids, because="no_contact", missed_contacts=len(story.case.misses), due_at=due
        )
        return story.then_also(lost, at=at or due or story.now)

    def suspended(
        self,
        *,
        reason: Literal["prison", "hospital", "inpatient", "whereabouts_unknown", "person_asks"] = "prison",
        review_on: date = date(2027, 3, 31),
        at: datetime | None = None,
    ) -> Self:
        """Support rests until a day on which it is looked at again."""
        story = self if self.case.stage in (Stage.INTRODUCTION, Stage.ACTIVE) else self.active()
        now = at or story.now
        rests = sp.CaseSuspended(
            **self.ids,
            reason=reason,
            review_on=review_on,
            review_due_at=rules().calendar.start_of_day(review_on),
            suspended_at=now,
        )
        return story.then_also(rests, at=now)

    def active(self, worker: WorkerStory | None = None, *, at: datetime = ENGAGED) -> Self:
        """Key worker and person met, and support began."""
        story = (self.allocated_to(worker) if worker else self).met()
        engaged = i.EngagementConfirmed(
            **self.ids,
            worker_id=story.allocated_worker,
            contact_due_at=self.due("contact", at),
            disengagement_due_at=self.due("disengagement", at),
        )
        return story.then_also(engaged, at=at)

    def led_by(self, agency: str = HOUSING, *, at: datetime = DECIDED) -> Self:
        """The forum named a lead agency; there is no key worker."""
        story = self._from(Stage.ON_AGENDA, self.on_agenda)
        meeting_id = story.case.meeting_id or a_meeting().meeting_id
        return story.then_also(
            f.ForumDecisionRecorded(
                **self.ids,
                meeting_id=meeting_id,
                decision="accept_lead_agency",
                confirmed_by="chair-1",
                reasons="One agency knows the person well",
            ),
            f.LeadAgencyNamed(
                **self.ids, lead_agency=agency, lead="lead-1", review_due_at=self.due("forum_review", at)
            ),
            m.MeetingItemDecided(meeting_id=meeting_id, case_id=self.case_id, outcome="accept_lead_agency"),
            at=at,
        )

    def with_outcome(self, name: str = "rehab") -> Self:
        """The person wants to reach something; its id is `outcome_id(name)`."""
        story = self._from(Stage.ACTIVE, self.active)
        return story.then_also(
            su.OutcomeSet(**self.ids, outcome_id=self.outcome_id(name), set_by="resident", wording="Rehab")
        )

    def outcome_id(self, name: str = "rehab") -> OutcomeId:
        return OutcomeId(some_id(f"outcome/{self.name}/{name}"))

    def reviewed(self, *, at: datetime = REVIEWED) -> Self:
        story = self._from(Stage.ACTIVE, self.active)
        return story.then_also(su.PlanReviewed(**self.ids, summary="Rehab finished"), at=at)

    def step_down_proposed(self, *, receiving: str = HOUSING, at: datetime = STEP_DOWN_PROPOSED) -> Self:
        return self.reviewed().then_also(
            sd.StepDownProposed(
                **self.ids,
                receiving_agency=receiving,
                universal=receiving == sd.UNIVERSAL,
                outcomes_summary="Finished rehab",
                contingency_plan="Ring the recovery service",
                approval_due_at=self.due("step_down_approval", at),
            ),
            at=at,
        )

    def stepping_down(self, *, points: int = 3, at: datetime = STEP_DOWN_APPROVED) -> Self:
        story = self._from(Stage.STEP_DOWN_PROPOSED, self.step_down_proposed)
        worker_id = story.case.worker_id
        lighter = (
            [k.CaseReweighed(worker_id=worker_id, case_id=self.case_id, points=points)] if worker_id else []
        )
        return story.then_also(
            sd.StepDownApproved(
                **self.ids,
                person_view="Feels ready",
                receiving_lead="recovery-1",
                handover_due_at=self.due("step_down_overlap", at),
            ),
            *lighter,
            at=at,
        )

    def handed_over(self, *, at: datetime = HANDED_OVER) -> Self:
        return self._from(Stage.STEPPING_DOWN, self.stepping_down).then_also(
            ho.HandoverCompleted(
                **self.ids,
                receiving_lead="recovery-1",
                first_check_in_due_at=self.due("check_in_every", at),
                monitoring_ends_at=self.due("monitoring", at),
            ),
            at=at,
        )

    def check_in_asked(self, *, at: datetime | None = None) -> Self:
        """The engine asked how the person is, when it was due."""
        story = self._from(Stage.MONITORING, self.handed_over)
        due = story.case.due["check_in"]
        now = at or due
        return story.then_also(
            mo.CheckInDue(
                **self.ids,
                number=story.case.check_in + 1,
                due_at=due,
                answer_due_at=self.due("check_in_grace", now),
            ),
            at=now,
        )

    def check_in_missed(self) -> Self:
        """The engine asked, and nobody answered in time."""
        story = self.check_in_asked()
        due = story.case.due["check_in_answer"]
        missed = mo.CheckInMissed(
            **self.ids,
            number=story.case.check_in,
            due_at=due,
            missed_in_all=story.case.missed_check_ins + 1,
            next_check_in_due_at=self.due("check_in_every", due),
        )
        return story.then_also(missed, at=due)

    def checked_in(self, status: Literal["good", "mixed", "deteriorating"] = "good") -> Self:
        """The engine asked, and the receiving lead answered the same hour."""
        story = self.check_in_asked()
        answered = mo.CheckInRecorded(
            **self.ids,
            number=story.case.check_in,
            status=status,
            next_check_in_due_at=self.due("check_in_every", story.now),
        )
        return story.then_also(answered)

    @property
    def allocated_worker(self) -> WorkerId:
        """The worker who has the case, in a story where one does."""
        worker_id = self.case.worker_id
        assert worker_id is not None, "nobody has this case"
        return worker_id

    def closed(self, at: datetime | None = None) -> Self:
        """The referring agency took the referral back, from whichever stage."""
        story = self.submitted() if self.case.stage is Stage.NEW else self
        return story.then_also(t.ReferralWithdrawn(**self.ids, explanation="Sent in error"), at=at)

    def _from(self, stage: Stage, earlier: Any) -> Self:
        return self if self.case.stage is stage else earlier()


def a_meeting(
    name: str = "january",
    *,
    starts_at: datetime = MEETS,
    forum: str = FORUM,
    repeats: bool = False,
    short_notice: bool = False,
) -> MeetingStory:
    """A meeting of a forum, planned in good time unless told."""
    story = MeetingStory(name, PLANNED, starts_at=starts_at, forum=forum)
    return story.planned(repeats=repeats, short_notice=short_notice)


PARTS = Literal["chair", "deputy_chair", "coordinator", "member", "deputy"]


def attendee(part: PARTS, agency: str = COMMUNITY_SAFETY) -> m.Attendee:
    """Somebody in the meeting, who acknowledged confidentiality; of each agency another person."""
    seat = f"{part}-1" if agency == COMMUNITY_SAFETY else f"{part}-{agency.lower().replace(' ', '-')}"
    return m.Attendee(person=seat, agency=agency, part=part)


QUORUM = (
    attendee("chair"),
    attendee("coordinator"),
    attendee("member", POLICE),
    attendee("member", HOUSING),
    attendee("member", CGL),
    attendee("deputy", SHELTER),
)
"""Just enough people to decide, the referring agency of a quiet case among them."""


@dataclass(frozen=True)
class MeetingStory(Story):
    """One meeting of a forum."""

    starts_at: datetime = MEETS
    forum: str = FORUM

    @property
    def meeting_id(self) -> MeetingId:
        return MeetingId(some_id(f"meeting/{self.name}"))

    @property
    def meeting(self) -> Meeting:
        """The meeting as it stands."""
        return States(self.facts).meetings.get(self.meeting_id, Meeting(self.meeting_id))

    def planned(self, *, repeats: bool = False, short_notice: bool = False) -> Self:
        back: dict[str, Any] = {
            field: rules().deadline(PROGRAMME, clock, self.starts_at)
            for field, clock in (
                ("agenda_opens_at", "agenda_open"),
                ("agenda_closes_at", "agenda_published"),
                ("returns_due_at", "information_returns"),
            )
        }
        return self.then_also(
            m.MeetingPlanned(
                meeting_id=self.meeting_id,
                forum=self.forum,
                programme=PROGRAMME,
                programme_version=rules().programme(PROGRAMME).version,
                starts_at=self.starts_at,
                start_due_at=rules().deadline(PROGRAMME, "decision_record", self.starts_at),
                short_notice=short_notice,
                cadence_slot=self.starts_at if repeats else None,
                next_planned_at=self.starts_at if repeats else None,
                **back,
            )
        )

    def agenda_open(self, at: datetime = AGENDA_OPENED) -> Self:
        return self.then_also(m.AgendaOpened(meeting_id=self.meeting_id), at=at)

    def hearing(self, *cases: CaseStory) -> Self:
        """These cases are on the agenda, as the meeting tells it; `CaseStory.on_agenda` tells both sides."""
        return self._from("AgendaOpen", self.agenda_open).then_also(
            *(
                m.AgendaItemAdded(
                    meeting_id=self.meeting_id,
                    **case.ids,
                    referring_agency=case.agency,
                    agencies_asked=(case.agency,),
                )
                for case in cases
            )
        )

    def agenda_closed(self, at: datetime = AGENDA_CLOSED) -> Self:
        story = self._from("AgendaOpen", self.agenda_open)
        published = m.AgendaPublished(meeting_id=self.meeting_id, items=tuple(story.meeting.items))
        return story.then_also(published, at=at)

    def in_session(self, attendees: tuple[m.Attendee, ...] = QUORUM, at: datetime | None = None) -> Self:
        return self._from("AgendaClosed", self.agenda_closed).then_also(
            m.MeetingStarted(
                meeting_id=self.meeting_id,
                attendees=attendees,
                conclude_due_at=rules().deadline(PROGRAMME, "decision_record", at or self.starts_at),
            ),
            at=at or self.starts_at,
        )

    def inquorate(self, attendees: tuple[m.Attendee, ...] = (), at: datetime | None = None) -> Self:
        return self._from("AgendaClosed", self.agenda_closed).then_also(
            m.MeetingInquorate(
                meeting_id=self.meeting_id,
                attendees=attendees,
                missing=("chair_or_deputy",),
                chair_decides_by=rules().deadline(PROGRAMME, "decision_record", at or self.starts_at),
            ),
            at=at or self.starts_at,
        )

    def handled_by_chair(self, *cases: CaseStory) -> Self:
        """Without a quorum, the chair decided alone on these cases; the meeting is over."""
        story = self._from("Inquorate", self.inquorate)
        clocks = rules()
        return story.then_also(
            m.UrgentItemsHandledByChair(
                meeting_id=self.meeting_id,
                items=tuple(case.case_id for case in cases),
                explanation="Two overdoses in one week",
                ratification_due_at=clocks.deadline(
                    PROGRAMME, "decision_record", clocks.deadline(PROGRAMME, "forum_cadence", story.now)
                ),
                minutes_due_at=clocks.deadline(PROGRAMME, "minutes", story.now),
            )
        )

    def with_interest(self, case: CaseStory, attendee: m.Attendee) -> Self:
        """Somebody in the meeting is too close to this case."""
        return self.then_also(
            m.InterestDeclared(
                meeting_id=self.meeting_id,
                case_id=case.case_id,
                attendee=attendee.person,
                agency=attendee.agency,
                ground="relative",
            )
        )

    def concluded(self, at: datetime | None = None) -> Self:
        ended = at or self.starts_at + timedelta(hours=2)
        return self._from("InSession", self.in_session).then_also(
            m.MeetingConcluded(
                meeting_id=self.meeting_id, minutes_due_at=rules().deadline(PROGRAMME, "minutes", ended)
            ),
            at=ended,
        )

    def minutes_issued(self) -> Self:
        return self._from("Concluded", self.concluded).then_also(
            m.MinutesIssued(meeting_id=self.meeting_id, minutes_ref="minutes-1")
        )

    def cancelled(self) -> Self:
        return self.then_also(m.MeetingCancelled(meeting_id=self.meeting_id, explanation="Flood in the hall"))

    def _from(self, stage: str, earlier: Any) -> Self:
        return self if self.meeting.stage == stage else earlier()


def a_worker(
    name: str = "sam",
    *,
    agency: str = SHELTER,
    forums: tuple[str, ...] = (FORUM,),
    specialisms: tuple[str, ...] = (),
    languages: tuple[str, ...] = (),
    gender: str | None = None,
    grade: Literal["asye", "experienced", "senior"] = "experienced",
    soft_limit: int = 10,
    hard_limit: int = 15,
    capacity_points: float = 40.0,
    active_from: date = date(2026, 1, 1),
) -> WorkerStory:
    """A key worker in the pool, with an empty caseload; their staff reference is `worker-NAME`."""
    worker_id = WorkerId(some_id(f"worker/{name}"))
    return WorkerStory(name, REFERRED).then_also(
        k.KeyWorkerRegistered(
            worker_id=worker_id,
            staff_ref=f"worker-{name}",
            display_name=name.title(),
            agency=agency,
            programme=PROGRAMME,
            forums=forums,
            specialisms=specialisms,
            languages=languages,
            gender=gender,
            grade=grade,
            soft_limit=soft_limit,
            hard_limit=hard_limit,
            capacity_points=capacity_points,
            active_from=active_from,
        )
    )


@dataclass(frozen=True)
class WorkerStory(Story):
    """One key worker and what they carry."""

    @property
    def worker_id(self) -> WorkerId:
        return WorkerId(some_id(f"worker/{self.name}"))

    @property
    def actor(self) -> Actor:
        """The worker as somebody who acts."""
        return actor(Role.KEY_WORKER, person=f"worker-{self.name}", agency=SHELTER)

    def carrying(self, cases: int, *, points: int = 4) -> Self:
        """This many other cases are on the caseload."""
        return self.then_also(
            *(
                k.CaseTaken(
                    worker_id=self.worker_id,
                    case_id=CaseId(some_id(f"case/{self.name}/{number}")),
                    points=points,
                )
                for number in range(cases)
            )
        )

    def leaving(self, last_day: date) -> Self:
        return self.then_also(k.KeyWorkerLeft(worker_id=self.worker_id, last_day=last_day))
