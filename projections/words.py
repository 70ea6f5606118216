"""Plain words for clocks, stages and events, for every list that a person reads. No row and no query lives here.

A sentence about an event is made of its open fields only: identifiers, codes, agencies, numbers and instants, never
what is marked as personal or as written by staff.
"""

from __future__ import annotations

import inspect
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from domain.case.stages import Stage
from domain.london import london
from domain.messages import Event
from domain.roles import Role


@dataclass(frozen=True, slots=True)
class Clock:
    """What a running clock waits for, and who must act. `role` is None where an agency's named owner must."""

    what: str
    role: Role | None


CLOCKS: Final[Mapping[str, Clock]] = {
    "acknowledge": Clock("acknowledgement to the referrer", Role.COORDINATOR),
    "triage": Clock("triage decision", Role.COORDINATOR),
    "information_reminder": Clock("reminder to the referrer about the question", Role.REFERRER),
    "information_request": Clock("the referrer's answer", Role.REFERRER),
    "transfer": Clock("the new area's taking over", Role.COORDINATOR),
    "consent_attempt": Clock("next attempt to reach the person about consent", Role.COORDINATOR),
    "consent": Clock("consent position", Role.COORDINATOR),
    "consent_review": Clock("review of a consent with the person", Role.COORDINATOR),
    "consent_expiry": Clock("renewal of a consent, which ends otherwise", Role.COORDINATOR),
    "disclosure_review": Clock("review of an authority to share without consent", Role.MANAGER),
    "listing": Clock("place on a forum agenda", Role.COORDINATOR),
    "returns": Clock("information return to the forum", Role.FORUM_MEMBER),
    "decision": Clock("record of the forum's decision", Role.CHAIR),
    "action": Clock("agreed action", None),
    "allocation": Clock("allocation of a key worker", Role.MANAGER),
    "proposal": Clock("another proposal of key workers", Role.MANAGER),
    "waiting_check": Clock("check on a person who waits", Role.COORDINATOR),
    "waiting_check_answer": Clock("answer to the check on a person who waits", Role.COORDINATOR),
    "priority_wait": Clock("key worker for an urgent case", Role.MANAGER),
    "orphaned": Clock("somebody to answer for the case while its key worker is away", Role.MANAGER),
    "absence_ends": Clock("key worker's return", Role.KEY_WORKER),
    "cover_ends": Clock("end of the cover", Role.MANAGER),
    "handover_start": Clock("start of a leaver's handover", Role.MANAGER),
    "override_review": Clock("review of an override of a rule of allocation", Role.MANAGER),
    "allocation_answer": Clock("key worker's answer to the allocation", Role.KEY_WORKER),
    "first_contact": Clock("first contact with the person", Role.KEY_WORKER),
    "introduction": Clock("end of the introduction", Role.KEY_WORKER),
    "contact": Clock("contact with the person", Role.KEY_WORKER),
    "disengagement": Clock("contact before it counts as lost", Role.KEY_WORKER),
    "forum_review": Clock("review by the forum", Role.CHAIR),
    "suspension_review": Clock("review of the suspension", Role.KEY_WORKER),
    "sustained_outcome": Clock("test whether the outcome has lasted", Role.COORDINATOR),
    "action_escalation": Clock("escalation of an action that is not done", Role.COORDINATOR),
    "step_down_approval": Clock("decision on the step-down", Role.MANAGER),
    "handover": Clock("handover meeting", Role.KEY_WORKER),
    "check_in": Clock("check-in after step-down", Role.FORUM_MEMBER),
    "check_in_answer": Clock("answer to the check-in", Role.FORUM_MEMBER),
    "monitoring": Clock("confirmation that the outcome lasts", Role.MANAGER),
    "screening": Clock("screening of a safeguarding concern", Role.SAFEGUARDING_LEAD),
    "enquiry": Clock("enquiry, or strategy discussion, about a concern", Role.SAFEGUARDING_LEAD),
    "child_seen": Clock("seeing the child of a safeguarding enquiry", Role.SAFEGUARDING_LEAD),
    "conference": Clock("initial child protection conference", Role.SAFEGUARDING_LEAD),
    "escalation": Clock("answer to an escalation", Role.MANAGER),
    "agenda_open": Clock("opening of the agenda", Role.COORDINATOR),
    "agenda_publish": Clock("publication of the agenda", Role.COORDINATOR),
    "minutes": Clock("minutes of the meeting", Role.COORDINATOR),
    "start": Clock("record that the meeting began, or calling it off", Role.CHAIR),
    "conclusion": Clock("record that the meeting ended", Role.CHAIR),
    "chair_decision": Clock("chair's word on the items of a meeting without a quorum", Role.CHAIR),
    "ratification": Clock("ratification of what the chair decided alone", Role.CHAIR),
}
"""Every clock of a case or meeting by its name."""

