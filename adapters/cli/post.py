"""Messages at a terminal: what the outbox holds, a retry that is on record, and what lies in the local mailbox."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING, get_args
from uuid import uuid4

import click

from adapters.cli.connect import run
from adapters.cli.do import actor_from
from adapters.cli.failures import CommandRefused
from adapters.cli.output import (
    after_option,
    json_option,
    limit_option,
    more,
    print_json,
    print_table,
    say,
    whole_id,
)
from adapters.outbox.outbox import MessageState
from adapters.settings import load_settings
from domain.application import Request
from domain.case.notification import RetryNotification
from domain.errors import DomainError
from domain.roles import Role

if TYPE_CHECKING:
    from adapters.outbox.outbox import Message
    from adapters.product import Product
    from domain.ports import Answer, Notification
    from projections.page import Page

to_option = click.option("--to", metavar="WHOM", help="To a role, an agency or a key worker's id.")
case_option = click.option("--case", "case_id", metavar="ID", help="About this case.")


@click.group()
def outbox() -> None:
    """Messages to people: each is written once from the log, and delivered until it has arrived.

    \b
    Examples:
      ccp outbox list --state failed
      ccp outbox retry 7d1f6f0a --reason "The mailbox is back" --as-person ops-1 --as-agency MCC
    """


@outbox.command("list")
@click.option("--state", type=click.Choice(get_args(MessageState)), help="How far the message has come.")
@to_option
@case_option
@limit_option
@after_option
@json_option
def list_(
    state: MessageState | None,
    to: str | None,
    case_id: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> None:
    """Messages in the order of the log.

    \b
    Example:
      ccp outbox list --state failed
    """
    about_case = whole_id(case_id, "--case") if case_id else None

    async def work(product: Product) -> Page[Message]:
        return await product.outbox.page(state=state, to=to, case_id=about_case, limit=limit, after=after)

    found = run(work)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            str(one.message_id)[:8],
            one.at,
            one.to,
            one.agency or one.worker_id,
            one.about,
            one.case_id or one.meeting_id,
            one.state,
            one.attempts,
            one.last_error or "",
        )
        for one in found.rows
    ]
    print_table(
        ["message", "when", "to", "of", "about", "id", "state", "tries", "last error"],
        rows,
        empty="No message fits.",
    )
    more(found)


@outbox.command()
@click.argument("id")
@click.option("--reason", required=True, metavar="TEXT", help="Why it is tried again; kept with the retry.")
@click.option("--as-person", metavar="REF", help="Who acts (CCP_AS_PERSON).")
@click.option(
    "--as-role", metavar="ROLE", help="In which role (CCP_AS_ROLE); operations when neither is given."
)
@click.option("--as-agency", metavar="AGENCY", help="For which agency (CCP_AS_AGENCY).")
@json_option
def retry(
    id: str,  # noqa: A002 - the name people see in the usage line
    reason: str,
    as_person: str | None,
    as_role: str | None,
    as_agency: str | None,
    as_json: bool,
) -> None:
    """Have a message that has not arrived delivered again, under the same id and correlation; this is on record.

    \b
    Example:
      ccp outbox retry 7d1f6f0a --reason "The mailbox is back"
    """
    settings = load_settings()
    actor = actor_from(
        settings,
        {
            "as_person": as_person,
            "as_role": as_role or settings.as_role or Role.OPERATIONS.value,
            "as_agency": as_agency,
            "on_behalf_of": None,
        },
    )

    async def work(product: Product) -> tuple[Message, Answer]:
        message = await product.outbox.one(id)
        command = await product.outbox.retry_of(str(message.message_id))
        order = Request(
            command=command,
            actor=actor,
            command_id=uuid4(),
            reason=reason,
            correlation_id=message.correlation_id,
        )
        return message, await product.application.execute(order)

    try:
        message, answer = run(work)
    except DomainError as refused:
        raise CommandRefused(RetryNotification, refused) from None
    if as_json:
        print_json({"message_id": message.message_id, "position": answer.position})
    else:
        say(f"Message {message.message_id} will be tried again; `ccp outbox list` shows whether it arrives.")


@click.command()
@to_option
@case_option
@json_option
def mailbox(to: str | None, case_id: str | None, as_json: bool) -> None:
    """The messages that lie in the local mailbox, in the order of time.

    \b
    Examples:
      ccp mailbox --to coordinator
      ccp mailbox --to "One Manchester"
    """
    about_case = whole_id(case_id, "--case") if case_id else None

    async def work(product: Product) -> list[Notification]:
        return await product.mailbox.read(to=to, case_id=about_case)

    found = run(work)
    if as_json:
        print_json(found)
        return
    rows = [
        (one.at, one.to, one.agency or one.worker_id, one.about, one.case_id or one.meeting_id)
        for one in found
    ]
    print_table(["when", "to", "of", "about", "id"], rows, empty="The mailbox is empty.")
