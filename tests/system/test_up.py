"""`ccp up`: the whole product from one command, found again after every way to end it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from domain.messages import Actor
from tests.support.directories import reachable_directory
from tests.system.office import COORDINATOR, REFERRER, a_form
from tests.system.processes import Process, ccp_aside, gone_within, read_json, running

STOPS = "Ctrl-C stops it"
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(290)]


@pytest.fixture
def data() -> Iterator[Path]:
    with reachable_directory() as directory:
        yield directory / "data"


@asynccontextmanager
async def up(data: Path, said_in: Path) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """The product, once it says that it runs, and somebody who calls its API."""
    with running("up", "--data", str(data), "--port", "0", env={}, said_in=said_in) as process:
        await process.until_said(STOPS)
        said = process.said
        address = re.search(r"HTTP API +(http://127\.0\.0\.1:\d+)", said)
        assert address, said
        assert re.search(r"Temporal UI +http://127\.0\.0\.1:\d+", said), said
        async with httpx.AsyncClient(base_url=address[1], timeout=10) as client:
            yield process, client


def acting_as(actor: Actor) -> dict[str, str]:
    return {"Ccp-Person": actor.person, "Ccp-Role": actor.role.value, "Ccp-Agency": actor.agency}


async def refer(client: httpx.AsyncClient, number: int) -> str:
    said = await client.post(
        "/commands/submit-referral", json={"form": a_form(number)}, headers=acting_as(REFERRER)
    )
    assert said.status_code == 200, said.text
    return str(said.json()["case_id"])


async def shown(data: Path, *arguments: str) -> Any:
    """What `ccp` in another process says of the product, which it finds by the data directory alone."""
    return read_json(await ccp_aside(*arguments, "--json", env={"CCP_DATA": str(data)}))


async def until_in_triage(data: Path, *case_ids: str) -> None:
    """The engine begins triage by itself, and the lists show it."""
    deadline = time.monotonic() + 90
    while True:
        listed = await shown(data, "cases", "--stage", "Triage")
        if {row["case_id"] for row in listed["rows"]} == set(case_ids):
            return
        assert time.monotonic() < deadline, listed
        await asyncio.sleep(0.2)


async def test_the_product_is_found_again_after_ctrl_c_and_after_kill_minus_9(
    data: Path, tmp_path: Path
) -> None:
    async with up(data, tmp_path / "up.log") as (process, client):
        assert (await client.get("/openapi.json")).status_code == 200
        first = await refer(client, 1)
        await until_in_triage(data, first)
        servers = process.descendants()
        assert any("postgres" in one.name() for one in servers), servers
        assert any("temporal" in " ".join(one.cmdline()) for one in servers), servers
        assert await process.interrupted(seconds=60) == 0
        gone_within(servers, 10)
        assert "Stopped" in process.said
        assert "Traceback" not in process.said
    await _nothing_is_found(data)

    async with up(data, tmp_path / "up.log") as (process, client):
        await until_in_triage(data, first)
        second = await refer(client, 2)
        await until_in_triage(data, first, second)
        servers = process.descendants()
        process.kill()
        # Nobody is left to stop them, so they end by themselves; the next start would also end them.
        gone_within(servers, 60)
    await _nothing_is_found(data)

    async with up(data, tmp_path / "up.log") as (process, client):
        await until_in_triage(data, first, second)
        done = await client.post(
            "/commands/confirm-eligible", json={"case_id": first}, headers=acting_as(COORDINATOR)
        )
        assert done.status_code == 200, done.text
        third = await refer(client, 3)
        await until_in_triage(data, second, third)
        assert (await shown(data, "case", "show", first))["stage"] == "AwaitingConsent"


async def _nothing_is_found(data: Path) -> None:
    asked = await ccp_aside("cases", env={"CCP_DATA": str(data)})
    assert asked.returncode == 3
    assert "ccp up" in asked.stderr


async def test_one_data_directory_has_one_product_and_a_second_is_refused_with_a_sentence(
    data: Path, tmp_path: Path
) -> None:
    async with up(data, tmp_path / "up.log") as (process, client):
        second = await ccp_aside("up", "--data", str(data), "--port", "0", env={})
        assert second.returncode == 3
        assert "Traceback" not in second.stderr
        assert re.search(r"in use by process \d+; stop that one, or choose another directory", second.stderr)
        assert str(process.process.pid) in second.stderr
        # The first has not noticed, and others still find it.
        case_id = await refer(client, 1)
        await until_in_triage(data, case_id)
        assert process.process.poll() is None


async def test_a_port_that_is_taken_is_told_in_a_sentence_that_says_what_to_do(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await ccp_aside("up", "--data", str(data), "--port", port, "--json", env={})
    assert ended.returncode == 3, ended.stderr
    problem = json.loads(ended.stdout)
    assert problem["code"] == "product_not_running"
    assert port in problem["detail"]
    assert "CCP_PORT" in problem["detail"]


async def test_a_server_that_dies_below_the_running_product_is_started_again(
    data: Path, tmp_path: Path
) -> None:
    async with up(data, tmp_path / "up.log") as (process, client):
        first = await refer(client, 1)
        for one in process.descendants():
            if one.ppid() == process.process.pid:
                one.send_signal(signal.SIGKILL)
        second = await _until_referred(client, 2)
        await until_in_triage(data, first, second)
        assert await process.interrupted(seconds=60) == 0
        assert not [
            one
            for one in psutil.process_iter(["cmdline"])
            if str(data) in " ".join(one.info["cmdline"] or ())
        ]


async def _until_referred(client: httpx.AsyncClient, number: int) -> str:
    """As any caller does: the same request again until the log is back."""
    headers = {**acting_as(REFERRER), "Idempotency-Key": f"referral-{number}"}
    deadline = time.monotonic() + 90
    while True:
        said = await client.post("/commands/submit-referral", json={"form": a_form(number)}, headers=headers)
        if said.status_code == 200:
            return str(said.json()["case_id"])
        assert said.status_code == 503, said.text
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
