"""Named queries: the SQL of a module lies in the `.sql` file beside it, each query with a name and a description.

Must not build SQL: what varies is a parameter, and only the log's schema may be another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_NAME = "-- name: "
_PLAIN = re.compile(r"[a-z_][a-z0-9_]{0,50}")
# The schema before a name, and in the name of the channel.
_LOG = re.compile(r"(?<![\w.])log(?=\.\w)|(?<='ccp_)log(?=')")


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


def in_schema(sql: str, schema: str) -> str:
    """The same statements for a log that lives in another schema.

    Raises: ValueError when that is no plain name.
    """
    if not _PLAIN.fullmatch(schema):
        raise ValueError("a schema of the log has a plain name: small letters, digits and _")
    return sql if schema == "log" else _LOG.sub(schema, sql)
