"""Step-down: proposed by the key worker, approved by a manager, handed over, and taken back up when needed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.case import allocation as al
from domain.case import household as h
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import step_up as up
from domain.case.action_work import ActionCompleted
from domain.case.consent_changes import ConsentWithdrawn
from domain.case.disclosure import DisclosureNotCovered
from domain.case.sharing import Category, Purpose
from domain.case.stages import Stage
from domain.case.triage import SafeguardingConcernOpen
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.keyworker.events import CaseReweighed
from domain.messages import Actor, Command, Event
from tests.support.scenario import (
    A_SECOND,
    CGL,
    COORDINATOR,
    HANDED_OVER,
    HOUSING,
    MANAGER,
    MENTAL_HEALTH,
    POLICE,
    SHELTER,
    STEP_DOWN_APPROVED,
    STEP_DOWN_PROPOSED,
    SYSTEM,
    CaseStory,
    a_case,
    a_worker,
    given,
    like,
    london,
)

SAM = a_worker("sam")
COLLEAGUE = a_worker("other").actor


def propose(case: CaseStory, **changed: object) -> sd.ProposeStepDown:
    return sd.ProposeStepDown.model_validate(sd.ProposeStepDown.EXAMPLE | {"case_id": case.case_id} | changed)


def approve(case: CaseStory, **changed: object) -> sd.ApproveStepDown:
    return sd.ApproveStepDown.model_validate(sd.ApproveStepDown.EXAMPLE | {"case_id": case.case_id} | changed)


def with_handover_consent(
    case: CaseStory,
    *categories: Category,
    discloser: str = SHELTER,
    recipient: str = HOUSING,
    purpose: Purpose = Purpose.HANDOVER,
) -> CaseStory:
    return case.with_grant(
        discloser,
        *(categories or (Category.SUPPORT_PLAN,)),
        recipient=recipient,
        purpose=purpose,
        at=STEP_DOWN_PROPOSED,
    )


# -- proposing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [SAM.actor, MANAGER], ids=lambda by: by.role)
def test_the_key_worker_or_a_manager_proposes_a_step_down(by: Actor) -> None:
    case = a_case().active(SAM).reviewed()
    proposed = given(case).when(propose(case), as_=by, at=STEP_DOWN_PROPOSED)
    proposed.then(
        like(
            sd.StepDownProposed,
            receiving_agency=HOUSING,
            universal=False,
            cleared_by_safeguarding=None,
            approval_due_at=london(2027, 6, 21, 17),
        )
    )
    assert proposed.after.case.stage is Stage.STEP_DOWN_PROPOSED


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"outcomes_summary": ""}, sd.OutcomesSummaryRequired),
        ({"outcomes_summary": "   "}, sd.OutcomesSummaryRequired),
        ({"contingency_plan": ""}, sd.ContingencyPlanRequired),
        ({"receiving_agency": None}, sd.ReceivingServiceRequired),
        ({"universal": True}, sd.ReceivingServiceRequired),
        ({"receiving_agency": "Universal"}, sd.ReceivingServiceRequired),
        ({"receiving_agency": "Universal", "universal": True}, sd.ReceivingServiceRequired),
    ],
)
def test_a_proposal_says_what_was_reached_what_if_and_who_carries_on(
    changed: dict[str, object], rule: type[sd.StepDownError]
) -> None:
    case = a_case().active(SAM).reviewed()
    given(case).when(propose(case, **changed), as_=SAM.actor).refused(rule)


def test_the_universal_services_may_carry_on() -> None:
    case = a_case().active(SAM).reviewed()
    universal = propose(case, receiving_agency=None, universal=True)
    given(case).when(universal, as_=SAM.actor).then(
        like(sd.StepDownProposed, receiving_agency=sd.UNIVERSAL, universal=True)
    )


def test_the_plan_is_reviewed_before_a_step_down_is_proposed() -> None:
    case = a_case().active(SAM)
    given(case).when(propose(case), as_=SAM.actor).refused(sd.PlanNotReviewed)


@pytest.mark.parametrize(
    ("case", "clear"),
    [
        (a_case().active(SAM).reviewed(), True),
        (a_case().active(SAM).reviewed().with_concern(), True),
        (a_case().active(SAM).reviewed().enquired(), False),
        (a_case().active(SAM).reviewed().with_concern("other").enquired(), False),
    ],
    ids=["no concern", "only raised", "enquiry", "one raised, one enquiry"],
)
def test_during_an_enquiry_a_step_down_needs_the_safeguarding_lead(case: CaseStory, clear: bool) -> None:
    outcome = given(case).when(propose(case), as_=SAM.actor)
    if clear:
        outcome.one(sd.StepDownProposed)
    else:
        outcome.refused(SafeguardingConcernOpen)
        cleared = propose(case, cleared_by_safeguarding="lead-1")
        agreed = given(case).when(cleared, as_=SAM.actor)
        agreed.then(like(sd.StepDownProposed, cleared_by_safeguarding="lead-1"))
        own = propose(case, cleared_by_safeguarding=SAM.actor.person)
        given(case).when(own, as_=SAM.actor).refused(sd.ClearanceIsOwn)


def test_a_worker_without_the_case_proposes_nothing() -> None:
    case = a_case().active(SAM).reviewed()
    given(case).when(propose(case), as_=COLLEAGUE).refused(al.NotTheKeyWorker)
    led = a_case().led_by()
    given(led).when(propose(led), as_=SAM.actor).refused(al.NoKeyWorkerAssigned)


# -- approving -------------------------------------------------------------------------------------------------------


def test_a_manager_approves_and_the_case_weighs_less() -> None:
    case = with_handover_consent(a_case().active(SAM).step_down_proposed())
    approved = given(case).when(approve(case), as_=MANAGER, at=STEP_DOWN_APPROVED)
    approved.then(
        like(
            sd.StepDownApproved,
            receiving_lead="recovery-worker-1",
            handover_due_at=london(2027, 7, 14, 10),
        ),
        CaseReweighed(worker_id=SAM.worker_id, case_id=case.case_id, points=3),
    )
    assert approved.after.case.stage is Stage.STEPPING_DOWN
    assert "step_down_approval" not in approved.after.case.due


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"person_view": ""}, sd.PersonViewRequired),
        ({"person_view": "  "}, sd.PersonViewRequired),
        ({"receiving_lead": None}, sd.ReceivingLeadNotAccepted),
        ({"receiving_lead_accepted": False}, sd.ReceivingLeadNotAccepted),
        ({"child_protection_plan_open": True}, sd.ChildProtectionPlanOpen),
    ],
)
def test_the_person_is_heard_somebody_accepts_and_no_child_is_on_a_plan(
    changed: dict[str, object], rule: type[sd.StepDownError]
) -> None:
    case = with_handover_consent(a_case().active(SAM).step_down_proposed())
    given(case).when(approve(case, **changed), as_=MANAGER).refused(rule)


def test_an_enquiry_that_began_after_the_proposal_was_cleared_by_nobody() -> None:
    active = a_case().active(SAM).reviewed()
    proposed = active.step_down_proposed(receiving=sd.UNIVERSAL)
    given(proposed.with_concern()).when(approve(proposed), as_=MANAGER).one(sd.StepDownApproved)
    given(proposed.enquired()).when(approve(proposed), as_=MANAGER).refused(SafeguardingConcernOpen)
    cleared = given(active.enquired()).when(
        propose(active, cleared_by_safeguarding="lead-1", receiving_agency=None, universal=True),
        as_=SAM.actor,
    )
    known = [*active.enquired().facts, *cleared.happened]
    given(*known).when(approve(active), as_=MANAGER).one(sd.StepDownApproved)
    later = active.enquired().enquired("later").facts[len(active.enquired().facts) :]
    given(*known, *later).when(approve(active), as_=MANAGER).refused(SafeguardingConcernOpen)


@pytest.mark.parametrize(
    ("granted", "covered"),
    [
        (lambda case: case, False),
        (with_handover_consent, True),
        (lambda case: with_handover_consent(case, Category.IDENTITY), False),
        (lambda case: with_handover_consent(case, Category.IDENTITY, Category.SUPPORT_PLAN), True),
        (lambda case: with_handover_consent(case, purpose=Purpose.COORDINATED_SUPPORT), False),
        (lambda case: with_handover_consent(case, recipient=CGL), False),
        (lambda case: with_handover_consent(case, discloser=POLICE), False),
    ],
    ids=[
        "none",
        "covers",
        "other category",
        "several",
        "other purpose",
        "other recipient",
        "other discloser",
    ],
)
def test_the_plan_is_passed_on_only_with_consent_for_exactly_that(
    granted: Callable[[CaseStory], CaseStory], covered: bool
) -> None:
    case = granted(a_case().active(SAM).step_down_proposed())
    outcome = given(case).when(approve(case), as_=MANAGER)
    if covered:
        outcome.one(sd.StepDownApproved)
    else:
        outcome.refused(
            DisclosureNotCovered,
            discloser=SHELTER,
            recipient=HOUSING,
            purpose=Purpose.HANDOVER,
            category=Category.SUPPORT_PLAN,
        )


def test_consent_for_the_handover_counts_until_it_expires_or_is_withdrawn() -> None:
    case = with_handover_consent(a_case().active(SAM).step_down_proposed())
    expires = case.case.grants[case.grant_id(SHELTER, HOUSING)].expires_at
    assert expires is not None
    given(case).when(approve(case), as_=MANAGER, at=expires - A_SECOND).one(sd.StepDownApproved)
    given(case).when(approve(case), as_=MANAGER, at=expires).refused(DisclosureNotCovered)
    withdrawn = ConsentWithdrawn(**case.ids, grant_id=case.grant_id(SHELTER, HOUSING), by_channel="telephone")
    given(case.then_also(withdrawn)).when(approve(case), as_=MANAGER).refused(DisclosureNotCovered)


@pytest.mark.parametrize("receiving", [sd.UNIVERSAL, SHELTER])
def test_nothing_is_passed_on_to_universal_services_or_within_the_workers_own_agency(receiving: str) -> None:
    case = a_case().active(SAM).step_down_proposed(receiving=receiving)
    given(case).when(approve(case), as_=MANAGER).one(sd.StepDownApproved)


def test_a_case_with_a_lead_agency_steps_down_from_that_agency() -> None:
    case = a_case().led_by(MENTAL_HEALTH).step_down_proposed()
    given(case).when(approve(case), as_=MANAGER).refused(DisclosureNotCovered, discloser=MENTAL_HEALTH)
    agreed = with_handover_consent(case, discloser=MENTAL_HEALTH)
    given(agreed).when(approve(agreed), as_=MANAGER).then(sd.StepDownApproved)


def test_a_case_of_the_least_weight_weighs_no_less_when_it_steps_down() -> None:
    story = a_case().accepted(intensity="low").allocated_to(SAM, points=2).active()
    case = with_handover_consent(story.step_down_proposed())
    given(case).when(approve(case), as_=MANAGER).then(sd.StepDownApproved)


def test_a_rejected_step_down_leaves_support_as_it_was() -> None:
    case = a_case().active(SAM).step_down_proposed()
    reject = sd.RejectStepDown(case_id=case.case_id, explanation="The tenancy is not signed yet")
    rejected = given(case).when(reject, as_=MANAGER)
    rejected.then(like(sd.StepDownRejected, explanation="The tenancy is not signed yet"))
    assert rejected.after.case.stage is Stage.ACTIVE
    assert "step_down_approval" not in rejected.after.case.due


def test_the_key_worker_does_not_approve_what_they_proposed() -> None:
    case = with_handover_consent(a_case().active(SAM).step_down_proposed())
    given(case).when(approve(case), as_=SAM.actor).refused(NotPermitted)
    reject = sd.RejectStepDown(case_id=case.case_id, explanation="Too early")
    given(case).when(reject, as_=COORDINATOR).refused(NotPermitted)


def test_a_child_on_a_child_protection_plan_is_not_stepped_down_to_early_help() -> None:
    """Scenario 71: refused, there is no direct route; the reason is shown."""
    proposed = a_case().active(SAM).step_down_proposed(receiving=sd.UNIVERSAL)
    approve = sd.ApproveStepDown(
        case_id=proposed.case_id,
        person_view="Feels ready",
        receiving_lead="health-visitor-1",
        receiving_lead_accepted=True,
        child_protection_plan_open=False,
    )
    on_a_plan = proposed.then_also(h.ChildProtectionPlanRecorded(**proposed.ids, is_open=True))
    refusal = given(on_a_plan).when(approve, as_=MANAGER).refused(sd.ChildProtectionPlanOpen)
    assert "no direct step-down" in str(refusal)
    ended = on_a_plan.then_also(h.ChildProtectionPlanRecorded(**proposed.ids, is_open=False))
    given(ended).when(approve, as_=MANAGER).accepted()


# -- handing over ----------------------------------------------------------------------------------------------------


def test_after_the_handover_the_engine_checks_in_for_twelve_weeks() -> None:
    case = a_case().active(SAM).stepping_down()
    complete = ho.CompleteHandover(case_id=case.case_id, joint_meeting_held=True)
    handed_over = given(case).when(complete, as_=SAM.actor, at=HANDED_OVER)
    handed_over.then(
        like(
            ho.HandoverCompleted,
            receiving_lead="recovery-1",
            first_check_in_due_at=london(2027, 8, 4, 10),
            monitoring_ends_at=london(2027, 9, 29, 10),
        )
    )
    assert handed_over.after.case.stage is Stage.MONITORING


def test_there_is_no_handover_without_a_joint_meeting() -> None:
    case = a_case().active(SAM).stepping_down()
    complete = ho.CompleteHandover(case_id=case.case_id, joint_meeting_held=False)
    given(case).when(complete, as_=SAM.actor).refused(ho.JointMeetingRequired)


def test_an_open_action_of_the_key_worker_is_done_or_reassigned_before_the_handover() -> None:
    case = a_case().active(SAM).with_action("call", owner="worker-sam", agency=SHELTER).stepping_down()
    complete = ho.CompleteHandover(case_id=case.case_id, joint_meeting_held=True)
    refusal = given(case).when(complete, as_=SAM.actor).refused(ho.OpenActionsRemain, count=1)
    assert str(case.action_id("call")) in str(refusal)
    done = ActionCompleted(
        **case.ids, action_id=case.action_id("call"), evidence="Rang", effective=True, late=False
    )
    given(case.then_also(done)).when(complete, as_=SAM.actor).one(ho.HandoverCompleted)


def test_the_actions_of_others_go_on_after_the_handover() -> None:
    case = a_case().active(SAM).with_action("visit", owner="officer-7", agency=POLICE).stepping_down()
    complete = ho.CompleteHandover(case_id=case.case_id, joint_meeting_held=True)
    given(case).when(complete, as_=SAM.actor).one(ho.HandoverCompleted)


def test_only_the_key_worker_or_a_manager_completes_the_handover() -> None:
    case = a_case().active(SAM).stepping_down()
    complete = ho.CompleteHandover(case_id=case.case_id, joint_meeting_held=True)
    given(case).when(complete, as_=COLLEAGUE).refused(al.NotTheKeyWorker)
    given(case).when(complete, as_=MANAGER).one(ho.HandoverCompleted)


# -- stages and deadlines --------------------------------------------------------------------------------------------


def test_each_step_has_its_stage() -> None:
    active, proposed = a_case().active(SAM).reviewed(), a_case().active(SAM).step_down_proposed()
    stepping, monitored = a_case().active(SAM).stepping_down(), a_case().active(SAM).handed_over()
    for case, refused in (
        (
            active,
            (sd.ApproveStepDown, sd.RejectStepDown, ho.CompleteHandover, ho.FailStepDown, up.StepBackUp),
        ),
        (proposed, (sd.ProposeStepDown, ho.CompleteHandover, ho.FailStepDown, up.StepBackUp)),
        (stepping, (sd.ProposeStepDown, sd.ApproveStepDown, sd.RejectStepDown)),
        (monitored, (sd.ProposeStepDown, sd.ApproveStepDown, sd.RejectStepDown, ho.CompleteHandover)),
    ):
        for kind in refused:
            command = kind.model_validate(kind.EXAMPLE | {"case_id": case.case_id})
            given(case).when(command, as_=MANAGER).refused(WrongStage)


@pytest.mark.parametrize(
    ("case", "clock", "command", "fact"),
    [
        (
            a_case().active(SAM).step_down_proposed(),
            "step_down_approval",
            sd.MarkStepDownApprovalOverdue,
            sd.StepDownApprovalOverdue,
        ),
        (a_case().active(SAM).stepping_down(), "handover", ho.MarkHandoverOverdue, ho.HandoverOverdue),
    ],
    ids=["approval", "handover"],
)
def test_a_step_is_overdue_at_its_deadline_and_not_a_second_before_and_only_once(
    case: CaseStory, clock: str, command: type[Command], fact: type[Event]
) -> None:
    due = case.case.due[clock]
    mark = command.model_validate({"case_id": case.case_id})
    given(case).when(mark, as_=SYSTEM, at=due - A_SECOND).refused(NotYetDue)
    given(case).when(mark, as_=MANAGER, at=due).refused(NotPermitted)
    marked = given(case).when(mark, as_=SYSTEM, at=due).then(like(fact, due_at=due))
    assert marked.after.case.stage is case.case.stage
    later = due + timedelta(days=1)
    given(*case, *marked.happened).when(mark, as_=SYSTEM, at=later).refused(AlreadyRecorded)
