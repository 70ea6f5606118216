"""Reads the named, described queries that stand in `.sql` files beside the read models.

A query is a block `-- name: …`, `-- description: …` and its text. It is executed as it stands in the file, but for one
thing: `build.` before a table means the tables of the build that is written, whichever that is (see `Target`). A test
executes every query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

_BUILD = re.compile(r"\bbuild\.([a-z][a-z_]*)")
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


@dataclass(frozen=True, slots=True)
class Target:
    """Where the tables of one build of a read model are: in `schema`, each with `suffix` after its name."""

    schema: str
    suffix: str

    @classmethod
    def of(cls, version: int, build: int) -> Target:
        """The tables of a build that is kept: `read.<table>_v<version>_<build>`."""
        return cls("read", f"_v{int(version)}_{int(build)}")

    @property
    def is_kept(self) -> bool:
        return self.schema == "read"

    def table(self, name: str) -> str:
        """A table of the build, by its name in the file."""
        return f"{name}{self.suffix}"

    def told(self, query: str) -> str:
        """A query with the build's own tables."""
        return _BUILD.sub(rf"{self.schema}.\1{self.suffix}", query)


PASSING = Target("pg_temp", "")
"""Tables that are there for one session only."""


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

    @cache  # noqa: B019 - the files of the product live as long as it does
    def on(self, target: Target) -> Mapping[str, str]:
        """The queries by name, with the tables of one build."""
        return {name: target.told(query.text) for name, query in self._by_name.items()}

    def tables(self) -> tuple[str, ...]:
        """The tables that a build consists of, by their names in the file."""
        made = re.findall(r"CREATE TABLE build\.([a-z][a-z_]*)", self["create"])
        return tuple(made)

    def __getitem__(self, name: str) -> str:
        return self._by_name[name].text

    def __hash__(self) -> int:
        return hash(self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Queries) and other.path == self.path

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


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
