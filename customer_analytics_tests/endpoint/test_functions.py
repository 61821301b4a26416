"""Snowflake's functions and expressions, with the values and types that Snowflake's documentation gives."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from snowflake.snowpark import Session

D = Decimal
DATE = dt.date
TIME = dt.datetime


EXPRESSIONS: list[tuple[str, Any]] = [
    ("LAST_DAY('2024-02-03'::DATE)", DATE(2024, 2, 29)),
    ("DATE_TRUNC('month', '2024-02-29'::DATE)", DATE(2024, 2, 1)),
    ("DATE_TRUNC(WEEK, '2024-01-10'::DATE)", DATE(2024, 1, 8)),
    ("DATE_TRUNC('hour', '2024-02-29 10:11:12'::TIMESTAMP_NTZ)", TIME(2024, 2, 29, 10)),
    ("DATEADD(day, -30, '2024-03-01'::DATE)", DATE(2024, 1, 31)),
    ("DATEADD('month', 1, '2024-01-31'::DATE)", DATE(2024, 2, 29)),
    ("DATEADD(day, -30, '2024-03-01 12:00:00'::TIMESTAMP_NTZ)", TIME(2024, 1, 31, 12)),
    ("DATEADD(second, 5, '2024-03-01 12:00:00'::TIMESTAMP_NTZ)", TIME(2024, 3, 1, 12, 0, 5)),
    ("DATEDIFF(day, '2024-01-01'::DATE, '2024-02-01'::DATE)", 31),
    ("DATEDIFF('month', '2023-12-31'::DATE, '2024-02-01'::DATE)", 2),
    ("ADD_MONTHS('2024-02-29'::DATE, 1)", DATE(2024, 3, 31)),
    ("ADD_MONTHS('2024-01-30'::DATE, 1)", DATE(2024, 2, 29)),
    ("MONTHS_BETWEEN('2019-03-15'::DATE, '2019-02-15'::DATE)", 1.0),
    ("MONTHS_BETWEEN('2019-03-31'::DATE, '2019-02-28'::DATE)", 1.0),
    ("MONTHS_BETWEEN('2019-03-01'::DATE, '2019-02-15'::DATE)", 0.548387),
    ("DAYOFWEEKISO('2024-02-03'::DATE)", 6),
    ("TO_CHAR('2024-01-10'::DATE, 'YYYY-MM')", "2024-01"),
    ("TO_VARCHAR(15)", "15"),
    ("TO_DATE('2024-01-10')", DATE(2024, 1, 10)),
    ("TO_TIMESTAMP(CONCAT('2024-01-10', ' 01:02:03'))", TIME(2024, 1, 10, 1, 2, 3)),
    ("TO_TIMESTAMP(86400)", TIME(1970, 1, 2)),
    ("TO_TIMESTAMP('2024-01-10'::DATE)", TIME(2024, 1, 10)),
    ("TO_TIMESTAMP_NTZ('2024-01-10 01:02:03')", TIME(2024, 1, 10, 1, 2, 3)),
    ("TO_CHAR(DATE '2019-04-01', 'YYYY-MM')", "2019-04"),
    ("TO_VARCHAR(TIMESTAMP '2019-04-01 13:05:09', 'YYYYMMDD HH24:MI:SS')", "20190401 13:05:09"),
    ("WIDTH_BUCKET(0.0, 0, 1, 10)", 1),
    ("WIDTH_BUCKET(0.55, 0, 1, 10)", 6),
    ("WIDTH_BUCKET(1.0, 0, 1, 10)", 11),
    ("WIDTH_BUCKET(-0.1, 0, 1, 10)", 0),
    ("LEAST(10, WIDTH_BUCKET(1.0, 0, 1, 10))", 10),
    ("LEAST(3, 1, 2)", 1),
    ("LEAST(3, NULL)", None),
    ("GREATEST(3, 1, 2)", 3),
    ("GREATEST(3, NULL)", None),
    ("IFF(1 = 1, 'a', 'b')", "a"),
    ("NVL(NULL, 1)", 1),
    ("ZEROIFNULL(NULL::NUMBER)", 0),
    ("NULLIFZERO(0)", None),
    ("COALESCE(NULL, NULL, 3)", 3),
    ("DIV0(1, 0)", 0),
    ("DECODE(2, 1, 'one', 2, 'two', 'more')", "two"),
    ("EQUAL_NULL(NULL, NULL)", True),
    ("1 IS DISTINCT FROM NULL", True),
    ("250::NUMBER(38,0) / 100", 2.5),
    ("7 / 2", 3.5),
    ("MOD(7, 3)", 1),
    ("ROUND(2.345, 2)", D("2.35")),
    ("ABS(-1.5)", D("1.5")),
    ("FLOOR(1.7)", 1),
    ("CEIL(1.2)", 2),
    ("1.10::NUMBER(18,2) + 2.20::NUMBER(18,2)", D("3.30")),
    ("TRY_TO_NUMBER('12')", 12),
    ("TRY_TO_NUMBER('x')", None),
    ("TRY_CAST('x' AS INT)", None),
    ("TRY_CAST('2024-01-01' AS DATE)", DATE(2024, 1, 1)),
    ("TRY_TO_DATE('nothing')", None),
    ("SHA2('a')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
    ("UPPER('a') || LOWER('B')", "Ab"),
    ("CONCAT('a', 'b', 'c')", "abc"),
    ("CONCAT_WS('-', 'a', 'b')", "a-b"),
    ("SPLIT_PART('a,b', ',', 2)", "b"),
    ("SUBSTR('abcdef', 2, 3)", "bcd"),
    ("TRIM('  a ')", "a"),
    ("LENGTH('abc')", 3),
    ("REPLACE('abc', 'b', 'x')", "axc"),
    ("CONTAINS('abc', 'b')", True),
    ("STARTSWITH('abc', 'ab')", True),
    ("'abc' LIKE 'A%'", False),
    ("'abc' ILIKE 'A%'", True),
    ("REGEXP_REPLACE('abcb', 'b', 'x')", "axcx"),
    ("REGEXP_SUBSTR('abc', 'b.')", "bc"),
    ("LPAD('7', 3, '0')", "007"),
    ('PARSE_JSON(\'{"a": {"b": 5}}\'):a.b::INT', 5),
    ('PARSE_JSON(\'{"s": "x"}\'):s::STRING', "x"),
    ("OBJECT_CONSTRUCT('a', 1):a::INT", 1),
    ("ARRAY_SIZE(ARRAY_CONSTRUCT(1, 2))", 2),
    ("HASH('a') = HASH('a')", True),
    ("'O''Brien \\\\ \\n'", "O'Brien \\ \n"),
    ("'ünïcödé 🎈'", "ünïcödé 🎈"),
    ("CASE WHEN 1 > 2 THEN 'x' END", None),
    ("3 BETWEEN 1 AND 5", True),
    ("1 IN (1, 2)", True),
    ("'2024-01-02'::DATE > '2024-01-01'", True),
    ("'2024-01-02'::DATE - '2024-01-01'::DATE", 1),
    ("'12'::INT + 1", 13),
    ("TRUE AND NULL", None),
    ("CURRENT_WAREHOUSE() IS NOT NULL", True),
    ("CURRENT_TIMESTAMP()::DATE = CURRENT_DATE()", True),
    ("CURRENT_VERSION() IS NOT NULL", True),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expression_has_snowflakes_value(snowpark: Session, expression: str, expected: Any) -> None:
    ((value,),) = snowpark.sql(f"SELECT {expression} AS X").collect()
    assert value == expected
    assert isinstance(value, bool) == isinstance(expected, bool)


QUERIES: list[tuple[str, list[tuple[Any, ...]]]] = [
    ("SELECT $1, COLUMN2 FROM VALUES (1, 'a'), (2, 'b') ORDER BY 1", [(1, "a"), (2, "b")]),
    ("SELECT A + B FROM (VALUES (1, 2)) AS T(A, B)", [(3,)]),
    ("(SELECT 1 AS A) UNION ALL (SELECT 1) ORDER BY A", [(1,), (1,)]),
    ("SELECT 1 UNION SELECT 1", [(1,)]),
    ("WITH A AS (SELECT 1 AS X), B AS (SELECT X + 1 AS X FROM A) SELECT * FROM B", [(2,)]),
    ("WITH RECURSIVE R AS (SELECT 1 AS N UNION ALL SELECT N + 1 FROM R WHERE N < 4) SELECT SUM(N) FROM R", [(10,)]),
    ("SELECT SUM(X), COUNT(*) FROM (SELECT SEQ4() + 1 AS X FROM TABLE(GENERATOR(ROWCOUNT => 4)))", [(10, 4)]),
    ("SELECT ROW_NUMBER() OVER (ORDER BY SEQ8()) FROM TABLE(GENERATOR(ROWCOUNT => 2)) ORDER BY 1", [(1,), (2,)]),
    ("SELECT F.INDEX, F.VALUE::INT FROM TABLE(FLATTEN(INPUT => PARSE_JSON('[7, 8]'))) F ORDER BY 1", [(0, 7), (1, 8)]),
    (
        "SELECT T.ID, F.VALUE::STRING FROM (SELECT 1 AS ID, ARRAY_CONSTRUCT('a', 'b') AS L) T, "
        "LATERAL FLATTEN(INPUT => T.L) F ORDER BY F.INDEX",
        [(1, "a"), (1, "b")],
    ),
    ("SELECT LISTAGG(X, ',') WITHIN GROUP (ORDER BY X DESC) FROM (VALUES ('a'), ('b')) AS T(X)", [("b,a",)]),
    ("SELECT BOOLAND_AGG(X), BOOLOR_AGG(X) FROM (VALUES (TRUE), (FALSE)) AS T(X)", [(False, True)]),
    ("SELECT COUNT_IF(X > 1), MIN(X), MAX(X), AVG(X) FROM (VALUES (1), (2), (3)) AS T(X)", [(2, 1, 3, 2.0)]),
    ("SELECT COUNT(DISTINCT X), COUNT(X) FROM (VALUES (1), (1), (NULL)) AS T(X)", [(1, 2)]),
    ("SELECT MEDIAN(X) FROM (VALUES (1), (2), (4)) AS T(X)", [(2.0,)]),
    ("SELECT SUM(X) FROM (SELECT 0.10::NUMBER(18,2) AS X UNION ALL SELECT 0.20)", [(D("0.30"),)]),
    ("SELECT X, GROUPING(X), SUM(1) FROM (VALUES ('a')) AS T(X) GROUP BY ROLLUP(X) ORDER BY 2", [("a", 0, 1), (None, 1, 1)]),
    (
        "SELECT X, ROW_NUMBER() OVER (ORDER BY X) AS N FROM (VALUES (5), (3)) AS T(X) QUALIFY N = 1",
        [(3,1)],
    ),
    (
        "SELECT X, LAG(X) OVER (ORDER BY X), LEAD(X, 1, 0) OVER (ORDER BY X), SUM(X) OVER (ORDER BY X ROWS BETWEEN "
        "UNBOUNDED PRECEDING AND CURRENT ROW) FROM (VALUES (1), (2)) AS T(X) ORDER BY X",
        [(1, None, 2, 1), (2, 1, 0, 3)],
    ),
    (
        "SELECT SUM(X) OVER (ORDER BY D RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW) FROM "
        "(SELECT 1 AS X, '2024-01-01'::DATE AS D UNION ALL SELECT 2, '2024-01-31'::DATE UNION ALL SELECT 4, '2024-03-31'::DATE) "
        "ORDER BY D",
        [(1,), (3,), (4,)],
    ),
    (
        "SELECT FIRST_VALUE(X) OVER (PARTITION BY K ORDER BY X), NTILE(2) OVER (ORDER BY X) FROM "
        "(VALUES ('a', 1), ('a', 2)) AS T(K, X) ORDER BY 2",
        [(1, 1), (1, 2)],
    ),
    ("SELECT X FROM (VALUES (1), (NULL)) AS T(X) ORDER BY X", [(1,), (None,)]),
    ("SELECT X FROM (VALUES (1), (NULL)) AS T(X) ORDER BY X DESC", [(None,), (1,)]),
    ("SELECT X FROM (VALUES (1), (2), (3)) AS T(X) ORDER BY X LIMIT 1 OFFSET 1", [(2,)]),
    ("SELECT A.X FROM (VALUES (1)) AS A(X) LEFT JOIN (VALUES (2)) AS B(X) ON A.X = B.X WHERE B.X IS NULL", [(1,)]),
    ("SELECT A.X, B.X FROM (VALUES (1)) AS A(X) FULL OUTER JOIN (VALUES (2)) AS B(X) USING (X) ORDER BY 1", [(1, None), (None, 2)]),
    ("SELECT * FROM (SELECT 'x' AS K, 5 AS V) PIVOT (SUM(V) FOR K IN ('x', 'y'))", [(5, None)]),
    ("SELECT K, V FROM (SELECT 1 AS A, 2 AS B) UNPIVOT (V FOR K IN (A, B)) ORDER BY K", [("A", 1), ("B", 2)]),
    ("SELECT EXISTS (SELECT 1 WHERE FALSE)", [(False,)]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=[text for text, _ in QUERIES])
def test_query_has_snowflakes_rows(snowpark: Session, query: str, expected: list[tuple[Any, ...]]) -> None:
    assert [tuple(row) for row in snowpark.sql(query).collect()] == expected


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("COUNT(*)", "COUNT(*)"),
        ("max(x) || 'c'", "MAX(X) || 'C'"),
        ("'a b'", "'A B'"),
        ("1", "1"),
        ("iff(x = 'b', 1, 0)", "IFF(X = 'B', 1, 0)"),
        ('x as "lower"', "lower"),
        ("x as mixed", "MIXED"),
    ],
)
def test_columns_are_named_as_in_snowflake(snowpark: Session, expression: str, name: str) -> None:
    query = f"SELECT {expression} FROM (SELECT 'b' AS x)" + (" GROUP BY x" if "max" in expression else "")
    cursor = snowpark.connection.cursor().execute(query)
    assert cursor.description[0].name == name
