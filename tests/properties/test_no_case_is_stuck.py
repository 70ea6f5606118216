"""Random lives: legal and illegal commands, lapses of time, and the engine's own steps. No case is ever stuck.

Every open case has somebody or something to go on by: a deadline that is still to come, or a step of the pathway that
some role may take now. Whatever happens, a case is what its events tell, and moves only where the table says; and should
all processes be lost, those that are begun anew wait for the same as those that ran.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain import catalogue
from domain.application import Request
from domain.case.correction import RecordVoided
from domain.case.stages import MOVES, OPEN_STAGES, Stage
from domain.case.state import Case
from domain.errors import ConcurrentChange, DomainError, EffectiveInFuture
from domain.loading import fold
from domain.meeting.state import Meeting, MeetingStage
from domain.messages import Actor
from domain.ports import Append
from domain.roles import MAY_ISSUE, Role
from tests.domain.forms import FORMS, by_timer_alone, in_order
from tests.domain.pairs import Form
from tests.properties.engine import Engine
from tests.properties.in_memory import LogInMemory, now_and_here
from tests.support.scenario import (
    ANY_COMMAND_MAY_MEET,
    COORDINATOR,
    FORUM,
    HOUSING,
    MANAGER,
    POLICE,
    QUORUM,
    REFERRED,
    SHELTER,
    actor,
    rules,
    some_id,
)
from tests.support.situations import Situation, situations
from workflows.contracts import ProcessKind
from workflows.process import Step

USUAL: Mapping[str, Situation] = situations("nobody")
OFFICER = actor(Role.REFERRER, person="officer-7", agency=POLICE)
LAPSES = (
    timedelta(minutes=1),
    timedelta(hours=5),
    timedelta(days=1),
    timedelta(days=4),
    timedelta(days=16),
    timedelta(days=35),
    timedelta(days=100),
)
_HANDOVER = {"discloser": SHELTER, "recipient": HOUSING, "purpose": "handover"}
BY_PEOPLE = {
    **{name: form for name, form in FORMS.items() if not by_timer_alone(form)},
    "request-consent, for the handover": Form(
        "request-consent", {**_HANDOVER, "categories": ["identity", "contact", "support_plan"]}
    ),
}
SEEDS = st.integers(0, 2**32)
WAY = 40
"""How many steps a case may take to where its story begins."""
DETOURS: Mapping[tuple[Stage, Stage], str] = {
    (Stage.TRIAGE, Stage.INFO_REQUESTED): "request-information",
    (Stage.AWAITING_ALLOCATION, Stage.WAITING_LIST): "join-waiting-list",
    (Stage.ACTIVE, Stage.SUSPENDED): "suspend",
    (Stage.ACTIVE, Stage.OUTREACH): "record-contact, missed",
}
"""What leads off the main road, from a stage to another."""
MAIN_ROAD: Mapping[Stage, tuple[str, ...]] = {
    Stage.SUBMITTED: ("start-triage",),
    Stage.TRIAGE: ("confirm-eligible", "rule-out-duplicate", "mark-ineligible"),
    Stage.INFO_REQUESTED: ("supply-information",),
    Stage.AWAITING_CONSENT: ("agree-to-take-part", "reach-consent-position, agreed"),
    Stage.READY_FOR_FORUM: ("schedule-item", "add-urgent-item"),
    Stage.ON_AGENDA: (
        "record-decision, accept_key_worker",
        "start-meeting, with a quorum",
        "record-decision, accept_lead_agency",
        "withdraw-item",
    ),
    Stage.AWAITING_ALLOCATION: ("propose-match", "allocate-key-worker"),
    Stage.WAITING_LIST: ("offer-worker", "accept-offer", "allocate-key-worker"),
    Stage.INTRODUCTION: ("accept-allocation", "record-contact, reached", "confirm-engagement"),
    Stage.ACTIVE: ("propose-step-down", "review-plan", "record-contact, reached", "set-outcome"),
    Stage.OUTREACH: ("contact-made", "record-risk-screen", "close-disengaged"),
    Stage.SUSPENDED: ("resume",),
    Stage.STEP_DOWN_PROPOSED: (
        "approve-step-down",
        "grant-consent",
        "request-consent, for the handover",
        "reject-step-down",
    ),
    Stage.STEPPING_DOWN: ("complete-handover", "fail-step-down"),
    Stage.MONITORING: ("record-check-in", "confirm-sustained", "step-back-up"),
    Stage.CLOSED: ("reopen-case",),
}
"""What leads on from each stage, likelier first."""
ANYWHERE = {
    "record-death",
    "report-death",
    "merge-cases",
    "record-move-out",
    "withdraw-participation",
    "withdraw-participation, a duty to go on",
}
"""What ends a case from wherever it stands is no next step."""


@cache
def _carried_out_in() -> Mapping[str, tuple[str, ...]]:
    """By the pinned table: which forms some situation of a stage allows."""
    pinned = json.loads((Path(__file__).parents[1] / "domain" / "every_pair.json").read_text("utf-8"))
    found: dict[str, dict[str, None]] = {}
    for machine, states in pinned.items():
        for state, lines in states.items():
            stage = state.partition(",")[0] if machine.startswith("A,") else "any"
            names = (name for name, what in lines.items() if isinstance(what, str) and name in BY_PEOPLE)
            found.setdefault(stage, {}).update(dict.fromkeys(names))
    return {stage: tuple(in_order({name: FORMS[name] for name in names})) for stage, names in found.items()}


class WouldBeDone(Exception):
    """A command that was only tried would have been carried out."""


class Trying(LogInMemory):
    """The same log, in which nothing is written."""

    def __init__(self, log: LogInMemory) -> None:
        self.__dict__.update(log.__dict__)

    async def append(self, append: Append) -> Any:
        raise WouldBeDone


class Lives(RuleBasedStateMachine):
    """A few people, two key workers and a forum that meets every four weeks."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine(rules(), REFERRED)
        self.number = 0
        self.cases: list[UUID] = []

    @initialize(workers=st.integers(0, 2), stage=st.sampled_from(sorted(OPEN_STAGES)), seed=SEEDS)
    def begin(self, workers: int, stage: Stage, seed: int) -> None:
        """The first case has come some way, if it could, to this stage."""
        choice = self._chance(seed)
        for name in ("sam", "kim")[:workers]:
            fields = {"staff_ref": f"worker-{name}", "worker_id": str(some_id(f"worker/{name}"))}
            self._issue("register-key-worker", fields, MANAGER)
        meeting = {"forum": FORUM, "starts_at": "2027-01-20T10:00:00+00:00", "repeats": True}
        self._issue("plan-meeting", {**meeting, "meeting_id": str(some_id("meeting/1"))}, COORDINATOR)
        self.somebody_is_referred()
        for _ in range(WAY):
            stands = self._case(self.cases[0]).stage
            if stands in (stage, Stage.CLOSED):
                break
            detour = DETOURS.get((stands, stage))
            if detour is None or not self._try(detour, self.cases[0], choice):
                self._go_on(choice)

    # -- what happens -------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.cases) < 3)
    @rule()
    def somebody_is_referred(self) -> None:
        number = len(self.cases) + 1
        case_id = some_id(f"life/{number}")
        form = {
            **USUAL["submit-referral"].fields["form"],
            "given_name": ("Robin", "Alexis", "Toni")[number - 1],
            "date_of_birth": f"198{number}-03-31",
        }
        self.cases.append(case_id)
        self._issue("submit-referral", {"case_id": str(case_id), "form": form}, OFFICER)

    @rule(seed=SEEDS, steps=st.integers(1, 5))
    def the_case_goes_on(self, seed: int, steps: int) -> None:
        choice = self._chance(seed)
        for _ in range(steps):
            self._go_on(choice)

    @rule(seed=SEEDS)
    def somebody_does_what_the_stage_allows(self, seed: int) -> None:
        choice = self._chance(seed)
        case_id = choice.choice(self.cases)
        for _ in range(4):
            allowed = (*_carried_out_in().get(self._case(case_id).stage, ()), *_carried_out_in()["any"])
            self._try(choice.choice(allowed), case_id, choice)

    @rule(seed=SEEDS)
    def somebody_does_anything(self, seed: int) -> None:
        choice = self._chance(seed)
        self._try(choice.choice(tuple(BY_PEOPLE)), choice.choice(self.cases), choice)

    @rule(lapse=st.sampled_from(LAPSES))
    def time_passes(self, lapse: timedelta) -> None:
        self.engine.let_pass(self.engine.now + lapse)

    def _chance(self, seed: int) -> random.Random:
        """The same chance in every run, and another at every step, for hypothesis likes to draw the same seed."""
        return random.Random(f"{seed}/{self.number}/{self.engine.now}")

    def _go_on(self, choice: random.Random) -> None:
        """The likely next step of one case; its meeting begins when its time has come."""
        case_id = choice.choice(self.cases)
        stage = self._case(case_id).stage
        road = MAIN_ROAD.get(stage, ())
        meeting = self._meeting_of(case_id) if stage is Stage.ON_AGENDA else None
        if meeting and meeting.stage in (MeetingStage.AGENDA_OPEN, MeetingStage.AGENDA_CLOSED):
            self.engine.let_pass(max(self.engine.now, meeting.start))
        if stage is Stage.CLOSED and choice.random() < 0.7:
            return
        if stage in (Stage.STEPPING_DOWN, Stage.MONITORING) and choice.random() < 0.5:
            self.engine.let_pass(self.engine.now + timedelta(days=28))
        for name in road:
            if self._try(name, case_id, choice) and choice.random() < 0.8:
                return
        self.engine.let_pass(self.engine.now + timedelta(hours=3))

    # -- how a command is sent ----------------------------------------------------------------------------------------

    def _issue(self, command: str, fields: Mapping[str, Any], by: Actor) -> None:
        example = catalogue.decision(command).command.EXAMPLE
        model = catalogue.decision(command).command.model_validate({**example, **fields})
        self.number += 1
        self.engine.ask(
            Request(command=model, actor=by, command_id=uuid5(some_id("lives"), str(self.number)))
        )
        self.engine.let_pass(self.engine.now)

    def _try(self, name: str, case_id: UUID, choice: random.Random) -> bool:
        """Whether it was carried out; if not, a rule that is named refused it and nothing is on record of it."""
        request = self._request(name, case_id, choice)
        before, states = len(self.engine.log.recorded), self._folded(case_id)
        try:
            self.engine.ask(request)
        except DomainError as refusal:
            self._is_named(refusal, request)
            assert len(self.engine.log.recorded) == before
            assert self._folded(case_id) == states == self._case(case_id)
            return False
        self.engine.let_pass(self.engine.now + timedelta(minutes=1))
        return True

    @staticmethod
    def _is_named(refusal: DomainError, request: Request) -> None:
        listed = catalogue.refusals(request.command.NAME)
        named = isinstance(refusal, (*ANY_COMMAND_MAY_MEET, *listed, ConcurrentChange, EffectiveInFuture))
        assert named, (
            f"{request.command.NAME} was refused by {refusal.code}, which the catalogue does not name"
        )

    def _request(self, name: str, case_id: UUID, choice: random.Random) -> Request:
        form = BY_PEOPLE[name]
        command = catalogue.decision(form.command).command
        usual = USUAL.get(form.command)
        fields: dict[str, Any] = dict(usual.fields if usual else command.EXAMPLE)
        ids = self._ids(name, case_id, choice)
        fields |= {key: str(value) for key, value in ids.items() if key in fields and value is not None}
        for key, value in form.change.items():
            fields[key] = value(self.engine.now) if callable(value) else value
        if name == "start-meeting, with a quorum":
            fields["attendees"] = [
                line.model_dump() | {"confidentiality_acknowledged": True} for line in QUORUM
            ]
        if name.startswith("chair-decides, urgent"):
            fields["urgent"] = [{**one, "case_id": str(case_id)} for one in fields["urgent"]]
        if name in ("submit-referral", "draft-referral"):
            fields["case_id"] = str(case_id)
        if name == "plan-meeting":
            fields |= {"starts_at": (self.engine.now + timedelta(days=40)).isoformat()}
        self.number += 1
        return Request(
            command=command.model_validate(fields),
            actor=self._by(name, form, case_id, choice),
            command_id=uuid5(some_id("lives"), str(self.number)),
        )

    def _by(self, name: str, form: Form, case_id: UUID, choice: random.Random) -> Actor:
        """Mostly whoever would do it here; sometimes anybody."""
        if choice.random() < 0.05:
            return actor(choice.choice([role for role in Role if role is not Role.SYSTEM]))
        case = self._case(case_id)
        usual = form.by or (USUAL[form.command].by if form.command in USUAL else COORDINATOR)
        if usual.role is Role.KEY_WORKER:
            has_it = {some_id(f"worker/{name}"): name for name in ("sam", "kim")}.get(case.worker_id)  # type: ignore[arg-type]
            may_manager = Role.MANAGER in MAY_ISSUE[catalogue.decision(form.command).command.PERMISSION]
            if has_it is None and may_manager:
                return MANAGER
            return actor(Role.KEY_WORKER, person=f"worker-{has_it or 'sam'}", agency=SHELTER)
        return usual

    def _ids(self, name: str, case_id: UUID, choice: random.Random) -> Mapping[str, UUID | int | None]:
        case = self._case(case_id)
        workers = [some_id("worker/sam"), some_id("worker/kim")]
        choice.shuffle(workers)

        def one_of(known: Any) -> UUID | None:
            return choice.choice(list(known)) if known else None

        others = [one for one in self.cases if one != case_id] or [case_id]
        other = choice.choice(others)
        return {
            "case_id": case_id,
            "meeting_id": self._meeting_for(name, case_id),
            "earlier_meeting": some_id("meeting/1"),
            "worker_id": case.worker_id if case.worker_id and choice.random() < 0.7 else workers[0],
            "successor_id": workers[0] if workers[0] != case.worker_id else workers[1],
            "cover_worker_id": workers[0] if workers[0] != case.worker_id else workers[1],
            "action_id": one_of(case.actions),
            "grant_id": one_of(
                [of for of, one in case.grants.items() if one.state == "requested"] or case.grants
            ),
            "concern_id": one_of(case.concerns),
            "escalation_id": one_of(case.escalations),
            "outcome_id": one_of(case.outcomes),
            "authority_id": one_of(case.authorities),
            "other_person": one_of(case.undecided_duplicates),
            "duplicate_of": other,
            "survivor": other,
            "version": choice.randint(1, len(self.engine.log.streams[case_id]) + 1),
        }

    def _meeting_for(self, name: str, case_id: UUID) -> UUID | None:
        """The meeting the case is on the agenda of, or the next one that the command could be about."""
        own = self._case(case_id).meeting_id
        wanted: tuple[MeetingStage, ...]
        wanted = {"add-urgent-item": (MeetingStage.AGENDA_CLOSED,)}.get(name, (MeetingStage.AGENDA_OPEN,))
        if name not in ("schedule-item", "schedule-review-item", "schedule-advice-item", "add-urgent-item"):
            if own is not None:
                return own
            wanted = tuple(MeetingStage)
        return next((of for of, one in self._meetings() if one.stage in wanted), some_id("meeting/1"))

    # -- how it stands ------------------------------------------------------------------------------------------------

    def _case(self, case_id: UUID) -> Case:
        return self.engine.progress[case_id].case  # type: ignore[attr-defined,no-any-return]

    def _folded(self, case_id: UUID) -> Case:
        return fold("Case", case_id, self.engine.log.streams[case_id])  # type: ignore[no-any-return]

    def _meetings(self) -> Iterator[tuple[UUID, Meeting]]:
        found = ((of, one.meeting) for of, one in self.engine.progress.items() if hasattr(one, "meeting"))
        return iter(sorted(found, key=lambda one: one[1].start))

    def _meeting_of(self, case_id: UUID) -> Meeting | None:
        own = self._case(case_id).meeting_id
        return next((one for of, one in self._meetings() if of == own), None)

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def every_open_case_has_a_process_that_waits_for_something(self) -> None:
        for case_id in self.cases:
            if self._case(case_id).stage in OPEN_STAGES:
                assert self.engine.waiting(case_id), f"nothing waits in {self._case(case_id).stage}"

    @invariant()
    def no_deadline_passes_unnoticed(self) -> None:
        for case_id in self.cases:
            case = self._case(case_id)
            for clock, due_at in case.due.items():
                assert due_at > self.engine.now or clock in case.overdue or clock == "acknowledge", (
                    f"{clock} ran out at {due_at} in {case.stage}, and nothing was said"
                )

    def teardown(self) -> None:
        for case_id in self.cases:
            self._no_case_is_stuck(case_id)
            self._a_case_is_what_its_events_tell(case_id)
        self._what_is_begun_anew_waits_for_the_same()

    def _no_case_is_stuck(self, case_id: UUID) -> None:
        case = self._case(case_id)
        if case.stage not in OPEN_STAGES:
            return
        assert any(self._could_do(name, case_id) for name in self._next_steps(case)), (
            f"nobody can do anything in {case.stage}; clocks: {sorted(case.due)}"
        )

    def _next_steps(self, case: Case) -> Iterator[str]:
        yield from MAIN_ROAD[case.stage]
        yield from (name for name in _carried_out_in()[case.stage] if name not in ANYWHERE)

    def _could_do(self, name: str, case_id: UUID) -> bool:
        real, choice = self.engine.application._log, random.Random(0)
        self.engine.application._log = Trying(self.engine.log)
        try:
            now_and_here(self.engine.application.execute(self._request(name, case_id, choice)))
        except WouldBeDone:
            return True
        except DomainError:
            return False
        finally:
            self.engine.application._log = real
        return False

    def _a_case_is_what_its_events_tell(self, case_id: UUID) -> None:
        stream, stood = self.engine.log.streams[case_id], self.engine.as_it_stood[case_id]
        assert [one.event for one in stream] == self.engine.log.given[case_id]
        stage = Stage.NEW
        for number, (one, was) in enumerate(zip(stream, stood, strict=True), start=1):
            assert fold("Case", case_id, stream[:number]) == was, f"after {one.event.TOPIC}, event {number}"
            if not isinstance(one.event, RecordVoided) and was.stage is not stage:
                allowed = MOVES[one.event.TOPIC][stage]
                assert was.stage in (allowed if isinstance(allowed, tuple) else (allowed,))
            stage = was.stage

    def _what_is_begun_anew_waits_for_the_same(self) -> None:
        before = len(self.engine.log.recorded)
        anew = self.engine.rebuilt()
        assert len(self.engine.log.recorded) == before, "a step that was taken is not taken again"
        assert anew.progress.keys() == self.engine.progress.keys()
        for stream_id in anew.progress:
            assert self._shown(anew.waiting(stream_id)) == self._shown(self.engine.waiting(stream_id))

    @staticmethod
    def _shown(waiting: Mapping[ProcessKind, tuple[str, Step | None]]) -> dict[ProcessKind, tuple[Any, ...]]:
        """What each waits for, and which step it takes when by itself."""
        return {
            kind: (waits_for, step and (step.key, step.due_at)) for kind, (waits_for, step) in waiting.items()
        }


TestNoCaseIsStuck = Lives.TestCase
TestNoCaseIsStuck.settings = settings(
    max_examples=200,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
