"""Caseload: how many cases each key worker carries, what they weigh, how much room is left, and who covers for whom.

Whether one more case may be added is not decided here: the domain decides, on the worker's own events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import ClassVar, Final, assert_never
from uuid import UUID

from asyncpg import Pool

from domain.case.allocation import AllocationEnded
from domain.case.cover import CoverEnded, CoverStarted
from domain.case.stages import MOVES, Stage, stage_after
from domain.case.worker_handover import KeyWorkerChanged
from domain.keyworker.events import (
    AnyWorkerEvent,
    CaseReleased,
    CaseReweighed,
    CaseTaken,
    KeyWorkerAbsent,
    KeyWorkerLeft,
    KeyWorkerRegistered,
    KeyWorkerReturned,
)
from domain.messages import CaseId, WorkerId
from domain.programmes.workload import load_percent
from projections.batch import WORKER_TOPICS, Batch, opened
from projections.page import ReadRow, can_occur
from projections.source import Stored
from projections.sql import Queries
from projections.tables import Tables

SQL: Final = Queries.beside(__file__)
_BEGIN: Final = frozenset(topic for topic, moves in MOVES.items() if Stage.NEW in moves)
"""The events by which a case begins."""
_SAYS_WHERE_TO: Final = frozenset(
    topic for topic, moves in MOVES.items() if any(isinstance(to, tuple) for to in moves.values())
)
"""Of these events the topic alone does not say where they lead."""
_COVER: Final = frozenset(
    event.TOPIC for event in (CoverStarted, CoverEnded, KeyWorkerChanged, AllocationEnded)
)
"""The events by which cover begins, and all by which it ends."""


class CaseloadRow(ReadRow):
    """One key worker. `load_percent` is points against capacity, None without capacity; limits count cases."""

    worker_id: WorkerId
    staff_ref: str
    display_name: str
    agency: str
    programme: str
    forums: tuple[str, ...]
    grade: str
    active_from: date
    active_until: date | None
    soft_limit: int
    hard_limit: int
    cases: int
    points: int
    capacity_points: float
    load_percent: float | None
    absent_from: date | None
    """From which day the worker is or will be away; why is nobody's business."""
    absent_until: date | None
    cases_by_stage: Mapping[str, int]
    """How many cases are in each stage, in pathway order."""
    covering: int
    """For how many cases of others this worker answers now; they weigh on the others' caseloads."""


class WorkloadRow(ReadRow):
    """One case on one caseload, and what all of that worker's cases come to. The figures are there to be talked about."""

    worker_id: WorkerId
    display_name: str
    case_id: CaseId
    stage: Stage | None
    points: int
    points_in_all: int
    capacity_points: float
    load_percent: float | None
    covered_by: WorkerId | None
    covered_until: date | None


class Caseload:
    """Keeps workers and what they carry from their own events, and the stage of every case until it is closed.

    Closed cases have no row, so that questions do not get slower with all the cases there have ever been.
    """

    NAME: ClassVar[str] = "caseload"
    VERSION: ClassVar[int] = 5
    QUERIES: ClassVar[Queries] = SQL
    HEARS: ClassVar[frozenset[str]] = WORKER_TOPICS | frozenset(MOVES) | _COVER
    OPENS: ClassVar[frozenset[str]] = WORKER_TOPICS | _SAYS_WHERE_TO | _COVER
    DATES: ClassVar[frozenset[str]] = frozenset()

    async def apply(self, tables: Tables, batch: Batch) -> None:
        workers = _Workers()
        steps: dict[UUID, list[Stored]] = {}
        covers: dict[UUID, object] = {}
        for one in batch.told:
            if one.topic in MOVES:
                steps.setdefault(one.stream_id, []).append(one)
            if one.topic in _COVER:
                covers[one.stream_id] = opened(one)
            elif one.topic in WORKER_TOPICS:
                workers.tell(opened(one))
        await _put_stages(tables, steps)
        await _put_covers(tables, covers)
        await workers.put(tables)


async def _put_stages(tables: Tables, steps: Mapping[UUID, Sequence[Stored]]) -> None:
    """Move each case on from the stage that its row says."""
    begun = [case_id for case_id, topics in steps.items() if topics[0].version > 1]
    rows = await tables.fetch("stages", begun) if begun else []
    before: dict[UUID, str] = {row["case_id"]: row["stage"] for row in rows}
    after: dict[UUID, Stage] = {}
    for case_id, topics in steps.items():
        without_row = Stage.NEW if topics[0].topic in _BEGIN else Stage.CLOSED
        stage = Stage(before.get(case_id, without_row))
        for one in topics:
            to = MOVES[one.topic].get(stage, stage)
            stage = to if isinstance(to, Stage) else stage_after(stage, opened(one))
        after[case_id] = stage
    if closed := [case_id for case_id in before if after[case_id] is Stage.CLOSED]:
        await tables.execute("drop_stages", closed)
    await tables.put(
        "put_stages",
        [
            (case_id, stage.value)
            for case_id, stage in after.items()
            if stage not in {Stage.NEW, Stage.CLOSED} and before.get(case_id) != stage
        ],
    )


