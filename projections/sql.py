"""Reads the named, described queries that stand in `.sql` files beside the read models.

A query is a block `-- name: …`, `-- description: …` and its text. Must not build or change a query: it is executed as
it stands in the file, and a test executes every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from asyncpg.pool import PoolConnectionProxy

_NAME = re.compile(r"^-- name: (?P<name>[a-z][a-z0-9_]*)$")
_DESCRIPTION = re.compile(r"^-- description: (?P<text>\S.*)$")


class SqlFileInvalid(ValueError):
    """A .sql file is not a sequence of named, described queries."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a file."""

    name: str
    description: str
    text: str


class Queries(Mapping[str, str]):
    """The queries of one file: text by name, and the whole of each with `all`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._by_name = {query.name: query for query in _queries(path)}

    @classmethod
    def beside(cls, module: str) -> Queries:
        """The queries in the `.sql` file that is called as the module file `module` (its `__file__`)."""
        return cls(Path(module).with_suffix(".sql"))

    def all(self) -> tuple[Query, ...]:
        return tuple(self._by_name.values())

    def __getitem__(self, name: str) -> str:
        return self._by_name[name].text

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


async def put_many(connection: PoolConnectionProxy, query: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Execute a query once per row; for no row, do not trouble the server."""
    if rows:
        await connection.executemany(query, rows)


def _queries(path: Path) -> Iterator[Query]:
    blocks: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if _NAME.match(line):
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
        elif line and not line.startswith("--"):
            raise SqlFileInvalid(f"{path.name}: text before the first query")
    seen: set[str] = set()
    for first, *rest in blocks:
        found = _NAME.match(first)
        name = found["name"] if found else ""
        described = _DESCRIPTION.match(rest[0]) if rest else None
        more = list(takewhile(lambda line: line.startswith("-- "), rest[1:]))
        text = "\n".join(rest[1 + len(more) :]).strip()
        if described is None or not text:
            raise SqlFileInvalid(f"{path.name}: query {name} needs a description, then its text")
        if name in seen:
            raise SqlFileInvalid(f"{path.name}: two queries are called {name}")
        seen.add(name)
        yield Query(name, " ".join((described["text"], *(line.removeprefix("-- ") for line in more))), text)
