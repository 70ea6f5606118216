"""Forum meetings as an iCalendar file, for people's own calendars: when a forum meets, and what was called off.

Nothing in it is about a person or a case. A meeting keeps its UID for ever, so that subscribing again doubles nothing.
Source: RFC 5545 (iCalendar): lines of at most 75 octets, folded; text escaped; times with their time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from domain.calendar import LONDON
from domain.meeting.state import MeetingStage
from projections.agenda import MeetingRow

_END = "\r\n"
_LINE_OCTETS = 75
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})
# Source: the Summer Time Act 1972 as amended: from the last Sunday of March, 01:00 GMT, to that of October.
_LONDON_ZONE = (
    "BEGIN:VTIMEZONE",
    "TZID:Europe/London",
    "BEGIN:DAYLIGHT",
    "DTSTART:19960331T010000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZNAME:BST",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0100",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "DTSTART:19961027T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZNAME:GMT",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def calendar_file(
    meetings: Iterable[MeetingRow],
    *,
    forum_name: Callable[[str], str],
    minutes: Callable[[str], int],
    made_at: datetime,
) -> str:
    """The whole file. `forum_name` gives the name of a forum's code, `minutes` how long a programme's meetings take."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Coordinated care pathway//Forum meetings//EN",
        "CALSCALE:GREGORIAN",
        *_LONDON_ZONE,
        *(
            line
            for one in meetings
            for line in _event(one, forum_name(one.forum), minutes(one.programme), made_at)
        ),
        "END:VCALENDAR",
    ]
    return "".join(_folded(line) + _END for line in lines)


def _event(meeting: MeetingRow, name: str, minutes: int, made_at: datetime) -> Iterator[str]:
    cancelled = meeting.stage is MeetingStage.CANCELLED
    yield "BEGIN:VEVENT"
    yield f"UID:meeting-{meeting.meeting_id}@coordinated-care-pathway"
    yield f"DTSTAMP:{made_at:%Y%m%dT%H%M%SZ}"
    yield f"SEQUENCE:{1 if cancelled else 0}"
    yield f"STATUS:{'CANCELLED' if cancelled else 'CONFIRMED'}"
    yield f"DTSTART;TZID=Europe/London:{_local(meeting.starts_at)}"
    yield f"DTEND;TZID=Europe/London:{_local(meeting.starts_at + timedelta(minutes=minutes))}"
    yield f"SUMMARY:{_text(f'Forum meeting: {name}')}"
    yield f"DESCRIPTION:{_text(f'Agenda closes {_day(meeting.agenda_closes_at)}; returns due {_day(meeting.returns_due_at)}')}"
    yield "END:VEVENT"


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%Y%m%dT%H%M%S}"


def _day(instant: datetime) -> str:
    there = instant.astimezone(LONDON)
    return f"{there.day} {there:%B %Y}"


def _text(text: str) -> str:
    return text.translate(_ESCAPED)


def _folded(line: str) -> str:
    """The line in pieces of at most 75 octets, each after the first begun by a space; no character is cut in two."""
    pieces, piece, room = [], "", _LINE_OCTETS
    for character in line:
        octets = len(character.encode())
        if octets > room:
            pieces.append(piece)
            piece, room = "", _LINE_OCTETS - 1
        piece += character
        room -= octets
    return (_END + " ").join([*pieces, piece])
