"""Which case somebody means at a terminal: by its id, the beginning of it, or a register's reference."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from adapters.product import Product


async def resolve(product: Product, text: str) -> UUID:
    """The case that is meant; a whole id needs no read model, so it works at once after a command."""
    return as_id(text) or await product.read_models.resolve_case(text)


def as_id(text: str) -> UUID | None:
    """The id that a text is, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
