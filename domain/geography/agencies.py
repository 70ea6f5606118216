"""The partner agencies as reference data: codes, names, sectors, and who needs a consent of its own.

Must not decide who may see or do anything; it only says who is who.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.geography.names import name_key

Sector = Literal[
    "police",
    "housing",
    "health",
    "mental_health",
    "adult_social_care",
    "drug_alcohol",
    "domestic_abuse",
    "voluntary",
    "probation",
    "fire",
    "ambulance",
    "primary_care",
    "community_safety",
    "homelessness",
]


class UnknownAgency(LookupError):
    """No agency has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no agency with the code {code!r}.")
        self.code = code


class Agency(BaseModel):
    """A partner agency. With `explicit_consent_required` a general consent does not cover sharing with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    code: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    name: str = Field(min_length=1)
    aliases: Annotated[tuple[str, ...], Field(strict=False)] = ()
    sector: Sector
    explicit_consent_required: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: str
    agencies: list[Agency]


class Agencies:
    """All known agencies, in the order of the file."""

    def __init__(self, agencies: list[Agency], version: str = "unversioned") -> None:
        self.version = version
        self._by_code = {agency.code: agency for agency in agencies}
        self._by_name: dict[str, Agency] = {}
        if len(self._by_code) != len(agencies):
            raise ValueError("Two agencies have the same code.")
        for agency in agencies:
            for name in (agency.code, agency.name, *agency.aliases):
                if self._by_name.setdefault(name_key(name), agency) is not agency:
                    raise ValueError(f"Two agencies are called {name!r}.")

    @staticmethod
    def load() -> Agencies:
        """Read the packaged agencies, once."""
        return _load()

    def find(self, text: str) -> Agency | None:
        """Return the agency that is called this, by name, alias or code; None if there is none."""
        return self._by_name.get(name_key(text))

    def get(self, code: str) -> Agency:
        """Return the agency with this code.

        Raises: UnknownAgency.
        """
        try:
            return self._by_code[code]
        except KeyError:
            raise UnknownAgency(code) from None

    def __iter__(self) -> Iterator[Agency]:
        return iter(self._by_code.values())

    def __len__(self) -> int:
        return len(self._by_code)


@cache
def _load() -> Agencies:
    file = resources.files("domain.geography") / "agencies.toml"
    read = _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    return Agencies(read.agencies, read.version)
