"""What is in the outbox: every message with its fate, for operations staff and for stories that check who was told.

Must not change anything: a retry is a command, so that it is on record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from adapters.postgres.sql import named_queries
from domain.case.notification import RetryMeetingNotification, RetryNotification
from domain.errors import AlreadyRecorded, Conflict, NotFound
from domain.messages import CaseId, MeetingId
from projections.page import Page, read_cursor, write_cursor

if TYPE_CHECKING:
    from asyncpg import Pool

    from domain.messages import Command

MessageState = Literal["waiting", "delivered", "failed"]
_SQL: Final = named_queries(Path(__file__).with_name("outbox.sql"))
_FIRST: Final = (-1, UUID(int=0))
_ALL_AT_ONCE: Final = 100_000


class MessageNotUnique(Conflict):
    """Several messages begin with {id}; give more of the id."""

    code = "message_not_unique"


class Message(BaseModel):
    """One message: who is told what about which case or meeting, and how far it has come.

    `to` is a role, or `agency` for whoever takes the post of one. `about` is the name of the event it tells of, `at`
    when that was recorded, `position` its place in the log. A failed message waits for somebody to retry it.
    """

    model_config = ConfigDict(frozen=True)

    message_id: UUID
    position: int
    to: str
    about: str
    agency: str | None
    worker_id: UUID | None
    case_id: UUID | None
    meeting_id: UUID | None
    at: datetime
    correlation_id: UUID
    state: MessageState
    attempts: int
    last_error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None

    def is_to(self, somebody: str) -> bool:
        """Whether it is to this role, agency or key worker's id."""
        return somebody in (self.to, self.agency, str(self.worker_id))


class Outbox:
    """The messages of one database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def messages_since(self, position: int) -> Sequence[Message]:
        """Every message that tells of an event after a position of the log, in its order."""
        return await self._page((position, UUID(int=2**128 - 1)), _ALL_AT_ONCE)

    async def page(
        self,
        *,
        state: MessageState | None = None,
        to: str | None = None,
        case_id: UUID | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[Message]:
        """Messages in the order of the log. `to` is a role, an agency or a key worker's id. Raises CursorInvalid."""
        place = read_cursor(after, (int, UUID)) if after else _FIRST
        found = await self._page(place, limit + 1, state, to, case_id)
        rows = tuple(found[:limit])
        more = len(found) > limit
        return Page(
            rows=rows, total=None, next=write_cursor(rows[-1].position, rows[-1].message_id) if more else None
        )

    async def one(self, text: str) -> Message:
        """The message of this id, or whose id begins so. Raises: NotFound, MessageNotUnique."""
        found = (
            await self._pool.fetch(_SQL["one"], text.lower())
            if re.fullmatch(r"[0-9a-fA-F-]{4,36}", text)
            else []
        )
        if not found:
            raise NotFound(kind="message", id=text if len(text) <= 36 else "given")
        if len(found) > 1:
            raise MessageNotUnique(id=text)
        return Message.model_validate(dict(found[0]))

    async def retry_of(self, text: str) -> Command:
        """The command that lets a message be tried again. Raises: NotFound, MessageNotUnique, AlreadyRecorded."""
        message = await self.one(text)
        if message.state == "delivered":
            raise AlreadyRecorded(what=f"that message {message.message_id} was delivered")
        if message.case_id is not None:
            return RetryNotification(case_id=CaseId(message.case_id), message_id=message.message_id)
        if message.meeting_id is not None:
            return RetryMeetingNotification(
                meeting_id=MeetingId(message.meeting_id), message_id=message.message_id
            )
        raise NotFound(kind="case or meeting of message", id=message.message_id)

    async def _page(self, place: Sequence[Any], limit: int, *filters: object) -> list[Message]:
        wanted = (*filters, None, None, None)[:3]
        rows = await self._pool.fetch(_SQL["page"], *place, limit, *wanted)
        return [Message.model_validate(dict(row)) for row in rows]
