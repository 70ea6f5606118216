"""The rows of the pathway's machines as the domain reference has them: from where, which command, which event, to where.

Written from the reference and not from the engine: the events named are those of its tables, in their order; the engine
may say more beside them. A row that stands for several states or outcomes is written out.
Source: domain reference 2.4 to 2.10 and 2.12.
"""

from __future__ import annotations

from collections.abc import Iterator

Row = tuple[str, str, str, str, str]
"""Machine, state, form of a command, the events of the reference, the state that follows."""

_CASE = """
New | draft-referral | ReferralDrafted | Draft
Draft | submit-referral | ReferralSubmitted | Submitted
Draft | discard-draft | ReferralDraftDiscarded | Closed
Submitted | start-triage | TriageStarted | Triage
Triage | request-information | InformationRequested | InfoRequested
InfoRequested | supply-information | InformationSupplied | Triage
InfoRequested | lapse-information-request | InformationRequestLapsed | Triage
Triage, perhaps known | match-duplicate | DuplicateFound, ReferralLinked, ReferralAttached | Closed
Triage | mark-ineligible | ReferralDeclined | Closed
Triage, lives elsewhere | pass-out-of-area | ReferralTransferredOut | Closed
Triage | confirm-eligible | EligibilityConfirmed | AwaitingConsent
Triage, unanswered | close-insufficient-information | CaseClosed | Closed
AwaitingConsent, agreed | reach-consent-position, agreed | ConsentPositionRecorded | ReadyForForum
AwaitingConsent | reach-consent-position, best_interests | ConsentPositionRecorded | ReadyForForum
AwaitingConsent | refuse-to-take-part | ParticipationRefused | Closed
AwaitingConsent | mark-consent-overdue | ConsentOverdue | AwaitingConsent
ReadyForForum | schedule-item | ForumItemScheduled | OnAgenda
OnAgenda | withdraw-item | ForumItemWithdrawn | ReadyForForum
OnAgenda, in session | record-decision, accept_key_worker | ForumDecisionRecorded, PlanAgreed | AwaitingAllocation
OnAgenda, in session | record-decision, accept_lead_agency | ForumDecisionRecorded, LeadAgencyNamed | Active
OnAgenda, in session | record-decision, defer | ForumItemDeferred | ReadyForForum
OnAgenda, in session | record-decision, refer_other_forum | CaseReferredOn | Closed
OnAgenda, in session | record-decision, refer_other_forum and stay | CaseReferredOn | ReadyForForum
OnAgenda, in session | record-decision, decline | ForumDecisionRecorded | Closed
OnAgenda, in session | record-decision, advice | ForumDecisionRecorded | Closed
AwaitingAllocation | allocate-key-worker | KeyWorkerAllocated | Introduction
AwaitingAllocation, nobody has room | join-waiting-list | WaitingListJoined | WaitingList
WaitingList | allocate-key-worker | WaitingListLeft, KeyWorkerAllocated | Introduction
WaitingList | record-waiting-check | WaitingCheckRecorded | WaitingList
WaitingList | remove-from-waiting-list | WaitingListLeft | Closed
Introduction, met | confirm-engagement | EngagementConfirmed | Active
Introduction | decline-support | SupportDeclined | Closed
Introduction | decline-support, another offer | SupportDeclined | ReadyForForum
Introduction | trigger-disengagement | DisengagementTriggered | Outreach
Introduction, missed twice | record-contact, missed | DisengagementTriggered | Outreach
Active | trigger-disengagement | DisengagementTriggered | Outreach
Active | record-contact, reached | ContactRecorded | Active
Active | set-outcome | OutcomeSet | Active
Active, with an outcome | update-outcome | OutcomeProgressed | Active
Active | review-plan | PlanReviewed | Active
Introduction | suspend | CaseSuspended | Suspended
Active | suspend | CaseSuspended | Suspended
Suspended | raise-suspension-review | SuspensionReviewDue | Suspended
Suspended | resume | CaseResumed | Active
Suspended, from the introduction | resume | CaseResumed | Introduction
Suspended, another worker | resume | CaseResumed | Introduction
Outreach | contact-made | EngagementRegained | Active
Outreach, from the introduction | contact-made | EngagementRegained | Introduction
Outreach, attempts exhausted | escalate-outreach | DisengagementEscalated, ReviewItemRequested | Outreach
Outreach | close-disengaged | CaseClosed | Closed
Active, plan reviewed | propose-step-down | StepDownProposed | StepDownProposed
StepDownProposed | approve-step-down | StepDownApproved | SteppingDown
StepDownProposed | reject-step-down | StepDownRejected | Active
SteppingDown | complete-handover | HandoverCompleted | Monitoring
SteppingDown | fail-step-down | StepDownFailed | Active
Monitoring | record-check-in | CheckInRecorded | Monitoring
Monitoring | mark-check-in-missed | CheckInMissed | Monitoring
SteppingDown | step-back-up | SteppedBackUp | Active
Monitoring | step-back-up | SteppedBackUp | Active
Monitoring, over | step-back-up | SteppedBackUp | AwaitingAllocation
Monitoring, over | confirm-sustained | OutcomeSustained | Closed
Active, led, a key worker wanted | request-key-worker | KeyWorkerRequested | AwaitingAllocation
Active | schedule-review-item | ReviewItemScheduled | Active
Active, up for review | record-review-decision, continue | ForumReviewRecorded | Active
Triage | change-forum-route | ForumRouteChanged | Triage
Active | merge-cases | CasesMerged | Closed
Closed, merged | reverse-merge | MergeReversed | Triage
Active | record-death | PersonDied | Closed
Active | record-move-out | PersonMovedArea | Active
Triage, moved away | complete-transfer | TransferCompleted, CaseClosed | Closed
Active | withdraw-participation | ParticipationWithdrawn | Closed
Active | withdraw-participation, a duty to go on | ParticipationWithdrawn | Active
Closed, as withdrawn | reopen-case | CaseReopened | Triage
"""
_WITHDRAWN_FROM = ("Submitted", "Triage", "InfoRequested", "AwaitingConsent", "ReadyForForum", "OnAgenda")

