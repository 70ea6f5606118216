"""The messages between the log's dispatcher, the durable processes and their activity. Frozen, and they only ever grow.

Everything here ends up in Temporal's histories, which people read who must not see a case: identifiers, codes, numbers
and instants only, never a name or a text that somebody wrote.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.case.stages import Stage
from domain.meeting.state import MeetingStage


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
    MEETING = "meeting"


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


class Brief(_Contract):
    """Where a case or a meeting stands, as much as a process needs to know. It replaces the one before; nothing adds up.

    `position` is that of the last event in it, `since` the instant that brought it into its stage. `due` are the
    running clocks, `overdue` those whose lateness is on record. `heard` are the facts that are new in this brief.
    """

    ABOUT: ClassVar[str]
    """Which of its fields names what it is about; commands name it by the same field."""

    position: int
    programme: str
    stage: str
    since: datetime
    due: dict[str, datetime] = {}
    overdue: tuple[str, ...] = ()
    again: dict[str, int] = {}
    """Of the running clocks, those that ran to the same instant before: the position from which they do so again."""
    heard: tuple[Fact, ...] = ()
    clock_ahead: timedelta = timedelta(0)
    """By how much the product's clock is ahead of Temporal's; other than nothing in virtual time only."""

    @property
    def about(self) -> UUID:
        """The id of the case or meeting."""
        found: UUID = getattr(self, self.ABOUT)
        return found


class Heard(_Contract):
    """Of any brief, up to where it goes and in which stage: enough to see whether a process is up to date."""

    position: int
    stage: str


class MeetingBrief(Brief):
    """Where a forum meeting stands."""

    ABOUT: ClassVar[str] = "meeting_id"

    meeting_id: UUID
    stage: MeetingStage
    forum: str
    short_notice: bool = False


class CaseBrief(Brief):
    """Where a case stands."""

    ABOUT: ClassVar[str] = "case_id"

    case_id: UUID
    stage: Stage
    neighbourhood: str | None = None
    actions: tuple[OpenAction, ...] = ()
    acknowledged: bool = False
    proposal_wanted_at: int = 0
    """Position of the last event that calls for a proposal of key workers; 0 if none ever did."""
    proposed_at: int = 0
    """Position of the last proposal; 0 if there was none."""
    candidates: int = 0
    allocation_accepted: bool = False
    check_in: int = 0
    monitoring_elapsed: bool = False


class IssueCommand(_Contract):
    """A command for the engine to issue in its own name. The same `key` for the same case is the same command.

    `about` says what kind of thing the id in `case_id` is, by the field in which commands name it: a case or a meeting.
    """

    case_id: UUID
    about: str = "case_id"
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
