"""The clocks of a programme: which there are, and when each has run out.

Every clock that a rule asks for is a field here. Must not hold a number: those are in the programme's file, with their source.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from domain.calendar import WorkingCalendar
from domain.programmes.part import Part

ClockUnit = Literal["wd", "days", "weeks", "months"]

_UNIT_WORDS: dict[ClockUnit, tuple[str, str]] = {
    "wd": ("working day", "working days"),
    "days": ("day", "days"),
    "weeks": ("week", "weeks"),
    "months": ("month", "months"),
}


class Clock(Part):
    """How long something may take, with the source of that number."""

    value: int = Field(ge=1)
    unit: ClockUnit
    direction: Literal["after", "before"] = "after"
    source: str = Field(min_length=1)

    def deadline(self, start: datetime, calendar: WorkingCalendar) -> datetime:
        """Return the instant at which the clock, started at this instant, has run out."""
        length = self.value if self.direction == "after" else -self.value
        match self.unit:
            case "wd":
                return calendar.add_working_days(start, length)
            case "days":
                return calendar.add_calendar_days(start, length)
            case "weeks":
                return calendar.add_weeks(start, length)
            case "months":
                return calendar.add_months(start, length)

    def __str__(self) -> str:
        one, many = _UNIT_WORDS[self.unit]
        return f"{self.value} {one if self.value == 1 else many}"


class Clocks(Part):
    """Every clock of the pathway. Those with direction "before" count back: from a meeting, "parked" from when it is asked."""

    acknowledge: Clock
    triage: Clock
    triage_child: Clock
    information_request: Clock
    information_reminder: Clock
    consent_first_attempt: Clock
    consent_reminder_every: Clock
    consent_reminder_overdue: Clock
    consent_ask_again: Clock
    consent_wait: Clock
    consent_review: Clock
    consent_expiry: Clock
    agenda_open: Clock
    agenda_published: Clock
    information_returns: Clock
    listing: Clock
    forum_cadence: Clock
    minutes: Clock
    decision_record: Clock
    forum_review: Clock
    forum_review_repeat: Clock
    action_escalation: Clock
    allocation: Clock
    allocation_answer: Clock
    first_contact: Clock
    waiting_check: Clock
    waiting_check_grace: Clock
    priority_wait: Clock
    cover_priority: Clock
    cover: Clock
    leaver_handover: Clock
    introduction: Clock
    contact: Clock
    disengagement: Clock
    step_down_approval: Clock
    step_down_overlap: Clock
    monitoring: Clock
    check_in_every: Clock
    check_in_grace: Clock
    sustained_outcome: Clock
    parked: Clock
    repeat_window: Clock
    reopen: Clock
    transfer: Clock
    screening: Clock
    enquiry: Clock
    child_seen: Clock
    initial_conference: Clock
    escalation_answer: Clock
    escalation_reminder: Clock
