"""Introduction: the relationship comes first; it goes on when they met and the person wants it."""

import pytest

from domain.case import allocation as al
from domain.case import contact as co
from domain.case import introduction as i
from domain.case.action_changes import ActionCancelled
from domain.case.stages import Stage
from domain.errors import NotPermitted, WrongStage
from domain.keyworker.events import CaseReleased
from domain.messages import Actor
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    COORDINATOR,
    HOUSING,
    MANAGER,
    SHELTER,
    CaseStory,
    a_case,
    a_worker,
    actor,
    given,
    like,
)

SAM = a_worker("sam")
COLLEAGUE = a_worker("other").actor


def contact(case: CaseStory, **changed: object) -> co.RecordContact:
    visit: dict[str, object] = {"by_channel": "visit", "reached": True, "face_to_face": True}
    return co.RecordContact.model_validate({"case_id": case.case_id} | visit | changed)


# -- contacts --------------------------------------------------------------------------------------------------------


def test_an_attempt_by_the_key_worker_stops_the_clock_of_the_first_contact_even_in_vain() -> None:
    case = a_case().allocated_to(SAM)
    tried = given(case).when(
        contact(case, by_channel="telephone", reached=False, face_to_face=False), as_=SAM.actor
    )
    tried.then(like(co.ContactRecorded, worker_id=SAM.worker_id, by_agency=SHELTER, reached=False))
    assert "first_contact" not in tried.after.case.due
    assert tried.after.case.contact_attempts == 1


@pytest.mark.parametrize(
    ("by", "own"),
    [
        (SAM.actor, True),
        (MANAGER.model_copy(update={"on_behalf_of": "worker-sam"}), True),
        (MANAGER, False),
        (COORDINATOR, False),
        (actor("forum_member", agency=HOUSING), False),
        (actor("key_worker", agency=HOUSING), False),
        (actor("adapter", agency=HOUSING), False),
    ],
    ids=[
        "worker",
        "manager for them",
        "manager",
        "coordinator",
        "agency",
        "other agency's worker",
        "adapter",
    ],
)
def test_anybody_involved_records_a_contact_and_only_the_key_workers_own_counts_as_meeting(
    by: Actor, own: bool
) -> None:
    case = a_case().allocated_to(SAM)
    recorded = given(case).when(contact(case), as_=by)
    assert recorded.one(co.ContactRecorded).worker_id == (SAM.worker_id if own else None)
    assert recorded.after.case.met_face_to_face is own


def test_a_colleague_of_the_key_worker_has_no_part_in_the_case() -> None:
    case = a_case().allocated_to(SAM)
    given(case).when(contact(case), as_=COLLEAGUE).refused(al.NotTheKeyWorker)


def test_a_lead_agency_records_its_contacts_without_a_key_worker() -> None:
    case = a_case().led_by(HOUSING)
    by = actor("forum_member", agency=HOUSING)
    given(case).when(contact(case), as_=by).then(like(co.ContactRecorded, worker_id=None, by_agency=HOUSING))


@pytest.mark.parametrize(
    ("case", "possible"),
    [
        (a_case().accepted(), False),
        (a_case().allocated_to(SAM), True),
        (a_case().active(SAM), True),
        (a_case().active(SAM).step_down_proposed(), True),
        (a_case().active(SAM).stepping_down(), True),
        (a_case().active(SAM).handed_over(), True),
    ],
    ids=lambda case: str(case.case.stage) if isinstance(case, CaseStory) else "",
)
def test_contacts_are_recorded_from_the_introduction_to_the_end_of_monitoring(
    case: CaseStory, possible: bool
) -> None:
    outcome = given(case).when(contact(case), as_=SAM.actor)
    if possible:
        outcome.one(co.ContactRecorded)
    else:
        outcome.refused(WrongStage)


# -- engagement ------------------------------------------------------------------------------------------------------


def test_support_begins_when_they_met_and_the_person_agrees() -> None:
    case = a_case().allocated_to(SAM).met()
    confirmed = given(case).when(i.ConfirmEngagement(case_id=case.case_id, person_agrees=True), as_=SAM.actor)
    confirmed.then(like(i.EngagementConfirmed, worker_id=SAM.worker_id, agreed_alternative=None))
    assert confirmed.after.case.stage is Stage.ACTIVE
    assert "allocation_answer" not in confirmed.after.case.due


