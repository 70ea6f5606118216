"""What a test of the read models may ask for beside the log: somebody to tell it, the runner, and the answers."""

from __future__ import annotations

import pytest
from asyncpg import Pool

from adapters.postgres.event_log import PostgresEventLog
from projections import ProjectionRunner, ReadModels
from tests.projections.telling import Teller


@pytest.fixture
def teller(log: PostgresEventLog) -> Teller:
    return Teller(log)


@pytest.fixture
def runner(pool: Pool, log: PostgresEventLog) -> ProjectionRunner:
    return ProjectionRunner(pool, log)


@pytest.fixture
def models(pool: Pool) -> ReadModels:
    return ReadModels(pool)
