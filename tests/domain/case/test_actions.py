"""One thing to do, one owner, one date: set, taken on, done in time or late, given away, or dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.case.action import (
    AcknowledgeAction,
    ActionAcknowledged,
    ActionAssigned,
    ActionCancelled,
    ActionCompleted,
    ActionDueInPast,
    ActionNotLinked,
    ActionNotOpen,
    ActionOverdue,
    ActionOwnerOnly,
    ActionProgressed,
    ActionReassigned,
    AssignAction,
    CancelAction,
    CancellationNeedsAuthority,
    CancellationReasonRequired,
    CompleteAction,
    EvidenceRequired,
    MarkActionOverdue,
    NotAcceptedByAgency,
    ReassignAction,
    ReportProgress,
)
from domain.case.support import OutcomeSet
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue, WrongStage
from domain.messages import ActionId, Actor, Command, OutcomeId
from tests.support.scenario import (
    A_SECOND,
    CHAIR,
    COORDINATOR,
    DECIDED,
    HOUSING,
    KEY_WORKER,
    MANAGER,
    NEXT_MEETING_DAY_ENDS,
    POLICE,
    SAFEGUARDING_LEAD,
    SHELTER,
    SYSTEM,
    CaseStory,
    a_case,
    actor,
    given,
    london,
    new_id,
    some_id,
)

ROBIN = a_case().accepted()
VISIT = ROBIN.action_id()
DUE = NEXT_MEETING_DAY_ENDS
OWNER = actor("referrer", person="officer-7", agency=POLICE)
COLLEAGUE = actor("referrer", person="officer-8", agency=POLICE)
NAMESAKE = actor("forum_member", person="officer-7", agency=HOUSING)
POLICE_SYSTEM = actor("adapter", person="police-gateway", agency="GMP")
HOUSING_SYSTEM = actor("adapter", person="housing-gateway", agency=HOUSING)
IDS: dict[str, Any] = {**ROBIN.ids, "action_id": VISIT}
TARGET: dict[str, Any] = {"case_id": ROBIN.case_id, "action_id": VISIT}

ACKNOWLEDGED = ROBIN.then_also(ActionAcknowledged(**IDS))
IN_PROGRESS = ACKNOWLEDGED.then_also(ActionProgressed(**IDS))
DONE = IN_PROGRESS.then_also(ActionCompleted(**IDS, evidence="Visited", effective=True, late=False))
CANCELLED = ROBIN.then_also(ActionCancelled(**IDS, explanation="Moved"))
STATES = {
    "open": ROBIN,
    "acknowledged": ACKNOWLEDGED,
    "in_progress": IN_PROGRESS,
    "done": DONE,
    "cancelled": CANCELLED,
}
OPEN = frozenset({"open", "acknowledged", "in_progress"})

# Source: machine D of the pathway (domain reference 2.7).
MACHINE: dict[str, tuple[Command, Actor, frozenset[str]]] = {
    "acknowledge": (AcknowledgeAction(**TARGET), OWNER, frozenset({"open"})),
    "progress": (ReportProgress(**TARGET, note="Called twice"), OWNER, OPEN),
    "complete": (CompleteAction(**TARGET, evidence="Visited", effective=True), OWNER, OPEN),
    "cancel": (CancelAction(**TARGET, explanation="Moved"), CHAIR, OPEN),
    "reassign": (
        ReassignAction(**TARGET, owner="worker-2", agency=SHELTER, accepted_by_agency=True),
        CHAIR,
        OPEN,
    ),
    "overdue": (MarkActionOverdue(**TARGET), SYSTEM, OPEN),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", MACHINE)
def test_an_action_takes_a_step_only_from_the_states_that_the_table_names(name: str, state: str) -> None:
    command, by, allowed = MACHINE[name]
    outcome = given(STATES[state]).when(command, as_=by, at=DUE)
    outcome.accepted() if state in allowed else outcome.refused(ActionNotOpen, state=state)


@pytest.mark.parametrize("name", MACHINE)
def test_there_is_nothing_to_do_about_an_action_that_nobody_set(name: str) -> None:
    command, by, _ = MACHINE[name]
    given(a_case().ready_for_forum()).when(command, as_=by).refused(NotFound, kind="action")


@pytest.mark.parametrize("name", [*MACHINE, "assign"])
def test_a_closed_case_has_nobody_who_chases_an_action(name: str) -> None:
    assign = AssignAction(
        case_id=ROBIN.case_id, owner="officer-7", agency=POLICE, links_to="debt", what="Ring the bank"
    )
    command, by, _ = MACHINE.get(name, (assign, CHAIR, OPEN))
    closed = a_case().on_agenda().with_action().closed()
    given(closed).when(command, as_=by).refused(WrongStage, stage="Closed")


# -- setting ---------------------------------------------------------------------------------------------------------


def assign(**fields: Any) -> AssignAction:
    values: dict[str, Any] = {
        "case_id": ROBIN.case_id,
        "owner": "housing-officer-3",
        "agency": HOUSING,
        "links_to": "rent_arrears",
        "what": "Agree a payment plan",
    }
    return AssignAction.model_validate(values | fields)


def test_an_action_has_an_owner_in_an_agency_and_without_a_date_is_due_by_the_next_meeting() -> None:
    given(ROBIN).when(assign(), as_=KEY_WORKER).then(
        ActionAssigned(
            **ROBIN.ids,
            action_id=ActionId(new_id("action")),
            owner="housing-officer-3",
            agency=HOUSING,
            links_to="rent_arrears",
            what="Agree a payment plan",
            due_at=london(2027, 2, 17, 17),
        )
    )


def test_an_agency_by_any_of_its_names_is_one_agency() -> None:
    assert given(ROBIN).when(assign(agency="GMP")).one(ActionAssigned).agency == POLICE


@pytest.mark.parametrize("field", ["owner", "agency", "what"])
def test_an_action_without_owner_agency_or_task_is_no_command(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        assign(**{field: ""})


@pytest.mark.parametrize(("after", "refused"), [(-A_SECOND, True), (timedelta(0), True), (A_SECOND, False)])
def test_an_action_is_for_a_date_to_come(after: timedelta, refused: bool) -> None:
    outcome = given(ROBIN).when(assign(due_at=DECIDED + after), at=DECIDED)
    outcome.refused(ActionDueInPast) if refused else outcome.accepted()


REHAB = OutcomeId(some_id("outcome/rehab"))
WITH_OUTCOME = ROBIN.then_also(
    OutcomeSet(**ROBIN.ids, outcome_id=REHAB, set_by="resident", wording="Get to rehab")
)


@pytest.mark.parametrize(
    ("story", "links_to", "linked"),
    [
        pytest.param(ROBIN, "rent_arrears", True, id="a need"),
        pytest.param(ROBIN, "risk:overdose", True, id="a risk"),
        pytest.param(WITH_OUTCOME, str(REHAB), True, id="an outcome of the case"),
        pytest.param(ROBIN, str(REHAB), False, id="an outcome that is not set"),
        pytest.param(ROBIN, "unheard_of", False, id="nothing known"),
    ],
)
def test_an_action_serves_a_need_an_outcome_or_a_risk(story: CaseStory, links_to: str, linked: bool) -> None:
    outcome = given(story).when(assign(links_to=links_to))
    outcome.accepted() if linked else outcome.refused(ActionNotLinked, links_to=links_to)


def test_an_action_is_set_once() -> None:
    given(ROBIN).when(assign(action_id=VISIT)).refused(AlreadyRecorded)


def test_a_referrer_sets_no_actions_for_others() -> None:
    given(ROBIN).when(assign(), as_=OWNER).refused(NotPermitted)


# -- taking on and doing ---------------------------------------------------------------------------------------------


def test_the_owner_confirms_that_the_action_is_theirs() -> None:
    given(ROBIN).when(AcknowledgeAction(**TARGET), as_=OWNER).then(ActionAcknowledged(**IDS))


@pytest.mark.parametrize("who", [COLLEAGUE, NAMESAKE, MANAGER, POLICE_SYSTEM], ids=lambda who: who.person)
def test_nobody_else_confirms_it_for_them(who: Actor) -> None:
    given(ROBIN).when(AcknowledgeAction(**TARGET), as_=who).refused(ActionOwnerOnly)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        pytest.param(OWNER, True, id="owner"),
        pytest.param(POLICE_SYSTEM, True, id="system of the owner's agency"),
        pytest.param(COLLEAGUE, False, id="colleague"),
        pytest.param(NAMESAKE, False, id="same reference in another agency"),
        pytest.param(HOUSING_SYSTEM, False, id="system of another agency"),
        pytest.param(MANAGER, False, id="manager"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [ReportProgress(**TARGET), CompleteAction(**TARGET, evidence="Visited", effective=True)],
    ids=["progress", "complete"],
)
def test_the_owner_or_the_system_of_their_agency_does_the_work(
    command: Command, who: Actor, may: bool
) -> None:
    outcome = given(ROBIN).when(command, as_=who)
    outcome.accepted() if may else outcome.refused(ActionOwnerOnly)


def test_progress_is_noted() -> None:
    command = ReportProgress(**TARGET, note="Called twice")
    given(ACKNOWLEDGED).when(command, as_=OWNER).then(ActionProgressed(**IDS, note="Called twice"))


@pytest.mark.parametrize(("after", "late"), [(-A_SECOND, False), (timedelta(0), False), (A_SECOND, True)])
def test_done_late_is_not_done_on_time(after: timedelta, late: bool) -> None:
    command = CompleteAction(**TARGET, evidence="Visited together", effective=True)
    given(IN_PROGRESS).when(command, as_=OWNER, at=DUE + after).then(
        ActionCompleted(**IDS, evidence="Visited together", effective=True, late=late)
    )


def test_done_on_time_and_told_later_is_on_time() -> None:
    command = CompleteAction(**TARGET, evidence="Visited together", effective=True)
    outcome = given(IN_PROGRESS).when(command, as_=OWNER, at=DUE + timedelta(days=2), effective_at=DUE)
    assert not outcome.one(ActionCompleted).late


def test_an_action_that_did_not_help_is_done_and_says_so() -> None:
    command = CompleteAction(**TARGET, evidence="Visited, nobody there", effective=False)
    assert not given(ROBIN).when(command, as_=OWNER).one(ActionCompleted).effective


@pytest.mark.parametrize("evidence", ["", "   "])
def test_a_completed_action_says_what_was_done(evidence: str) -> None:
    command = CompleteAction(**TARGET, evidence=evidence, effective=True)
    given(ROBIN).when(command, as_=OWNER).refused(EvidenceRequired)


# -- dropping and giving away ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [CHAIR, MANAGER], ids=lambda who: str(who.role))
def test_the_chair_or_a_manager_cancels_an_action_with_a_reason(who: Actor) -> None:
    command = CancelAction(**TARGET, explanation="The tenancy has ended")
    given(ROBIN).when(command, as_=who).then(ActionCancelled(**IDS, explanation="The tenancy has ended"))


@pytest.mark.parametrize("who", [COORDINATOR, KEY_WORKER, SAFEGUARDING_LEAD], ids=lambda who: str(who.role))
def test_nobody_else_cancels_an_action(who: Actor) -> None:
    command = CancelAction(**TARGET, explanation="The tenancy has ended")
    given(ROBIN).when(command, as_=who).refused(CancellationNeedsAuthority, role=who.role)


@pytest.mark.parametrize("explanation", ["", "  "])
def test_an_action_is_not_cancelled_without_a_reason(explanation: str) -> None:
    command = CancelAction(**TARGET, explanation=explanation)
    given(ROBIN).when(command, as_=CHAIR).refused(CancellationReasonRequired)


@pytest.mark.parametrize(
    ("accepted", "by", "goes"),
    [
        pytest.param(True, COORDINATOR, True, id="accepted, says the coordinator"),
        pytest.param(False, KEY_WORKER, True, id="the new owner's agency acts itself"),
        pytest.param(False, COORDINATOR, False, id="not accepted"),
    ],
)
def test_an_action_goes_to_a_new_owner_whose_agency_accepts_it(accepted: bool, by: Actor, goes: bool) -> None:
    command = ReassignAction(**TARGET, owner="worker-2", agency=SHELTER, accepted_by_agency=accepted)
    outcome = given(IN_PROGRESS).when(command, as_=by)
    if goes:
        outcome.then(ActionReassigned(**IDS, owner="worker-2", agency=SHELTER))
        taken = outcome.after.case.actions[VISIT]
        assert (taken.owner, taken.agency, taken.state, taken.due_at) == ("worker-2", SHELTER, "open", DUE)
    else:
        outcome.refused(NotAcceptedByAgency, agency=SHELTER)


# -- the engine's clock ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_an_action_not_done_by_its_date_is_overdue(after: timedelta, due: bool) -> None:
    """Scenario 25: the owner is off sick, the date passes."""
    outcome = given(ROBIN).when(MarkActionOverdue(**TARGET), as_=SYSTEM, at=DUE + after)
    if due:
        outcome.then(ActionOverdue(**IDS, agency=POLICE, due_at=DUE))
    else:
        outcome.refused(NotYetDue)


def test_an_overdue_action_is_recorded_once_and_can_still_be_done() -> None:
    story = ROBIN.then_also(ActionOverdue(**IDS, agency=POLICE, due_at=DUE), at=DUE + A_SECOND)
    given(story).when(MarkActionOverdue(**TARGET)).refused(AlreadyRecorded)
    command = CompleteAction(**TARGET, evidence="Visited", effective=True)
    assert given(story).when(command, as_=OWNER).one(ActionCompleted).late


def test_nobody_but_the_engine_marks_an_action_overdue() -> None:
    given(ROBIN).when(MarkActionOverdue(**TARGET), as_=CHAIR, at=DUE).refused(NotPermitted)
