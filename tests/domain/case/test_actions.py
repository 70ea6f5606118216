"""One thing to do, one owner, one date: set, taken on, done in time or late, given away, or dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.case.action import (
    ACTION_MOVES,
    OPEN_STATES,
    ActionAssigned,
    ActionDueInPast,
    ActionNotLinked,
    ActionNotOpen,
    AssignAction,
)
from domain.case.action_changes import (
    ActionCancelled,
    ActionReassigned,
    CancelAction,
    CancellationNeedsAuthority,
    CancellationReasonRequired,
    NotAcceptedByAgency,
    ReassignAction,
    release_actions_of,
)
from domain.case.action_deadlines import (
    ActionOverdue,
    EscalateAction,
    MarkActionOverdue,
)
from domain.case.action_work import (
    AcknowledgeAction,
    ActionAcknowledged,
    ActionBlocked,
    ActionCompleted,
    ActionNotDone,
    ActionOwnerOnly,
    ActionProgressed,
    CompleteAction,
    EvidenceRequired,
    ReportBlocked,
    ReportNotDone,
    ReportProgress,
    StartWork,
)
from domain.case.support import OutcomeSet
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, WrongStage
from domain.messages import ActionId, Actor, BlockerId, Command, OutcomeId
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
NOT_DONE = ROBIN.then_also(ActionNotDone(**IDS, explanation="Owner moved on", late=False))
CANCELLED = ROBIN.then_also(ActionCancelled(**IDS, explanation="Moved"))
ESCALATES = london(2027, 2, 24, 17)
ESCALATION = f"action_escalation:{VISIT}"


def overdue(story: CaseStory) -> CaseStory:
    """The date of the action has passed, and the engine has said so."""
    late = ActionOverdue(**IDS, agency=POLICE, due_at=DUE, escalation_due_at=ESCALATES)
    return story.then_also(late, at=DUE)


STATES = {
    "open": ROBIN,
    "acknowledged": ACKNOWLEDGED,
    "in_progress": IN_PROGRESS,
    "done": DONE,
    "not_done": NOT_DONE,
    "cancelled": CANCELLED,
}
OPEN = frozenset(OPEN_STATES)

# Source: machine D of the pathway (domain reference 2.7).
MACHINE: dict[str, tuple[Command, Actor, frozenset[str], str]] = {
    "acknowledge": (AcknowledgeAction(**TARGET), OWNER, frozenset({"open"}), "ActionAcknowledged"),
    "start": (StartWork(**TARGET), OWNER, frozenset({"open", "acknowledged"}), "ActionProgressed"),
    "progress": (ReportProgress(**TARGET, note="Called twice"), OWNER, OPEN, "ActionProgressed"),
    "blocked": (ReportBlocked(**TARGET, blocker="no_identity_documents"), OWNER, OPEN, "ActionBlocked"),
    "complete": (
        CompleteAction(**TARGET, evidence="Visited", effective=True),
        OWNER,
        OPEN,
        "ActionCompleted",
    ),
    "not done": (ReportNotDone(**TARGET, explanation="House sold"), OWNER, OPEN, "ActionNotDone"),
    "cancel": (CancelAction(**TARGET, explanation="Moved"), CHAIR, OPEN, "ActionCancelled"),
    "reassign": (
        ReassignAction(**TARGET, owner="worker-2", agency=SHELTER, accepted_by_agency=True),
        CHAIR,
        OPEN,
        "ActionReassigned",
    ),
    "overdue": (MarkActionOverdue(**TARGET), SYSTEM, OPEN, "ActionOverdue"),
    "escalate": (EscalateAction(**TARGET), SYSTEM, OPEN, "ActionEscalated"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", MACHINE)
def test_an_action_takes_a_step_only_from_the_states_that_the_table_names(name: str, state: str) -> None:
    command, by, allowed, topic = MACHINE[name]
    story = overdue(STATES[state]) if name == "escalate" and state in OPEN else STATES[state]
    outcome = given(story).when(command, as_=by, at=ESCALATES if name == "escalate" else DUE)
    if state in allowed:
        assert topic == outcome.accepted().happened[0].TOPIC
        assert (
            outcome.after.case.actions[VISIT].state
            == ACTION_MOVES[topic][STATES[state].case.actions[VISIT].state]
        )
    else:
        outcome.refused(ActionNotOpen, state=state)


def test_every_move_of_an_action_is_one_that_some_command_makes() -> None:
    assert set(ACTION_MOVES) == {topic for *_, topic in MACHINE.values()} | {"ActionAssigned"}


@pytest.mark.parametrize("name", MACHINE)
def test_there_is_nothing_to_do_about_an_action_that_nobody_set(name: str) -> None:
    command, by, *_ = MACHINE[name]
    given(a_case().ready_for_forum()).when(command, as_=by).refused(NotFound, kind="action")


@pytest.mark.parametrize("name", [*MACHINE, "assign"])
def test_a_closed_case_has_nobody_who_chases_an_action(name: str) -> None:
    assign = AssignAction(
        case_id=ROBIN.case_id, owner="officer-7", agency=POLICE, links_to="debt", what="Ring the bank"
    )
    command, by, *_ = MACHINE.get(name, (assign, CHAIR, OPEN, ""))
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
    [
        StartWork(**TARGET),
        ReportProgress(**TARGET),
        CompleteAction(**TARGET, evidence="Visited", effective=True),
        ReportNotDone(**TARGET, explanation="House sold"),
        ReportBlocked(**TARGET, blocker="no_identity_documents"),
    ],
    ids=lambda command: command.NAME,
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


# -- not done, and blocked -------------------------------------------------------------------------------------------


def test_what_will_not_be_done_is_said_with_a_reason_and_chased_no_more() -> None:
    told = given(overdue(ROBIN)).when(ReportNotDone(**TARGET, explanation="House sold"), as_=OWNER)
    told.then(ActionNotDone(**IDS, explanation="House sold", late=False))
    assert (told.after.case.open_actions, ESCALATION in told.after.case.due) == ([], False)


def test_a_blocked_action_stays_with_its_owner_and_names_a_blocker() -> None:
    """Scenario 27, the blocked part: no identity documents."""
    told = given(ROBIN).when(ReportBlocked(**TARGET, blocker="no_identity_documents"), as_=OWNER)
    blocked = told.one(ActionBlocked)
    assert (blocked.blocker, blocked.blocker_id) == ("no_identity_documents", new_id("blocker"))
    action = told.after.case.actions[VISIT]
    assert (action.state, action.owner, action.blocker_id) == ("in_progress", "officer-7", blocked.blocker_id)


def test_a_blocked_action_that_goes_on_is_blocked_no_more() -> None:
    blocked = ROBIN.then_also(ActionBlocked(**IDS, blocker_id=BlockerId(some_id("blocker")), blocker="no_id"))
    told = given(blocked).when(ReportProgress(**TARGET), as_=OWNER)
    assert told.after.case.actions[VISIT].blocker_id is None


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


# -- what ends with the case, or with an agency's consent --------------------------------------------------------------


def test_actions_of_an_agency_that_is_shut_out_go_to_the_key_worker() -> None:
    states = (
        given(a_case().allocated_to().with_action("rent", agency=HOUSING)).when(assign(), as_=CHAIR).after
    )
    (released,) = release_actions_of(states.case, HOUSING, states.worker)[:1]
    assert released == ActionReassigned(
        **ROBIN.ids,
        action_id=ActionId(ROBIN.action_id("rent")),
        owner=states.worker.staff_ref,
        agency=SHELTER,
        because="consent_withdrawn",
    )
    assert len(release_actions_of(states.case, HOUSING, states.worker)) == len(states.case.open_actions) - 1


def test_without_a_key_worker_they_are_cancelled_and_say_why() -> None:
    (released,) = release_actions_of(ROBIN.case, POLICE)
    assert released == ActionCancelled(**IDS, explanation="", because="consent_withdrawn")


def test_the_key_workers_own_agency_takes_nothing_on_from_itself() -> None:
    states = (
        given(a_case().allocated_to().with_action("ring", agency=SHELTER)).when(assign(), as_=CHAIR).after
    )
    released = release_actions_of(states.case, SHELTER, states.worker)
    assert [type(event) for event in released] == [ActionCancelled]
