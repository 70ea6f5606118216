"""The .sql files of the read models: each query is named, described and executed here against a real server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asyncpg import Pool

import projections
from domain import catalogue
from projections import PROJECTIONS, prepare
from projections.sql import Queries, Query, SqlFileInvalid, Target
from tests.support.servers import SharedPostgres

PRODUCT: list[Queries] = [
    sys.modules[f"projections.{name}"].SQL
    for name in ("builds", "keeper", "page", "parked", "status", "verify")
]
FILES: list[Queries] = [*PRODUCT, *(projection.QUERIES for projection in PROJECTIONS)]
EVERY_QUERY = [
    pytest.param(file, query, id=f"{file.path.stem}.{query.name}") for file in FILES for query in file.all()
]

ONE_OF_EACH: dict[str, Any] = {
    "uuid": UUID(int=1),
    "text": "x",
    "int4": 1,
    "int8": 1,
    "float8": 1.0,
    "bool": True,
    "date": date(2027, 1, 4),
    "timestamptz": datetime(2027, 1, 4, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def database(postgres: SharedPostgres) -> Iterator[str]:
    """One for all these tests: each takes back what it does."""
    with postgres.database() as dsn:
        yield dsn


def test_every_sql_file_of_the_package_is_one_of_these() -> None:
    package = Path(projections.__file__).parent
    assert {path.name for path in package.glob("**/*.sql")} == {file.path.name for file in FILES}


@pytest.mark.parametrize(("file", "query"), EVERY_QUERY)
async def test_a_query_runs(pool: Pool, file: Queries, query: Query) -> None:
    await prepare(pool)
    build = Target.of(99, 99)
    async with pool.acquire() as connection:
        if query.name == "forget_tables":  # which no transaction may hold
            await connection.execute(query.text)
            return
        transaction = connection.transaction()
        await transaction.start()
        try:
            if file not in PRODUCT and query.name != "create":
                await connection.execute(file.on(build)["create"])
            text = build.told(query.text)
            if "compared" in text:
                await connection.execute("CREATE TEMP TABLE compared (a integer)")
                text = text.replace("live.compared", "compared").replace("rebuilt.compared", "compared")
            if query.name in ("create", "index", "views"):  # several statements
                await connection.execute(text)
                return
            statement = await connection.prepare(text)
            arguments = [argument_of(kind.name, query) for kind in statement.get_parameters()]
            await statement.fetch(*arguments)
            if query.text.startswith("SELECT") and "regclass" not in text:
                await statement.fetch(*(None for _ in arguments))
        finally:
            await transaction.rollback()


def argument_of(kind: str, query: Query) -> Any:
    if "regclass" in query.text and "pg_" in query.text and kind == "text":
        return "read.build"
    if query.name == "enter" and kind == "text":
        return "building"
    one = ONE_OF_EACH[kind.removesuffix("[]")]
    return [one] if kind.endswith("[]") else one


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.NAME)
def test_a_read_model_writes_only_to_tables_of_its_own_build_and_asks_only_its_own_views(
    projection: Any,
) -> None:
    for query in projection.QUERIES.all():
        words = [word.strip("(),;") for word in query.text.split()]
        tables = [word for word in words if word.startswith(("read.", "build."))]
        writes = query.name in ("create", "index", "views", "forget", "stages") or query.name.startswith(
            ("put", "drop")
        )
        assert tables, query.name
        for table in tables:
            schema, _, name = table.partition(".")
            assert name.split("_")[0].split(".")[0] == projection.NAME, (query.name, table)
            assert query.name == "views" or schema == ("build" if writes else "read"), (query.name, table)


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.NAME)
def test_a_read_model_looks_only_at_what_it_hears(projection: Any) -> None:
    assert projection.OPENS <= projection.HEARS
    assert projection.DATES <= projection.OPENS
    assert set(catalogue.events()) >= projection.HEARS


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.NAME)
async def test_personal_and_staff_columns_say_so_in_the_database(pool: Pool, projection: Any) -> None:
    await prepare(pool)
    suspicious = (
        "given_name",
        "family_name",
        "known_as",
        "nhs_number",
        "worker_name",
        "display_name",
        "staff_ref",
        "owner",
        "person",
        "reason",
    )
    rows = await pool.fetch(
        """
        SELECT a.attname AS column, col_description(c.oid, a.attnum) AS said
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r' AND c.relname LIKE $1 || '%'
        """,
        projection.NAME,
    )
    assert rows
    for row in rows:
        if row["column"] in suspicious:
            assert row["said"].startswith(("personal", "staff")), row["column"]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;\n",
        "-- name: nameless_description\nSELECT 1;\n",
        "-- name: empty\n-- description: Nothing.\n",
        "-- name: twice\n-- description: One.\nSELECT 1;\n-- name: twice\n-- description: Two.\nSELECT 2;\n",
    ],
)
def test_a_file_with_anything_else_than_named_described_queries_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.sql"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SqlFileInvalid):
        Queries(file)


def test_a_description_may_run_over_several_lines(tmp_path: Path) -> None:
    file = tmp_path / "good.sql"
    file.write_text("-- name: one\n-- description: It says\n-- more.\nSELECT 1;\n", encoding="utf-8")
    assert Queries(file).all() == (Query("one", "It says more.", "SELECT 1;"),)
