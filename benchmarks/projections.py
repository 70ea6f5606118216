"""Projection catch-up on a log of 100,000 events: ours and the library's ProjectionRunner, in turns; and read-your-writes.

The log holds 20,000 cases with five steps each: first every referral, then every triage, and so on, so that no two events
of a case are ever applied together, which would flatter whoever applies in batches. Both sides keep the stage of every
case in a table of their own: one insert and four updates a case. Ours is the product's own projection `caseload`.
"""

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from adapters.postgres.event_log import PostgresEventLog
from benchmarks.peers import AGENCY, PERSON, Server, durable_server, envelope, line, medians
from domain.case.forum_review import ForumItemScheduled
from domain.case.participation import ConsentPositionRecorded
from domain.case.referral import ReferralSubmitted
from domain.case.referral_form import EXAMPLE_FORM
from domain.case.triage import EligibilityConfirmed, TriageStarted
from domain.messages import CaseId, Event
from domain.ports import ANY_VERSION, Append, NewEvent, StreamChange
from projections import PROJECTIONS, ReadModels, rebuild
from projections import ProjectionRunner as Runner

CASES = 20_000
STEPS = 5
ROUNDS = 3
TOGETHER = 100
WAITS = 200
LAG_POLL = 0.01
CASELOAD = next(one for one in PROJECTIONS if one.NAME == "caseload")
SOON = datetime(2027, 1, 4, 10, tzinfo=UTC)
MEETING = uuid.uuid4()


# -- ours ------------------------------------------------------------------------------------------------------------


def steps(case_id: CaseId) -> list[Event]:
    ids = {"case_id": case_id, "person_id": PERSON}
    later = SOON + timedelta(days=7)
    return [
        ReferralSubmitted.model_validate(
            {
                **ids,
                "programme": "manchester-maps",
                "programme_version": "1",
                "referring_agency": AGENCY,
                "referrer": "officer-1",
                "urgency": "routine",
                "ward": "ardwick",
                "neighbourhood": "ardwick-longsight",
                "locality": "central",
                "forum": "ardwick-longsight",
                "interpreter_needed": False,
                "repeat": False,
                "form": EXAMPLE_FORM,
                "acknowledge_due_at": SOON,
                "triage_due_at": later,
            }
        ),
        TriageStarted(**ids),
        EligibilityConfirmed(
            **ids, rule_version="1", needs_counted=3, consent_attempt_due_at=SOON, consent_due_at=later
        ),
        ConsentPositionRecorded(**ids, position="agreed", listing_due_at=later),
        ForumItemScheduled(
            **ids,
            meeting_id=MEETING,
            forum="ardwick-longsight",
            meeting_at=later,
            agencies_asked=(AGENCY, "Shelter"),
            returns_due_at=SOON,
            decision_due_at=later,
        ),
    ]


async def fill(log: PostgresEventLog, cases: int) -> None:
    """Every case's first step, then every case's second, and so on."""
    stories = [steps(CaseId(uuid.uuid4())) for _ in range(cases)]
    for step in range(STEPS):
        for first in range(0, cases, TOGETHER):
            command_id = uuid.uuid4()
            await log.append(
                Append(
                    command_id,
                    "benchmark",
                    tuple(
                        StreamChange(
                            story[step].stream_id,
                            step,
                            (NewEvent(story[step], envelope(command_id, number)),),
                        )
                        for number, story in enumerate(stories[first : first + TOGETHER])
                    ),
                )
            )


async def ours(server: Server, log: PostgresEventLog, *which: object) -> float:
    """Events a second of a build from nothing until it answers, with its indexes."""
    runner = Runner(server.pool, log, which)
    await runner.catch_up()  # so that the build that answers has nothing to do beside the new one
    for projection in which:
        await rebuild(server.pool, projection)
    head = await log.head()
    began = time.perf_counter()
    await runner.catch_up()
    return head / (time.perf_counter() - began)


