"""Whether this process runs, and whether it can do its work: for whoever watches it. Names and numbers only."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import asyncpg
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from adapters.postgres.errors import LogError
from adapters.problems import is_log_away

if TYPE_CHECKING:
    from adapters.product import Product


class Health(BaseModel):
    """Whether this process runs, or can do its work."""

    status: str = Field(examples=["ok"])
    version: str
    behind: dict[str, int] = Field(default={}, description="read model → how many events it has still to see")


def add_health_routes(app: FastAPI, product: Product) -> None:
    """Add `/health` and `/ready`."""
    release = version("coordinated-care-pathway")

    @app.get("/health", response_model=Health, tags=["health"])
    async def health() -> Health:
        """Answer while this process runs, whatever it depends on."""
        return Health(status="ok", version=release)

    @app.get("/ready", response_model=Health, tags=["health"], responses={503: {"model": Health}})
    async def ready(response: Response) -> Health:
        """Answer 200 when the event log can be reached and the read models exist, else 503."""
        try:
            head = await product.log.head()
            positions = await product.read_models.positions()
        except (LogError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            response.status_code = 503
            response.headers["Retry-After"] = "1"
            reason = (
                "event log away"
                if isinstance(error, LogError) or is_log_away(error)
                else "read models missing"
            )
            return Health(status=reason, version=release)
        behind = {name: head - position for name, position in positions.items() if position < head}
        return Health(status="ok", version=release, behind=behind)
