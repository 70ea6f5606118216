"""Reading cases at a terminal: one from its own events, those that fit a search, and what is due in them.

Tables show no more of a person than their name; `--json` shows everything that the API does.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from adapters.cli.audit import case_audit
from adapters.cli.connect import run, run_on_lists
from adapters.cli.explain import explain, replay
from adapters.cli.naming import resolve
from adapters.cli.output import (
    after_option,
    json_option,
    limit_option,
    more,
    one_of,
    print_json,
    print_pairs,
    print_table,
    say,
    whole_id,
)
from adapters.filters import agency_named
from adapters.input import instant_from
from adapters.views import CaseView, EventView
from domain.case.stages import Stage
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.product import Product
    from projections.cases import CaseRow
    from projections.due import DueRow
    from projections.page import Page


@click.group()
def case() -> None:
    """One case, by its id, the beginning of its id, or its register reference.

    \b
    Examples:
      ccp case show 0b8f0e5a
      ccp case events GMP-2027-00417
      ccp case audit 0b8f0e5a --json
      ccp case explain 0b8f0e5a
    """


case.add_command(explain)
case.add_command(replay)
case.add_command(case_audit)


@case.command()
@click.argument("id")
@json_option
def show(id: str, as_json: bool) -> None:  # noqa: A002 - the name people see in the usage line
    """One case as it stands, and what it waits for.

    \b
    Example:
      ccp case show 0b8f0e5a
    """
    from adapters.reading import read_case

    async def work(product: Product) -> CaseView:
        return await read_case(product, await resolve(product, id))

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show_case(found)


@case.command()
@click.argument("id")
@json_option
def events(id: str, as_json: bool) -> None:  # noqa: A002
    """One case's events in order; with --json every field, personal data included.

    \b
    Example:
      ccp case events 0b8f0e5a
    """
    from adapters.reading import read_events

    async def work(product: Product) -> Page[EventView]:
        return await read_events(product, await resolve(product, id), limit=100_000, after=0)

    found = run(work)
    if as_json:
        print_json(found.rows)
        return
    rows = [
        (
            one.version,
            one.effective_at,
            one.topic,
            one.what,
            f"{one.actor.person} ({one.actor.role})",
            one.actor.agency,
        )
        for one in found.rows
    ]
    print_table(["", "when", "event", "what", "by", "agency"], rows, empty="No events.")


@click.command()
@click.option(
    "--search", metavar="TEXT", help="Words of a name, an NHS number, a reference, the beginning of an id."
)
@click.option("--stage", "stages", metavar="STAGE", multiple=True, help=f"Any of: {', '.join(Stage)}.")
@click.option("--forum", metavar="CODE", help="Cases of this forum.")
@click.option("--agency", metavar="NAME", help="Referred by this agency.")
@click.option("--worker", metavar="ID", help="Of this key worker.")
@click.option("--possible-duplicates", is_flag=True, help="Only those where somebody must decide who it is.")
@click.option("--open/--closed", "is_open", default=None, help="Only open cases, or only closed ones.")
@limit_option
@after_option
@json_option
def cases(
    search: str | None,
    stages: tuple[str, ...],
    forum: str | None,
    agency: str | None,
    worker: str | None,
    possible_duplicates: bool,
    is_open: bool | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Find cases, the latest first.

    \b
    Examples:
      ccp cases --stage Triage --stage Submitted
      ccp cases --search robin --open
    """
    from projections.cases import CaseFilter

    wanted = CaseFilter(
        text=search,
        stages=[one_of(Stage, stage, "--stage") for stage in stages] or None,
        forum=forum,
        worker=whole_id(worker, "--worker") if worker else None,
        possible_duplicate=True if possible_duplicates else None,
        open=is_open,
    )

    async def work(product: Product) -> Page[CaseRow]:
        named = replace(wanted, agency=agency_named(product.rules, agency))
        return await product.read_models.cases(named, limit=limit, after=after)

    found = run_on_lists(work, forum=forum)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.case_id,
            f"{one.given_name} {one.family_name}",
            one.stage.value,
            one.forum,
            one.referring_agency,
            one.reference,
            one.worker_name,
            one.next_due_at,
            "possible duplicate" if one.possible_duplicate else "",
        )
        for one in found.rows
    ]
    print_table(
        ["case", "person", "stage", "forum", "referred by", "reference", "key worker", "next due", ""],
        rows,
        empty="No case fits.",
    )
    more(found)


