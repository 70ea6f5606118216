"""A member agency's pack: of each item on an agenda, what that agency may see at this moment, and no more.

An item that an agency may not be told of is there by its place alone. Nothing in a pack says whether another agency
knows the person: who was asked, who did not answer and who had nothing to share stay out of it. Must not be kept: a
consent that ends an hour later closes the pack too.
Source: AgendaPublished, redacted per member (domain reference 2.6); explicit consent, "nor even confirm" (1.3);
acceptance scenarios 8, 9 and 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from domain.case.sharing import Category
from domain.case.stages import OPEN_STAGES
from domain.meeting.audience import knows_who, may_be_told
from domain.meeting.quorum import agencies_excluded
from domain.messages import AgencyName, CaseId, Code, Instant, MeetingId, Message, PersonalText

if TYPE_CHECKING:
    from datetime import datetime

    from domain.case.state import Case
    from domain.meeting.state import Item, Meeting
    from domain.rules import Rules

_CATEGORY_OF: Mapping[str, Category] = {
    "homelessness": Category.HOUSING,
    "substance_misuse": Category.SUBSTANCE_USE,
    "mental_health": Category.MENTAL_HEALTH,
    "domestic_abuse": Category.DOMESTIC_ABUSE,
    "criminal_justice": Category.OFFENDING,
}
"""What kind of information a need is, by its eligibility domain; every other need is of the support plan."""


class ToldInPack(Message):
    """What one agency told the forum, as far as the reader may know it."""

    agency: AgencyName
    categories: tuple[Category, ...]
    information: PersonalText


class PackItem(Message):
    """One item. When it is redacted, only its place on the agenda is told, and that advice is wanted if it is."""

    place: int
    kind: Literal["case", "review", "advice", "redacted"]
    case_id: CaseId | None = None
    urgent: bool | None = None
    referring_agency: AgencyName | None = None
    needs: tuple[Code, ...] = ()
    offer: PersonalText | None = None
    told: tuple[ToldInPack, ...] = ()
    you_were_asked: bool = False
    you_answered: bool = False


class Pack(Message):
    """What one agency gets for one meeting, as of an instant."""

    meeting_id: MeetingId
    forum: Code
    starts_at: Instant
    agency: AgencyName
    as_of: Instant
    items: tuple[PackItem, ...]


def pack_for(agency: str, meeting: Meeting, cases: Iterable[Case], at: datetime, rules: Rules) -> Pack:
    """What this agency may see of each item on the agenda at this moment; `cases` are those on the agenda."""
    by_id = {case.case_id: case for case in cases}
    name = rules.agency_name(agency)
    return Pack(
        meeting_id=meeting.meeting_id,
        forum=meeting.forum,
        starts_at=meeting.start,
        agency=name,
        as_of=at,
        items=tuple(
            _item(place, item, by_id.get(item.case_id), name, meeting, at, rules)
            for place, item in enumerate(meeting.items.values(), start=1)
        ),
    )


def _item(
    place: int, item: Item, case: Case | None, agency: str, meeting: Meeting, at: datetime, rules: Rules
) -> PackItem:
    if item.kind == "advice":
        return PackItem(place=place, kind="advice")
    if case is None or not _may_see(case, item, agency, meeting, at, rules):
        return PackItem(place=place, kind="redacted")
    referrer = case.referring_agency
    return PackItem(
        place=place,
        kind=item.kind,
        case_id=case.case_id,
        urgent=item.urgent,
        referring_agency=referrer,
        needs=tuple(_needs(case, agency, at, rules)),
        offer=case.offer if may_be_told(case, referrer, agency, Category.SUPPORT_PLAN, at, rules) else None,
        told=tuple(_told(case, agency, at, rules)),
        you_were_asked=agency in {rules.agency_name(asked) for asked in item.agencies_asked},
        you_answered=agency in case.returned,
    )


def _may_see(case: Case, item: Item, agency: str, meeting: Meeting, at: datetime, rules: Rules) -> bool:
    """Who declared an interest sees no more of the item, and neither does an agency for which nobody else sits."""
    return (
        case.stage in OPEN_STAGES
        and agency not in agencies_excluded(meeting, item, rules)
        and knows_who(case, agency, at, rules)
    )


def _needs(case: Case, agency: str, at: datetime, rules: Rules) -> Iterator[str]:
    programme = rules.programme(case.programme)
    for code in case.needs:
        need = programme.need(code)
        category = _CATEGORY_OF.get(need.domain or "" if need else "", Category.SUPPORT_PLAN)
        if may_be_told(case, case.referring_agency, agency, category, at, rules):
            yield code


def _told(case: Case, agency: str, at: datetime, rules: Rules) -> Iterator[ToldInPack]:
    """A return is one text: it is seen whole, by who may know every category of it."""
    for one in case.told:
        if all(
            may_be_told(case, one.agency, agency, category, at, rules, one.purpose)
            for category in one.categories
        ):
            yield ToldInPack(agency=one.agency, categories=one.categories, information=one.information)