# -- the library's ---------------------------------------------------------------------------------------------------


class LibraryCase(Aggregate):
    class Referred(Aggregate.Created):
        person_id: uuid.UUID
        programme: str
        referring_agency: str
        form: dict
        triage_due_at: datetime

    class TriageStarted(Aggregate.Event):
        person_id: uuid.UUID

    class EligibilityConfirmed(Aggregate.Event):
        person_id: uuid.UUID
        rule_version: str
        consent_attempt_due_at: datetime
        consent_due_at: datetime

    class ConsentPositionRecorded(Aggregate.Event):
        person_id: uuid.UUID
        position: str
        listing_due_at: datetime

    class ForumItemScheduled(Aggregate.Event):
        person_id: uuid.UUID
        meeting_id: uuid.UUID
        forum: str
        agencies_asked: list
        returns_due_at: datetime
        decision_due_at: datetime

    def __init__(self, **_: object) -> None:
        pass

    @classmethod
    def refer(cls) -> "LibraryCase":
        return cls._create(
            cls.Referred,
            person_id=PERSON,
            programme="manchester-maps",
            referring_agency=AGENCY,
            form=dict(EXAMPLE_FORM),
            triage_due_at=SOON,
        )

    def step(self, number: int) -> None:
        match number:
            case 1:
                self.trigger_event(self.TriageStarted, person_id=PERSON)
            case 2:
                self.trigger_event(
                    self.EligibilityConfirmed,
                    person_id=PERSON,
                    rule_version="1",
                    consent_attempt_due_at=SOON,
                    consent_due_at=SOON,
                )
            case 3:
                self.trigger_event(
                    self.ConsentPositionRecorded, person_id=PERSON, position="agreed", listing_due_at=SOON
                )
            case _:
                self.trigger_event(
                    self.ForumItemScheduled,
                    person_id=PERSON,
                    meeting_id=MEETING,
                    forum="ardwick-longsight",
                    agencies_asked=[AGENCY, "Shelter"],
                    returns_due_at=SOON,
                    decision_due_at=SOON,
                )


class LibraryCases(Application):
    is_snapshotting_enabled = False


class StagesView(PostgresTrackingRecorder):
    """Case and stage, one event one transaction, as the library's documentation does it."""

    def __init__(self, datastore: PostgresDatastore, **options) -> None:
        super().__init__(datastore, **options)
        table = Identifier(self.datastore.schema), Identifier(f"{self.tracking_table_name}_stages")
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {0}.{1} (case_id uuid PRIMARY KEY, stage text NOT NULL)").format(
                *table
            )
        )
        self.insert = SQL("INSERT INTO {0}.{1} VALUES (%s, %s)").format(*table)
        self.update = SQL("UPDATE {0}.{1} SET stage = %s WHERE case_id = %s").format(*table)

    def begin(self, case_id: uuid.UUID, stage: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.insert, (case_id, stage), prepare=True)

    def move(self, case_id: uuid.UUID, stage: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self.update, (stage, case_id), prepare=True)


class Stages(Projection[StagesView]):
    @singledispatchmethod
    def process_event(self, event, tracking: Tracking) -> None:
        raise NotImplementedError(type(event))

    @process_event.register
    def _(self, event: LibraryCase.Referred, tracking: Tracking) -> None:
        self.view.begin(event.originator_id, "Submitted", tracking)

    @process_event.register
    def _(self, event: LibraryCase.TriageStarted, tracking: Tracking) -> None:
        self.view.move(event.originator_id, "Triage", tracking)

    @process_event.register
    def _(self, event: LibraryCase.EligibilityConfirmed, tracking: Tracking) -> None:
        self.view.move(event.originator_id, "AwaitingConsent", tracking)

    @process_event.register
    def _(self, event: LibraryCase.ConsentPositionRecorded, tracking: Tracking) -> None:
        self.view.move(event.originator_id, "ReadyForForum", tracking)

    @process_event.register
    def _(self, event: LibraryCase.ForumItemScheduled, tracking: Tracking) -> None:
        self.view.move(event.originator_id, "OnAgenda", tracking)


