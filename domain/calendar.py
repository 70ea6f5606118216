"""Working days and deadlines: Monday to Friday without England's bank holidays, seen from Europe/London.

Instants go in and come out as aware datetimes in UTC; only the counting happens in local days.
Must not read a clock: every instant is an argument.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

import holidays

from domain.london import LONDON

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["LONDON", "InstantWithoutZone", "WorkingCalendar", "local_day"]

_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class InstantWithoutZone(ValueError):
    """An instant needs its offset from UTC; a datetime without one could be any hour."""

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").strip())


@cache
def _bank_holidays(year: int) -> frozenset[date]:
    # Worked out year by year when first asked: a calendar may be asked about any year of a long record.
    # Source: Banking and Financial Dealings Act 1971 and proclamations, as the holidays library keeps them.
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def local_day(instant: datetime, zone: ZoneInfo = LONDON) -> date:
    """Return the calendar day that an instant falls on in London.

    Raises: InstantWithoutZone.
    """
    return _local(instant, zone).date()


def _local(instant: datetime, zone: ZoneInfo) -> datetime:
    if instant.utcoffset() is None:
        raise InstantWithoutZone
    return instant.astimezone(zone)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Counts working days and sets deadlines. A working day ends at `day_ends`, local time."""

    day_ends: time = time(17, 0)
    zone: ZoneInfo = LONDON

    def is_working_day(self, day: date) -> bool:
        """Whether the services work on this day."""
        return day.weekday() < _SATURDAY and day not in _bank_holidays(day.year)

    def next_working_day(self, day: date) -> date:
        """Return the first working day after this day."""
        return next(self._working_days_from(day, _ONE_DAY))

    def end_of_day(self, day: date) -> datetime:
        """Return the instant at which a working day ends."""
        return datetime.combine(day, self.day_ends, self.zone).astimezone(UTC)

    def start_of_day(self, day: date) -> datetime:
        """Return the instant at which a day begins in London."""
        return datetime.combine(day, time(0), self.zone).astimezone(UTC)

    def add_working_days(self, instant: datetime, days: int) -> datetime:
        """Return the end of the n-th working day after the day of the instant; before it when n is negative.

        The day of the instant itself never counts, so nobody loses a part of a day. With n = 0 it is the end
        of that day, or of the next working day if that day is not one.
        Raises: InstantWithoutZone.
        """
        day = local_day(instant, self.zone)
        if days == 0:
            return self.end_of_day(day if self.is_working_day(day) else self.next_working_day(day))
        ahead = self._working_days_from(day, _ONE_DAY if days > 0 else -_ONE_DAY)
        for _ in range(abs(days)):
            day = next(ahead)
        return self.end_of_day(day)

    def working_days_between(self, start: date | datetime, end: date | datetime) -> int:
        """Count the working days after the start's day, up to and including the end's; negative backwards.

        Raises: InstantWithoutZone.
        """
        first, last = self._day(start), self._day(end)
        if last < first:
            return -self.working_days_between(last, first)
        return sum(self.is_working_day(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))

    def add_calendar_days(self, instant: datetime, days: int) -> datetime:
        """Return the same time of day in London, n calendar days later (earlier when negative).

        Raises: InstantWithoutZone.
        """
        return self._move(instant, lambda day: day + timedelta(days=days))

    def add_weeks(self, instant: datetime, weeks: int) -> datetime:
        """Return the same time of day in London, n weeks later.

        Raises: InstantWithoutZone.
        """
        return self.add_calendar_days(instant, 7 * weeks)

    def add_months(self, instant: datetime, months: int) -> datetime:
        """Return the same time of day in London, n calendar months later; 31 January + 1 ends February.

        Raises: InstantWithoutZone.
        """
        return self._move(instant, lambda day: _months_later(day, months))

    def _move(self, instant: datetime, to: Callable[[date], date]) -> datetime:
        local = _local(instant, self.zone)
        moved = datetime.combine(to(local.date()), local.time(), self.zone).replace(fold=local.fold)
        return moved.astimezone(UTC)

    def _day(self, when: date | datetime) -> date:
        # A datetime is a date to Python, so the order of these two matters.
        return local_day(when, self.zone) if isinstance(when, datetime) else when

    def _working_days_from(self, day: date, step: timedelta) -> Iterator[date]:
        while True:
            day += step
            if self.is_working_day(day):
                yield day


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = gregorian.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))
