"""Outreach: trying on, asking the forum, and closing with everybody told and the way back open."""

from __future__ import annotations

from typing import Any

import pytest

from domain.case import household as h
from domain.case import outreach as o
from domain.case.action_changes import ActionCancelled
from domain.case.allocation import AllocationEnded, NotTheKeyWorker
from domain.case.closure import CaseClosed
from domain.case.review_request import ReviewItemRequested
from domain.case.stages import Stage
from domain.errors import AlreadyRecorded, DomainError, NotPermitted, WrongStage
from domain.keyworker.events import CaseReleased
from domain.person.identity import EpisodeEnded
from tests.support.scenario import (
    COORDINATOR,
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
LOST = a_case().active(SAM).lost()
SCREENED = LOST.then_also(
    o.RiskScreenRecorded(**LOST.ids, risk="medium", child_safety_screened=False, findings="Seen last week")
)
WITH_A_CHILD = h.HouseholdRecorded(**LOST.ids, children=1, note="Aged six")


def close(**changed: Any) -> o.CloseDisengaged:
    told = {
        "case_id": LOST.case_id,
        "safeguarding_considered": True,
        "referrer_told": True,
        "agencies_told": True,
        "route_back": "Ring the coordinator",
    }
    return o.CloseDisengaged.model_validate(told | changed)


@pytest.mark.parametrize(("attempts", "enough"), [(2, False), (3, True), (4, True)])
def test_outreach_is_escalated_to_the_forum_when_the_attempts_are_used_up(
    attempts: int, enough: bool
) -> None:
    told = given(LOST.missed(attempts)).when(o.EscalateOutreach(case_id=LOST.case_id), as_=SAM.actor)
    if enough:
        told.then(
            like(o.DisengagementEscalated, attempts=attempts),
            like(ReviewItemRequested, because="disengagement"),
        )
        assert (told.after.case.stage, told.after.case.review_requested) == (Stage.OUTREACH, "disengagement")
    else:
        told.refused(o.AttemptsNotExhausted, needed=3, made=attempts)


def test_missed_contacts_before_outreach_are_not_attempts_of_outreach() -> None:
    story = a_case().active(SAM).missed(2).lost()
    given(story).when(o.EscalateOutreach(case_id=story.case_id), as_=SAM.actor).refused(
        o.AttemptsNotExhausted, made=0
    )


def test_an_outreach_is_escalated_once_and_by_whoever_has_the_case() -> None:
    story = LOST.missed(3)
    command = o.EscalateOutreach(case_id=LOST.case_id)
    given(story).when(command, as_=actor("key_worker", person="other", agency=SHELTER)).refused(
        NotTheKeyWorker
    )
    escalated = story.then_also(o.DisengagementEscalated(**LOST.ids, attempts=3))
    given(escalated).when(command, as_=SAM.actor).refused(AlreadyRecorded)


def test_a_manager_closes_the_case_once_risk_is_screened_and_everybody_knows() -> None:
    closed = given(SCREENED).when(close(), as_=MANAGER)
    closed.then(
        like(CaseClosed, because="disengaged", explanation="Ring the coordinator"),
        like(AllocationEnded, because="case_closed"),
        CaseReleased,
        like(ActionCancelled, because="case_closed"),
        EpisodeEnded,
    )
    case = closed.after.case
    assert (case.stage, case.closed_because, case.due) == (Stage.CLOSED, "disengaged", {})


@pytest.mark.parametrize(
    ("story", "changed", "rule"),
    [
        (LOST, {}, o.RiskScreenRequired),
        (SCREENED.then_also(WITH_A_CHILD), {}, o.ChildSafetyScreenRequired),
        (SCREENED, {"safeguarding_considered": False}, o.SafeguardingNotConsidered),
        (SCREENED, {"referrer_told": False}, o.ReferrerNotTold),
        (SCREENED, {"agencies_told": False}, o.AgenciesNotTold),
        (SCREENED, {"route_back": " "}, o.RouteBackRequired),
    ],
    ids=lambda value: value.code if isinstance(value, type) and issubclass(value, DomainError) else "",
)
def test_a_case_is_not_closed_for_lost_contact_without(
    story: CaseStory, changed: dict[str, Any], rule: type[DomainError]
) -> None:
    given(story).when(close(**changed), as_=MANAGER).refused(rule)


def test_a_child_of_six_in_the_household_is_thought_of_before_the_case_closes() -> None:
    """Scenario 39: outreach, and a child safety screen before closing."""
    story = LOST.then_also(WITH_A_CHILD)
    screen = o.RecordRiskScreen(
        case_id=LOST.case_id, risk="high", child_safety_screened=True, findings="School sees her daily"
    )
    screened = given(story).when(screen, as_=SAM.actor)
    screened.then(like(o.RiskScreenRecorded, child_safety_screened=True))
    given(*story, *screened.happened).when(close(), as_=MANAGER).one(CaseClosed)


def test_a_screen_of_an_earlier_silence_does_not_count() -> None:
    again = SCREENED.then_also(*given(SCREENED).when(_reached(), as_=SAM.actor).happened).lost()
    given(again).when(close(), as_=MANAGER).refused(o.RiskScreenRequired)


def _reached() -> Any:
    from domain.case.contact import ContactMade

    return ContactMade(case_id=LOST.case_id, by_channel="text")


def test_closing_is_a_managers_and_only_from_outreach() -> None:
    given(SCREENED).when(close(), as_=SAM.actor).refused(NotPermitted)
    given(a_case().active(SAM)).when(close(), as_=MANAGER).refused(WrongStage)


def test_who_lives_with_the_person_is_recorded_at_any_open_stage() -> None:
    story = a_case().in_triage()
    told = given(story).when(h.RecordHousehold(case_id=story.case_id, children=2), as_=COORDINATOR)
    told.then(like(h.HouseholdRecorded, children=2))
    assert told.after.case.household_children == 2
    given(story.closed()).when(h.RecordHousehold(case_id=story.case_id, children=2), as_=COORDINATOR).refused(
        WrongStage
    )
