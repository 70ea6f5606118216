"""Quorum and conflict of interest: who counts when the forum decides. No command and no event lives here.

Source: quorum and DeclareInterest, machine C (domain reference 2.6; the quorum's numbers are proposed).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from domain.errors import RuleBroken

if TYPE_CHECKING:
    from domain.meeting.events import Attendee
    from domain.meeting.state import Item, Meeting
    from domain.messages import Actor
    from domain.rules import Rules

_WEIGHTIEST_FIRST = ("chair", "deputy_chair", "coordinator", "member", "deputy")


class QuorumBrokenByInterest(RuleBroken):
    """Without those who declared an interest in this item the meeting has no quorum for it ({missing} missing); put it off instead."""

    code = "quorum_broken_by_interest"


class InterestedInItem(RuleBroken):
    """Whoever declared an interest in an item takes no part in it: neither information, nor dissent, nor its decision."""

    code = "interested_in_item"


def same_person(one: str, other: str) -> bool:
    """Staff references are compared as people read them."""
    return one.strip().casefold() == other.strip().casefold()


def missing_for_quorum(attendees: Sequence[Attendee], meeting: Meeting, rules: Rules) -> Iterator[str]:
    """What is missing for the meeting to decide, as codes; nothing when it is quorate.

    Whoever chairs and the coordinator sit for the meeting; agencies are counted by their members and deputies, by
    name. Whoever fills several seats counts once, in the weightiest. The referring agency is asked of each item.
    Source: quorum (domain reference 2.6, proposed); acceptance scenario 21, chair and three agencies: inquorate.
    """
    quorum = rules.programme(meeting.programme).quorum
    sitting = seats(attendees)
    parts = {attendee.part for attendee in sitting}
    agencies = {
        rules.agency_name(attendee.agency) for attendee in sitting if attendee.part in ("member", "deputy")
    }
    sectors = {agency.sector for name in agencies if (agency := rules.agencies.find(name))}
    if quorum.chair_or_deputy and not parts & {"chair", "deputy_chair"}:
        yield "chair_or_deputy"
    if quorum.coordinator and "coordinator" not in parts:
        yield "coordinator"
    if len(agencies) < quorum.minimum_agencies:
        yield "agencies"
    if not sectors & set(quorum.one_of_sectors):
        yield "sector"


def seats(attendees: Sequence[Attendee]) -> list[Attendee]:
    """One line of the register per person: of several, the weightiest."""
    by_person: dict[str, Attendee] = {}
    for attendee in sorted(attendees, key=lambda one: _WEIGHTIEST_FIRST.index(one.part)):
        by_person.setdefault(attendee.person.strip().casefold(), attendee)
    return list(by_person.values())


def taking_part(meeting: Meeting, item: Item) -> list[Attendee]:
    """Those in the meeting who have declared no interest in this item."""
    return [
        attendee
        for attendee in meeting.attendees
        if not any(same_person(attendee.person, conflicted) for conflicted in item.conflicted)
    ]


def require_not_interested(actor: Actor, item: Item) -> None:
    """A chair who is too close to an item leaves its decision to the deputy, as everybody else leaves the talk.

    Source: machine C, DeclareInterest, "attendee excluded from that item" (domain reference 2.6, 2.13).
    """
    if any(same_person(actor.person, conflicted) for conflicted in item.conflicted):
        raise InterestedInItem


def require_quorum_for_item(meeting: Meeting, item: Item, rules: Rules) -> None:
    """A meeting began with its quorum; an item that people had to leave needs one of its own."""
    if not item.conflicted:
        return
    missing = tuple(missing_for_quorum(taking_part(meeting, item), meeting, rules))
    if missing:
        raise QuorumBrokenByInterest(missing=", ".join(missing))


def agencies_excluded(meeting: Meeting, item: Item, rules: Rules) -> tuple[str, ...]:
    """The agencies that nobody speaks for on this item, because all who sit for them declared an interest in it."""
    still = {rules.agency_name(attendee.agency) for attendee in taking_part(meeting, item)}
    gone = {rules.agency_name(agency) for agency in item.conflicted.values()}
    return tuple(sorted(gone - still))
