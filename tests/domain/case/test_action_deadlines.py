"""An action whose date passes: said once, put higher after a while, and never a reason not to do it after all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.case.action import ActionDueInPast
from domain.case.action_changes import CancelAction, ReassignAction
from domain.case.action_deadlines import (
    ActionEscalated,
    ActionOverdue,
    EscalateAction,
    MarkActionOverdue,
)
from domain.case.action_work import ActionCompleted, CompleteAction
from domain.case.escalation import EscalationRaised, RaiseEscalation
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue
from domain.messages import Command
from tests.domain.case.test_actions import (
    DUE,
    ESCALATES,
    ESCALATION,
    IDS,
    OWNER,
    ROBIN,
    TARGET,
    VISIT,
    overdue,
)
from tests.support.scenario import A_SECOND, CHAIR, COORDINATOR, POLICE, SHELTER, SYSTEM, given


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_an_action_not_done_by_its_date_is_overdue(after: timedelta, due: bool) -> None:
    """Scenario 25: the owner is off sick, the date passes."""
    outcome = given(ROBIN).when(MarkActionOverdue(**TARGET), as_=SYSTEM, at=DUE + after)
    if due:
        outcome.then(ActionOverdue(**IDS, agency=POLICE, due_at=DUE, escalation_due_at=ESCALATES))
    else:
        outcome.refused(NotYetDue)


def test_an_overdue_action_is_recorded_once_and_can_still_be_done() -> None:
    story = ROBIN.then_also(ActionOverdue(**IDS, agency=POLICE, due_at=DUE), at=DUE + A_SECOND)
    given(story).when(MarkActionOverdue(**TARGET)).refused(AlreadyRecorded)
    command = CompleteAction(**TARGET, evidence="Visited", effective=True)
    assert given(story).when(command, as_=OWNER).one(ActionCompleted).late


def test_nobody_but_the_engine_marks_an_action_overdue() -> None:
    given(ROBIN).when(MarkActionOverdue(**TARGET), as_=CHAIR, at=DUE).refused(NotPermitted)


def test_an_overdue_action_that_stays_undone_is_escalated_after_five_working_days() -> None:
    """Scenario 25: overdue, then escalated after 5 working days."""
    story = overdue(ROBIN)
    given(story).when(EscalateAction(**TARGET), at=ESCALATES - A_SECOND).refused(NotYetDue)
    told = given(story).when(EscalateAction(**TARGET), at=ESCALATES)
    told.then(ActionEscalated(**IDS, agency=POLICE, level=1, due_at=DUE), EscalationRaised)
    raised = told.one(EscalationRaised)
    assert (raised.subject, raised.subject_id, raised.level) == ("action", VISIT, 1)
    after = told.after.case
    assert (after.actions[VISIT].escalated_to, ESCALATION in after.due) == (1, False)


def test_an_action_that_somebody_has_escalated_already_is_not_escalated_twice() -> None:
    raising = RaiseEscalation(
        case_id=ROBIN.case_id, subject="action", subject_id=VISIT, desired_result="The visit takes place"
    )
    raised = given(overdue(ROBIN)).when(raising, as_=COORDINATOR).accepted()
    story = overdue(ROBIN).then_also(*raised.happened)
    given(story).when(EscalateAction(**TARGET), at=ESCALATES).then(ActionEscalated)


@pytest.mark.parametrize(
    "command",
    [
        CompleteAction(**TARGET, evidence="Visited", effective=True),
        CancelAction(**TARGET, explanation="Moved"),
    ],
)
def test_an_action_that_ends_is_escalated_no_more(command: Command) -> None:
    told = given(overdue(ROBIN)).when(command, as_=OWNER if isinstance(command, CompleteAction) else CHAIR)
    assert ESCALATION not in told.after.case.due


def test_a_new_owner_with_a_new_date_starts_afresh() -> None:
    later = DUE + timedelta(days=14)
    command = ReassignAction(
        **TARGET, owner="worker-2", agency=SHELTER, accepted_by_agency=True, due_at=later
    )
    told = given(overdue(ROBIN)).when(command, as_=COORDINATOR)
    action = told.after.case.actions[VISIT]
    assert (action.due_at, action.overdue, ESCALATION in told.after.case.due) == (later, False, False)
    past = command.model_copy(update={"due_at": DUE - timedelta(days=30)})
    given(overdue(ROBIN)).when(past, as_=COORDINATOR).refused(ActionDueInPast)
