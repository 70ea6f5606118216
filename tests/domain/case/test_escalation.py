"""Escalation: what cannot be settled goes up, level by level, until it has an answer."""

from typing import get_args

import pytest

from domain.case import escalation as es
from domain.case import escalation_ladder as el
from domain.case.action_work import CompleteAction
from domain.case.allocating import AllocateKeyWorker
from domain.case.cover import StartCover
from domain.case.leaving import WithdrawParticipation
from domain.errors import AlreadyRecorded, NotFound, NotPermitted, NotYetDue
from domain.messages import Actor, Command, EscalationId
from domain.roles import Role
from tests.support.scenario import (
    A_SECOND,
    CHAIR,
    COORDINATOR,
    HOUSING,
    MANAGER,
    POLICE,
    SAFEGUARDING_LEAD,
    SYSTEM,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
    new_id,
    some_id,
)

SAM, KIM = a_worker("sam"), a_worker("kim")
OFFICER = actor(Role.REFERRER, person="officer-7", agency=POLICE)
COLLEAGUE = actor(Role.REFERRER, person="officer-8", agency=POLICE)
HOUSING_OFFICER = actor(Role.FORUM_MEMBER, person="housing-1", agency=HOUSING)


def raise_it(case: CaseStory, **changed: object) -> es.RaiseEscalation:
    return es.RaiseEscalation.model_validate(
        {"case_id": case.case_id, "subject": "dispute", "desired_result": "One agency leads", **changed}
    )


def about(kind: type[Command], case: CaseStory, **changed: object) -> Command:
    return kind.model_validate(
        {**kind.EXAMPLE, "case_id": case.case_id, "escalation_id": case.escalation_id(), **changed}
    )


def clock(case: CaseStory) -> str:
    return f"escalation:{case.escalation_id()}"


# -- raising ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "by", [OFFICER, HOUSING_OFFICER, COORDINATOR, CHAIR, MANAGER, SAFEGUARDING_LEAD], ids=lambda one: one.role
)
def test_any_member_raises_an_escalation_and_says_what_should_come_of_it(by: Actor) -> None:
    case = a_case().on_agenda()
    raised = given(case).when(raise_it(case), as_=by, at=london(2027, 1, 20, 11))
    escalation = EscalationId(new_id("escalation/dispute/"))
    raised.then(
        like(
            es.EscalationRaised,
            escalation_id=escalation,
            level=1,
            owner="practitioners_managers",
            raised_by=by.person,
            answer_due_at=london(2027, 1, 27, 17),
        )
    )
    assert raised.after.case.stage is case.case.stage
    assert raised.after.case.due[f"escalation:{escalation}"] == london(2027, 1, 27, 17)


def test_the_person_and_an_auditor_raise_none() -> None:
    case = a_case().on_agenda()
    for role in (Role.PERSON, Role.AUDITOR, Role.OPERATIONS):
        given(case).when(raise_it(case), as_=actor(role)).refused(NotPermitted)


def test_only_a_timer_leaves_the_desired_result_out() -> None:
    case = a_case().on_agenda()
    given(case).when(raise_it(case, desired_result=None), as_=OFFICER).refused(es.DesiredResultRequired)
    given(case).when(raise_it(case, desired_result=None), as_=SYSTEM).then(
        like(es.EscalationRaised, desired_result=None, raised_by=None, raised_by_agency=None)
    )


def test_the_same_thing_is_not_escalated_twice_at_once() -> None:
    case = a_case().active().with_action()
    once = raise_it(case, subject="action", subject_id=case.action_id())
    raised = given(case).when(once)
    given(*case, *raised.happened).when(once).refused(AlreadyRecorded)
    given(case).when(raise_it(case, subject="action", subject_id=some_id("no action"))).refused(NotFound)
    given(case).when(raise_it(case, subject="safeguarding", subject_id=some_id("none"))).refused(NotFound)


