"""An instant in a refusal is read by the clock on the wall in London, and keeps its offset where machines read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.problems import problem_of
from domain.case.action import ActionDueInPast
from domain.errors import NotYetDue
from domain.london import LONDON
from domain.meeting.planning import MeetingInPast, PlanMeeting
from tests.support.scenario import A_SECOND, FORUM, given, london

IN_SUMMER = datetime(2027, 7, 1, 16, 0, tzinfo=UTC)
IN_WINTER = datetime(2027, 1, 4, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("due_at", "read_as"), [(IN_SUMMER, "Thu 1 Jul 2027 17:00"), (IN_WINTER, "Mon 4 Jan 2027 17:00")]
)
def test_a_deadline_in_a_refusal_is_read_in_london(due_at: datetime, read_as: str) -> None:
    refusal = NotYetDue(command="mark-triage-overdue", due_at=due_at)
    assert (
        str(refusal)
        == f"mark-triage-overdue is for a deadline that has passed; this one is due at {read_as}."
    )
    assert problem_of(refusal).detail == str(refusal)


@pytest.mark.parametrize("due_at", [IN_SUMMER, IN_SUMMER.astimezone(LONDON)])
def test_machines_get_the_instant_in_utc_with_its_offset(due_at: datetime) -> None:
    assert problem_of(ActionDueInPast(due_at=due_at)).data["due_at"] == "2027-07-01T16:00:00+00:00"


@pytest.mark.parametrize(
    ("meets", "read_as"),
    [(london(2027, 7, 21, 10), "Wed 21 Jul 2027 10:00"), (london(2027, 1, 20, 10), "Wed 20 Jan 2027 10:00")],
)
def test_whoever_plans_a_meeting_in_the_past_reads_the_time_they_gave(meets: datetime, read_as: str) -> None:
    refusal = (
        given()
        .when(PlanMeeting(forum=FORUM, starts_at=meets), at=meets + A_SECOND)
        .refused(MeetingInPast, starts_at=meets)
    )
    assert read_as in str(refusal)
    assert "+00:00" not in str(refusal)
