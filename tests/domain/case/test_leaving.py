"""A death, a move out of the area, and a person who no longer takes part: at any stage."""

from __future__ import annotations

import pytest

from domain.case.allocation import AllocationEnded, WaitingListLeft
from domain.case.closure import CaseClosed
from domain.case.leaving import (
    CompleteTransfer,
    DeathNotReported,
    DeathReported,
    DeathReportWithdrawn,
    LawfulDutyReasonRequired,
    MarkTransferLapsed,
    MoveNotRecorded,
    ParticipationWithdrawn,
    PersonDied,
    PersonMovedArea,
    RecordDeath,
    RecordMoveOut,
    ReportDeath,
    StillServed,
    TransferCompleted,
    TransferLapsed,
    WithdrawDeathReport,
    WithdrawParticipation,
)
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotYetDue, WrongStage
from domain.keyworker.events import CaseReleased
from domain.meeting.events import AgendaItemRemoved
from domain.messages import Command
from domain.person.identity import EpisodeEnded
from domain.roles import Role
from tests.support.scenario import (
    COORDINATOR,
    MANAGER,
    SAFEGUARDING_LEAD,
    CaseStory,
    a_case,
    a_meeting,
    a_worker,
    actor,
    given,
    like,
    london,
)

CASE = a_case().case_id
SAM = a_worker("sam")
OPEN = [
    a_case().submitted(),
    a_case().in_triage(),
    a_case().asked_for_information(),
    a_case().awaiting_consent(),
    a_case().ready_for_forum(),
    a_case().on_agenda(),
    a_case().accepted(),
    a_case().waiting(),
    a_case().allocated_to(SAM),
    a_case().active(SAM),
    a_case().step_down_proposed(),
    a_case().stepping_down(),
    a_case().handed_over(),
]
DIED = RecordDeath(case_id=CASE, confirmed_by="gp", evidence_ref="letter-1")
MOVED = RecordMoveOut(case_id=CASE, to_area="Trafford", consent_to_transfer=True)
LEAVES = WithdrawParticipation(case_id=CASE, by_channel="telephone")


def stage_of(story: CaseStory) -> str:
    return str(story.case.stage)


@pytest.mark.parametrize("story", OPEN, ids=stage_of)
def test_a_confirmed_death_closes_the_case_in_every_stage_and_frees_everybody(story: CaseStory) -> None:
    died = given(SAM, story).when(DIED, as_=MANAGER)
    assert died.one(PersonDied).confirmed_by == DIED.confirmed_by
    after = died.after.cases[CASE]
    assert (after.stage, after.closed_because, after.due) == (Stage.CLOSED, "death", {})
    assert died.one(EpisodeEnded).case_id == CASE
    if story.case.worker_id is not None:
        died.one(AllocationEnded)
        died.one(CaseReleased)
    if story.case.stage is Stage.WAITING_LIST:
        assert died.one(WaitingListLeft).because == "died"
    if story.case.stage is Stage.ON_AGENDA:
        assert died.one(AgendaItemRemoved).meeting_id == a_meeting().meeting_id


def test_an_unverified_message_of_a_death_closes_nothing() -> None:
    """Source: acceptance scenario 54."""
    report = ReportDeath(case_id=CASE, by_channel="email")
    reported = given(SAM, a_case().active(SAM)).when(report, as_=actor(Role.ADAPTER))
    reported.then(like(DeathReported, by_channel="email"))
    case = reported.after.cases[CASE]
    assert (case.stage, case.death_reported) == (Stage.ACTIVE, True)
    again = given(*reported.before, *reported.happened)
    again.when(report, as_=actor(Role.ADAPTER)).refused(AlreadyRecorded)
    again.when(DIED, as_=MANAGER).accepted()