@pytest.mark.parametrize("case", [a_case().in_triage(), a_case().active(), a_case().closed()])
def test_an_escalation_is_raised_in_any_stage_and_outlives_the_case(case: CaseStory) -> None:
    given(case).when(raise_it(case)).one(es.EscalationRaised)
    assert clock(case) in a_case().in_triage().escalated().closed().case.due


# -- answering -------------------------------------------------------------------------------------------------------


def test_the_level_answers_and_the_raiser_accepts() -> None:
    case = a_case().on_agenda().escalated()
    answered = given(case).when(about(el.RespondToEscalation, case), as_=MANAGER)
    answered.then(like(el.EscalationResponded, level=1, responded_by=MANAGER.person))
    assert clock(case) not in answered.after.case.due
    accepted = given(*case, *answered.happened).when(
        about(el.AcceptResponse, case, outcome="lead_agreed", change_made=True), as_=OFFICER
    )
    accepted.then(like(es.EscalationResolved, outcome="lead_agreed", change_made=True, level=1))


@pytest.mark.parametrize(
    ("level", "by", "may"),
    [
        (1, MANAGER, True),
        (1, HOUSING_OFFICER, False),
        (1, CHAIR, False),
        (2, HOUSING_OFFICER, True),
        (2, CHAIR, False),
        (3, CHAIR, True),
        (5, CHAIR, True),
        (5, SAFEGUARDING_LEAD, True),
    ],
)
def test_each_level_is_answered_by_whoever_the_ladder_names(level: int, by: Actor, may: bool) -> None:
    case = a_case().on_agenda().escalated().escalated_to(level)
    answered = given(case).when(about(el.RespondToEscalation, case), as_=by)
    if may:
        answered.then(like(el.EscalationResponded, level=level))
    else:
        answered.refused(el.NotTheLevelOwner, level=level, role=by.role)


def test_nobody_answers_their_own_escalation_nor_accepts_their_own_answer() -> None:
    case = a_case().on_agenda().escalated(by=MANAGER)
    given(case).when(about(el.RespondToEscalation, case), as_=MANAGER).refused(el.OwnEscalation)
    of_a_deadline = a_case().on_agenda().escalated(by=SYSTEM).answered()
    given(of_a_deadline).when(about(el.AcceptResponse, of_a_deadline), as_=MANAGER).refused(el.OwnEscalation)


@pytest.mark.parametrize("kind", [el.AcceptResponse, el.RejectResponse])
def test_the_raisers_agency_says_whether_the_answer_will_do(kind: type[Command]) -> None:
    case = a_case().on_agenda().escalated().answered()
    given(case).when(about(kind, case), as_=COLLEAGUE).accepted()
    given(case).when(about(kind, case), as_=HOUSING_OFFICER).refused(el.NotTheRaiser)
    of_a_deadline = a_case().on_agenda().escalated(by=SYSTEM).answered()
    given(of_a_deadline).when(about(kind, of_a_deadline), as_=COORDINATOR).accepted()
    given(of_a_deadline).when(about(kind, of_a_deadline), as_=OFFICER).refused(el.NotTheRaiser)


def test_a_rejected_answer_goes_to_the_next_level_with_a_new_deadline() -> None:
    case = a_case().on_agenda().escalated().answered()
    at = london(2027, 1, 25, 9)
    rejected = given(case).when(
        about(el.RejectResponse, case, explanation="Nobody leads"), as_=OFFICER, at=at
    )
    rejected.then(
        like(
            el.EscalationRaisedLevel,
            level=2,
            owner="agency_seniors",
            reason="response_rejected",
            explanation="Nobody leads",
            answer_due_at=london(2027, 2, 1, 17),
        )
    )
    assert rejected.after.case.escalations[case.escalation_id()].state == "open"


# -- no answer -------------------------------------------------------------------------------------------------------


