"""One page of a list and the cursor that leads to the next. A cursor is opaque to whoever carries it.

A page begins after the last row of the one before, so rows that come or go between two pages shift nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from asyncpg import Pool
from asyncpg.pool import PoolConnectionProxy
from pydantic import BaseModel, ConfigDict

from domain.errors import RuleBroken
from projections.sql import Queries

SQL: Final = Queries.beside(__file__)

LARGEST: Final = 500
"""No list gives more rows at once."""
COUNTED: Final = 1_000
"""A list that is longer is not counted: to count takes as long as to read it all."""

Row = TypeVar("Row")
Key = tuple[str, ...]


class CursorInvalid(RuleBroken):
    """after: this is not a cursor of this list; leave it out to start at the beginning."""

    code = "cursor_invalid"


class ReadRow(BaseModel):
    """A row of a read model: a frozen value; instants are in UTC."""

    model_config = ConfigDict(frozen=True)


class Page(BaseModel, Generic[Row]):
    """Some rows of a list; `next` is the cursor of the page that follows, `total` counts the whole list.

    `total` is None where a list is not counted, or has more than a thousand rows.
    """

    model_config = ConfigDict(frozen=True)

    rows: tuple[Row, ...]
    next: str | None = None
    total: int | None = None


def page_size(limit: int) -> int:
    """A limit as asked for, held between one row and the largest page."""
    return min(max(limit, 1), LARGEST)


@asynccontextmanager
async def asking(pool: Pool) -> AsyncIterator[PoolConnectionProxy]:
    """A connection for questions with many filters that may be left out: each is planned for those it has."""
    async with pool.acquire() as connection:
        await connection.execute(SQL["plan_each"])
        yield connection


def write_cursor(*parts: object) -> str:
    """A cursor from the sort key of a page's last row."""
    plain = [part.isoformat() if isinstance(part, datetime) else str(part) for part in parts]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> tuple[object, ...]:
    """The sort key in a cursor; `kinds` says what its parts are.

    Raises: CursorInvalid.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise CursorInvalid
        return tuple(_part(kind, part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError, binascii.Error):
        raise CursorInvalid from None


def _part(kind: type, text: object) -> object:
    if not isinstance(text, str) or not can_occur(text):
        raise CursorInvalid
    if kind is datetime:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise CursorInvalid
        return instant
    if kind is UUID:
        return UUID(text)
    if kind is int:
        number = int(text)
        if not 0 <= number < 2**63:
            raise CursorInvalid
        return number
    return text


def can_occur(*texts: str | None) -> bool:
    """Whether each of these texts could stand in a row at all: PostgreSQL keeps no NUL and no broken UTF-8."""
    try:
        return all("\x00" not in text.encode().decode() for text in texts if text is not None)
    except UnicodeError:
        return False
