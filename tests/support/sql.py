"""A name in a statement where no parameter may stand: of a database, a role or a table."""

from __future__ import annotations


def identifier(name: str) -> str:
    """The name as SQL has it, whatever letters it is made of."""
    return '"' + name.replace('"', '""') + '"'