STAGES: Final[Mapping[Stage, str]] = {
    Stage.NEW: "not yet referred",
    Stage.DRAFT: "draft referral",
    Stage.SUBMITTED: "referral submitted",
    Stage.TRIAGE: "in triage",
    Stage.INFO_REQUESTED: "waiting for information from the referrer",
    Stage.AWAITING_CONSENT: "awaiting consent",
    Stage.READY_FOR_FORUM: "ready for the forum",
    Stage.ON_AGENDA: "on a forum agenda",
    Stage.AWAITING_ALLOCATION: "awaiting a key worker",
    Stage.WAITING_LIST: "on the waiting list",
    Stage.INTRODUCTION: "introduction to the key worker",
    Stage.ACTIVE: "in active support",
    Stage.OUTREACH: "in outreach: contact was lost",
    Stage.SUSPENDED: "suspended",
    Stage.STEP_DOWN_PROPOSED: "step-down proposed",
    Stage.STEPPING_DOWN: "stepping down",
    Stage.MONITORING: "monitoring after step-down",
    Stage.CLOSED: "closed",
}

READ_MODELS: Final[Mapping[str, str]] = {
    "cases": "which cases there are, and where each stands",
    "due": "what must be done by when, and by whom",
    "caseload": "who carries which cases, what they weigh, and who covers for whom",
    "agenda": "what each meeting hears, and what was decided",
    "audit": "who did what, when and why",
    "waiting": "who waits for a key worker, in which order",
    "safeguarding": "which concerns there are; for safeguarding leads alone",
    "escalations": "what was put to a higher level",
    "actions": "what somebody took on, and whether it is late or blocked",
    "standstill": "which cases nothing is done for",
}
"""Every read model by its name: the question that it answers."""

