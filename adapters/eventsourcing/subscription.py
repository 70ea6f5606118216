"""Following a log from any position, for callers that iterate: LISTEN is the hint, a look every second the promise.

The library's own subscription misses what is written before it listens, and ends when its line is lost; this one
does neither. Must not keep a position: whoever iterates does.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from eventsourcing.persistence import ListenNotifySubscription, OperationalError

if TYPE_CHECKING:
    from adapters.eventsourcing.recorders import ApplicationRecorder


class LogSubscription(ListenNotifySubscription["ApplicationRecorder"]):
    """What is in a log after a position, and then what comes; it waits for a database that is away."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        self._ringing: Future[None] | None = None
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._ringing = recorder.datastore.ring(recorder.schema, self._has_been_notified)
        if self._has_been_stopped:
            self._ringing.cancel()

    def stop(self) -> None:
        """End the iteration."""
        super().stop()
        if self._ringing is not None:
            self._ringing.cancel()

    def _pull(self) -> None:
        try:
            super()._pull()
        except OperationalError:
            # The bell rings again within a second, and the position has not moved.
            return
