"""The agenda of a meeting: a case that is ready is put on it, and the agencies are asked what they know.

A coordinator lists; the chair alone adds to a closed agenda, because of a risk. What agencies then tell is in
`returns.py`; what the forum decides is in `domain/case/forum_decision.py`. Cases that are heard again, and those on
which only advice is asked for, are listed by `domain/case/review_item.py` and `advice_item.py`.
Source: machines A and C (domain reference 2.4, 2.6), explicit consent per agency (1.3, 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypedDict

from pydantic import Field

from domain.case.forum_review import ForumItemScheduled, ForumListingOverdue
from domain.case.route import RouteNotKnown
from domain.case.sharing import FORUM
from domain.case.stages import Stage
from domain.decisions import decides
from domain.errors import AlreadyRecorded, Conflict, RuleBroken
from domain.meeting.events import AgendaItemAdded, UrgentItemAdded
from domain.meeting.state import MeetingStage
from domain.messages import (
    AgencyName,
    CaseId,
    Command,
    Event,
    MeetingId,
    Moment,
    PersonalText,
    PersonId,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.meeting.state import Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class ForumDoesNotServe(RuleBroken):
    """meeting_id: forum {forum} does not serve the person's neighbourhood ({neighbourhood}) on {day}; choose a meeting of the forum that does."""

    code = "forum_does_not_serve"


class OtherProgramme(RuleBroken):
    """meeting_id: this meeting hears cases of programme {meeting_programme}; the case is in {case_programme}."""

    code = "meeting_of_other_programme"


class AgendaFull(Conflict):
    """meeting_id: this agenda holds {listed} cases and takes no more than {capacity}; choose a later meeting."""

    code = "agenda_full"


class AlreadyOnAnAgenda(Conflict):
    """case_id: this case is on the agenda of a meeting already; it is heard there, or taken off first with withdraw-item."""

    code = "already_on_an_agenda"


class ChairOnly(RuleBroken):
    """Only the chair of the forum may do this; this is role {role}."""

    code = "chair_only"


class RiskReasonRequired(RuleBroken):
    """risk: a case joins a closed agenda only because of a risk, which is recorded."""

    code = "risk_reason_required"


def require_forum_serves(case: Case, meeting: Meeting, rules: Rules) -> None:
    """A case is heard by a forum that serves the person's neighbourhood on the day of the meeting.

    Source: machine A, ScheduleOnAgenda; a forum may serve several neighbourhoods (domain reference 1.1, 2.4).
    """
    if case.neighbourhood is None:
        raise RouteNotKnown
    day = rules.london_day(meeting.start)
    if not rules.geography.forum(meeting.forum).serves(case.neighbourhood, day):
        raise ForumDoesNotServe(forum=meeting.forum, neighbourhood=case.neighbourhood, day=day.isoformat())


def require_on_no_agenda(case: Case) -> None:
    """A case has one place at a time, also one on which only advice was asked for."""
    if case.agenda_kind is not None:
        raise AlreadyOnAnAgenda


def require_same_programme(case: Case, meeting: Meeting) -> None:
    if case.programme != meeting.programme:
        raise OtherProgramme(meeting_programme=meeting.programme, case_programme=case.programme)


def require_room(meeting: Meeting, rules: Rules) -> None:
    """A meeting hears only so many cases with care. Source: machine A, capacity of agenda (domain reference 2.4)."""
    capacity = rules.programme(meeting.programme).agenda.capacity
    if len(meeting.items) >= capacity:
        raise AgendaFull(listed=len(meeting.items), capacity=capacity)


LISTING_REFUSALS: Final = (AlreadyOnAnAgenda, OtherProgramme, RouteNotKnown, ForumDoesNotServe, AgendaFull)
"""The rules of an open agenda, for whatever a case is put on it."""


def require_may_be_listed(command: Command, case: Case, meeting: Meeting, rules: Rules) -> None:
    """The case has no other place, and this open agenda is of its programme and forum and has room."""
    require_on_no_agenda(case)
    meeting.require(command, MeetingStage.AGENDA_OPEN)
    require_same_programme(case, meeting)
    require_forum_serves(case, meeting, rules)
    require_room(meeting, rules)


def require_chair(moment: Moment) -> None:
    """Source: machine C, AddUrgentItem (chair), CancelMeeting (chair) (domain reference 2.6)."""
    if moment.actor.role is not Role.CHAIR:
        raise ChairOnly(role=moment.actor.role)


def agencies_to_ask(named: Sequence[str], case: Case, rules: Rules) -> tuple[str, ...]:
    """Who is asked for information: the referring agency always, then who is named.

    With nobody named, these are the agencies whose sharing with the forum the person was asked about, and those that
    the programme expects at every meeting. Asking says nothing about whether the agency knows the person.
    """
    programme = rules.programme(case.programme)
    asked_about = [grant.discloser for grant in case.grants.values() if grant.recipient == FORUM]
    others = named or (*asked_about, *programme.forum.expected_agencies)
    return tuple(dict.fromkeys(rules.agency_name(name) for name in (case.referring_agency, *others)))


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"
AgenciesAsked = Annotated[tuple[AgencyName, ...], Field(max_length=60)]


