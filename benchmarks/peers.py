"""The same facts for everybody: our events and envelopes, the like of them for the library `eventsourcing`, one server.

The library runs as its documentation says: its own PostgreSQL recorder (psycopg and its pool), aggregates with declared
events, its own JSON transcoder.
"""

import asyncio
import contextlib
import gc
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from asyncpg import Pool
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from adapters.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from domain.case.contact import ContactRecorded
from domain.case.referral import ReferralDrafted
from domain.case.referral_form import EXAMPLE_FORM
from domain.case.support import OutcomeProgressed, PlanReviewed
from domain.messages import Actor, CaseId, Channel, Envelope, Event, OutcomeId, PersonId, WorkerId
from domain.ports import Append, NewEvent, StreamChange
from domain.roles import Role

NOTE = "We met at the day centre for half an hour; the letter about the tenancy is with the housing team now."
AGENCY = "Manchester City Council"
WHO = Actor(person="engagement-worker-1", role=Role.KEY_WORKER, agency=AGENCY, channel=Channel.HUMAN)
PERSON, WORKER, OUTCOME = PersonId(uuid.uuid4()), WorkerId(uuid.uuid4()), OutcomeId(uuid.uuid4())


# -- ours ------------------------------------------------------------------------------------------------------------


def contact(case_id: CaseId) -> Event:
    return ContactRecorded(
        case_id=case_id,
        person_id=PERSON,
        worker_id=WORKER,
        by_agency=AGENCY,
        by_channel="visit",
        reached=True,
        face_to_face=True,
        note=NOTE,
    )


def facts(case_id: CaseId, number: int) -> list[Event]:
    """The events of a case: its draft, then contacts, steps towards an outcome and reviews of the plan in turn."""
    made: list[Event] = [
        ReferralDrafted.model_validate(
            {
                "case_id": case_id,
                "person_id": PERSON,
                "programme": "manchester-maps",
                "referring_agency": AGENCY,
                "form": EXAMPLE_FORM,
            }
        )
    ]
    while len(made) < number:
        made += [
            contact(case_id),
            OutcomeProgressed(
                case_id=case_id, person_id=PERSON, outcome_id=OUTCOME, progress="most", note=NOTE
            ),
            PlanReviewed(case_id=case_id, person_id=PERSON, summary=NOTE),
        ]
    return made[:number]


def envelope(command_id: uuid.UUID, number: int) -> Envelope:
    now = datetime.now(UTC)
    return Envelope(
        event_id=uuid.uuid5(command_id, f"event/{number}"),
        command_id=command_id,
        command="record-contact",
        recorded_at=now,
        effective_at=now,
        actor=WHO,
        correlation_id=command_id,
        programme_version="1",
    )


def command(case_id: CaseId, *events: Event, at: int = 0) -> Append:
    command_id = uuid.uuid4()
    new = tuple(NewEvent(event, envelope(command_id, number)) for number, event in enumerate(events, 1))
    return Append(command_id, "record-contact", (StreamChange(case_id, at, new),))


# -- the library's ---------------------------------------------------------------------------------------------------


