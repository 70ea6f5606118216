"""The product as one process holds it, put together by `bootstrap.py` and used by every edge. Must not open or close anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg import Pool

    from adapters.outbox.mailbox import LocalMailbox
    from adapters.outbox.outbox import Outbox
    from adapters.postgres.event_log import PostgresEventLog
    from adapters.settings import Settings
    from domain.application import Application
    from domain.rules import Rules
    from projections.read_models import ReadModels


@dataclass(frozen=True, slots=True)
class Product:
    """The product as one process holds it: it can decide and read; what runs beside it is another matter."""

    application: Application
    log: PostgresEventLog
    read_models: ReadModels
    pool: Pool
    settings: Settings
    rules: Rules
    outbox: Outbox
    mailbox: LocalMailbox
