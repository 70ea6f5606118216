"""The worker: runs our processes and their activity. Any number of them may run; which one does what does not matter.

Must not hold a rule or a timer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.worker import PollerBehaviorAutoscaling, Worker

from workflows.activities import PathwayActivities
from workflows.processes import PROCESSES

if TYPE_CHECKING:
    from temporalio.client import Client

    from domain.application import Application

WORKFLOWS = tuple(PROCESSES.values())
GRACE = timedelta(seconds=10)
CACHED = 1_000
"""How many processes a worker keeps in memory; one that is not among them is replayed when it hears something."""

AT_ONCE = 40
"""How many processes it advances at the same moment. One that is replayed takes up to a tenth of a second of the one
interpreter; with a hundred of them at once, as after a restart, none would be done within the ten seconds that the server
waits, and all would begin again, for ever."""


def build_worker(
    client: Client,
    application: Application,
    *,
    task_queue: str,
    grace: timedelta = GRACE,
    cached: int = CACHED,
) -> Worker:
    """A worker, to be used with `async with` or `run()`. When it stops, what it is doing gets `grace` to end."""
    return Worker(
        client,
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=[PathwayActivities(application).issue],
        # With the fixed default, a new workflow waits for one of the few pollers that look at the shared queue:
        # measured, the slowest twentieth of first steps went from 98 to 22 ms.
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        max_cached_workflows=cached,
        max_concurrent_workflow_tasks=AT_ONCE,
        graceful_shutdown_timeout=grace,
    )