class LibraryCase(Aggregate):
    """A case as the library's aggregate, with the same facts."""

    class Opened(Aggregate.Created):
        person_id: uuid.UUID
        worker_id: uuid.UUID
        by_agency: str
        by_channel: str
        reached: bool
        face_to_face: bool
        note: str

    class ContactRecorded(Aggregate.Event):
        person_id: uuid.UUID
        worker_id: uuid.UUID
        by_agency: str
        by_channel: str
        reached: bool
        face_to_face: bool
        note: str

        def apply(self, aggregate: "LibraryCase") -> None:
            aggregate.contact_attempts += 1
            aggregate.met = aggregate.met or (self.reached and self.face_to_face)

    class OutcomeProgressed(Aggregate.Event):
        person_id: uuid.UUID
        outcome_id: uuid.UUID
        progress: str
        note: str

        def apply(self, aggregate: "LibraryCase") -> None:
            aggregate.outcomes[self.outcome_id] = self.progress

    class PlanReviewed(Aggregate.Event):
        person_id: uuid.UUID
        summary: str

        def apply(self, aggregate: "LibraryCase") -> None:
            aggregate.plan_reviewed = True

    def __init__(self, **_: object) -> None:
        self.contact_attempts, self.met, self.plan_reviewed = 0, False, False
        self.outcomes: dict[uuid.UUID, str] = {}

    @classmethod
    def open(cls) -> "LibraryCase":
        return cls._create(cls.Opened, **_CONTACT)

    def record(self, number: int) -> None:
        """As many facts as the case of ours has after its first."""
        for turn in range(1, number):
            match turn % 3:
                case 0:
                    self.trigger_event(self.ContactRecorded, **_CONTACT)
                case 1:
                    self.trigger_event(
                        self.OutcomeProgressed,
                        person_id=PERSON,
                        outcome_id=OUTCOME,
                        progress="most",
                        note=NOTE,
                    )
                case _:
                    self.trigger_event(self.PlanReviewed, person_id=PERSON, summary=NOTE)


_CONTACT = {
    "person_id": PERSON,
    "worker_id": WORKER,
    "by_agency": AGENCY,
    "by_channel": "visit",
    "reached": True,
    "face_to_face": True,
    "note": NOTE,
}


class LibraryCases(Application):
    is_snapshotting_enabled = False

    def a_case(self, size: int) -> uuid.UUID:
        case = LibraryCase.open()
        case.record(size)
        self.save(case)
        return case.id


@contextlib.contextmanager
def library(dsn: str):
    parts = urlsplit(dsn)
    asked = parse_qs(parts.query)
    application = LibraryCases(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": parts.path.lstrip("/"),
            "POSTGRES_HOST": asked["host"][0] if "host" in asked else str(parts.hostname),
            "POSTGRES_PORT": asked["port"][0] if "port" in asked else str(parts.port or 5432),
            "POSTGRES_USER": parts.username or "postgres",
            "POSTGRES_PASSWORD": parts.password or "",
            "POSTGRES_POOL_SIZE": "32",
        }
    )
    try:
        yield application
    finally:
        application.close()


T = TypeVar("T")

# -- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Server:
    dsn: str
    pool: Pool


@contextlib.asynccontextmanager
async def durable_server() -> AsyncIterator[Server]:
    """A new PostgreSQL that keeps what it commits (fsync on), with an empty log."""
    with tempfile.TemporaryDirectory(prefix="ccp-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        async with EmbeddedPostgres(Path(directory) / "data") as server:
            await migrate(server.dsn)
            pool = await open_pool(server.dsn)
            try:
                yield Server(server.dsn, pool)
            finally:
                await pool.close()


async def per_second(once: Callable[[T], Awaitable[object]], made: Sequence[T], callers: int) -> float:
    """How many of these things a second so many tasks together get done, each one after the other."""
    rest = iter(made)

    async def one() -> None:
        for thing in rest:
            await once(thing)

    with _no_garbage_of_ours():
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(callers)))
        return len(made) / (time.perf_counter() - began)


async def per_second_in_threads(once: Callable[[T], object], made: Sequence[T], callers: int) -> float:
    """The same with threads, for those who block."""
    rest = iter(made)

    def one() -> None:
        for thing in rest:
            once(thing)

    with ThreadPoolExecutor(callers) as threads, _no_garbage_of_ours():
        loop = asyncio.get_running_loop()
        began = time.perf_counter()
        await asyncio.gather(*(loop.run_in_executor(threads, one) for _ in range(callers)))
        return len(made) / (time.perf_counter() - began)


@contextlib.contextmanager
def _no_garbage_of_ours() -> Iterator[None]:
    """Whoever is measured collects their own garbage, and need not look through all that was made for them."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def line(what: str, figure: str, beside: str = "") -> None:
    print(f"{what:<58} {figure:>16}   {beside}", flush=True)