def test_agencies_that_disagree_on_the_lead_are_at_level_two_after_five_working_days() -> None:
    case = a_case().on_agenda()
    case = case.escalated(at=london(2027, 1, 20, 11))
    due_at = london(2027, 1, 27, 17)
    up = about(el.RaiseEscalationLevel, case)
    given(case).when(up, at=due_at - A_SECOND).refused(NotYetDue)
    raised = given(case).when(up, at=due_at)
    raised.then(
        like(el.EscalationRaisedLevel, level=2, reason="no_response", answer_due_at=london(2027, 2, 3, 17))
    )
    given(*case, *raised.happened).when(up, at=due_at).refused(NotYetDue)


def test_only_the_engine_passes_over_a_level() -> None:
    case = a_case().on_agenda().escalated()
    given(case).when(about(el.RaiseEscalationLevel, case), as_=MANAGER).refused(NotPermitted)


def test_the_highest_level_stays_and_alerts_and_later_reminds_slowly() -> None:
    case = a_case().on_agenda().escalated().escalated_to(5)
    due_at = case.case.due[clock(case)]
    alert = given(case).when(about(el.RaiseEscalationLevel, case), at=due_at)
    alerted = alert.one(el.EscalationUnanswered)
    assert (alerted.level, alerted.reminder, alerted.due_at) == (5, 1, due_at)
    assert (alerted.next_due_at - due_at).days >= 27
    again = given(*case, *alert.happened).when(about(el.RaiseEscalationLevel, case), at=alerted.next_due_at)
    again.then(like(el.EscalationUnanswered, level=5, reminder=2))


def test_a_rejected_answer_of_the_highest_level_is_asked_of_it_again() -> None:
    case = a_case().on_agenda().escalated().escalated_to(5).answered()
    given(case).when(about(el.RejectResponse, case), as_=OFFICER).then(
        like(el.EscalationRaisedLevel, level=5, reason="response_rejected")
    )


# -- withdrawing -----------------------------------------------------------------------------------------------------


def test_the_raiser_withdraws() -> None:
    case = a_case().on_agenda().escalated()
    withdraw = about(el.WithdrawEscalation, case)
    gone = given(case).when(withdraw, as_=OFFICER).then(el.EscalationWithdrawn)
    assert clock(case) not in gone.after.case.due
    given(case).when(withdraw, as_=HOUSING_OFFICER).refused(el.NotTheRaiser)


def test_an_escalation_about_safeguarding_is_let_go_only_with_a_safeguarding_lead() -> None:
    case = a_case().active().with_concern().escalated(subject="safeguarding")
    withdraw = about(el.WithdrawEscalation, case)
    given(case).when(withdraw, as_=OFFICER).refused(el.SafeguardingLeadMustAgree)
    given(case).when(about(el.WithdrawEscalation, case, safeguarding_lead="lead-2"), as_=OFFICER).then(
        like(el.EscalationWithdrawn, safeguarding_lead="lead-2")
    )
    given(case).when(withdraw, as_=SAFEGUARDING_LEAD).then(
        like(el.EscalationWithdrawn, safeguarding_lead=SAFEGUARDING_LEAD.person)
    )


# -- every state, every command --------------------------------------------------------------------------------------


def escalation_in(state: es.EscalationState, level: int = 1) -> CaseStory:
    case = a_case().on_agenda().escalated().escalated_to(level)
    match state:
        case "open":
            return case
        case "responded":
            return case.answered()
        case _:
            gone = el.EscalationWithdrawn(
                **case.ids, escalation_id=case.escalation_id(), explanation="Settled meanwhile"
            )
            return case.then_also(gone)


ALLOWED: dict[type[Command], tuple[Actor, str]] = {
    el.RespondToEscalation: (MANAGER, "open"),
    el.AcceptResponse: (OFFICER, "responded"),
    el.RejectResponse: (OFFICER, "responded"),
    el.RaiseEscalationLevel: (SYSTEM, "open"),
    el.WithdrawEscalation: (OFFICER, "open"),
}


