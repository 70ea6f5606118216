"""The post: messages are written once from the log, whoever they are for, and delivered until they have arrived."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.outbox.mailbox import LocalMailbox
from adapters.outbox.outbox import MessageNotUnique, Outbox
from adapters.outbox.post import TRIES
from adapters.postgres.codec import Codec
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import MIGRATIONS, migrate
from adapters.postgres.pool import open_pool
from domain.application import Application, Request
from domain.case.participation import ConsentReminderRaised
from domain.errors import AlreadyRecorded, NotFound
from domain.ports import NewEvent, Notification
from domain.roles import Role
from domain.rules import Rules
from projections import ProjectionRunner, ReadModels, prepare
from projections.tasks import end
from tests.log.writing import envelope
from tests.outbox.posting import Refusing, posting, rests, told
from tests.support.clocks import StandingClock
from tests.support.scenario import (
    CONSENTED,
    HOUSING,
    POLICE,
    REFERRED,
    CaseStory,
    a_case,
    a_meeting,
    a_worker,
    actor,
    london,
    some_id,
)
from tests.support.servers import SharedPostgres
from tests.workflows.engine import eventually
from tests.workflows.world import write

ROBIN = a_case("robin")
_FORGET_THE_READ_MODELS = """
    DROP SCHEMA read CASCADE; CREATE SCHEMA read; GRANT USAGE, CREATE ON SCHEMA read TO ccp_app;
