"""The case as its events tell it: what it remembers, and the small questions that a rule asks of it (`require…`).

What each event changes is in `evolving/`, a file per part of the pathway; the rules themselves are in the stage files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import ModuleType
from typing import Any, Final, Literal, get_args
from uuid import UUID

from domain.case.allocation_states import (
    ALLOCATION_TOPICS,
    AllocationState,
    CoverState,
    WaitingState,
    allocation_after,
    cover_after,
    waiting_after,
)
from domain.case.bands import Band
from domain.case.consent_rules import GrantNotInState
from domain.case.disclosure import bases_of
from domain.case.evolving import (
    action,
    allocation,
    consent,
    escalation,
    forum_review,
    life,
    notification,
    referral,
    safeguarding,
    step_down,
    support,
)
from domain.case.evolving.action import Action
from domain.case.evolving.allocation import Away, Cover, PlannedHandover
from domain.case.evolving.consent import Authority, Grant, LawfulBasis
from domain.case.evolving.escalation import Escalation
from domain.case.evolving.forum_review import Told
from domain.case.evolving.safeguarding import Concern
from domain.case.grants import GrantState
from domain.case.offers import WorkerOffered
from domain.case.sharing import Purpose
from domain.case.stages import Stage, stage_after
from domain.errors import AlreadyRecorded, NotFound, NotYetDue, WrongStage
from domain.messages import (
    ActionId,
    AuthorityId,
    CaseId,
    Command,
    ConcernId,
    EscalationId,
    GrantId,
    MeetingId,
    OutcomeId,
    PersonId,
    WorkerId,
)

AnyCaseEvent = (
    referral.AnyReferralEvent
    | consent.AnyConsentEvent
    | forum_review.AnyForumEvent
    | action.AnyActionEvent
    | allocation.AnyAllocationEvent
    | support.AnySupportEvent
    | step_down.AnyStepDownEvent
    | safeguarding.AnySafeguardingEvent
    | escalation.AnyEscalationEvent
    | notification.AnyNotificationEvent
    | life.AnyLifeEvent
)

_EVOLVING: Final[Mapping[ModuleType, Any]] = {
    referral: referral.AnyReferralEvent,
    consent: consent.AnyConsentEvent,
    forum_review: forum_review.AnyForumEvent,
    action: action.AnyActionEvent,
    allocation: allocation.AnyAllocationEvent,
    support: support.AnySupportEvent,
    step_down: step_down.AnyStepDownEvent,
    safeguarding: safeguarding.AnySafeguardingEvent,
    escalation: escalation.AnyEscalationEvent,
    notification: notification.AnyNotificationEvent,
    life: life.AnyLifeEvent,
}
_EVOLVE: Final[Mapping[type, Callable[[Case, Any], None]]] = {
    kind: part.evolve for part, events in _EVOLVING.items() for kind in (get_args(events) or (events,))
}


_BESIDE_THE_PATHWAY: Final = ("screening", "enquiry", "child_seen", "conference", "escalation")
"""Clocks that a closed case keeps: protection never ends because a case does."""
_MAY_BE_LEFT_AGAIN: Final = (Stage.OUTREACH, Stage.SUSPENDED, Stage.CLOSED)


@dataclass(slots=True)
class Case:
    """One episode of one person in one programme, from referral to closure."""

    case_id: CaseId
    person_id: PersonId = field(default=PersonId(UUID(int=0)))
    stage: Stage = Stage.NEW
    programme: str = ""
    programme_version: str = ""
    previous_case: CaseId | None = None
    """The person's episode before this one, if there was one."""
    referring_agency: str = ""
    attached_referrers: tuple[str, ...] = ()
    """Agencies that referred the same person as well, and were attached to this case."""
    neighbourhood: str | None = None
    forum: str | None = None
    urgency: str = "routine"
    needs: tuple[str, ...] = ()
    offer: str = ""
    ndta: tuple[int | None, ...] | None = None
    interpreter_needed: bool = False
    first_language: str = ""
    risk_to_workers: str = ""
    acknowledged: bool = False
    duplicate_candidates: dict[CaseId, PersonId] = field(default_factory=dict)
    undecided_duplicates: set[PersonId] = field(default_factory=set)
    same_as: set[PersonId] = field(default_factory=set)
    """Earlier records of the same person, as a coordinator decided."""
    information_lapsed: bool = False
    due: dict[str, datetime] = field(default_factory=dict)
    """Running clocks by name; a clock leaves when what it waited for happened. A clock of which a case may have
    several bears the id of what it is about: `consent_review:<grant id>`."""
    overdue: set[str] = field(default_factory=set)
    consent_reminders: int = 0
    grants: dict[GrantId, Grant] = field(default_factory=dict)
    authorities: dict[AuthorityId, Authority] = field(default_factory=dict)
    """Permissions to share without consent."""
    lawful_bases: dict[tuple[str, Purpose], LawfulBasis] = field(default_factory=dict)
    """By controller and purpose."""
    barred_viewers: set[str] = field(default_factory=set)
    """Whoever a court, a child's wish or a conflict keeps from the case, by the reference they act under."""
    participation_agreed: bool = False
    meeting_id: MeetingId | None = None
    agenda_kind: Literal["case", "review", "advice"] | None = None
    """As what it stands on the agenda of the meeting `meeting_id`; None while it stands on none."""
    agencies_asked: tuple[str, ...] = ()
    returned: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)
    """What agencies told the forum for the meeting of `meeting_id`."""
    review_outcome: str | None = None
    """What the forum said when it last looked at the case again."""
    actions: dict[ActionId, Action] = field(default_factory=dict)
    intensity: Literal["low", "standard", "intensive"] = "standard"
    candidates: tuple[WorkerId, ...] = ()
    refused_workers: set[WorkerId] = field(default_factory=set)
    queried_workers: set[WorkerId] = field(default_factory=set)
    silent_workers: set[WorkerId] = field(default_factory=set)
    """Workers who were given the case and did not answer."""
    conflicts: set[WorkerId] = field(default_factory=set)
    """Workers with a conflict of interest."""
    wants_gender: str | None = None
    band: Band | None = None
    band_when_left: Band | None = None
    """In which band the case waited before it left the list; it has that band again if it comes back to it."""
    joined_at: datetime | None = None
    """Since when the case has a place on the waiting list; kept until the person is engaged with a worker."""
    waiting_state: WaitingState = WaitingState.NONE
    offer_open: WorkerOffered | None = None
    allocation_state: AllocationState = AllocationState.UNALLOCATED
    cover_state: CoverState = CoverState.UNCOVERED
    away: Away | None = None
    cover: Cover | None = None
    handover: PlannedHandover | None = None
    children: int = 0
    long_travel: bool = False
    programmes: int = 1
    worker_id: WorkerId | None = None
    allocation_accepted: bool = False
    contact_attempts: int = 0
    met_face_to_face: bool = False
    misses: tuple[datetime | None, ...] = ()
    """The attempts since the person was last reached that did not reach them; None is one of no known time."""
    reached_at: datetime | None = None
    """When a contact last reached the person, by when it happened and not by when it was recorded."""
    outreach_attempts: int = 0
    outreach_escalated: bool = False
    risk_screened: bool = False
    child_safety_screened: bool = False
    household_children: int = 0
    child_protection_plan: bool = False
    paused: dict[str, datetime] = field(default_factory=dict)
    """Clocks that stand still while the case is suspended, and when each would have run out."""
    suspended_at: datetime | None = None
    worker_when_suspended: WorkerId | None = None
    review_requested: str | None = None
    """What for the forum was asked to look at the case again, until it has."""
    lead_agency: str | None = None
    outcomes: dict[OutcomeId, str] = field(default_factory=dict)
    plan_reviewed: bool = False
    receiving_agency: str | None = None
    cleared_concerns: frozenset[ConcernId] = frozenset()
    """Enquiries that the safeguarding lead knew of and cleared when the step-down was proposed."""
    receiving_lead: str | None = None
    check_in: int = 0
    check_in_answered: bool = True
    missed_check_ins: int = 0
    last_check_in: str | None = None
    monitoring_ends_at: datetime | None = None
    monitoring_elapsed: bool = False
    priority_uplift: bool = False
    """Support was stepped back up and waits for a worker: the case comes before others of its kind."""
    sustained_outcome_asked: bool = False
    outcome_lasted: bool | None = None
    concerns: dict[ConcernId, Concern] = field(default_factory=dict)
    """Every safeguarding concern there has been, in the order in which they were raised."""
    barred: set[str] = field(default_factory=set)
    """Whoever must not see or touch the case, by the reference they act under: alleged sources of harm."""
    forum_referrals: list[tuple[str, datetime]] = field(default_factory=list)
    """Which other forums were told of the risk, and when."""
    escalations: dict[EscalationId, Escalation] = field(default_factory=dict)
    death_reported: bool = False
    closed_because: str | None = None
    merged_into: CaseId | None = None
    worker_when_closed: WorkerId | None = None
    due_when_closed: dict[str, datetime] = field(default_factory=dict)
    came_from: dict[Stage, Stage] = field(default_factory=dict)
    """For a stage that a case may be brought back from, the one it was in before."""

    @property
    def exists(self) -> bool:
        return self.stage is not Stage.NEW

    @property
    def enquiries(self) -> frozenset[ConcernId]:
        """Safeguarding concerns that met the threshold and whose enquiry is under way, or about to begin."""
        return frozenset(one for one, stands in self.open_concerns.items() if stands in ("met", "enquiry"))

    @property
    def open_concerns(self) -> dict[ConcernId, str]:
        """The safeguarding concerns that are not closed, and the state each is in."""
        return {one.concern_id: one.state for one in self.concerns.values() if one.state != "closed"}

    @property
    def open_actions(self) -> list[Action]:
        return [action for action in self.actions.values() if action.is_open]

    def require(self, command: Command, *stages: Stage) -> None:
        """Refuse a command that is not for the stage the case is in."""
        if self.stage not in stages:
            raise WrongStage(command=command.NAME, allowed=", ".join(stages), stage=self.stage)

    def require_open(self, command: Command) -> None:
        """Refuse a command on a draft or a closed case."""
        if self.stage in (Stage.NEW, Stage.DRAFT, Stage.CLOSED):
            raise WrongStage(command=command.NAME, allowed="any open stage", stage=self.stage)

    def require_passed(self, command: Command, clock: str, now: datetime) -> datetime:
        """The deadline of a running clock, once it has passed."""
        due_at = self.due.get(clock)
        if due_at is None:
            raise WrongStage(
                command=command.NAME, allowed=f"any in which the clock {clock} runs", stage=self.stage
            )
        if now < due_at:
            raise NotYetDue(command=command.NAME, due_at=due_at)
        return due_at

    def require_newly_passed(self, command: Command, clock: str, now: datetime, *, what: str) -> datetime:
        """The deadline of a running clock, once it has passed and as long as nobody has marked it."""
        due_at = self.require_passed(command, clock, now)
        if clock in self.overdue:
            raise AlreadyRecorded(what=what)
        return due_at

    def require_grant(self, command: Command, grant_id: GrantId, *states: GrantState) -> Grant:
        """The consent of this id, in one of these states."""
        grant = self.grants.get(grant_id)
        if grant is None:
            raise NotFound(kind="consent", id=grant_id)
        if grant.state not in states:
            raise GrantNotInState(command=command.NAME, allowed=" or ".join(states), state=grant.state)
        return grant

    def start_clocks(self, **due_at: datetime | None) -> None:
        """They run, or run anew, until these instants; one without an instant is left as it is."""
        for clock, instant in due_at.items():
            if instant is not None:
                self.due[clock] = instant
                self.overdue.discard(clock)

    def stop_clocks(self, *clocks: str) -> None:
        """What they waited for happened, or can happen no more."""
        for clock in clocks:
            self.due.pop(clock, None)
            self.overdue.discard(clock)

    def close(self, because: str) -> None:
        """The episode ends; of what was waited for, only what runs beside the pathway goes on."""
        self.closed_because, self.agenda_kind = because, None
        self.worker_when_closed = self.worker_id
        self.due_when_closed = {
            clock: due_at
            for clock, due_at in self.due.items()
            if clock.partition(":")[0] not in _BESIDE_THE_PATHWAY
        }
        self.stop_clocks(*(clock for clock in self.due if clock.partition(":")[0] not in _BESIDE_THE_PATHWAY))


def evolve(case: Case, event: AnyCaseEvent) -> Case:
    """Assign what the event says."""
    before, case.stage = case.stage, stage_after(case.stage, event)
    if case.stage in _MAY_BE_LEFT_AGAIN and before not in (case.stage, Stage.CLOSED):
        case.came_from[case.stage] = before
    if case.stage not in (before, Stage.CLOSED):
        case.stop_clocks(*support.left_behind(case.stage))
    about_an_allocation = event.TOPIC in ALLOCATION_TOPICS
    if about_an_allocation:
        case.allocation_state = allocation_after(case.allocation_state, event)
        case.cover_state = cover_after(case.cover_state, event)
        case.waiting_state = waiting_after(case.waiting_state, event)
    _EVOLVE[type(event)](case, event)
    if about_an_allocation:
        allocation.leave_behind(case)
    if case.authorities:
        consent.use_up(case, bases_of(event))
    return case
