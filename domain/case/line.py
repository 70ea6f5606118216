"""The line of those who wait for a key worker: who comes before whom. No event and no command lives here.

Source: machine G, first by band and the time of joining (domain reference 2.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from domain.case.stages import Stage
from domain.messages import CaseId

if TYPE_CHECKING:
    from domain.case.state import Case

EARLIER: Final = datetime.min.replace(tzinfo=UTC)
"""Of cases that joined under a version that did not note when: they all came before those that do."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One case in the line."""

    case_id: CaseId
    programme: str
    forum: str | None
    band: str
    joined_at: datetime

    @property
    def place(self) -> tuple[str, datetime, str]:
        """Band first, then who joined earlier, then the id, so that chance has no say."""
        return (self.band, self.joined_at, str(self.case_id))


def in_line(case: Case) -> Waiting | None:
    """The case's place, if it waits."""
    if case.stage is not Stage.WAITING_LIST:
        return None
    return Waiting(case.case_id, case.programme, case.forum, case.band or "P3", case.joined_at or EARLIER)


def ahead_of(case: Case, waiting: Sequence[Waiting]) -> list[Waiting]:
    """Who comes before this case among those who wait for workers of the same forum, first in line first."""
    own = in_line(case)
    if own is None:
        return []
    before = (one for one in waiting if one.forum == case.forum and one.place < own.place)
    return sorted(before, key=lambda one: one.place)
