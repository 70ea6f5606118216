"""The clock of Temporal's time-skipping server: read, moved forward, and held again should the server have let it go.

The server counts who holds its clock: we do, and whatever it does itself; when nobody does, the clock jumps to the next
timer and goes on jumping. Under much load it miscounts now and then, by one more or less. Must not know what anybody
waits for.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, SleepRequest, UnlockTimeSkippingRequest
from temporalio.service import RPCError, RPCStatusCode

if TYPE_CHECKING:
    from temporalio.client import Client

# A timer fires a little after the deadline it was set for, by the time that the step before it took.
_SLACK: Final = timedelta(milliseconds=20)
_RUNS: Final = timedelta(minutes=1)
"""A clock that is held goes on as ours on the wall does; one that is so much ahead of that is not held."""
_LOOK_AGAIN_SECONDS: Final = 0.01
_PATIENCE_SECONDS: Final = 30.0
_ATTEMPTS: Final = 3
_UNDER_WAY: Final = frozenset(
    {
        # Nobody held the clock, so there was nothing to let go. It jumps as far as was said, and is held there.
        RPCStatusCode.UNKNOWN,
        # On a busy machine the connection can be lost on the way, and what was said is done all the same.
        RPCStatusCode.INTERNAL,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNAVAILABLE,
    }
)
"""Errors after which the clock goes where it was to go."""


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
        attempts = 0
        while (ahead := instant + _SLACK - await self.shows()) > timedelta(0):
            request = SleepRequest()
            request.duration.FromTimedelta(ahead)
            try:
                await self._sleep(request)
            except RPCError as error:
                attempts += 1
                if attempts == _ATTEMPTS or error.status not in _UNDER_WAY:
                    raise
                await self._comes_to(instant)
        self._held_since = await self.shows(), asyncio.get_running_loop().time()

    async def _sleep(self, request: SleepRequest) -> None:
        """Let it jump. Should it only go on as ours on the wall does, somebody is counted who holds it no more."""
        sleeping = asyncio.ensure_future(self._client.test_service.unlock_time_skipping_with_sleep(request))
        try:
            while not sleeping.done():
                then = await self.shows()
                await asyncio.wait({sleeping}, timeout=_PATIENCE_SECONDS)
                if not sleeping.done() and await self.shows() - then < _RUNS:
                    await self._client.test_service.unlock_time_skipping(UnlockTimeSkippingRequest())
            await sleeping
        finally:
            sleeping.cancel()

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

    async def _comes_to(self, instant: datetime) -> None:
        """Wait for it to come there; not for ever, as it may not have been told."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while await self.shows() < instant + _SLACK:  # noqa: ASYNC110 - nobody rings when it moves
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)
