"""An event loop in a thread of its own, so that callers without one can wait for asynchronous work.

Any number of threads may wait at once; what they ask for meets in the one loop, where appends form batches. Must not
know what is run.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class BackgroundLoop:
    """The loop; it starts at once, and ends when closed, when nobody refers to it any longer, or with the process.

    `farewell` is called last, when everything else has been cancelled; it must not refer to whoever holds the loop.
    """

    def __init__(self, name: str, farewell: Callable[[], None]) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: a caller who forgets to close must not keep the process alive.
        self._thread = threading.Thread(target=_run, args=(self._loop, farewell), name=name, daemon=True)
        self._thread.start()
        # The thread knows the loop only, so that this object can be collected, and the loop with it.
        self._end = weakref.finalize(self, _end, self._loop, self._thread)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return not self._end.alive

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let something asynchronous run; the future can be waited for or cancelled from any thread."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            # The loop is closed, and nobody else would ever await it.
            work.close()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something asynchronous, from any thread but the loop's own."""
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("work of the background loop called something that waits for that loop")
        future = self.start(work)
        try:
            return future.result()
        except BaseException:
            # The caller may have been interrupted, and then nobody is left to want the result.
            future.cancel()
            raise

    def close(self) -> None:
        """Cancel what still runs, say farewell and end the thread; again does nothing."""
        self._end()


def _run(loop: asyncio.AbstractEventLoop, farewell: Callable[[], None]) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_leave(farewell))
    finally:
        loop.close()


async def _leave(farewell: Callable[[], None]) -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    farewell()
    # What it ended has a last turn to say so.
    await asyncio.sleep(0)


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    # What collects the garbage may be the loop's own thread.
    if threading.current_thread() is not thread:
        thread.join()
