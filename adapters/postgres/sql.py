"""Named queries: the SQL of a module lies in the `.sql` file beside it, each query with a name and a description.

Must not build SQL: what varies is a parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_NAME = "-- name: "


def named_queries(file: Path) -> Mapping[str, str]:
    """Read the queries of a file by name. A query starts at `-- name: …`, its description follows as comments."""
    queries: dict[str, list[str]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(_NAME):
            name = line.removeprefix(_NAME).strip()
            if name in queries:
                raise ValueError(f"{file.name} has two queries named {name}")
            queries[name] = []
        elif queries and not line.startswith("--"):
            queries[name].append(line)
    return {name: "\n".join(lines).strip() for name, lines in queries.items()}
