"""The messages of version 1, as they were; see tests/workflows/test_upgrade.py. Not to be changed any more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.case.stages import Stage


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