class ScheduleItem(Command):
    """Put a case that is ready on a meeting's agenda (ScheduleOnAgenda, AddItem), and ask agencies what they know."""

    NAME: ClassVar[str] = "schedule-item"
    PERMISSION: ClassVar[Permission] = Permission.SCHEDULE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "meeting_id": _MEETING,
        "agencies_asked": ["One Manchester", "Change Grow Live"],
    }

    case_id: CaseId
    meeting_id: MeetingId
    agencies_asked: AgenciesAsked = Field(
        (),
        description="beside the referring agency; those of the consents and of the programme when left out",
    )


class AddUrgentItem(Command):
    """Put a case on an agenda that is closed already, because of a risk; for the chair."""

    NAME: ClassVar[str] = "add-urgent-item"
    PERMISSION: ClassVar[Permission] = Permission.SCHEDULE_ITEM
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "meeting_id": _MEETING,
        "risk": "Two overdoses in one week",
    }

    case_id: CaseId
    meeting_id: MeetingId
    risk: PersonalText
    agencies_asked: AgenciesAsked = Field(
        (),
        description="beside the referring agency; those of the consents and of the programme when left out",
    )


class MarkListingOverdue(Command):
    """Record that a case that is ready is still on no agenda; issued by the engine's own timer."""

    NAME: ClassVar[str] = "mark-listing-overdue"
    PERMISSION: ClassVar[Permission] = Permission.MARK_DEADLINE
    EXAMPLE: ClassVar[dict[str, Any]] = {"case_id": _CASE}

    case_id: CaseId


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(ScheduleItem, refuses=LISTING_REFUSALS)
def schedule_item(
    command: ScheduleItem, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A case that is ready has its consent position on record: the stage says so.

    Source: machine A, ScheduleOnAgenda; machine C, AddItem (domain reference 2.4, 2.6).
    """
    case.require(command, Stage.READY_FOR_FORUM)
    require_may_be_listed(command, case, meeting, rules)
    asked = agencies_to_ask(command.agencies_asked, case, rules)
    added = AgendaItemAdded(meeting_id=meeting.meeting_id, **_item(case, asked))
    return [_scheduled(case, meeting, asked, moment, rules), added]


@decides(
    AddUrgentItem,
    refuses=(
        AlreadyOnAnAgenda,
        ChairOnly,
        RiskReasonRequired,
        OtherProgramme,
        RouteNotKnown,
        ForumDoesNotServe,
    ),
)
def add_urgent_item(
    command: AddUrgentItem, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Risk does not wait for room: the agenda's capacity does not bind the chair here.

    Source: machine C, AddUrgentItem (domain reference 2.6).
    """
    case.require(command, Stage.READY_FOR_FORUM)
    require_on_no_agenda(case)
    meeting.require(command, MeetingStage.AGENDA_CLOSED)
    require_chair(moment)
    if not command.risk:
        raise RiskReasonRequired
    require_same_programme(case, meeting)
    require_forum_serves(case, meeting, rules)
    asked = agencies_to_ask(command.agencies_asked, case, rules)
    added = UrgentItemAdded(meeting_id=meeting.meeting_id, risk=command.risk, **_item(case, asked))
    return [_scheduled(case, meeting, asked, moment, rules), added]


class _ItemFields(TypedDict):
    case_id: CaseId
    person_id: PersonId
    referring_agency: str
    agencies_asked: tuple[str, ...]


def _item(case: Case, asked: tuple[str, ...]) -> _ItemFields:
    return _ItemFields(
        case_id=case.case_id,
        person_id=case.person_id,
        referring_agency=case.referring_agency,
        agencies_asked=asked,
    )


def _scheduled(
    case: Case, meeting: Meeting, asked: tuple[str, ...], moment: Moment, rules: Rules
) -> ForumItemScheduled:
    # On short notice the date for returns may be over before anybody is asked: then they are due when it begins.
    in_time = moment.now < meeting.returns_due
    return ForumItemScheduled(
        case_id=case.case_id,
        person_id=case.person_id,
        meeting_id=meeting.meeting_id,
        forum=meeting.forum,
        meeting_at=meeting.start,
        agencies_asked=asked,
        returns_due_at=meeting.returns_due if in_time else meeting.start,
        decision_due_at=rules.deadline(case.programme, "decision_record", meeting.start),
    )


@decides(MarkListingOverdue, refuses=(AlreadyRecorded,))
def mark_listing_overdue(command: MarkListingOverdue, case: Case, moment: Moment) -> Sequence[Event]:
    case.require(command, Stage.READY_FOR_FORUM)
    due_at = case.require_newly_passed(command, "listing", moment.now, what="that listing is overdue")
    return [ForumListingOverdue(case_id=case.case_id, person_id=case.person_id, due_at=due_at)]
