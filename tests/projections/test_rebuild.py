"""A read model rebuilt from the whole log is row for row what it was live, however the events came in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import count

import pytest
from asyncpg import Pool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.event_log import PostgresEventLog
from domain.case.cover import CoverStarted
from domain.messages import Event
from projections import PROJECTIONS, ProjectionRunner, rebuild
from tests.projections.telling import Teller, completed, engaged, every_row, given_to, returned, stepped_down
from tests.support.scenario import DECIDED, a_case, a_meeting, a_worker

NUMBERS = count(1)


def one_history(name: str) -> dict[str, list[Event]]:
    """A meeting, a worker and five cases in different stages, each as its own sequence of events."""
    meeting, sam = a_meeting(name), a_worker(name)
    whole, waiting, listed, early, quiet = (
        a_case(f"{name}/{part}") for part in ("whole", "waiting", "listed", "early", "quiet")
    )
    heard = whole.on_agenda(meeting).then_also(returned(whole, meeting)).accepted()
    return {
        "meeting": list(meeting.agenda_open()),
        "worker": list(sam),
        "whole": [
            *heard,
            *given_to(whole, sam),
            *engaged(whole, sam),
            *stepped_down(whole, at=DECIDED),
            *completed(whole, sam, at=DECIDED),
        ],
        "waiting": [
            *waiting.accepted().with_concern().escalated(),
            *given_to(waiting, sam),
            CoverStarted(
                **waiting.ids,
                worker_id=sam.worker_id,
                cover_worker_id=a_worker(f"{name}/cover").worker_id,
                cover_name="Kim",
                cover_ref="worker-kim",
                ground="absence",
                until=date(2027, 3, 31),
                ends_at=DECIDED,
            ),
        ],
        "listed": list(listed.waiting()),
        "early": list(early.in_triage().closed()),
        "quiet": list(quiet.ready_for_forum()),
    }


def shuffled(sequences: Sequence[Sequence[Event]], draws: Sequence[int]) -> list[Event]:
    """The events of these sequences in an order that keeps each sequence's own."""
    left = [list(sequence) for sequence in sequences if sequence]
    order: list[Event] = []
    for draw in [*draws, *(0 for _ in range(sum(map(len, left))))]:
        if not left:
            break
        chosen = left[draw % len(left)]
        order.append(chosen.pop(0))
        left = [sequence for sequence in left if sequence]
    return order


async def rows_of_a_rebuild(
    pool: Pool, log: PostgresEventLog, batch: int
) -> dict[str, list[tuple[object, ...]]]:
    for projection in PROJECTIONS:
        await rebuild(pool, projection)
    await ProjectionRunner(pool, log, batch=batch).catch_up()
    return await every_row(pool)


@pytest.mark.parametrize("batch", [1, 3, 500])
async def test_a_long_story_told_live_gives_the_rows_of_a_rebuild(
    pool: Pool, log: PostgresEventLog, teller: Teller, batch: int
) -> None:
    live = ProjectionRunner(pool, log, batch=batch)
    for sequence in one_history("long").values():
        for event in sequence:
            await teller.tell(event)
            if event.TOPIC.startswith(("Agenda", "KeyWorker", "Step", "Check")):
                await live.catch_up()
    await live.catch_up()
    rows = await every_row(pool)
    assert all(rows.values()), {table for table, found in rows.items() if not found}
    assert await rows_of_a_rebuild(pool, log, 500) == rows
    assert await rows_of_a_rebuild(pool, log, 1) == rows


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    draws=st.lists(st.integers(0, 4), max_size=80),
    batch=st.integers(1, 40),
    pauses=st.sets(st.integers(0, 80), max_size=6),
)
async def test_whatever_the_order_and_the_batches_rebuilt_rows_are_live_rows(
    pool: Pool, log: PostgresEventLog, draws: list[int], batch: int, pauses: set[int]
) -> None:
    teller = Teller(log)
    live = ProjectionRunner(pool, log, batch=batch)
    history = one_history(f"history-{next(NUMBERS)}")
    started = [history.pop("meeting"), history.pop("worker")]
    await teller.tell(*started)
    for place, event in enumerate(shuffled(list(history.values()), draws)):
        await teller.tell(event)
        if place in pauses:
            await live.catch_up()
    await live.catch_up()
    rows = await every_row(pool)
    assert await rows_of_a_rebuild(pool, log, 500) == rows
