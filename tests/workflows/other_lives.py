"""Lives of the processes that run beside the road of a case: each from its beginning to its end, with people late.

Each scene answers what its process is about. Told in the words of `world.py`; only what the engine adds is decided.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.calendar import LONDON
from domain.case.cover import StartCover
from domain.case.escalation_ladder import RespondToEscalation
from domain.case.monitoring import OutcomeSustained
from domain.case.sharing import Category
from domain.keyworker.worker import EndAbsence, RecordAbsence
from domain.meeting.lifecycle import ConcludeMeeting, StartMeeting
from domain.meeting.minutes import IssueMinutes
from domain.meeting.planning import PlanMeeting
from domain.messages import MeetingId
from tests.support.scenario import CHAIR, COORDINATOR, FORUM, MANAGER, POLICE, QUORUM, a_case, a_worker
from tests.workflows.world import World, accepted, next_working_monday, on_agenda
from workflows.contracts import ProcessKind

_A_WEEK: Final = timedelta(days=7)


async def a_consent_runs_out(world: World) -> UUID:
    """It is said that it must be looked at again, nobody does, and it ends."""
    case = on_agenda("robin", at=world.now, meets=world.now).led_by(at=world.now)
    await world.given(case.with_grant(POLICE, Category.IDENTITY, at=world.now))
    await world.time.advance_to(world.due("consent_expiry") + timedelta(hours=1))
    return case.case_id


async def a_worker_is_away(world: World) -> UUID:
    """The cover ends too early, the case is orphaned, and the worker comes back."""
    sam, alex = a_worker("sam"), a_worker("alex")
    case = accepted("robin", at=world.now).active(sam, at=world.now)
    for story in (case, alex):
        await world.given(story)
    today = world.now.astimezone(LONDON).date()
    await world.when(RecordAbsence(worker_id=sam.worker_id, first_day=today))
    await world.when(
        StartCover(
            case_id=case.case_id,
            cover_worker_id=alex.worker_id,
            until=today + timedelta(days=1),
            ground="immediate_risk",
            told_by="manager-1",
            told_on=today,
        )
    )
    await world.time.advance(_A_WEEK)
    await world.when(EndAbsence(worker_id=sam.worker_id))
    return case.case_id


async def a_concern_is_screened_late(world: World) -> UUID:
    await world.given(case := a_case("robin").with_concern(at=world.now))
    await world.time.advance(_A_WEEK)
    await world.given(case.screened(met=False))
    return case.case_id


async def an_escalation_goes_up(world: World) -> UUID:
    """One level does not answer, the next one does."""
    await world.given(case := a_case("robin").in_triage(at=world.now).escalated(at=world.now))
    await world.time.advance_to(world.due("escalation_answer"))
    answer = RespondToEscalation(
        case_id=case.case_id, escalation_id=case.escalation_id(), response="Housing leads"
    )
    await world.when(answer, as_=MANAGER)
    return case.case_id


async def another_area_does_not_take_over(world: World) -> UUID:
    case = accepted("robin", at=world.now).active(a_worker("sam"), at=world.now)
    await world.given(case)
    await world.given(case := case.moved_out())
    await world.time.advance_to(case.case.due["transfer"] + timedelta(hours=1))
    return case.case_id


async def a_case_is_long_over(world: World) -> UUID:
    """It is asked, once, whether the outcome has lasted."""
    case = accepted("robin", at=world.now).allocated_to(a_worker(), at=world.now)
    case = case.met(at=world.now).active(at=world.now).reviewed(at=world.now)
    case = case.step_down_proposed(at=world.now).stepping_down(at=world.now).handed_over(at=world.now)
    asked_at = world.due("sustained_outcome")
    lasting = OutcomeSustained(**case.ids, summary="In college", sustained_outcome_due_at=asked_at)
    await world.given(case.then_also(lasting))
    await world.time.advance_to(asked_at + timedelta(days=1))
    return case.case_id


async def a_meeting_is_held_late(world: World) -> UUID:
    """Agenda, start and minutes late, nothing done by people in time: the engine does and says what it can."""
    starts_at = next_working_monday(world.now + timedelta(weeks=5), world.rules)
    plan = PlanMeeting(forum=FORUM, starts_at=starts_at, repeats=True)
    meeting = (await world.when(plan, as_=COORDINATOR)).events[0].stream_id
    await world.time.advance(starts_at - world.now + timedelta(days=2))
    register = tuple(line.model_dump() for line in QUORUM)
    await world.when(StartMeeting.model_validate({"meeting_id": meeting, "attendees": register}), as_=CHAIR)
    await world.when(ConcludeMeeting(meeting_id=MeetingId(meeting)), as_=CHAIR)
    await world.time.advance(timedelta(days=9))
    await world.when(IssueMinutes(meeting_id=MeetingId(meeting), minutes_ref="minutes-1"), as_=COORDINATOR)
    return meeting


LIVES: Final[Mapping[ProcessKind, Callable[[World], Awaitable[UUID]]]] = {
    ProcessKind.GRANT_REVIEW: a_consent_runs_out,
    ProcessKind.COVER: a_worker_is_away,
    ProcessKind.SAFEGUARDING: a_concern_is_screened_late,
    ProcessKind.ESCALATION: an_escalation_goes_up,
    ProcessKind.TRANSFER: another_area_does_not_take_over,
    ProcessKind.AFTER_CLOSURE: a_case_is_long_over,
    ProcessKind.MEETING: a_meeting_is_held_late,
}
