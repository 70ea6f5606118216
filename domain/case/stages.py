"""The stages of a case and the one table of moves between them. No rule and no event payload lives here.

The picture in the docs is drawn from `MOVES`, and one test walks every pair of it.
Source: machine A of the pathway (domain reference 2.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.messages import Event


class Stage(StrEnum):
    """Where a case stands. Safeguarding is not among them: it runs beside the pathway and is never blocked by it."""

    NEW = "New"
    DRAFT = "Draft"
    SUBMITTED = "Submitted"
    TRIAGE = "Triage"
    INFO_REQUESTED = "InfoRequested"
    AWAITING_CONSENT = "AwaitingConsent"
    READY_FOR_FORUM = "ReadyForForum"
    ON_AGENDA = "OnAgenda"
    AWAITING_ALLOCATION = "AwaitingAllocation"
    WAITING_LIST = "WaitingList"
    INTRODUCTION = "Introduction"
    ACTIVE = "Active"
    OUTREACH = "Outreach"
    SUSPENDED = "Suspended"
    STEP_DOWN_PROPOSED = "StepDownProposed"
    STEPPING_DOWN = "SteppingDown"
    MONITORING = "Monitoring"
    CLOSED = "Closed"


S = Stage
OPEN_STAGES = frozenset(Stage) - {S.NEW, S.DRAFT, S.CLOSED}
BEFORE_CONSENT = frozenset({S.SUBMITTED, S.TRIAGE, S.INFO_REQUESTED, S.AWAITING_CONSENT})
"""Where the person has not been asked yet, or has not answered, whether they take part."""
Move = Stage | tuple[Stage, ...]
"""The stage that follows; of several, the event itself says which, in its field `to_stage`."""

_OPEN = tuple(stage for stage in Stage if stage in OPEN_STAGES)
_BEFORE_ALLOCATION = (
    S.SUBMITTED,
    S.TRIAGE,
    S.INFO_REQUESTED,
    S.AWAITING_CONSENT,
    S.READY_FOR_FORUM,
    S.ON_AGENDA,
)

MOVES: Mapping[str, Mapping[Stage, Move]] = {
    "ReferralDrafted": {S.NEW: S.DRAFT},
    "ReferralDraftDiscarded": {S.DRAFT: S.CLOSED},
    "ReferralSubmitted": {S.NEW: S.SUBMITTED, S.DRAFT: S.SUBMITTED},
    "TriageStarted": {S.SUBMITTED: S.TRIAGE},
    "InformationRequested": {S.TRIAGE: S.INFO_REQUESTED},
    "InformationSupplied": {S.INFO_REQUESTED: S.TRIAGE},
    "InformationRequestLapsed": {S.INFO_REQUESTED: S.TRIAGE},
    "ReferralLinked": {S.TRIAGE: S.CLOSED},
    "ReferralDeclined": {S.TRIAGE: S.CLOSED},
    "ReferralTransferredOut": {S.TRIAGE: S.CLOSED},
    "EligibilityConfirmed": {S.TRIAGE: S.AWAITING_CONSENT},
    "ConsentPositionRecorded": {S.AWAITING_CONSENT: S.READY_FOR_FORUM},
    "ParticipationRefused": {S.AWAITING_CONSENT: S.CLOSED},
    "ReferralWithdrawn": dict.fromkeys(_BEFORE_ALLOCATION, S.CLOSED),
    "ForumItemScheduled": {S.READY_FOR_FORUM: S.ON_AGENDA},
    "ForumItemWithdrawn": {S.ON_AGENDA: S.READY_FOR_FORUM},
    "ForumItemDeferred": {S.ON_AGENDA: S.READY_FOR_FORUM},
    "PlanAgreed": {S.ON_AGENDA: S.AWAITING_ALLOCATION},
    "LeadAgencyNamed": {S.ON_AGENDA: S.ACTIVE},
    "ForumDeclined": {S.ON_AGENDA: S.CLOSED},
    "CaseReferredOn": {S.ON_AGENDA: (S.CLOSED, S.READY_FOR_FORUM)},
    "WaitingListJoined": {S.AWAITING_ALLOCATION: S.WAITING_LIST},
    "KeyWorkerAllocated": {S.AWAITING_ALLOCATION: S.INTRODUCTION, S.WAITING_LIST: S.INTRODUCTION},
    "AllocationQueried": {S.INTRODUCTION: S.AWAITING_ALLOCATION},
    "AllocationEnded": {
        S.INTRODUCTION: (S.INTRODUCTION, S.AWAITING_ALLOCATION),
        S.ACTIVE: (S.ACTIVE, S.AWAITING_ALLOCATION),
        S.OUTREACH: (S.OUTREACH, S.AWAITING_ALLOCATION),
    },
    "KeyWorkerRequested": {S.ACTIVE: S.AWAITING_ALLOCATION},
    "EngagementConfirmed": {S.INTRODUCTION: S.ACTIVE},
    "SupportDeclined": {S.INTRODUCTION: (S.CLOSED, S.READY_FOR_FORUM)},
    "DisengagementTriggered": {S.INTRODUCTION: S.OUTREACH, S.ACTIVE: S.OUTREACH},
    "EngagementRegained": {S.OUTREACH: (S.INTRODUCTION, S.ACTIVE)},
    "CaseSuspended": {S.INTRODUCTION: S.SUSPENDED, S.ACTIVE: S.SUSPENDED},
    "CaseResumed": {S.SUSPENDED: (S.ACTIVE, S.INTRODUCTION, S.AWAITING_ALLOCATION)},
    "StepDownProposed": {S.ACTIVE: S.STEP_DOWN_PROPOSED},
    "StepDownRejected": {S.STEP_DOWN_PROPOSED: S.ACTIVE},
    "StepDownApproved": {S.STEP_DOWN_PROPOSED: S.STEPPING_DOWN},
    "HandoverCompleted": {S.STEPPING_DOWN: S.MONITORING},
    "StepDownFailed": {S.STEPPING_DOWN: (S.ACTIVE, S.AWAITING_ALLOCATION)},
    "SteppedBackUp": dict.fromkeys((S.STEPPING_DOWN, S.MONITORING), (S.ACTIVE, S.AWAITING_ALLOCATION)),
    "OutcomeSustained": {S.MONITORING: S.CLOSED},
    # What can happen at any open stage.
    "CaseClosed": dict.fromkeys(_OPEN, S.CLOSED),
    "CasesMerged": dict.fromkeys(_OPEN, S.CLOSED),
    "PersonDied": dict.fromkeys(_OPEN, S.CLOSED),
    "ParticipationWithdrawn": {stage: (S.CLOSED, stage) for stage in _OPEN},
    # The meeting that a case stood on the agenda of goes on without it.
    "MergeReversed": {S.CLOSED: tuple(stage for stage in _OPEN if stage is not S.ON_AGENDA)},
    "CaseReopened": {S.CLOSED: tuple(stage for stage in _OPEN if stage is not S.ON_AGENDA)},
}
"""Event topic → from which stage to which. An event that is not here leaves the stage as it is."""


def stage_after(stage: Stage, event: Event) -> Stage:
    """Where a case stands after an event; only an event that may lead to several stages is asked which."""
    to = MOVES.get(event.TOPIC, {}).get(stage, stage)
    if isinstance(to, Stage):
        return to
    return getattr(event, "to_stage", None) or to[0]
