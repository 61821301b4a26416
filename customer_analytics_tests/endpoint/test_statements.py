"""Every kind of statement that the product sends, through the connector."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import IntegrityError, ProgrammingError
from snowflake.connector.pandas_tools import write_pandas

from customer_analytics.embedded_snowflake import Endpoint

Run = Any


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS STATEMENTS")
        cursor.execute("USE DATABASE STATEMENTS")
        cursor.execute("CREATE OR REPLACE SCHEMA STATEMENTS.WORK")
        yield connection
        cursor.execute("DROP SCHEMA IF EXISTS STATEMENTS.WORK CASCADE")


@pytest.fixture
def run(connection: SnowflakeConnection) -> Run:
    """Runs a statement and gives its rows."""
    return lambda sql, *bindings: connection.cursor().execute(sql, *bindings).fetchall()


def described(run: Run, table: str) -> list[tuple[str, str, str, str | None]]:
    """Name, type, nullability and comment of each column."""
    return [(row[0], row[1], row[3], row[9]) for row in run(f"DESCRIBE TABLE {table}")]


def test_create_table_keeps_types_not_null_and_comments(run: Run) -> None:
    run(
        "CREATE OR REPLACE TABLE T (ID NUMBER(38,0) NOT NULL COMMENT 'It''s the key', N INT, AMOUNT NUMBER(18,2), "
        "F FLOAT, S VARCHAR COMMENT 'text', B BOOLEAN, D DATE, TS TIMESTAMP_NTZ, V VARIANT) COMMENT = 'All types'"
    )
    assert described(run, "T") == [
        ("ID", "NUMBER(38,0)", "N", "It's the key"),
        ("N", "NUMBER(38,0)", "Y", None),
        ("AMOUNT", "NUMBER(18,2)", "Y", None),
        ("F", "FLOAT", "Y", None),
        ("S", "VARCHAR(16777216)", "Y", "text"),
        ("B", "BOOLEAN", "Y", None),
        ("D", "DATE", "Y", None),
        ("TS", "TIMESTAMP_NTZ(9)", "Y", None),
        ("V", "VARIANT", "Y", None),
    ]
    assert run("SELECT COMMENT FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'") == [("All types",)]
    assert run(
        "SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, COMMENT FROM STATEMENTS.INFORMATION_SCHEMA.COLUMNS "
        "WHERE TABLE_SCHEMA = 'WORK' AND TABLE_NAME = 'T' AND ORDINAL_POSITION <= 2 ORDER BY ORDINAL_POSITION"
    ) == [("ID", "NUMBER", "NO", "It's the key"), ("N", "NUMBER", "YES", None)]


def test_values_of_every_type_come_back_as_they_were_bound(connection: SnowflakeConnection, run: Run) -> None:
    run(
        "CREATE TABLE T (I NUMBER(38,0), A NUMBER(18,2), F FLOAT, S VARCHAR, B BOOLEAN, D DATE, TS TIMESTAMP_NTZ, X BINARY)"
    )
    row = (
        -(2**40),
        Decimal("-12345.67"),
        0.1,
        "quote ' \" newline \n tab \t backslash \\ ünï 🎈",
        True,
        dt.date(1969, 12, 31),
        dt.datetime(2024, 2, 29, 23, 59, 59, 123456),
        b"\x00\xff",
    )
    run("INSERT INTO T VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", row)
    run("INSERT INTO T (I) VALUES (NULL)")
    assert run("SELECT * FROM T ORDER BY I") == [row, (None,) * 8]


@pytest.mark.parametrize("paramstyle", ["qmark", "numeric"])
def test_server_side_bindings_keep_their_types(endpoint: Endpoint, paramstyle: str) -> None:
    marks = {"qmark": "?, ?, ?, ?, ?, ?, ?", "numeric": ":1, :2, :3, :4, :5, :6, :7"}[paramstyle]
    row = (7, Decimal("1.50"), 0.25, "O'Brien; DROP TABLE x --", False, dt.date(2024, 1, 2), None)
    with snowflake.connector.connect(**endpoint.connection_args, paramstyle=paramstyle) as connection:
        assert connection.cursor().execute(f"SELECT {marks}", row).fetchone() == row
        moment = dt.datetime(2024, 1, 2, 3, 4, 5, 678901)
        one = {"qmark": "?", "numeric": ":1"}[paramstyle]
        assert connection.cursor().execute(
            f"SELECT {one}::TIMESTAMP_NTZ", (("TIMESTAMP_NTZ", moment),)
        ).fetchone() == (moment,)
        assert connection.cursor().execute(f"SELECT '2024-01-02'::DATE = {one}", ("2024-01-02",)).fetchone() == (
            True,
        )


@pytest.mark.parametrize("paramstyle", ["pyformat", "qmark"])
def test_executemany_inserts_all_rows_at_once(endpoint: Endpoint, paramstyle: str) -> None:
    rows = [(i, f"it's {i}" if i % 3 else None, dt.date(2024, 1, 1 + i % 28), i / 4) for i in range(1000)]
    marks = {"pyformat": "%s, %s, %s, %s", "qmark": "?, ?, ?, ?"}[paramstyle]
    with snowflake.connector.connect(**endpoint.connection_args, paramstyle=paramstyle) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE DATABASE IF NOT EXISTS STATEMENTS")
        cursor.execute("USE DATABASE STATEMENTS")
        cursor.execute("CREATE OR REPLACE TEMPORARY TABLE MANY (I INT, S VARCHAR, D DATE, F FLOAT)")
        cursor.executemany(f"INSERT INTO MANY (I, S, D, F) VALUES ({marks})", rows)
        assert cursor.rowcount == 1000
        assert cursor.execute("SELECT * FROM MANY ORDER BY I").fetchall() == rows


def test_create_table_as_select_takes_names_and_types_of_the_query(run: Run) -> None:
    run("CREATE TABLE A AS SELECT 1 AS ID, 1.50::NUMBER(18,2) AS AMOUNT, 'x' AS \"lower\"")
    run("CREATE OR REPLACE TABLE A COPY GRANTS AS SELECT SUM(AMOUNT) AS AMOUNT, COUNT(*) AS N FROM A")
    run("CREATE TRANSIENT TABLE B (X NUMBER(18,2) NOT NULL, Y VARCHAR) AS SELECT 1, 'y'")
    assert run("SELECT * FROM A") == [(Decimal("1.50"), 1)]
    assert [column[:3] for column in described(run, "B")] == [
        ("X", "NUMBER(18,2)", "N"),
        ("Y", "VARCHAR(16777216)", "Y"),
    ]


def test_create_table_like_copies_columns_not_null_and_no_rows(run: Run) -> None:
    run("CREATE TABLE A (ID INT NOT NULL COMMENT 'key', S VARCHAR DEFAULT 'd') AS SELECT 1, 'x'")
    run("CREATE TABLE B LIKE A")
    assert run("SELECT COUNT(*) FROM B") == [(0,)]
    assert described(run, "B") == described(run, "A")
    run("INSERT INTO B (ID) VALUES (5)")
    assert run("SELECT S FROM B") == [("d",)]


def test_clone_copies_rows(run: Run) -> None:
    run("CREATE TABLE A AS SELECT 1 AS ID")
    run("CREATE TABLE B CLONE A")
    run("INSERT INTO A VALUES (2)")
    assert run("SELECT * FROM B") == [(1,)]


def test_create_or_replace_forgets_rows_and_comments_and_if_not_exists_keeps_them(run: Run) -> None:
    run("CREATE TABLE T (ID INT COMMENT 'c') COMMENT = 't'")
    run("INSERT INTO T VALUES (1)")
    run("CREATE TABLE IF NOT EXISTS T (OTHER INT)")
    assert described(run, "T") == [("ID", "NUMBER(38,0)", "Y", "c")]
    run("CREATE OR REPLACE TABLE T (ID INT)")
    assert described(run, "T") == [("ID", "NUMBER(38,0)", "Y", None)]
    assert run("SELECT COUNT(*) FROM T") == [(0,)]
    with pytest.raises(ProgrammingError, match="already exists") as error:
        run("CREATE TABLE T (ID INT)")
    assert (error.value.errno, error.value.sqlstate) == (2002, "42710")


def test_comments_can_be_set_afterwards(run: Run) -> None:
    run("CREATE TABLE T (ID INT, N INT)")
    run("COMMENT ON TABLE T IS 'one row per \"thing\"; it''s a test'")
    run("COMMENT ON COLUMN STATEMENTS.WORK.T.ID IS 'identifies'")
    run("ALTER TABLE T ALTER COLUMN N COMMENT 'count'")
    assert run("SELECT COMMENT FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'") == [
        ('one row per "thing"; it\'s a test',)
    ]
    assert [(name, comment) for name, _, _, comment in described(run, "T")] == [
        ("ID", "identifies"),
        ("N", "count"),
    ]
    run("ALTER TABLE T SET COMMENT = 'again'")
    cursor_rows = run("SHOW TABLES LIKE 't' IN SCHEMA STATEMENTS.WORK")
    assert "again" in cursor_rows[0]


def test_alter_table_adds_renames_drops_and_swaps(run: Run) -> None:
    run("CREATE TABLE A AS SELECT 1 AS ID")
    run("CREATE TABLE B AS SELECT 'b' AS S")
    run("ALTER TABLE A ADD COLUMN N NUMBER(18,2) COMMENT 'new'")
    run("ALTER TABLE A ADD COLUMN IF NOT EXISTS N NUMBER(18,2)")
    assert described(run, "A")[1] == ("N", "NUMBER(18,2)", "Y", "new")
    run("ALTER TABLE A DROP COLUMN N")
    run("ALTER TABLE A RENAME COLUMN ID TO KEY")
    run("ALTER TABLE A SWAP WITH B")
    assert (run("SELECT S FROM A"), run("SELECT KEY FROM B")) == ([("b",)], [(1,)])
    run("ALTER TABLE B RENAME TO C")
    assert run("SELECT KEY FROM C") == [(1,)]
    run("ALTER TABLE IF EXISTS NOT_THERE RENAME TO C")


def test_insert_overwrite_replaces_all_rows_also_from_the_table_itself(run: Run) -> None:
    run("CREATE TABLE T (ID INT, S VARCHAR) COMMENT = 'kept'")
    run("INSERT INTO T VALUES (1, 'a'), (2, 'b')")
    assert run("INSERT OVERWRITE INTO T (ID, S) SELECT ID + 10, S FROM T WHERE ID > 1") == [(1,)]
    assert run("SELECT * FROM T") == [(12, "b")]
    run("INSERT OVERWRITE INTO T (S) SELECT 'z'")
    assert run("SELECT * FROM T") == [(None, "z")]
    assert run("SELECT COMMENT FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'") == [("kept",)]


@pytest.mark.parametrize(
    "source",
    [
        "SELECT ID FROM T AS OTHER",
        "SELECT ID FROM T /* a comment */",
        "SELECT ID FROM ON_T",
        "WITH C AS (SELECT X.ID FROM T X) SELECT ID FROM C",
        "SELECT ID FROM (SELECT ID FROM T UNION SELECT ID FROM T)",
    ],
)
def test_insert_overwrite_reads_the_table_before_it_is_emptied(run: Run, source: str) -> None:
    run("CREATE TABLE T (ID INT)")
    run("INSERT INTO T VALUES (1), (2)")
    run("CREATE VIEW ON_T AS SELECT ID FROM T")
    assert run(f"INSERT OVERWRITE INTO T {source}") == [(2,)]
    assert run("SELECT ID FROM T ORDER BY 1") == [(1,), (2,)]


def test_a_table_that_is_replaced_by_its_own_clone_keeps_its_rows(run: Run) -> None:
    run("CREATE TABLE T AS SELECT 1 AS ID")
    run("CREATE OR REPLACE TABLE T CLONE T")
    assert run("SELECT ID FROM T") == [(1,)]


def test_failed_insert_overwrite_leaves_the_old_rows(run: Run) -> None:
    run("CREATE TABLE T (ID INT NOT NULL)")
    run("INSERT INTO T VALUES (1)")
    with pytest.raises(IntegrityError):
        run("INSERT OVERWRITE INTO T SELECT NULL")
    with pytest.raises(ProgrammingError):
        run("INSERT OVERWRITE INTO T SELECT 'x'::INT")
    assert run("SELECT * FROM T") == [(1,)]


def test_update_delete_and_truncate_count_rows(connection: SnowflakeConnection, run: Run) -> None:
    run("CREATE TABLE T AS SELECT COLUMN1 AS ID, COLUMN2 AS N FROM VALUES (1, 1), (2, 2), (3, 3)")
    run("CREATE TABLE S AS SELECT 1 AS ID, 100 AS N")
    cursor = connection.cursor()
    assert cursor.execute("UPDATE T SET N = N + 1 WHERE ID > 1").rowcount == 2
    assert cursor.execute("UPDATE T SET N = S.N FROM S WHERE T.ID = S.ID").rowcount == 1
    assert cursor.execute("DELETE FROM T USING S WHERE T.ID = S.ID").rowcount == 1
    assert cursor.execute("DELETE FROM T WHERE ID IN (SELECT 2)").rowcount == 1
    assert run("SELECT * FROM T") == [(3, 4)]
    run("TRUNCATE TABLE T")
    run("TRUNCATE TABLE IF EXISTS NOT_THERE")
    assert run("SELECT * FROM T") == []


MERGE = """
    MERGE INTO "WORK"."T" AS T USING (
        SELECT COALESCE(A.ID, B.ID) AS ID, A.S, A.ID IS NULL AS GONE
        FROM (SELECT 1 AS ID, 'one' AS S UNION ALL SELECT 4, 'four' UNION ALL SELECT 2, 'b') A
        FULL OUTER JOIN (SELECT ID FROM T) B ON A.ID = B.ID
    ) AS "Source"
    ON T.ID = "Source".ID
    WHEN MATCHED AND "Source".GONE THEN DELETE
    WHEN MATCHED AND T."S" IS DISTINCT FROM "Source"."S" THEN UPDATE SET T."S" = "Source"."S", N = T.N + 1
    WHEN NOT MATCHED THEN INSERT (ID, S, N) VALUES ("Source".ID, "Source".S, 0)
