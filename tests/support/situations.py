"""For every command that somebody can issue, a situation in which it is carried out; and how a story gets into a log.

Edges are tried with it: whatever the HTTP API and the command line do, every command of the catalogue must come
through them. What a rule allows is tested with the domain, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain import catalogue
from domain.case import referral as r
from domain.case.best_interests import ConsentIncapacityRecorded
from domain.case.consent_renewal import ConsentReviewDue
from domain.case.consent_request import ConsentRequested
from domain.case.monitoring import MonitoringWindowElapsed, OutcomeSustained
from domain.case.outreach import RiskScreenRecorded
from domain.case.participation import ConsentAttempted
from domain.case.referral import PossibleDuplicateFlagged
from domain.case.referral_form import ReferralForm
from domain.case.sharing import Category, Purpose
from domain.case.sustained_outcome import SustainedOutcomeTestDue
from domain.case.viewers import ViewerBarred
from domain.messages import Actor, CaseEvent, Envelope, Event
from domain.person.identity import EpisodeEnded
from domain.ports import ANY_VERSION, Append, EventLog, NewEvent, StreamChange
from domain.roles import MAY_ISSUE, Role
from tests.support.scenario import (
    CHAIR,
    CONSENTED,
    COORDINATOR,
    DECIDED,
    HOUSING,
    MANAGER,
    MEETS,
    POLICE,
    PROGRAMME,
    QUORUM,
    REFERRED,
    REFERRER,
    SAFEGUARDING_LEAD,
    SHELTER,
    SYSTEM,
    CaseStory,
    Story,
    a_case,
    a_meeting,
    a_worker,
    actor,
    london,
    some_id,
)

OFFICER = actor(Role.REFERRER, person="officer-7", agency=POLICE)
RECEIVING = actor(Role.FORUM_MEMBER, person="recovery-1", agency=HOUSING)
OPERATIONS = actor(Role.OPERATIONS)
A_MINUTE = timedelta(minutes=1)
FEBRUARY = london(2027, 2, 17, 10)
_ACCEPTED = {
    "decision": "accept_key_worker",
    "reasons": "Several needs at once",
    "referrer_offer_reflected": True,
    "actions": [
        {"owner": "officer-7", "agency": POLICE, "links_to": "nuisance_calls", "what": "A joint visit"}
    ],
}


@dataclass(frozen=True)
class Situation:
    """What happened before, who issues the command with which fields, and when."""

    by: Actor
    before: tuple[Story, ...]
    fields: Mapping[str, Any]
    now: datetime


def _drafted(story: CaseStory) -> CaseStory:
    return story.then_also(
        r.ReferralDrafted(
            **story.ids, programme=PROGRAMME, referring_agency=POLICE, form=ReferralForm(given_name="Robin")
        )
    )


def _asked(story: CaseStory) -> CaseStory:
    """The person was asked one thing; the request has the id `grant_id(POLICE)`."""
    return story.then_also(
        ConsentRequested(
            **story.ids,
            grant_id=story.grant_id(POLICE),
            discloser=POLICE,
            recipient="forum",
            purpose=Purpose.COORDINATED_SUPPORT,
            categories=(Category.IDENTITY,),
            capacity_view="has",
            information_version="notice-2026.1",
            information_language="English",
            information_format="spoken",
            asked_by="coordinator-1",
        ),
        at=CONSENTED,
    )


def _found_incapable(story: CaseStory) -> CaseStory:
    """The person was asked and cannot decide it."""
    incapable = ConsentIncapacityRecorded(
        **story.ids,
        grant_id=story.grant_id(POLICE),
        capacity_view="lacks",
        cannot=("retain",),
        impairment="Brain injury",
        help_given="Explained with pictures",
        assessed_by="social-worker-3",
        assessed_at=CONSENTED,
    )
    return _asked(story).then_also(incapable, at=CONSENTED)


def _review_due(story: CaseStory) -> CaseStory:
    """A consent of the police has come to its review."""
    granted = story.with_grant(POLICE)
    grant_id = granted.grant_id(POLICE)
    due_at = granted.case.due[f"consent_review:{grant_id}"]
    expires_at = granted.case.due[f"consent_expiry:{grant_id}"]
    due = ConsentReviewDue(**story.ids, grant_id=grant_id, due_at=due_at, expires_at=expires_at)
    return granted.then_also(due, at=due_at)


def _barred(story: CaseStory) -> CaseStory:
    """A court keeps somebody from the case."""
    return story.then_also(
        ViewerBarred(
            **story.ids, viewer="parent-2", relationship="parent", ground="court_order", document="order-17"
        )
    )


def _perhaps_known(story: CaseStory, other: CaseStory) -> CaseStory:
    return story.then_also(
        PossibleDuplicateFlagged(
            **story.ids,
            other_person=other.person_id,
            other_case=other.case_id,
            ground="same_birthday_near_name",
        )
    )


def _asked_again(monitored: CaseStory) -> CaseStory:
    """The case closed as completed, and months later the engine asked whether the outcome has lasted."""
    ends = monitored.case.due["monitoring"]
    again = monitored.due("sustained_outcome", ends)
    return monitored.then_also(
        OutcomeSustained(**monitored.ids, summary="In college", sustained_outcome_due_at=again),
        SustainedOutcomeTestDue(**monitored.ids, due_at=again),
        at=again,
    )


@dataclass(frozen=True)
class Row:
    """One line of the table: who, after what, with which changes to the command's example, and when if it matters."""

    by: Actor
    before: tuple[Story, ...] = ()
    change: Mapping[str, Any] = field(default_factory=dict)
    at: datetime | None = None


