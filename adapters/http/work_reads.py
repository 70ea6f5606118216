"""Reads about work in progress: actions, and cases in which nothing goes on. Lists of ids, codes and instants.

Must not name a person: whoever may see a case asks for it by its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import Query

from adapters.filters import agency_named, unreached_since
from adapters.http.queries import Agency, Cursor, Forum, Limit, Read, Text
from domain.roles import Role
from projections.actions import ActionFilter, ActionRow
from projections.page import Page
from projections.standstill import ParkedFilter, ParkedRow

if TYPE_CHECKING:
    from adapters.product import Product


def add_work_routes(read: Read, product: Product) -> None:
    """Add every read about work in progress."""

    @read("/actions", Page[ActionRow], tag="lists", read_models=True)
    async def actions(
        open: Annotated[  # noqa: A002 - the name of the query parameter
            bool, Query(description="Those that are open; false for those that have ended.")
        ] = True,
        overdue: Annotated[bool | None, Query(description="Whether their date has passed.")] = None,
        escalated: Annotated[
            bool | None, Query(description="Whether they were put to a higher level.")
        ] = None,
        blocked: Annotated[bool | None, Query(description="Whether something stands in their way.")] = None,
        agency: Agency = None,
        owner: Annotated[Text | None, Query(description="Staff reference of the owner.")] = None,
        forum: Forum = None,
        programme: Text | None = None,
        case: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[ActionRow]:
        """Actions of the plans, those due first at the top; an owner is known by reference and agency together."""
        wanted = ActionFilter(
            open=open,
            overdue=overdue,
            escalated=escalated,
            blocked=blocked,
            agency=agency_named(product.rules, agency),
            owner=owner,
            forum=forum,
            programme=programme,
            case=case,
        )
        now = await product.application.clock.now()
        return await product.read_models.actions(wanted, now=now, limit=limit, after=after)

    @read("/parked-cases", Page[ParkedRow], tag="lists", read_models=True)
    async def parked_cases(
        forum: Forum = None,
        programme: Text | None = None,
        role: Annotated[Role | None, Query(description="Whose move it is.")] = None,
        worker: UUID | None = None,
        limit: Limit = 50,
        after: Cursor = None,
    ) -> Page[ParkedRow]:
        """Cases whose person nobody has reached for long and in which nothing is in progress, the longest parked first.

        For how long is the clock `parked` of the programme; what is arranged for a day to come is in progress.
        """
        now = await product.application.clock.now()
        return await product.read_models.parked_cases(
            unreached_since(product.rules, now),
            ParkedFilter(forum=forum, programme=programme, role=role, worker=worker),
            now=now,
            limit=limit,
            after=after,
        )
