"""Every command of allocation, cover, handover and waiting list at every stage: carried out where the table says, else refused.

Source: machines A, E and G of the pathway (domain reference 2.4, 2.8, 2.10).
"""

from collections.abc import Mapping
from datetime import date

import pytest

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import allocation_end as ae
from domain.case import cover as co
from domain.case import offers as of
from domain.case import waiting_list as wl
from domain.case import wishes as wi
from domain.case import worker_handover as wh
from domain.case.stages import Stage
from domain.errors import WrongStage
from domain.messages import Command
from tests.support.scenario import CaseStory, a_case, a_worker, given

S = Stage
SAM, KIM = a_worker("sam"), a_worker("kim")

AT: Mapping[Stage, CaseStory] = {
    S.SUBMITTED: a_case().submitted(),
    S.TRIAGE: a_case().in_triage(),
    S.AWAITING_CONSENT: a_case().awaiting_consent(),
    S.READY_FOR_FORUM: a_case().ready_for_forum(),
    S.ON_AGENDA: a_case().on_agenda(),
    S.AWAITING_ALLOCATION: a_case().accepted(),
    S.WAITING_LIST: a_case().waiting(),
    S.INTRODUCTION: a_case().allocated_to(SAM),
    S.ACTIVE: a_case().active(SAM),
    S.OUTREACH: a_case().active(SAM).lost(),
    S.STEP_DOWN_PROPOSED: a_case().active(SAM).step_down_proposed(),
    S.STEPPING_DOWN: a_case().active(SAM).stepping_down(),
    S.MONITORING: a_case().active(SAM).handed_over(),
    S.CLOSED: a_case().in_triage().closed(),
}
CASE = a_case().case_id
TOLD = {"told_by": "manager-1", "told_on": date(2027, 6, 1)}
OPEN = frozenset(AT) - {S.CLOSED}
WITH_WORKER = frozenset(
    {S.INTRODUCTION, S.ACTIVE, S.OUTREACH, S.STEP_DOWN_PROPOSED, S.STEPPING_DOWN, S.MONITORING}
)
UNALLOCATED = frozenset({S.AWAITING_ALLOCATION, S.WAITING_LIST})
BACK = frozenset({S.INTRODUCTION, S.ACTIVE, S.OUTREACH})

TABLE: tuple[tuple[Command, frozenset[Stage]], ...] = (
    (al.ProposeMatch(case_id=CASE), UNALLOCATED),
    (alc.AllocateKeyWorker(case_id=CASE, worker_id=KIM.worker_id), UNALLOCATED),
    (wi.RecordWorkerPreference(case_id=CASE, refuses_worker=KIM.worker_id), OPEN),
    (wi.DeclareConflictOfInterest(case_id=CASE, worker_id=KIM.worker_id, kind="relative"), OPEN),
    (wl.JoinWaitingList(case_id=CASE), frozenset()),
    (wl.ChangeBand(case_id=CASE, to_band="P2", explanation="New need"), frozenset({S.WAITING_LIST})),
    (wl.RecordWaitingCheck(case_id=CASE, risk_changed=False), frozenset({S.WAITING_LIST})),
    (wl.RemoveFromWaitingList(case_id=CASE, because="need_met"), frozenset({S.WAITING_LIST})),
    (of.OfferWorker(case_id=CASE, worker_id=KIM.worker_id), frozenset({S.WAITING_LIST})),
    (of.AcceptOffer(case_id=CASE), frozenset()),
    (of.DeclineOffer(case_id=CASE), frozenset()),
    (ae.EndAllocation(case_id=CASE, because="other_worker"), BACK),
    (ae.EndAllocation(case_id=CASE, because="step_down"), frozenset({S.STEPPING_DOWN, S.MONITORING})),
    (
        co.StartCover(
            case_id=CASE,
            cover_worker_id=KIM.worker_id,
            until=date(2027, 12, 1),
            ground="immediate_risk",
            **TOLD,
        ),
        WITH_WORKER,
    ),
    (co.EndCover(case_id=CASE), frozenset()),
    (
        wh.PlanHandover(case_id=CASE, successor_id=KIM.worker_id, emergency=True, summary="Doing well"),
        WITH_WORKER,
    ),
    (wh.CompleteWorkerHandover(case_id=CASE, joint_visit_held=True, **TOLD), frozenset()),
)
"""Command → the stages at which it is carried out, told as the stories above are: nobody is covered or offered."""


@pytest.mark.parametrize("stage", AT, ids=str)
@pytest.mark.parametrize(("command", "stages"), TABLE, ids=lambda one: getattr(one, "NAME", ""))
def test_a_command_is_carried_out_where_the_table_says_and_refused_by_a_named_rule_elsewhere(
    command: Command, stages: frozenset[Stage], stage: Stage
) -> None:
    outcome = given(AT[stage], KIM).when(command)
    if stage in stages:
        outcome.accepted()
    else:
        refusal = outcome.refusal
        assert refusal is not None
        outcome.refused(type(refusal))
        if stage is S.CLOSED:
            assert type(refusal) is WrongStage