def situations(name: str = "robin") -> dict[str, Situation]:
    """Command → where it is carried out, for each that a role other than the engine's may issue.

    Everything in it has ids made from `name`, so that several can stand in one log.
    """
    robin, sam, january = a_case(name), a_worker(name), a_meeting(name)
    february = a_meeting(f"{name}-february", starts_at=FEBRUARY)
    alex = a_case(f"{name}-alex").in_triage()
    open_, closed = january.agenda_open(), january.agenda_closed()
    triage = robin.in_triage()
    former = a_case(f"{name}-former").closed()
    former = former.then_also(
        EpisodeEnded(person_id=former.person_id, case_id=former.case_id, programme=PROGRAMME)
    )
    consent = robin.awaiting_consent()
    attempted = consent.then_also(ConsentAttempted(**robin.ids, reached=False, by_channel="telephone"))
    ready = robin.ready_for_forum()
    listed = (closed, robin.on_agenda(january))
    heard = (january.in_session(), robin.on_agenda(january))
    accepted = (january.in_session(), robin.accepted())
    allocated = (january.in_session(), robin.allocated_to(sam))
    active = (january.in_session(), robin.active(sam))
    kim = a_worker(f"{name}-kim")
    away = (january.in_session(), robin.active(sam).worker_away())
    covered = (january.in_session(), kim, robin.active(sam).worker_away().covered_by(kim))
    on_the_list = (january.in_session(), robin.waiting())
    offered = (january.in_session(), sam, robin.waiting().offered(sam))
    grant = {"grant_id": robin.grant_id(POLICE)}
    lost = robin.active(sam).lost()
    monitored = robin.active(sam).handed_over().checked_in()
    may_hand_over = (
        january.in_session(),
        robin.active(sam)
        .with_grant(
            SHELTER,
            Category.IDENTITY,
            Category.CONTACT,
            Category.SUPPORT_PLAN,
            recipient=HOUSING,
            purpose=Purpose.HANDOVER,
        )
        .step_down_proposed(),
    )

    rows: Mapping[str, Row] = {
        "draft-referral": Row(OFFICER),
        "discard-draft": Row(OFFICER, (_drafted(robin),)),
        "record-conversation": Row(COORDINATOR),
        "submit-referral": Row(OFFICER),
        "acknowledge-referral": Row(COORDINATOR, (robin.submitted(),)),
        "start-triage": Row(COORDINATOR, (robin.submitted(),)),
        "confirm-eligible": Row(COORDINATOR, (triage,)),
        "mark-ineligible": Row(COORDINATOR, (triage,)),
        "pass-out-of-area": Row(COORDINATOR, (triage,)),
        "match-duplicate": Row(
            COORDINATOR, (alex, _perhaps_known(triage, alex)), {"duplicate_of": alex.case_id}
        ),
        "rule-out-duplicate": Row(
            COORDINATOR, (alex, _perhaps_known(triage, alex)), {"other_person": alex.person_id}
        ),
        "withdraw-referral": Row(REFERRER, (triage,)),
        "request-information": Row(COORDINATOR, (triage,)),
        "supply-information": Row(REFERRER, (triage.asked_for_information(),)),
        "close-insufficient-information": Row(COORDINATOR, (triage.unanswered(),)),
        "confirm-same-person": Row(
            COORDINATOR, (former, _perhaps_known(triage, former)), {"other_person": former.person_id}
        ),
        "record-consent-attempt": Row(COORDINATOR, (consent,)),
        "agree-to-take-part": Row(COORDINATOR, (consent,)),
        "refuse-to-take-part": Row(COORDINATOR, (consent,)),
        "reach-consent-position": Row(
            COORDINATOR,
            (consent,),
            {
                "position": "best_interests",
                "rationale": "Lacks capacity for this decision",
                "authoriser": "lead-2",
            },
        ),
        "request-consent": Row(COORDINATOR, (consent,)),
        "grant-consent": Row(COORDINATOR, (_asked(consent),), grant),
        "refuse-consent": Row(COORDINATOR, (_asked(consent),), grant),
        "cannot-consent": Row(COORDINATOR, (_asked(consent),), grant),
        "record-best-interests-decision": Row(COORDINATOR, (_found_incapable(consent),), grant),
        "narrow-consent": Row(
            COORDINATOR, (consent.with_grant(POLICE, Category.IDENTITY, Category.OFFENDING),), grant
        ),
        "withdraw-consent": Row(COORDINATOR, (consent.with_grant(POLICE),), grant),
        "renew-consent": Row(COORDINATOR, (_review_due(consent),), grant),
        "record-lawful-basis": Row(COORDINATOR, (consent,)),
        "record-disclosure-without-consent": Row(MANAGER, (consent,), at=MEETS),
        "bar-viewer": Row(COORDINATOR, (consent,)),
        "lift-viewer-bar": Row(MANAGER, (_barred(consent),)),
        "plan-meeting": Row(COORDINATOR, at=REFERRED),
        "open-agenda": Row(COORDINATOR, (january,)),
        "close-agenda": Row(COORDINATOR, (open_,), at=closed.now),
        "start-meeting": Row(CHAIR, (closed,), at=MEETS),
        "chair-decides": Row(
            CHAIR,
            (january.inquorate(), robin.on_agenda(january)),
            {"urgent": [{**_ACCEPTED, "case_id": str(robin.case_id)}]},
            at=DECIDED,
        ),
        "ratify-urgent-decisions": Row(
            CHAIR,
            (january.handled_by_chair(robin), february.in_session()),
            {"meeting_id": february.meeting_id, "earlier_meeting": january.meeting_id},
        ),
        "declare-interest": Row(CHAIR, heard, {"attendee": QUORUM[3].person}, at=DECIDED),
        "share-information": Row(
            actor(Role.FORUM_MEMBER, agency=POLICE),
            (january.in_session(), robin.with_grant(POLICE).ready_for_forum().on_agenda(january)),
            at=DECIDED,
        ),
        "record-dissent": Row(
            actor(Role.FORUM_MEMBER, person=QUORUM[3].person, agency=HOUSING), heard, at=DECIDED
        ),
        "correct-minutes": Row(COORDINATOR, (january.minutes_issued(),)),
        "schedule-review-item": Row(
            COORDINATOR, (*active, february.agenda_open()), {"meeting_id": february.meeting_id}
        ),
        "record-review-decision": Row(
            CHAIR, (february.in_session(), robin.active(sam).up_for_review(february))
        ),
        "request-key-worker": Row(
            COORDINATOR,
            (february.in_session(), robin.led_by().reviewed_by_forum(february, "request_key_worker")),
        ),
        "schedule-advice-item": Row(
            COORDINATOR,
            (february.agenda_open(), robin.consent_overdue()),
            {"meeting_id": february.meeting_id},
        ),
        "record-engagement-advice": Row(COORDINATOR, (february.in_session(), robin.up_for_advice(february))),
        "conclude-meeting": Row(CHAIR, (january.in_session(),), at=MEETS + timedelta(hours=2)),
        "issue-minutes": Row(COORDINATOR, (january.concluded(),)),
        "cancel-meeting": Row(CHAIR, (open_,)),
        "schedule-item": Row(COORDINATOR, (open_, ready)),
        "add-urgent-item": Row(CHAIR, (closed, ready)),
        "withdraw-item": Row(COORDINATOR, listed),
        "return-information": Row(actor(Role.FORUM_MEMBER, agency=HOUSING), listed),
        "record-decision": Row(CHAIR, heard, at=DECIDED),
        "assign-action": Row(COORDINATOR, accepted),
        "acknowledge-action": Row(OFFICER, accepted),
        "start-work": Row(OFFICER, accepted),
        "report-progress": Row(OFFICER, accepted),
        "report-not-done": Row(OFFICER, accepted),
        "report-blocked": Row(OFFICER, accepted),
        "complete-action": Row(OFFICER, accepted),
        "cancel-action": Row(CHAIR, accepted),
        "reassign-action": Row(COORDINATOR, accepted),
        "register-key-worker": Row(MANAGER),
        "record-key-worker-leaving": Row(MANAGER, (sam,)),
        "record-absence": Row(MANAGER, active),
        "end-absence": Row(MANAGER, away),
        "declare-conflict-of-interest": Row(sam.actor, active),
        "end-allocation": Row(MANAGER, active),
        "start-cover": Row(MANAGER, (*away, kim), {"cover_worker_id": kim.worker_id}),
        "end-cover": Row(MANAGER, covered),
        "plan-handover": Row(MANAGER, (*active, kim), {"successor_id": kim.worker_id}),
        "complete-worker-handover": Row(
            MANAGER, (january.in_session(), kim, robin.active(sam).handover_planned(kim))
        ),
        "hand-over-caseload": Row(MANAGER, (*active, kim), {"successor_id": kim.worker_id}),
        "change-band": Row(MANAGER, on_the_list),
        "remove-from-waiting-list": Row(MANAGER, on_the_list),
        "offer-worker": Row(MANAGER, (sam, *on_the_list), {"override_reason": "Sam knows the person"}),
        "accept-offer": Row(MANAGER, offered),
        "decline-offer": Row(actor(Role.PERSON), offered),
        "propose-match": Row(COORDINATOR, (sam, *accepted)),
        "record-worker-preference": Row(COORDINATOR, accepted),
        "allocate-key-worker": Row(MANAGER, (sam, *accepted)),
        "accept-allocation": Row(sam.actor, allocated),
        "query-allocation": Row(sam.actor, allocated),
        "join-waiting-list": Row(MANAGER, accepted),
        "record-waiting-check": Row(COORDINATOR, (january.in_session(), robin.waiting())),
        "record-contact": Row(sam.actor, allocated),
        "confirm-engagement": Row(sam.actor, (january.in_session(), robin.allocated_to(sam).met())),
        "decline-support": Row(sam.actor, allocated),
        "extend-introduction": Row(sam.actor, allocated),
        "contact-made": Row(sam.actor, (january.in_session(), lost)),
        "record-household": Row(COORDINATOR, (triage,)),
        "record-child-protection-plan": Row(COORDINATOR, (triage,)),
        "escalate-outreach": Row(sam.actor, (january.in_session(), lost.missed(3))),
        "record-risk-screen": Row(sam.actor, (january.in_session(), lost)),
        "close-disengaged": Row(
            MANAGER,
            (
                january.in_session(),
                lost.then_also(
                    RiskScreenRecorded(
                        **robin.ids, risk="low", child_safety_screened=False, findings="Seen last week"
                    )
                ),
            ),
        ),
        "suspend": Row(sam.actor, active),
        "review-suspension": Row(sam.actor, (january.in_session(), robin.active(sam).suspended())),
        "resume": Row(sam.actor, (january.in_session(), robin.active(sam).suspended())),
        "set-outcome": Row(sam.actor, active),
        "update-outcome": Row(sam.actor, (january.in_session(), robin.active(sam).with_outcome())),
        "review-plan": Row(sam.actor, active),
        "propose-step-down": Row(sam.actor, (january.in_session(), robin.active(sam).reviewed())),
        "approve-step-down": Row(MANAGER, may_hand_over),
        "reject-step-down": Row(MANAGER, (january.in_session(), robin.active(sam).step_down_proposed())),
        "complete-handover": Row(sam.actor, (january.in_session(), robin.active(sam).stepping_down())),
        "fail-step-down": Row(RECEIVING, (january.in_session(), robin.active(sam).stepping_down())),
        "step-back-up": Row(RECEIVING, (january.in_session(), robin.active(sam).handed_over())),
        "record-check-in": Row(RECEIVING, (january.in_session(), robin.active(sam).check_in_asked())),
        "confirm-sustained": Row(
            MANAGER,
            (
                january.in_session(),
                monitored.then_also(
                    MonitoringWindowElapsed(**robin.ids, ended_at=monitored.case.due["monitoring"]),
                    at=monitored.case.due["monitoring"],
                ),
            ),
        ),
        "void-record": Row(
            COORDINATOR,
            (attempted,),
            {"version": sum(isinstance(fact, CaseEvent) for fact in attempted.facts)},
        ),
        "record-sustained-outcome": Row(RECEIVING, (january.in_session(), _asked_again(monitored))),
        "change-forum-route": Row(COORDINATOR, (triage,)),
        "report-death": Row(OFFICER, active),
        "withdraw-death-report": Row(COORDINATOR, (robin.in_triage().said_to_have_died(),)),
        "record-death": Row(MANAGER, active),
        "record-move-out": Row(sam.actor, active),
        "complete-transfer": Row(COORDINATOR, (robin.in_triage().moved_out(),)),
        "withdraw-participation": Row(COORDINATOR, active),
        "merge-cases": Row(COORDINATOR, (alex, triage), {"survivor": alex.case_id}),
        "reverse-merge": Row(MANAGER, (alex, triage.merged_into(alex))),
        "reopen-case": Row(
            MANAGER,
            (
                robin.closed().then_also(
                    EpisodeEnded(person_id=robin.person_id, case_id=robin.case_id, programme=PROGRAMME)
                ),
            ),
        ),
        "raise-safeguarding-concern": Row(sam.actor, active),
        "record-emergency-services": Row(sam.actor, (robin.with_concern(),)),
        "return-to-pathway": Row(SAFEGUARDING_LEAD, (robin.with_concern().screened(met=False),)),
        "open-s42": Row(SAFEGUARDING_LEAD, (robin.with_concern().screened(),)),
        "strategy-discussion": Row(SAFEGUARDING_LEAD, (robin.with_concern(about="child").screened(),)),
        "record-child-seen": Row(SAFEGUARDING_LEAD, (robin.enquired(about="child"),)),
        "record-initial-conference": Row(SAFEGUARDING_LEAD, (robin.enquired(about="child"),)),
        "refer-to-forum": Row(sam.actor, (robin.with_concern(),)),
        "raise-escalation": Row(OFFICER, (robin.in_triage(),)),
        "respond-to-escalation": Row(MANAGER, (robin.in_triage().escalated(),)),
        "accept-response": Row(OFFICER, (robin.in_triage().escalated().answered(),)),
        "reject-response": Row(OFFICER, (robin.in_triage().escalated().answered(),)),
        "retry-notification": Row(OPERATIONS, (robin.in_triage(),)),
        "retry-meeting-notification": Row(OPERATIONS, (january,)),
        "withdraw-escalation": Row(OFFICER, (robin.in_triage().escalated(),)),
        "screen-concern": Row(SAFEGUARDING_LEAD, (robin.with_concern(),)),
        "record-safeguarding-outcome": Row(SAFEGUARDING_LEAD, (robin.enquired(),)),
    }
    ids: dict[str, UUID] = {
        "case_id": robin.case_id,
        "meeting_id": january.meeting_id,
        "worker_id": sam.worker_id,
        "action_id": robin.action_id(),
        "outcome_id": robin.outcome_id(),
        "concern_id": some_id(f"concern/{name}/concern"),
        "escalation_id": robin.escalation_id(),
    }
    return {command: _situation(command, row, ids) for command, row in rows.items()}


