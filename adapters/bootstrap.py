"""The only place where the product is put together: explicit constructor calls, and everything opened here is closed here.

API, command line, worker, demonstration and tests all start from it. Must not hold a rule or a query.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from adapters.embedded import (
    EmbeddedPostgres,
    EmbeddedTemporal,
    RunningProduct,
    announce,
    find_running,
    withdraw,
)
from adapters.outbox.mailbox import LocalMailbox
from adapters.outbox.outbox import Outbox
from adapters.outbox.post import Post
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from adapters.product import Product
from adapters.settings import Settings
from domain.application import Application
from domain.ports import Clock
from domain.rules import Rules, load_rules
from projections.read_models import ReadModels
from projections.runner import ProjectionRunner, prepare

if TYPE_CHECKING:
    import uvicorn
    from asyncpg import Pool

_log = structlog.get_logger(__name__)


class NothingRuns(Exception):
    """No product was found; the message says what to do."""


class SystemClock:
    """The machine's own clock."""

    async def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers are."""

    database_dsn: str
    database_admin_dsn: str
    temporal_address: str
    temporal_ui_url: str | None = None


@asynccontextmanager
async def open_product(
    settings: Settings,
    *,
    dsn: str,
    clock: Clock | None = None,
    rules: Rules | None = None,
    max_connections: int = 10,
) -> AsyncIterator[Product]:
    """Connections only, to a database that is there and migrated."""
    rules = rules or load_rules()
    pool = await open_pool(dsn, max_size=max_connections)
    try:
        log = PostgresEventLog(pool)
        application = Application(
            log=log, identities=log, pool=log, clock=clock or SystemClock(), rules=rules
        )
        mailbox = LocalMailbox(settings.data / "mailbox")
        yield Product(application, log, ReadModels(pool), pool, settings, rules, Outbox(pool), mailbox)
    finally:
        await _close(pool)


def addresses(settings: Settings) -> Addresses:
    """Where the product's servers are: as set, or those of the product that runs with this data directory.

    Raises: NothingRuns.
    """
    running = (
        find_running(settings.data) if not (settings.database_url and settings.temporal_address) else None
    )
    dsn = settings.database_url or (running.database_dsn if running else None)
    temporal = settings.temporal_address or (running.temporal_address if running else None)
    if dsn is None:
        raise NothingRuns(
            f"Nothing runs with the data directory {settings.data}. Start it with `ccp up`, or set DATABASE_URL."
        )
    return Addresses(
        database_dsn=dsn,
        database_admin_dsn=settings.database_admin_url or dsn,
        temporal_address=temporal or "",
        temporal_ui_url=running.temporal_ui_url if running else None,
    )


async def prepare_database(admin_dsn: str, dsn: str) -> list[str]:
    """Bring the schema of the log and the tables of the read models up to date; the migrations that were applied."""
    applied = await migrate(admin_dsn)
    pool = await open_pool(dsn, max_size=1)
    try:
        await prepare(pool)
    finally:
        await _close(pool)
    return applied


@asynccontextmanager
async def servers(settings: Settings) -> AsyncIterator[Addresses]:
    """The servers that the settings name, and embedded ones for those they do not; a dead embedded one is restarted."""
    from adapters.temporal.search_attributes import TYPES

    async with AsyncExitStack() as stack:
        dsn, admin_dsn = settings.database_url, settings.database_admin_url
        if dsn is None:
            postgres = await stack.enter_async_context(EmbeddedPostgres(settings.data))
            dsn = admin_dsn = postgres.dsn
            stack.push_async_callback(_cancel, asyncio.create_task(_keep_alive("postgresql", postgres)))
        address, ui_url = settings.temporal_address, None
        if address is None:
            temporal = await stack.enter_async_context(
                EmbeddedTemporal(
                    settings.data, search_attributes=TYPES, namespace=settings.temporal_namespace
                )
            )
            address, ui_url = temporal.address, temporal.ui_url
            stack.push_async_callback(_cancel, asyncio.create_task(_keep_alive("temporal", temporal)))
        yield Addresses(dsn, admin_dsn or dsn, address, ui_url)


@asynccontextmanager
async def engine(product: Product, *, temporal_address: str, workflows: bool = True) -> AsyncIterator[None]:
    """What runs by itself: projections and post, and with `workflows` the dispatcher and a worker. Temporal may be away."""
    async with contextlib.AsyncExitStack() as stack:
        runner = ProjectionRunner(product.pool, product.log)
        stack.push_async_callback(_cancel, asyncio.create_task(runner.run()))
        post = Post(product.pool, product.log, product.mailbox)
        posting = asyncio.create_task(_for_ever("post", post.run))
        stack.push_async_callback(_cancel, posting)
        if workflows:
            running = asyncio.create_task(
                _for_ever("workflows", lambda: _workflows(product, temporal_address))
            )
            stack.push_async_callback(_cancel, running)
        yield


async def _workflows(product: Product, address: str) -> None:
    from adapters.temporal.client import connect
    from adapters.temporal.dispatcher import Dispatcher
    from adapters.temporal.search_attributes import register
    from adapters.temporal.worker import build_worker

    settings = product.settings
    client = await connect(address, namespace=settings.temporal_namespace)
    await register(client)
    dispatcher = Dispatcher(product.pool, product.log, client, task_queue=settings.task_queue)
    async with build_worker(client, product.application, task_queue=settings.task_queue):
        await dispatcher.run()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Product, RunningProduct]]:
    """The whole product in this process: servers, engine and HTTP API; announced in the data directory."""
    async with servers(settings) as where:
        await prepare_database(where.database_admin_dsn, where.database_dsn)
        async with (
            open_product(settings, dsn=where.database_dsn) as product,
            engine(product, temporal_address=where.temporal_address),
            http(product) as url,
        ):
            announced = RunningProduct(
                database_dsn=where.database_dsn,
                temporal_address=where.temporal_address,
                temporal_ui_url=where.temporal_ui_url,
                http_url=url,
            )
            settings.data.mkdir(parents=True, exist_ok=True)
            announce(settings.data, announced)
            try:
                yield product, announced
            finally:
                withdraw(settings.data)


def _server(config: uvicorn.Config) -> uvicorn.Server:
    """A server that leaves signals to `until_told_to_stop`: ours stops everything in order."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server(config)


