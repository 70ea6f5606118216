"""What is said in the room: interests declared, information shared, dissent recorded.

Whoever declared an interest in an item takes no part in it. What an agency shares passes the consent gate for each of
those who hear it; who may not hear it leaves the room, or it is not said. Every member can have dissent written down.
Source: machine C, DeclareInterest, ShareInformation, RecordDissent (domain reference 2.6, 2.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from domain.case.disclosure import DisclosureNotCovered, may_tell_member
from domain.case.forum_review import DissentRecorded, InformationShared
from domain.case.sharing import Category, DisclosureBasis, Purpose
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.meeting.events import Attendee, InterestDeclared
from domain.meeting.quorum import InterestedInItem, require_not_interested, same_person, taking_part
from domain.meeting.state import MeetingStage
from domain.messages import (
    AgencyName,
    CaseId,
    Command,
    Event,
    MeetingId,
    Moment,
    PersonalText,
    StaffRef,
)
from domain.roles import Permission, Role

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.meeting.state import Item, Meeting
    from domain.rules import Rules


# -- rules -----------------------------------------------------------------------------------------------------------


class NotInTheRoom(RuleBroken):
    """{field}: only who is on the attendance register of this meeting takes part in it."""

    code = "not_in_the_room"


class SpeaksForOwnAgencyOnly(RuleBroken):
    """agency: people in the meeting speak for their own agency; only the coordinator or the chair writes down what another said."""

    code = "speaks_for_own_agency_only"


class NothingSaid(RuleBroken):
    """{field}: what was said is written down."""

    code = "nothing_said"


def require_in_the_room(meeting: Meeting, person: str) -> Attendee:
    """Whoever is on the register; of several seats, the first."""
    for attendee in meeting.attendees:
        if same_person(attendee.person, person):
            return attendee
    raise NotInTheRoom(field="attendee")


def speaker(agency: str | None, meeting: Meeting, item: Item, moment: Moment, rules: Rules) -> str:
    """For which agency something is said: it is in the room, and not excluded from the item."""
    named = rules.agency_name(agency or moment.by_agency)
    own = rules.agency_name(moment.by_agency)
    if named != own and moment.actor.role not in (Role.COORDINATOR, Role.CHAIR):
        raise SpeaksForOwnAgencyOnly
    if named == own:
        require_not_interested(moment.actor, item)
    if named not in agencies_in(meeting.attendees, rules):
        raise NotInTheRoom(field="agency")
    if named not in agencies_in(taking_part(meeting, item), rules):
        raise InterestedInItem
    return named


def dissenter(person: str, agency: str, meeting: Meeting, item: Item, rules: Rules) -> str:
    """Who sees it otherwise: they sit in the meeting for this agency, whoever writes it down, and take part in the item."""
    seats = [one for one in meeting.attendees if same_person(one.person, person)]
    if not any(rules.agency_name(seat.agency) == agency for seat in seats):
        raise NotInTheRoom(field="dissenter")
    if any(same_person(person, conflicted) for conflicted in item.conflicted):
        raise InterestedInItem
    return seats[0].person


def agencies_in(attendees: Sequence[Attendee], rules: Rules) -> list[str]:
    """Each agency once, by its name."""
    return list(dict.fromkeys(rules.agency_name(attendee.agency) for attendee in attendees))


def listeners(
    command: ShareInformation, discloser: str, meeting: Meeting, item: Item, rules: Rules
) -> list[str]:
    """The agencies that hear it: those in the room and not excluded, without those that leave it meanwhile."""
    outside = {rules.agency_name(name) for name in command.left_the_room}
    present = agencies_in(taking_part(meeting, item), rules)
    return [agency for agency in present if agency not in outside and agency != discloser]


def bases_for_all(
    command: ShareInformation,
    case: Case,
    discloser: str,
    recipients: Sequence[str],
    at: datetime,
    rules: Rules,
) -> tuple[DisclosureBasis, ...]:
    """On which bases all of them may hear it; refused when one of them may not hear one of its categories.

    Source: machine C, ShareInformation, "may_disclose true for every recipient present" (domain reference 2.6).
    """
    found: list[DisclosureBasis] = []
    for recipient in recipients:
        for category in dict.fromkeys(command.categories):
            basis = may_tell_member(case, discloser, recipient, command.purpose, category, at, rules)
            if basis is None:
                raise DisclosureNotCovered(
                    discloser=discloser, category=category, recipient=recipient, purpose=command.purpose
                )
            if basis not in found:
                found.append(basis)
    return tuple(found)


# -- commands --------------------------------------------------------------------------------------------------------

_CASE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"
_MEETING = "9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01"


class DeclareInterest(Command):
    """Say that somebody in the meeting is too close to an item, such as a relative; they take no part in it."""

    NAME: ClassVar[str] = "declare-interest"
    PERMISSION: ClassVar[Permission] = Permission.SPEAK_IN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "meeting_id": _MEETING,
        "case_id": _CASE,
        "attendee": "housing-officer-3",
        "ground": "relative",
    }

    meeting_id: MeetingId
    case_id: CaseId
    attendee: StaffRef | None = Field(None, description="whoever acts when left out")
    ground: Literal["relative", "friend", "own_case", "complaint", "financial", "other"]


class ShareInformation(Command):
    """Write down what an agency told those in the meeting about a person, under a basis for each of them."""

    NAME: ClassVar[str] = "share-information"
    PERMISSION: ClassVar[Permission] = Permission.SPEAK_IN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "meeting_id": _MEETING,
        "categories": ["identity"],
        "information": "Met the person twice this month",
    }

    case_id: CaseId
    meeting_id: MeetingId
    agency: AgencyName | None = Field(
        None, description="the acting agency when left out; another only by the coordinator or the chair"
    )
    purpose: Purpose = Purpose.COORDINATED_SUPPORT
    categories: Annotated[tuple[Category, ...], Field(min_length=1, max_length=len(Category))]
    information: PersonalText
    left_the_room: Annotated[tuple[AgencyName, ...], Field(max_length=60)] = Field(
        (), description="agencies whose people left the room while it was said"
    )


class RecordDissent(Command):
    """Write down that an agency sees it otherwise than the meeting, and why."""

    NAME: ClassVar[str] = "record-dissent"
    PERMISSION: ClassVar[Permission] = Permission.SPEAK_IN_MEETING
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": _CASE,
        "meeting_id": _MEETING,
        "dissent": "Housing should lead, not the voluntary sector",
    }

    case_id: CaseId
    meeting_id: MeetingId
    agency: AgencyName | None = Field(
        None, description="the acting agency when left out; another only by the coordinator or the chair"
    )
    dissenter: StaffRef | None = Field(
        None, description="somebody on the register for the agency; whoever acts when left out"
    )
    dissent: PersonalText


# -- decisions -------------------------------------------------------------------------------------------------------


@decides(DeclareInterest, refuses=(NotInTheRoom, SpeaksForOwnAgencyOnly, AlreadyRecorded))
def declare_interest(
    command: DeclareInterest, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """People say it of themselves; the chair and the coordinator also write down what another said."""
    meeting.require(command, MeetingStage.IN_SESSION)
    item = meeting.require_item(command.case_id)
    attendee = require_in_the_room(meeting, command.attendee or moment.actor.person)
    own = same_person(attendee.person, moment.actor.person)
    if not own and moment.actor.role not in (Role.COORDINATOR, Role.CHAIR):
        raise SpeaksForOwnAgencyOnly
    if any(same_person(attendee.person, one) for one in item.conflicted):
        raise AlreadyRecorded(what="this interest")
    return [
        InterestDeclared(
            meeting_id=meeting.meeting_id,
            case_id=command.case_id,
            attendee=attendee.person,
            agency=rules.agency_name(attendee.agency),
            ground=command.ground,
        )
    ]


@decides(
    ShareInformation,
    refuses=(
        NotInTheRoom,
        SpeaksForOwnAgencyOnly,
        InterestedInItem,
        NothingSaid,
        DisclosureNotCovered,
    ),
)
def share_information(
    command: ShareInformation, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    meeting.require(command, MeetingStage.IN_SESSION)
    item = meeting.require_item(case.case_id)
    discloser = speaker(command.agency, meeting, item, moment, rules)
    if not command.information:
        raise NothingSaid(field="information")
    recipients = listeners(command, discloser, meeting, item, rules)
    bases = bases_for_all(command, case, discloser, recipients, moment.now, rules)
    return [
        InformationShared(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            agency=discloser,
            recipients=tuple(recipients),
            purpose=command.purpose,
            categories=tuple(dict.fromkeys(command.categories)),
            bases=bases,
            information=command.information,
        )
    ]


@decides(RecordDissent, refuses=(NotInTheRoom, SpeaksForOwnAgencyOnly, InterestedInItem, NothingSaid))
def record_dissent(
    command: RecordDissent, case: Case, meeting: Meeting, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """Before the decision or after it, as long as the meeting sits.

    Source: the explicit question whether anyone disagrees (domain reference 1.9); acceptance scenario 24.
    """
    meeting.require(command, MeetingStage.IN_SESSION)
    item = meeting.require_item(case.case_id)
    agency = speaker(command.agency, meeting, item, moment, rules)
    who = dissenter(command.dissenter or moment.actor.person, agency, meeting, item, rules)
    if not command.dissent:
        raise NothingSaid(field="dissent")
    return [
        DissentRecorded(
            case_id=case.case_id,
            person_id=case.person_id,
            meeting_id=meeting.meeting_id,
            dissenter=who,
            agency=agency,
            dissent=command.dissent,
        )
    ]
