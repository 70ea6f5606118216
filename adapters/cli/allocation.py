"""Reading about allocation at a terminal: who has room, who waits, what each case weighs, what an allocation would do.

Nothing here names a person who is helped; a case is shown by its id.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adapters.cli.connect import run_on_lists
from adapters.cli.naming import resolve
from adapters.cli.output import json_option, print_json, print_pairs, print_table, whole_id, words
from adapters.filters import agency_named
from domain.messages import CaseId, WorkerId

if TYPE_CHECKING:
    from adapters.product import Product
    from domain.case.bands import Band
    from projections.caseload import CaseloadRow

programme_option = click.option("--programme", metavar="NAME", help="In this programme.")
forum_option = click.option("--forum", metavar="CODE", help="In this forum.")


@click.command()
@click.option("--programme", metavar="NAME", help="Workers of this programme.")
@click.option("--forum", metavar="CODE", help="Workers who serve this forum.")
@click.option("--agency", metavar="NAME", help="Workers of this agency.")
@json_option
def caseload(programme: str | None, forum: str | None, agency: str | None, as_json: bool) -> None:
    """Every key worker: how many cases they carry, what these weigh, and how much room is left.

    \b
    Example:
      ccp caseload --forum ardwick-longsight
    """

    async def work(product: Product) -> Any:
        return await product.read_models.caseload(
            programme=programme, forum=forum, agency=agency_named(product.rules, agency)
        )

    found = run_on_lists(work, programme=programme, forum=forum)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.worker_id,
            one.display_name,
            one.agency,
            one.forums,
            f"{one.cases} of {one.soft_limit} (never over {one.hard_limit})",
            f"{one.points} of {one.capacity_points:g}",
            "" if one.load_percent is None else f"{one.load_percent:.0f} %",
            dict(one.cases_by_stage),
            _away(one),
            f"{one.covering} of others" if one.covering else "",
        )
        for one in found
    ]
    print_table(
        ["worker", "name", "agency", "forums", "cases", "points", "load", "stages", "away", "covers"],
        rows,
        empty="No key worker is registered; `ccp commands register-key-worker` says how.",
    )


def _away(one: CaseloadRow) -> str:
    """When a worker is or will be away; why is nobody's business."""
    if one.absent_from is None:
        return ""
    until = f" until {words(one.absent_until)}" if one.absent_until else ""
    return f"from {words(one.absent_from)}{until}"


@click.command("waiting-list")
@programme_option
@forum_option
@click.option("--band", type=click.Choice(["P1", "P2", "P3"]), help="Only this band.")
@json_option
def waiting_list(programme: str | None, forum: str | None, band: Band | None, as_json: bool) -> None:
    """Who waits for a key worker, first in line first, and whether somebody looked how they are.

    \b
    Example:
      ccp waiting-list --forum ardwick-longsight
    """

    async def work(product: Product) -> Any:
        return await product.read_models.waiting_list(programme=programme, forum=forum, band=band)

    found = run_on_lists(work, programme=programme, forum=forum)
    if as_json:
        print_json(found)
        return
    print_table(
        ["place", "case", "forum", "band", "since", "next check", "remarks"],
        [
            (
                one.place,
                one.case_id,
                one.forum or "",
                one.band,
                one.joined_at,
                one.check_due_at,
                ", ".join(_remarks(one)),
            )
            for one in found
        ],
        empty="Nobody waits.",
    )


def _remarks(one: Any) -> list[str]:
    told = {
        "check missed": one.check_missed,
        "check asked": one.check_asked and not one.check_missed,
        "waits too long": one.waits_too_long,
        "worker offered": one.offered_worker is not None,
    }
    return [words for words, holds in told.items() if holds]


@click.command()
@programme_option
@forum_option
@click.option("--worker", metavar="ID", help="Of this key worker.")
@json_option
def workload(programme: str | None, forum: str | None, worker: str | None, as_json: bool) -> None:
    """What each case on each caseload weighs, and what all of a worker's come to.

    \b
    Example:
      ccp workload --forum ardwick-longsight
    """

    async def work(product: Product) -> Any:
        return await product.read_models.workload(
            programme=programme, forum=forum, worker=whole_id(worker, "--worker") if worker else None
        )

    found = run_on_lists(work, programme=programme, forum=forum)
    if as_json:
        print_json(found)
        return
    print_table(
        ["worker", "name", "case", "stage", "points", "of", "load", "covered by"],
        [
            (
                one.worker_id,
                one.display_name,
                one.case_id,
                one.stage,
                one.points,
                f"{one.points_in_all} of {one.capacity_points:g}",
                "" if one.load_percent is None else f"{one.load_percent:.0f} %",
                one.covered_by and f"{one.covered_by} until {words(one.covered_until)}",
            )
            for one in found
        ],
        empty="No key worker carries a case.",
    )


@click.group()
def allocation() -> None:
    """What giving a case to a key worker would mean, before anybody does it."""


@allocation.command()
@click.argument("case")
@click.argument("worker")
@json_option
def preview(case: str, worker: str, as_json: bool) -> None:
    """The worker's load before and after, the limits, and which rules speak for or against. Nothing is recorded.

    \b
    Example:
      ccp allocation preview 0b8f0e5a 3f1a1f0e-7f0b-5a35-9a4b-2a1d0c9b8e71
    """

    async def work(product: Product) -> Any:
        case_id = await resolve(product, case)
        return await product.application.preview(CaseId(case_id), WorkerId(whole_id(worker, "worker")))

    found = run_on_lists(work)
    if as_json:
        print_json(found)
        return
    print_pairs(
        [
            ("case", str(found.case_id)),
            ("worker", str(found.worker_id)),
            ("points of the case", found.points),
            ("load before", _load(found.before, found.capacity_points)),
            ("load after", _load(found.after, found.capacity_points)),
            (
                "limits",
                f"{found.soft_limit} with approval beyond, {found.hard_limit} with an override beyond",
            ),
            ("needs approval", "yes" if found.needs_approval else "no"),
            ("needs an override", ", ".join(found.needs_override) or "no"),
            ("refused by", ", ".join(found.refused_by) or "nothing"),
            ("speaks for it", ", ".join(found.speaks_for) or "nothing"),
            ("score", found.score),
            ("waiting before this case", found.ahead),
        ]
    )


def _load(load: Any, capacity: float) -> str:
    share = "" if load.load_percent is None else f", {load.load_percent:.0f} %"
    return f"{load.cases} cases, {load.points} of {capacity:g} points{share}"