DETAILS: Final[Mapping[str, str]] = {
    "ReferralDrafted": "from {referring_agency}",
    "ReferralSubmitted": "from {referring_agency}; {urgency}; for forum {forum}; reference {source_reference}; "
    "triage due {triage_due_at}",
    "PossibleDuplicateFlagged": "{ground}; case {other_case}",
    "ReferralAcknowledged": "to {to_agency}",
    "TriageBroughtForward": "now due {triage_due_at}",
    "TriageOverdue": "was due {due_at}",
    "EligibilityConfirmed": "{needs_counted} needs counted; rule version {rule_version}; consent due {consent_due_at}",
    "ReferralDeclined": "rule {rule}; signposted to {signpost}; decided by reference data: {by_rule}",
    "ReferralTransferredOut": "to {to_area}; decided by reference data: {by_rule}",
    "DuplicateFound": "case {duplicate_of}",
    "ReferralLinked": "case {to_case}",
    "ReferralAttached": "from {referring_agency}; case {from_case}",
    "DuplicateRuledOut": "not person {other_person}",
    "InformationRequested": "of {to_agency}; due {due_at}",
    "InformationReminderRaised": "to {to_agency}; was due {due_at}",
    "InformationSupplied": "by {by_agency}; further needs {further_needs}; triage due {triage_due_at}",
    "InformationRequestLapsed": "was due {due_at}; triage due {triage_due_at}",
    "SamePersonConfirmed": "person {other_person}; previous case {previous_case}; repeat: {repeat}",
    "ConversationRecorded": "from {caller_agency}; {outcome}",
    "DuplicateCommandIgnored": "{command}",
    "ForumRouteChanged": "forum {from_forum} to {to_forum}; area of connection: {area_of_connection}",
    "DeathReported": "by {by_agency}; {by_channel}",
    "PersonDied": "confirmed by {confirmed_by}",
    "PersonMovedArea": "to {to_area}; consent to transfer: {consent_to_transfer}; due {transfer_due_at}",
    "TransferCompleted": "taken over by {accepted_by}",
    "TransferLapsed": "was due {due_at}",
    "ParticipationWithdrawn": "by {by_channel}",
    "CasesMerged": "into case {survivor}; {identifiers}",
    "MergeReversed": "from case {survivor}; goes on in stage {to_stage}",
    "RecordVoided": "record {voided_version}: {voided_topic}; followed by {followed_by}",
    "CaseReopened": "goes on in stage {to_stage}",
    "ConsentAttempted": "by {by_channel}; reached: {reached}",
    "ConsentReminderRaised": "reminder {number}; next {next_due_at}",
    "ConsentOverdue": "was due {due_at}",
    "ConsentRequested": "{discloser} to {recipient}; for {purpose}; {categories}",
    "ConsentGranted": "decided by {decider}; {method}; explicit: {explicit}; until {expires_at}",
    "ConsentRefused": "consent {grant_id}",
    "ConsentIncapacityRecorded": "consent {grant_id}; cannot {cannot}; assessed {assessed_at}",
    "BestInterestsDecisionRecorded": "consent {grant_id}; to share: {share}; review {review_due_at}; "
    "until {expires_at}",
    "ConsentNarrowed": "consent {grant_id}; {discloser}; for {purpose}; without {taken_back}; "
    "told: {recipients}",
    "ConsentWithdrawn": "consent {grant_id}; by {by_channel}; {discloser}; for {purpose}; told: {recipients}; "
    "taken out: {agencies_excluded}",
    "ConsentReviewDue": "consent {grant_id}; was due {due_at}; until {expires_at}",
    "ConsentRenewed": "consent {grant_id}; decided by {decider}; {method}; explicit: {explicit}; "
    "until {expires_at}",
    "ConsentExpired": "consent {grant_id}; {discloser}; for {purpose}; {categories}; told: {recipients}",
    "ForumItemPulled": "because the consent was {because}; {discloser}; {categories}; from {recipients}",
    "DisclosureAuthorisedWithoutConsent": "{discloser} to {recipient}; for {purpose}; {categories}; {ground}; "
    "{article_6}; person told: {person_told}; once: {one_off}; until {expires_at}; review {review_due_at}",
    "DisclosureReviewDue": "authority {authority_id}; was due {due_at}",
    "ViewerBarred": "{relationship}; {ground}; {document}",
    "ParticipationAgreed": "{method}",
    "ParticipationRefused": "risk told to {risk_referred_to}",
    "LawfulBasisRecorded": "{controller}; for {purpose}; {article_6}; {article_9}; {schedule_1}",
    "ConsentPositionRecorded": "{position}; listing due {listing_due_at}",
    "ForumItemScheduled": "forum {forum}; meeting {meeting_at}; returns due {returns_due_at}",
    "ForumListingOverdue": "was due {due_at}",
    "ForumItemWithdrawn": "because {because}; listing due {listing_due_at}",
    "InformationReturned": "from {agency}; nothing to share: {nothing_to_share}; for {purpose}; {categories}",
    "InformationReturnsMissing": "from {agencies}",
    "ForumDecisionRecorded": "{decision}; by the chair alone: {by_chair_alone}",
    "PlanAgreed": "intensity {intensity}; referrer's offer reflected: {referrer_offer_reflected}; "
    "all actions with one agency: {single_agency_warning}; allocation due {allocation_due_at}",
    "LeadAgencyNamed": "{lead_agency}; review due {review_due_at}",
    "ForumItemDeferred": "until {until}",
    "ForumDeclined": "{outcome}",
    "CaseReferredOn": "to {to_forum}",
    "ForumDecisionOverdue": "was due {due_at}",
    "InformationShared": "by {agency} with {recipients}; for {purpose}; {categories}",
    "DissentRecorded": "of {agency}",
    "ReviewItemScheduled": "forum {forum}; meeting {meeting_at}",
    "ReviewItemWithdrawn": "because {because}",
    "ForumReviewRecorded": "{outcome}; next review {next_review_due_at}",
    "KeyWorkerRequested": "allocation due {allocation_due_at}",
    "AdviceItemScheduled": "forum {forum}; meeting {meeting_at}",
    "AdviceItemWithdrawn": "because {because}",
    "ActionAssigned": "{agency}; due {due_at}; action {action_id}",
    "ActionAcknowledged": "action {action_id}",
    "ActionProgressed": "action {action_id}",
    "ActionCompleted": "action {action_id}; it helped: {effective}; late: {late}",
    "ActionNotDone": "action {action_id}; late: {late}",
    "ActionBlocked": "{blocker}; action {action_id}; blocker {blocker_id}",
    "ActionCancelled": "action {action_id}; {because}",
    "ActionReassigned": "to {agency}; action {action_id}; new date {due_at}; {because}",
    "ActionOverdue": "{agency}; was due {due_at}; action {action_id}; escalated {escalation_due_at} if not done",
    "ActionEscalated": "{agency}; to level {level}; was due {due_at}; action {action_id}",
    "WorkerPreferenceRecorded": "not worker {refuses_worker}",
    "AllocationOverdue": "was due {due_at}",
    "ConflictOfInterestDeclared": "worker {worker_id}; {kind}",
    "WaitingListJoined": "band {band}; next check {check_due_at}; since {joined_at}",
    "WaitingListReprioritised": "from {from_band}; to {to_band}",
    "BandReviewRequested": "in band {band}",
    "WaitingCheckMissed": "was due {due_at}",
    "PriorityWaitExceeded": "was due {due_at}",
    "WorkerOffered": "worker {worker_id}; band {band}; {because}; passed over: {ahead}",
    "OfferDeclined": "worker {worker_id}",
    "InterpreterArranged": "by {route}",
    "KeyWorkerUnavailable": "worker {worker_id}; {because}; from {first_day}; until {last_day}; cover by {orphaned_at}",
    "KeyWorkerAvailable": "worker {worker_id}",
    "AllocationOrphaned": "worker {worker_id}; {because}; was due {due_at}",
    "HandoverStartDue": "worker {worker_id}; last day {last_day}",
    "OverrideReviewDue": "worker {worker_id}; was due {due_at}",
    "CoverStarted": "worker {cover_worker_id}; {ground}; until {until}",
    "CoverEnded": "worker {cover_worker_id}; {because}; somebody else by {orphaned_at}",
    "HandoverPlanned": "to worker {successor_id}; joint visit {joint_visit_on}; emergency: {emergency}; "
    "set aside: {overrides}; review of that {override_review_on}",
    "KeyWorkerChanged": "from worker {from_worker}; to worker {to_worker}; joint visit held: {joint_visit_held}; "
    "set aside: {overrides}",
    "KeyWorkerAbsent": "from {first_day}; until {last_day}",
    "WaitingCheckDue": "was due {due_at}; next {next_due_at}",
    "WaitingCheckRecorded": "risk changed: {risk_changed}; next {check_due_at}",
    "WaitingListLeft": "{because}",
    "KeyWorkerAllocated": "worker {worker_id}; {points} points; over the soft limit: {approved_over_soft_limit}; "
    "set aside: {overrides}; review of that {override_review_on}; interpreter {interpreter}; visits {visits}; "
    "first contact due {first_contact_due_at}",
    "AllocationAccepted": "worker {worker_id}",
    "AllocationQueried": "worker {worker_id}; {ground}",
    "AllocationAnswerOverdue": "worker {worker_id}; was due {due_at}",
    "FirstContactOverdue": "worker {worker_id}; was due {due_at}",
    "AllocationEnded": "worker {worker_id}; {because}",
    "CaseClosed": "because {because}",
    "ContactRecorded": "{by_agency}; by {by_channel}; reached: {reached}; face to face: {face_to_face}",
    "ContactOverdue": "was due {due_at}",
    "DisengagementTriggered": "{because}; missed in a row: {missed_contacts}",
    "EngagementRegained": "{by_agency}; by {by_channel}; goes on in {to_stage}",
    "IntroductionOverdue": "was due {due_at}",
    "IntroductionExtended": "until {introduction_due_at}",
    "EngagementConfirmed": "worker {worker_id}",
    "SupportDeclined": "goes on in {to_stage}; listing due {listing_due_at}",
    "HouseholdRecorded": "children: {children}",
    "ChildProtectionPlanRecorded": "open: {is_open}",
    "DisengagementEscalated": "after {attempts} attempts",
    "RiskScreenRecorded": "risk {risk}; children's safety looked at: {child_safety_screened}",
    "ReviewItemRequested": "{because}; was due {due_at}; next {next_due_at}",
    "CaseSuspended": "{reason}; to be looked at on {review_on}",
    "SuspensionReviewDue": "due {due_at}",
    "SuspensionReviewed": "to be looked at on {review_on}",
    "CaseResumed": "goes on in {to_stage}",
    "OutcomeSet": "set by the {set_by}; outcome {outcome_id}",
    "OutcomeProgressed": "{progress}; outcome {outcome_id}",
    "PlanReviewed": "next contact due {contact_due_at}",
    "StepDownProposed": "to {receiving_agency}; decision due {approval_due_at}",
    "StepDownApprovalOverdue": "was due {due_at}",
    "StepDownRejected": "next contact due {contact_due_at}",
    "StepDownFailed": "goes on in {to_stage}; before others: {priority_uplift}; next contact due {contact_due_at}",
    "StepDownApproved": "handover due {handover_due_at}",
    "HandoverOverdue": "was due {due_at}",
    "HandoverCompleted": "first check-in {first_check_in_due_at}; monitoring until {monitoring_ends_at}",
    "CheckInDue": "check-in {number}; answer due {answer_due_at}",
    "CheckInRecorded": "check-in {number}; {status}; next {next_check_in_due_at}",
    "CheckInMissed": "check-in {number}; {missed_in_all} missed in all; next {next_check_in_due_at}",
    "ManagerReviewRequested": "{because}",
    "MonitoringWindowElapsed": "ended {ended_at}",
    "SteppedBackUp": "said by {by_agency}; goes on in {to_stage}; before others: {priority_uplift}",
    "OutcomeSustained": "asked again {sustained_outcome_due_at}",
    "SustainedOutcomeTestDue": "due {due_at}",
    "SustainedOutcomeRecorded": "it has lasted: {lasted}",
    "SafeguardingConcernRaised": "about the {about}; immediate danger: {immediate_danger}; "
    "screening due {screening_due_at}",
    "ConcernScreened": "threshold met: {threshold_met}; enquiry to begin by {enquiry_due_at}",
    "EmergencyServicesContacted": "{service}; concern {concern_id}",
    "ScreeningOverdue": "was due {due_at}; concern {concern_id}",
    "ConcernClosedNoThreshold": "earlier concerns: {earlier_concerns}",
    "Section42EnquiryOpened": "concern {concern_id}",
    "StrategyDiscussionHeld": "{agencies}; significant harm: {significant_harm}; "
    "parents asked: {parental_permission_sought}",
    "Section47Opened": "concern {concern_id}; child to be seen by {child_seen_due_at}; conference by {conference_due_at}",
    "ChildSeen": "alone: {seen_alone}; concern {concern_id}",
    "EnquiryOverdue": "was due {due_at}; concern {concern_id}",
    "ChildNotSeen": "was due {due_at}; concern {concern_id}",
    "InitialConferenceHeld": "plan made: {plan_made}; concern {concern_id}",
    "InitialConferenceOverdue": "was due {due_at}; concern {concern_id}",
    "ReferredToForum": "to {forum}; {criteria}; repeat: {repeat}",
    "SafeguardingOutcomeRecorded": "{outcome}",
    "EscalationRaised": "about {subject}; level {level}, {owner}; by {raised_by_agency}; answer due {answer_due_at}; "
    "escalation {escalation_id}",
    "EscalationResponded": "level {level}; escalation {escalation_id}",
    "EscalationResolved": "{outcome}; change made: {change_made}; escalation {escalation_id}",
    "EscalationRaisedLevel": "to level {level}, {owner}; {reason}; answer due {answer_due_at}; escalation {escalation_id}",
    "EscalationUnanswered": "level {level}, {owner}; was due {due_at}; reminder {reminder}; next {next_due_at}; "
    "escalation {escalation_id}",
    "EscalationWithdrawn": "escalation {escalation_id}",
    "NotificationRetried": "message {message_id}",
    "MeetingNotificationRetried": "message {message_id}",
    "EpisodeOpened": "{programme}",
    "EpisodeEnded": "{programme}",
    "MeetingPlanned": "forum {forum}; {starts_at}; short notice: {short_notice}",
    "NextMeetingPlanned": "meeting {next_meeting}; {starts_at}",
    "AgendaOpened": "publication due {publish_due_at}",
    "AgendaOverdue": "was due {due_at}",
    "AgendaItemAdded": "{kind} {case_id}; asked: {agencies_asked}",
    "AdviceItemAdded": "case {case_id}",
    "UrgentItemAdded": "{kind} {case_id}; asked: {agencies_asked}",
    "MeetingStartOverdue": "was due {due_at}",
    "MeetingConclusionOverdue": "was due {due_at}",
    "ChairDecisionOverdue": "was due {due_at}",
    "ItemsDeferred": "cases {items}; next meeting {next_meeting}",
    "UrgentItemsHandledByChair": "cases {items}; ratification due {ratification_due_at}",
    "UrgentDecisionsRatified": "cases {items}; at meeting {at_meeting}",
    "UrgentDecisionsNotRatified": "cases {items}; at meeting {at_meeting}",
    "EarlierDecisionsConsidered": "meeting {earlier_meeting}; ratified: {ratified}",
    "RatificationOverdue": "was due {due_at}",
    "InterestDeclared": "case {case_id}; of {agency}; {ground}",
    "MinutesOverdue": "was due {due_at}",
    "MinutesCorrected": "{minutes_ref} instead of {corrects}",
    "MeetingCancelled": "replaced by {replaced_by}; cadence ends: {ends_cadence}",
    "AgendaItemRemoved": "case {case_id}",
    "MeetingInquorate": "missing: {missing}; chair's word due {chair_decides_by}",
    "MeetingItemDecided": "case {case_id}; {outcome}; not heard from: {returns_missing}; excluded: {excluded}",
    "MeetingConcluded": "minutes due {minutes_due_at}",
    "MinutesIssued": "{minutes_ref}",
    "KeyWorkerRegistered": "{agency}; forums {forums}; limits {soft_limit} and {hard_limit} cases",
    "KeyWorkerLeft": "last day {last_day}",
    "CaseTaken": "case {case_id}; {points} points",
    "CaseReleased": "case {case_id}",
    "CaseReweighed": "case {case_id}; {points} points",
}
"""What to add to an event's own description, by topic: pieces over its open fields, left out where a field is empty."""


