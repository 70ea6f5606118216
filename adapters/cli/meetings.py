"""Forum meetings at a terminal: agendas, what one agency's pack holds, and the calendar file of the meetings."""

# ruff: noqa: D301 - \b is click's mark for text that keeps its lines

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adapters.cli.connect import run, run_on_lists
from adapters.cli.naming import as_id
from adapters.cli.output import json_option, print_json, print_pairs, print_table, say, whole_id
from adapters.input import FieldError, InvalidInput
from domain.errors import NotFound

if TYPE_CHECKING:
    from adapters.product import Product
    from domain.meeting.packs import Pack
    from projections.agenda import MeetingRow


@click.group()
def meeting() -> None:
    """Forum meetings: packs and calendar; their items are in `ccp agenda`.

    \b
    Examples:
      ccp meeting pack 9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01 --agency "One Manchester"
      ccp meeting calendar > forums.ics
    """


@meeting.command()
@click.argument("id")
@click.option("--agency", required=True, metavar="NAME", help="Whose pack.")
@json_option
def pack(id: str, agency: str, as_json: bool) -> None:  # noqa: A002 - the name people see in the usage line
    """What an agency may see now of each item of a meeting; with --json what was told about people too.

    \b
    Example:
      ccp meeting pack 9d1f3f1e-2f6b-5a55-9a57-0f6d7c0a3b01 --agency "Change Grow Live"
    """
    from adapters.meetings import read_pack

    meeting_id = whole_id(id, "ID")

    async def work(product: Product) -> Pack:
        return await read_pack(product, meeting_id, agency)

    found = run(work)
    if as_json:
        print_json(found)
        return
    print_pairs(
        [
            ("meeting", found.meeting_id),
            ("forum", found.forum),
            ("starts", found.starts_at),
            ("agency", found.agency),
            ("as of", found.as_of),
        ]
    )
    rows = [
        (
            one.place,
            one.kind,
            one.case_id,
            "urgent" if one.urgent else "",
            one.referring_agency,
            one.needs,
            [told.agency for told in one.told],
            ("answered" if one.you_answered else "asked") if one.you_were_asked else "",
        )
        for one in found.items
    ]
    print_table(
        ["", "item", "case", "", "referred by", "needs", "told by", "you were"], rows, empty="No item yet."
    )


@meeting.command()
@click.option("--forum", metavar="CODE", help="Meetings of this forum only.")
def calendar(forum: str | None) -> None:
    """The meetings as an iCalendar file, for a calendar to read; cancelled ones are marked.

    \b
    Example:
      ccp meeting calendar --forum ardwick-longsight > forum.ics
    """
    from adapters.meetings import read_calendar

    async def work(product: Product) -> str:
        return await read_calendar(product, forum)

    click.echo(run_on_lists(work).encode(), nl=False)


@click.command()
@click.argument("forum_or_meeting", metavar="FORUM|MEETING")
@click.option("--past", is_flag=True, help="Past meetings of the forum too.")
@json_option
def agenda(forum_or_meeting: str, past: bool, as_json: bool) -> None:
    """A forum's coming meetings, or one meeting by its id: items, what agencies returned, what was decided.

    \b
    Examples:
      ccp agenda ardwick-longsight
      ccp agenda ardwick-longsight --past
    """
    meeting_id = as_id(forum_or_meeting)

    async def work(product: Product) -> list[MeetingRow]:
        if meeting_id is not None:
            rows = (await product.read_models.agenda(meeting=meeting_id)).rows
            if not rows:
                raise NotFound(kind="meeting", id=meeting_id)
            return list(rows)
        known = {forum.code for forum in product.rules.geography.forums()}
        if forum_or_meeting not in known:
            raise InvalidInput(
                FieldError(
                    "FORUM|MEETING", f"must be the id of a meeting or one of {', '.join(sorted(known))}"
                )
            )
        # A meeting of today is not past, whatever the hour.
        now = await product.application.clock.now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        page = await product.read_models.agenda(
            forum=forum_or_meeting, since=None if past else today, limit=500
        )
        return list(page.rows)

    found = run_on_lists(work)
    if as_json:
        print_json(found)
        return
    if not found:
        say("No meeting is planned; `ccp commands plan-meeting` says how.")
    for meeting in found:
        _show_meeting(meeting)


def _show_meeting(meeting: MeetingRow) -> None:
    print_pairs(
        [
            ("meeting", meeting.meeting_id),
            ("forum", meeting.forum),
            ("starts", meeting.starts_at),
            ("stage", meeting.stage.value),
            ("agenda closes", meeting.agenda_closes_at),
            ("returns due", meeting.returns_due_at),
            ("minutes due", meeting.minutes_due_at),
            ("present", meeting.agencies_present),
        ]
    )
    rows = [
        (
            one.case_id,
            "urgent" if one.urgent else "",
            one.referring_agency,
            [returned.agency for returned in one.returned],
            one.missing,
            one.decision or one.outcome,
        )
        for one in meeting.items
    ]
    print_table(["case", "", "referred by", "returned", "missing", "decided"], rows, empty="No item yet.")
