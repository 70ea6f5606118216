"""Working days, deadlines and months, seen from Europe/London."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.calendar import LONDON, InstantWithoutZone, WorkingCalendar, local_day

CALENDAR = WorkingCalendar()


def london(year: int, month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON).astimezone(UTC)


def shown(instant: datetime) -> str:
    return instant.astimezone(LONDON).strftime("%a %d %b %Y %H:%M")


def test_a_referral_on_christmas_eve_2026_is_due_for_triage_on_wednesday_30_december() -> None:
    due = CALENDAR.add_working_days(london(2026, 12, 24, 10), 2)
    assert shown(due) == "Wed 30 Dec 2026 17:00"
    assert due.tzinfo is UTC


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 12, 24), True),
        (date(2026, 12, 25), False),
        (date(2026, 12, 26), False),
        (date(2026, 12, 28), False),  # substitute for Boxing Day on a Saturday
        (date(2026, 12, 29), True),
        (date(2027, 1, 1), False),
        (date(2026, 4, 3), False),  # Good Friday
        (date(2026, 4, 6), False),  # Easter Monday, a holiday in England and not in Scotland
        (date(2026, 8, 3), True),  # a holiday in Scotland and not in England
        (date(2026, 8, 31), False),
        (date(2026, 11, 30), True),  # St Andrew's Day
        (date(2022, 9, 19), False),  # state funeral: a holiday by proclamation
    ],
)
def test_englands_bank_holidays_are_not_working_days(day: date, works: bool) -> None:
    assert CALENDAR.is_working_day(day) is works


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        (london(2026, 11, 16, 9), 1, "Tue 17 Nov 2026 17:00"),
        (london(2026, 11, 16, 23, 30), 1, "Tue 17 Nov 2026 17:00"),
        (london(2026, 11, 20, 16, 59), 1, "Mon 23 Nov 2026 17:00"),
        (london(2026, 11, 21), 1, "Mon 23 Nov 2026 17:00"),
        (london(2026, 11, 22), 2, "Tue 24 Nov 2026 17:00"),
        (london(2026, 11, 16), 0, "Mon 16 Nov 2026 17:00"),
        (london(2026, 11, 21), 0, "Mon 23 Nov 2026 17:00"),
        (london(2026, 11, 25), -3, "Fri 20 Nov 2026 17:00"),
        (london(2026, 12, 29), -1, "Thu 24 Dec 2026 17:00"),
        (london(2026, 12, 31), 1, "Mon 04 Jan 2027 17:00"),
    ],
)
def test_a_deadline_in_working_days_falls_at_the_end_of_the_nth_working_day(
    start: datetime, days: int, due: str
) -> None:
    assert shown(CALENDAR.add_working_days(start, days)) == due


def test_an_instant_just_after_midnight_in_summer_counts_as_the_new_london_day() -> None:
    just_after_midnight = datetime(2026, 6, 30, 23, 30, tzinfo=UTC)
    assert local_day(just_after_midnight) == date(2026, 7, 1)
    assert shown(CALENDAR.add_working_days(just_after_midnight, 1)) == "Thu 02 Jul 2026 17:00"


def test_working_days_over_the_start_of_summer_time_keep_five_oclock_in_london() -> None:
    friday_before = london(2026, 3, 27)
    due = CALENDAR.add_working_days(friday_before, 1)
    assert shown(due) == "Mon 30 Mar 2026 17:00"
    assert due == datetime(2026, 3, 30, 16, 0, tzinfo=UTC)


def test_weeks_over_the_end_of_summer_time_keep_the_hour_in_london() -> None:
    start = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
    assert CALENDAR.add_weeks(start, 4) == datetime(2026, 11, 17, 10, 0, tzinfo=UTC)


def test_an_hour_that_does_not_exist_on_the_day_moves_past_the_gap() -> None:
    assert shown(CALENDAR.add_calendar_days(london(2026, 3, 28, 1, 30), 1)) == "Sun 29 Mar 2026 02:30"


def test_no_days_later_is_the_same_instant_even_in_the_hour_that_happens_twice() -> None:
    second_half_past_one = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert CALENDAR.add_calendar_days(second_half_past_one, 0) == second_half_past_one


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (london(2027, 1, 31), 1, "Sun 28 Feb 2027 10:00"),
        (london(2028, 1, 31), 1, "Tue 29 Feb 2028 10:00"),
        (london(2027, 1, 30), 1, "Sun 28 Feb 2027 10:00"),
        (london(2027, 1, 28), 1, "Sun 28 Feb 2027 10:00"),
        (london(2026, 11, 30), 3, "Sun 28 Feb 2027 10:00"),
        (london(2028, 2, 29), 12, "Wed 28 Feb 2029 10:00"),
        (london(2026, 12, 15), 1, "Fri 15 Jan 2027 10:00"),
        (london(2027, 1, 15), -1, "Tue 15 Dec 2026 10:00"),
        (london(2026, 1, 31), 6, "Fri 31 Jul 2026 10:00"),
    ],
)
def test_months_are_calendar_months(start: datetime, months: int, end: str) -> None:
    assert shown(CALENDAR.add_months(start, months)) == end


@pytest.mark.parametrize(
    ("start", "end", "days"),
    [
        (date(2026, 11, 16), date(2026, 11, 16), 0),
        (date(2026, 11, 16), date(2026, 11, 17), 1),
        (date(2026, 11, 20), date(2026, 11, 23), 1),
        (date(2026, 11, 21), date(2026, 11, 22), 0),
        (date(2026, 12, 24), date(2026, 12, 30), 2),
        (date(2026, 12, 30), date(2026, 12, 24), -2),
    ],
)
def test_working_days_between_leave_out_the_first_day_and_count_the_last(
    start: date, end: date, days: int
) -> None:
    assert CALENDAR.working_days_between(start, end) == days


def test_the_next_working_day_is_always_a_later_one() -> None:
    assert CALENDAR.next_working_day(date(2026, 12, 24)) == date(2026, 12, 29)
    assert CALENDAR.next_working_day(date(2026, 12, 29)) == date(2026, 12, 30)


def test_the_hour_at_which_a_working_day_ends_is_configuration() -> None:
    early = WorkingCalendar(day_ends=time(16, 30))
    assert shown(early.add_working_days(london(2026, 11, 16), 1)) == "Tue 17 Nov 2026 16:30"


def test_an_instant_without_an_offset_is_refused() -> None:
    naive = datetime(2026, 11, 16, 9)  # noqa: DTZ001 - the mistake under test
    for add in (CALENDAR.add_working_days, CALENDAR.add_calendar_days, CALENDAR.add_months):
        with pytest.raises(InstantWithoutZone):
            add(naive, 1)


INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.integers(1, 60))
def test_the_working_days_up_to_a_deadline_are_the_days_that_were_added(start: datetime, days: int) -> None:
    due = CALENDAR.add_working_days(start, days)
    assert CALENDAR.working_days_between(start, due) == days
    assert CALENDAR.is_working_day(local_day(due))
    assert due > start


@given(INSTANTS, st.integers(0, 800))
def test_calendar_days_keep_the_london_day_count(start: datetime, days: int) -> None:
    later = CALENDAR.add_calendar_days(start, days)
    assert local_day(later) - local_day(start) == timedelta(days=days)


@given(INSTANTS, st.integers(0, 120))
def test_a_later_month_never_skips_into_the_month_after(start: datetime, months: int) -> None:
    first, later = local_day(start), local_day(CALENDAR.add_months(start, months))
    assert (later.year - first.year) * 12 + later.month - first.month == months
