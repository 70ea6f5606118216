"""Years of a pathway, written straight into the log's tables: what the log looks like after so many cases. No measurement.

Stories of a few cases are told once in the product's own events and encoded by its own codec; then they are copied with
other ids, names, birthdays and instants, versions and positions without a hole. Nothing is put beside the events: no
identity keys and no reservations.
"""

import dataclasses
import random
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count

import asyncpg

from adapters.postgres.codec import Codec
from domain.case.closure import CaseClosed
from domain.case.referral import ReferralSubmitted
from domain.case.stages import Stage
from domain.keyworker.events import KeyWorkerRegistered
from domain.messages import Envelope, Event
from domain.person.identity import PersonRegistered
from domain.ports import NewEvent
from tests.support.scenario import COORDINATOR, REFERRED, CaseStory, Story, a_case, a_meeting, a_worker

_ID = rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_INSTANT = rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"
_CHANGES = re.compile(rb"(" + _ID + rb"|" + _INSTANT + rb"|given\d+|family\d+|1985-03-\d\d)")
_SYLLABLES = [c + v for c in "bdfghklmnprstvz" for v in "aeiou"]
_GIVEN = [
    "Ada",
    "Bola",
    "Carys",
    "Dafydd",
    "Esme",
    "Farid",
    "Grace",
    "Hana",
    "Idris",
    "June",
    "Kofi",
    "Leila",
    "Max",
]
_COLUMNS = (
    "originator_id",
    "originator_version",
    "topic",
    "state",
    "notification_id",
    "event_id",
    "command_id",
    "metadata",
)
_AT_A_TIME = 20_000


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What is in the log now."""

    cases: int
    events: int
    names: Sequence[str]
    case_ids: Sequence[uuid.UUID]


class _Template:
    """A few cases told once, taken apart where their copies differ."""

    def __init__(self, stories: Sequence[Story], cases: int) -> None:
        self.cases = cases
        codec = Codec()
        self.events = []
        self._instants: set[bytes] = set()
        seen: set[Event] = set()
        for number, story in enumerate(stories):
            for event in story:
                if isinstance(event, KeyWorkerRegistered) and event in seen:
                    continue  # each of a worker's cases tells of the worker
                seen.add(event) if isinstance(event, KeyWorkerRegistered) else None
                named = _named(event, number)
                envelope = Envelope(
                    event_id=uuid.UUID(int=0),
                    command_id=uuid.UUID(int=0),
                    command="story",
                    recorded_at=REFERRED,
                    effective_at=REFERRED,
                    actor=COORDINATOR,
                    correlation_id=event.stream_id,
                )
                raw = codec.encode(event.stream_id, NewEvent(named, envelope))
                self.events.append(
                    (
                        str(event.stream_id).encode(),
                        raw.topic,
                        _CHANGES.split(raw.state),
                        _CHANGES.split(raw.metadata.encode()),
                    )
                )

    def copies(self, chance: random.Random, ago: timedelta) -> Iterator[tuple[bytes, str, bytes, str]]:
        """The events of one copy."""
        changed: dict[bytes, bytes] = {}

        def change(found: bytes) -> bytes:
            if found not in changed:
                changed[found] = _changed(found, chance, ago)
            return changed[found]

        for stream, topic, state, metadata in self.events:
            yield (
                change(stream),
                topic,
                b"".join(change(part) if place % 2 else part for place, part in enumerate(state)),
                b"".join(change(part) if place % 2 else part for place, part in enumerate(metadata)).decode(),
            )


def _named(event: Event, number: int) -> Event:
    who = {
        "given_name": f"given{number}",
        "family_name": f"family{number}",
        "date_of_birth": f"1985-03-{number + 10}",
    }
    if isinstance(event, PersonRegistered):
        return event.model_copy(update=who)
    if isinstance(event, ReferralSubmitted):
        return event.model_copy(update={"form": event.form.model_copy(update=who)})
    return event


def _changed(found: bytes, chance: random.Random, ago: timedelta) -> bytes:
    if found.startswith(b"given"):
        return chance.choice(_GIVEN).encode()
    if found.startswith(b"family"):
        return "".join(chance.choices(_SYLLABLES, k=4)).title().encode()
    if found.startswith(b"1985-03"):
        return (date(1940, 1, 1) + timedelta(days=chance.randrange(25_000))).isoformat().encode()
    if b"T" in found:
        return (datetime.fromisoformat(found.decode()) - ago).isoformat().replace("+00:00", "Z").encode()
    return str(uuid.UUID(int=chance.getrandbits(128), version=4)).encode()


def _ended() -> _Template:
    """Twelve cases that came to one meeting or ended before it."""
    meeting = a_meeting("past").agenda_open()
    stories: list[Story] = [meeting]
    for number in range(12):
        case = a_case(f"ended-{number}")
        if number < 3:
            stories.append(case.in_triage().closed())
        elif number < 6:
            stories.append(case.with_grant("Greater Manchester Police").closed())
        else:
            accepted = case.on_agenda(meeting).accepted()
            stories.append(accepted.then_also(CaseClosed(**accepted.ids, because="need_met")))
    assert all(story.case.stage is Stage.CLOSED for story in stories if isinstance(story, CaseStory))
    return _Template(stories, 12)


def _under_way() -> _Template:
    """A key worker with ten cases."""
    meeting, worker = a_meeting("now").agenda_open(), a_worker("now")
    return _Template(
        [meeting, *(a_case(f"open-{n}").on_agenda(meeting).accepted().active(worker) for n in range(10))], 10
    )


class History:
    """Fills a log step by step. The cases under way come first and stay as many: what grows is the past."""

    WORKERS = 40

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._chance = random.Random(5)
        self._templates = _ended(), _under_way()
        self._copies = count()
        self._workers = 0
        self._cases = self._events = 0
        self._names: list[str] = []
        self._case_ids: list[uuid.UUID] = []

    async def grow_to(self, cases: int, *, progressed: Callable[[int], None] = lambda _: None) -> Loaded:
        """Write until there are at least so many cases, and say now and then how many there are."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await self._continue_after(connection)
            while self._cases < cases:
                await self._write(connection, self._rows(cases))
                progressed(self._cases)
        finally:
            await connection.close()
        return Loaded(self._cases, self._events, self._names, self._case_ids)

    async def _continue_after(self, connection: asyncpg.Connection) -> None:
        self._events = await connection.fetchval("SELECT coalesce(max(notification_id), 0) FROM log.event")

    def _rows(self, cases: int) -> Iterator[tuple]:
        written = 0
        while self._cases < cases and written < _AT_A_TIME:
            ended, under_way = self._templates
            template = under_way if self._workers < self.WORKERS else ended
            self._workers += template is under_way
            for row in self._copy(template):
                written += 1
                yield row
            self._cases += template.cases

    def _copy(self, template: _Template) -> Iterator[tuple]:
        versions: dict[bytes, int] = defaultdict(int)
        ago = timedelta(minutes=37 * next(self._copies))
        for stream, topic, state, metadata in template.copies(self._chance, ago):
            versions[stream] += 1
            self._events += 1
            stream_id = uuid.UUID(stream.decode())
            if topic == "ReferralSubmitted":
                self._case_ids.append(stream_id)
            if topic == "PersonRegistered" and len(self._names) < 100_000:
                found = re.search(rb'"given_name":"(\w+)","family_name":"(\w+)"', state)
                self._names.append(b" ".join(found.groups()).decode())
            yield (
                stream_id,
                versions[stream],
                topic,
                state,
                self._events,
                uuid.UUID(int=self._chance.getrandbits(128), version=4),
                uuid.UUID(int=self._chance.getrandbits(128), version=4),
                metadata,
            )

    async def _write(self, connection: asyncpg.Connection, rows: Iterable[tuple]) -> None:
        await connection.copy_records_to_table(
            "event", schema_name="log", columns=_COLUMNS, records=list(rows)
        )


def now() -> datetime:
    return datetime.now(UTC)
