"""Who is told what: the table names events that exist, fields they have, and nothing about a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import pytest

from domain import catalogue
from domain.case.contact import ContactOverdue
from domain.case.forum_review import InformationReturnsMissing
from domain.case.safeguarding import ScreeningOverdue
from domain.case.triage import ReferralAttached, ReferralDeclined
from domain.messages import CaseEvent, CaseId, Event, MeetingEvent, MeetingId, open_field_names
from domain.notices import AGENCY, NOTICES, TOPICS, Notice, needs_state, notices
from domain.programmes import Programme
from domain.roles import Role
from tests.support.scenario import (
    HOUSING,
    POLICE,
    SHELTER,
    SYSTEM,
    CaseStory,
    States,
    a_case,
    a_worker,
    some_id,
)

SAM = a_worker("sam")
LEVELS = {level.code for level in Programme.load("manchester-maps").escalation.levels}
STORIES: tuple[CaseStory, ...] = (
    a_case().active(SAM).with_action("visit", agency=HOUSING).with_concern(),
    a_case().on_agenda().escalated().escalated_to(3).answered(),
    a_case().on_agenda().escalated(by=SYSTEM).answered(),
    a_case().active(SAM).handed_over().check_in_missed(),
    a_case().waiting(),
    a_case().led_by(HOUSING),
)


def told_by(story: Iterable[Event]) -> list[Notice]:
    """Everybody who is told of the events of a case's story."""
    events, so_far, found = list(story), [], []
    for event in events:
        so_far.append(event)
        if isinstance(event, CaseEvent):
            found += notices(event, States(so_far).cases[event.case_id])
    return found


def test_every_event_of_the_table_is_one_of_the_product() -> None:
    assert set(catalogue.events()) >= TOPICS


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_only_events_of_cases_and_meetings_are_told_so_that_each_can_be_looked_up_and_retried(
    topic: str,
) -> None:
    assert issubclass(catalogue.events()[topic], CaseEvent | MeetingEvent)


def test_whatever_a_deadline_makes_of_itself_somebody_is_told_of() -> None:
    lateness = (
        "Overdue",
        "Missed",
        "Lapsed",
        "Missing",
        "Orphaned",
        "Expired",
        "Unanswered",
        "Elapsed",
        "Exceeded",
    )
    late = {topic for topic in catalogue.events() if topic.endswith(lateness)}
    asked = {topic for topic in catalogue.events() if topic.endswith(("Due", "ReminderRaised"))}
    assert len(late) > 15
    assert late | asked <= TOPICS


@pytest.mark.parametrize("story", STORIES, ids=range(len(STORIES)))
def test_a_notice_goes_to_a_role_a_level_an_agency_or_a_key_worker_and_says_nothing_else(
    story: CaseStory,
) -> None:
    found = told_by(story)
    assert found
    for notice in found:
        assert notice.to in {AGENCY, *Role, *LEVELS}
        assert (notice.agency is not None) == (notice.to in (AGENCY, "referrer"))
        assert notice.about in TOPICS
        assert {field.name for field in dataclasses.fields(notice)} == {"to", "about", "agency", "worker_id"}
    assert "Robin" not in str(found)


@pytest.mark.parametrize("topic", sorted(TOPICS))
def test_recipients_are_read_from_open_fields_of_the_event_only(topic: str) -> None:
    event = catalogue.events()[topic]
    read: set[str] = set()

    class Spy:
        TOPIC = topic

        def __getattr__(self, name: str) -> str:
            read.add(name)
            return "someone"

    for recipient in NOTICES[topic]:
        if not recipient.by_state:
            list(recipient.find(Spy(), None))
    assert read <= {"TOPIC", *open_field_names(event)}, f"{read} of {topic}"


def test_the_referrer_is_told_that_the_referral_arrived_and_how_it_was_decided() -> None:
    story = a_case().accepted()
    to_the_police = [one.about for one in told_by(story) if (one.to, one.agency) == ("referrer", POLICE)]
    assert to_the_police == ["ReferralAcknowledged", "EligibilityConfirmed", "ForumDecisionRecorded"]


def test_every_agency_that_returned_nothing_is_told() -> None:
    case = a_case().on_agenda()
    missing = InformationReturnsMissing(
        **case.ids, meeting_id=MeetingId(some_id("january")), agencies=(HOUSING, POLICE), due_at=case.now
    )
    assert {one.agency for one in notices(missing, None) if one.to == AGENCY} == {HOUSING, POLICE}
    assert not needs_state(missing)


def test_a_level_of_escalation_is_told_and_so_is_whoever_raised_it() -> None:
    found = told_by(a_case().on_agenda().escalated().escalated_to(2))
    assert Notice("manager", "EscalationRaised") in found
    assert Notice("agency_seniors", "EscalationRaisedLevel") in found
    assert Notice(AGENCY, "EscalationRaisedLevel", agency=POLICE) in found
    by_a_deadline = told_by(a_case().on_agenda().escalated(by=SYSTEM).escalated_to(2))
    assert Notice("coordinator", "EscalationRaisedLevel") in by_a_deadline


def test_of_a_concern_its_lead_is_told_and_of_its_late_screening_the_manager_too() -> None:
    case = a_case().active(SAM).with_concern()
    assert {one.to for one in told_by(case) if one.about == "SafeguardingConcernRaised"} == {
        "safeguarding_lead"
    }
    (concern_id,) = case.case.concerns
    late = ScreeningOverdue(**case.ids, concern_id=concern_id, due_at=case.now)
    assert {one.to for one in notices(late, None)} == {"safeguarding_lead", "manager"}


def test_nobody_is_told_of_an_event_that_is_not_in_the_table() -> None:
    (drafted,) = [one for one in a_case().in_triage() if one.TOPIC == "TriageStarted"]
    assert notices(drafted, None) == []
    assert not needs_state(drafted)


def test_where_a_case_has_no_key_worker_the_manager_alone_is_told() -> None:
    led = a_case().led_by(HOUSING)
    overdue = ContactOverdue(**led.ids, due_at=led.now)
    assert needs_state(overdue)
    assert notices(overdue, led.case) == [Notice("manager", "ContactOverdue")]
    supported = a_case().active(SAM)
    assert Notice("key_worker", "ContactOverdue", worker_id=SAM.worker_id) in notices(overdue, supported.case)


def test_every_agency_that_referred_the_person_hears_what_became_of_it() -> None:
    attached = (
        a_case()
        .in_triage()
        .then_also(
            ReferralAttached(**a_case().ids, from_case=CaseId(some_id("other")), referring_agency=SHELTER)
        )
    )
    declined = ReferralDeclined(**attached.ids, rule="eligibility", signpost="x", by_rule=False)
    told = {
        one.agency for one in notices(declined, attached.then_also(declined).case) if one.to == "referrer"
    }
    assert told == {attached.agency, SHELTER}
