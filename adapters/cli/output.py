"""How answers look in a terminal: tables in the width there is, instants in Europe/London, JSON when asked for.

Whatever comes from the log is shown as text: no control character of it reaches the terminal.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click
from pydantic_core import to_jsonable_python

from adapters.input import FieldError, InvalidInput
from domain.london import london

if TYPE_CHECKING:
    from rich.console import Console

    from projections.page import Page

E = TypeVar("E", bound=Enum)
WIDTH_WHEN_PIPED = 240
LEAST_ROOM = 20
MOST_LINES = 4
"""A cell of a table that would need more lines is better read as a block."""
BETWEEN_COLUMNS = 3
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
    shown = [(name, safe(words(value))) for name, value in pairs if value not in (None, "", [], (), {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print_after(f"{' ' * indent}{name.ljust(width)}  ", value)


def print_after(before: str, text: str) -> None:
    """Print a text after what stands before it, its further lines below its first."""
    room = max(_width() - len(before), LEAST_ROOM)
    for number, line in enumerate(textwrap.wrap(safe(text), room, break_on_hyphens=False) or [""]):
        click.echo(f"{before if number == 0 else ' ' * len(before)}{line}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print rows as a table, or a sentence when there are none.

    A column without a value is left out. Where the terminal is too narrow, ids are cut to what tells them apart; where
    that is not enough either, each row is printed as a block of names and values, ids whole.
    """
    if not rows:
        click.echo(empty)
        return
    shown = [[safe(words(cell)) for cell in row] for row in rows]
    kept = [number for number, _ in enumerate(columns) if any(row[number] for row in shown)] or [0]
    heads = [columns[number] for number in kept]
    cells = [[row[number] for number in kept] for row in shown]
    if _fits(heads, cells):
        _print_grid(heads, cells)
    elif _fits(heads, short := _with_short_ids(cells)):
        _print_grid(heads, short)
        note("Ids are cut to fit; a wider terminal or --json shows them whole.")
    else:
        _print_blocks(heads, cells)


def _print_grid(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(heads):
        # Words stay whole, and so does an id, to be copied.
        whole = _longest_word([head, *(row[number] for row in cells)])
        table.add_column(head, overflow="fold", min_width=whole)
    for row in cells:
        table.add_row(*map(Text, row))
    page = console()
    with page.capture() as written:
        page.print(table)
    for line in written.get().splitlines():
        if line.strip():
            click.echo(line.rstrip())


def _print_blocks(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    width = max(map(len, heads))
    for number, row in enumerate(cells):
        if number:
            click.echo("")
        for head, cell in zip(heads, row, strict=True):
            if cell:
                print_after(f"{head.ljust(width)}  ", cell)


def _fits(heads: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Whether a table in this terminal keeps every word whole, and no cell in more than a few lines."""
    columns = [[row[number] for row in cells] for number, _ in enumerate(heads)]
    needed = sum(
        max(_longest_word([head, *column]), max(map(len, column)) // MOST_LINES)
        for head, column in zip(heads, columns, strict=True)
    )
    return needed + BETWEEN_COLUMNS * len(heads) <= _width()


def _longest_word(texts: Iterable[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _with_short_ids(cells: Sequence[Sequence[str]]) -> list[list[str]]:
    """The cells with each id cut to the beginning that no other id among them has; `ccp case` takes it like that."""
    ids = {found for row in cells for cell in row for found in _ID.findall(cell)}
    length = next(
        size for size in (8, 13, 18, 23, 36) if size == 36 or len({one[:size] for one in ids}) == len(ids)
    )
    return [[_ID.sub(lambda found: found.group()[:length], cell) for cell in row] for row in cells]


def more(page: Page[Any]) -> None:
    """Say how to go on when a page is not the last."""
    if page.next is not None:
        total = "" if page.total is None else f" of {page.total}"
        say(f"The first {len(page.rows)}{total}; go on with --after {page.next}")


def _width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH_WHEN_PIPED


def console() -> Console:
    """The terminal, or a wide page when the output goes elsewhere."""
    from rich.console import Console

    return Console(file=sys.stdout, width=_width(), markup=False, highlight=False, emoji=False)


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
