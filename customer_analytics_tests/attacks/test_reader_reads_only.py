"""What a reader tries in order to change something, and data-changing parts of queries, which nobody may have."""

from collections.abc import Iterator

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint

SYNTAX, PRIVILEGES, MANY, UNSUPPORTED, MISSING = 1003, 3001, 8, 2, 2003


@pytest.fixture(scope="module")
def owner(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args, paramstyle="qmark") as connection:
        for statement in (
            "CREATE OR REPLACE DATABASE READERS",
            "CREATE TABLE T (A INT, B VARCHAR)",
            "INSERT INTO T VALUES (1, 'b')",
            "CREATE STAGE S",
            "CREATE SEQUENCE SEQ",
        ):
            connection.cursor().execute(statement)
        yield connection


@pytest.fixture(scope="module", params=["READER", "reader"])
def reader(
    request: pytest.FixtureRequest, endpoint: Endpoint, owner: SnowflakeConnection
) -> Iterator[SnowflakeConnection]:
    """A reader, also one that writes its role in lower case."""
    with snowflake.connector.connect(
        **endpoint.connection_args, role=request.param, database="READERS", paramstyle="qmark"
    ) as connection:
        yield connection


def everything(owner: SnowflakeConnection) -> tuple[object, object]:
    """What a reader could have changed."""
    cursor = owner.cursor()
    tables = "SELECT TABLE_SCHEMA, TABLE_NAME FROM READERS.INFORMATION_SCHEMA.TABLES ORDER BY 1, 2"
    return cursor.execute(tables).fetchall(), cursor.execute("SELECT * FROM READERS.PUBLIC.T").fetchall()


CHANGES_IN_QUERIES = [
    "WITH X AS (DELETE FROM T RETURNING *) SELECT * FROM X",
    "WITH X AS (INSERT INTO T VALUES (2, 'c') RETURNING *) SELECT * FROM X",
    "WITH X AS (UPDATE T SET A = 2 RETURNING *) SELECT * FROM X",
    "WITH X AS (INSERT INTO T VALUES (2, 'c')) SELECT 1",
    "SELECT 1 FROM (WITH X AS (DELETE FROM T RETURNING *) SELECT * FROM X)",
    "SELECT * INTO T2 FROM T",
    "SELECT * INTO TEMPORARY T2 FROM T",
    "SELECT 1 UNION ALL SELECT A INTO T2 FROM T",
]


@pytest.mark.parametrize("statement", CHANGES_IN_QUERIES)
def test_a_query_that_changes_data_is_a_syntax_error_for_everyone(
    owner: SnowflakeConnection, reader: SnowflakeConnection, statement: str
) -> None:
    before = everything(owner)
    for connection in (owner, reader):
        with pytest.raises(ProgrammingError, match="syntax error") as error:
            connection.cursor().execute(statement)
        assert (error.value.errno, error.value.sqlstate) == (SYNTAX, "42000")
    assert everything(owner) == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO T SELECT 3, 'x' RETURNING A",
        "DELETE FROM T RETURNING *",
        "CREATE TABLE V AS WITH X AS (DELETE FROM T RETURNING *) SELECT * FROM X",
        "CREATE VIEW V AS WITH X AS (DELETE FROM T RETURNING *) SELECT * FROM X",
        "INSERT INTO T WITH X AS (DELETE FROM T RETURNING *) SELECT * FROM X",
    ],
)
def test_changes_are_not_nested_in_changes(owner: SnowflakeConnection, statement: str) -> None:
    before = everything(owner)
    with pytest.raises(ProgrammingError, match="syntax error"):
        owner.cursor().execute(statement)
    assert everything(owner) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT SEQ.NEXTVAL",
        "SELECT SEQ.nextval + 1 FROM T",
        "SET X = (SELECT SEQ.NEXTVAL)",
        "COPY INTO T FROM @S",
        "COPY INTO @S FROM T",
        "PUT 'file:///etc/hostname' @S",
        "RM @S",
        "ALTER STAGE IF EXISTS S REFRESH",
        "ALTER TABLE T SET COMMENT = 'x'",
        "CREATE FILE FORMAT F TYPE = CSV",
        "CREATE OR REPLACE SEQUENCE SEQ",
        "INSERT ALL INTO T VALUES (1, 'x') SELECT 1",
        "UNDROP TABLE T",
        "USE ROLE IDENTIFIER('ACCOUNTADMIN')",
        "use role accountadmin",
        "EXECUTE IMMEDIATE 'DELETE FROM T'",
        "CALL DELETE_T()",
        "EXPLAIN DELETE FROM T",
        "PRAGMA force_checkpoint",
        "LOAD httpfs",
        "VACUUM",
        "ANALYZE T",
        "CACHE TABLE T",
        "KILL 1",
    ],
)
def test_a_reader_changes_nothing(owner: SnowflakeConnection, reader: SnowflakeConnection, statement: str) -> None:
    before = everything(owner)
    with pytest.raises(ProgrammingError) as error:
        reader.cursor().execute(statement)
    assert error.value.errno in (PRIVILEGES, SYNTAX)
    assert everything(owner) == before


