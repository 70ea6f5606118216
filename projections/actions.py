"""Actions: what somebody in an agency took on, by when, and whether it is late, escalated or blocked.

What is to be done is not here: it is about a person and stays in the log. Must not chase anybody: machine D does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool

from domain.case.action import ActionState
from domain.case.stages import Stage
from domain.messages import ActionId, BlockerId, CaseId
from projections.case_file import CaseFile
from projections.page import COUNTED, Page, ReadRow, asking, can_occur, page_size, read_cursor, write_cursor
from projections.per_case import PerCase
from projections.sql import Queries
from projections.tables import Row

SQL: Final = Queries.beside(__file__)


class ActionRow(ReadRow):
    """One action. `escalated_to` is the level it was put to, 0 if it never was; `blocker_id` what stands in its way.

    `overdue` is true from the due instant on while the action is open; `marked_overdue` once the engine has recorded it.
    """

    action_id: ActionId
    case_id: CaseId
    agency: str
    owner: str
    state: ActionState
    open: bool
    due_at: datetime
    overdue: bool
    marked_overdue: bool
    escalated_to: int
    blocker_id: BlockerId | None
    stage: Stage
    programme: str
    forum: str | None
    neighbourhood: str | None


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """Which actions to list; what is None does not matter. `open` is None for both the open and the finished ones."""

    open: bool | None = True
    overdue: bool | None = None
    escalated: bool | None = None
    blocked: bool | None = None
    agency: str | None = None
    owner: str | None = None
    forum: str | None = None
    programme: str | None = None
    case: UUID | None = None


class Actions(PerCase):
    """Keeps the actions of each case."""

    NAME: ClassVar[str] = "actions"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL
    TABLE: ClassVar[str] = "actions"

    def rows(self, file: CaseFile) -> Iterator[Row]:
        case = file.case
        for one in case.actions.values():
            yield (
                one.action_id,
                case.case_id,
                one.agency,
                one.owner,
                one.state,
                one.is_open and case.stage is not Stage.CLOSED,
                one.due_at,
                one.overdue,
                one.escalated_to,
                one.blocker_id,
                case.stage.value,
                case.programme,
                case.forum,
                case.neighbourhood,
            )


async def find_actions(
    pool: Pool, wanted: ActionFilter, *, now: datetime, limit: int = 50, after: str | None = None
) -> Page[ActionRow]:
    """Actions, those due first at the top; an open one whose date has passed by `now` is overdue. Raises CursorInvalid."""
    if not can_occur(wanted.agency, wanted.owner, wanted.forum, wanted.programme):
        return Page(rows=(), total=0)
    filters = (
        now,
        wanted.open,
        wanted.overdue,
        wanted.escalated,
        wanted.blocked,
        wanted.agency,
        wanted.owner,
        wanted.forum,
        wanted.programme,
        wanted.case,
    )
    size = page_size(limit)
    cursor = read_cursor(after, (datetime, UUID, UUID)) if after else (None, None, None)
    async with asking(pool) as connection:
        records = await connection.fetch(SQL["page"], *filters, *cursor, size + 1)
        total = await connection.fetchval(SQL["count"], *filters, COUNTED + 1)
    rows = tuple(ActionRow.model_validate(dict(record)) for record in records[:size])
    last = rows[-1] if len(records) > size else None
    return Page(
        rows=rows,
        total=total if total <= COUNTED else None,
        next=write_cursor(last.due_at, last.case_id, last.action_id) if last else None,
    )