_CONSENT = """
new | request-consent | ConsentRequested | requested
requested | grant-consent | ConsentGranted | granted
requested | refuse-consent | ConsentRefused | refused
requested | cannot-consent | ConsentIncapacityRecorded | best_interests
best_interests | record-best-interests-decision, share | BestInterestsDecisionRecorded | substitute_granted
best_interests | record-best-interests-decision, do not | BestInterestsDecisionRecorded | refused
granted | narrow-consent | ConsentNarrowed | granted
granted | withdraw-consent | ConsentWithdrawn | withdrawn
granted | mark-consent-review-due | ConsentReviewDue | review_due
review_due | renew-consent | ConsentRenewed | granted
granted | expire-consent | ConsentExpired | expired
review_due | expire-consent | ConsentExpired | expired
refused, long ago | request-consent | ConsentRequested | requested
withdrawn, long ago | request-consent | ConsentRequested | requested
expired | request-consent | ConsentRequested | requested
granted | record-disclosure-without-consent | DisclosureAuthorisedWithoutConsent | granted
refused | record-disclosure-without-consent | DisclosureAuthorisedWithoutConsent | refused
"""

_MEETING = """
New | plan-meeting | MeetingPlanned | Planned
Planned | open-agenda | AgendaOpened | AgendaOpen
AgendaOpen | close-agenda | AgendaPublished | AgendaClosed
AgendaClosed | start-meeting, with a quorum | MeetingStarted | InSession
AgendaClosed | start-meeting, without | MeetingInquorate | Inquorate
Inquorate | chair-decides, all wait | ItemsDeferred | Concluded
Inquorate | chair-decides, urgent | UrgentItemsHandledByChair | Concluded
InSession | declare-interest | InterestDeclared | InSession
InSession | share-information | InformationShared | InSession
InSession | record-dissent | DissentRecorded | InSession
InSession | record-decision, accept_key_worker | ForumDecisionRecorded | InSession
InSession, all decided | conclude-meeting | MeetingConcluded | Concluded
Concluded | issue-minutes | MinutesIssued | MinutesIssued
MinutesIssued | correct-minutes | MinutesCorrected | MinutesIssued
Planned | cancel-meeting | MeetingCancelled | Cancelled
AgendaOpen | cancel-meeting | MeetingCancelled, ForumItemWithdrawn | Cancelled
AgendaClosed | cancel-meeting | MeetingCancelled, ForumItemWithdrawn | Cancelled
"""

