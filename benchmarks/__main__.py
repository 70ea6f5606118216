"""Run every benchmark and print what it measured: `python -m benchmarks`, or `python -m benchmarks product`."""

import asyncio
import importlib
import sys

ALL = ("product", "append", "loading")


def main() -> None:
    wanted = sys.argv[1:] or list(ALL)
    unknown = sorted(set(wanted) - set(ALL))
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(ALL)}")
    for name in wanted:
        asyncio.run(importlib.import_module(f"benchmarks.{name}").run())


if __name__ == "__main__":
    main()
