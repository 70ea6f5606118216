"""What may stand in the query of a read, in one place for all of them: texts, instants, pages and who asks.

Must not say what a read answers. A value that no row can hold is refused here, by the name of its parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query
from fastapi import Path as InPath
from pydantic import AfterValidator, StringConstraints

from adapters.http.acting import acting_role
from adapters.input import EARLIEST_YEAR, LATEST_YEAR, unkeepable
from domain.calendar import LONDON
from domain.roles import Role
from domain.values import ValueNotUsable
from projections.page import LARGEST


def _keepable(text: str) -> str:
    if unkeepable(text):
        raise ValueNotUsable("holds a character that cannot be kept")
    return text


def _in_bounds(instant: datetime) -> datetime:
    if not EARLIEST_YEAR <= instant.year <= LATEST_YEAR:
        raise ValueNotUsable(f"the year must lie between {EARLIEST_YEAR} and {LATEST_YEAR}")
    return instant if instant.tzinfo else instant.replace(tzinfo=LONDON)


Text = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_keepable)]
Instant = Annotated[datetime, AfterValidator(_in_bounds)]
Limit = Annotated[int, Query(ge=1, le=LARGEST, description="At most so many rows.")]
Cursor = Annotated[Text | None, Query(description="`next` of the page before.")]
Since = Annotated[Instant | None, Query(description="Europe/London when no offset is given.")]
CaseInPath = Annotated[UUID, InPath(description="The id of a case.")]
Forum = Annotated[Text | None, Query(description="Code of a forum; see /geography/forums.")]
Agency = Annotated[Text | None, Query(description="Name of an agency.")]
ActingRole = Annotated[Role, Depends(acting_role)]
Read = Callable[..., Callable[..., Any]]
"""Adds a read at a path; made in `reads.py`, so that all are guarded alike."""
