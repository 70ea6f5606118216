"""How an instant is read by people here: by the clock on the wall in London, winter and summer.

Instants are kept in UTC and shown with these words wherever somebody reads them: tables, timelines, messages, refusals.
What machines read keeps its offset. Must not know anything else of the domain: refusals need it too.
"""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

LONDON: Final = ZoneInfo("Europe/London")


def london(instant: datetime) -> str:
    """An instant as people here read it: Mon 4 Jan 2027 17:00, Europe/London."""
    there = instant.astimezone(LONDON)
    return f"{there:%a} {there.day} {there:%b %Y %H:%M}"
