"""The audit trail at a terminal: one case's story, and what somebody did. The log stays the evidence; this is to be read."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from adapters.cli.connect import run_on_lists
from adapters.cli.naming import resolve
from adapters.cli.output import (
    after_option,
    json_option,
    limit_option,
    more,
    print_after,
    print_json,
    print_pairs,
    say,
    words,
)
from adapters.input import instant_from

if TYPE_CHECKING:
    from adapters.auditing import AuditEntry, ClockChange
    from adapters.product import Product
    from projections.page import Page

_BOUND = "by when it was recorded; in Europe/London when no offset is given."
since_option = click.option("--since", metavar="INSTANT", help=f"From then on, {_BOUND}")
until_option = click.option("--until", metavar="INSTANT", help=f"Up to then, {_BOUND}")


@click.command("audit")
@click.argument("id")
@since_option
@until_option
@json_option
def case_audit(*, id: str, since: str | None, until: str | None, as_json: bool) -> None:  # noqa: A002 - as people see it
    """One case's story: who did what, on whose behalf, what it changed, why, when it happened and was recorded.

    \b
    Examples:
      ccp case audit 0b8f0e5a
      ccp case audit 0b8f0e5a --since 2027-02-01
    """
    from adapters.auditing import audit_of_case

    begins = instant_from(since, "--since") if since else None
    ends = instant_from(until, "--until") if until else None

    async def work(product: Product) -> list[AuditEntry]:
        case_id = await resolve(product, id)
        rows: list[AuditEntry] = []
        after: str | None = None
        while True:
            page = await audit_of_case(product, case_id, since=begins, until=ends, limit=500, after=after)
            rows += page.rows
            after = page.next
            if after is None:
                return rows

    found = run_on_lists(work)
    if as_json:
        print_json(found)
    else:
        _show(found, with_case=False, empty="Nothing of this case is on record in that time.")


@click.group()
def audit() -> None:
    """Who did what, with the steps that the engine took by itself; one case's story is in `ccp case audit`.

    \b
    Examples:
      ccp audit actor coordinator-1
      ccp audit actor engine --since 2027-02-01
    """


@audit.command()
@click.argument("ref")
@since_option
@until_option
@limit_option
@after_option
@json_option
def actor(
    *, ref: str, since: str | None, until: str | None, limit: int, after: str | None, as_json: bool
) -> None:
    """What somebody did, or what was done on their behalf, by their staff reference; the engine is called "engine".

    \b
    Examples:
      ccp audit actor coordinator-1 --since 2027-02-01
      ccp audit actor engine --limit 20
    """
    from adapters.auditing import audit_of_actor

    begins = instant_from(since, "--since") if since else None
    ends = instant_from(until, "--until") if until else None

    async def work(product: Product) -> Page[AuditEntry]:
        return await audit_of_actor(product, ref, since=begins, until=ends, limit=limit, after=after)

    found = run_on_lists(work)
    if as_json:
        print_json(found)
        return
    _show(found.rows, with_case=True, empty="Nothing is on record by this reference in that time.")
    more(found)


def _show(entries: Sequence[AuditEntry], *, with_case: bool, empty: str) -> None:
    if not entries:
        say(empty)
    for one in entries:
        print_after(f"{words(one.effective_at)}  ", one.what)
        print_pairs(
            [
                ("by", f"{one.person} ({one.role.value.replace('_', ' ')}, {one.agency})"),
                ("on behalf of", one.on_behalf_of),
                ("case", one.cases if with_case else None),
                ("recorded", None if one.recorded_at == one.effective_at else one.recorded_at),
                ("stage", f"{one.stage_before} → {one.stage_after}" if one.stage_after else None),
                *(("clock", _clock(changed)) for changed in one.clocks),
                ("why", one.reason),
                ("rules", one.programme_version),
            ],
            indent=4,
        )


def _clock(changed: ClockChange) -> str:
    return f"{changed.what}: {_instant(changed.before)} → {_instant(changed.after)}"


def _instant(value: object) -> str:
    return words(value) or "not running"
