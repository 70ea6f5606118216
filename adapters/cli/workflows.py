"""`ccp workflows`: what waits, since when, what fires next; read from Temporal alone, without case content."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import click

from adapters.cli.output import json_option, one_of, print_json, print_pairs, print_table, say, whole_id
from adapters.settings import load_settings
from domain.case.stages import Stage

if TYPE_CHECKING:
    from temporalio.client import Client

T = TypeVar("T")
CONNECT_SECONDS = 5.0


class TemporalAway(Exception):
    """The Temporal server of the product cannot be reached."""


@click.group()
def workflows() -> None:
    """What waits and which timer fires next, for operations staff.

    \b
    Examples:
      ccp workflows list
      ccp workflows list --stage Triage
      ccp workflows show triage-0b8f0e5a-52c0-5d57-8a0e-3a4b0d2f6c11
    """


@workflows.command("list")
@click.option("--case", "case_id", metavar="ID", help="Of this case, by its whole id.")
@click.option("--kind", metavar="KIND", help="Of this kind, such as referral or consent.")
@click.option("--stage", metavar="STAGE", help="Of cases in this stage.")
@click.option("--neighbourhood", metavar="CODE", help="Of this neighbourhood.")
@click.option("--closed", is_flag=True, help="Also those that have ended.")
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
    limit: int,
    as_json: bool,
) -> None:
    """The processes that run, those with the nearest deadline first.

    \b
    Examples:
      ccp workflows list
      ccp workflows list --kind consent --json
    """
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

    return asyncio.run(main())