@pytest.mark.parametrize("level", [1, 4, 5])
@pytest.mark.parametrize("state", get_args(es.EscalationState))
@pytest.mark.parametrize("kind", ALLOWED, ids=lambda kind: kind.NAME)
def test_every_command_in_every_state_of_an_escalation_does_what_the_table_says(
    kind: type[Command], state: es.EscalationState, level: int
) -> None:
    by, allowed = ALLOWED[kind]
    case = escalation_in(state, level)
    at = max(case.now, case.case.due.get(clock(case), case.now))
    outcome = given(case).when(about(kind, case), as_=by, at=at)
    if state != allowed:
        outcome.refused(el.EscalationNotInState, state=state, allowed=allowed)
        return
    (event,) = outcome.accepted().happened
    after = outcome.after.case.escalations[case.escalation_id()]
    assert after.state == es.ESCALATION_MOVES[event.TOPIC][state]
    assert after.level == min(level + (event.TOPIC == "EscalationRaisedLevel"), 5)


@pytest.mark.parametrize("kind", ALLOWED, ids=lambda kind: kind.NAME)
def test_an_escalation_that_does_not_exist_is_not_found(kind: type[Command]) -> None:
    case = a_case().on_agenda()
    given(case).when(about(kind, case), as_=ALLOWED[kind][0]).refused(NotFound)


# -- what has happened after all -------------------------------------------------------------------------------------


def test_what_a_deadline_escalated_is_over_once_the_person_has_a_worker() -> None:
    story = a_case().waiting(band="P1").escalated("no-room", subject="capacity", by=SYSTEM)
    allocates = AllocateKeyWorker(case_id=story.case_id, worker_id=SAM.worker_id)
    allocated = given(SAM, story).when(allocates, as_=MANAGER)
    over = allocated.one(es.EscalationResolved)
    assert (over.escalation_id, over.outcome) == (story.escalation_id("no-room"), "allocated")
    assert not {name for name in allocated.after.case.due if name.startswith("escalation")}


def test_an_orphaned_case_is_escalated_no_further_once_somebody_covers_it() -> None:
    story = a_case().active(SAM).worker_away().escalated("orphan", subject="allocation", by=SYSTEM)
    covers = StartCover.model_validate(
        {**StartCover.EXAMPLE, "case_id": story.case_id, "cover_worker_id": KIM.worker_id}
        | {"told_on": "2027-02-01", "ground": "immediate_risk"}
    )
    covered = given(SAM, KIM, story).when(covers, as_=MANAGER)
    assert covered.one(es.EscalationResolved).outcome == "covered"


def test_an_action_that_is_done_late_is_escalated_no_further() -> None:
    story = a_case().active(SAM)
    action = story.case.actions[story.action_id()]
    raised = given(SAM, story).when(
        raise_it(story, subject="action", subject_id=action.action_id, desired_result=None), as_=SYSTEM
    )
    done = CompleteAction(
        case_id=story.case_id, action_id=action.action_id, evidence="They met", effective=True
    )
    owner = actor(Role.FORUM_MEMBER, person=action.owner, agency=action.agency)
    assert given(*raised.before, *raised.happened).when(done, as_=owner).one(es.EscalationResolved).level == 1


def test_what_somebody_raised_themselves_is_theirs_to_say_settled() -> None:
    story = a_case().waiting(band="P1").escalated("mine", subject="capacity", by=OFFICER)
    allocates = AllocateKeyWorker(case_id=story.case_id, worker_id=SAM.worker_id)
    allocated = given(SAM, story).when(allocates, as_=MANAGER)
    assert allocated.after.case.escalations[story.escalation_id("mine")].state == "open"


def test_what_a_deadline_escalated_for_want_of_a_worker_ends_with_the_case() -> None:
    """Nobody is asked for ever for a worker whom nobody needs any more."""
    story = a_case().waiting(band="P1").escalated("no-room", subject="capacity", by=SYSTEM)
    leaves = WithdrawParticipation(case_id=story.case_id, by_channel="telephone")
    left = given(story).when(leaves, as_=MANAGER)
    assert left.one(es.EscalationResolved).outcome == "case_closed"
    assert left.after.case.due == {}
