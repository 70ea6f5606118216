"""One resident's road from the forum's acceptance to closure, command by command, as the reference tells it.

Source: acceptance scenario 1 (domain reference 7.2).
"""

from datetime import datetime

from domain.case import allocating as alc
from domain.case import allocation as al
from domain.case import consent as c
from domain.case import consent_request as cq
from domain.case import contact as co
from domain.case import introduction as i
from domain.case import monitoring as mo
from domain.case import sharing as sh
from domain.case import step_down as sd
from domain.case import step_down_handover as ho
from domain.case import support as su
from domain.case.stages import Stage
from domain.messages import Actor, Command, GrantId, OutcomeId
from tests.support.scenario import (
    HOUSING,
    MANAGER,
    SHELTER,
    SYSTEM,
    Given,
    States,
    a_case,
    a_worker,
    actor,
    given,
    london,
    some_id,
)

CASE = a_case("cj", needs=("nuisance_calls", "mental_health", "substance_alcohol", "domestic_abuse_victim"))
ID = CASE.case_id
SAM = a_worker("sam", specialisms=("substance_misuse",))
RECOVERY = actor("forum_member", person="recovery-1", agency=HOUSING)
REHAB = OutcomeId(some_id("outcome/rehab"))
GRANT = GrantId(some_id("grant/handover"))

STORY: list[tuple[datetime, Actor, Command]] = [
    (london(2027, 1, 20, 11), SYSTEM, al.ProposeMatch(case_id=ID)),
    (london(2027, 1, 22, 10), MANAGER, alc.AllocateKeyWorker(case_id=ID, worker_id=SAM.worker_id)),
    (london(2027, 1, 22, 15), SAM.actor, al.AcceptAllocation(case_id=ID)),
    (london(2027, 1, 25, 10), SAM.actor, co.RecordContact(case_id=ID, by_channel="telephone", reached=False)),
    (
        london(2027, 1, 28, 14),
        SAM.actor,
        co.RecordContact(case_id=ID, by_channel="visit", reached=True, face_to_face=True),
    ),
    (london(2027, 2, 11, 14), SAM.actor, i.ConfirmEngagement(case_id=ID, person_agrees=True)),
    (
        london(2027, 2, 18, 14),
        SAM.actor,
        su.SetOutcome(case_id=ID, outcome_id=REHAB, wording="Go to rehab and stay"),
    ),
    (
        london(2027, 4, 1, 9),
        SAM.actor,
        co.RecordContact(case_id=ID, by_channel="visit", reached=True, face_to_face=True, note="In rehab"),
    ),
    (
        london(2027, 6, 1, 14),
        SAM.actor,
        su.UpdateOutcome(case_id=ID, outcome_id=REHAB, progress="achieved"),
    ),
    (london(2027, 6, 8, 14), SAM.actor, su.ReviewPlan(case_id=ID, summary="Rehab finished; classes next")),
    (
        london(2027, 6, 8, 15),
        SAM.actor,
        cq.RequestConsent(
            case_id=ID,
            grant_id=GRANT,
            discloser=SHELTER,
            recipient=HOUSING,
            purpose=sh.Purpose.HANDOVER,
            categories=(sh.Category.SUPPORT_PLAN,),
            capacity_view=sh.CapacityView.HAS,
            information_version="notice-2026.1",
        ),
    ),
    (
        london(2027, 6, 8, 15, 10),
        SAM.actor,
        c.GrantConsent(case_id=ID, grant_id=GRANT, method="signed", evidence_ref="form-9", explicit=True),
    ),
    (
        london(2027, 6, 9, 9),
        SAM.actor,
        sd.ProposeStepDown(
            case_id=ID,
            receiving_agency=HOUSING,
            outcomes_summary="Finished rehab",
            contingency_plan="Ring the recovery service",
        ),
    ),
    (
        london(2027, 6, 11, 9),
        MANAGER,
        sd.ApproveStepDown(
            case_id=ID,
            person_view="Feels ready",
            receiving_lead="recovery-1",
            receiving_lead_accepted=True,
            child_protection_plan_open=False,
        ),
    ),
    (london(2027, 7, 7, 10), SAM.actor, ho.CompleteHandover(case_id=ID, joint_meeting_held=True)),
    (london(2027, 8, 4, 10), SYSTEM, mo.RaiseCheckIn(case_id=ID)),
    (london(2027, 8, 4, 15), RECOVERY, mo.RecordCheckIn(case_id=ID, status="good")),
    (london(2027, 9, 1, 15), SYSTEM, mo.RaiseCheckIn(case_id=ID)),
    (london(2027, 9, 2, 9), RECOVERY, mo.RecordCheckIn(case_id=ID, status="good", note="Adult education")),
    (london(2027, 9, 29, 10), SYSTEM, mo.MarkMonitoringElapsed(case_id=ID)),
    (london(2027, 9, 30, 10), MANAGER, mo.ConfirmSustained(case_id=ID, summary="Sober, housed, learning")),
]


def test_a_resident_goes_from_allocation_through_support_and_step_down_to_closure() -> None:
    events = tuple(given(CASE.accepted(), SAM).events)
    told = len(events)
    for number, (at, by, command) in enumerate(STORY):
        outcome = Given(events, at).when(command, as_=by, command_id=some_id(f"step/{number}"))
        events = (*events, *outcome.accepted().happened)
    assert [event.TOPIC for event in events[told:]] == [
        "MatchesProposed",
        "KeyWorkerAllocated",
        "CaseTaken",
        "AllocationAccepted",
        "ContactRecorded",
        "ContactRecorded",
        "EngagementConfirmed",
        "OutcomeSet",
        "ContactRecorded",
        "OutcomeProgressed",
        "PlanReviewed",
        "ConsentRequested",
        "ConsentGranted",
        "StepDownProposed",
        "StepDownApproved",
        "CaseReweighed",
        "HandoverCompleted",
        "CheckInDue",
        "CheckInRecorded",
        "CheckInDue",
        "CheckInRecorded",
        "MonitoringWindowElapsed",
        "OutcomeSustained",
        "AllocationEnded",
        "CaseReleased",
        "ActionCancelled",
        "EpisodeEnded",
    ]
    assert [event.set_by for event in events if isinstance(event, su.OutcomeSet)] == ["resident"]
    after = States(events)
    assert (after.cases[ID].stage, after.cases[ID].closed_because) == (Stage.CLOSED, "completed")
    assert not after.workers[SAM.worker_id].cases
    assert not after.people[CASE.person_id].open_cases
