"""`ccp projections`: how far the read models are, whether they are what the log makes them, and making them anew.

Shows names, positions and reasons; values of columns that are about people or staff are not shown.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from adapters.cli.connect import run
from adapters.cli.output import json_option, note, print_json, print_table, say, whole_id
from adapters.input import FieldError, InvalidInput
from projections.words import READ_MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.product import Product
    from projections import BuildStatus, Verification
    from projections.builds import Projection

DIFFERENT = 1


@click.group("projections")
def projections_group() -> None:
    """The read models, for operations staff: each can be thrown away and made anew from the log.

    \b
    Examples:
      ccp projections list
      ccp projections verify due
      ccp projections rebuild due
      ccp projections retry due
    """


@projections_group.command("list")
@json_option
def list_command(*, as_json: bool) -> None:
    """Every read model: how far it has come, who keeps it, and how many streams it leaves out.

    \b
    Example:
      ccp projections list
    """
    from projections import status

    async def work(product: Product) -> list[BuildStatus]:
        return await status(product.pool, product.log, now=await product.application.clock.now())

    found = run(work)
    if as_json:
        print_json([dataclasses.asdict(one) for one in found])
        return
    rows = [
        (
            one.name,
            one.version,
            one.stage,
            one.position,
            one.lag_events,
            one.parked or "",
            "yes" if one.kept_by else "nobody",
            READ_MODELS[one.name],
        )
        for one in found
    ]
    print_table(
        ["read model", "version", "stage", "position", "behind", "left out", "kept", "answers"],
        rows,
        empty="None.",
    )


@projections_group.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
def verify_command(*, names: tuple[str, ...], as_json: bool) -> None:
    """Make read models from the log beside those that answer, and compare them row by row. Exit code 1 if they differ.

    \b
    Examples:
      ccp projections verify
      ccp projections verify actions due
    """
    from projections import verify

    chosen = _chosen(names)

    async def work(product: Product) -> list[Verification]:
        return [await verify(product.pool, product.log, one) for one in chosen]

    found = run(work)
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        rows = [
            (
                one.projection,
                one.version,
                one.position,
                one.rows,
                one.parked or "",
                "as the log says"
                if one.is_sound
                else f"{len(one.differences)} differ, {len(one.unfit)} unfit",
            )
            for one in found
        ]
        print_table(["read model", "version", "position", "rows", "left out", "found"], rows, empty="None.")
        _print_differences(found)
    if not all(one.is_sound for one in found):
        raise click.exceptions.Exit(DIFFERENT)


@projections_group.command("rebuild")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@json_option
def rebuild_command(*, names: tuple[str, ...], as_json: bool) -> None:
    """Make read models anew beside those that answer, which go on until the new ones have caught up.

    \b
    Example:
      ccp projections rebuild due
    """
    from projections import rebuild

    chosen = _chosen(names)

    async def work(product: Product) -> list[dict[str, Any]]:
        begun = [await rebuild(product.pool, one) for one in chosen]
        return [{"name": one.name, "version": one.version, "build": one.build} for one in begun]

    found = run(work)
    if as_json:
        print_json(found)
        return
    for one in found:
        say(
            f"{one['name']} is being made anew, build {one['build']}; `ccp projections list` shows how far it is."
        )
    note("Whoever keeps the read models fills them: `ccp up`, or `ccp worker`.")


@projections_group.command("retry")
@click.argument("name")
@click.option("--stream", metavar="ID", help="Only this case, meeting or worker.")
@json_option
def retry_command(*, name: str, stream: str | None, as_json: bool) -> None:
    """Apply again what a read model leaves out because it could not be applied. Exit code 1 if something still cannot.

    \b
    Example:
      ccp projections retry due
    """
    from projections import retry

    (chosen,) = _chosen((name,))
    stream_id = whole_id(stream, "--stream") if stream else None

    async def work(product: Product) -> list[dict[str, Any]]:
        outcomes = await retry(product.pool, product.log, chosen, stream_id)
        return [
            {"stream_id": letter.stream_id, "since": letter.since, "still_left_out_because": reason}
            for letter, reason in outcomes
        ]

    found = run(work)
    if as_json:
        print_json(found)
    else:
        rows = [
            (one["stream_id"], one["since"], one["still_left_out_because"] or "it has followed")
            for one in found
        ]
        print_table(["id", "left out since", "now"], rows, empty="Nothing is left out.")
    if any(one["still_left_out_because"] for one in found):
        raise click.exceptions.Exit(DIFFERENT)


def _chosen(names: Sequence[str]) -> list[Projection]:
    """The read models of these names, or all.

    Raises: InvalidInput.
    """
    from projections import PROJECTIONS

    known = {one.NAME: one for one in PROJECTIONS}
    if set(names) - set(known):
        raise InvalidInput(FieldError("NAME", f"must be one of {', '.join(known)}"))
    return [known[name] for name in dict.fromkeys(names or known)]


def _print_differences(found: Sequence[Verification]) -> None:
    rows = [
        (one.projection, what.table, dict(what.key), what.column, what.live, what.rebuilt)
        for one in found
        for what in one.differences
    ]
    if rows:
        print_table(["read model", "table", "row", "column", "live", "by the log"], rows, empty="")
    for one in found:
        for stream_id, reason in one.unfit.items():
            say(f"{one.projection} cannot apply {stream_id}: {reason}")


def _as_json(one: Verification) -> dict[str, Any]:
    return {"is_sound": one.is_sound, **dataclasses.asdict(one)}
