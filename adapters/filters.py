"""Filters of lists that name something of the reference data: one that names nothing is refused, with what there is.

An empty list must mean that there is nothing, never that a code was misspelt. Agencies are known by many spellings, and
one that is not in the data may act all the same; so an agency is brought to its one name and not refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.input import FieldError, InvalidInput

if TYPE_CHECKING:
    from domain.rules import Rules


def require_known(rules: Rules, filters: Mapping[str, str | None], *, option: str = "") -> None:
    """Refuse a forum or a programme that there is not; `option` is how the edge writes the name of a filter.

    Raises: InvalidInput.
    """
    known = {
        "forum": [forum.code for forum in rules.geography.forums()],
        "programme": list(rules.programmes),
    }
    unknown = [
        FieldError(f"{option}{name}", f"must be one of {', '.join(sorted(codes))}")
        for name, codes in known.items()
        if (given := filters.get(name)) is not None and given.strip() not in codes
    ]
    if unknown:
        raise InvalidInput(*unknown)


def unreached_since(rules: Rules, now: datetime) -> Mapping[str, datetime]:
    """By programme, since when nobody may have reached a person for their case to count as parked."""
    return {name: rules.deadline(name, "parked", now) for name in rules.programmes}


def agency_named(rules: Rules, text: str | None) -> str | None:
    """The one name of an agency, however it was written; None stays None."""
    return None if text is None else rules.agency_name(text.strip())
