"""Caseload: how many cases each key worker carries, what they weigh, and how much room is left.

Whether one more case may be added is not decided here: the domain decides, on the worker's own events.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Final
from uuid import UUID

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy

from domain.case.stages import Stage
from domain.messages import WorkerId
from domain.programmes.workload import load_percent
from projections.batch import Batch
from projections.page import ReadRow, can_occur
from projections.sql import Queries, put_many

SQL: Final = Queries.beside(__file__)


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
    cases_by_stage: Mapping[str, int]
    """How many cases are in each stage, in pathway order."""


class Caseload:
    """Keeps workers from their own events, and the stage of every case from the case's."""

    NAME: ClassVar[str] = "caseload"
    VERSION: ClassVar[int] = 1
    QUERIES: ClassVar[Queries] = SQL

    async def apply(self, connection: PoolConnectionProxy, batch: Batch) -> None:
        workers = list(batch.workers.values())
        await put_many(
            connection,
            SQL["put_worker"],
            [
                (
                    worker.worker_id,
                    worker.staff_ref,
                    worker.display_name,
                    worker.agency,
                    worker.programme,
                    list(worker.forums),
                    worker.grade,
                    worker.active_from,
                    worker.active_until,
                    worker.soft_limit,
                    worker.hard_limit,
                    worker.capacity_points,
                )
                for worker in workers
            ],
        )
        if workers:
            await connection.execute(SQL["drop_carried"], list(batch.workers))
        await put_many(
            connection,
            SQL["put_carried"],
            [
                (worker.worker_id, case_id, points)
                for worker in workers
                for case_id, points in worker.cases.items()
            ],
        )
        await put_many(
            connection,
            SQL["put_stage"],
            [(case_id, history.case.stage.value) for case_id, history in batch.cases.items()],
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
