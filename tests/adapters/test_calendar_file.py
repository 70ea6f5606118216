"""The calendar of meetings keeps the rules of RFC 5545 and says nothing about anybody."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.calendar_file import calendar_file
from domain.meeting.state import MeetingStage
from projections.agenda import MeetingRow
from tests.support.scenario import AGENDA_CLOSED, FORUM, MEETS, PROGRAMME, REFERRED, london, some_id

NAME = "Ardwick and Longsight"


def row(name: str = "january", starts_at: datetime = MEETS, **fields: Any) -> MeetingRow:
    values = {
        "meeting_id": some_id(name),
        "forum": FORUM,
        "programme": PROGRAMME,
        "stage": MeetingStage.PLANNED,
        "starts_at": starts_at,
        "agenda_opens_at": starts_at - timedelta(days=14),
        "agenda_closes_at": AGENDA_CLOSED,
        "returns_due_at": starts_at - timedelta(days=5),
        "minutes_due_at": None,
        "attendees": 0,
        "agencies_present": (),
        "items": (),
    }
    return MeetingRow.model_validate(values | fields)


def file_of(*rows: MeetingRow, name: str = NAME) -> str:
    return calendar_file(rows, forum_name=lambda _: name, minutes=lambda _: 120, made_at=REFERRED)


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_a_meeting_is_an_event_with_a_uid_that_stays_its_own() -> None:
    lines = unfolded(file_of(row()))
    assert f"UID:meeting-{some_id('january')}@coordinated-care-pathway" in lines
    assert "DTSTAMP:20270104T100000Z" in lines
    assert "DTSTART;TZID=Europe/London:20270120T100000" in lines
    assert "DTEND;TZID=Europe/London:20270120T120000" in lines
    assert "STATUS:CONFIRMED" in lines
    assert f"SUMMARY:Forum meeting: {NAME}" in lines


def test_a_meeting_in_summer_stands_at_its_hour_on_the_wall() -> None:
    assert "DTSTART;TZID=Europe/London:20270616T100000" in file_of(row(starts_at=london(2027, 6, 16, 10)))


def test_a_meeting_that_was_called_off_says_so_under_the_same_uid_and_a_higher_sequence() -> None:
    planned, cancelled = unfolded(file_of(row())), unfolded(file_of(row(stage=MeetingStage.CANCELLED)))
    assert "STATUS:CANCELLED" in cancelled
    assert "SEQUENCE:0" in planned
    assert "SEQUENCE:1" in cancelled
    assert [line for line in planned if line.startswith("UID")] == [
        line for line in cancelled if line.startswith("UID")
    ]


def test_every_line_ends_as_it_must_and_parts_are_opened_and_closed_in_order() -> None:
    text = file_of(row(), row("february"))
    assert text.endswith("\r\n")
    assert "\n" not in text.replace("\r\n", "")
    open_parts: list[str] = []
    for line in unfolded(text)[:-1]:
        assert re.match(r"^[A-Z-]+(;[A-Z-]+=[^:;]+)*:", line), line
        if line.startswith("BEGIN:"):
            open_parts.append(line.removeprefix("BEGIN:"))
        if line.startswith("END:"):
            assert open_parts.pop() == line.removeprefix("END:")
    assert open_parts == []
    assert text.count("BEGIN:VEVENT") == 2
    assert text.count("BEGIN:VTIMEZONE") == 1


def test_a_calendar_without_a_meeting_is_still_a_calendar() -> None:
    lines = unfolded(file_of())
    assert (lines[0], lines[1], lines[-2]) == ("BEGIN:VCALENDAR", "VERSION:2.0", "END:VCALENDAR")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("One, two; three", r"One\, two\; three"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines", r"two\nlines"),
        ("two\r\nlines", r"two\nlines"),
    ],
)
def test_text_is_escaped(name: str, written: str) -> None:
    assert f"SUMMARY:Forum meeting: {written}" in unfolded(file_of(row(), name=name))


@pytest.mark.parametrize("name", ["a" * 300, "ü" * 200, "Wythenshawe " * 20, "☂" * 90])
def test_a_line_has_at_most_75_octets_and_no_character_is_cut(name: str) -> None:
    text = file_of(row(), name=name)
    assert max(len(line.encode()) for line in text.split("\r\n")) <= 75
    assert f"SUMMARY:Forum meeting: {name}" in unfolded(text)


def test_nothing_of_what_is_on_the_agenda_is_in_it() -> None:
    item = {
        "case_id": some_id("case/robin"),
        "kind": "case",
        "urgent": True,
        "referring_agency": "Greater Manchester Police",
        "agencies_asked": (),
        "returned": (),
        "missing": (),
        "outcome": None,
        "decision": None,
        "decided_at": None,
    }
    text = file_of(row(items=(item,), agencies_present=("Shelter",)))
    for word in (str(some_id("case/robin")), "Police", "Shelter"):
        assert word not in text
