"""Processes that began under earlier code go on under this one: their recorded histories replay.

`pytest tests/workflows/test_histories.py --record-histories` writes new ones, for a change that is meant to be visible
in them. Those of before are renamed to `<process>-v<number>.json` first and kept; one is thrown away only when no process
that began under it can still be open.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from adapters.temporal.client import DATA_CONVERTER
from adapters.temporal.worker import WORKFLOWS
from tests.workflows.other_lives import LIVES
from tests.workflows.whole_case import play, workflow_ids
from tests.workflows.world import World
from workflows.contracts import ProcessKind, workflow_id
from workflows.processes import PROCESSES

RECORDED = sorted((Path(__file__).parent / "histories").glob("*.json"))


async def replay(history: WorkflowHistory) -> None:
    await Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER).replay_workflow(history)


async def test_every_process_of_a_whole_case_replays(world: World, request: pytest.FixtureRequest) -> None:
    case = await play(world)
    for process in workflow_ids(case):
        history = await world.time.client.get_workflow_handle(process).fetch_history()
        await replay(history)
        if request.config.getoption("--record-histories", default=False):
            _keep(process.removesuffix(f"-{case.case_id}"), history)


@pytest.mark.parametrize("kind", LIVES, ids=str)
async def test_every_process_beside_the_road_of_a_case_replays(
    kind: ProcessKind, world: World, request: pytest.FixtureRequest
) -> None:
    handle = world.time.client.get_workflow_handle(workflow_id(kind, await LIVES[kind](world)))
    await handle.result()
    history = await handle.fetch_history()
    await replay(history)
    if request.config.getoption("--record-histories", default=False):
        _keep(kind, history)


def _keep(kind: str, history: WorkflowHistory) -> None:
    file = Path(__file__).parent / "histories" / f"{kind}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(_without_places(history.to_json_dict()), indent=1) + "\n")


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    recorded = await asyncio.to_thread(file.read_text)
    await replay(WorkflowHistory.from_json(file.stem, recorded))


def test_there_is_a_recorded_history_of_every_process() -> None:
    recorded = {
        json.loads(file.read_text())["events"][0]["workflowExecutionStartedEventAttributes"]["workflowType"][
            "name"
        ]
        for file in RECORDED
    }
    assert recorded == {process.__name__ for process in PROCESSES.values()}


def test_what_began_under_version_1_is_kept() -> None:
    assert {f"{kind}-v1" for kind in ("allocation", "consent", "forum-review", "referral", "step-down")} <= {
        file.stem for file in RECORDED
    }


def _without_places(node: Any) -> Any:
    """Without the names of the machines that took part."""
    if isinstance(node, dict):
        return {key: _without_places(value) for key, value in node.items() if key != "identity"}
    return [_without_places(one) for one in node] if isinstance(node, list) else node
