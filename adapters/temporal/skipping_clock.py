"""The clock of Temporal's time-skipping server: read, moved forward, and held again should the server have let it go.

The server counts who holds its clock: we do, and whatever it does itself; when nobody does, the clock jumps to the next
timer and goes on jumping. Under much load it miscounts now and then, by one. Must not know what anybody waits for.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, SleepRequest
from temporalio.service import RPCError, RPCStatusCode

if TYPE_CHECKING:
    from temporalio.client import Client

# A timer fires a little after the deadline it was set for, by the time that the step before it took.
_SLACK: Final = timedelta(milliseconds=20)
_RUNS: Final = timedelta(minutes=1)
"""A clock that is held goes on as ours on the wall does; one that is so much ahead of that is not held."""
_LOOK_AGAIN_SECONDS: Final = 0.01


class SkippingClock:
    """The server's clock, in our time: `ahead` says how much later ours is."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.ahead = timedelta(0)
        self._held_since: tuple[datetime, float] | None = None

    async def shows(self) -> datetime:
        """The present instant."""
        answer = await self._client.test_service.get_current_time(Empty(), retry=True)
        return answer.time.ToDatetime().replace(tzinfo=UTC) + self.ahead

    async def move_to(self, instant: datetime) -> None:
        """Go to an instant, by way of every timer that is set until then. Raises RPCError."""
        lost = False
        while (ahead := instant + _SLACK - await self.shows()) > timedelta(0):
            request = SleepRequest()
            request.duration.FromTimedelta(ahead)
            try:
                await self._client.test_service.unlock_time_skipping_with_sleep(request)
            except RPCError as error:
                if error.status is RPCStatusCode.UNKNOWN:
                    # Nobody held it, so there was nothing to let go. It jumps as far as we said, and is held there.
                    await self._jumped_to(instant)
                # On a busy machine the connection can be lost on the way. How far the clock got tells what is left.
                elif lost or error.status is not RPCStatusCode.INTERNAL:
                    raise
                lost = True
        self._held_since = await self.shows(), asyncio.get_running_loop().time()

    async def hold_if_it_runs(self) -> bool:
        """Hold it, should nobody; whether it ran."""
        if self._held_since is None:
            return False
        then, since = self._held_since
        by_the_wall = then + timedelta(seconds=asyncio.get_running_loop().time() - since)
        if await self.shows() - by_the_wall < _RUNS:
            return False
        await self._client.test_service.lock_time_skipping(LockTimeSkippingRequest())
        self._held_since = await self.shows(), asyncio.get_running_loop().time()
        return True

    async def _jumped_to(self, instant: datetime) -> None:
        while await self.shows() < instant + _SLACK:  # noqa: ASYNC110 - nobody rings when it moves
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
