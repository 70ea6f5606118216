"""Reads of reference data: the catalogue of commands, programmes, forums. Nothing in them is about a person."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import Path as InPath
from fastapi import Query
from pydantic import BaseModel

from adapters.command_views import CommandView, command_view
from adapters.http.queries import Read
from domain import catalogue
from domain.errors import NotFound
from domain.programmes import Programme

if TYPE_CHECKING:
    from adapters.product import Product


class NamedCode(BaseModel):
    """A code and its name."""

    code: str
    name: str


class ForumView(BaseModel):
    """A forum and the neighbourhoods that it serves on a day."""

    code: str
    name: str
    valid_from: date
    valid_to: date | None
    neighbourhoods: list[NamedCode]


def add_reference_routes(read: Read, product: Product) -> None:
    """Add every read of reference data."""

    @read("/commands", list[CommandView], tag="reference data", about_people=False)
    async def commands() -> list[CommandView]:
        """The catalogue: every command, its fields, who may issue it and what may refuse it."""
        return [command_view(catalogue.decision(command.NAME)) for command in catalogue.commands()]

    @read("/programmes/{name}", Programme, tag="reference data", about_people=False, missing="programme")
    async def programme(name: Annotated[str, InPath(pattern=r"^[a-z][a-z0-9-]{0,60}$")]) -> Programme:
        """A programme: eligibility, needs, clocks, quorum and limits, each with its source."""
        if name not in product.rules.programmes:
            raise NotFound(kind="programme", id=name)
        return product.rules.programmes[name]

    @read("/geography/forums", list[ForumView], tag="reference data", about_people=False)
    async def forums(
        on: Annotated[date | None, Query(description="On this day; today when left out.")] = None,
    ) -> list[ForumView]:
        """The forums and the neighbourhoods that each serves."""
        day = on or product.rules.london_day(await product.application.clock.now())
        geography = product.rules.geography
        return [
            ForumView(
                code=forum.code,
                name=forum.name,
                valid_from=forum.valid_from,
                valid_to=forum.valid_to,
                neighbourhoods=[
                    NamedCode(code=code, name=geography.neighbourhood(code).name)
                    for code in forum.neighbourhoods(day)
                ],
            )
            for forum in geography.forums()
        ]
