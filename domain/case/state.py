"""The case as its events tell it. `evolve` only assigns: no guard, no clock, no rule.

The small questions a rule asks (`require…`) are methods of `Case`; the rules themselves are in the stage files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, assert_never
from uuid import UUID

from domain.case import action as a
from domain.case import allocation as al
from domain.case import consent as c
from domain.case import forum_review as f
from domain.case import introduction as i
from domain.case import participation as p
from domain.case import referral as r
from domain.case import safeguarding as sg
from domain.case import step_down as sd
from domain.case import support as su
from domain.case import triage as t
from domain.case.stages import MOVES, Stage
from domain.errors import NotFound, NotYetDue, WrongStage
from domain.messages import (
    ActionId,
    CaseId,
    Command,
    ConcernId,
    GrantId,
    MeetingId,
    OutcomeId,
    PersonId,
    WorkerId,
)

AnyCaseEvent = (
    r.ReferralDrafted
    | r.ReferralDraftDiscarded
    | r.ReferralSubmitted
    | r.PossibleDuplicateFlagged
    | t.ReferralAcknowledged
    | t.TriageStarted
    | t.TriageOverdue
    | t.EligibilityConfirmed
    | t.ReferralDeclined
    | t.ReferralTransferredOut
    | t.DuplicateFound
    | t.ReferralLinked
    | t.ReferralAttached
    | t.DuplicateRuledOut
    | t.ReferralWithdrawn
    | p.ConsentAttempted
    | p.ConsentReminderRaised
    | p.ConsentOverdue
    | c.ConsentRequested
    | c.ConsentGranted
    | c.ConsentRefused
    | c.ConsentWithdrawn
    | p.ParticipationAgreed
    | p.ParticipationRefused
    | c.LawfulBasisRecorded
    | p.ConsentPositionRecorded
    | f.ForumItemScheduled
    | f.ForumListingOverdue
    | f.ForumItemWithdrawn
    | f.InformationReturned
    | f.InformationReturnsMissing
    | f.ForumDecisionRecorded
    | f.PlanAgreed
    | f.LeadAgencyNamed
    | f.ForumItemDeferred
    | f.ForumDeclined
    | f.CaseReferredOn
    | f.ForumDecisionOverdue
    | a.ActionAssigned
    | a.ActionAcknowledged
    | a.ActionProgressed
    | a.ActionCompleted
    | a.ActionCancelled
    | a.ActionReassigned
    | a.ActionOverdue
    | al.MatchesProposed
    | al.WorkerPreferenceRecorded
    | al.AllocationOverdue
    | al.WaitingListJoined
    | al.WaitingCheckDue
    | al.WaitingCheckRecorded
    | al.WaitingListLeft
    | al.KeyWorkerAllocated
    | al.AllocationAccepted
    | al.AllocationQueried
    | al.AllocationAnswerOverdue
    | al.FirstContactOverdue
    | al.AllocationEnded
    | i.ContactRecorded
    | i.EngagementConfirmed
    | i.SupportDeclined
    | su.OutcomeSet
    | su.OutcomeProgressed
    | su.PlanReviewed
    | sd.StepDownProposed
    | sd.StepDownApprovalOverdue
    | sd.StepDownApproved
    | sd.StepDownRejected
    | sd.HandoverOverdue
    | sd.HandoverCompleted
    | sd.StepDownFailed
    | sd.CheckInDue
    | sd.CheckInRecorded
    | sd.CheckInMissed
    | sd.ManagerReviewRequested
    | sd.MonitoringWindowElapsed
    | sd.SteppedBackUp
    | sd.OutcomeSustained
    | sg.SafeguardingConcernRaised
    | sg.ConcernScreened
    | sg.SafeguardingOutcomeRecorded
)

GrantState = Literal["requested", "granted", "refused", "withdrawn"]
ActionState = Literal["open", "acknowledged", "in_progress", "done", "cancelled"]


@dataclass(slots=True)
class Grant:
    """One consent: who may tell whom what, what for, and until when."""

    grant_id: GrantId
    discloser: str
    recipient: str
    purpose: c.Purpose
    categories: tuple[c.Category, ...]
    state: GrantState = "requested"
    effective_from: datetime | None = None
    expires_at: datetime | None = None


@dataclass(slots=True)
class Action:
    """One action of the plan."""

    action_id: ActionId
    owner: str
    agency: str
    due_at: datetime
    state: ActionState = "open"
    overdue: bool = False

    @property
    def is_open(self) -> bool:
        return self.state in ("open", "acknowledged", "in_progress")


@dataclass(slots=True)
class Case:
    """One episode of one person in one programme, from referral to closure."""

    case_id: CaseId
    person_id: PersonId = field(default=PersonId(UUID(int=0)))
    stage: Stage = Stage.NEW
    programme: str = ""
    programme_version: str = ""
    referring_agency: str = ""
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
    due: dict[str, datetime] = field(default_factory=dict)
    """Running clocks by name; a clock leaves when what it waited for happened."""
    overdue: set[str] = field(default_factory=set)
    consent_reminders: int = 0
    grants: dict[GrantId, Grant] = field(default_factory=dict)
    participation_agreed: bool = False
    meeting_id: MeetingId | None = None
    agencies_asked: tuple[str, ...] = ()
    returned: set[str] = field(default_factory=set)
    actions: dict[ActionId, Action] = field(default_factory=dict)
    intensity: Literal["low", "standard", "intensive"] = "standard"
    candidates: tuple[WorkerId, ...] = ()
    refused_workers: set[WorkerId] = field(default_factory=set)
    queried_workers: set[WorkerId] = field(default_factory=set)
    wants_gender: str | None = None
    band: str | None = None
    worker_id: WorkerId | None = None
    allocation_accepted: bool = False
    contact_attempts: int = 0
    met_face_to_face: bool = False
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
    open_concerns: dict[ConcernId, str] = field(default_factory=dict)
    """Open safeguarding concerns: raised, or met when an enquiry is under way."""
    closed_because: str | None = None

    @property
    def exists(self) -> bool:
        return self.stage is not Stage.NEW

    @property
    def enquiries(self) -> frozenset[ConcernId]:
        """Safeguarding concerns that met the threshold and whose enquiry is under way."""
        return frozenset(one for one, stands in self.open_concerns.items() if stands == "enquiry")

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
            raise NotYetDue(command=command.NAME, due_at=due_at.isoformat())
        return due_at

    def require_grant(self, command: Command, grant_id: GrantId, *states: GrantState) -> Grant:
        """The consent of this id, in one of these states."""
        grant = self.grants.get(grant_id)
        if grant is None:
            raise NotFound(kind="consent", id=grant_id)
        if grant.state not in states:
            raise c.GrantNotInState(command=command.NAME, allowed=" or ".join(states), state=grant.state)
        return grant


def evolve(case: Case, event: AnyCaseEvent) -> Case:
    """Assign what the event says."""
    case.stage = MOVES.get(event.TOPIC, {}).get(case.stage, case.stage)
    match event:
        case r.ReferralDrafted():
            case.person_id, case.programme, case.referring_agency = (
                event.person_id,
                event.programme,
                event.referring_agency,
            )
        case r.ReferralDraftDiscarded():
            _close(case, "draft_discarded")
        case r.ReferralSubmitted():
            _submitted(case, event)
        case r.PossibleDuplicateFlagged():
            case.undecided_duplicates.add(event.other_person)
            if event.other_case is not None:
                case.duplicate_candidates[event.other_case] = event.other_person
        case t.ReferralAcknowledged():
            case.acknowledged = True
            case.due.pop("acknowledge", None)
        case t.TriageStarted():
            pass
        case t.TriageOverdue():
            case.overdue.add("triage")
        case t.EligibilityConfirmed():
            _stop_clocks(case, "triage")
            case.due.update(consent_attempt=event.consent_attempt_due_at, consent=event.consent_due_at)
        case t.ReferralDeclined():
            _close(case, "not_eligible")
        case t.ReferralTransferredOut():
            _close(case, "out_of_area")
        case t.DuplicateFound():
            case.undecided_duplicates.clear()
        case t.ReferralLinked():
            _close(case, "merged")
        case t.ReferralAttached():
            pass
        case t.DuplicateRuledOut():
            case.undecided_duplicates.discard(event.other_person)
        case t.ReferralWithdrawn():
            _close(case, "withdrawn_by_referrer")
        case p.ConsentAttempted():
            pass
        case p.ConsentReminderRaised():
            case.consent_reminders = event.number
            case.due["consent_attempt"] = event.next_due_at
        case p.ConsentOverdue():
            case.overdue.add("consent")
        case c.ConsentRequested():
            case.grants[event.grant_id] = Grant(
                event.grant_id, event.discloser, event.recipient, event.purpose, event.categories
            )
        case c.ConsentGranted():
            grant = case.grants[event.grant_id]
            grant.state, grant.effective_from, grant.expires_at = (
                "granted",
                event.effective_from,
                event.expires_at,
            )
        case c.ConsentRefused():
            case.grants[event.grant_id].state = "refused"
        case c.ConsentWithdrawn():
            case.grants[event.grant_id].state = "withdrawn"
        case p.ParticipationAgreed():
            case.participation_agreed = True
        case p.ParticipationRefused():
            _close(case, "consent_refused")
        case c.LawfulBasisRecorded():
            pass
        case p.ConsentPositionRecorded():
            _stop_clocks(case, "consent_attempt", "consent")
            case.due["listing"] = event.listing_due_at
        case f.ForumItemScheduled():
            _stop_clocks(case, "listing")
            case.meeting_id, case.agencies_asked, case.returned = (
                event.meeting_id,
                event.agencies_asked,
                set(),
            )
            case.due.update(returns=event.returns_due_at, decision=event.decision_due_at)
        case f.ForumListingOverdue():
            case.overdue.add("listing")
        case f.ForumItemWithdrawn() | f.ForumItemDeferred():
            _stop_clocks(case, "returns", "decision")
            case.meeting_id = None
            case.due["listing"] = event.listing_due_at
        case f.InformationReturned():
            case.returned.add(event.agency)
            if case.returned.issuperset(case.agencies_asked):
                _stop_clocks(case, "returns")
        case f.InformationReturnsMissing():
            _stop_clocks(case, "returns")
        case f.ForumDecisionRecorded():
            _stop_clocks(case, "returns", "decision")
        case f.PlanAgreed():
            case.intensity = event.intensity
            case.due["allocation"] = event.allocation_due_at
        case f.LeadAgencyNamed():
            case.lead_agency = event.lead_agency
        case f.ForumDeclined():
            _close(case, event.outcome)
        case f.CaseReferredOn():
            _close(case, "referred_on")
        case f.ForumDecisionOverdue():
            case.overdue.add("decision")
        case a.ActionAssigned():
            case.actions[event.action_id] = Action(event.action_id, event.owner, event.agency, event.due_at)
        case a.ActionAcknowledged():
            case.actions[event.action_id].state = "acknowledged"
        case a.ActionProgressed():
            case.actions[event.action_id].state = "in_progress"
        case a.ActionCompleted():
            case.actions[event.action_id].state = "done"
        case a.ActionCancelled():
            case.actions[event.action_id].state = "cancelled"
        case a.ActionReassigned():
            taken = case.actions[event.action_id]
            taken.owner, taken.agency, taken.state = event.owner, event.agency, "open"
        case a.ActionOverdue():
            case.actions[event.action_id].overdue = True
        case al.MatchesProposed():
            case.candidates = tuple(candidate.worker_id for candidate in event.candidates)
        case al.WorkerPreferenceRecorded():
            case.wants_gender = event.wants_gender or case.wants_gender
            if event.refuses_worker is not None:
                case.refused_workers.add(event.refuses_worker)
        case al.AllocationOverdue():
            case.overdue.add("allocation")
        case al.WaitingListJoined():
            _stop_clocks(case, "allocation")
            case.band = event.band
            case.due["waiting_check"] = event.check_due_at
        case al.WaitingCheckDue():
            case.due["waiting_check"] = event.next_due_at
        case al.WaitingCheckRecorded():
            case.due["waiting_check"] = event.check_due_at
        case al.WaitingListLeft():
            _stop_clocks(case, "waiting_check")
            case.band = None
        case al.KeyWorkerAllocated():
            _stop_clocks(case, "allocation")
            case.worker_id, case.allocation_accepted, case.contact_attempts = event.worker_id, False, 0
            case.met_face_to_face = False
            case.due.update(allocation_answer=event.answer_due_at, first_contact=event.first_contact_due_at)
        case al.AllocationAccepted():
            _stop_clocks(case, "allocation_answer")
            case.allocation_accepted = True
        case al.AllocationQueried():
            _stop_clocks(case, "allocation_answer", "first_contact")
            case.queried_workers.add(event.worker_id)
            case.worker_id = None
            case.due["allocation"] = event.allocation_due_at
        case al.AllocationAnswerOverdue():
            case.overdue.add("allocation_answer")
        case al.FirstContactOverdue():
            case.overdue.add("first_contact")
        case al.AllocationEnded():
            case.worker_id = None
        case i.ContactRecorded():
            _stop_clocks(case, "first_contact")
            case.contact_attempts += 1
            met = event.reached and event.face_to_face and event.worker_id is not None
            case.met_face_to_face = case.met_face_to_face or met
        case i.EngagementConfirmed():
            _stop_clocks(case, "allocation_answer", "first_contact")
        case i.SupportDeclined():
            _close(case, "declined_by_person")
        case su.OutcomeSet():
            case.outcomes[event.outcome_id] = "not_started"
        case su.OutcomeProgressed():
            case.outcomes[event.outcome_id] = event.progress
        case su.PlanReviewed():
            case.plan_reviewed = True
        case sd.StepDownProposed():
            case.receiving_agency = event.receiving_agency
            case.cleared_concerns = case.enquiries if event.cleared_by_safeguarding else frozenset()
            case.due["step_down_approval"] = event.approval_due_at
        case sd.StepDownApprovalOverdue():
            case.overdue.add("step_down_approval")
        case sd.StepDownApproved():
            _stop_clocks(case, "step_down_approval")
            case.receiving_lead = event.receiving_lead
            case.due["handover"] = event.handover_due_at
        case sd.StepDownRejected():
            _stop_clocks(case, "step_down_approval")
        case sd.HandoverOverdue():
            case.overdue.add("handover")
        case sd.HandoverCompleted():
            _stop_clocks(case, "handover")
            case.monitoring_ends_at = event.monitoring_ends_at
            case.check_in, case.missed_check_ins, case.check_in_answered = 0, 0, True
            case.last_check_in, case.monitoring_elapsed = None, False
            case.due.update(check_in=event.first_check_in_due_at, monitoring=event.monitoring_ends_at)
        case sd.StepDownFailed():
            _stop_clocks(case, "handover")
        case sd.CheckInDue():
            _stop_clocks(case, "check_in")
            case.check_in, case.check_in_answered = event.number, False
            case.due["check_in_answer"] = event.answer_due_at
        case sd.CheckInRecorded():
            _stop_clocks(case, "check_in", "check_in_answer")
            case.check_in, case.check_in_answered, case.last_check_in = event.number, True, event.status
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case sd.CheckInMissed():
            _stop_clocks(case, "check_in_answer")
            case.missed_check_ins = event.missed_in_all
            if event.next_check_in_due_at is not None:
                case.due["check_in"] = event.next_check_in_due_at
        case sd.ManagerReviewRequested():
            pass
        case sd.MonitoringWindowElapsed():
            _stop_clocks(case, "monitoring")
            case.monitoring_elapsed = True
        case sd.SteppedBackUp():
            _stop_clocks(case, "handover", "check_in", "check_in_answer", "monitoring")
            case.monitoring_elapsed = False
        case sd.OutcomeSustained():
            _close(case, "completed")
        case sg.SafeguardingConcernRaised():
            case.open_concerns[event.concern_id] = "raised"
        case sg.ConcernScreened():
            if event.threshold_met:
                case.open_concerns[event.concern_id] = "enquiry"
            else:
                case.open_concerns.pop(event.concern_id, None)
        case sg.SafeguardingOutcomeRecorded():
            case.open_concerns.pop(event.concern_id, None)
        case _:
            assert_never(event)
    return case


def _submitted(case: Case, event: r.ReferralSubmitted) -> None:
    case.person_id = event.person_id
    case.programme, case.programme_version = event.programme, event.programme_version
    case.referring_agency, case.urgency = event.referring_agency, event.urgency
    case.neighbourhood, case.forum = event.neighbourhood, event.forum
    case.needs, case.offer, case.ndta = event.form.needs, event.form.offer, event.form.ndta
    case.interpreter_needed, case.first_language = event.interpreter_needed, event.form.first_language
    case.risk_to_workers = event.form.risk_to_workers
    case.due.update(acknowledge=event.acknowledge_due_at, triage=event.triage_due_at)


def _stop_clocks(case: Case, *clocks: str) -> None:
    for clock in clocks:
        case.due.pop(clock, None)
        case.overdue.discard(clock)


def _close(case: Case, because: str) -> None:
    case.closed_because = because
    case.due.clear()
    case.overdue.clear()
