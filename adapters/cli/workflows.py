"""`ccp workflows`: what waits, since when, what fires next; and whether what runs is what the log says should run.

Identifiers, codes and instants, never case content.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from adapters.cli.output import json_option, note, one_of, print_json, print_pairs, print_table, say, whole_id
from adapters.loop import run_main
from adapters.settings import load_settings
from domain.case.stages import Stage

if TYPE_CHECKING:
    from temporalio.client import Client

    from adapters.product import Product
    from adapters.temporal.reconcile import Comparison
    from adapters.temporal.set_aside import SetAside

T = TypeVar("T")
CONNECT_SECONDS = 5.0
PROGRESS_SECONDS = 2.0


class TemporalAway(Exception):
    """The Temporal server of the product cannot be reached."""


@click.group()
def workflows() -> None:
    """What waits and which timer fires next, for operations staff.

    \b
    Examples:
      ccp workflows list
      ccp workflows list --stage Triage
      ccp workflows show referral-0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11
      ccp workflows check
      ccp workflows rebuild
    """


@workflows.command("list")
@click.option("--case", "case_id", metavar="ID", help="Of this case, by its whole id.")
@click.option("--kind", metavar="KIND", help="Of this kind, such as referral or consent.")
@click.option("--stage", metavar="STAGE", help="Of cases in this stage.")
@click.option("--neighbourhood", metavar="CODE", help="Of this neighbourhood.")
@click.option("--closed", is_flag=True, help="Also those that have ended.")
@click.option(
    "--set-aside", "aside", is_flag=True, help="What the dispatcher could not tell Temporal of, instead."
)
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=200, show_default=True, help="At most so many."
)
@json_option
def list_command(
    *,
    case_id: str | None,
    kind: str | None,
    stage: str | None,
    neighbourhood: str | None,
    closed: bool,
    aside: bool,
    limit: int,
    as_json: bool,
) -> None:
    """The processes that run, those with the nearest deadline first.

    \b
    Examples:
      ccp workflows list
      ccp workflows list --kind consent --json
      ccp workflows list --set-aside
    """
    if aside:
        _show_set_aside(as_json=as_json)
        return
    from adapters.temporal.operations import list_workflows
    from workflows.contracts import ProcessKind

    wanted_case = whole_id(case_id, "--case") if case_id else None
    wanted_kind = one_of(ProcessKind, kind, "--kind") if kind else None
    wanted_stage = one_of(Stage, stage, "--stage") if stage else None

    async def work(client: Client) -> Any:
        return await list_workflows(
            client,
            case_id=wanted_case,
            kind=wanted_kind,
            stage=wanted_stage,
            neighbourhood=neighbourhood,
            closed_too=closed,
            limit=limit,
        )

    found = _run(work)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.workflow_id, one.stage, one.waits_for, one.since, one.next_step, one.next_due)
        + ((one.status.lower(),) if closed else ())
        for one in found
    ]
    columns = ["id", "stage", "waits for", "since", "fires next", "when", *(["status"] if closed else [])]
    print_table(columns, rows, empty="No process runs.")


@workflows.command("show")
@click.argument("id")
@json_option
def show_command(*, id: str, as_json: bool) -> None:  # noqa: A002 - the name people see in the usage line
    """One process: what it waits for, what is under way, and what happened to it.

    \b
    Example:
      ccp workflows show referral-0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11
    """
    from adapters.temporal.operations import show_workflow

    found = _run(lambda client: show_workflow(client, id))
    if as_json:
        print_json(found)
        return
    row = found.row
    print_pairs(
        [
            ("workflow", row.workflow_id),
            ("kind", row.kind),
            ("status", row.status.lower()),
            ("case", row.case_id),
            ("stage", row.stage),
            ("neighbourhood", row.neighbourhood),
            ("waits for", row.waits_for),
            ("since", row.since),
            ("fires next", row.next_step),
            ("when", row.next_due),
            ("started", row.started_at),
            ("ended", row.closed_at),
        ]
    )
    if found.under_way:
        attempts = [(one.step, one.attempt, one.last_failure, one.next_attempt_at) for one in found.under_way]
        print_table(["under way", "attempt", "last failure", "next attempt"], attempts, empty="")
    say("")
    print_table(
        ["when", "what"], [(one.at, one.what) for one in found.history], empty="Nothing happened yet."
    )


@workflows.command("check")
@json_option
def check_command(*, as_json: bool) -> None:
    """Compare what runs with what the log says should run; nothing is changed. Exit code 1 if they differ.

    \b
    missing     should run and does not
    orphaned    runs and should not
    stale       runs, and has not heard how its case stands
    unreadable  its case cannot be read, so nobody knows what should run

    What the dispatcher set aside is listed too: it tries again by itself, and a repair makes it succeed.

    \b
    Examples:
      ccp workflows check
      ccp workflows check --json
    """
    from adapters.temporal.reconcile import check
    from adapters.temporal.set_aside import set_aside

    async def work(client: Client, product: Product) -> tuple[Comparison, Sequence[SetAside]]:
        compared = await check(
            pool=product.pool, log=product.log, client=client, progressed=_progress("compared")
        )
        return compared, await set_aside(product.pool)

    found, aside = _run_with_log(work)
    if as_json:
        print_json({**_as_json(found), "set_aside": [dataclasses.asdict(one) for one in aside]})
    else:
        _print_differences(found, empty="What runs is what should run.")
        if aside:
            say("The dispatcher set aside:")
            _print_set_aside(aside)
        if found.dispatched < found.log_position:
            behind = found.log_position - found.dispatched
            note(f"The dispatcher is {behind} events behind the log; `ccp worker` runs it.")
    if not found.agrees:
        raise click.exceptions.Exit(1)


@workflows.command("rebuild")
@json_option
def rebuild_command(*, as_json: bool) -> None:
    """Put right what differs: start what is missing with the time that is left, end what should not run.

    It may be done at any time and again. Exit code 1 if something could not be put right.

    \b
    Examples:
      ccp workflows rebuild
      ccp workflows rebuild --json
    """
    from adapters.temporal.reconcile import rebuild

    async def work(client: Client, product: Product) -> Comparison:
        return await rebuild(
            pool=product.pool,
            log=product.log,
            client=client,
            task_queue=product.settings.task_queue,
            progressed=_progress("gone through"),
        )

    found = _run_with_log(work)
    if as_json:
        print_json(_as_json(found))
    else:
        _print_differences(found, empty="Nothing had to be put right.")
    if sum(found.repaired.values()) < sum(found.counts.values()):
        raise click.exceptions.Exit(1)


def _show_set_aside(*, as_json: bool) -> None:
    from adapters.cli.connect import run
    from adapters.temporal.set_aside import set_aside

    async def work(product: Product) -> Sequence[SetAside]:
        return await set_aside(product.pool)

    found = run(work)
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
    else:
        _print_set_aside(found)


def _print_set_aside(aside: Sequence[SetAside]) -> None:
    rows = [(one.case_id, one.since, one.after_position, one.reason) for one in aside]
    print_table(["id", "since", "told up to", "why"], rows, empty="Nothing is set aside.")


def _print_differences(found: Comparison, *, empty: str) -> None:
    rows = [
        (one.what, one.workflow_id or one.case_id, one.stage, one.position, one.heard, one.repaired)
        for one in found.differences
    ]
    columns = ["difference", "id", "stage by the log", "its last event", "heard", "put right"]
    shown = columns if found.repaired else columns[:-1]
    print_table(shown, [row[: len(shown)] for row in rows], empty=empty)
    counted = sum(found.counts.values())
    if counted > len(found.differences):
        say(f"These are the first {len(found.differences)} of {counted}.")
    say(f"{found.cases} cases; {found.wanted} processes should run.")
    for what, count in (found.counts | found.repaired).items():
        say(f"{what}: {count}")
    if found.ending:
        say(f"{found.ending} have heard that they are over and wait for a worker to end.")


def _as_json(found: Comparison) -> dict[str, Any]:
    return {"agrees": found.agrees, **dataclasses.asdict(found)}


def _progress(done: str) -> Callable[[Comparison], None]:
    """Say on the error output from time to time how far it is, if it takes long."""
    said_at = time.monotonic()

    def progressed(found: Comparison) -> None:
        nonlocal said_at
        if time.monotonic() > said_at + PROGRESS_SECONDS:
            note(f"{found.cases} cases {done}, {sum(found.counts.values())} differences")
            said_at = time.monotonic()

    return progressed


def _run_with_log(work: Callable[[Client, Product], Coroutine[Any, Any, T]]) -> T:
    """Ask Temporal and the log something.

    Raises: NothingRuns, TemporalAway.
    """
    from adapters.bootstrap import addresses, open_product

    async def with_log(client: Client) -> T:
        settings = load_settings()
        async with open_product(settings, dsn=addresses(settings).database_dsn) as product:
            return await work(client, product)

    return _run(with_log)


def _run(work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
    """Ask Temporal something.

    Raises: NothingRuns, TemporalAway.
    """
    from temporalio.service import RPCError, RPCStatusCode

    from adapters.bootstrap import NothingRuns, addresses
    from adapters.temporal.client import connect

    settings = load_settings()
    address = settings.temporal_address or addresses(settings).temporal_address
    if not address:
        raise NothingRuns(
            "Nothing says where Temporal is. Start the product with `ccp up`, or set TEMPORAL_ADDRESS."
        )

    async def main() -> T:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                client = await connect(address, namespace=settings.temporal_namespace, wait=False)
            return await work(client)
        except (RuntimeError, TimeoutError) as error:
            raise TemporalAway(
                f"The Temporal server at {address} cannot be reached ({type(error).__name__})."
            ) from None
        except RPCError as error:
            if error.status not in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED):
                raise
            raise TemporalAway(f"The Temporal server at {address} does not answer.") from None
        finally:
            # The SDK's threads abort a process that ends right after it used a client (temporalio/sdk-python#300).
            await asyncio.sleep(0.05)

    return run_main(main())
