"""How every process runs: what has ended in a circle is cleared away in time, also when it had lived for long.

A worker's process of a case is such a circle: it lives for weeks, and nothing but the collector ends it.
"""

from __future__ import annotations

import subprocess
import sys

PARTS = 700
"""As many things as a process of a case is made of."""
AT_ONCE, LIVES = 300, 3_000
_LIVES = """
import sys
import weakref
from collections import deque

from adapters.loop import run_main

parts, at_once, lives = map(int, sys.argv[1:])


class Life:
    def __init__(self):
        self.parts = [[self] for _ in range(parts)]


async def main():
    living, there, most = deque(maxlen=at_once), [], 0
    for number in range(lives):
        living.append(Life())
        there.append(weakref.ref(living[-1]))
        if number % 50 == 0:
            there = [one for one in there if one() is not None]
            most = max(most, len(there))
    print(most)


run_main(main())
"""


def test_of_thousands_of_lives_that_ended_few_are_still_there() -> None:
    figures = [str(figure) for figure in (PARTS, AT_ONCE, LIVES)]
    told = subprocess.run(
        [sys.executable, "-c", _LIVES, *figures], capture_output=True, check=True, text=True
    )
    assert AT_ONCE <= int(told.stdout) < 3 * AT_ONCE
