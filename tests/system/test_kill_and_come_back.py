"""Whatever is killed while fifty cases are on their way, afterwards every case stands where its commands have brought it.

The worker, the Temporal server and PostgreSQL are ended with `kill -9` in the middle of the commands, and started
again. Nothing is repaired by hand.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from adapters.bootstrap import SystemClock, open_product, prepare_database
from adapters.postgres.event_log import PostgresEventLog
from adapters.product import Product
from adapters.settings import Settings
from adapters.temporal.client import connect
from adapters.temporal.operations import show_workflow
from domain.application import Application
from domain.case.stages import Stage
from domain.messages import CaseId, Recorded
from projections import PROJECTIONS, ProjectionRunner, rebuild
from tests.projections.telling import every_row
from tests.system.office import AGENDA_CAPACITY, REFERRER, KeyWorkerOnDuty, Office
from tests.system.processes import Process, Servers, running, servers_of_our_own
from tests.system.waiting import until_everybody_waits
from workflows.process import CaseProcess

CASES = 50
AT_ONCE = 6
TARGETS = (
    Stage.TRIAGE,
    Stage.AWAITING_CONSENT,
    Stage.READY_FOR_FORUM,
    Stage.ON_AGENDA,
    Stage.AWAITING_ALLOCATION,
    Stage.INTRODUCTION,
    Stage.ACTIVE,
    Stage.STEP_DOWN_PROPOSED,
    Stage.STEPPING_DOWN,
    Stage.MONITORING,
    Stage.CLOSED,
)
FROM_THE_FORUM_ON = TARGETS[TARGETS.index(Stage.ON_AGENDA) : TARGETS.index(Stage.CLOSED)]
OFTEN = {"AgendaItemAdded", "CaseTaken", "CaseReweighed", "MeetingItemDecided"}
"""Events of a meeting or a worker, of which there is one for each case."""
DOWN_SECONDS = 1.0
COME_BACK_SECONDS = 90.0
"""A step that a killed worker had in hand is given to another after 30 s; see the processes' own time limits."""