def _situation(command: str, row: Row, ids: Mapping[str, UUID]) -> Situation:
    """The command's example, about the case, meeting and worker of the stories."""
    example = dict(catalogue.decision(command).command.EXAMPLE)
    ours = {field: str(value) for field, value in ids.items() if field in example}
    changed = {field: str(value) if isinstance(value, UUID) else value for field, value in row.change.items()}
    now = row.at or max((story.now for story in row.before), default=REFERRED) + A_MINUTE
    return Situation(row.by, row.before, {**example, **ours, **changed}, now)


ISSUED_BY_PEOPLE = tuple(
    command.NAME
    for command in catalogue.commands()
    if MAY_ISSUE[command.PERMISSION] != frozenset({Role.SYSTEM})
)
ISSUED_BY_THE_ENGINE = tuple(
    command.NAME for command in catalogue.commands() if command.NAME not in ISSUED_BY_PEOPLE
)


async def tell(log: EventLog, stories: Iterable[Story]) -> None:
    """Write stories into a log, as if it had all been done by the engine."""
    for story in stories:
        by_stream: dict[UUID, list[Event]] = {}
        for event in story:
            by_stream.setdefault(event.stream_id, []).append(event)
        if not by_stream:
            continue
        command_id = uuid4()
        await log.append(
            Append(
                command_id=command_id,
                command="told",
                changes=tuple(
                    StreamChange(
                        stream,
                        ANY_VERSION,
                        tuple(NewEvent(event, _envelope(command_id, story.now)) for event in events),
                    )
                    for stream, events in by_stream.items()
                ),
            )
        )


def _envelope(command_id: UUID, at: datetime) -> Envelope:
    return Envelope(
        event_id=uuid4(),
        command_id=command_id,
        command="told",
        recorded_at=at,
        effective_at=at,
        actor=SYSTEM,
        correlation_id=command_id,
    )
