"""The messages between the log's dispatcher, the durable processes and their activity. Frozen, and they only ever grow.

Everything here ends up in Temporal's histories, which people read who must not see a case: identifiers, codes, numbers
and instants only, never a name or a text that somebody wrote.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.case.stages import Stage


class ProcessKind(StrEnum):
    """The durable processes; the value is also the beginning of their workflow ids."""

    REFERRAL = "referral"
    CONSENT = "consent"
    FORUM_REVIEW = "forum-review"
    ALLOCATION = "allocation"
    STEP_DOWN = "step-down"
    SUPPORT = "support"
    ACTION_FOLLOW_UP = "action-follow-up"
    GRANT_REVIEW = "grant-review"
    COVER = "cover"
    SAFEGUARDING = "safeguarding"
    ESCALATION = "escalation"
    TRANSFER = "transfer"
    AFTER_CLOSURE = "after-closure"


def workflow_id(kind: ProcessKind, case_id: UUID) -> str:
    """The one workflow of this kind for this case."""
    return f"{kind}-{case_id}"


class _Contract(BaseModel):
    # An older worker must still read what a newer one wrote, so unknown fields are let pass.
    model_config = ConfigDict(frozen=True, extra="ignore")


class Fact(_Contract):
    """One event of the log by its place and its name."""

    position: int
    topic: str


class OpenAction(_Contract):
    """An action of the plan that is not finished."""

    action_id: UUID
    assigned_at: datetime
    due_at: datetime
    overdue: bool = False


class CaseBrief(_Contract):
    """Where a case stands, as much as a process needs to know. It replaces the one before; nothing adds up.

    `position` is that of the last event in it, `since` the instant that brought the case into its stage. `due` are the
    running clocks, `overdue` those whose lateness is on record. `heard` are the facts that are new in this brief.
    """

    case_id: UUID
    position: int
    programme: str
    stage: Stage
    neighbourhood: str | None = None
    since: datetime
    due: dict[str, datetime] = {}
    overdue: tuple[str, ...] = ()
    actions: tuple[OpenAction, ...] = ()
    heard: tuple[Fact, ...] = ()
    acknowledged: bool = False
    proposal_wanted_at: int = 0
    """Position of the last event that calls for a proposal of key workers; 0 if none ever did."""
    proposed_at: int = 0
    """Position of the last proposal; 0 if there was none."""
    candidates: int = 0
    allocation_accepted: bool = False
    check_in: int = 0
    monitoring_elapsed: bool = False
    clock_ahead: timedelta = timedelta(0)
    """By how much the product's clock is ahead of Temporal's; other than nothing in virtual time only."""


class IssueCommand(_Contract):
    """A command for the engine to issue in its own name. The same `key` for the same case is the same command."""

    case_id: UUID
    command: str
    key: str
    arguments: dict[str, str] = {}


class Issued(_Contract):
    """What became of a command: the facts it made, or the code of the rule that refused it."""

    facts: tuple[str, ...] = ()
    repeated: bool = False
    refused: str | None = None


class Waiting(_Contract):
    """What a process waits for, since when, and what it does by itself when time passes."""

    waits_for: str
    since: datetime
    next_step: str | None = None
    next_due: datetime | None = None


ISSUE = "issue"
"""The name of the one activity."""