class Killer:
    """Kills something when so many commands have been answered, and brings it back while others go on asking."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.killed: list[str] = []

    async def after(
        self, answers: int, what: str, kill: Callable[[], None], back: Callable[[], Awaitable[None]]
    ) -> None:
        while len(self._office.answers) < answers:  # noqa: ASYNC110 - the office rings no bell
            await asyncio.sleep(0.005)
        kill()
        self.killed.append(what)
        await asyncio.sleep(DOWN_SECONDS)
        await back()


async def carry(office: Office, targets: dict[int, Stage]) -> dict[CaseId, Stage]:
    """Bring fifty people as far as they shall come; a few at a time, as people in several offices would."""
    turns = asyncio.Semaphore(AT_ONCE)
    workers = [await office.register_worker(name) for name in ("sam", "noor", "pat", "ola")]
    cases: dict[int, CaseId] = {}

    async def to_the_forum(number: int, target: Stage) -> None:
        async with turns:
            case_id = cases[number] = await office.refer(number)
            await office.until_triage_has_begun(case_id)
            if target is Stage.CLOSED:
                await office.do(REFERRER, "withdraw-referral", case_id=case_id, explanation="Moved away")
                return
            if target is Stage.TRIAGE:
                return
            await office.find_eligible(case_id)
            if target is not Stage.AWAITING_CONSENT:
                await office.make_ready(case_id)

    async def from_the_forum_on(case_id: CaseId, target: Stage, worker: KeyWorkerOnDuty) -> None:
        steps: dict[Stage, Callable[[], Awaitable[None]]] = {
            Stage.AWAITING_ALLOCATION: lambda: office.accept(case_id),
            Stage.INTRODUCTION: lambda: office.allocate(case_id, worker),
            Stage.ACTIVE: lambda: office.engage(case_id, worker),
            Stage.STEP_DOWN_PROPOSED: lambda: office.propose_step_down(case_id, worker),
            Stage.STEPPING_DOWN: lambda: office.approve_step_down(case_id),
            Stage.MONITORING: lambda: office.hand_over(case_id, worker),
        }
        async with turns:
            for stage in FROM_THE_FORUM_ON[1 : FROM_THE_FORUM_ON.index(target) + 1]:
                await steps[stage]()

    await asyncio.gather(*(to_the_forum(number, target) for number, target in targets.items()))
    heard = [number for number, target in targets.items() if target in FROM_THE_FORUM_ON]
    await _hold_meetings(office, [cases[number] for number in heard])
    await asyncio.gather(
        *(
            from_the_forum_on(cases[number], targets[number], workers[place % len(workers)])
            for place, number in enumerate(heard)
        )
    )
    return {cases[number]: target for number, target in targets.items()}


async def _hold_meetings(office: Office, cases: Sequence[CaseId]) -> None:
    for first in range(0, len(cases), AGENDA_CAPACITY):
        meeting = await office.plan_meeting()
        await asyncio.gather(
            *(office.list_case(case_id, meeting) for case_id in cases[first : first + AGENDA_CAPACITY])
        )
        await office.begin_meeting(meeting)


@pytest.mark.xdist_group("kill")
@pytest.mark.timeout(280)
async def test_after_kill_minus_9_of_worker_temporal_and_postgresql_every_case_stands_where_it_should(
    tmp_path: Path,
) -> None:
    async with servers_of_our_own() as servers:
        await prepare_database(servers.postgres.dsn, servers.postgres.dsn)
        env = {"DATABASE_URL": servers.postgres.dsn, "TEMPORAL_ADDRESS": servers.temporal.address}
        async with open_product(Settings(), dsn=servers.postgres.dsn, max_connections=8) as product:
            with running("worker", env=env, said_in=tmp_path / "worker.log") as worker:
                await worker.until_said("The worker runs")
                office = Office(_impatient(product))
                targets = {number: TARGETS[number % len(TARGETS)] for number in range(CASES)}
                killed, brought = await _carry_while_things_die(office, targets, servers, worker)
                assert killed == ["worker", "temporal", "postgresql"]
                assert office.sent_again, "nobody noticed that PostgreSQL was away; this test proves nothing"

                await _every_case_stands_where_it_should(product, brought)
                await _the_right_processes_wait(product, servers, list(brought))
                assert worker.process.poll() is None
                await _every_event_is_there_once(product, office, list(brought))
                await _the_read_models_are_as_rebuilt(product, worker)


def _impatient(product: Product) -> Application:
    """The application over a log that does not wait for PostgreSQL as long as it can: so it is the callers who try again."""
    log = PostgresEventLog(product.pool, patience_seconds=0.3)
    return Application(log=log, identities=log, pool=log, clock=SystemClock(), rules=product.rules)


async def _carry_while_things_die(
    office: Office, targets: dict[int, Stage], servers: Servers, worker: Process
) -> tuple[list[str], dict[CaseId, Stage]]:
    async def start_worker() -> None:
        worker.start()
        await worker.until_said("The worker runs")

    killer = Killer(office)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(carry(office, targets))
        # The number of answers at each is part of the story: in the middle of the referrals, of the forum's work, and
        # of what follows it.
        group.create_task(killer.after(40, "worker", worker.kill, start_worker))
        group.create_task(killer.after(130, "temporal", servers.kill_temporal, servers.temporal.restart))
        group.create_task(killer.after(260, "postgresql", servers.kill_postgres, servers.postgres.restart))
    return killer.killed, work.result()


async def _every_case_stands_where_it_should(product: Product, brought: dict[CaseId, Stage]) -> None:
    assert len(brought) == CASES
    stands = {case_id: (await product.application.case(case_id)).stage for case_id in brought}
    assert stands == brought


async def _the_right_processes_wait(product: Product, servers: Servers, cases: Sequence[CaseId]) -> None:
    client = await connect(servers.temporal.address)
    # What the engine has still to do, after a crash, it does by itself; then nothing in the log moves any more.
    folded = [await product.application.case(case_id) for case_id in cases]
    rows = await until_everybody_waits(client, folded, seconds=COME_BACK_SECONDS)
    for row in rows:
        detail = await show_workflow(client, row.workflow_id)
        assert not detail.under_way, (row.workflow_id, detail.under_way)
        # Asked itself, the process says the same: its history was replayed by a worker that has not seen it begin.
        said = await client.get_workflow_handle(row.workflow_id).query(CaseProcess.waiting)
        assert said is not None
        assert (said.waits_for, said.next_step) == (row.waits_for, row.next_step)
        assert said.next_due == row.next_due


async def _every_event_is_there_once(product: Product, office: Office, cases: Sequence[CaseId]) -> None:
    events = await _whole_log(product)
    assert [one.position for one in events] == list(range(1, len(events) + 1)), "a position is missing"
    assert len({one.envelope.event_id for one in events}) == len(events)
    streams: dict[UUID, list[Recorded]] = {}
    for one in events:
        streams.setdefault(one.stream_id, []).append(one)
    for recorded in streams.values():
        assert [one.version for one in recorded] == list(range(1, len(recorded) + 1))

    # Nothing in these stories can happen twice to one case, person, meeting or worker, except what is listed.
    topics = Counter((one.stream_id, one.event.TOPIC) for one in events if one.event.TOPIC not in OFTEN)
    assert {what: times for what, times in topics.items() if times > 1} == {}
    per_case = Counter(
        (one.event.TOPIC, getattr(one.event, "case_id", None)) for one in events if one.event.TOPIC in OFTEN
    )
    assert {what: times for what, times in per_case.items() if times > 1} == {}

    written: dict[UUID, list[Recorded]] = {}
    for one in events:
        written.setdefault(one.envelope.command_id, []).append(one)
    assert all(len({one.envelope.command for one in group}) == 1 for group in written.values())
    given = {answer.command_id: answer for answer in office.answers}
    assert len(given) == len(office.answers)
    for command_id, answer in given.items():
        assert [one.envelope.event_id for one in written[command_id]] == [
            one.event_id for one in answer.events
        ]
    # What nobody of the office asked for, the engine did: acknowledge, begin triage, propose a worker.
    by_itself = {
        one.envelope.actor.role for key, group in written.items() if key not in given for one in group
    }
    assert by_itself == {"system"}
    acknowledged = {one.stream_id for one in events if one.event.TOPIC == "ReferralAcknowledged"}
    assert acknowledged == set(cases)


async def _whole_log(product: Product) -> list[Recorded]:
    events: list[Recorded] = []
    while batch := await product.log.read_all(after=len(events), limit=1000):
        events.extend(batch)
    return events


_NEVER_EMPTY = ("cases", "cases_search", "audit", "audit_case", "caseload_carried", "caseload_stage", "due")
"""Views in which these cases must have left rows, or the comparison would prove nothing."""


async def _the_read_models_are_as_rebuilt(product: Product, worker: Process) -> None:
    """Kept through three crashes, every row is what a rebuild from the log makes of it."""
    assert await product.read_models.wait_for(await product.log.head(), timeout=90)
    await worker.interrupted(seconds=60)
    kept = await every_row(product.pool)
    assert all(kept[f"read.{table}"] for table in _NEVER_EMPTY)
    for projection in PROJECTIONS:
        await rebuild(product.pool, projection)
    await ProjectionRunner(product.pool, product.log).catch_up()
    assert await every_row(product.pool) == kept
