"""The command line in this process, as somebody at a terminal types it, against a real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from adapters.cli.main import root
from adapters.postgres.event_log import PostgresEventLog
from projections import ProjectionRunner, prepare
from tests.support.clocks import StandingClock


@dataclass(frozen=True)
class Typed:
    """What came of a line that somebody typed."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Ccp = Callable[..., Typed]


@pytest.fixture
def ccp(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Ccp:
    """Type `ccp …`; nothing runs unless the test names a database."""
    for name in ("DATABASE_URL", "DATABASE_ADMIN_URL", "TEMPORAL_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CCP_DATA", str(tmp_path))

    def type_in(*arguments: str, stdin: str | None = None) -> Typed:
        result = CliRunner().invoke(root, list(arguments), input=stdin)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert "Traceback" not in result.output
        return Typed(result.exit_code, result.stdout, result.stderr)

    return type_in


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """The clock of the product that the command line opens."""
    standing = StandingClock()
    monkeypatch.setattr("adapters.bootstrap.SystemClock", lambda: standing)
    return standing


@pytest.fixture
async def running(
    ccp: Ccp, monkeypatch: pytest.MonkeyPatch, database: str, pool: asyncpg.Pool, log: PostgresEventLog
) -> Callable[..., Any]:
    """Type `ccp …` while a product runs: its database is there, and its read models are kept up to date."""
    monkeypatch.setenv("DATABASE_URL", database)
    await prepare(pool)
    runner = ProjectionRunner(pool, log)

    async def type_in(*arguments: str, stdin: str | None = None) -> Typed:
        await runner.catch_up()
        # In a thread: the command line runs an event loop of its own.
        return await asyncio.to_thread(ccp, *arguments, stdin=stdin)

    return type_in