"""
OPERATIONS = actor(Role.OPERATIONS, agency="Manchester City Council")


def a_reminder(number: int = 1, *, of: object = ROBIN) -> ConsentReminderRaised:
    return ConsentReminderRaised(
        **of.ids,  # type: ignore[attr-defined]
        number=number,
        due_at=CONSENTED,
        next_due_at=CONSENTED + timedelta(days=7),
    )


def a_letter(**changed: object) -> Notification:
    letter = Notification(
        message_id=UUID(int=7),
        to="agency",
        about="ActionOverdue",
        agency=HOUSING,
        worker_id=None,
        case_id=ROBIN.case_id,
        meeting_id=None,
        at=REFERRED,
        correlation_id=UUID(int=9),
    )
    return replace(letter, **changed)  # type: ignore[arg-type]


# -- writing ---------------------------------------------------------------------------------------------------------


async def test_who_is_to_be_told_of_an_event_finds_a_message_in_the_mailbox(
    pool: asyncpg.Pool, log: PostgresEventLog, tmp_path: Path
) -> None:
    mailbox = LocalMailbox(tmp_path)
    async with posting(pool, log, mailbox) as post:
        await write(log, [*ROBIN.submitted(), a_reminder()], at=REFERRED)
        await rests(post, log)
    (letter,) = [one for one in await mailbox.read(to="coordinator") if one.about == "ConsentReminderRaised"]
    (recorded,) = [
        one for one in await log.read_stream(ROBIN.case_id) if one.event.TOPIC == "ConsentReminderRaised"
    ]
    assert letter.case_id == ROBIN.case_id
    assert letter.at == REFERRED
    assert letter.correlation_id == recorded.envelope.correlation_id
    (text,) = _letters_of(letter, tmp_path)
    assert "To: coordinator" in text
    assert "Robin" not in text


def _letters_of(letter: Notification, mailbox: Path) -> list[str]:
    return [file.read_text() for file in mailbox.rglob("*") if str(letter.message_id) in file.name]


async def test_whom_a_message_goes_to_is_told_by_how_the_case_stood_right_after_the_event(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    sam, january = a_worker("sam"), a_meeting("january")
    case = ROBIN.active(sam).with_action("visit", agency=HOUSING).step_down_proposed(receiving=POLICE)
    async with posting(pool, log, Refusing(takes=True)) as post:
        await write(log, [*january.planned()], at=REFERRED)
        await write(log, [*case], at=REFERRED)
        await rests(post, log)
    found = await told(pool)
    assert ("referrer", "EligibilityConfirmed", POLICE) in found
    assert ("agency", "ActionAssigned", HOUSING) in found
    assert ("agency", "StepDownProposed", POLICE) in found
    assert ("forum_member", "MeetingPlanned", None) in found
    messages = await Outbox(pool).messages_since(0)
    assert {
        one.worker_id for one in messages if one.about == "KeyWorkerAllocated" and one.to == "key_worker"
    } == {sam.worker_id}
    assert all(one.is_to(str(sam.worker_id)) for one in messages if one.to == "key_worker")


async def test_an_event_is_told_once_whoever_writes_it_again(
    pool: asyncpg.Pool, log: PostgresEventLog, database: str
) -> None:
    mailbox = Refusing(takes=True)
    async with posting(pool, log, mailbox) as post:
        await write(log, [*ROBIN.submitted()], at=REFERRED)
        await rests(post, log)
    before = len(mailbox.taken)
    owner = await asyncpg.connect(database)
    await owner.execute("UPDATE outbox.position SET position = 0")
    await owner.close()
    async with posting(pool, log, mailbox) as post:
        await write(log, [a_reminder()], at=REFERRED)
        await rests(post, log)
    assert before > 0
    assert len(mailbox.taken) == before + 1


async def test_read_models_are_made_anew_and_nobody_is_told_again(
    pool: asyncpg.Pool, log: PostgresEventLog, database: str
) -> None:
    mailbox = Refusing(takes=True)
    async with posting(pool, log, mailbox) as post:
        await write(log, [*ROBIN.submitted(), a_reminder()], at=REFERRED)
        await rests(post, log)
        before = list(mailbox.taken)
        owner = await asyncpg.connect(database)
        await owner.execute(_FORGET_THE_READ_MODELS)
        await owner.close()
        await prepare(pool)
        runner = asyncio.create_task(ProjectionRunner(pool, log).run())
        try:
            assert await ReadModels(pool).wait_for(await log.head(), timeout=30)
        finally:
            await end([runner])
        await rests(post, log)
    assert mailbox.taken == before


async def test_two_posts_deliver_each_message_once(pool: asyncpg.Pool, log: PostgresEventLog) -> None:
    mailbox = Refusing(takes=True)
    async with posting(pool, log, mailbox) as first:
        await write(log, [*ROBIN.submitted()], at=REFERRED)
        await rests(first, log)
        async with posting(pool, log, mailbox) as second:
            await write(log, [a_reminder(number) for number in range(1, 30)], at=REFERRED)
            await rests(first, log)
            assert not second.at_rest(1)
    assert len({one.message_id for one in mailbox.taken}) == len(mailbox.taken)


async def _written_then(dsn: str, story: CaseStory) -> None:
    """Put events where a product of that time had written them: the function of today is not there yet."""
    rows, versions = [], Counter[UUID]()
    for position, event in enumerate(story, 1):
        stream_id = event.stream_id
        versions[stream_id] += 1
        command_id = some_id(f"then/{position}")
        new = NewEvent(event, envelope(command_id))
        _, topic, state, event_id, metadata = Codec().encode(stream_id, new)
        rows.append((stream_id, versions[stream_id], topic, state, position, event_id, command_id, metadata))
    owner = await asyncpg.connect(dsn)
    await owner.copy_records_to_table("event", schema_name="log", records=rows)
    await owner.close()


async def test_what_happened_before_there_was_an_outbox_is_not_told(
    postgres: SharedPostgres, tmp_path: Path
) -> None:
    for step in sorted(MIGRATIONS.glob("*.sql")):
        if step.name < "0005":
            (tmp_path / step.name).write_text(step.read_text(encoding="utf-8"), encoding="utf-8")
    name = f"test_{uuid4().hex}"
    owner = await asyncpg.connect(postgres.dsn_for(database="postgres"))
    await owner.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    dsn = postgres.dsn_for(database=name)
    await migrate(dsn, directory=tmp_path)
    pool = await open_pool(dsn)
    log = PostgresEventLog(pool)
    try:
        await _written_then(dsn, ROBIN.submitted())
        await migrate(dsn)
        mailbox = Refusing(takes=True)
        async with posting(pool, log, mailbox) as post:
            await write(log, [a_reminder()], at=REFERRED)
            await rests(post, log)
        assert [one.about for one in mailbox.taken] == ["ConsentReminderRaised"]
    finally:
        await pool.close()
        await owner.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await owner.close()


async def test_an_event_that_cannot_be_read_is_set_aside_and_told_once_it_can(
    pool: asyncpg.Pool, log: PostgresEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = a_reminder(2)
    from adapters.postgres.codec import Codec
    from adapters.postgres.errors import UnreadableEvent

    read = Codec.decode

    def stumbles(self: Codec, row: object) -> object:
        recorded = read(self, row)  # type: ignore[arg-type]
        if recorded.event == poisoned:
            raise UnreadableEvent(topic=recorded.event.TOPIC, position=recorded.position, fields="number")
        return recorded

    mailbox = Refusing(takes=True)
    with monkeypatch.context() as old_software:
        old_software.setattr(Codec, "decode", stumbles)
        async with posting(pool, log, mailbox) as post:
            await write(log, [*ROBIN.submitted()], at=REFERRED)
            await write(log, [a_reminder(1), poisoned, a_reminder(3)], at=REFERRED)
            await rests(post, log)
        assert [one.about for one in mailbox.taken].count("ConsentReminderRaised") == 2
        assert await pool.fetchval("SELECT count(*) FROM outbox.unread WHERE reason = 'UnreadableEvent'") == 1
    async with posting(pool, log, mailbox) as post:

        async def everybody() -> bool:
            return [one.about for one in mailbox.taken].count("ConsentReminderRaised") == 3

        await eventually(everybody)
        assert await pool.fetchval("SELECT count(*) FROM outbox.unread") == 0


# -- delivering ------------------------------------------------------------------------------------------------------


async def test_a_message_that_is_refused_is_tried_again_and_the_kind_of_error_is_kept(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    mailbox, outbox = Refusing(), Outbox(pool)
    async with posting(pool, log, mailbox) as post:
        await write(log, [a_reminder()], at=REFERRED)
        await rests(post, log)
        (waiting,) = (await outbox.page()).rows
        assert (waiting.state, waiting.attempts, waiting.last_error) == (
            "waiting",
            1,
            "ConnectionRefusedError",
        )
        mailbox.takes = True

        async def arrived() -> bool:
            return (await outbox.page(state="delivered")).rows != ()

        await eventually(arrived)
    assert len(mailbox.taken) == 1
    assert {one.message_id for one in mailbox.brought} == {mailbox.taken[0].message_id}


async def test_operations_retry_a_failed_message_and_it_arrives_once_under_the_same_correlation(
    pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules, database: str
) -> None:
    mailbox, outbox = Refusing(), Outbox(pool)
    application = Application(log=log, identities=log, pool=log, clock=StandingClock(), rules=rules)
    async with posting(pool, log, mailbox) as post:
        await write(log, [*ROBIN.submitted()][-1:], at=REFERRED)
        await write(log, [a_reminder()], at=REFERRED)
        await rests(post, log)
        await pool.execute("UPDATE outbox.message SET tries_left = 1, next_attempt_at = now()")

        async def given_up() -> bool:
            return len((await outbox.page(state="failed")).rows) == len((await outbox.page()).rows)

        await eventually(given_up)
        (failed,) = [
            one for one in (await outbox.page(state="failed")).rows if one.about == "ConsentReminderRaised"
        ]
        before = failed.correlation_id
        mailbox.takes = True
        retry = await outbox.retry_of(str(failed.message_id)[:8])
        await application.execute(
            Request(command=retry, actor=OPERATIONS, command_id=uuid4(), reason="The mailbox is back")
        )

        async def arrived() -> bool:
            return (await outbox.one(str(failed.message_id))).state == "delivered"

        await eventually(arrived)
        with pytest.raises(AlreadyRecorded):
            await outbox.retry_of(str(failed.message_id))
        # Sent past the list, as anybody may: it has arrived, so nothing follows.
        await application.execute(Request(command=retry, actor=OPERATIONS, command_id=uuid4()))
        await rests(post, log)
    assert [one.correlation_id for one in mailbox.taken if one.about == "ConsentReminderRaised"] == [before]
    (first, _) = [
        one for one in await log.read_stream(ROBIN.case_id) if one.event.TOPIC == "NotificationRetried"
    ]
    assert first.envelope.actor.role is Role.OPERATIONS
    assert first.envelope.reason == "The mailbox is back"


async def test_a_message_is_found_by_the_beginning_of_its_id(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    outbox = Outbox(pool)
    async with posting(pool, log, Refusing(takes=True)) as post:
        await write(log, [a_reminder(number) for number in range(1, 60)], at=REFERRED)
        await rests(post, log)
    one = (await outbox.page(limit=1)).rows[0]
    assert (await outbox.one(str(one.message_id))).message_id == one.message_id
    for nothing in ("0000", "%", "x' OR 1=1"):
        with pytest.raises((NotFound, MessageNotUnique)):
            await outbox.one(nothing)


async def test_pages_of_the_outbox_follow_one_another_in_the_order_of_the_log(
    pool: asyncpg.Pool, log: PostgresEventLog
) -> None:
    outbox = Outbox(pool)
    async with posting(pool, log, Refusing(takes=True)) as post:
        await write(log, [a_reminder(number) for number in range(1, 8)], at=REFERRED)
        await rests(post, log)
    first = await outbox.page(to="coordinator", limit=5)
    rest = await outbox.page(to="coordinator", limit=5, after=first.next)
    positions = [one.position for one in (*first.rows, *rest.rows)]
    assert len(first.rows) == 5
    assert positions == sorted(positions)
    assert len(set(positions)) == 7
    assert rest.next is None
    assert (await outbox.page(case_id=uuid4())).rows == ()
    since = await outbox.messages_since(positions[4])
    assert [one.position for one in since] == positions[5:]


def test_the_tries_last_for_about_half_an_hour() -> None:
    assert 20 * 60 < sum(min(2.0**number, 300) for number in range(TRIES)) < 40 * 60


# -- the local mailbox -----------------------------------------------------------------------------------------------


async def test_the_same_letter_twice_is_one_letter(tmp_path: Path) -> None:
    mailbox = LocalMailbox(tmp_path / "mailbox")
    letter = a_letter()
    await asyncio.gather(*(mailbox.deliver(letter) for _ in range(5)))
    assert await mailbox.read() == [letter]
    assert not list((tmp_path / "mailbox" / "tmp").iterdir())


async def test_a_mailbox_is_read_in_order_of_time_and_by_whom_it_is_to(tmp_path: Path) -> None:
    mailbox = LocalMailbox(tmp_path)
    assert await mailbox.read() == []
    letters = [
        a_letter(message_id=UUID(int=3), at=REFERRED + timedelta(hours=1)),
        a_letter(message_id=UUID(int=2), to="key_worker", agency=None, worker_id=some_id("sam")),
        a_letter(
            message_id=UUID(int=1),
            to="chair",
            agency=None,
            case_id=None,
            meeting_id=some_id("january"),
            at=CONSENTED,
        ),
    ]
    for letter in letters:
        await mailbox.deliver(letter)
    assert [one.message_id.int for one in await mailbox.read()] == [2, 3, 1]
    assert await mailbox.read(to=HOUSING) == letters[:1]
    assert await mailbox.read(to=str(some_id("sam"))) == letters[1:2]
    assert await mailbox.read(to="chair") == letters[2:]


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (REFERRED, "Date: 2027-01-04T10:00:00+00:00"),
        (london(2027, 7, 1, 17), "Date: 2027-07-01T17:00:00+01:00"),
    ],
)
async def test_a_letter_tells_the_time_by_the_clock_on_the_wall_in_london(
    at: datetime, line: str, tmp_path: Path
) -> None:
    mailbox = LocalMailbox(tmp_path)
    await mailbox.deliver(a_letter(at=at))
    (text,) = _letters_of(a_letter(), tmp_path)
    assert line in text
    assert [one.at for one in await mailbox.read()] == [at]


async def test_an_agency_cannot_write_a_line_of_its_own_into_a_letter(tmp_path: Path) -> None:
    mailbox = LocalMailbox(tmp_path)
    await mailbox.deliver(a_letter(agency="Housing\nTo: manager\n\nhello"))
    (read,) = await mailbox.read()
    assert (read.to, read.agency) == ("agency", "Housing To: manager hello")
