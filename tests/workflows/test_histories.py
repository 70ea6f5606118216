"""Processes that began under earlier code go on under this one: their recorded histories replay.

`pytest tests/workflows/test_histories.py --record-histories` writes new ones, for a change that is meant to be visible
in them; an old one is thrown away only when no process that began under it can still be open.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from adapters.temporal.client import DATA_CONVERTER
from adapters.temporal.worker import WORKFLOWS
from domain.meeting.lifecycle import ConcludeMeeting, StartMeeting
from domain.meeting.minutes import IssueMinutes
from domain.meeting.planning import PlanMeeting
from domain.messages import MeetingId
from tests.support.scenario import CHAIR, COORDINATOR, FORUM, QUORUM
from tests.workflows.whole_case import play, workflow_ids
from tests.workflows.world import World, next_working_monday
from workflows.contracts import ProcessKind, workflow_id

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


async def test_the_process_of_a_meeting_replays(world: World, request: pytest.FixtureRequest) -> None:
    """Agenda, start and minutes late, nothing done by people in time: the engine does and says what it can."""
    starts_at = next_working_monday(world.now + timedelta(weeks=5), world.rules)
    plan = PlanMeeting(forum=FORUM, starts_at=starts_at, repeats=True)
    meeting = (await world.when(plan, as_=COORDINATOR)).events[0].stream_id
    await world.time.advance(starts_at - world.now + timedelta(days=2))
    register = tuple(line.model_dump() for line in QUORUM)
    await world.when(StartMeeting.model_validate({"meeting_id": meeting, "attendees": register}), as_=CHAIR)
    await world.when(ConcludeMeeting(meeting_id=MeetingId(meeting)), as_=CHAIR)
    await world.time.advance(timedelta(days=9))
    await world.when(IssueMinutes(meeting_id=MeetingId(meeting), minutes_ref="minutes-1"), as_=COORDINATOR)
    handle = world.time.client.get_workflow_handle(workflow_id(ProcessKind.MEETING, meeting))
    await handle.result()
    history = await handle.fetch_history()
    await replay(history)
    if request.config.getoption("--record-histories", default=False):
        _keep(ProcessKind.MEETING, history)


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
    assert recorded == {"Referral", "Consent", "ForumReview", "Allocation", "StepDown", "ForumMeeting"}


def _without_places(node: Any) -> Any:
    """Without the names of the machines that took part."""
    if isinstance(node, dict):
        return {key: _without_places(value) for key, value in node.items() if key != "identity"}
    return [_without_places(one) for one in node] if isinstance(node, list) else node