@asynccontextmanager
async def http(product: Product) -> AsyncIterator[str]:
    """The HTTP API on the address of the settings; yields its URL once it answers."""
    import uvicorn

    from adapters.http.app import create_app

    settings = product.settings
    app = create_app(product, loopback=settings.accepts_declared_actors)
    server = _server(
        uvicorn.Config(
            app, host=settings.host, port=settings.port, log_config=None, access_log=False, lifespan="off"
        )
    )
    serving = asyncio.create_task(_served(server))
    try:
        while not server.started:
            if serving.done():
                serving.result()
                raise NothingRuns(
                    f"The HTTP API could not listen on {settings.host} port {settings.port}: it is taken, or may not be"
                    " used. Choose another with CCP_PORT; 0 takes any free one."
                )
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def _served(server: uvicorn.Server) -> None:
    # uvicorn ends the process when it cannot listen; out of a task that would stop everything before it can be told.
    with contextlib.suppress(SystemExit):
        await server.serve()


async def run_migrate(settings: Settings) -> list[str]:
    """Bring the database's schema up to date; the migrations that were applied."""
    where = addresses(settings)
    return await prepare_database(where.database_admin_dsn, where.database_dsn)


async def run_serve(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """The HTTP API alone, until told to stop."""
    where = addresses(settings)
    async with open_product(settings, dsn=where.database_dsn) as product, http(product) as url:
        ready(url)
        await until_told_to_stop()


async def run_worker(settings: Settings, *, ready: Callable[[str], None]) -> None:
    """Projections, dispatcher and a worker, until told to stop. Many may run; the singletons stand by."""
    where = addresses(settings)
    if not where.temporal_address:
        raise NothingRuns("The worker needs a Temporal server: set TEMPORAL_ADDRESS, or start `ccp up`.")
    async with (
        open_product(settings, dsn=where.database_dsn) as product,
        engine(product, temporal_address=where.temporal_address),
    ):
        ready(where.temporal_address)
        await until_told_to_stop()


async def run_up(settings: Settings, *, ready: Callable[[RunningProduct], None]) -> None:
    """The whole product, until told to stop."""
    async with running(settings) as (_, where):
        ready(where)
        await until_told_to_stop()


async def until_told_to_stop() -> None:
    """Return at SIGINT or SIGTERM; a second one ends the process at once, as it does by default."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        told.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _keep_alive(name: str, server: EmbeddedPostgres | EmbeddedTemporal) -> None:
    """Restart an embedded server that dies; everything that uses it waits and goes on by itself."""
    while True:
        await server.wait_dead()
        # Not how it ended: its last words may quote a statement.
        _log.warning("server.died", server=name, its_log=str(server.log_file))
        pause = 0.2
        while True:
            try:
                await server.restart()
                break
            except Exception:  # noqa: BLE001 - whatever is wrong, it is tried again until it is right
                _log.exception("server.restart_failed", server=name)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
        _log.info("server.restarted", server=name)


async def _for_ever(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run again what ended or failed: its place in the log is kept, so that nothing is lost or done twice."""
    pause = 0.2
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        try:
            await work()
        except Exception:  # noqa: BLE001 - one part that fails must not end the others
            _log.exception("engine.part_failed", part=name)
        pause = 0.2 if loop.time() - began > 30 else min(pause * 2, 5.0)
        await asyncio.sleep(pause)


async def _cancel(task: asyncio.Task[None]) -> None:
    # Once and no more: a worker takes its time to end, and being cancelled again would cut that short.
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _close(pool: Pool) -> None:
    try:
        await asyncio.wait_for(pool.close(), timeout=5)
    except (TimeoutError, OSError):
        pool.terminate()
