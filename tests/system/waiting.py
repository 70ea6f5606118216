"""What must run in Temporal for a case and what it must wait for, told apart from the product's own routing.

One table, written down from the pathway: stage, process, what it waits for, and which clock fires next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from temporalio.client import Client

from adapters.temporal.operations import WorkflowRow, list_workflows
from domain.case.stages import Stage
from domain.case.state import Case


class Waits(NamedTuple):
    """One process as operations staff must see it."""

    workflow_id: str
    stage: str
    waits_for: str
    next_step: str | None
    next_due: datetime | None


PROCESSES: dict[Stage, tuple[str, str, dict[str, str]]] = {
    Stage.TRIAGE: ("referral", "the triage decision", {"triage": "mark-triage-overdue"}),
    Stage.AWAITING_CONSENT: (
        "consent",
        "the person's consent position",
        {"consent_attempt": "raise-consent-reminder", "consent": "mark-consent-overdue"},
    ),
    Stage.READY_FOR_FORUM: ("forum-review", "a place on an agenda", {"listing": "mark-listing-overdue"}),
    Stage.ON_AGENDA: (
        "forum-review",
        "the forum's decision",
        {"returns": "mark-returns-missing", "decision": "mark-decision-overdue"},
    ),
    Stage.AWAITING_ALLOCATION: (
        "allocation",
        "the manager's choice of a key worker",
        {"allocation": "mark-allocation-overdue"},
    ),
    Stage.INTRODUCTION: (
        "allocation",
        "the key worker's answer",
        {
            "allocation_answer": "mark-allocation-answer-overdue",
            "first_contact": "mark-first-contact-overdue",
        },
    ),
    Stage.STEP_DOWN_PROPOSED: (
        "step-down",
        "the manager's approval",
        {"step_down_approval": "mark-step-down-approval-overdue"},
    ),
    Stage.STEPPING_DOWN: ("step-down", "the handover", {"handover": "mark-handover-overdue"}),
    Stage.MONITORING: (
        "step-down",
        "the next check-in",
        {"check_in": "raise-check-in", "monitoring": "mark-monitoring-elapsed"},
    ),
}


SUPPORT_WAITS_FOR: dict[Stage, str] = {
    Stage.INTRODUCTION: "the person and the key worker to meet",
    Stage.ACTIVE: "progress towards what the person wants",
    Stage.OUTREACH: "a sign of life from the person",
    Stage.SUSPENDED: "the review of the suspension",
}
"""In any other stage: the next review by the forum."""
SUPPORT_CLOCKS = {
    "introduction": "mark-introduction-overdue",
    "contact": "mark-contact-overdue",
    "disengagement": "trigger-disengagement",
    "forum_review": "raise-forum-review",
}
"""Wherever one of these runs, somebody waits for it."""
SUSPENSION_CLOCKS = {"suspension_review": "raise-suspension-review"}
IN_SUPPORT = {Stage.ACTIVE, Stage.OUTREACH, Stage.SUSPENDED}
GRANT_CLOCKS = {
    "consent_review": "mark-consent-review-due",
    "consent_expiry": "expire-consent",
    "disclosure_review": "mark-disclosure-review-due",
}
"""Clocks of which a case may have several, one for each grant."""
ACTION_CLOCKS = {"action_escalation": "escalate-action"}


def must_wait(case: Case) -> set[Waits]:
    """The processes of one case whose deadlines all lie ahead."""
    found: set[Waits] = set()

    def waits(kind: str, waits_for: str, *steps: tuple[datetime, str]) -> None:
        due_at, step = min(steps, default=(None, None))
        found.add(Waits(f"{kind}-{case.case_id}", case.stage, waits_for, step, due_at))

    if case.stage in PROCESSES:
        kind, waits_for, clocks = PROCESSES[case.stage]
        waits(kind, waits_for, *_running(case, clocks))
    if case.stage in IN_SUPPORT or _running(case, SUPPORT_CLOCKS):
        waits_for = SUPPORT_WAITS_FOR.get(case.stage, "the next review by the forum")
        waits("support", waits_for, *_running(case, SUPPORT_CLOCKS | SUSPENSION_CLOCKS))
    if grants := _running(case, GRANT_CLOCKS):
        waits("grant-review", "the next review or end of what may be shared", *grants)
    if case.open_actions and case.stage is not Stage.CLOSED:
        actions = [(action.due_at, "mark-action-overdue") for action in case.open_actions]
        waits("action-follow-up", "the completion of open actions", *actions, *_running(case, ACTION_CLOCKS))
    return found


def _running(case: Case, clocks: dict[str, str]) -> list[tuple[datetime, str]]:
    """When which step falls due, by those of these clocks that run; after a colon a clock names what it is about."""
    return [
        (due_at, clocks[name])
        for clock, due_at in case.due.items()
        if (name := clock.partition(":")[0]) in clocks
    ]


async def until_everybody_waits(
    client: Client, cases: Iterable[Case], *, seconds: float
) -> list[WorkflowRow]:
    """Wait until exactly the right processes of cases run, and each shows the right thing; nothing more, nothing less."""
    expected = set().union(*(must_wait(case) for case in cases))
    deadline = time.monotonic() + seconds
    while True:
        rows = [row for row in await list_workflows(client) if row.case_id is not None]
        shown = {
            Waits(row.workflow_id, str(row.stage), str(row.waits_for), row.next_step, row.next_due)
            for row in rows
        }
        if shown == expected and len(rows) == len(expected):
            return rows
        assert time.monotonic() < deadline, {
            "missing": sorted(map(str, expected - shown)),
            "extra": sorted(map(str, shown - expected)),
        }
        await asyncio.sleep(0.2)
