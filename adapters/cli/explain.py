"""`ccp case explain` and `ccp case replay`: why a case stands where it stands, and how it stood. From the log alone."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adapters.cli.connect import run
from adapters.cli.naming import resolve
from adapters.cli.output import json_option, print_after, print_json, print_pairs, print_table, say, words
from adapters.input import instant_from

if TYPE_CHECKING:
    from adapters.explaining import Explanation, MoveView
    from adapters.product import Product
    from adapters.replaying import Difference, Replayed

_INSTANT = "in Europe/London when no offset is given; a day alone is its first moment"


@click.command()
@click.argument("id")
@json_option
def explain(id: str, as_json: bool) -> None:  # noqa: A002 - the name people see in the usage line
    """Why a case stands where it stands: what it waits for, whose move it is, and what the engine does next.

    From the log alone, so it answers while Temporal is away. What a running process says is in `ccp workflows show`.

    \b
    Example:
      ccp case explain 0b8f0e5a
    """
    from adapters.explaining import explain as explained

    async def work(product: Product) -> Explanation:
        return await explained(product, await resolve(product, id))

    found = run(work)
    if as_json:
        print_json(found)
    else:
        _show(found)


@click.command()
@click.argument("id")
@click.option("--as-of", metavar="INSTANT", help=f"As things stood then, by when they happened; {_INSTANT}.")
@click.option("--known-at", metavar="INSTANT", help="As it was known then, by when it was recorded.")
@click.option(
    "--diff", metavar="INSTANT INSTANT", nargs=2, help="What changed between two, by when it happened."
)
@json_option
def replay(
    id: str,  # noqa: A002 - as above
    as_of: str | None,
    known_at: str | None,
    diff: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """A case as it was: at an instant, as it was known at an instant, or what changed between two.

    Every fact has two times: when it happened and when it was recorded. A form that comes weeks late changes how things
    stood then, and not what was known then.

    \b
    Examples:
      ccp case replay 0b8f0e5a --as-of 2027-01-20T10:00
      ccp case replay 0b8f0e5a --as-of 2027-01-20 --known-at 2027-01-25
      ccp case replay 0b8f0e5a --diff 2027-01-04 2027-02-01
    """
    from adapters.replaying import difference
    from adapters.replaying import replay as replayed

    if diff and as_of:
        raise click.UsageError("--diff and --as-of exclude each other.", click.get_current_context())
    at = instant_from(as_of, "--as-of") if as_of else None
    known = instant_from(known_at, "--known-at") if known_at else None
    between = tuple(instant_from(one, "--diff") for one in diff) if diff else None

    async def work(product: Product) -> Replayed | Difference:
        case_id = await resolve(product, id)
        if between:
            return await difference(product, case_id, between[0], between[1], known_at=known)
        return await replayed(product, case_id, as_of=at, known_at=known)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        _show_replay(found)


def _show(found: Explanation) -> None:
    print_pairs(
        [
            ("case", found.case_id),
            ("stage", found.stage.value),
            ("since", found.since),
            ("waits for", found.waits_for),
            ("closed because", (found.closed_because or "").replace("_", " ")),
            ("whose move", _who(found.move) if found.move else None),
            ("open concerns", found.open_concerns or None),
        ]
    )
    if found.next:
        at = words(found.next.at) if found.next.at else "at once"
        print_after("next by itself  ", f"{at}: {found.next.command}")
        print_after("                ", found.next.what)
    elif found.processes:
        say("next by itself  nothing: no clock of this case runs")
    for title, columns, rows in (
        (
            "The engine waits for",
            ["process", "waits for", "since", "then", "on"],
            [(one.process, one.waits_for, one.since, one.next_step, one.next_due) for one in found.processes],
        ),
        (
            "Somebody has to act",
            ["due", "", "what", "who"],
            [(one.due_at, "overdue" if one.overdue else "", one.what, _who(one)) for one in found.others],
        ),
        (
            "Open actions",
            ["action", "agency", "owner", "due", "state"],
            [(one.action_id, one.agency, one.owner, one.due_at, one.state) for one in found.open_actions],
        ),
        (
            "Consents",
            ["from", "to", "for", "what", "state", "until"],
            [
                (one.discloser, one.recipient, one.purpose, one.categories, one.state, one.expires_at)
                for one in found.consents
            ],
        ),
    ):
        if rows:
            say("")
            say(title)
            print_table(columns, rows, empty="")


def _who(move: MoveView) -> str:
    role = (move.role or "").replace("_", " ")
    of = ", ".join(filter(None, [move.agency, f"worker {move.worker_id}" if move.worker_id else None]))
    return f"{role} ({of})" if role and of else role or of


def _show_replay(found: Replayed | Difference) -> None:
    from adapters.cli.cases import show_case
    from adapters.replaying import Replayed

    if isinstance(found, Replayed):
        print_pairs([("as of", found.as_of), ("as known at", found.known_at)])
        show_case(found.case)
        for one in found.left_out:
            say(f"Left out: event {one.version}, {one.topic}: what it is about had not happened yet.")
        return
    print_pairs(
        [
            ("from", found.earlier),
            ("to", found.later),
            ("as known at", found.known_at),
            ("case", found.case_id),
        ]
    )
    say("")
    print_table(
        ["", "happened", "recorded", "event", "what"],
        [(one.version, one.effective_at, one.recorded_at, one.topic, one.what) for one in found.events],
        empty="Nothing happened between the two.",
    )
    say("")
    print_table(
        ["changed", "before", "after"],
        [(one.field, one.before, one.after) for one in found.changes],
        empty="The case stood the same at both.",
    )
