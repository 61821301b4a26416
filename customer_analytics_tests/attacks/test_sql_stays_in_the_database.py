"""Ways out of the database by SQL: functions of DuckDB, files as tables, names of DuckDB's own catalogue."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint

SECRET = "the words of the planted file"


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("outside") / "secret.csv"
    file.write_text(SECRET)
    return file


@pytest.fixture(scope="module")
def owner(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args, paramstyle="qmark") as connection:
        for statement in (
            "CREATE OR REPLACE DATABASE KEPT",
            "CREATE TABLE T (A INT, B VARCHAR)",
            "INSERT INTO T VALUES (1, 'b')",
            "CREATE STAGE S",
        ):
            connection.cursor().execute(statement)
        yield connection


@pytest.fixture(scope="module")
def reader(endpoint: Endpoint, owner: SnowflakeConnection) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(
        **endpoint.connection_args, role="READER", database="KEPT", paramstyle="qmark"
    ) as connection:
        yield connection


PLACES = [
    "SELECT {call}",
    "SELECT A FROM T WHERE B = {call}",
    "SELECT A FROM T GROUP BY A HAVING MAX(B) = {call}",
    "SELECT A FROM T ORDER BY {call}",
    "SELECT A FROM T QUALIFY ROW_NUMBER() OVER (ORDER BY {call}) = 1",
    "SELECT CASE WHEN {call} = 'x' THEN 1 END",
    "SELECT TRANSFORM([1], X -> {call})",
    "SELECT A FROM T JOIN (SELECT {call} AS B) USING (B)",
    "SELECT * FROM (VALUES ({call}))",
    "SELECT * FROM {call}",
    "SELECT * FROM TABLE({call})",
    "SELECT * FROM T, LATERAL FLATTEN(INPUT => {call})",
    "SELECT * FROM T, LATERAL {call}",
    "SELECT * FROM T PIVOT ({call} FOR B IN ('b'))",
    "WITH X AS (SELECT {call} AS B) SELECT * FROM X",
    "SELECT 1 UNION ALL SELECT {call}",
    "SELECT 1 LIMIT {call}",
    "SET X = {call}",
    "SELECT 1 /* /* */ + {call} /* */",
    "INSERT INTO T SELECT 1, {call}",
    "INSERT INTO T VALUES (1, {call})",
    "INSERT OVERWRITE INTO T SELECT 1, {call}",
    "UPDATE T SET B = {call}",
    "DELETE FROM T WHERE B = {call}",
    "MERGE INTO T USING (SELECT 1 AS A) S ON T.A = S.A WHEN MATCHED THEN UPDATE SET B = {call}",
    "MERGE INTO T USING (SELECT 2 AS A) S ON T.A = S.A WHEN NOT MATCHED THEN INSERT (B) VALUES ({call})",
    "MERGE INTO T USING (SELECT {call} AS B) S ON T.B = S.B WHEN MATCHED THEN DELETE",
    "CREATE TABLE V AS SELECT {call} AS A",
    "CREATE VIEW V AS SELECT * FROM {call}",
    "CREATE TABLE V (A VARCHAR DEFAULT {call})",
    "CREATE TABLE V (A VARCHAR CHECK ({call} = 'x'))",
    "ALTER TABLE T ADD COLUMN C VARCHAR DEFAULT {call}",
    "COPY INTO T FROM (SELECT 1, {call} FROM @S)",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_call_of_duckdbs_function_is_unknown_wherever_it_stands(
    owner: SnowflakeConnection, reader: SnowflakeConnection, planted: Path, place: str
) -> None:
    for connection in (owner, reader):
        with pytest.raises(ProgrammingError, match="Unknown function READ_TEXT") as error:
            connection.cursor().execute(place.format(call=f"read_text('{planted}')"))
        assert (error.value.errno, error.value.sqlstate) == (2140, "42601")


@pytest.mark.parametrize(
    "call",
    [
        "\"read_text\"('{0}')",
        "main.read_text('{0}')",
        "system.main.read_text('{0}')",
        "'{0}'.read_text()",
        "IDENTIFIER('read_text')('{0}')",
        "READ_CSV('{0}')",
        "read_blob('{0}')",
        "glob('{0}')",
        "sniff_csv('{0}')",
        "parquet_metadata('{0}')",
        "query('FROM read_text(''{0}'')')",
        "query_table('T')",
        "current_setting('temp_directory')",
        "getvariable('X')",
        "getenv('HOME')",
        "duckdb_settings()",
        "duckdb_tables()",
        "pragma_database_size()",
        "enable_profiling(save_location := '{0}')",
        "enable_logging(storage := 'file', storage_path := '{0}')",
        "write_log('x')",
        "force_checkpoint()",
        "nextval('KEPT.PUBLIC.SEQ')",
        "sf_hash(1)",
        "_fs_flatten('[1]')",
        "main.lower('x')",
        "list_sort([1])",
        "if(TRUE, 1, 2)",
        "sleep_ms(1)",
    ],
)
def test_no_spelling_makes_a_foreign_function_known(
    owner: SnowflakeConnection, reader: SnowflakeConnection, planted: Path, call: str
) -> None:
    for connection in (owner, reader):
        for statement in ("SELECT {0}", "SELECT * FROM {0}"):
            with pytest.raises(ProgrammingError, match=r"Unknown function|syntax error") as error:
                connection.cursor().execute(statement.format(call.format(planted)))
            assert error.value.errno in (2140, 1003)


@pytest.mark.parametrize(
    "source",
    [
        "'{0}'",
        '"{0}"',
        '"file://{0}"',
        "@S/../../../../../../..{0}",
        "system.main.duckdb_settings",
        '"system"."main"."sqlite_master"',
        "duckdb_settings",
        "sqlite_master",
        "pg_catalog.pg_class",
        '"information_schema".tables',
        'KEPT."_meta".stages',
        'KEPT."_META"."stages"',
        "KEPT.main.X",
        "temp.main.X",
        "memory.main.X",
        '"_temporary"."1.KEPT.PUBLIC".T',
        '"_temporary".INFORMATION_SCHEMA.TABLES',
        '"_temporary".INFORMATION_SCHEMA.COLUMNS',
        '"memory".INFORMATION_SCHEMA.SCHEMATA',
        "IDENTIFIER('read_text(''{0}'')')",
        "IDENTIFIER('system.main.duckdb_settings')",
        "(DESCRIBE T)",
        '(SELECT * FROM (WITH "sqlite_master" AS (SELECT 1) SELECT 1), "sqlite_master")',
    ],
)
def test_neither_a_file_nor_duckdbs_catalogue_is_a_table(
    owner: SnowflakeConnection, reader: SnowflakeConnection, planted: Path, source: str
) -> None:
    for connection in (owner, reader):
        with pytest.raises(ProgrammingError) as error:
            connection.cursor().execute(f"SELECT * FROM {source.format(planted)}")
        assert error.value.errno in (2, 1003, 2003)
        assert SECRET not in str(error.value)


@pytest.mark.parametrize("value", ["{0}", "read_text('{0}')", "a b (", "", "x; DROP TABLE T", "system.main.x"])
def test_a_bound_value_is_never_more_than_a_value(
    owner: SnowflakeConnection, reader: SnowflakeConnection, planted: Path, value: str
) -> None:
    value = value.format(planted)
    for connection in (owner, reader):
        assert connection.cursor().execute("SELECT ?", (value,)).fetchall() == [(value,)]
        for statement in (
            "SELECT * FROM ?",
            "SELECT * FROM @?",
            "SELECT * FROM IDENTIFIER(?)",
            "SELECT * FROM TABLE(?)",
        ):
            with pytest.raises(ProgrammingError) as error:
                connection.cursor().execute(statement, (value,))
            assert error.value.errno in (2, 1003, 2003, 2140)


@pytest.mark.parametrize(
    "table", ["read_text", "duckdb_settings", "sqlite_master", "x.csv", "GLOB", "QUERY", "_meta"]
)
def test_a_table_may_be_named_like_a_function_or_a_file(owner: SnowflakeConnection, table: str) -> None:
    cursor = owner.cursor()
    cursor.execute(f'CREATE TABLE "{table}" (A INT)')
    cursor.execute(f'INSERT INTO "{table}" (A) VALUES (1)')
    cursor.execute(
        f'MERGE INTO "{table}" USING (SELECT 2 AS A) S ON "{table}".A = S.A WHEN NOT MATCHED THEN INSERT (A) VALUES (S.A)'
    )
    assert cursor.execute(f'SELECT "{table}".A FROM "{table}" ORDER BY 1').fetchall() == [(1,), (2,)]
    cursor.execute(f'DROP TABLE "{table}"')
    assert cursor.execute(f'WITH "{table}" AS (SELECT 3 AS A) SELECT A FROM "{table}"').fetchall() == [(3,)]
    assert cursor.execute(f'SELECT A FROM VALUES (4) "{table}"(A)').fetchall() == [(4,)]


def test_another_sessions_temporary_table_is_out_of_reach(endpoint: Endpoint, owner: SnowflakeConnection) -> None:
    number = owner.cursor().execute("SELECT CURRENT_SESSION()").fetchall()[0][0]
    owner.cursor().execute("CREATE OR REPLACE TEMPORARY TABLE MINE AS SELECT 1 AS A")
    name = f'"_temporary"."{number}.KEPT.PUBLIC".MINE'
    with snowflake.connector.connect(**endpoint.connection_args, database="KEPT") as other:
        for statement in (
            f"SELECT * FROM {name}",
            f"DESCRIBE TABLE {name}",
            f"CREATE TABLE X CLONE {name}",
            f"DROP TABLE {name}",
        ):
            with pytest.raises(ProgrammingError, match="does not exist"):
                other.cursor().execute(statement)
    assert owner.cursor().execute("SELECT * FROM MINE").fetchall() == [(1,)]


def test_no_view_shows_a_temporary_table_to_others(endpoint: Endpoint, owner: SnowflakeConnection) -> None:
    with snowflake.connector.connect(**endpoint.connection_args, database="KEPT") as own:
        run = own.cursor().execute
        run("CREATE TEMPORARY TABLE OWN AS SELECT 'a word of mine' AS A")
        for query in ("SELECT * FROM OWN", "SELECT 1 AS A WHERE EXISTS (SELECT * FROM OWN)"):
            with pytest.raises(ProgrammingError, match="a view that reads temporary tables"):
                run(f"CREATE VIEW SHOWN AS {query}")
        run("CREATE TEMPORARY VIEW SHOWN AS SELECT * FROM OWN")
        assert run("SELECT A FROM SHOWN").fetchall() == [("a word of mine",)]
