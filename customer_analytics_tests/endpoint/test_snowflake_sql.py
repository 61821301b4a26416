"""What captured statements are held against finds what it should; the reference run is held against it."""

import pytest

from customer_analytics.embedded_snowflake.sql.allowed_functions import SNOWFLAKE
from customer_analytics_tests.endpoint.snowflake_sql import called, problems


def found(*statements: str) -> list[str]:
    return list(problems([{"sql": sql, "session": 1} for sql in statements]))


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("SELECT LIST_SORT(A) FROM T", "calls LIST_SORT"),
        ("SELECT STRFTIME(D, '%Y') FROM T", "calls STRFTIME"),
        ("PRAGMA database_list", "is no statement of Snowflake"),
        ("VACUUM", "is no statement of Snowflake"),
        ("SELECT FROM WHERE", "cannot be parsed"),
    ],
)
def test_what_only_the_endpoint_takes_is_found(statement: str, problem: str) -> None:
    (only,) = found(statement)
    assert problem in only


def test_what_snowflake_takes_is_left_alone() -> None:
    assert not found(
        "INSERT INTO T (A, B) VALUES (?, ?)",
        "CREATE TABLE IF NOT EXISTS \"D\".\"S\".T (A NUMBER(38, 0) COMMENT 'it''s', B VARCHAR(10))",
        "WITH C AS (SELECT IFF(A IN (1), 1, 0) AS A FROM T) SELECT COUNT(*) FROM C JOIN (SELECT 1) ON (A = 1)",
        "REMOVE @S/file.parquet",
        "ALTER STAGE S REFRESH",
        "ALTER SESSION SET QUERY_TAG = 'x(1)'",
    )


def test_definitions_within_a_transaction_are_found() -> None:
    (only,) = found(
        "BEGIN", "ALTER SESSION SET QUERY_TAG = 'x'", "CREATE TABLE T (A NUMBER)", "COMMIT", "DROP TABLE T"
    )
    assert only == "would commit the open transaction: CREATE TABLE T (A NUMBER)"


def test_functions_are_known_by_the_names_that_are_written() -> None:
    assert called('SELECT EQUAL_NULL(A, 1), width_bucket(B, 0, 1, 10), "MAX" FROM T') == {
        "EQUAL_NULL",
        "WIDTH_BUCKET",
    }
    assert {"EQUAL_NULL", "WIDTH_BUCKET", "CAST", "SYSDATE"} <= SNOWFLAKE