def test_a_report_that_was_wrong_is_taken_back() -> None:
    wrong = WithdrawDeathReport(case_id=CASE, explanation="Somebody of the same name")
    given(a_case().in_triage()).when(wrong, as_=COORDINATOR).refused(DeathNotReported)
    story = a_case().in_triage().said_to_have_died()
    withdrawn = given(story).when(wrong, as_=COORDINATOR)
    withdrawn.then(DeathReportWithdrawn)
    assert not withdrawn.after.case.death_reported


@pytest.mark.parametrize("story", OPEN, ids=stage_of)
def test_a_person_who_moves_away_is_kept_for_28_days_in_every_stage(story: CaseStory) -> None:
    moved = given(SAM, story).when(MOVED, as_=COORDINATOR, at=london(2027, 3, 1, 10))
    moved.then(like(PersonMovedArea, to_area="Trafford", transfer_due_at=london(2027, 3, 29, 10)))
    assert moved.after.cases[CASE].stage is story.case.stage


@pytest.mark.parametrize("area", ["Manchester", "Ardwick"])
def test_a_move_inside_the_city_is_none_out_of_it(area: str) -> None:
    inside = RecordMoveOut(case_id=CASE, to_area=area, consent_to_transfer=True)
    given(a_case().in_triage()).when(inside, as_=COORDINATOR).refused(StillServed)


def test_the_case_closes_when_the_new_area_has_taken_over() -> None:
    done = CompleteTransfer(case_id=CASE, accepted_by="Trafford Council", package_ref="transfer-1")
    given(a_case().in_triage()).when(done, as_=COORDINATOR).refused(MoveNotRecorded)
    closed = given(a_case().in_triage().moved_out()).when(done, as_=COORDINATOR)
    closed.then(TransferCompleted, like(CaseClosed, because="moved"), EpisodeEnded)
    assert closed.after.case.closed_because == "moved"


def test_or_when_the_28_days_are_over() -> None:
    story = a_case().in_triage().moved_out()
    lapse, due = MarkTransferLapsed(case_id=CASE), story.case.due["transfer"]
    given(story).when(lapse, at=story.now).refused(NotYetDue)
    closed = given(story).when(lapse, at=due)
    closed.then(TransferLapsed, like(CaseClosed, because="moved"), EpisodeEnded)


@pytest.mark.parametrize("story", OPEN, ids=stage_of)
def test_whoever_no_longer_takes_part_leaves_in_every_stage(story: CaseStory) -> None:
    left = given(SAM, story).when(LEAVES, as_=COORDINATOR)
    assert left.one(ParticipationWithdrawn).to_stage is Stage.CLOSED
    assert left.after.cases[CASE].closed_because == "withdrawn"


def test_a_concern_for_their_safety_is_followed_up_all_the_same() -> None:
    """Source: acceptance scenario 13."""
    story = a_case().active(SAM).with_concern()
    left = given(SAM, story).when(LEAVES, as_=COORDINATOR).after.cases[CASE]
    assert left.stage is Stage.CLOSED
    assert left.open_concerns
    assert [clock.partition(":")[0] for clock in left.due] == ["screening"]


def test_a_legal_duty_keeps_a_case_open_and_only_a_manager_or_the_safeguarding_lead_says_so() -> None:
    duty = LEAVES.model_copy(update={"lawful_duty": "Court order of 3 March"})
    given(SAM, a_case().active(SAM)).when(duty, as_=COORDINATOR).refused(LawfulDutyReasonRequired)
    for by in (MANAGER, SAFEGUARDING_LEAD):
        stays = given(SAM, a_case().active(SAM)).when(duty, as_=by)
        stays.then(like(ParticipationWithdrawn, to_stage=Stage.ACTIVE))
        assert stays.after.cases[CASE].stage is Stage.ACTIVE


@pytest.mark.parametrize("command", [DIED, MOVED, LEAVES], ids=lambda one: one.NAME)
def test_none_of_it_happens_to_a_closed_case(command: Command) -> None:
    given(SAM, a_case().closed()).when(command, as_=MANAGER).refused(WrongStage)
