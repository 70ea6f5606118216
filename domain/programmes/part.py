"""What every part of a programme's file is made of: frozen, and no key that is not known.

Must not name a single key.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# TOML gives lists; a frozen programme holds tuples, so that nobody changes it by accident.
Names = Annotated[tuple[str, ...], Field(strict=False)]


class Part(BaseModel):
    """Part of a programme's file: an unknown key or a value of another kind is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
