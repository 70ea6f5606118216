"""Run every benchmark, print what each measured, and write it all to one file.

`python -m benchmarks` runs all, `python -m benchmarks dispatch growth` some; `--out DIR` says where the JSON and the
plots go, otherwise into `benchmarks/results/`; `--cases N` gives the year fewer cases, or more.
"""

import argparse
import importlib
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

from adapters.loop import run_main
from benchmarks.scratch import RESULTS, results_directory, write_results_to
from benchmarks.year import CASES

ALL = ("product", "append", "command", "projections", "loading", "dispatch", "growth", "year")


def main() -> None:
    asked = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(ALL)}; all by default")
    asked.add_argument("--out", type=Path, default=RESULTS, help="where results are written")
    asked.add_argument(
        "--cases", type=int, default=CASES, help=f"how many live through the year; {CASES:,} by default"
    )
    arguments = asked.parse_args()
    unknown = sorted(set(arguments.names) - set(ALL))
    if unknown:
        asked.error(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(ALL)}")
    write_results_to(arguments.out)
    began = datetime.now(UTC)
    results = {}
    for name in arguments.names or ALL:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        print(f"\n{name}: {(benchmark.__doc__ or '').splitlines()[0]}\n", flush=True)
        results[name] = run_main(benchmark.run(arguments.cases) if name == "year" else benchmark.run())
        # Written after each, so that a run that is broken off has not been for nothing.
        file = _write(began, results)
    print(f"\nwritten to {file}")


def _write(began: datetime, results: dict) -> Path:
    """One file per run; what a benchmark measured is under its name."""
    file = results_directory() / f"{began:%Y-%m-%d-%H%M%S}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    about = {"began": began.isoformat(), "python": platform.python_version(), "machine": platform.platform()}
    file.write_text(json.dumps(about | {"results": results}, indent=2, default=str) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    main()
