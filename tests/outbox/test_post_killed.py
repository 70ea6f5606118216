"""A post that is killed again and again while some thousand events happen: every message arrives, and arrives once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from adapters.outbox.mailbox import LocalMailbox
from adapters.outbox.outbox import Outbox
from adapters.postgres.event_log import PostgresEventLog
from domain.case.action import ActionAssigned
from domain.messages import ActionId, Event
from tests.outbox.posting import a_post
from tests.support.scenario import HOUSING, POLICE, REFERRED, CaseStory, a_case
from tests.workflows.engine import eventually
from tests.workflows.world import write

CASES = 20
EVENTS = 3000
KILLS = 8
PATIENCE_SECONDS = 120


@pytest.mark.timeout(290)
async def test_each_message_is_delivered_exactly_once_however_often_the_post_is_killed(
    database: str, pool: asyncpg.Pool, log: PostgresEventLog, tmp_path: Path
) -> None:
    directory = tmp_path / "mailbox"
    cases = [a_case(f"case-{uuid4()}").in_triage() for _ in range(CASES)]
    for case in cases:
        await write(log, case, at=REFERRED)
    await _kill_while_it_happens(database, pool, log, directory, cases)

    arrived = await LocalMailbox(directory).read()
    expected: Counter[tuple[str, str, str | None]] = Counter()
    for case in cases:
        for one in await log.read_stream(case.case_id):
            expected.update((to, one.event.TOPIC, agency) for to, agency in _told_of(one.event))
    assert Counter((one.to, one.about, one.agency) for one in arrived) == expected
    assert len({one.message_id for one in arrived}) == len(arrived)
    messages = await Outbox(pool).messages_since(0)
    assert {one.message_id for one in messages} == {one.message_id for one in arrived}
    assert all(one.state == "delivered" for one in messages)


def _told_of(event: Event) -> list[tuple[str, str | None]]:
    """Written down once more by hand, so that the table is not held against itself."""
    match event.TOPIC:
        case "ActionAssigned":
            return [("agency", getattr(event, "agency"))]  # noqa: B009 - an event of any kind
        case "ReferralSubmitted":
            return [("coordinator", None)]
        case "ReferralAcknowledged":
            return [("referrer", POLICE)]
        case _:
            return []


async def _kill_while_it_happens(
    dsn: str, pool: asyncpg.Pool, log: PostgresEventLog, mailbox: Path, cases: list[CaseStory]
) -> None:
    """Let it all happen; two posts run, and the older one, which leads, is killed while it works."""
    enough = asyncio.Event()
    happening = asyncio.create_task(_happen(log, cases, enough))
    chance = random.Random(7)
    posts = [a_post(dsn, mailbox) for _ in range(2)]

    async def delivered() -> int:
        return await pool.fetchval("SELECT count(*) FROM outbox.message WHERE delivered_at IS NOT NULL") or 0

    async def all_delivered() -> bool:
        written = await pool.fetchval("SELECT position FROM outbox.position")
        left = await pool.fetchval("SELECT count(*) FROM outbox.message WHERE delivered_at IS NULL")
        return bool(written >= await log.head() and left == 0)

    try:
        for _ in range(KILLS):
            before = await delivered()

            async def somebody_delivers(before: int = before) -> bool:
                assert not happening.done(), "events go on until it was killed often enough"
                return await delivered() > before

            await eventually(somebody_delivers, seconds=PATIENCE_SECONDS)
            await asyncio.sleep(chance.uniform(0, 0.3))
            posts.pop(0).kill()
            posts.append(a_post(dsn, mailbox))
        enough.set()
        await happening
        await eventually(all_delivered, seconds=PATIENCE_SECONDS)
    finally:
        happening.cancel()
        for one in posts:
            one.kill()


async def _happen(log: PostgresEventLog, cases: list[CaseStory], enough: asyncio.Event) -> None:
    """Some thousand events, and more until the post was killed often enough."""
    number = 0
    while number < EVENTS // CASES or not enough.is_set():
        await write(log, [_action(case, number) for case in cases], at=REFERRED)
        number += 1
        await asyncio.sleep(0.02)


def _action(case: CaseStory, number: int) -> ActionAssigned:
    return ActionAssigned(
        **case.ids,
        action_id=ActionId(uuid4()),
        owner="officer-7",
        agency=HOUSING if number % 2 else POLICE,
        links_to="homelessness",
        what="Visit together with the key worker",
        due_at=REFERRED,
    )
