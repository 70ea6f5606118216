"""A case and its events as callers read them, in shapes that HTTP and the command line share.

Made from the domain only; lists over many cases come from the read models. Nothing is decided or stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from domain.case.stages import Stage
from domain.case.state import Case
from domain.messages import Actor, Recorded
from projections import words

WAITS_FOR: Mapping[Stage, str] = {
    Stage.NEW: "a referral",
    Stage.DRAFT: "the referrer to send the referral or throw it away",
    Stage.SUBMITTED: "a coordinator to start triage",
    Stage.TRIAGE: "a coordinator to decide whether the person is eligible",
    Stage.AWAITING_CONSENT: "a consent position: the person's agreement, or a lawful substitute",
    Stage.READY_FOR_FORUM: "a place on a forum's agenda",
    Stage.ON_AGENDA: "the forum's decision",
    Stage.AWAITING_ALLOCATION: "a manager to allocate a key worker",
    Stage.WAITING_LIST: "a key worker with room; looked at again at every check",
    Stage.INTRODUCTION: "the key worker to accept, meet the person and confirm that they engage",
    Stage.ACTIVE: "support to reach what the person wants, then a proposal to step down",
    Stage.STEP_DOWN_PROPOSED: "a manager to approve the step-down",
    Stage.STEPPING_DOWN: "the handover to the receiving agency",
    Stage.MONITORING: "check-ins to show that the outcome lasts",
    Stage.INFO_REQUESTED: "the referrer's answer to a question",
    Stage.OUTREACH: "contact with the person, who has been lost from sight",
    Stage.SUSPENDED: "the end of the pause, or its review",
    Stage.CLOSED: "nothing; the case is closed",
}
"""What a case in each stage waits for, in plain words."""


class ClockView(BaseModel):
    """A running clock: what is to be done, until when, and whether its deadline was passed and recorded."""

    clock: str
    what: str
    role: str | None = Field(description="who must act; none where the named owner of an action must")
    due_at: datetime
    overdue: bool
    action_id: UUID | None = None
    about: str | None = Field(
        None, description="of a clock that a case may have several of: the id of its consent or concern"
    )


class ConsentView(BaseModel):
    """One consent: who may tell whom what, what for, and until when."""

    grant_id: UUID
    discloser: str
    recipient: str
    purpose: str
    categories: list[str]
    state: str
    effective_from: datetime | None
    expires_at: datetime | None


class ActionView(BaseModel):
    """One action of the plan."""

    action_id: UUID
    owner: str
    agency: str
    due_at: datetime
    state: str
    overdue: bool


class CaseView(BaseModel):
    """A case as it stands, from its own events, and what it waits for."""

    case_id: UUID
    person_id: UUID
    stage: Stage
    waits_for: str
    clocks: list[ClockView] = Field(description="what is due, soonest first")
    programme: str
    programme_version: str
    referring_agency: str
    urgency: str
    neighbourhood: str | None
    forum: str | None
    needs: list[str]
    interpreter_needed: bool
    possible_duplicates: list[UUID] = Field(description="people who may be the same; a coordinator decides")
    participation_agreed: bool
    consents: list[ConsentView]
    meeting_id: UUID | None
    actions: list[ActionView]
    waiting_band: str | None
    worker_id: UUID | None
    allocation_accepted: bool
    lead_agency: str | None
    outcomes: dict[UUID, str]
    receiving_agency: str | None
    check_ins: int
    missed_check_ins: int
    monitoring_ends_at: datetime | None
    open_safeguarding_concerns: list[UUID]
    closed_because: str | None
    version: int = Field(description="how many events the case has")


def case_view(case: Case, version: int) -> CaseView:
    """A case for people to read."""
    return CaseView(
        case_id=case.case_id,
        person_id=case.person_id,
        stage=case.stage,
        waits_for=WAITS_FOR[case.stage],
        clocks=_clocks(case),
        programme=case.programme,
        programme_version=case.programme_version,
        referring_agency=case.referring_agency,
        urgency=case.urgency,
        neighbourhood=case.neighbourhood,
        forum=case.forum,
        needs=list(case.needs),
        interpreter_needed=case.interpreter_needed,
        possible_duplicates=sorted(case.undecided_duplicates),
        participation_agreed=case.participation_agreed,
        consents=[
            ConsentView(
                grant_id=grant.grant_id,
                discloser=grant.discloser,
                recipient=grant.recipient,
                purpose=grant.purpose,
                categories=list(grant.categories),
                state=grant.state,
                effective_from=grant.effective_from,
                expires_at=grant.expires_at,
            )
            for grant in case.grants.values()
        ],
        meeting_id=case.meeting_id,
        actions=[
            ActionView(
                action_id=action.action_id,
                owner=action.owner,
                agency=action.agency,
                due_at=action.due_at,
                state=action.state,
                overdue=action.overdue,
            )
            for action in case.actions.values()
        ],
        waiting_band=case.band,
        worker_id=case.worker_id,
        allocation_accepted=case.allocation_accepted,
        lead_agency=case.lead_agency,
        outcomes={outcome_id: str(state) for outcome_id, state in case.outcomes.items()},
        receiving_agency=case.receiving_agency,
        check_ins=case.check_in,
        missed_check_ins=case.missed_check_ins,
        monitoring_ends_at=case.monitoring_ends_at,
        open_safeguarding_concerns=sorted(case.open_concerns),
        closed_because=case.closed_because,
        version=version,
    )


def _clocks(case: Case) -> list[ClockView]:
    running = [
        ClockView(
            clock=kind,
            what=words.clock(kind).what,
            role=words.clock(kind).role,
            due_at=due_at,
            overdue=name in case.overdue,
            about=about or None,
        )
        for name, due_at in case.due.items()
        for kind, _, about in [name.partition(":")]
    ]
    actions = [
        ClockView(
            clock="action",
            what=f"agreed action of {action.agency}",
            role=None,
            due_at=action.due_at,
            overdue=action.overdue,
            action_id=action.action_id,
        )
        for action in case.open_actions
    ]
    return sorted([*running, *actions], key=lambda one: one.due_at)


class EventView(BaseModel):
    """One event of a stream as the log holds it, with who did it, when it happened and when it was recorded."""

    position: int
    version: int
    topic: str
    what: str = Field(description="one sentence, without personal data")
    event_id: UUID
    command: str
    command_id: UUID
    recorded_at: datetime
    effective_at: datetime
    actor: Actor
    reason: str | None
    correlation_id: UUID
    causation_id: UUID | None
    programme_version: str | None
    open_fields: list[str] = Field(description="names of the fields in `data` that hold no personal data")
    data: dict[str, Any]


def event_view(recorded: Recorded) -> EventView:
    """One recorded event for people to read."""
    envelope = recorded.envelope
    return EventView(
        position=recorded.position,
        version=recorded.version,
        topic=recorded.event.TOPIC,
        what=words.sentence(recorded.event),
        event_id=envelope.event_id,
        command=envelope.command,
        command_id=envelope.command_id,
        recorded_at=envelope.recorded_at,
        effective_at=envelope.effective_at,
        actor=envelope.actor,
        reason=envelope.reason,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        programme_version=envelope.programme_version,
        open_fields=list(recorded.event.open_fields()),
        data=recorded.event.model_dump(mode="json"),
    )
