"""`ccp demo`: first one resident's story in virtual time, then the product with a register of referrals, ready to explore.

The story has servers and a database of its own, which are gone afterwards; so are the product's, unless `--data` keeps them.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from uuid import UUID

import click
from rich.console import Console
from rich.rule import Rule

from adapters import bootstrap
from adapters.cli.output import print_table, say
from adapters.demo.live import bring_to_life
from adapters.embedded import RunningProduct
from adapters.logs import configure_logging
from adapters.loop import run_main
from adapters.play.rehearsal import rehearse
from adapters.play.story import shipped_story
from adapters.product import Product
from adapters.register.importer import Outcome, RowOutcome, counted, import_register
from adapters.register.reader import read_register
from adapters.settings import LogLevel, Settings, load_settings
from domain.london import london
from domain.rules import load_rules
from projections.due import DueFilter

REGISTER = "register.csv"
SHOWN_DUE = 10


@click.command("demo")
@click.option(
    "--exit", "leave", is_flag=True, help="Stop when everything has been shown, instead of staying up."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Keep the product's data here and find it again."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port of the HTTP API; any free one if 8080 is taken."
)
def demo_command(*, leave: bool, data: Path | None, port: int | None) -> None:
    """Show the product: a resident's story, then a register brought in and the product up to explore.

    \b
    Examples:
      ccp demo            everything, and the product stays up until Ctrl-C
      ccp demo --exit     the same, and stops there
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    with _directory(data) as directory:
        changes: dict[str, object] = {"data": directory, "log_level": LogLevel.WARNING}
        if port is not None:
            changes["port"] = port
        settings = load_settings().model_copy(update=changes)
        configure_logging(settings)
        run_main(_show(settings, leave=leave, any_port=port is None))


async def _show(settings: Settings, *, leave: bool, any_port: bool) -> None:
    console = Console(highlight=False)
    began = time.perf_counter()
    await _tell_story(console)
    if any_port and not _is_free(settings.host, settings.port):
        settings = settings.model_copy(update={"port": 0})
    await _explore(console, settings, leave=leave)
    if leave:
        console.print(f"Shown in {time.perf_counter() - began:.0f} s.")
    # The Temporal client's threads must have gone before the interpreter does.
    await asyncio.sleep(0.05)


async def _tell_story(console: Console) -> None:
    from adapters.play.narrator import Narrator
    from adapters.play.teller import Teller
    from adapters.play.theatre import Theatre, on_stage

    rules = load_rules()
    play = rehearse(shipped_story("cj"), "cj.toml", rules)
    console.print(Rule(f"1. {play.story.title}", align="left"))
    console.print(
        "Months of one resident's life, in virtual time, on the real engine: PostgreSQL, durable workflows, and a Temporal "
        "server that skips time.",
        soft_wrap=True,
    )
    began = time.perf_counter()
    async with (
        Theatre.opened() as theatre,
        theatre.fresh_database() as dsn,
        on_stage(dsn, theatre.virtual, rules, play.start, task_queue="demo") as product,
    ):
        await Teller(play, product, theatre.virtual, Narrator(console)).tell()
        days = (theatre.virtual.now - play.start).days
    console.print(f"{days} days passed in {time.perf_counter() - began:.1f} s.")
    console.print()


async def _explore(console: Console, settings: Settings, *, leave: bool) -> None:
    console.print(Rule("2. The product, with a register brought in", align="left"))
    async with bootstrap.running(settings) as (product, where):
        outcomes = await _import(console, product)
        console.print()
        opened = [row.case_id for row in outcomes if row.outcome is Outcome.ACCEPTED and row.case_id]
        if opened:
            did = await bring_to_life(product, opened)
            console.print(
                f"{did.workers} key workers joined; triage found {did.eligible} people eligible, {did.ready} agreed to "
                f"take part,\na forum met and accepted {did.heard}, and {did.allocated} were allocated."
            )
        await product.read_models.wait_for(await product.log.head(), timeout=10.0)
        console.print()
        await _print_caseloads(product)
        await _print_due(product, {row.case_id: row.reference for row in outcomes if row.case_id})
        _print_where(where, settings)
        if not leave:
            console.print("Everything stays up until you press Ctrl-C.")
            await bootstrap.until_told_to_stop()
            console.print("\nStopping.")


async def _import(console: Console, product: Product) -> list[RowOutcome]:
    with resources.as_file(resources.files("adapters.demo").joinpath(REGISTER)) as path:
        lines = read_register(path)
    programme = product.settings.programme
    outcomes = [row async for row in import_register(product.application, lines, programme=programme)]
    console.print(f"A register of {len(outcomes)} referrals, with the mess that registers have:")
    counts = counted(outcomes)
    print_table(("outcome", "rows"), [(outcome.value, count) for outcome, count in counts.items()], empty="")
    noteworthy = [row for row in outcomes if row.outcome is not Outcome.ACCEPTED]
    print_table(
        ("line", "reference", "outcome", "rule", "what it means"),
        [(row.line, row.reference, row.outcome.value, row.rule, row.detail) for row in noteworthy],
        empty="",
    )
    return outcomes


async def _print_caseloads(product: Product) -> None:
    print_table(
        ("key worker", "cases", "soft / hard limit", "points", "load"),
        [
            (
                row.display_name,
                row.cases,
                f"{row.soft_limit} / {row.hard_limit}",
                row.points,
                f"{row.load_percent:.0f} %" if row.load_percent is not None else "",
            )
            for row in await product.read_models.caseload()
        ],
        empty="No key workers yet.",
    )


async def _print_due(product: Product, references: Mapping[UUID, str]) -> None:
    now = await product.application.clock.now()
    page = await product.read_models.due(DueFilter(), now=now, limit=200)
    print_table(
        ("due", "what", "referral", "for", "forum"),
        [
            (
                london(row.due_at),
                row.what,
                _referral(row.case_id, references),
                row.role or row.agency,
                row.forum,
            )
            for row in page.rows[:SHOWN_DUE]
        ],
        empty="Nothing is due.",
    )
    kinds = Counter(row.what for row in page.rows)
    say("All that is due: " + ", ".join(f"{count} {what}" for what, count in kinds.most_common()) + ".")
    say("")


def _referral(case_id: UUID | None, references: Mapping[UUID, str]) -> str:
    return references.get(case_id, str(case_id)) if case_id else "(a meeting)"


def _print_where(where: RunningProduct, settings: Settings) -> None:
    say("Addresses")
    say(f"  HTTP API     {where.http_url}   (described at {where.http_url}/openapi.json)")
    say(f"  Temporal UI  {where.temporal_ui_url}")
    say("")
    say("Try next, in another terminal:")
    say("  . .venv/bin/activate")
    say(f"  export CCP_DATA={shlex.quote(str(settings.data))}")
    for line, what in (
        ("cases --stage Triage", "the cases that wait for a decision"),
        ("case show DEMO-2026-001", "one case: where it stands and what it waits for"),
        ("case audit DEMO-2026-001", "who did what, the engine included"),
        ("due", "what is due, and for whom"),
        ("workflows list", "what the engine waits for"),
        ("commands submit-referral", "one command of the catalogue, with its rules and an example"),
    ):
        say(f"  ccp {line:<26}  {what}")
    say("")


def _is_free(host: str, port: int) -> bool:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    """The directory that was asked for, or one of our own that is gone afterwards."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.absolute()
        return
    made = Path(tempfile.mkdtemp(prefix="ccp-demo-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
