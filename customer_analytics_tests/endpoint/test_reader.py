"""The role that may only read."""

from collections.abc import Iterator

import pytest
import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from customer_analytics.embedded_snowflake import Endpoint


@pytest.fixture(scope="module")
def reader(endpoint: Endpoint) -> Iterator[SnowflakeConnection]:
    with snowflake.connector.connect(**endpoint.connection_args) as owner:
        for statement in (
            "CREATE DATABASE IF NOT EXISTS READ_ONLY",
            "USE DATABASE READ_ONLY",
            "CREATE TABLE T (A INT)",
            "INSERT INTO T VALUES (1)",
            "CREATE STAGE S",
        ):
            owner.cursor().execute(statement)
    with snowflake.connector.connect(
        **endpoint.connection_args, role="READER", database="READ_ONLY"
    ) as connection:
        yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "WITH X AS (SELECT A FROM T) SELECT * FROM X",
        "SHOW TABLES",
        "DESCRIBE TABLE T",
        "LIST @S",
        "USE SCHEMA PUBLIC",
        "ALTER SESSION SET QUERY_TAG = 'x'",
        "BEGIN",
        "COMMIT",
    ],
)
def test_a_reader_may_look(reader: SnowflakeConnection, statement: str) -> None:
    reader.cursor().execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO T VALUES (2)",
        "UPDATE T SET A = 2",
        "DELETE FROM T",
        "TRUNCATE TABLE T",
        "MERGE INTO T USING T S ON T.A = S.A WHEN MATCHED THEN DELETE",
        "CREATE TABLE U AS SELECT * FROM T",
        "CREATE TEMPORARY TABLE U (A INT)",
        "DROP TABLE T",
        "ALTER TABLE T RENAME TO U",
        "COMMENT ON TABLE T IS 'x'",
        "COPY INTO T FROM @S",
        "REMOVE @S",
        "ALTER STAGE S REFRESH",
        "USE ROLE ACCOUNTADMIN",
        "GRANT ROLE ACCOUNTADMIN TO USER X",
    ],
)
def test_a_reader_may_change_nothing(reader: SnowflakeConnection, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="Insufficient privileges") as error:
        reader.cursor().execute(statement)
    assert (error.value.errno, error.value.sqlstate) == (3001, "42501")
    assert reader.cursor().execute("SELECT * FROM T").fetchall() == [(1,)]
