"""A clock that stands where a test puts it: the port of the domain, without any server."""

from __future__ import annotations

from datetime import UTC, datetime


class StandingClock:
    """Says the same instant until it is moved; the machine's own when it was never set."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at

    async def now(self) -> datetime:
        return self.at or datetime.now(UTC)