@click.command()
@click.option("--forum", metavar="CODE", help="In this forum.")
@click.option("--role", metavar="ROLE", help="For this role.")
@click.option("--agency", metavar="NAME", help="For this agency.")
@click.option("--until", metavar="INSTANT", help="Up to then; in Europe/London when no offset is given.")
@click.option("--overdue", is_flag=True, help="Only what has run out.")
@limit_option
@after_option
@json_option
def due(
    forum: str | None,
    role: str | None,
    agency: str | None,
    until: str | None,
    overdue: bool,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """What is due, soonest first, and for whom.

    \b
    Examples:
      ccp due --role coordinator
      ccp due --forum ardwick-longsight --until 2027-03-01
      ccp due --overdue
    """
    from projections.due import DueFilter

    who = one_of(Role, role, "--role") if role else None
    bound = instant_from(until, "--until") if until else None

    async def work(product: Product) -> Page[DueRow]:
        now = await product.application.clock.now()
        ends: datetime | None = min(now, bound) if overdue and bound else now if overdue else bound
        wanted = DueFilter(forum=forum, role=who, agency=agency_named(product.rules, agency), until=ends)
        return await product.read_models.due(wanted, now=now, limit=limit, after=after)

    found = run_on_lists(work, forum=forum)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.due_at,
            "overdue" if one.overdue else "",
            one.what,
            one.role or one.owner,
            one.agency or one.worker_name,
            one.forum,
            one.case_id or one.meeting_id,
            one.stage,
        )
        for one in found.rows
    ]
    print_table(["due", "", "what", "who", "of", "forum", "id", "stage"], rows, empty="Nothing is due.")
    more(found)


def show_case(found: CaseView) -> None:
    print_pairs(
        [
            ("case", found.case_id),
            ("person", found.person_id),
            ("stage", found.stage.value),
            ("waits for", found.waits_for),
            ("closed because", (found.closed_because or "").replace("_", " ")),
            ("programme", f"{found.programme} {found.programme_version}"),
            ("referred by", f"{found.referring_agency} ({found.urgency})"),
            ("forum", found.forum),
            ("needs", found.needs),
            ("possibly also", found.possible_duplicates),
            ("meeting", found.meeting_id),
            ("waiting list", found.waiting_band),
            ("key worker", found.worker_id),
            ("accepted", found.allocation_accepted if found.worker_id else None),
            ("lead agency", found.lead_agency),
            ("stepped down to", found.receiving_agency),
            ("monitored until", found.monitoring_ends_at),
            ("open concerns", found.open_safeguarding_concerns),
            ("events", found.version),
        ]
    )
    if found.clocks:
        say("")
        clocks = [(one.due_at, "overdue" if one.overdue else "", one.what, one.role) for one in found.clocks]
        print_table(["due", "", "what", "who"], clocks, empty="")
    if found.consents:
        consents = [
            (
                one.grant_id,
                one.discloser,
                one.recipient,
                one.purpose,
                one.categories,
                one.state,
                one.expires_at,
            )
            for one in found.consents
        ]
        print_table(["consent", "from", "to", "for", "what", "state", "until"], consents, empty="")
    if found.actions:
        actions = [(one.action_id, one.agency, one.owner, one.due_at, one.state) for one in found.actions]
        print_table(["action", "agency", "owner", "due", "state"], actions, empty="")
