"""Route: which forum hears a case. It follows the ward, or the area where somebody without a home belongs.

A move inside the city changes the forum and nothing else; a move out of it is in `leaving.py`.
Source: machine A, ChangeForumRoute; area of connection (domain reference 2.4, 8.3, acceptance scenario 75).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from domain.case.referral_form import WardUnknown
from domain.decisions import decides
from domain.errors import AlreadyRecorded, RuleBroken
from domain.geography import InArea, OutOfArea
from domain.messages import CaseEvent, CaseId, Code, Command, Event, Moment, PersonalText
from domain.roles import Permission

if TYPE_CHECKING:
    from domain.case.state import Case
    from domain.rules import Rules


# -- events ----------------------------------------------------------------------------------------------------------


class ForumRouteChanged(CaseEvent):
    """Another forum hears this case from now on. Without a home, the area of connection stands in for the ward."""

    TOPIC: ClassVar[str] = "ForumRouteChanged"

    from_forum: Code | None
    to_forum: Code
    ward: Code | None
    from_neighbourhood: Code | None
    to_neighbourhood: Code
    area_of_connection: bool = False
    explanation: PersonalText


# -- rules -----------------------------------------------------------------------------------------------------------


class WardOutsideTheCity(RuleBroken):
    """ward: {place} is in {borough}, outside the city; that a person moves out of it is recorded with record-move-out."""

    code = "ward_outside_the_city"


class RouteNotKnown(RuleBroken):
    """No forum is known for this case; choose the person's area of connection first (change-forum-route)."""

    code = "route_not_known"


# -- commands --------------------------------------------------------------------------------------------------------


class ChangeForumRoute(Command):
    """Have another forum hear a case: the person moved inside the city, or has no home and belongs to an area."""

    NAME: ClassVar[str] = "change-forum-route"
    PERMISSION: ClassVar[Permission] = Permission.TRIAGE
    EXAMPLE: ClassVar[dict[str, Any]] = {
        "case_id": "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11",
        "ward": "Fallowfield",
        "explanation": "Moved in with a sister",
    }

    case_id: CaseId
    ward: str = Field(
        min_length=1, max_length=200, description="the new ward, or one of the area of connection"
    )
    area_of_connection: bool = Field(
        False,
        description="the person has no fixed home; the ward says where they belong, not where they live",
    )
    explanation: PersonalText = Field(min_length=1)


@decides(ChangeForumRoute, refuses=(WardOutsideTheCity, WardUnknown, AlreadyRecorded))
def change_forum_route(
    command: ChangeForumRoute, case: Case, moment: Moment, rules: Rules
) -> Sequence[Event]:
    """A case on an agenda is still heard there: the meeting has prepared for it."""
    case.require_open(command)
    today = rules.london_day(moment.now)
    place = rules.geography.place(command.ward, today)
    if isinstance(place, OutOfArea):
        raise WardOutsideTheCity(place=place.place, borough=place.borough)
    if not isinstance(place, InArea):
        raise WardUnknown
    if place.neighbourhood == case.neighbourhood:
        raise AlreadyRecorded(what="this route")
    return [
        ForumRouteChanged(
            case_id=case.case_id,
            person_id=case.person_id,
            from_forum=case.forum,
            to_forum=rules.geography.forum_for(place.neighbourhood, today).code,
            ward=None if command.area_of_connection else place.ward_code,
            from_neighbourhood=case.neighbourhood,
            to_neighbourhood=place.neighbourhood,
            area_of_connection=command.area_of_connection,
            explanation=command.explanation,
        )
    ]
