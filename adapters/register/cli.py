"""`ccp import referrals FILE`: bring a register in, show progress, say what became of every row."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adapters.cli.output import json_option, note, print_json, print_table, say
from adapters.register.importer import Outcome, RowOutcome, counted, import_register, write_report
from adapters.register.reader import Line, RegisterUnreadable, read_register

if TYPE_CHECKING:
    from adapters.product import Product

SHOWN_WITHOUT_REPORT = 40
"""Rows that were not simply accepted and are listed in the terminal; a report file lists every row."""


@click.group("import")
def import_group() -> None:
    """Bring in a register of referrals.

    \b
    Example:
      ccp import referrals register.csv --report what-became-of-it.csv
    """  # noqa: D301 - \b is click's mark for text that keeps its lines


@import_group.command("referrals")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write one line for each row here.",
)
@json_option
def referrals(*, file: Path, report: Path | None, as_json: bool) -> None:
    """Bring in a register of referrals from a CSV file.

    Every row ends as accepted, refused with its rule, linked as a possible duplicate for a person to decide, or already
    known. Interrupted and run again, it doubles nothing. Clocks start now; reports use the time in the column
    "received". The column "no_fixed_abode" may be left out of the file; a person who has no home has no ward.

    \b
    Example:
      ccp import referrals register.csv --report what-became-of-it.csv
    """  # noqa: D301
    from adapters.cli.connect import run

    try:
        lines = read_register(file)
    except RegisterUnreadable as unreadable:
        raise click.UsageError(str(unreadable)) from None
    if report is not None and not report.absolute().parent.is_dir():
        raise click.UsageError(f"--report: there is no directory {report.absolute().parent}.")
    if report is not None and not report.exists() and not os.access(report.absolute().parent, os.W_OK):
        raise click.UsageError(f"--report: no file can be written in {report.absolute().parent}.")
    began = time.perf_counter()
    outcomes = run(lambda product: _bring_in(product, lines, quiet=as_json))
    seconds = time.perf_counter() - began
    if report is not None:
        try:
            write_report(report, outcomes)
        except OSError as error:
            raise click.ClickException(
                f"Every row was brought in, but {report} cannot be written: {error.strerror}. Run it again; it doubles "
                "nothing."
            ) from None
    if as_json:
        print_json({"rows": len(outcomes), "counts": counted(outcomes), "outcomes": outcomes})
        return
    _print(outcomes, report, seconds)


async def _bring_in(product: Product, lines: list[Line], *, quiet: bool) -> list[RowOutcome]:
    outcomes: list[RowOutcome] = []
    with _progress(len(lines), quiet=quiet) as step:
        async for row in import_register(product.application, lines, programme=product.settings.programme):
            outcomes.append(row)
            step(len(outcomes))
    return outcomes


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar in a terminal, a line now and then elsewhere; on standard error, so that the answer can be piped."""
    if quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        every = max(1, total // 4)
        yield lambda done: note(f"{done} of {total} rows") if done % every == 0 or done == total else None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Rows", total=total)
        yield lambda done: progress.update(task, completed=done)


def _print(outcomes: Sequence[RowOutcome], report: Path | None, seconds: float) -> None:
    say(f"{len(outcomes)} rows in {seconds:.1f} s")
    print_table(
        ("outcome", "rows"),
        [(outcome.value, count) for outcome, count in counted(outcomes).items()],
        empty="",
    )
    noteworthy = [row for row in outcomes if row.outcome is not Outcome.ACCEPTED]
    print_table(
        ("line", "reference", "outcome", "rule", "what it means"),
        [
            (row.line, row.reference, row.outcome.value, row.rule, row.detail)
            for row in noteworthy[:SHOWN_WITHOUT_REPORT]
        ],
        empty="Every row was accepted.",
    )
    if len(noteworthy) > SHOWN_WITHOUT_REPORT:
        say(f"… and {len(noteworthy) - SHOWN_WITHOUT_REPORT} more; --report FILE lists every row.")
    if report is not None:
        say(f"Every row is listed in {report}.")