def clock(name: str) -> Clock:
    """The words for a clock; one that is not in the table speaks for itself and is for the coordinator."""
    return CLOCKS.get(name) or Clock(name.replace("_", " "), Role.COORDINATOR)


def sentence(event: Event) -> str:
    """What happened, in one plain sentence without personal data."""
    told = _description(type(event))
    added = "; ".join(_pieces(event))
    return f"{told} ({added})." if added else f"{told}."


def fields_in_details(topic: str) -> frozenset[str]:
    """The fields that the sentence of a topic speaks of."""
    return frozenset(_placeholders(DETAILS.get(topic, "")))


@cache
def _description(event: type[Event]) -> str:
    return " ".join((inspect.getdoc(event) or event.__name__).split()).rstrip(".")


def _pieces(event: Event) -> Iterator[str]:
    shown = event.open_fields()
    for piece in DETAILS.get(event.TOPIC, "").split("; "):
        values = {name: shown.get(name) for name in _placeholders(piece)}
        if values and all(value not in (None, ()) for value in values.values()):
            yield piece.format_map({name: _plain(value) for name, value in values.items()})


@cache
def _placeholders(template: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in string.Formatter().parse(template) if name)


def _plain(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            return london(value)
        case UUID():
            return str(value)[:8]
        case tuple():
            return ", ".join(_plain(one) for one in value)
        case _:
            return str(value).replace("_", " ")