def environment(dsn: str) -> dict[str, str]:
    parts = urlsplit(dsn)
    asked = parse_qs(parts.query)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": asked["host"][0] if "host" in asked else str(parts.hostname),
        "POSTGRES_PORT": asked["port"][0] if "port" in asked else str(parts.port or 5432),
        "POSTGRES_USER": parts.username or "postgres",
        "POSTGRES_PASSWORD": parts.password or "",
    }


@contextlib.contextmanager
def library_log(dsn: str, cases: int) -> Iterator[int]:
    """The same story for the library; the last notification's id."""
    application = LibraryCases(env=environment(dsn))
    try:
        known = [LibraryCase.refer() for _ in range(cases)]
        for step in range(STEPS):
            for first in range(0, cases, TOGETHER):
                some = known[first : first + TOGETHER]
                if step:
                    for one in some:
                        one.step(step)
                application.save(*some)
        yield application.recorder.max_notification_id()
    finally:
        application.close()


def theirs(dsn: str, number: int, last: int) -> float:
    class Anew(Stages):
        name = f"stages{number}"

    began = time.perf_counter()
    with ProjectionRunner(
        application_class=LibraryCases, projection_class=Anew, view_class=StagesView, env=environment(dsn)
    ) as runner:
        runner.wait(last, timeout=600)
        return last / (time.perf_counter() - began)


# -- read-your-writes ------------------------------------------------------------------------------------------------


async def waits(server: Server, log: PostgresEventLog) -> list[float]:
    """From the answer to a command until all read models know it, milliseconds; everything in this process."""
    models = ReadModels(server.pool)
    running = asyncio.create_task(Runner(server.pool, log).run())
    found = []
    try:
        assert await models.wait_for(await log.head(), timeout=300)
        for _ in range(WAITS):
            command_id = uuid.uuid4()
            event = steps(CaseId(uuid.uuid4()))[0]
            change = StreamChange(event.stream_id, ANY_VERSION, (NewEvent(event, envelope(command_id, 1)),))
            answer = await log.append(Append(command_id, "benchmark", (change,)))
            began = time.perf_counter()
            assert await models.wait_for(answer.position)
            found.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(LAG_POLL)
    finally:
        running.cancel()
        await asyncio.wait([running])
    return found


async def run() -> dict:
    async with durable_server() as server:
        log = PostgresEventLog(server.pool)
        await fill(log, CASES)
        rounds = []
        with library_log(server.dsn, CASES) as last:
            for number in range(ROUNDS):
                rounds.append(
                    {
                        "library": await asyncio.to_thread(theirs, server.dsn, number, last),
                        "ours": await ours(server, log, CASELOAD),
                        "ours, every read model": await ours(server, log, *PROJECTIONS),
                    }
                )
        figures = medians(rounds)
        waited = await waits(server, log)
    ratio = statistics.median(one["ours"] / one["library"] for one in rounds)
    events = f"{CASES * STEPS:,} events"
    line(f"catch-up, {events}: ours (caseload)", f"{figures['ours']:,.0f}/s")
    line(f"catch-up, {events}: eventsourcing's runner", f"{figures['library']:,.0f}/s")
    line("catch-up, ratio", f"{ratio:.1f} x", ">= 25 x")
    line("catch-up: ours, every read model", f"{figures['ours, every read model']:,.0f}/s")
    median, most = statistics.median(waited), statistics.quantiles(waited, n=20)[18]
    line("read-your-writes after a command, median", f"{median:.1f} ms", "< 10 ms")
    line("read-your-writes after a command, 95 %", f"{most:.1f} ms")
    return {
        "events_a_second": figures,
        "rounds": rounds,
        "ratio": ratio,
        "wait_milliseconds": {"median": median, "p95": most},
    }
