"""What can be read about allocation: who waits, what each case weighs, and what an allocation would do."""

from __future__ import annotations

import httpx

from adapters.product import Product
from tests.support.clocks import StandingClock
from tests.support.scenario import ALLOCATED, FORUM, a_case, a_worker
from tests.support.situations import tell

NOWHERE = "0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11"


async def test_the_waiting_list_is_read_in_its_order(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    clock.at = ALLOCATED
    late, urgent = a_case("late").waiting(), a_case("urgent").waiting(band="P1")
    await tell(product.log, [late, urgent])
    head = await product.log.head()
    rows = (await client.get(f"/waiting-list?forum={FORUM}&after_position={head}")).json()
    assert [(row["case_id"], row["place"]) for row in rows] == [
        (str(urgent.case_id), 1),
        (str(late.case_id), 2),
    ]
    assert len((await client.get("/waiting-list?band=P3")).json()) == 1
    assert (await client.get("/waiting-list?band=P9")).status_code == 422


async def test_a_preview_shows_a_workers_load_before_and_after_and_records_nothing(
    client: httpx.AsyncClient, product: Product, clock: StandingClock
) -> None:
    clock.at = ALLOCATED
    case, sam = a_case().accepted(), a_worker().carrying(15)
    await tell(product.log, [case, sam])
    head = await product.log.head()
    seen = (await client.get(f"/cases/{case.case_id}/allocation-preview/{sam.worker_id}")).json()
    assert (seen["before"]["cases"], seen["after"]["cases"]) == (15, 16)
    assert (seen["before"]["load_percent"], seen["after"]["load_percent"]) == (150.0, 160.0)
    assert seen["needs_override"] == ["worker_at_hard_limit"]
    assert await product.log.head() == head
    for path in (
        f"{case.case_id}/allocation-preview/{NOWHERE}",
        f"{NOWHERE}/allocation-preview/{sam.worker_id}",
    ):
        missing = await client.get(f"/cases/{path}")
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_the_workload_is_read_case_by_case(client: httpx.AsyncClient, product: Product) -> None:
    case, sam = a_case(), a_worker()
    await tell(product.log, [case.active(sam)])
    head = await product.log.head()
    (row,) = (await client.get(f"/workload?worker={sam.worker_id}&after_position={head}")).json()
    assert (row["case_id"], row["points"], row["load_percent"]) == (str(case.case_id), 4, 10.0)
