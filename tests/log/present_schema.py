"""The schema as it is at present, written down in one file for readers; a test holds it equal to all migrations.

`python -m tests.log.present_schema` writes it anew after a migration was added.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import adapters.postgres
from adapters.embedded import EmbeddedPostgres
from adapters.embedded.programs import postgres_installation
from adapters.postgres.migrate import migrate
from tests.support.directories import reachable_directory

PRESENT_SCHEMA = Path(adapters.postgres.__file__).parent / "schema.sql"
_HEADER = """-- The schema as all migrations make it, for readers; nothing executes this file.
-- A test compares it with the migrations. Written by: python -m tests.log.present_schema
"""
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$", re.MULTILINE)


async def dumped(dsn: str) -> str:
    """The schema of a database as text, without what differs from one server to another."""
    program = postgres_installation() / "bin" / "pg_dump"
    process = await asyncio.create_subprocess_exec(
        *(program, "--schema-only", "--no-owner", "--dbname", dsn), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    # Comments inside functions stay: they are indented.
    return _HEADER + "\n" + re.sub(r"\n{2,}", "\n\n", _NOISE.sub("", out.decode())).strip() + "\n"


async def _write() -> None:
    with reachable_directory() as directory:
        async with EmbeddedPostgres(directory / "data", durable=False) as server:
            await migrate(server.dsn)
            PRESENT_SCHEMA.write_text(await dumped(server.dsn), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(asyncio.run(_write()))
