"""Run every benchmark, print what each measured, and write it all to one file.

`python -m benchmarks` runs all, `python -m benchmarks dispatch growth` some; `--out DIR` says where the JSON and the
plots go, otherwise into `benchmarks/results/`.
"""

import argparse
import asyncio
import importlib
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.scratch import RESULTS, results_directory, write_results_to

ALL = ("product", "append", "command", "catchup", "loading", "dispatch", "growth")


def main() -> None:
    here = Path(__file__).parent
    there = [name for name in ALL if (here / f"{name}.py").exists()]
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(there)}")
    asked.add_argument("--out", type=Path, default=RESULTS, help="where results are written")
    arguments = asked.parse_args()
    unknown = sorted(set(arguments.names) - set(there))
    if unknown:
        asked.error(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(there)}")
    write_results_to(arguments.out)
    began = datetime.now(UTC)
    results = {}
    for name in arguments.names or there:
        print(
            f"\n{name}: {(importlib.import_module(f'benchmarks.{name}').__doc__ or '').splitlines()[0]}\n",
            flush=True,
        )
        results[name] = asyncio.run(importlib.import_module(f"benchmarks.{name}").run())
    print(f"\nwritten to {_write(began, results)}")


def _write(began: datetime, results: dict) -> Path:
    """One file per run; what a benchmark measured is under its name."""
    file = results_directory() / f"{began:%Y-%m-%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"began": began.isoformat(), "python": platform.python_version(), "machine": platform.platform()}
    file.write_text(json.dumps(about | {"results": results}, indent=2, default=str) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    main()
