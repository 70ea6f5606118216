"""What the shipped test cases do not ask: an application of the library has our log's promises, and its own tables."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)

from adapters.eventsourcing import Factory
from adapters.eventsourcing.recorders import ApplicationRecorder, ProcessRecorder
from tests.log.writing import as_owner
from tests.support.servers import in_a_thread


class Dog(Aggregate):
    @event("Registered")
    def __init__(self, name: str) -> None:
        self.name = name
        self.tricks: list[str] = []

    @event("TrickAdded")
    def add_trick(self, trick: str) -> None:
        self.tricks.append(trick)


class DogSchool(Application[UUID]):
    def register(self, name: str) -> UUID:
        dog = Dog(name)
        self.save(dog)
        return dog.id


class CatCafe(Application[UUID]):
    pass


@pytest.fixture
def env(database: str) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": "adapters.eventsourcing", "DATABASE_URL": database}


@pytest.fixture
def factory(database: str) -> Iterator[Factory]:
    with Factory({"DATABASE_URL": database}) as opened:
        yield opened


@pytest.fixture
def recorder(factory: Factory) -> ApplicationRecorder:
    return factory.application_recorder()


def stored(stream: UUID, version: int, state: bytes = b"{}") -> StoredEvent:
    return StoredEvent(stream, version, "Noted", state)


def owner_reads(database: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    return in_a_thread(as_owner(database, sql, *arguments))


# -- its tables ------------------------------------------------------------------------------------------------------


def test_each_application_has_tables_of_its_own_with_the_librarys_columns(
    env: dict[str, str], database: str
) -> None:
    with DogSchool(env) as school, CatCafe(env) as cafe:
        dog = school.register("Fido")
        cafe.save(Aggregate())
        assert [item.id for item in school.notification_log["1,10"].items] == [1]
        assert [item.id for item in cafe.notification_log["1,10"].items] == [1]
    [row] = owner_reads(database, "SELECT * FROM es_dogschool.event")
    assert (row["originator_id"], row["originator_version"], row["notification_id"]) == (dog, 1, 1)
    assert row["topic"].endswith(":Dog.Registered")
    assert b"Fido" in row["state"]
    assert owner_reads(database, "SELECT count(*) FROM log.event")[0][0] == 0


def test_an_application_called_like_one_of_our_schemas_does_not_come_into_it(
    env: dict[str, str], database: str
) -> None:
    class Log(Application[UUID]):
        pass

    with Log(env) as log:
        log.save(Aggregate())
    assert owner_reads(database, "SELECT count(*) FROM log.event")[0][0] == 0
    assert owner_reads(database, "SELECT count(*) FROM es_log.event")[0][0] == 1


def test_what_an_application_recorded_cannot_be_changed_with_its_rights(
    recorder: ApplicationRecorder, database: str
) -> None:
    recorder.insert_events([stored(uuid4(), 1)])
    for change in ("DELETE FROM", "TRUNCATE", "INSERT INTO"):
        sql = f"{change} es_application.event" + (" DEFAULT VALUES" if change == "INSERT INTO" else "")
        with pytest.raises(DatabaseError, match="InsufficientPrivilege"):
            recorder.datastore.fetch(sql)
    with pytest.raises(asyncpg.RestrictViolationError):
        owner_reads(database, "DELETE FROM es_application.event")


def test_snapshots_are_copies_in_a_table_of_their_own_and_may_be_thrown_away(
    env: dict[str, str], database: str
) -> None:
    with DogSchool({**env, "IS_SNAPSHOTTING_ENABLED": "y"}) as school:
        dog_id = school.register("Fido")
        for trick in ("roll over", "fetch"):
            dog: Dog = school.repository.get(dog_id)
            dog.add_trick(trick)
            school.save(dog)
        school.take_snapshot(dog_id)
        # An older one may come later.
        school.take_snapshot(dog_id, version=1)
        assert school.snapshots is not None
        school.snapshots.recorder.datastore.fetch(
            "DELETE FROM es_dogschool.snapshot WHERE originator_version = 3"
        )
        found: Dog = school.repository.get(dog_id)
        assert found.tricks == ["roll over", "fetch"]
    assert owner_reads(database, "SELECT count(*), max(notification_id) FROM es_dogschool.event")[0][:] == (
        3,
        3,
    )


def test_an_event_of_an_older_version_is_read_by_its_upcaster(env: dict[str, str]) -> None:
    with DogSchool(env) as school:
        old = school.mapper.to_stored_event(Dog("Fido").collect_events()[0])
        school.recorder.insert_events([old])

        Dog.Registered.class_version = 2  # type: ignore[attr-defined]
        Dog.Registered.upcast_v1_v2 = staticmethod(lambda state: state.update(name=state["name"].upper()))  # type: ignore[attr-defined]
        try:
            dog: Dog = school.repository.get(old.originator_id)  # type: ignore[arg-type]
        finally:
            del Dog.Registered.class_version, Dog.Registered.upcast_v1_v2  # type: ignore[attr-defined]
    assert dog.name == "FIDO"


# -- our log's promises ----------------------------------------------------------------------------------------------


def test_a_refused_write_leaves_nothing_and_no_gap(recorder: ApplicationRecorder) -> None:
    stream, other = uuid4(), uuid4()
    assert recorder.insert_events([stored(stream, 1)]) == [1]
    for refused in (
        [stored(other, 1), stored(stream, 1)],  # one is there
        [stored(stream, 3)],  # the library would leave a hole here
        [stored(other, 1), stored(other, 3)],
        [stored(other, 1), stored(other, 1)],
    ):
        with pytest.raises(IntegrityError):
            recorder.insert_events(refused)
    assert recorder.insert_events([stored(stream, 2), stored(other, 1), stored(stream, 3)]) == [2, 3, 4]
    assert [one.id for one in recorder.select_notifications(None, 10)] == [1, 2, 3, 4]


def test_sixteen_writers_on_few_streams_leave_no_hole_and_a_follower_misses_nothing(
    recorder: ApplicationRecorder,
) -> None:
    streams = [uuid4() for _ in range(8)]
    seen: list[int] = []

    def write(number: int) -> int:
        written = 0
        for turn in range(12):
            stream = streams[(number + turn) % len(streams)]
            stands = len(recorder.select_events(stream))
            with contextlib.suppress(IntegrityError):
                recorder.insert_events([stored(stream, stands + 1), stored(stream, stands + 2)])
                written += 2
        return written

    def follow() -> None:
        for notification in subscription:
            seen.append(notification.id)
            if notification.topic == "Last":
                return

    with recorder.subscribe() as subscription, ThreadPoolExecutor(17) as threads:
        follower = threads.submit(follow)
        accepted = sum(threads.map(write, range(16)))
        recorder.insert_events([StoredEvent(uuid4(), 1, "Last", b"{}")])
        follower.result(timeout=120)

    assert accepted > 0
    assert seen == list(range(1, accepted + 2))
    for stream in streams:
        versions = [one.originator_version for one in recorder.select_events(stream)]
        assert versions == list(range(1, len(versions) + 1))
    assert sum(len(recorder.select_events(stream)) for stream in streams) == accepted


def test_a_command_id_is_carried_out_once_and_gives_its_first_positions(env: dict[str, str]) -> None:
    with DogSchool(env) as school:
        command_id = uuid4()
        fido = Dog("Fido")
        pending = fido.collect_events()
        school.save(Dog("Buster"))
        first = school.save(*pending, command_id=command_id)
        school.save(Dog("Rex"))
        again = school.save(*pending, command_id=command_id)
        assert [one.notification.id for one in first] == [one.notification.id for one in again] == [2]
        assert school.recorder.max_notification_id() == 3


def test_events_and_position_of_what_they_came_of_are_kept_together_or_not_at_all(factory: Factory) -> None:
    recorder = factory.process_recorder()
    stream, other = uuid4(), uuid4()
    recorder.insert_events([stored(stream, 1)], tracking=Tracking("upstream", 5))
    for refused, tracking in (
        ([stored(other, 1)], Tracking("upstream", 5)),
        ([stored(stream, 1)], Tracking("upstream", 6)),
        ([stored(stream, 1)], Tracking("another", 1)),
    ):
        with pytest.raises(IntegrityError):
            recorder.insert_events(refused, tracking=tracking)
    assert recorder.max_tracking_id("upstream") == 5
    assert recorder.max_tracking_id("another") is None
    assert recorder.select_events(other) == []
    assert recorder.insert_events([stored(other, 1)], tracking=Tracking("upstream", 6)) == [2]


def test_of_two_processors_of_the_same_event_one_is_refused(database: str) -> None:
    def process(recorder: ProcessRecorder, position: int) -> bool:
        try:
            recorder.insert_events([stored(uuid4(), 1)], tracking=Tracking("upstream", position))
        except IntegrityError:
            return False
        return True

    # Two processes, as far as the database can tell.
    with (
        Factory({"DATABASE_URL": database}) as one,
        Factory({"DATABASE_URL": database}) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        recorders = [one.process_recorder(), two.process_recorder()]
        for position in range(1, 21):
            done = list(threads.map(process, recorders, [position, position]))
            assert sorted(done) == [False, True]
        assert recorders[0].max_notification_id() == 20


def test_an_application_recorder_does_not_forget_a_position_in_silence(recorder: ApplicationRecorder) -> None:
    with pytest.raises(ProgrammingError, match="process recorder"):
        recorder.insert_events([stored(uuid4(), 1)], tracking=Tracking("upstream", 1))


# -- its connections -------------------------------------------------------------------------------------------------


def test_a_subscription_and_a_writer_survive_the_loss_of_every_connection(
    recorder: ApplicationRecorder, database: str
) -> None:
    stream = uuid4()
    with recorder.subscribe() as subscription:
        for version in range(1, 4):
            recorder.insert_events([stored(stream, version)])
            assert next(subscription).originator_version == version
            ended = owner_reads(
                database,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'ccp-interchange' AND datname = current_database()",
            )
            assert ended


def test_a_subscription_starts_from_any_position_and_may_name_topics(recorder: ApplicationRecorder) -> None:
    for topic in ("a", "b", "a", "b"):
        recorder.insert_events([StoredEvent(uuid4(), 1, topic, b"")])
    with recorder.subscribe(gt=1, topics=["a"]) as subscription:
        assert next(subscription).id == 3
    with recorder.subscribe(gt=4) as subscription:
        threading.Timer(0.05, subscription.stop).start()
        assert list(subscription) == []


def test_a_forgotten_application_leaves_no_thread_and_no_connection_behind(
    env: dict[str, str], database: str
) -> None:
    def threads() -> int:
        return sum(thread.name == "ccp-interchange" for thread in threading.enumerate())

    gc.collect()
    before = threads()
    school = DogSchool(env)
    school.register("Fido")
    assert threads() == before + 1
    del school
    gc.collect()
    assert threads() == before
    gone = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE application_name = 'ccp-interchange' AND datname = current_database()"
    )
    for _ in range(100):
        if owner_reads(database, gone)[0][0] == 0:
            return
    pytest.fail("a connection is still open")


def test_a_closed_application_says_so(env: dict[str, str]) -> None:
    school = DogSchool(env)
    with school.recorder.subscribe() as subscription:
        school.close()
        school.close()
        with pytest.raises(InterfaceError, match="closed"):
            school.register("Fido")
        with pytest.raises(InterfaceError, match="closed"):
            school.recorder.subscribe()
        subscription.stop()


def test_a_subscription_waits_for_a_database_that_is_not_there_yet(database: str) -> None:
    with Factory({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "CREATE_TABLE": "no"}) as away:
        recorder = away.application_recorder()
        with recorder.subscribe() as subscription:
            with Factory({"DATABASE_URL": database}) as there:
                there.application_recorder().insert_events([stored(uuid4(), 1)])
            # It comes where it was expected.
            away.datastore._connections._dsn = database
            assert next(subscription).id == 1


def test_a_view_that_calls_a_recorder_from_the_loop_is_told_and_does_not_hang(factory: Factory) -> None:
    view = factory.tracking_recorder()

    async def change(_: Any) -> None:
        view.max_tracking_id("upstream")

    with pytest.raises(RuntimeError, match="waits for that loop"):
        view.record(Tracking("upstream", 1), change)
    assert view.max_tracking_id("upstream") is None


# -- what goes wrong, in the library's words ----------------------------------------------------------------------------


def test_a_refusal_quotes_nothing_that_is_stored(factory: Factory) -> None:
    snapshot = stored(uuid4(), 7, b"Robin Example")
    snapshots = factory.aggregate_recorder(purpose="snapshots")
    snapshots.insert_events([snapshot])
    with pytest.raises(IntegrityError) as refused:
        snapshots.insert_events([snapshot])
    assert "Robin" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_streams_are_named_by_uuids_alone(recorder: ApplicationRecorder, database: str) -> None:
    as_text = str(uuid4())
    recorder.insert_events([StoredEvent(as_text, 1, "Noted", b"")])
    assert recorder.select_events(as_text)[0].originator_id == UUID(as_text)
    with pytest.raises(DataError):
        recorder.select_events("customer-1")
    with pytest.raises(OSError, match="ORIGINATOR_ID_TYPE"):
        Factory({"DATABASE_URL": database, "ORIGINATOR_ID_TYPE": "text"})


def test_what_is_not_set_up_is_said_in_one_sentence(database: str) -> None:
    with pytest.raises(OSError, match="DATABASE_URL"):
        Factory({})
    with (
        Factory({"DATABASE_URL": database, "CREATE_TABLE": "no"}) as without_tables,
        pytest.raises(ProgrammingError, match="missing"),
    ):
        without_tables.application_recorder().max_notification_id()
    with (
        Factory({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}) as away,
        pytest.raises(OperationalError),
    ):
        away.application_recorder()


async def test_it_may_be_used_beside_a_running_loop(recorder: ApplicationRecorder) -> None:
    positions = await asyncio.to_thread(recorder.insert_events, [stored(uuid4(), 1)])
    assert positions == [1]
