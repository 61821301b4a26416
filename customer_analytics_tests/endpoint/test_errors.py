"""Errors reach the client at once, with Snowflake's numbers and states."""

from collections.abc import Iterator

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import DatabaseError, IntegrityError, ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint


@pytest.fixture
def connection(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args) as connection:
        connection.cursor().execute("CREATE DATABASE IF NOT EXISTS ERRORS")
        connection.cursor().execute("USE DATABASE ERRORS")
        connection.cursor().execute("CREATE OR REPLACE TEMPORARY TABLE T (ID INT NOT NULL, D DATE)")
        yield connection


@pytest.mark.parametrize(
    ("statement", "errno", "sqlstate", "message"),
    [
        ("SELECT * FROM NOPE", 2003, "42S02", "Object 'NOPE' does not exist or not authorized."),
        ("SELECT * FROM ERRORS.NOWHERE.T", 2003, "42S02", "NOWHERE.T' does not exist or not authorized."),
        ("SELECT * FROM NO_DATABASE.PUBLIC.T", 2003, "42S02", "NO_DATABASE.PUBLIC.T' does not exist"),
        ("INSERT INTO NOPE VALUES (1)", 2003, "42S02", "'NOPE' does not exist"),
        ("DROP TABLE NOPE", 2003, "42S02", "does not exist or not authorized"),
        ("DESCRIBE TABLE NOPE", 2003, "42S02", "does not exist or not authorized"),
        ("ALTER TABLE NOPE RENAME TO OTHER", 2003, "42S02", "does not exist or not authorized"),
        ("LIST @NOPE", 2003, "02000", "Stage 'ERRORS.PUBLIC.NOPE' does not exist"),
        ("CREATE TABLE NOWHERE.X (ID INT)", 2003, "02000", "Schema 'ERRORS.NOWHERE' does not exist"),
        ("USE DATABASE NOPE", 2003, "42S02", "does not exist"),
        ("SELECT WRONG FROM T", 904, "42000", "invalid identifier 'WRONG'"),
        ("SELECT T.WRONG FROM T", 904, "42000", "invalid identifier"),
        ("SELECT NO_SUCH_FUNCTION(1)", 2140, "42601", "Unknown function NO_SUCH_FUNCTION"),
        ("SELEC 1", 1003, "42000", "syntax error"),
        ("SELECT (1", 1003, "42000", "syntax error"),
        ("ALTER SESSION", 1003, "42000", "ALTER SESSION sets or unsets"),
        (f'CREATE DATABASE "{"x" * 300}"', 1003, "42000", "too long for a file name"),
        (f'USE DATABASE "{"x" * 300}"', 2003, "42S02", "does not exist"),
        (f'LIST @"{"x" * 300}".PUBLIC.S', 2003, "02000", "does not exist"),
        ("/* nothing */", 1003, "42000", "the statement is empty"),
        ("SELECT 'x'::INT", 100038, "22018", "'x' is not recognized"),
        ("SELECT 'x'::DATE", 100040, "22007", "'x' is not recognized"),
        ("SELECT 1 / 0", 100051, "22012", "Division by zero"),
        ("EXECUTE IMMEDIATE 'SELECT 1'", 2, "0A000", "Unsupported feature of the embedded Snowflake endpoint: EXECUTE"),
        ("CREATE DYNAMIC TABLE X TARGET_LAG = '1 minute' AS SELECT 1", 2, "0A000", "Unsupported feature"),
        ("CREATE FUNCTION F() RETURNS INT AS '1'", 2, "0A000", "Unsupported feature"),
        ("COPY INTO @S FROM T", 2, "0A000", "COPY INTO a stage"),
    ],
)  # fmt: skip
def test_statement_fails_as_in_snowflake(
    connection: SnowflakeConnection, statement: str, errno: int, sqlstate: str, message: str
) -> None:
    with pytest.raises(ProgrammingError) as error:
        # Any other errno would come from the connector itself, after it has tried again for long.
        connection.cursor().execute(statement)
    assert (error.value.errno, error.value.sqlstate) == (errno, sqlstate)
    assert message in str(error.value.msg)


def test_null_in_a_not_null_column_is_an_integrity_error(connection: SnowflakeConnection) -> None:
    with pytest.raises(IntegrityError) as error:
        connection.cursor().execute("INSERT INTO T VALUES (NULL, NULL)")
    assert error.value.errno == 100072


def test_wrong_token_is_refused(endpoint: Endpoint) -> None:
    with pytest.raises(DatabaseError, match="Incorrect username or password") as error:
        snowflake.connector.connect(**{**endpoint.connection_args, "password": "wrong"})
    assert error.value.errno == 390100


def test_session_without_database_is_told_so(endpoint: Endpoint) -> None:
    with (
        snowflake.connector.connect(**endpoint.connection_args, database="NOT_THERE") as connection,
        pytest.raises(ProgrammingError, match="does not have a current database"),
    ):
        connection.cursor().execute("CREATE TABLE T (ID INT)")
