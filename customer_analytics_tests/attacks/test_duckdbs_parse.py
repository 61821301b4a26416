"""The last look at a statement, as DuckDB's parser reads it: what it lets by is all that DuckDB is asked to run."""

import pytest
from sqlglot import Expr, exp

from customer_analytics.embedded_snowflake.sql.duckdb_check import check
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError

QUERY, INSERT, UPDATE, DELETE = exp.Select(), exp.Insert(), exp.Update(), exp.Delete()


@pytest.mark.parametrize(
    ("tree", "sql"),
    [
        (QUERY, "SELECT 1 + abs(2) FROM d.s.t, unnest([1])"),
        (QUERY, "WITH x AS (SELECT 1) SELECT row_number() OVER (ORDER BY 1) FROM x"),
        (QUERY, "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r"),
        (INSERT, "INSERT INTO d.s.t (a) SELECT lower(b) FROM d.s.u"),
        (UPDATE, "UPDATE d.s.t SET a = lower(b) WHERE c = 1"),
        (DELETE, "DELETE FROM d.s.t USING d.s.u WHERE a = b"),
    ],
)
def test_what_the_rewrites_make_is_let_by(tree: Expr, sql: str) -> None:
    check(tree, sql)


@pytest.mark.parametrize(
    ("tree", "sql", "message"),
    [
        (QUERY, "SELECT read_text('x')", "Unknown function READ_TEXT"),
        (QUERY, "SELECT \"READ_TEXT\"('x')", "Unknown function READ_TEXT"),
        (QUERY, "SELECT 'x'.read_text()", "Unknown function READ_TEXT"),
        (QUERY, "SELECT main.lower('x')", "Unknown function MAIN.LOWER"),
        (QUERY, "SELECT [read_text(x) for x in ['a']]", "Unknown function"),
        (QUERY, "SELECT list_transform(['a'], lambda x: read_text(x))", "Unknown function READ_TEXT"),
        (QUERY, "FROM read_text('x')", "Unknown function READ_TEXT"),
        (QUERY, "SELECT sum(a) OVER (ORDER BY getvariable('x')) FROM d.s.t", "Unknown function GETVARIABLE"),
        (INSERT, "INSERT INTO d.s.t VALUES (read_text('x'))", "Unknown function READ_TEXT"),
        (INSERT, "INSERT INTO d.s.t VALUES (1) ON CONFLICT DO UPDATE SET a = read_text('x')", "Unknown function"),
        (UPDATE, "UPDATE d.s.t SET a = read_text('x')", "Unknown function READ_TEXT"),
        (DELETE, "DELETE FROM d.s.t WHERE a = read_text('x')", "Unknown function READ_TEXT"),
        (exp.DataType(), "INTEGER), read_text('x') AS x, CAST(NULL AS INTEGER", "Unknown function READ_TEXT"),
        (QUERY, "SELECT * FROM 'x.csv'", "'x.csv' does not exist"),
        (QUERY, "SELECT * FROM sqlite_master", "does not exist"),
        (QUERY, "SELECT * FROM system.main.duckdb_settings", "does not exist"),
        (QUERY, "SELECT * FROM d.pg_catalog.pg_class", "does not exist"),
        (INSERT, "INSERT INTO memory.main.t VALUES (1)", "does not exist"),
        (DELETE, "DELETE FROM temp.main.t", "does not exist"),
        (QUERY, "SHOW TABLES", "unexpected statement"),
        (QUERY, "SUMMARIZE d.s.t", "unexpected statement"),
        (QUERY, "WITH x AS (DELETE FROM d.s.t RETURNING 1) SELECT 1", "unexpected statement"),
        (QUERY, "WITH x AS (COPY (SELECT 1) TO 'x') SELECT 1", "unexpected statement"),
        (UPDATE, "DELETE FROM d.s.t", "unexpected statement"),
        (INSERT, "INSERT INTO d.s.t WITH x AS (DELETE FROM d.s.u RETURNING 1) FROM x", "unexpected statement"),
        (QUERY, "DELETE FROM d.s.t", "Unsupported"),
        (QUERY, "SET threads = 1", "Unsupported"),
        (QUERY, "CALL enable_profiling()", "Unsupported"),
        (QUERY, "SELECT 1; SELECT 2", "more than one statement"),
        (INSERT, "INSERT INTO d.s.t VALUES (1); DROP TABLE d.s.t", "syntax error"),
        (exp.Literal.number(1), "1; DROP TABLE d.s.t", "Unsupported"),
    ],
)
def test_everything_else_is_refused(tree: Expr, sql: str, message: str) -> None:
    with pytest.raises(SnowflakeError) as error:
        check(tree, sql)
    assert message in error.value.message
