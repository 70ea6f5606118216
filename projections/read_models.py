"""The questions that can be put to the read models, in one place for every edge, and waiting until they know something.

Whoever asks gets rows as they stand; who may see which is not decided here. Must not write a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from asyncpg import Pool

from domain.case.bands import Band
from domain.messages import CaseId
from projections.actions import ActionFilter, ActionRow, find_actions
from projections.agenda import MeetingRow, find_meetings
from projections.audit import AuditRow, doings_of_person, story_of_case
from projections.builds import SQL
from projections.caseload import CaseloadRow, WorkloadRow, caseloads, workload
from projections.cases import CaseFilter, CaseRow, find_cases, one_case, resolve_case
from projections.due import DueFilter, DueRow, find_due
from projections.escalations import EscalationFilter, EscalationRow, find_escalations
from projections.page import Page
from projections.runner import PROJECTIONS, prepare
from projections.safeguarding import ConcernFilter, ConcernRow, find_concerns
from projections.standstill import ParkedFilter, ParkedRow, find_parked
from projections.tasks import rung
from projections.waiting import Announcements
from projections.waiting_list import WaitingRow, waiting_list

LOOK_SECONDS: Final = 0.05
"""How often whoever waits looks by themselves, whatever they hear."""


class ReadModels:
    """Answers from the read models of one database. Where no runner was yet, their empty tables are made first."""

    def __init__(self, pool: Pool) -> None:
        self._asked = pool
        self._prepared = False
        self._announcements = Announcements(pool)

    async def _pool(self) -> Pool:
        """The pool, once the tables are there."""
        if not self._prepared:
            await prepare(self._asked)
            self._prepared = True
        return self._asked

    async def caseload(
        self,
        *,
        programme: str | None = None,
        forum: str | None = None,
        agency: str | None = None,
        worker: UUID | None = None,
        on: date | None = None,
    ) -> list[CaseloadRow]:
        """Every key worker by name. With `on`, only who is in the pool on that day or still carries cases."""
        return await caseloads(
            await self._pool(), programme=programme, forum=forum, agency=agency, worker=worker, on=on
        )

    async def waiting_list(
        self, *, programme: str | None = None, forum: str | None = None, band: Band | None = None
    ) -> list[WaitingRow]:
        """Everybody who waits for a key worker, forum by forum, first in line first."""
        return await waiting_list(await self._pool(), programme=programme, forum=forum, band=band)

    async def workload(
        self, *, programme: str | None = None, forum: str | None = None, worker: UUID | None = None
    ) -> list[WorkloadRow]:
        """What each case on each caseload weighs, worker by worker, the heaviest case first."""
        return await workload(await self._pool(), programme=programme, forum=forum, worker=worker)

    async def cases(
        self, wanted: CaseFilter | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[CaseRow]:
        """The latest opened cases first; drafts only when their stage is asked for. Raises CursorInvalid."""
        return await find_cases(await self._pool(), wanted or CaseFilter(), limit=limit, after=after)

    async def case(self, case_id: UUID) -> CaseRow | None:
        """One case, or None."""
        return await one_case(await self._pool(), case_id)

    async def resolve_case(self, text: str) -> CaseId:
        """The case meant by an id, the beginning of one, or a register reference. Raises CaseNotFound, CaseNotUnique."""
        return await resolve_case(await self._pool(), text)

    async def agenda(
        self,
        *,
        forum: str | None = None,
        programme: str | None = None,
        meeting: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[MeetingRow]:
        """Meetings in the order of time with their items; `since` and `until` bound when they start."""
        return await find_meetings(
            await self._pool(),
            forum=forum,
            programme=programme,
            meeting=meeting,
            since=since,
            until=until,
            limit=limit,
            after=after,
        )

    async def due(
        self, wanted: DueFilter | None = None, *, now: datetime, limit: int = 50, after: str | None = None
    ) -> Page[DueRow]:
        """What is due, soonest first; what ran out by `now` is overdue. Raises CursorInvalid."""
        return await find_due(await self._pool(), wanted or DueFilter(), now=now, limit=limit, after=after)

    async def actions(
        self, wanted: ActionFilter | None = None, *, now: datetime, limit: int = 50, after: str | None = None
    ) -> Page[ActionRow]:
        """Actions, those due first at the top; what ran out by `now` is overdue. Raises CursorInvalid."""
        return await find_actions(
            await self._pool(), wanted or ActionFilter(), now=now, limit=limit, after=after
        )

    async def parked_cases(
        self,
        unreached_since: Mapping[str, datetime],
        wanted: ParkedFilter | None = None,
        *,
        now: datetime,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[ParkedRow]:
        """Cases whose person nobody has reached since then, by programme, and in which nothing is in progress."""
        return await find_parked(
            await self._pool(), wanted or ParkedFilter(), unreached_since, now=now, limit=limit, after=after
        )

    async def concerns(
        self, wanted: ConcernFilter | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[ConcernRow]:
        """Safeguarding concerns; restricted, so whoever asks was let through before. Raises CursorInvalid."""
        return await find_concerns(await self._pool(), wanted or ConcernFilter(), limit=limit, after=after)

    async def escalations(
        self, wanted: EscalationFilter | None = None, *, limit: int = 50, after: str | None = None
    ) -> Page[EscalationRow]:
        """Escalations, those to be answered first at the top. Raises CursorInvalid."""
        return await find_escalations(
            await self._pool(), wanted or EscalationFilter(), limit=limit, after=after
        )

    async def story_of_case(
        self,
        case_id: UUID,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[AuditRow]:
        """Every event that names the case, in the order of the log; bounds are on when it was recorded."""
        return await story_of_case(
            await self._pool(), case_id, since=since, until=until, limit=limit, after=after
        )

    async def doings_of_person(
        self,
        person: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[AuditRow]:
        """What somebody did, or what was done on their behalf, in the order of the log."""
        return await doings_of_person(
            await self._pool(), person, since=since, until=until, limit=limit, after=after
        )

    async def positions(self) -> Mapping[str, int]:
        """How far each read model has come."""
        rows = await (await self._pool()).fetch(SQL["serving"])
        found = {row["name"]: row["position"] for row in rows}
        return {one.NAME: found.get(one.NAME, 0) for one in PROJECTIONS}

    async def wait_for(
        self,
        position: int,
        timeout: float = 5.0,  # noqa: ASYNC109 - running out is an answer here, not an error
        *,
        models: Sequence[str] | None = None,
    ) -> bool:
        """Wait until the read models (all, or those named) know what was written up to a position of the log.

        Answers False if they do not within `timeout` seconds. What is parked is not waited for.
        """
        names = [one.NAME for one in PROJECTIONS] if models is None else models
        clock = asyncio.get_running_loop()
        until = clock.time() + timeout
        announcements = self._announcements
        async with announcements.heard() as bell:
            while True:
                begun = announcements.begun
                if await self._know(position, names):
                    return True
                # Looking is for what was not heard; each look is a question to the database.
                look = min(clock.time() + LOOK_SECONDS, until)
                while (
                    not self._announced(position, names)
                    and announcements.begun == begun
                    and (left := look - clock.time()) > 0
                ):
                    await rung(bell, left)
                    bell.clear()
                if self._announced(position, names):
                    return True
                if clock.time() >= until:
                    return await self._know(position, names)

    def _announced(self, position: int, names: Sequence[str]) -> bool:
        return all(self._announcements.said_of(name) >= position for name in names)

    async def _know(self, position: int, names: Sequence[str]) -> bool:
        known = await self.positions()
        return all(known[name] >= position for name in names)