@pytest.mark.parametrize(
    ("case", "met"),
    [
        (a_case().allocated_to(SAM), False),
        (a_case().allocated_to(SAM).met(reached=False), False),
        (a_case().allocated_to(SAM).met(face_to_face=False), False),
        (a_case().allocated_to(SAM).met(), True),
        (a_case().allocated_to(SAM).met().met(reached=False), True),
    ],
    ids=["no contact", "nobody there", "by telephone", "a visit", "a visit, then nobody there"],
)
def test_one_meeting_face_to_face_is_enough_and_less_is_not(case: CaseStory, met: bool) -> None:
    outcome = given(case).when(i.ConfirmEngagement(case_id=case.case_id, person_agrees=True), as_=SAM.actor)
    if met:
        outcome.one(i.EngagementConfirmed)
    else:
        outcome.refused(i.MeetingRequired)


def test_what_they_agreed_instead_stands_in_for_a_meeting() -> None:
    case = a_case().allocated_to(SAM)
    confirm = i.ConfirmEngagement(
        case_id=case.case_id, person_agrees=True, agreed_alternative="Video calls while abroad"
    )
    given(case).when(confirm, as_=SAM.actor).then(
        like(i.EngagementConfirmed, agreed_alternative="Video calls while abroad")
    )


def test_a_meeting_with_an_earlier_worker_does_not_count_for_the_next() -> None:
    first = a_worker("first")
    case = a_case().allocated_to(first).met().queried_by(first).allocated_to(SAM)
    confirm = i.ConfirmEngagement(case_id=case.case_id, person_agrees=True)
    given(case).when(confirm, as_=SAM.actor).refused(i.MeetingRequired)


def test_support_does_not_begin_against_the_persons_will() -> None:
    case = a_case().allocated_to(SAM).met()
    given(case).when(i.ConfirmEngagement(case_id=case.case_id, person_agrees=False), as_=SAM.actor).refused(
        i.PersonMustAgree
    )


def test_only_the_key_worker_or_a_manager_says_that_support_begins_or_is_declined() -> None:
    case = a_case().allocated_to(SAM).met()
    for command in (
        i.ConfirmEngagement(case_id=case.case_id, person_agrees=True),
        i.DeclineSupport(case_id=case.case_id),
    ):
        given(case).when(command, as_=COLLEAGUE).refused(al.NotTheKeyWorker)
        given(case).when(command, as_=COORDINATOR).refused(NotPermitted)
        given(case).when(command, as_=MANAGER).accepted()


# -- declining -------------------------------------------------------------------------------------------------------


def test_declining_closes_the_case_and_frees_the_workers_place_and_the_persons() -> None:
    case = a_case().allocated_to(SAM)
    declined = given(case).when(
        i.DeclineSupport(case_id=case.case_id, explanation="Prefers the GP"), as_=SAM.actor
    )
    declined.then(
        like(i.SupportDeclined, explanation="Prefers the GP"),
        like(al.AllocationEnded, worker_id=SAM.worker_id, because="case_closed"),
        CaseReleased(worker_id=SAM.worker_id, case_id=case.case_id),
        like(ActionCancelled, because="case_closed"),
        like(EpisodeEnded, person_id=case.person_id, case_id=case.case_id),
    )
    after = declined.after
    assert (after.case.stage, after.case.closed_because) == (Stage.CLOSED, "declined_by_person")
    assert (after.case.worker_id, after.case.due, after.worker.cases) == (None, {}, {})


def test_support_is_confirmed_or_declined_only_in_the_introduction() -> None:
    case = a_case().active(SAM)
    confirm = i.ConfirmEngagement(case_id=case.case_id, person_agrees=True)
    given(case).when(confirm, as_=SAM.actor).refused(WrongStage)
    given(case).when(i.DeclineSupport(case_id=case.case_id), as_=SAM.actor).refused(WrongStage)