@pytest.mark.parametrize(
    "statement", ["SELECT 1; DELETE FROM T", "SELECT 1; SELECT 2", "SHOW TABLES; DROP TABLE T"]
)
def test_a_second_statement_is_refused_with_the_first(
    owner: SnowflakeConnection, reader: SnowflakeConnection, statement: str
) -> None:
    for connection in (owner, reader):
        with pytest.raises(ProgrammingError, match="Actual statement count 2 did not match") as error:
            connection.cursor().execute(statement)
        assert error.value.errno == MANY


def test_a_variable_does_not_carry_a_change(owner: SnowflakeConnection, reader: SnowflakeConnection) -> None:
    before = everything(owner)
    cursor = reader.cursor()
    with pytest.raises(ProgrammingError):
        cursor.execute("SET X = (WITH X AS (DELETE FROM T RETURNING A) SELECT A FROM X)")
    cursor.execute("SET X = 'T; DELETE FROM T'")
    assert cursor.execute("SELECT $X").fetchall() == [("T; DELETE FROM T",)]
    for statement in ("SELECT * FROM IDENTIFIER(?)", "SELECT * FROM TABLE(?)"):
        with pytest.raises(ProgrammingError):
            cursor.execute(statement, ("T; DELETE FROM T",))
    assert everything(owner) == before


def test_duckdb_writes_nothing_in_a_readers_query_even_if_told_to(
    owner: SnowflakeConnection, reader: SnowflakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view calls what its owner may call, and is read by the reader."""
    owner.cursor().execute("CREATE OR REPLACE VIEW NEXT AS SELECT SEQ.NEXTVAL AS N")
    assert owner.cursor().execute("SELECT * FROM NEXT").fetchall() == [(1,)]
    with pytest.raises(ProgrammingError, match="Insufficient privileges") as error:
        reader.cursor().execute("SELECT * FROM NEXT")
    assert error.value.errno == PRIVILEGES
    assert owner.cursor().execute("SELECT * FROM NEXT").fetchall() == [(2,)]
    owner.cursor().execute("DROP VIEW NEXT")
    owner.cursor().execute("CREATE OR REPLACE SEQUENCE SEQ")


def test_a_reader_reads_while_the_owner_writes(owner: SnowflakeConnection, reader: SnowflakeConnection) -> None:
    owner.cursor().execute("BEGIN")
    owner.cursor().execute("INSERT INTO T VALUES (7, 'x')")
    assert reader.cursor().execute("SELECT COUNT(*) FROM T WHERE A = 7").fetchall() == [(0,)]
    owner.cursor().execute("ROLLBACK")
    assert reader.cursor().execute("SELECT COUNT(*) FROM T").fetchall() == [(1,)]