"""


def test_merge_updates_deletes_and_inserts_in_one_statement(run: Run) -> None:
    run("CREATE TABLE T (ID INT, S VARCHAR, N INT)")
    run("INSERT INTO T VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0)")
    assert run(MERGE) == [(1, 1, 1)]  # inserted, updated, deleted
    assert run("SELECT * FROM T ORDER BY ID") == [(1, "one", 1), (2, "b", 0), (4, "four", 0)]
    assert run(MERGE) == [(0, 0, 0)]


def test_merge_matches_nulls_by_equal_null(run: Run) -> None:
    run("CREATE TABLE T AS SELECT NULL::INT AS ID, 1 AS N")
    run(
        "MERGE INTO T USING (SELECT NULL::INT AS ID, 2 AS N) S ON EQUAL_NULL(T.ID, S.ID) WHEN MATCHED THEN UPDATE SET N = S.N"
    )
    assert run("SELECT * FROM T") == [(None, 2)]


def test_merge_with_two_source_rows_for_one_target_row_is_refused(run: Run) -> None:
    run("CREATE TABLE T AS SELECT 1 AS ID, 0 AS N")
    with pytest.raises(ProgrammingError, match="Duplicate row detected during DML action") as error:
        run(
            "MERGE INTO T USING (SELECT 1 AS ID, 1 AS N UNION ALL SELECT 1, 2) S ON T.ID = S.ID "
            "WHEN MATCHED THEN UPDATE SET N = S.N WHEN NOT MATCHED THEN INSERT (ID, N) VALUES (S.ID, S.N)"
        )
    assert error.value.errno == 100090
    assert run("SELECT * FROM T") == [(1, 0)]


def test_temporary_tables_belong_to_one_session_and_hide_permanent_ones(
    endpoint: Endpoint, connection: SnowflakeConnection, run: Run
) -> None:
    run("CREATE TABLE T AS SELECT 'permanent' AS S")
    run("CREATE TEMPORARY TABLE T AS SELECT 'temporary' AS S")
    run("CREATE OR REPLACE SCOPED TEMPORARY TABLE STATEMENTS.WORK.T2 (ID INT NOT NULL COMMENT 'c')")
    assert described(run, "T2") == [("ID", "NUMBER(38,0)", "N", "c")]
    assert run("SELECT T.S FROM WORK.T") == [("temporary",)]
    with snowflake.connector.connect(**endpoint.connection_args, database="STATEMENTS", schema="WORK") as other:
        assert other.cursor().execute("SELECT S FROM T").fetchall() == [("permanent",)]
        with pytest.raises(ProgrammingError, match="does not exist"):
            other.cursor().execute("SELECT * FROM T2")
    run("DROP TABLE T")
    assert run("SELECT S FROM T") == [("permanent",)]


def test_views_are_kept_and_replaced(run: Run) -> None:
    run("CREATE TABLE T AS SELECT 1 AS ID")
    run("CREATE OR REPLACE VIEW V (X) COMMENT = 'view' AS SELECT ID + 1 FROM T")
    run("CREATE OR REPLACE TEMPORARY VIEW W AS SELECT X FROM V")
    assert run("SELECT * FROM W") == [(2,)]
    assert run("SELECT TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'V'") == [
        ("V", "VIEW")
    ]
    run("DROP VIEW V")
    run("DROP VIEW IF EXISTS V")


def test_unquoted_names_are_upper_case_and_quoted_names_are_kept(run: Run) -> None:
    run(
        'CREATE TABLE "mixed Case" (a INT, "b c" INT, "Date" DATE, DATE DATE2)'.replace("DATE DATE2", "ORDER_ INT")
    )
    run('INSERT INTO "mixed Case" (A, "b c") VALUES (1, 2)')
    assert [column[0] for column in described(run, '"mixed Case"')] == ["A", "b c", "Date", "ORDER_"]
    assert run('SELECT m.a, m."b c" FROM Work."mixed Case" AS m') == [(1, 2)]
    assert run("SELECT WORK.T.DATE FROM (SELECT 1) X, (SELECT 2 AS DATE) T".replace("WORK.T.", "T.")) == [(2,)]


def test_show_and_use_and_context_functions(run: Run) -> None:
    run("CREATE TABLE ALPHA (ID INT)")
    run("CREATE STAGE ALPHA_STAGE DIRECTORY = (ENABLE = TRUE) COMMENT = 'files'")
    run("CREATE SCHEMA STATEMENTS.OTHER COMMENT = 'o'")
    assert run("SELECT CURRENT_DATABASE(), CURRENT_SCHEMA()") == [("STATEMENTS", "OTHER")]
    run("USE SCHEMA STATEMENTS.WORK")
    assert [row[1] for row in run("SHOW TABLES")] == ["ALPHA"]
    assert [row[1] for row in run("SHOW TABLES LIKE 'alp%' IN SCHEMA STATEMENTS.WORK")] == ["ALPHA"]
    assert run("SHOW TABLES LIKE 'beta%' IN DATABASE STATEMENTS") == []
    assert [row[1] for row in run("SHOW STAGES IN SCHEMA WORK")] == ["ALPHA_STAGE"]
    assert {"OTHER", "WORK", "PUBLIC"} <= {row[1] for row in run("SHOW SCHEMAS IN DATABASE STATEMENTS")}
    assert [row[1] for row in run("SHOW SCHEMAS LIKE 'OTHER' IN DATABASE STATEMENTS")] == ["OTHER"]
    assert [row[1] for row in run("SHOW DATABASES LIKE 'statements'")] == ["STATEMENTS"]
    assert [row[2] for row in run("SHOW COLUMNS IN TABLE ALPHA")] == ["ID"]
    run("USE WAREHOUSE SOME_WAREHOUSE")
    run("USE ROLE SOME_ROLE")
    assert run("SELECT CURRENT_WAREHOUSE(), CURRENT_ROLE()") == [("SOME_WAREHOUSE", "SOME_ROLE")]
    run("DROP SCHEMA OTHER")
    with pytest.raises(ProgrammingError, match="does not exist"):
        run("USE SCHEMA OTHER")


def test_common_table_expression_may_hide_the_table_that_it_reads(run: Run) -> None:
    run("CREATE TABLE T AS SELECT 1 AS ID")
    assert run("WITH T AS (SELECT ID + 1 AS ID FROM T) SELECT ID FROM T") == [(2,)]
    run("INSERT OVERWRITE INTO T WITH T AS (SELECT ID + 5 AS ID FROM T) SELECT ID FROM T")
    assert run("SELECT * FROM T") == [(6,)]


def test_semi_structured_values_come_back_as_json_text(run: Run) -> None:
    run("CREATE TABLE T (V VARIANT, L ARRAY)")
    run("INSERT INTO T SELECT PARSE_JSON('{\"a\": [1, null]}'), ARRAY_CONSTRUCT(1, 'x')")
    ((value, array),) = run("SELECT V, L FROM T")
    assert (json.loads(value), json.loads(array)) == ({"a": [1, None]}, [1, "x"])
    ((made,),) = run("SELECT OBJECT_CONSTRUCT('a', 1, 'b', NULL)")
    assert json.loads(made) == {"a": 1}
    assert run("SELECT V:a[0]::INT FROM T") == [(1,)]


def test_write_pandas_of_the_connector(connection: SnowflakeConnection, run: Run) -> None:
    frame = pd.DataFrame({"ID": range(10), "lower case": list("abcdefghij"), "D": [dt.date(2024, 1, 1)] * 10})
    for overwrite in (False, True, False):
        success, chunks, rows, _ = write_pandas(
            connection, frame, "Written", auto_create_table=True, overwrite=overwrite, chunk_size=4
        )
        assert (success, chunks, rows) == (True, 3, 10)
    assert run('SELECT COUNT(*), MAX("lower case"), MIN(D) FROM "Written"') == [(20, "j", dt.date(2024, 1, 1))]


def test_access_control_and_compute_statements_are_accepted(run: Run) -> None:
    for statement in (
        "USE SECONDARY ROLES ALL",
        "CREATE ROLE IF NOT EXISTS R",
        "GRANT SELECT ON ALL TABLES IN SCHEMA WORK TO ROLE R",
        "GRANT USAGE ON DATABASE STATEMENTS TO ROLE R",
        "REVOKE SELECT ON TABLE X FROM ROLE R",
        "CREATE WAREHOUSE IF NOT EXISTS W WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60",
        "ALTER WAREHOUSE W SET WAREHOUSE_SIZE = SMALL",
        "DROP WAREHOUSE IF EXISTS W",
        "DROP ROLE IF EXISTS R",
    ):
        run(statement)


def test_database_comes_and_goes_with_all_it_holds(run: Run) -> None:
    run("CREATE DATABASE SHORT_LIVED")
    run("CREATE TABLE SHORT_LIVED.PUBLIC.T AS SELECT 1 AS ID")
    with pytest.raises(ProgrammingError, match="already exists"):
        run("CREATE DATABASE SHORT_LIVED")
    run("DROP DATABASE SHORT_LIVED CASCADE")
    with pytest.raises(ProgrammingError, match="does not exist"):
        run("SELECT * FROM SHORT_LIVED.PUBLIC.T")
    run("DROP DATABASE IF EXISTS SHORT_LIVED")
    run("CREATE DATABASE SHORT_LIVED")
    run("CREATE TABLE SHORT_LIVED.PUBLIC.T (ID INT)")
    assert run("SELECT * FROM SHORT_LIVED.PUBLIC.T") == []
    run("DROP DATABASE SHORT_LIVED")


def test_sequences_and_session_variables(run: Run) -> None:
    run("CREATE SEQUENCE S START = 5 INCREMENT = 2")
    assert run("SELECT S.NEXTVAL") == [(5,)]
    assert run("SELECT STATEMENTS.WORK.S.NEXTVAL AS N") == [(7,)]
    run("SET WANTED = 'x'")
    assert run("SELECT $WANTED") == [("x",)]


def test_query_tag_and_other_session_settings_are_accepted(connection: SnowflakeConnection, run: Run) -> None:
    run("ALTER SESSION SET QUERY_TAG = 'run 1', STATEMENT_TIMEOUT_IN_SECONDS = 30")
    run("ALTER SESSION UNSET QUERY_TAG")
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    assert run("SELECT LAST_QUERY_ID()") == [(cursor.sfqid,)]
    assert run("SELECT CURRENT_SESSION()") == [(str(connection.session_id),)]
