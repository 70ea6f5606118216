"""The stages of a case and the one table of moves between them. No rule and no event payload lives here.

The picture in the docs is drawn from `MOVES`, and one test walks every pair of it.
Source: machine A of the pathway (domain reference 2.4).
"""

from collections.abc import Mapping
from enum import StrEnum


class Stage(StrEnum):
    """Where a case stands. Safeguarding is not among them: it runs beside the pathway and is never blocked by it."""

    NEW = "New"
    DRAFT = "Draft"
    SUBMITTED = "Submitted"
    TRIAGE = "Triage"
    AWAITING_CONSENT = "AwaitingConsent"
    READY_FOR_FORUM = "ReadyForForum"
    ON_AGENDA = "OnAgenda"
    AWAITING_ALLOCATION = "AwaitingAllocation"
    WAITING_LIST = "WaitingList"
    INTRODUCTION = "Introduction"
    ACTIVE = "Active"
    STEP_DOWN_PROPOSED = "StepDownProposed"
    STEPPING_DOWN = "SteppingDown"
    MONITORING = "Monitoring"
    CLOSED = "Closed"


S = Stage
_BEFORE_ALLOCATION = (S.SUBMITTED, S.TRIAGE, S.AWAITING_CONSENT, S.READY_FOR_FORUM, S.ON_AGENDA)

MOVES: Mapping[str, Mapping[Stage, Stage]] = {
    "ReferralDrafted": {S.NEW: S.DRAFT},
    "ReferralDraftDiscarded": {S.DRAFT: S.CLOSED},
    "ReferralSubmitted": {S.NEW: S.SUBMITTED, S.DRAFT: S.SUBMITTED},
    "TriageStarted": {S.SUBMITTED: S.TRIAGE},
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
    "CaseReferredOn": {S.ON_AGENDA: S.CLOSED},
    "WaitingListJoined": {S.AWAITING_ALLOCATION: S.WAITING_LIST},
    "KeyWorkerAllocated": {S.AWAITING_ALLOCATION: S.INTRODUCTION, S.WAITING_LIST: S.INTRODUCTION},
    "AllocationQueried": {S.INTRODUCTION: S.AWAITING_ALLOCATION},
    "EngagementConfirmed": {S.INTRODUCTION: S.ACTIVE},
    "SupportDeclined": {S.INTRODUCTION: S.CLOSED},
    "StepDownProposed": {S.ACTIVE: S.STEP_DOWN_PROPOSED},
    "StepDownRejected": {S.STEP_DOWN_PROPOSED: S.ACTIVE},
    "StepDownApproved": {S.STEP_DOWN_PROPOSED: S.STEPPING_DOWN},
    "HandoverCompleted": {S.STEPPING_DOWN: S.MONITORING},
    "StepDownFailed": {S.STEPPING_DOWN: S.ACTIVE},
    "SteppedBackUp": {S.STEPPING_DOWN: S.ACTIVE, S.MONITORING: S.ACTIVE},
    "OutcomeSustained": {S.MONITORING: S.CLOSED},
}
"""Event topic → from which stage to which. An event that is not here leaves the stage as it is."""

OPEN_STAGES = frozenset(Stage) - {S.NEW, S.DRAFT, S.CLOSED}
