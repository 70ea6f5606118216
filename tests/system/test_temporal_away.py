"""Temporal holds timers and no truth: while it is away people go on working, and afterwards it stands where they are.

It is away twice: when the product starts, and later with work under way. Nobody rebuilds or repairs anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import psutil
import pytest

from adapters.bootstrap import engine, open_product, prepare_database
from adapters.embedded import EmbeddedTemporal
from adapters.http import create_app
from adapters.product import Product
from adapters.settings import Settings
from adapters.temporal.client import connect
from adapters.temporal.search_attributes import TYPES
from domain.case.stages import Stage
from domain.messages import CaseId
from tests.support.directories import reachable_directory
from tests.system.office import COORDINATOR, REFERRER, OfficeOverHttp
from tests.system.processes import kill_all
from tests.system.waiting import until_everybody_waits

COME_BACK_SECONDS = 60.0


@pytest.fixture
async def temporal() -> AsyncIterator[EmbeddedTemporal]:
    """A Temporal server of this test alone, since it is killed."""
    with reachable_directory() as directory:
        async with EmbeddedTemporal(directory / "data", search_attributes=TYPES) as server:
            yield server


@pytest.fixture
async def product(database: str) -> AsyncIterator[Product]:
    await prepare_database(database, database)
    async with open_product(Settings(task_queue=f"away-{uuid4().hex[:8]}"), dsn=database) as opened:
        yield opened


@pytest.fixture
async def office(product: Product) -> AsyncIterator[OfficeOverHttp]:
    transport = httpx.ASGITransport(create_app(product, loopback=True))
    # A command never waits for Temporal, so nobody has to be patient.
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=5) as client:
        yield OfficeOverHttp(product.application, client=client)


def kill(temporal: EmbeddedTemporal) -> None:
    kill_all([psutil.Process(temporal.pid)])


async def stages(office: OfficeOverHttp, *case_ids: CaseId) -> list[Stage]:
    return [case.stage for case in await office.cases(case_ids)]


@pytest.mark.xdist_group("away")
@pytest.mark.timeout(290)
async def test_with_temporal_stopped_people_go_on_and_once_it_is_back_every_process_stands_where_it_should(
    product: Product, office: OfficeOverHttp, temporal: EmbeddedTemporal
) -> None:
    kill(temporal)
    async with engine(product, temporal_address=temporal.address):
        # The product has never seen a Temporal server. Four people are referred; three come further, one to the end.
        referred, early, far, over = [await office.refer(number) for number in range(4)]
        for case_id in (early, far, over):
            await office.begin_triage(case_id)
        for case_id in (far, over):
            await office.find_eligible(case_id)
        await office.make_ready(far)
        await office.do(COORDINATOR, "refuse-to-take-part", case_id=over, capacity_view="has")
        assert await stages(office, referred, early, far, over) == [
            Stage.SUBMITTED,
            Stage.TRIAGE,
            Stage.READY_FOR_FORUM,
            Stage.CLOSED,
        ]

        await temporal.restart()
        await office.until_triage_has_begun(referred)
        client = await connect(temporal.address)
        await until_everybody_waits(
            client, await office.cases([referred, early, far, over]), seconds=COME_BACK_SECONDS
        )
        assert await stages(office, referred, early, far, over) == [
            Stage.TRIAGE,
            Stage.TRIAGE,
            Stage.READY_FOR_FORUM,
            Stage.CLOSED,
        ]

        # It goes away again, with four processes waiting; every one of those cases moves on, over several stages.
        kill(temporal)
        late = await office.refer(9)
        worker = await office.register_worker("sam")
        for case_id in (referred, early):
            await office.find_eligible(case_id)
        await office.make_ready(early)
        meeting = await office.plan_meeting()
        for case_id in (early, far):
            await office.list_case(case_id, meeting)
        await office.begin_meeting(meeting)
        for case_id in (early, far):
            await office.accept(case_id)
        await office.allocate(far, worker)
        await office.engage(far, worker)
        await office.do(REFERRER, "withdraw-referral", case_id=referred, explanation="Moved away")
        assert await stages(office, late, referred, early, far) == [
            Stage.SUBMITTED,
            Stage.CLOSED,
            Stage.AWAITING_ALLOCATION,
            Stage.ACTIVE,
        ]

        await temporal.restart()
        await office.until_triage_has_begun(late)
        everybody = [late, referred, early, far, over]
        await until_everybody_waits(client, await office.cases(everybody), seconds=COME_BACK_SECONDS)
        # The engine has made up for what it missed: a worker is proposed for the case that waits for one.
        (proposed,) = await office.cases([early])
        assert proposed.candidates == (worker.worker_id,)
        assert (await office.case(late)).acknowledged
        assert await product.read_models.wait_for(await product.log.head(), timeout=90)
