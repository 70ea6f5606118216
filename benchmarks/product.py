"""What a user feels of `ccp up`: how soon it is ready, how much memory it takes idle, how fast it answers and imports.

The limit beside a command's answer is one durable commit to the same PostgreSQL: a command cannot be faster than that.
"""

import asyncio
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil

from adapters.embedded import find_running
from domain.case.referral_form import EXAMPLE_FORM

IDLE_SECONDS = 10
COMMANDS = 300
STARTS = 3
HEADERS = {"Ccp-Person": "officer-1", "Ccp-Role": "referrer", "Ccp-Agency": "Greater Manchester Police"}
CCP = Path(sys.executable).with_name("ccp")


async def run() -> dict:
    ready = []
    figures: dict = {}
    for number in range(STARTS):
        with tempfile.TemporaryDirectory(prefix="ccp-bench-") as directory:
            data = Path(directory)
            with _up(data) as (process, first):
                ready.append(first)
                if number == STARTS - 1:
                    _line(
                        "ccp up, new data directory, ready (median of 3)",
                        f"{statistics.median(ready):.2f} s",
                        "< 10 s",
                    )
                    figures = await _measure(process, data)
            if number == STARTS - 1:
                with _up(data) as (_, again):
                    _line("ccp up, existing data, ready", f"{again:.2f} s", "")
    return {"ready_s": {"new": ready, "median": statistics.median(ready), "existing": again}} | figures


async def _measure(process: subprocess.Popen[bytes], data: Path) -> dict:
    await asyncio.sleep(IDLE_SECONDS)
    rss, pss = _memory(process.pid)
    _line("idle memory, all processes, resident (RSS)", f"{rss:.0f} MB", "< 600 MB")
    _line("idle memory, all processes, shared pages once (PSS)", f"{pss:.0f} MB", "")
    running = find_running(data)
    assert running is not None
    assert running.http_url is not None
    async with (
        httpx.AsyncClient(base_url=running.http_url, headers=HEADERS) as client,
        _limit(running.database_dsn) as limit,
    ):
        answers, commits = [], []
        for number in range(COMMANDS):
            answers.append(await _timed(_submit(client, number)))
            commits.append(await _timed(limit()))
    median, most = (
        1000 * figure for figure in (statistics.median(answers), statistics.quantiles(answers, n=20)[18])
    )
    commit = 1000 * statistics.median(commits)
    _line("a command over HTTP, median", f"{median:.1f} ms", f"< 50 ms; {median / commit:.1f} x the limit")
    _line("a command over HTTP, 95 %", f"{most:.1f} ms", "")
    _line("the limit: one durable commit, median", f"{commit:.1f} ms", "")
    return {
        "idle_mb": {"rss": rss, "pss": pss},
        "command_ms": {"median": median, "p95": most, "commit": commit, "ratio": median / commit},
        "import_rows_a_second": _import(data),
    }


async def _submit(client: httpx.AsyncClient, number: int) -> None:
    form = {
        **EXAMPLE_FORM,
        "given_name": f"Person {number}",
        "date_of_birth": f"{1950 + number % 50}-0{1 + number % 9}-1{number % 9}",
    }
    body = {"form": form, "if_possible_duplicate": "link"}
    response = await client.post(
        "/commands/submit-referral", json=body, headers={"Idempotency-Key": str(uuid.uuid4())}
    )
    response.raise_for_status()


@contextlib.asynccontextmanager
async def _limit(dsn: str) -> AsyncIterator:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "CREATE SCHEMA IF NOT EXISTS bench; CREATE TABLE IF NOT EXISTS bench.row (at timestamptz)"
        )
        yield lambda: connection.execute("INSERT INTO bench.row VALUES (now())")
        await connection.execute("DROP SCHEMA bench CASCADE")
    finally:
        await connection.close()


async def _timed(work) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


def _import(data: Path) -> dict[str, float]:
    """240 rows, none of them like another, through the command line, its start-up included."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", delete=False, encoding="utf-8") as register:
        register.write(
            "reference,referring_agency,given_name,family_name,date_of_birth,ward,needs,offer,person_aware\n"
        )
        for number in range(240):
            name = uuid.uuid5(uuid.NAMESPACE_URL, str(number)).hex
            day = f"{1 + number % 28:02d}/{1 + number % 12:02d}/{1940 + number % 60}"
            register.write(
                f"BENCH-{number},Shelter,{name[:8]},{name[8:18]},{day},Ardwick,debt;hoarding,A visit,yes\n"
            )
    took = []
    for command in (("first time", "import"), ("again, all known", "import")):
        began = time.perf_counter()
        done = subprocess.run(
            [CCP, "import", "referrals", register.name, "--json"],
            env=_environment(data), capture_output=True, text=True, check=True,
        )  # fmt: skip
        took.append(time.perf_counter() - began)
        counts = json.loads(done.stdout)["counts"]
        _line(
            f"import of 240 rows, {command[0]}",
            f"{240 / took[-1]:.0f} rows/s ({took[-1]:.1f} s)",
            str(counts),
        )
    Path(register.name).unlink()
    first, again = took
    return {"first": 240 / first, "again": 240 / again}


@contextlib.contextmanager
def _up(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    began = time.perf_counter()
    process = subprocess.Popen(
        [CCP, "up", "--data", str(data), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            running = find_running(data)
            if running is not None and running.http_url is not None:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(f"{running.http_url}/ready").status_code == 200:
                        break
            if process.poll() is not None or time.perf_counter() - began > 60:
                sys.exit("ccp up did not become ready")
            time.sleep(0.02)
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=30)


def _memory(pid: int) -> tuple[float, float]:
    """Megabytes of a process and all it started: resident, and with pages that are shared counted once."""
    root = psutil.Process(pid)
    family = [root, *root.children(recursive=True)]
    rss = sum(one.memory_info().rss for one in family)
    pss = sum(_pss(one.pid) for one in family)
    return rss / 1e6, pss / 1e6


def _pss(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup")
    found = re.search(r"^Pss:\s+(\d+) kB", rollup.read_text(), re.MULTILINE) if rollup.exists() else None
    return int(found[1]) * 1024 if found else psutil.Process(pid).memory_info().rss


def _environment(data: Path) -> dict[str, str]:
    return {**os.environ, "CCP_DATA": str(data)}


def _line(what: str, figure: str, beside: str) -> None:
    print(f"{what:<58} {figure:>24}   {beside}", flush=True)
