"""Contact: by whom it counts, when it is overdue, when it counts as lost, and how support goes on after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.case import contact as co
from domain.case import introduction as i
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, NotPermitted, NotYetDue, WrongStage
from domain.messages import Actor
from tests.support.scenario import (
    A_SECOND,
    ALLOCATED,
    CGL,
    ENGAGED,
    SHELTER,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
    london,
)

SAM = a_worker("sam")
ACTIVE = a_case().active(SAM)
INTRODUCED = a_case().allocated_to(SAM)
THIRD_AGENCY = actor("forum_member", person="recovery-9", agency=CGL)


def contact(case: CaseStory, *, reached: bool = True, **changed: object) -> co.RecordContact:
    return co.RecordContact.model_validate(
        {"case_id": case.case_id, "by_channel": "text", "reached": reached} | changed
    )


# -- the clocks of contact ---------------------------------------------------------------------------------------------


def test_engagement_starts_the_clocks_of_contact() -> None:
    told = given(INTRODUCED.met()).when(
        i.ConfirmEngagement(case_id=INTRODUCED.case_id, person_agrees=True), as_=SAM.actor, at=ENGAGED
    )
    engaged = told.one(i.EngagementConfirmed)
    assert (engaged.contact_due_at, engaged.disengagement_due_at) == (
        london(2027, 2, 15, 17),
        london(2027, 2, 22, 17),
    )
    assert "introduction" not in told.after.case.due


@pytest.mark.parametrize(
    ("happened", "contact_due", "lost_from"),
    [
        (london(2027, 2, 9, 11), london(2027, 2, 23, 17), london(2027, 3, 2, 17)),
        (london(2027, 2, 3, 11), london(2027, 2, 17, 17), london(2027, 2, 24, 17)),
        # Earlier than what the clocks count from already: nothing is taken back.
        (london(2027, 1, 28, 11), london(2027, 2, 15, 17), london(2027, 2, 22, 17)),
    ],
)
def test_a_contact_that_is_recorded_late_counts_from_when_it_happened(
    happened: datetime, contact_due: datetime, lost_from: datetime
) -> None:
    """Scenario 60: a late fact."""
    at = london(2027, 2, 10, 12)
    told = given(ACTIVE).when(contact(ACTIVE), as_=SAM.actor, at=at, effective_at=happened)
    due = told.after.case.due
    assert (due["contact"], due["disengagement"]) == (contact_due, lost_from)


def test_a_late_contact_does_not_say_again_what_is_overdue_already() -> None:
    at = london(2027, 2, 19, 12)
    overdue = ACTIVE.then_also(
        co.ContactOverdue(**ACTIVE.ids, due_at=london(2027, 2, 15, 17)), at=london(2027, 2, 15, 17)
    )
    told = given(overdue).when(contact(ACTIVE), as_=SAM.actor, at=at, effective_at=london(2027, 2, 2, 12))
    assert "contact" in told.after.case.overdue
    assert told.one(co.ContactRecorded).contact_due_at is None


@pytest.mark.parametrize("by", [SAM.actor, THIRD_AGENCY], ids=["key worker", "a third agency"])
def test_a_contact_by_any_agency_that_reached_the_person_starts_them_anew(by: Actor) -> None:
    """Scenario 38: the person still answers texts to a third agency."""
    at = london(2027, 2, 19, 12)
    told = given(ACTIVE.missed(2, at=at - timedelta(days=1))).when(contact(ACTIVE), as_=by, at=at)
    told.then(co.ContactRecorded)
    case = told.after.case
    assert (case.due["contact"], case.due["disengagement"]) == (
        london(2027, 3, 5, 17),
        london(2027, 3, 12, 17),
    )
    assert case.misses == ()


def test_during_the_introduction_only_the_loss_of_contact_is_watched() -> None:
    told = given(INTRODUCED).when(contact(INTRODUCED), as_=SAM.actor, at=ALLOCATED)
    recorded = told.one(co.ContactRecorded)
    assert (recorded.contact_due_at, recorded.disengagement_due_at) == (None, london(2027, 2, 12, 17))


def test_a_lead_agency_without_a_key_worker_works_by_its_own_rules() -> None:
    led = a_case().led_by()
    recorded = given(led).when(contact(led), as_=THIRD_AGENCY).one(co.ContactRecorded)
    assert (recorded.contact_due_at, recorded.disengagement_due_at) == (None, None)


@pytest.mark.parametrize(("after", "due"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_contact_is_overdue_after_ten_working_days(after: timedelta, due: bool) -> None:
    at = london(2027, 2, 15, 17)
    outcome = given(ACTIVE).when(co.MarkContactOverdue(case_id=ACTIVE.case_id), at=at + after)
    if due:
        outcome.then(like(co.ContactOverdue, due_at=at))
        again = given(*ACTIVE, *outcome.happened).when(
            co.MarkContactOverdue(case_id=ACTIVE.case_id), at=at + after
        )
        again.refused(AlreadyRecorded)
    else:
        outcome.refused(NotYetDue)


# -- losing it ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "lost"), [(-A_SECOND, False), (timedelta(0), True), (A_SECOND, True)])
def test_fifteen_working_days_without_contact_begin_outreach(after: timedelta, lost: bool) -> None:
    """Scenario 39, first half."""
    at = london(2027, 2, 22, 17)
    outcome = given(ACTIVE).when(co.TriggerDisengagement(case_id=ACTIVE.case_id), at=at + after)
    if lost:
        outcome.then(like(co.DisengagementTriggered, because="no_contact", due_at=at))
        case = outcome.after.case
        assert case.stage is Stage.OUTREACH
        assert not {"contact", "disengagement", "introduction"} & case.due.keys()
        assert "forum_review" in case.due, "somebody still looks at the case"
    else:
        outcome.refused(NotYetDue)


@pytest.mark.parametrize("story", [INTRODUCED, ACTIVE], ids=["introduction", "active"])
@pytest.mark.parametrize(("before", "lost"), [(1, False), (2, True)])
def test_the_third_missed_contact_in_a_row_begins_outreach(story: CaseStory, before: int, lost: bool) -> None:
    told = given(story.missed(before)).when(contact(story, reached=False), as_=SAM.actor)
    if lost:
        told.then(
            co.ContactRecorded, like(co.DisengagementTriggered, because="missed_contacts", missed_contacts=3)
        )
    else:
        told.then(co.ContactRecorded)
    assert (told.after.case.stage is Stage.OUTREACH) == lost


def test_what_the_service_called_off_is_not_missed() -> None:
    told = given(ACTIVE.missed(2)).when(
        contact(ACTIVE, reached=False, cancelled_by_service=True), as_=SAM.actor
    )
    told.then(co.ContactRecorded)
    assert len(told.after.case.misses) == 2


def test_what_was_called_off_reached_nobody() -> None:
    given(ACTIVE).when(contact(ACTIVE, cancelled_by_service=True), as_=SAM.actor).refused(
        co.CancelledContactReachesNobody
    )


def test_nobody_but_the_engine_says_that_the_time_is_up() -> None:
    given(ACTIVE).when(co.TriggerDisengagement(case_id=ACTIVE.case_id), as_=SAM.actor).refused(NotPermitted)


# -- regaining it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "to", "clocks"),
    [
        (INTRODUCED.lost(), Stage.INTRODUCTION, {"introduction", "disengagement"}),
        (ACTIVE.lost(), Stage.ACTIVE, {"contact", "disengagement"}),
    ],
    ids=["from the introduction", "from active support"],
)
@pytest.mark.parametrize("by", [SAM.actor, THIRD_AGENCY], ids=["key worker", "a third agency"])
def test_support_goes_on_where_it_was_when_the_person_responds(
    story: CaseStory, to: Stage, clocks: set[str], by: Actor
) -> None:
    for command in (co.ContactMade(case_id=story.case_id, by_channel="text"), contact(story)):
        told = given(story).when(command, as_=by)
        told.then(co.ContactRecorded, like(co.EngagementRegained, to_stage=to, by_agency=by.agency))
        case = told.after.case
        assert case.stage is to
        assert clocks == {"introduction", "contact", "disengagement"} & case.due.keys()


def test_a_missed_contact_in_outreach_is_an_attempt_and_nothing_more() -> None:
    lost = ACTIVE.lost()
    told = given(lost).when(contact(lost, reached=False), as_=SAM.actor)
    told.then(like(co.ContactRecorded, by_agency=SHELTER))
    assert told.after.case.outreach_attempts == 1


def test_contact_is_regained_only_where_it_was_lost() -> None:
    given(ACTIVE).when(co.ContactMade(case_id=ACTIVE.case_id, by_channel="text"), as_=SAM.actor).refused(
        WrongStage
    )


# -- facts that come late --------------------------------------------------------------------------------------------


def after_contacts(*days_and_reached: tuple[int, bool]) -> CaseStory:
    """Contacts on these days of February, recorded on the day each."""
    case = ACTIVE
    for day, reached in days_and_reached:
        at = london(2027, 2, day, 11)
        told = given(case).when(contact(case, reached=reached), as_=SAM.actor, at=at, effective_at=at)
        case = case.then_also(*told.accepted().happened, at=at)
    return case


def test_a_contact_that_was_missed_before_the_person_was_reached_does_not_count_when_it_comes_late() -> None:
    case = after_contacts((2, True), (3, False), (4, False))
    late = given(case).when(
        contact(case, reached=False),
        as_=SAM.actor,
        at=london(2027, 2, 5, 9),
        effective_at=london(2027, 2, 1, 9),
    )
    late.then(co.ContactRecorded)
    assert len(late.after.case.misses) == 2


def test_a_contact_from_before_takes_no_miss_back_that_came_after_it() -> None:
    case = after_contacts((3, False), (4, False))
    late = given(case).when(
        contact(case), as_=SAM.actor, at=london(2027, 2, 5, 9), effective_at=london(2027, 2, 2, 9)
    )
    assert len(late.after.case.misses) == 2
    third = given(*case, *late.happened).when(
        contact(case, reached=False), as_=SAM.actor, at=london(2027, 2, 5, 10)
    )
    third.then(co.ContactRecorded, like(co.DisengagementTriggered, missed_contacts=3))


def test_contacts_from_before_their_time_was_kept_count_in_the_order_of_the_records() -> None:
    def old(*, reached: bool) -> co.ContactRecorded:
        return co.ContactRecorded(
            **ACTIVE.ids,
            worker_id=SAM.worker_id,
            by_agency=SHELTER,
            by_channel="text",
            reached=reached,
            face_to_face=False,
        )

    assert len(ACTIVE.then_also(old(reached=False), old(reached=False)).case.misses) == 2
    assert ACTIVE.then_also(old(reached=False), old(reached=True)).case.misses == ()
