"""Work at a terminal: the actions that somebody took on, and the cases in which nothing goes on.

Nothing here names a person; a case is shown by its id.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adapters.cli.connect import run_on_lists
from adapters.cli.naming import resolve
from adapters.cli.output import (
    after_option,
    json_option,
    limit_option,
    more,
    one_of,
    print_json,
    print_table,
    whole_id,
)
from adapters.filters import agency_named, unreached_since
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.product import Product
    from projections.actions import ActionRow
    from projections.page import Page
    from projections.standstill import ParkedRow

programme_option = click.option("--programme", metavar="NAME", help="In this programme.")
forum_option = click.option("--forum", metavar="CODE", help="In this forum.")


@click.command()
@click.option("--open/--ended", "is_open", default=True, help="Open ones, or those that have ended.  [open]")
@click.option("--overdue", is_flag=True, help="Only those whose date has passed.")
@click.option("--escalated", is_flag=True, help="Only those that were put to a higher level.")
@click.option("--blocked", is_flag=True, help="Only those that something stands in the way of.")
@click.option("--agency", metavar="NAME", help="Of this agency.")
@click.option("--owner", metavar="REF", help="Of this owner, by the staff reference.")
@click.option("--case", "case_id", metavar="ID", help="Of this case.")
@forum_option
@programme_option
@limit_option
@after_option
@json_option
def actions(
    *,
    is_open: bool,
    overdue: bool,
    escalated: bool,
    blocked: bool,
    agency: str | None,
    owner: str | None,
    case_id: str | None,
    forum: str | None,
    programme: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Actions that somebody took on, those due first at the top.

    \b
    Examples:
      ccp actions --overdue --forum ardwick-longsight
      ccp actions --agency "One Manchester" --blocked
      ccp actions --case 0b8f0e5a --ended
    """
    from projections.actions import ActionFilter

    async def work(product: Product) -> Page[ActionRow]:
        wanted = ActionFilter(
            open=is_open,
            overdue=overdue or None,
            escalated=escalated or None,
            blocked=blocked or None,
            agency=agency_named(product.rules, agency),
            owner=owner,
            forum=forum,
            programme=programme,
            case=await resolve(product, case_id) if case_id else None,
        )
        now = await product.application.clock.now()
        return await product.read_models.actions(wanted, now=now, limit=limit, after=after)

    found = run_on_lists(work, forum=forum, programme=programme)
    if as_json:
        print_json(found)
        return
    print_table(
        ["due", "state", "agency", "owner", "action", "case", "forum"],
        [
            (
                one.due_at,
                ", ".join(_standing(one)),
                one.agency,
                one.owner,
                one.action_id,
                one.case_id,
                one.forum,
            )
            for one in found.rows
        ],
        empty="No action fits.",
    )
    more(found)


def _standing(one: ActionRow) -> list[str]:
    """The state of an action and what else must be known of it."""
    told = {
        "overdue": one.overdue,
        f"escalated to level {one.escalated_to}": one.escalated_to > 0,
        "blocked": one.blocker_id is not None,
    }
    return [one.state.replace("_", " "), *(words for words, holds in told.items() if holds)]


@click.command()
@click.option("--role", metavar="ROLE", help="Where it is this role's move.")
@click.option("--worker", metavar="ID", help="Of this key worker.")
@forum_option
@programme_option
@limit_option
@after_option
@json_option
def parked(
    *,
    role: str | None,
    worker: str | None,
    forum: str | None,
    programme: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Parked cases, the longest parked first: nobody has reached the person for long, and nothing is in progress.

    In progress is an open action, a place on an agenda, and what is arranged for a day to come. For how long nobody may
    have been reached is the clock "parked" of the programme.

    \b
    Examples:
      ccp parked --forum ardwick-longsight
      ccp parked --role key_worker
    """
    from projections.standstill import ParkedFilter

    wanted = ParkedFilter(
        forum=forum,
        programme=programme,
        role=one_of(Role, role, "--role") if role else None,
        worker=whole_id(worker, "--worker") if worker else None,
    )

    async def work(product: Product) -> Page[ParkedRow]:
        now = await product.application.clock.now()
        return await product.read_models.parked_cases(
            unreached_since(product.rules, now), wanted, now=now, limit=limit, after=after
        )

    found = run_on_lists(work, forum=forum, programme=programme)
    if as_json:
        print_json(found)
        return
    print_table(
        ["parked since", "case", "stage", "since", "last contact", "whose move", "forum"],
        [
            (
                one.since,
                one.case_id,
                one.stage.value,
                one.stage_since,
                one.last_contact_at or "never",
                _whose(one),
                one.forum,
            )
            for one in found.rows
        ],
        empty="No case is parked.",
    )
    more(found)


def _whose(one: ParkedRow) -> str:
    role = one.role.value.replace("_", " ") if one.role else ""
    of = one.agency or (f"worker {one.worker_id}" if one.worker_id else "")
    return f"{role} ({of})" if role and of else role or of
