"""The embedded Temporal servers against what happens to them: crashes, orphans, taken ports, odd paths."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.testing import WorkflowEnvironment

from adapters.embedded import (
    DataDirectoryInUse,
    EmbeddedTemporal,
    PortInUse,
    RunningProduct,
    ServerDied,
    TimeSkippingTemporal,
    announce,
    find_running,
    withdraw,
)
from adapters.embedded.process import exists, runs
from tests.support.directories import reachable_directory

CASE_ID = SearchAttributeKey.for_keyword("CaseId")
ATTRIBUTES = {"CaseId": "Keyword"}

only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child that its parent died"
)

PREDECESSOR = """
import asyncio, sys
from pathlib import Path
from adapters.embedded import EmbeddedTemporal, process
if sys.argv[2] == "untied":
    process._tied_to_us = lambda signum: None

async def main():
    async with EmbeddedTemporal(Path(sys.argv[1]), search_attributes={}) as temporal:
        print(temporal.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_directory() as directory:
        # The space, the percent sign and the question mark each stop a server that is given the whole path.
        yield directory / "a dir 50%?"


@pytest_asyncio.fixture
async def temporal(data_dir: Path) -> AsyncIterator[EmbeddedTemporal]:
    async with EmbeddedTemporal(data_dir, namespace="care", search_attributes=ATTRIBUTES) as server:
        yield server


async def start_a_case(client: Client) -> None:
    await client.start_workflow(
        "CaseWorkflow",
        id="case-1",
        task_queue="nobody-listens",
        search_attributes=TypedSearchAttributes([SearchAttributePair(CASE_ID, "case-1")]),
    )


async def gone(pid: int, marker: str, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while runs(pid, marker):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def a_killed_predecessor(data_dir: Path, *, tied: bool) -> int:
    """Run the server from another process, kill that process, and answer the server's process id."""
    product = subprocess.Popen(
        [sys.executable, "-c", PREDECESSOR, str(data_dir), "tied" if tied else "untied"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert product.stdout is not None
    with product.stdout:
        server = int(product.stdout.readline())
    product.kill()
    product.wait()
    return server


@pytest.mark.asyncio
async def test_the_server_has_our_namespace_and_attributes_and_keeps_closed_workflows_for_ninety_days(
    temporal: EmbeddedTemporal,
) -> None:
    client = await Client.connect(temporal.address, namespace="care")

    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="care"))
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="care")
    )

    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == timedelta(days=90)
    assert "CaseId" in listed.custom_attributes


@pytest.mark.asyncio
async def test_the_web_pages_answer_and_nothing_listens_beyond_this_machine(
    temporal: EmbeddedTemporal,
) -> None:
    def status() -> int:
        with urlopen(temporal.ui_url, timeout=60) as answer:
            return int(answer.status)

    assert await asyncio.to_thread(status) == 200
    assert temporal.address.startswith("127.0.0.1:")
    assert temporal.ui_url.startswith("http://127.0.0.1:")


@pytest.mark.asyncio
async def test_a_killed_server_starts_again_at_the_same_address_with_its_workflows(
    temporal: EmbeddedTemporal,
) -> None:
    await start_a_case(await Client.connect(temporal.address, namespace="care"))
    where, pid = (temporal.address, temporal.ui_url), temporal.pid

    os.kill(pid, signal.SIGKILL)
    assert "SIGKILL" in await asyncio.wait_for(temporal.wait_dead(), 60)
    assert not temporal.alive
    await temporal.restart()

    assert ((temporal.address, temporal.ui_url), temporal.alive) == (where, True)
    assert temporal.pid != pid
    client = await Client.connect(temporal.address, namespace="care")
    assert (await client.get_workflow_handle("case-1").describe()).status == WorkflowExecutionStatus.RUNNING


@pytest.mark.asyncio
async def test_a_new_release_may_bring_a_new_search_attribute_to_old_data(data_dir: Path) -> None:
    async with EmbeddedTemporal(data_dir, search_attributes={}) as temporal:
        pid = temporal.pid
    assert not exists(pid)

    async with EmbeddedTemporal(data_dir, search_attributes=ATTRIBUTES) as temporal:
        await start_a_case(await Client.connect(temporal.address))


@pytest.mark.asyncio
async def test_one_data_directory_has_one_owner_and_the_refusal_names_it(
    data_dir: Path, temporal: EmbeddedTemporal
) -> None:
    with pytest.raises(DataDirectoryInUse, match=rf"in use by process {os.getpid()};"):
        await EmbeddedTemporal(data_dir, search_attributes={}).start()
    assert temporal.alive
    assert os.getsid(temporal.pid) != os.getsid(0)


@pytest.mark.asyncio
async def test_a_port_that_is_taken_is_named(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortInUse, match=f"port {port} on 127.0.0.1 is in use"):
            await EmbeddedTemporal(data_dir, search_attributes={}, port=port).start()


@pytest.mark.asyncio
async def test_a_server_that_cannot_start_says_why_with_its_own_last_words(data_dir: Path) -> None:
    with pytest.raises(ServerDied, match=r"ended with exit code 1(.|\n)*NoSuchType"):
        await EmbeddedTemporal(data_dir, search_attributes={"CaseId": "NoSuchType"}).start()


@only_linux
@pytest.mark.asyncio
async def test_when_the_product_is_killed_the_server_ends_with_it(data_dir: Path) -> None:
    server = a_killed_predecessor(data_dir, tied=True)
    assert await gone(server, f"temporal of {data_dir / 'temporal'}")


@pytest.mark.asyncio
async def test_an_orphan_left_on_the_data_is_ended_before_the_start(data_dir: Path) -> None:
    orphan = a_killed_predecessor(data_dir, tied=False)
    assert runs(orphan, f"temporal of {data_dir / 'temporal'}")

    async with EmbeddedTemporal(data_dir, search_attributes={}) as temporal:
        assert temporal.pid != orphan
        assert not runs(orphan, f"temporal of {data_dir / 'temporal'}")


@pytest.mark.asyncio
async def test_the_time_skipping_server_is_found_in_the_environment_and_runs() -> None:
    executable = TimeSkippingTemporal.executable()
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(executable)
    ) as env:
        before = await env.get_current_time()
        await env.sleep(timedelta(days=90))
        assert await env.get_current_time() - before >= timedelta(days=90)


def test_the_command_line_finds_the_running_product_and_nobody_else_can_read_where(data_dir: Path) -> None:
    data_dir.mkdir()
    assert find_running(data_dir) is None
    product = RunningProduct(database_dsn="postgresql://u:hunter2@h/ccp", temporal_address="127.0.0.1:7233")

    announce(data_dir, product)

    assert find_running(data_dir) == product
    assert (data_dir / "run.json").stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in repr(product)

    withdraw(data_dir)
    assert find_running(data_dir) is None
    assert list(data_dir.iterdir()) == []


def test_what_a_product_that_is_gone_left_behind_counts_as_absent(data_dir: Path) -> None:
    data_dir.mkdir()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    announce(
        data_dir,
        RunningProduct(pid=ended.pid, started="1", database_dsn="x", temporal_address="127.0.0.1:7233"),
    )
    assert find_running(data_dir) is None

    # The number lives, but belongs to a process that started at another moment.
    announce(
        data_dir,
        RunningProduct(pid=os.getpid(), started="1", database_dsn="x", temporal_address="127.0.0.1:7233"),
    )
    assert find_running(data_dir) is None

    (data_dir / "run.json").write_text("{half a fi")
    assert find_running(data_dir) is None
