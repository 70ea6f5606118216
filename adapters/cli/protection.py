"""Safeguarding and escalations at a terminal: what must be screened or answered, by those who need to know.

Who asks comes from --as-role or CCP_AS_ROLE. Codes and instants only.
"""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from adapters.cli.connect import run_on_lists
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
from adapters.input import FieldError, InvalidInput
from adapters.settings import load_settings
from domain.case.escalation import EscalationState, may_know_of_safeguarding
from domain.case.safeguarding import ConcernState, require_safeguarding_lead
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.product import Product
    from projections.escalations import EscalationRow
    from projections.page import Page
    from projections.safeguarding import ConcernRow

role_option = click.option("--as-role", metavar="ROLE", help="In which role you ask (CCP_AS_ROLE).")
case_option = click.option("--case", "case_id", metavar="ID", help="Of this case.")
forum_option = click.option("--forum", metavar="CODE", help="In this forum.")


@click.command()
@role_option
@click.option("--state", type=click.Choice(get_args(ConcernState)), help="Where the concern stands.")
@click.option("--open/--closed", "is_open", default=None, help="Only open ones, or only closed ones.")
@forum_option
@case_option
@limit_option
@after_option
@json_option
def safeguarding(
    as_role: str | None,
    state: ConcernState | None,
    is_open: bool | None,
    forum: str | None,
    case_id: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Safeguarding concerns, those to be screened first at the top. For a safeguarding lead alone.

    \b
    Example:
      ccp safeguarding --as-role safeguarding_lead --open
    """
    from projections.safeguarding import ConcernFilter

    require_safeguarding_lead(_role(as_role))
    wanted = ConcernFilter(
        state=state, open=is_open, forum=forum, case=whole_id(case_id, "--case") if case_id else None
    )

    async def work(product: Product) -> Page[ConcernRow]:
        return await product.read_models.concerns(wanted, limit=limit, after=after)

    found = run_on_lists(work, forum=forum)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.case_id,
            one.concern_id,
            one.about,
            one.category,
            one.state,
            one.screening_due_at,
            "overdue" if one.screening_overdue else "",
            "immediate danger" if one.immediate_danger else "",
            one.referred_to,
            one.earlier_concerns or "",
        )
        for one in found.rows
    ]
    print_table(
        ["case", "id", "about", "category", "state", "screen by", "", "", "referred to", "earlier"],
        rows,
        empty="No concern fits.",
    )
    more(found)


@click.command()
@role_option
@click.option("--state", type=click.Choice(get_args(EscalationState)), help="Where the escalation stands.")
@click.option("--level", type=click.IntRange(1, 99), help="At this level.")
@forum_option
@case_option
@limit_option
@after_option
@json_option
def escalations(
    as_role: str | None,
    state: EscalationState | None,
    level: int | None,
    forum: str | None,
    case_id: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Escalations, those to be answered first at the top; those about safeguarding for its leads and for managers.

    \b
    Example:
      ccp escalations --state open --level 2
    """
    from projections.escalations import EscalationFilter

    role = as_role or load_settings().as_role
    wanted = EscalationFilter(
        state=state,
        level=level,
        forum=forum,
        case=whole_id(case_id, "--case") if case_id else None,
        with_safeguarding=role is not None and may_know_of_safeguarding(one_of(Role, role, "--as-role")),
    )

    async def work(product: Product) -> Page[EscalationRow]:
        return await product.read_models.escalations(wanted, limit=limit, after=after)

    found = run_on_lists(work, forum=forum)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.case_id,
            one.escalation_id,
            one.subject,
            f"{one.level}, {one.level_owner.replace('_', ' ')}",
            one.state,
            one.answer_due_at,
            one.raised_by_agency or "a deadline",
        )
        for one in found.rows
    ]
    print_table(
        ["case", "id", "about", "level", "state", "answer by", "raised by"], rows, empty="No escalation fits."
    )
    more(found)


def _role(given: str | None) -> Role:
    said = given or load_settings().as_role
    if not said:
        raise InvalidInput(
            FieldError("--as-role", "is required: say in which role you ask, or set CCP_AS_ROLE")
        )
    return one_of(Role, said, "--as-role")