_ACTION = """
none | assign-action | ActionAssigned | open
open | acknowledge-action | ActionAcknowledged | acknowledged
open | start-work | ActionProgressed | in_progress
acknowledged | report-progress | ActionProgressed | in_progress
open | complete-action | ActionCompleted | done
acknowledged | complete-action | ActionCompleted | done
in_progress | complete-action | ActionCompleted | done
in_progress | report-not-done | ActionNotDone | not_done
open | report-blocked | ActionBlocked | in_progress
open | mark-action-overdue | ActionOverdue | open
open, overdue | escalate-action | ActionEscalated | open
acknowledged | reassign-action | ActionReassigned | open
open | cancel-action | ActionCancelled | cancelled
in_progress | cancel-action | ActionCancelled | cancelled
"""

_ALLOCATION = """
Unallocated | propose-match | MatchesProposed | Proposed
Proposed | allocate-key-worker | KeyWorkerAllocated | Allocated
Allocated | accept-allocation | AllocationAccepted | Allocated
Allocated | query-allocation | AllocationQueried | Proposed
Allocated, worker away | start-cover | CoverStarted | Allocated
Allocated, covered | end-cover | CoverEnded | Allocated
Allocated, accepted | plan-handover | HandoverPlanned | HandoverPlanned
HandoverPlanned | complete-worker-handover | KeyWorkerChanged | Allocated
Allocated | end-allocation, other_worker | AllocationEnded | Unallocated
Allocated, worker away | mark-allocation-orphaned | AllocationOrphaned, EscalationRaised | Allocated
"""

_CONCERN = """
none | raise-safeguarding-concern | SafeguardingConcernRaised | raised
raised | record-emergency-services | EmergencyServicesContacted | raised
raised | screen-concern, met | ConcernScreened | met
raised | screen-concern, not met | ConcernScreened | not_met
met, an adult | open-s42 | Section42EnquiryOpened | enquiry
met, a child | strategy-discussion | StrategyDiscussionHeld, Section47Opened | enquiry
met, an adult | mark-enquiry-overdue | EnquiryOverdue, EscalationRaised | met
not_met | return-to-pathway | ConcernClosedNoThreshold | closed
enquiry, about a child | record-child-seen | ChildSeen | enquiry
enquiry, about a child | mark-child-not-seen | ChildNotSeen | enquiry
enquiry, about a child | record-initial-conference | InitialConferenceHeld | enquiry
enquiry, about a child | mark-initial-conference-overdue | InitialConferenceOverdue | enquiry
enquiry | record-safeguarding-outcome | SafeguardingOutcomeRecorded | closed
raised | refer-to-forum | ReferredToForum | raised
enquiry | refer-to-forum | ReferredToForum | enquiry
"""

_WAITING = """
none | join-waiting-list | WaitingListJoined | Waiting
Waiting | change-band | WaitingListReprioritised | Waiting
Waiting, a check is due | record-waiting-check | WaitingCheckRecorded | Waiting
Waiting, a check is due | mark-waiting-check-missed | WaitingCheckMissed | Waiting
Waiting | offer-worker | WorkerOffered | Offered
Offered | decline-offer | OfferDeclined | Waiting
Offered | accept-offer | WaitingListLeft | Left
Waiting | remove-from-waiting-list | WaitingListLeft | Left
Offered | remove-from-waiting-list | WaitingListLeft | Left
Waiting | record-waiting-check | WaitingCheckRecorded | Waiting
Waiting, in band P1 | mark-priority-wait-exceeded | PriorityWaitExceeded | Waiting
"""

_ESCALATION = """
open | respond-to-escalation | EscalationResponded | responded
responded | accept-response | EscalationResolved | closed
responded | reject-response | EscalationRaisedLevel | open
open | raise-escalation-level | EscalationRaisedLevel | open
open | withdraw-escalation | EscalationWithdrawn | closed
open, about safeguarding | withdraw-escalation, by a safeguarding lead | EscalationWithdrawn | closed
"""


def _rows(machine: str, table: str) -> Iterator[Row]:
    for line in table.strip().splitlines():
        state, form, events, to = (part.strip() for part in line.split("|"))
        yield (machine, state, form, events, to)


ROWS: list[Row] = [
    *_rows("A, a case", _CASE),
    *(("A, a case", stage, "withdraw-referral", "ReferralWithdrawn", "Closed") for stage in _WITHDRAWN_FROM),
    *_rows("B, a consent", _CONSENT),
    *_rows("C, a meeting", _MEETING),
    *_rows("D, an action", _ACTION),
    *_rows("E, an allocation", _ALLOCATION),
    *_rows("F, a safeguarding concern", _CONCERN),
    *_rows("G, a place on the waiting list", _WAITING),
    *_rows("J, an escalation", _ESCALATION),
]
