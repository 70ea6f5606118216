"""The API in this process over a real database, with its read models kept up to date beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from adapters.http import create_app
from adapters.outbox.mailbox import LocalMailbox
from adapters.outbox.outbox import Outbox
from adapters.postgres.event_log import PostgresEventLog
from adapters.product import Product
from adapters.settings import Settings
from domain.application import Application
from domain.rules import Rules
from projections import ProjectionRunner, ReadModels, prepare
from tests.support.clocks import StandingClock

ADDRESS = "http://127.0.0.1"
COORDINATOR = {
    "Ccp-Person": "coordinator-1",
    "Ccp-Role": "coordinator",
    "Ccp-Agency": "MCC Community Safety",
}


def acting_as(
    role: str, *, person: str | None = None, agency: str = "MCC Community Safety"
) -> dict[str, str]:
    """The headers of somebody who acts in a role."""
    return {"Ccp-Person": person or f"{role}-1", "Ccp-Role": role, "Ccp-Agency": agency}


@pytest.fixture
def clock() -> StandingClock:
    """The product's clock; a test may set it."""
    return StandingClock()


@pytest.fixture
async def product(
    pool: asyncpg.Pool, log: PostgresEventLog, rules: Rules, clock: StandingClock, tmp_path: Path
) -> AsyncIterator[Product]:
    await prepare(pool)
    runner = asyncio.create_task(ProjectionRunner(pool, log).run())
    application = Application(log=log, identities=log, pool=log, clock=clock, rules=rules)
    mailbox = LocalMailbox(tmp_path / "mailbox")
    yield Product(application, log, ReadModels(pool), pool, Settings(), rules, Outbox(pool), mailbox)
    runner.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await runner


@pytest.fixture
async def client(product: Product) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(product) as opened:
        yield opened


def client_of(product: Product, *, loopback: bool = True) -> httpx.AsyncClient:
    """Somebody who calls the API; an exception that leaves it fails the test."""
    settings = product.settings
    api = _api_of_whoever_is_asked(product, loopback, settings.allow_declared_actors, settings.host)

    async def of_this_product(scope: Any, receive: Any, send: Any) -> None:
        _ASKED.set(product)
        await api(scope, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(of_this_product), base_url=ADDRESS)


_ASKED: ContextVar[Product] = ContextVar("asked")
_MADE: dict[tuple[bool, bool, str], FastAPI] = {}


class _WhoeverIsAsked:
    """The product that this request is for: making the API takes longer than most tests, so they share it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_ASKED.get(), name)


def _api_of_whoever_is_asked(product: Product, *way: Any) -> FastAPI:
    """The API made in this way, which depends on a product by nothing else; made once."""
    if way not in _MADE:
        _ASKED.set(product)
        _MADE[way] = create_app(cast("Product", _WhoeverIsAsked()), loopback=way[0])
    return _MADE[way]


@pytest.fixture
def referral() -> dict[str, Any]:
    """A sound referral of somebody new."""
    return {
        "urgency": "routine",
        "source_reference": "GMP-2027-00417",
        "form": {
            "given_name": "Robin",
            "family_name": "Example",
            "date_of_birth": "1985-03-31",
            "nhs_number": "9990000018",
            "ward": "Ardwick",
            "needs": ["mental_health", "substance_alcohol", "homelessness"],
            "offer": "Neighbourhood officer joins the first visit",
            "person_aware": True,
        },
    }
