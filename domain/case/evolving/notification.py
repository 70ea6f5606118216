"""Notifications are no part of what a case is: that one was retried changes nothing. `evolve` is here so that it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.case import notification as n

if TYPE_CHECKING:
    from domain.case.state import Case

AnyNotificationEvent = n.NotificationRetried


def evolve(case: Case, event: AnyNotificationEvent) -> None:
    """Nothing changes."""
