"""How answers look in a terminal: tables in the width there is, instants in Europe/London, JSON when asked for.

Whatever comes from the log is shown as text: no control character of it reaches the terminal.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click
from pydantic_core import to_jsonable_python

from adapters.input import FieldError, InvalidInput
from projections.words import london

if TYPE_CHECKING:
    from rich.console import Console

    from projections.page import Page

E = TypeVar("E", bound=Enum)
WIDTH_WHEN_PIPED = 240

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="At most so many rows."
)
after_option = click.option("--after", metavar="CURSOR", help="Go on after a page; it says with what.")


def print_json(value: Any) -> None:
    """Print a value as JSON, instants with their offset."""
    click.echo(json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=2))


def say(text: str) -> None:
    """Print a line."""
    click.echo(safe(text))


def note(text: str) -> None:
    """Print a line that is not part of the answer."""
    click.echo(safe(text), err=True)


def print_pairs(pairs: Iterable[tuple[str, object]], *, indent: int = 0) -> None:
    """Print names and values, one below the other; what has no value is left out."""
    shown = [(name, words(value)) for name, value in pairs if value not in (None, "", [], (), {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{' ' * indent}{name.ljust(width)}  {safe(value)}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows as a table, or a sentence when there are none."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(empty)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # An id is wanted whole, to be copied.
        table.add_column(column, overflow="fold", no_wrap=column in ("case", "worker", "meeting", "id"))
    for row in rows:
        table.add_row(*(Text(safe(words(cell))) for cell in row))
    page = console()
    with page.capture() as written:
        page.print(table)
    for line in written.get().splitlines():
        if line.strip():
            click.echo(line.rstrip())


def more(page: Page[Any]) -> None:
    """Say how to go on when a page is not the last."""
    if page.next is not None:
        total = "" if page.total is None else f" of {page.total}"
        say(f"The first {len(page.rows)}{total}; go on with --after {page.next}")


def console() -> Console:
    """The terminal, or a wide page when the output goes elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDTH_WHEN_PIPED
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


def words(value: object) -> str:
    """A value as people read it."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return london(value)
        case date():
            return f"{value:%a} {value.day} {value:%b %Y}"
        case float():
            return f"{value:g}"
        case UUID():
            return str(value)
        case list() | tuple() | set() | frozenset():
            return ", ".join(words(one) for one in value)
        case dict():
            return ", ".join(f"{key}: {words(one)}" for key, one in value.items())
        case _:
            return str(value)


def safe(text: str) -> str:
    """A text without what a terminal would obey instead of show."""
    return "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Cs") else sign for sign in text)


def one_of(kind: type[E], text: str, option: str) -> E:
    """The member of an enumeration that was typed, however its letters are written.

    Raises: InvalidInput, with what there is.
    """
    for member in kind:
        if str(member.value).casefold() == text.casefold():
            return member
    raise InvalidInput(
        FieldError(option, f"must be one of {', '.join(str(member.value) for member in kind)}")
    )


def whole_id(text: str, option: str) -> UUID:
    """The id that was typed.

    Raises: InvalidInput.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(FieldError(option, "must be a whole id")) from None
