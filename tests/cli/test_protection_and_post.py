"""What is not for everybody, and what was told to whom, at a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.outbox.mailbox import LocalMailbox
from adapters.postgres.event_log import PostgresEventLog
from tests.outbox.posting import Refusing, posting, rests
from tests.support.clocks import StandingClock
from tests.support.scenario import POLICE, a_case
from tests.support.situations import tell

ROBIN = a_case("robin").active().with_concern().escalated().escalated("late", subject="safeguarding")
AS_OPERATIONS = ("--as-person", "ops-1", "--as-agency", "Manchester City Council")


@pytest.fixture
async def told(log: PostgresEventLog) -> None:
    await tell(log, [ROBIN])


async def test_a_safeguarding_lead_lists_the_concerns(running: Callable[..., Any], told: None) -> None:
    shown = await running("safeguarding", "--as-role", "safeguarding_lead", "--open")
    assert shown.exit_code == 0, shown.err
    assert "self_neglect" in shown.out
    assert "eaten" not in shown.out
    as_json = await running("safeguarding", "--as-role", "safeguarding_lead", "--json")
    assert as_json.json["rows"][0]["case_id"] == str(ROBIN.case_id)


async def test_nobody_else_lists_them_and_the_refusal_has_a_name(
    running: Callable[..., Any], told: None
) -> None:
    refused = await running("safeguarding", "--as-role", "manager", "--json")
    assert refused.exit_code == 1
    assert refused.json["code"] == "safeguarding_lead_only"
    assert (await running("safeguarding")).exit_code == 2
    assert (await running("safeguarding", "--as-role", "captain")).exit_code == 2


async def test_escalations_are_listed_with_the_level_that_must_answer(
    running: Callable[..., Any], told: None
) -> None:
    shown = await running("escalations", "--state", "open")
    assert "practitioners managers" in shown.out
    assert "safeguarding" not in shown.out
    assert "safeguarding" in (await running("escalations", "--as-role", "manager")).out


async def test_a_failed_message_is_retried_with_a_reason_that_is_on_record(
    running: Callable[..., Any],
    log: PostgresEventLog,
    pool: asyncpg.Pool,
    clock: StandingClock,
    told: None,
) -> None:
    mailbox = Refusing()
    async with posting(pool, log, mailbox) as post:
        await rests(post, log)
        waiting = await running("outbox", "list", "--to", POLICE, "--limit", "1", "--json")
        (message,) = waiting.json["rows"]
        assert "ConnectionRefusedError" in (await running("outbox", "list", "--state", "waiting")).out
        mailbox.takes = True
        retried = await running(
            "outbox", "retry", message["message_id"][:13], "--reason", "It is back", *AS_OPERATIONS
        )
        assert retried.exit_code == 0, retried.err
        await rests(post, log)
        again = await running(
            "outbox", "retry", message["message_id"], "--reason", "x", *AS_OPERATIONS, "--json"
        )
        assert (again.exit_code, again.json["code"]) == (1, "already_recorded")
    assert [one.message_id for one in mailbox.taken].count(mailbox.taken[0].message_id) == 1
    (event,) = [
        one for one in await log.read_stream(ROBIN.case_id) if one.event.TOPIC == "NotificationRetried"
    ]
    assert event.envelope.reason == "It is back"
    assert str(event.envelope.correlation_id) == message["correlation_id"]


@pytest.mark.parametrize("id_", ["00000000", "x", "zzzz"])
async def test_a_message_that_there_is_not_is_not_found(
    running: Callable[..., Any], told: None, id_: str
) -> None:
    refused = await running("outbox", "retry", id_, "--reason", "x", *AS_OPERATIONS, "--json")
    assert (refused.exit_code, refused.json["code"]) == (1, "not_found")


async def test_the_local_mailbox_is_shown(
    running: Callable[..., Any], log: PostgresEventLog, pool: asyncpg.Pool, tmp_path: Path, told: None
) -> None:
    assert "empty" in (await running("mailbox")).out
    async with posting(pool, log, LocalMailbox(tmp_path / "mailbox")) as post:
        await rests(post, log)
    assert "SafeguardingConcernRaised" in (await running("mailbox", "--to", "safeguarding_lead")).out
    letters = (await running("mailbox", "--case", str(ROBIN.case_id), "--json")).json
    assert {one["about"] for one in letters} >= {"EscalationRaised", "SafeguardingConcernRaised"}
