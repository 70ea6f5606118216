"""The .sql files of the read models: each query is named, described and executed here against a real server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asyncpg import Pool

from projections import PROJECTIONS, prepare
from projections import runner as runner_module
from projections.sql import Queries, Query, SqlFileInvalid

FILES: list[Queries] = [runner_module.SQL, *(projection.QUERIES for projection in PROJECTIONS)]
EVERY_QUERY = [
    pytest.param(query, id=f"{file.path.stem}.{query.name}") for file in FILES for query in file.all()
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


def test_every_sql_file_of_the_package_is_one_of_these() -> None:
    package = Path(runner_module.__file__).parent
    assert {path.name for path in package.glob("**/*.sql")} == {file.path.name for file in FILES}


@pytest.mark.parametrize("query", EVERY_QUERY)
async def test_a_query_runs(pool: Pool, query: Query) -> None:
    await prepare(pool)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            if query.name == "create":
                await connection.execute(query.text)
                return
            statement = await connection.prepare(query.text)
            arguments = [
                [ONE_OF_EACH[kind.name.removesuffix("[]")]]
                if kind.name.endswith("[]")
                else ONE_OF_EACH[kind.name]
                for kind in statement.get_parameters()
            ]
            await statement.fetch(*arguments)
            if query.text.startswith("SELECT"):
                await statement.fetch(*(None for _ in arguments))
        finally:
            await transaction.rollback()


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.NAME)
def test_a_read_model_writes_only_to_tables_of_its_own_name_and_version(projection: Any) -> None:
    for query in projection.QUERIES.all():
        if query.name in ("create", "clear") or query.name.startswith(("put", "drop")):
            others = [word for word in query.text.split() if word.startswith("read.") and "_v" in word]
            assert all(word.startswith(f"read.{projection.NAME}_") for word in others), query.name
            assert all(f"_v{projection.VERSION}" in word for word in others), query.name


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
