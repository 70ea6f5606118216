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

from domain.calendar import LONDON
from domain.case.stages import Stage
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
    "consent_attempt": Clock("next attempt to reach the person about consent", Role.COORDINATOR),
    "consent": Clock("consent position", Role.COORDINATOR),
    "listing": Clock("place on a forum agenda", Role.COORDINATOR),
    "returns": Clock("information return to the forum", Role.FORUM_MEMBER),
    "decision": Clock("record of the forum's decision", Role.CHAIR),
    "action": Clock("agreed action", None),
    "allocation": Clock("allocation of a key worker", Role.MANAGER),
    "waiting_check": Clock("check on a person who waits", Role.COORDINATOR),
    "allocation_answer": Clock("key worker's answer to the allocation", Role.KEY_WORKER),
    "first_contact": Clock("first contact with the person", Role.KEY_WORKER),
    "step_down_approval": Clock("decision on the step-down", Role.MANAGER),
    "handover": Clock("handover meeting", Role.KEY_WORKER),
    "check_in": Clock("check-in after step-down", Role.FORUM_MEMBER),
    "check_in_answer": Clock("answer to the check-in", Role.FORUM_MEMBER),
    "monitoring": Clock("confirmation that the outcome lasts", Role.MANAGER),
    "screening": Clock("screening of a safeguarding concern", Role.SAFEGUARDING_LEAD),
    "agenda_open": Clock("opening of the agenda", Role.COORDINATOR),
    "agenda_publish": Clock("publication of the agenda", Role.COORDINATOR),
    "minutes": Clock("minutes of the meeting", Role.COORDINATOR),
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