async def _put_covers(tables: Tables, covers: Mapping[UUID, object]) -> None:
    """Write who covers for each case now: what was told last counts, and all but a beginning is an end."""
    if covers:
        await tables.execute("drop_covers", list(covers))
    await tables.copy(
        "caseload_cover",
        [
            (case_id, last.cover_worker_id, last.until)
            for case_id, last in covers.items()
            if isinstance(last, CoverStarted)
        ],
    )


class _Workers:
    """What a batch changes of key workers: of several changes of the same thing, the last."""

    def __init__(self) -> None:
        self._registered: dict[UUID, tuple[object, ...]] = {}
        self._last_days: dict[UUID, date] = {}
        self._absences: dict[UUID, tuple[date | None, date | None]] = {}
        self._points: dict[tuple[UUID, UUID], int | None] = {}

    def tell(self, event: AnyWorkerEvent) -> None:
        match event:
            case KeyWorkerRegistered():
                self._registered[event.worker_id] = _registration(event)
                self._last_days.pop(event.worker_id, None)
                self._absences.pop(event.worker_id, None)
            case KeyWorkerLeft():
                self._last_days[event.worker_id] = event.last_day
            case KeyWorkerAbsent():
                self._absences[event.worker_id] = (event.first_day, event.last_day)
            case KeyWorkerReturned():
                self._absences[event.worker_id] = (None, None)
            case CaseTaken() | CaseReweighed():
                self._points[event.worker_id, event.case_id] = event.points
            case CaseReleased():
                self._points[event.worker_id, event.case_id] = None
            case _:
                assert_never(event)

    async def put(self, tables: Tables) -> None:
        if self._registered:
            await tables.execute("drop_workers", list(self._registered))
            await tables.copy("caseload_worker", list(self._registered.values()))
        await tables.put("put_last_days", list(self._last_days.items()))
        await tables.put("put_absences", [(worker, *days) for worker, days in self._absences.items()])
        await tables.put("drop_carried", [key for key, points in self._points.items() if points is None])
        await tables.put(
            "put_carried", [(*key, points) for key, points in self._points.items() if points is not None]
        )


def _registration(event: KeyWorkerRegistered) -> tuple[object, ...]:
    """The row of a key worker, in the order of the table's columns."""
    return (
        event.worker_id,
        event.staff_ref,
        event.display_name,
        event.agency,
        event.programme,
        list(event.forums),
        event.grade,
        event.active_from,
        event.active_until,
        event.soft_limit,
        event.hard_limit,
        event.capacity_points,
        None,
        None,
    )


async def caseloads(
    pool: Pool,
    *,
    programme: str | None = None,
    forum: str | None = None,
    agency: str | None = None,
    worker: UUID | None = None,
    on: date | None = None,
) -> list[CaseloadRow]:
    """Every key worker by name. With `on`, only who is in the pool on that day or still carries cases."""
    if not can_occur(programme, forum, agency):
        return []
    found: dict[UUID, list[Mapping[str, object]]] = {}
    for record in await pool.fetch(SQL["caseloads"], programme, forum, agency, worker, on):
        found.setdefault(record["worker_id"], []).append(dict(record))
    return [_row(parts) for parts in found.values()]


async def workload(
    pool: Pool, *, programme: str | None = None, forum: str | None = None, worker: UUID | None = None
) -> list[WorkloadRow]:
    """What each case on each caseload weighs, worker by worker, the heaviest case first."""
    if not can_occur(programme, forum):
        return []
    records = await pool.fetch(SQL["workload"], programme, forum, worker)
    return [
        WorkloadRow.model_validate(
            {**record, "load_percent": load_percent([record["points_in_all"]], record["capacity_points"])}
        )
        for record in map(dict, records)
    ]


def _row(parts: list[Mapping[str, object]]) -> CaseloadRow:
    """One worker's row of its parts, one per stage."""
    by_stage = {str(part["stage"]): _number(part["cases"]) for part in parts if part["cases"]}
    points = sum(_number(part["points"]) for part in parts)
    capacity = parts[0]["capacity_points"]
    return CaseloadRow.model_validate(
        {
            **parts[0],
            "cases": sum(by_stage.values()),
            "points": points,
            "load_percent": load_percent([points], float(str(capacity))),
            "cases_by_stage": {stage.value: by_stage[stage] for stage in Stage if stage in by_stage},
        }
    )


def _number(value: object) -> int:
    return int(str(value))
