"""Who is told what: one table from events to recipients, and nothing else.

A notice names a role, an agency or a key worker, and the event it tells of; never a person, and nothing about one: who
is told looks the case up, where what they may see is decided. Writing and delivering is the outbox's affair.
Source: "… is told", "… alerted", "… chased" in the tables of the pathway (domain reference 2.2–2.13); the referrer is
told the outcome (3.8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.case.state import Case
from domain.meeting.state import Meeting
from domain.messages import Event, WorkerId
from domain.roles import Role

AGENCY: Final = "agency"
"""To whoever takes the post of the agency that is named beside it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Somebody is told of something. `to` is a role, a level of escalation, or AGENCY; `about` is an event's topic."""

    to: str
    about: str
    agency: str | None = None
    worker_id: WorkerId | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom an event is told to, worked out from the event, and from how the case stands after it if `by_state`."""

    find: Callable[[Any, Any], Iterable[Notice]]
    by_state: bool = False


# -- the kinds of recipients ------------------------------------------------------------------------------------------


def _role(role: Role) -> Recipient:
    return Recipient(lambda event, _: [Notice(role.value, event.TOPIC)])


def _agencies(*fields: str, to: str = AGENCY) -> Recipient:
    """The agencies that stand in these fields of the event, each once."""
    return Recipient(lambda event, _: _to_agencies(event, [getattr(event, field) for field in fields], to))


def _agencies_of_case(of: Callable[[Case, Any], object], *, to: str = AGENCY) -> Recipient:
    """Agencies that the case remembers."""
    return Recipient(lambda event, case: _to_agencies(event, [of(case, event)], to), by_state=True)


def _to_agencies(event: Event, named: Sequence[object], to: str) -> Iterable[Notice]:
    names = [name for one in named for name in (one if isinstance(one, tuple) else (one,))]
    return [
        Notice(to, event.TOPIC, agency=str(name))
        for name in dict.fromkeys(names)
        if name not in (None, "", _THE_FORUM)
    ]


_THE_FORUM: Final = "forum"
"""Consent may be for the forum as a whole, which is no agency: its coordinator hears of what concerns it."""


def _worker(field: str) -> Recipient:
    return Recipient(lambda event, _: _to_worker(event, getattr(event, field)))


def _to_worker(event: Event, worker_id: WorkerId | None) -> Iterable[Notice]:
    return [Notice(Role.KEY_WORKER.value, event.TOPIC, worker_id=worker_id)] if worker_id else []


def _level(event: Any, _: Any) -> Iterable[Notice]:
    """Whoever answers at the level of an escalation; the first level is the managers."""
    return [Notice(Role.MANAGER.value if event.level == 1 else event.owner, event.TOPIC)]


def _raiser(event: Any, case: Case) -> Iterable[Notice]:
    """The agency that raised an escalation; for one that a deadline raised, the coordinator."""
    agency = case.escalations[event.escalation_id].raised_by_agency
    return [
        Notice(AGENCY, event.TOPIC, agency=agency) if agency else Notice(Role.COORDINATOR.value, event.TOPIC)
    ]


def _lead_of_safeguarding(event: Any, case: Case) -> Iterable[Notice]:
    """Safeguarding first: its lead hears of every escalation of a concern."""
    about_safety = case.escalations[event.escalation_id].subject == "safeguarding"
    return [Notice(Role.SAFEGUARDING_LEAD.value, event.TOPIC)] if about_safety else []


COORDINATOR: Final = _role(Role.COORDINATOR)
CHAIR: Final = _role(Role.CHAIR)
FORUM_MEMBERS: Final = _role(Role.FORUM_MEMBER)
MANAGER: Final = _role(Role.MANAGER)
SAFEGUARDING_LEAD: Final = _role(Role.SAFEGUARDING_LEAD)
REFERRER: Final = _agencies_of_case(
    lambda case, _: (case.referring_agency, *case.attached_referrers), to=Role.REFERRER.value
)
"""Whoever referred the person, those whose referral was attached to this case among them."""
RECEIVING_AGENCY: Final = _agencies_of_case(lambda case, _: case.receiving_agency)
WORKER: Final = _worker("worker_id")
KEY_WORKER: Final = Recipient(
    lambda event, case: _to_worker(event, case.worker_id or case.worker_when_closed), by_state=True
)
LEVEL: Final = Recipient(_level)
RAISER: Final = Recipient(_raiser, by_state=True)
LEAD_OF_SAFEGUARDING: Final = Recipient(_lead_of_safeguarding, by_state=True)
OWNERS_AGENCY: Final = _agencies_of_case(lambda case, event: case.actions[event.action_id].agency)
WHOEVER_RECEIVED_IT: Final = _agencies("discloser", "recipients")

# -- the table --------------------------------------------------------------------------------------------------------

NOTICES: Final[Mapping[str, tuple[Recipient, ...]]] = {
    # The referral and its triage.
    "ReferralSubmitted": (COORDINATOR,),
    "ReferralAcknowledged": (_agencies("to_agency", to=Role.REFERRER.value),),
    "PossibleDuplicateFlagged": (COORDINATOR,),
    "TriageBroughtForward": (COORDINATOR,),
    "TriageOverdue": (COORDINATOR, MANAGER),
    "InformationRequested": (_agencies("to_agency", to=Role.REFERRER.value),),
    "InformationReminderRaised": (_agencies("to_agency", to=Role.REFERRER.value),),
    "InformationSupplied": (COORDINATOR,),
    "InformationRequestLapsed": (COORDINATOR, REFERRER),
    "EligibilityConfirmed": (REFERRER,),
    "ReferralDeclined": (REFERRER,),
    "ReferralTransferredOut": (REFERRER,),
    "ReferralLinked": (REFERRER,),
    "ReferralAttached": (REFERRER, _agencies("referring_agency", to=Role.REFERRER.value)),
    "ReferralWithdrawn": (COORDINATOR,),
    "ForumRouteChanged": (COORDINATOR,),
    # Consent and what may be shared.
    "ConsentReminderRaised": (COORDINATOR,),
    "ConsentOverdue": (COORDINATOR,),
    "ConsentReviewDue": (COORDINATOR,),
    "ConsentExpired": (COORDINATOR, WHOEVER_RECEIVED_IT),
    "ConsentWithdrawn": (COORDINATOR, WHOEVER_RECEIVED_IT),
    "ConsentNarrowed": (COORDINATOR, WHOEVER_RECEIVED_IT),
    "ForumItemPulled": (COORDINATOR, _agencies("recipients")),
    "ConsentPositionRecorded": (COORDINATOR,),
    "ParticipationRefused": (COORDINATOR, REFERRER),
    "ParticipationWithdrawn": (COORDINATOR, MANAGER, KEY_WORKER, REFERRER),
    "DisclosureAuthorisedWithoutConsent": (COORDINATOR, _agencies("recipient")),
    "DisclosureReviewDue": (MANAGER, SAFEGUARDING_LEAD),
    "ViewerBarred": (COORDINATOR,),
    # The forum.
    "ForumItemScheduled": (COORDINATOR, _agencies("agencies_asked")),
    "ForumListingOverdue": (COORDINATOR,),
    "ForumItemWithdrawn": (COORDINATOR,),
    "ForumItemDeferred": (COORDINATOR,),
    "InformationReturnsMissing": (COORDINATOR, _agencies("agencies")),
    "ForumDecisionRecorded": (COORDINATOR, REFERRER),
    "ForumDecisionOverdue": (CHAIR, COORDINATOR),
    "DissentRecorded": (CHAIR, COORDINATOR),
    "PlanAgreed": (MANAGER,),
    "LeadAgencyNamed": (_agencies("lead_agency"),),
    "ForumDeclined": (REFERRER,),
    "CaseReferredOn": (REFERRER,),
    "ReviewItemRequested": (COORDINATOR,),
    "ReviewItemScheduled": (COORDINATOR, _agencies("agencies_asked")),
    "ForumReviewRecorded": (KEY_WORKER, MANAGER),
    "MeetingPlanned": (FORUM_MEMBERS,),
    "AgendaOverdue": (COORDINATOR,),
    "AgendaPublished": (FORUM_MEMBERS,),
    "MeetingStartOverdue": (CHAIR, COORDINATOR),
    "MeetingConclusionOverdue": (CHAIR, COORDINATOR),
    "MeetingInquorate": (CHAIR, COORDINATOR),
    "ChairDecisionOverdue": (CHAIR, COORDINATOR),
    "ItemsDeferred": (COORDINATOR, FORUM_MEMBERS),
    "UrgentItemsHandledByChair": (COORDINATOR, FORUM_MEMBERS),
    "RatificationOverdue": (CHAIR, COORDINATOR),
    "UrgentDecisionsNotRatified": (CHAIR, COORDINATOR, MANAGER),
    "MeetingCancelled": (COORDINATOR, FORUM_MEMBERS),
    "MinutesIssued": (FORUM_MEMBERS,),
    "MinutesCorrected": (FORUM_MEMBERS,),
    "MinutesOverdue": (COORDINATOR, CHAIR),
    # Actions of the plan.
    "ActionAssigned": (_agencies("agency"),),
    "ActionReassigned": (_agencies("agency"),),
    "ActionOverdue": (_agencies("agency"), COORDINATOR),
    "ActionEscalated": (_agencies("agency"), MANAGER),
    "ActionBlocked": (COORDINATOR, KEY_WORKER),
    "ActionNotDone": (COORDINATOR,),
    "ActionCancelled": (OWNERS_AGENCY,),
    # The key worker, and waiting for one.
    "MatchesProposed": (MANAGER,),
    "AllocationOverdue": (MANAGER,),
    "KeyWorkerRequested": (MANAGER,),
    "WaitingListJoined": (MANAGER, REFERRER),
    "WaitingListReprioritised": (MANAGER,),
    "BandReviewRequested": (MANAGER,),
    "WaitingCheckDue": (COORDINATOR,),
    "WaitingCheckMissed": (MANAGER,),
    "PriorityWaitExceeded": (MANAGER,),
    "WorkerOffered": (MANAGER, WORKER),
    "OfferDeclined": (MANAGER,),
    "KeyWorkerAllocated": (WORKER, COORDINATOR, REFERRER),
    "AllocationQueried": (MANAGER,),
    "AllocationAnswerOverdue": (WORKER, MANAGER),
    "FirstContactOverdue": (WORKER, MANAGER),
    "AllocationEnded": (WORKER, MANAGER),
    "KeyWorkerUnavailable": (MANAGER,),
    "AllocationOrphaned": (MANAGER, COORDINATOR),
    "HandoverStartDue": (WORKER, MANAGER),
    "OverrideReviewDue": (MANAGER,),
    "HandoverPlanned": (WORKER, _worker("successor_id")),
    "KeyWorkerChanged": (_worker("from_worker"), _worker("to_worker"), COORDINATOR),
    "CoverStarted": (_worker("cover_worker_id"), COORDINATOR),
    "CoverEnded": (MANAGER,),
    # Support.
    "IntroductionOverdue": (KEY_WORKER, MANAGER),
    "ContactOverdue": (KEY_WORKER, MANAGER),
    "DisengagementTriggered": (KEY_WORKER, MANAGER),
    "DisengagementEscalated": (MANAGER, SAFEGUARDING_LEAD),
    "EngagementRegained": (KEY_WORKER,),
    "SupportDeclined": (MANAGER, COORDINATOR, REFERRER),
    "SuspensionReviewDue": (KEY_WORKER, MANAGER),
    # Step-down and after.
    "StepDownProposed": (MANAGER, _agencies("receiving_agency")),
    "StepDownApprovalOverdue": (MANAGER,),
    "StepDownApproved": (KEY_WORKER, RECEIVING_AGENCY),
    "StepDownRejected": (KEY_WORKER,),
    "HandoverOverdue": (KEY_WORKER, MANAGER),
    "HandoverCompleted": (COORDINATOR, RECEIVING_AGENCY),
    "StepDownFailed": (KEY_WORKER, MANAGER),
    "SteppedBackUp": (KEY_WORKER, MANAGER, COORDINATOR),
    "CheckInDue": (RECEIVING_AGENCY,),
    "CheckInMissed": (RECEIVING_AGENCY, MANAGER),
    "ManagerReviewRequested": (MANAGER,),
    "MonitoringWindowElapsed": (MANAGER,),
    "OutcomeSustained": (REFERRER, RECEIVING_AGENCY),
    "SustainedOutcomeTestDue": (COORDINATOR, RECEIVING_AGENCY),
    # What life brings.
    "DeathReported": (COORDINATOR, MANAGER),
    "DeathReportWithdrawn": (COORDINATOR, MANAGER),
    "PersonDied": (COORDINATOR, MANAGER, KEY_WORKER, REFERRER, RECEIVING_AGENCY),
    "PersonMovedArea": (COORDINATOR, MANAGER),
    "TransferCompleted": (COORDINATOR,),
    "TransferLapsed": (COORDINATOR, MANAGER),
    "CaseClosed": (COORDINATOR, KEY_WORKER, REFERRER),
    "CasesMerged": (COORDINATOR, REFERRER),
    "MergeReversed": (COORDINATOR, MANAGER),
    "CaseReopened": (COORDINATOR, MANAGER),
    # Safeguarding: its lead, and whoever answers for the lead when something is late; nobody else.
    "SafeguardingConcernRaised": (SAFEGUARDING_LEAD,),
    "EmergencyServicesContacted": (SAFEGUARDING_LEAD,),
    "ScreeningOverdue": (SAFEGUARDING_LEAD, MANAGER),
    "EnquiryOverdue": (SAFEGUARDING_LEAD, MANAGER),
    "ChildNotSeen": (SAFEGUARDING_LEAD, MANAGER),
    "InitialConferenceOverdue": (SAFEGUARDING_LEAD, MANAGER),
    "ReferredToForum": (SAFEGUARDING_LEAD,),
    # Escalation.
    "EscalationRaised": (LEVEL, LEAD_OF_SAFEGUARDING),
    "EscalationResponded": (RAISER, LEAD_OF_SAFEGUARDING),
    "EscalationRaisedLevel": (LEVEL, RAISER, LEAD_OF_SAFEGUARDING),
    "EscalationUnanswered": (LEVEL, MANAGER, RAISER, LEAD_OF_SAFEGUARDING),
    "EscalationResolved": (COORDINATOR,),
    "EscalationWithdrawn": (COORDINATOR,),
}
"""Event topic → whom it is told to. Of an event that is not here nobody is told."""

TOPICS: Final = frozenset(NOTICES)


def needs_state(event: Event) -> bool:
    """Whether it takes the case or meeting as it stands after the event to say who is told."""
    return any(recipient.by_state for recipient in NOTICES.get(event.TOPIC, ()))


def notices(event: Event, state: Case | Meeting | None) -> Sequence[Notice]:
    """Everybody who is told of an event, each once. `state` is the case or meeting after it, where that is needed."""
    found = (one for recipient in NOTICES.get(event.TOPIC, ()) for one in recipient.find(event, state))
    return list(dict.fromkeys(found))