DETAILS: Final[Mapping[str, str]] = {
    "ReferralDrafted": "from {referring_agency}",
    "ReferralSubmitted": "from {referring_agency}; {urgency}; for forum {forum}; reference {source_reference}; "
    "triage due {triage_due_at}",
    "PossibleDuplicateFlagged": "{ground}; case {other_case}",
    "ReferralAcknowledged": "to {to_agency}",
    "TriageOverdue": "was due {due_at}",
    "EligibilityConfirmed": "{needs_counted} needs counted; rule version {rule_version}; consent due {consent_due_at}",
    "ReferralDeclined": "rule {rule}; signposted to {signpost}; decided by reference data: {by_rule}",
    "ReferralTransferredOut": "to {to_area}; decided by reference data: {by_rule}",
    "DuplicateFound": "case {duplicate_of}",
    "ReferralLinked": "case {to_case}",
    "ReferralAttached": "from {referring_agency}; case {from_case}",
    "DuplicateRuledOut": "not person {other_person}",
    "ConsentAttempted": "by {by_channel}; reached: {reached}",
    "ConsentReminderRaised": "reminder {number}; next {next_due_at}",
    "ConsentOverdue": "was due {due_at}",
    "ConsentRequested": "{discloser} to {recipient}; for {purpose}; {categories}",
    "ConsentGranted": "decided by {decider}; {method}; explicit: {explicit}; until {expires_at}",
    "ConsentRefused": "consent {grant_id}",
    "ConsentWithdrawn": "consent {grant_id}; by {by_channel}",
    "ParticipationAgreed": "{method}",
    "LawfulBasisRecorded": "{controller}; for {purpose}; {article_6}; {article_9}; {schedule_1}",
    "ConsentPositionRecorded": "{position}; listing due {listing_due_at}",
    "ForumItemScheduled": "forum {forum}; meeting {meeting_at}; returns due {returns_due_at}",
    "ForumListingOverdue": "was due {due_at}",
    "ForumItemWithdrawn": "because {because}; listing due {listing_due_at}",
    "InformationReturned": "from {agency}; nothing to share: {nothing_to_share}; for {purpose}; {categories}",
    "InformationReturnsMissing": "from {agencies}",
    "ForumDecisionRecorded": "{decision}",
    "PlanAgreed": "intensity {intensity}; referrer's offer reflected: {referrer_offer_reflected}; "
    "all actions with one agency: {single_agency_warning}; allocation due {allocation_due_at}",
    "LeadAgencyNamed": "{lead_agency}; review due {review_due_at}",
    "ForumItemDeferred": "until {until}",
    "ForumDeclined": "{outcome}",
    "CaseReferredOn": "to {to_forum}",
    "ForumDecisionOverdue": "was due {due_at}",
    "ActionAssigned": "{agency}; due {due_at}; action {action_id}",
    "ActionAcknowledged": "action {action_id}",
    "ActionProgressed": "action {action_id}",
    "ActionCompleted": "action {action_id}; it helped: {effective}; late: {late}",
    "ActionCancelled": "action {action_id}",
    "ActionReassigned": "to {agency}; action {action_id}",
    "ActionOverdue": "{agency}; was due {due_at}; action {action_id}",
    "WorkerPreferenceRecorded": "not worker {refuses_worker}",
    "AllocationOverdue": "was due {due_at}",
    "WaitingListJoined": "band {band}; next check {check_due_at}",
    "WaitingCheckDue": "was due {due_at}; next {next_due_at}",
    "WaitingCheckRecorded": "risk changed: {risk_changed}; next {check_due_at}",
    "WaitingListLeft": "{because}",
    "KeyWorkerAllocated": "worker {worker_id}; {points} points; over the soft limit: {approved_over_soft_limit}; "
    "first contact due {first_contact_due_at}",
    "AllocationAccepted": "worker {worker_id}",
    "AllocationQueried": "worker {worker_id}; {ground}",
    "AllocationAnswerOverdue": "worker {worker_id}; was due {due_at}",
    "FirstContactOverdue": "worker {worker_id}; was due {due_at}",
    "AllocationEnded": "worker {worker_id}; {because}",
    "CaseClosed": "because {because}",
    "ContactRecorded": "{by_agency}; by {by_channel}; reached: {reached}; face to face: {face_to_face}",
    "EngagementConfirmed": "worker {worker_id}",
    "OutcomeSet": "set by the {set_by}; outcome {outcome_id}",
    "OutcomeProgressed": "{progress}; outcome {outcome_id}",
    "StepDownProposed": "to {receiving_agency}; decision due {approval_due_at}",
    "StepDownApprovalOverdue": "was due {due_at}",
    "StepDownApproved": "handover due {handover_due_at}",
    "HandoverOverdue": "was due {due_at}",
    "HandoverCompleted": "first check-in {first_check_in_due_at}; monitoring until {monitoring_ends_at}",
    "CheckInDue": "check-in {number}; answer due {answer_due_at}",
    "CheckInRecorded": "check-in {number}; {status}; next {next_check_in_due_at}",
    "CheckInMissed": "check-in {number}; {missed_in_all} missed in all; next {next_check_in_due_at}",
    "ManagerReviewRequested": "{because}",
    "MonitoringWindowElapsed": "ended {ended_at}",
    "SteppedBackUp": "said by {by_agency}",
    "SafeguardingConcernRaised": "about the {about}; immediate danger: {immediate_danger}; "
    "screening due {screening_due_at}",
    "ConcernScreened": "threshold met: {threshold_met}",
    "SafeguardingOutcomeRecorded": "{outcome}",
    "EpisodeOpened": "{programme}",
    "EpisodeEnded": "{programme}",
    "MeetingPlanned": "forum {forum}; {starts_at}",
    "AgendaItemAdded": "case {case_id}; asked: {agencies_asked}",
    "UrgentItemAdded": "case {case_id}; asked: {agencies_asked}",
    "AgendaItemRemoved": "case {case_id}",
    "MeetingInquorate": "missing: {missing}",
    "MeetingItemDecided": "case {case_id}; {outcome}",
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


def london(instant: datetime) -> str:
    """An instant as people here read it: Mon 4 Jan 2027 17:00, Europe/London."""
    there = instant.astimezone(LONDON)
    return f"{there:%a} {there.day} {there:%b %Y %H:%M}"
