"""When the line breaks around a commit, a synchronous application gets its answer and not a conflict."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent, Tracking

from adapters.eventsourcing import Factory
from tests.log.lossy import Loss, a_lossy_line
from tests.support.directories import reachable_directory


@pytest.mark.parametrize("loss", [Loss.QUESTION, Loss.ANSWER])
async def test_a_write_whose_line_breaks_is_carried_out_once_and_answered(database: str, loss: Loss) -> None:
    parts = urlsplit(database)
    server = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
    with reachable_directory() as directory:
        async with a_lossy_line(server, directory / ".s.PGSQL.5432") as line:
            through = parts._replace(query=f"host={directory}&port=5432").geturl()
            factory = Factory({"DATABASE_URL": through, "DATABASE_ADMIN_URL": database})
            try:
                recorder = await asyncio.to_thread(factory.process_recorder)
                stream = uuid4()
                for version in (1, 2, 3):
                    # From the second on the statement is prepared: one question, one answer.
                    line.lose = loss if version == 2 else Loss.NOTHING
                    event = StoredEvent(stream, version, "Noted", b"{}")
                    assert await asyncio.to_thread(recorder.insert_events, [event]) == [version]
                assert line.losses == 1
                assert await asyncio.to_thread(recorder.max_notification_id) == 3

                # With a position nothing is sent again: the position says whether it was done.
                line.lose = loss
                event, tracking = StoredEvent(stream, 4, "Noted", b"{}"), Tracking("upstream", 1)
                with pytest.raises(OperationalError):
                    await asyncio.to_thread(lambda: recorder.insert_events([event], tracking=tracking))
                done = await asyncio.to_thread(recorder.max_tracking_id, "upstream") == 1
                assert await asyncio.to_thread(recorder.max_notification_id) == (4 if done else 3)
            finally:
                await asyncio.to_thread(factory.close)
