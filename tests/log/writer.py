"""One of many writers, as a process of its own that may be killed: writes to hot streams and says what it was told.

`python -m tests.log.writer DSN NAME COMMANDS STREAM…` says so before it sends a command and again when it is answered;
with -1 for COMMANDS it goes on until it is killed.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys
from uuid import UUID, uuid4

from adapters.loop import run_main
from adapters.postgres.errors import LogError
from adapters.postgres.event_log import PostgresEventLog
from adapters.postgres.pool import open_pool
from domain.ports import VersionConflict
from tests.log.writing import note

AT_ONCE = 4


async def write(dsn: str, name: str, commands: int, streams: list[UUID]) -> None:
    pool = await open_pool(dsn, max_size=4)
    log = PostgresEventLog(pool)
    chance = random.Random(name)

    async def one() -> None:
        for _ in itertools.count() if commands < 0 else range(commands // AT_ONCE):
            chosen = chance.sample(streams, 2)
            try:
                stands = [(stream, (await log.load(stream)).version) for stream in chosen]
            except LogError:
                continue
            append = note(*stands, command_id=uuid4())
            say("sent", append.command_id)
            try:
                answer = await log.append(append)
            except VersionConflict:
                say("refused", append.command_id)
            except LogError as error:
                say("unknown" if error.code == "log_unavailable" else error.code, append.command_id)
            else:
                say("accepted", append.command_id, *(written.position for written in answer.events))

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    say("done", name)
    pool.terminate()


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_main(write(sys.argv[1], sys.argv[2], int(sys.argv[3]), [UUID(stream) for stream in sys.argv[4:]]))
