"""Keeps Python's collector of reference cycles from looking through every event of a batch, time and again.

That was half the time of a catch-up. Batches leave next to no cycles behind, so it looks more rarely while one is applied,
and not never, since others live in the same process.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

RARELY: Final = (100_000, 20, 50)
_usual: list[tuple[int, int, int]] = []


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Collect rarely until the block ends; when several overlap, until the last does."""
    _usual.append(_usual[0] if _usual else gc.get_threshold())
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        usual = _usual.pop()
        if not _usual:
            gc.set_threshold(*usual)
