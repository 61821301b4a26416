"""Which columns a query's columns are computed from."""

import pytest

from customer_analytics.column_lineage import UnknownLineageError, column_sources

TABLES = {
    '"ORDERS"': ["ORDER_ID", "CUSTOMER_ID", "STATUS", "AMOUNT"],
    '"CUSTOMERS"': ["CUSTOMER_ID", "NAME", "CITY"],
    '"DB"."S"."T"': ["A", "b"],
}


def lineage(sql: str) -> dict[str, set[str]]:
    """The sources of each column, as TABLE.COLUMN without quotes."""
    found = column_sources(sql, TABLES)
    return {name: {f"{s.table}.{s.column}".replace('"', "") for s in sources} for name, sources in found.items()}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT NAME AS N FROM CUSTOMERS", {"N": {"CUSTOMERS.NAME"}}, id="alias"),
        pytest.param('SELECT a, "b" FROM DB.S.T', {"A": {"DB.S.T.A"}, "b": {"DB.S.T.b"}}, id="case of names"),
        pytest.param(
            "SELECT 1 AS ONE, 'x' AS X, NULL AS N FROM ORDERS",
            {"ONE": set(), "X": set(), "N": set()},
            id="literals",
        ),
        pytest.param(
            "SELECT CASE WHEN STATUS = 'paid' THEN AMOUNT ELSE 0 END AS PAID FROM ORDERS",
            {"PAID": {"ORDERS.STATUS", "ORDERS.AMOUNT"}},
            id="case",
        ),
        pytest.param(
            "SELECT COALESCE(NAME, CITY, 'nobody') AS WHO FROM CUSTOMERS",
            {"WHO": {"CUSTOMERS.NAME", "CUSTOMERS.CITY"}},
            id="coalesce",
        ),
        pytest.param(
            "SELECT CUSTOMER_ID, SUM(AMOUNT) AS TOTAL, COUNT(*) AS N FROM ORDERS WHERE STATUS <> 'x' GROUP BY CUSTOMER_ID",
            {"CUSTOMER_ID": {"ORDERS.CUSTOMER_ID"}, "TOTAL": {"ORDERS.AMOUNT"}, "N": set()},
            id="aggregates, whose filters and groups are no sources",
        ),
        pytest.param(
            "SELECT LAG(AMOUNT) OVER (PARTITION BY CUSTOMER_ID ORDER BY ORDER_ID) AS BEFORE, "
            "ROW_NUMBER() OVER (PARTITION BY CUSTOMER_ID ORDER BY ORDER_ID) AS POSITION FROM ORDERS",
            {"BEFORE": {"ORDERS.AMOUNT"}, "POSITION": {"ORDERS.ORDER_ID"}},
            id="windows, of which only ranks come from the order",
        ),
        pytest.param("SELECT * FROM CUSTOMERS", {c: {f"CUSTOMERS.{c}"} for c in TABLES['"CUSTOMERS"']}, id="star"),
        pytest.param(
            "SELECT * EXCLUDE (CITY) RENAME (NAME AS N) FROM CUSTOMERS",
            {"CUSTOMER_ID": {"CUSTOMERS.CUSTOMER_ID"}, "N": {"CUSTOMERS.NAME"}},
            id="star with changes",
        ),
        pytest.param(
            "SELECT C.*, O.AMOUNT FROM ORDERS O JOIN CUSTOMERS C ON O.CUSTOMER_ID = C.CUSTOMER_ID",
            {c: {f"CUSTOMERS.{c}"} for c in TABLES['"CUSTOMERS"']} | {"AMOUNT": {"ORDERS.AMOUNT"}},
            id="join on, with one side's star",
        ),
        pytest.param(
            "SELECT * FROM ((SELECT CUSTOMER_ID, AMOUNT FROM ORDERS) AS L LEFT OUTER JOIN "
            "(SELECT CUSTOMER_ID, NAME FROM CUSTOMERS) AS R USING (CUSTOMER_ID))",
            {"CUSTOMER_ID": {"ORDERS.CUSTOMER_ID"}, "AMOUNT": {"ORDERS.AMOUNT"}, "NAME": {"CUSTOMERS.NAME"}},
            id="join using, whose column is the left one's",
        ),
        pytest.param(
            "SELECT CUSTOMER_ID FROM ORDERS FULL OUTER JOIN CUSTOMERS USING (CUSTOMER_ID)",
            {"CUSTOMER_ID": {"ORDERS.CUSTOMER_ID", "CUSTOMERS.CUSTOMER_ID"}},
            id="full join using",
        ),
        pytest.param(
            "SELECT A.NAME AS ONE, B.CITY AS OTHER FROM CUSTOMERS A JOIN CUSTOMERS B ON A.CITY = B.CITY",
            {"ONE": {"CUSTOMERS.NAME"}, "OTHER": {"CUSTOMERS.CITY"}},
            id="self join",
        ),
        pytest.param(
            "(SELECT NAME AS WHO FROM CUSTOMERS) UNION ALL (SELECT STATUS FROM ORDERS)",
            {"WHO": {"CUSTOMERS.NAME", "ORDERS.STATUS"}},
            id="union, by position",
        ),
        pytest.param(
            "WITH P AS (SELECT CUSTOMER_ID, AMOUNT * 2 AS TWICE FROM ORDERS), Q AS (SELECT MAX(TWICE) AS M FROM P) SELECT M FROM Q",
            {"M": {"ORDERS.AMOUNT"}},
            id="common table expressions",
        ),
        pytest.param(
            "SELECT NAME, (SELECT MAX(AMOUNT) FROM ORDERS O WHERE O.CUSTOMER_ID = C.CUSTOMER_ID) AS BEST FROM CUSTOMERS C",
            {"NAME": {"CUSTOMERS.NAME"}, "BEST": {"ORDERS.AMOUNT"}},
            id="correlated subquery",
        ),
        pytest.param(
            "SELECT AMOUNT / 100 AS PRICE, PRICE * 2 AS TWICE FROM ORDERS",
            {"PRICE": {"ORDERS.AMOUNT"}, "TWICE": {"ORDERS.AMOUNT"}},
            id="alias used in the same select",
        ),
        pytest.param(
            "SELECT L.*, R.* FROM (SELECT AMOUNT FROM ORDERS) AS L JOIN TABLE(FLATTEN(INPUT => ARRAY_GENERATE_RANGE(0, AMOUNT))) AS R",
            {"AMOUNT": {"ORDERS.AMOUNT"}}
            | {c: {"ORDERS.AMOUNT"} for c in ("SEQ", "KEY", "PATH", "INDEX", "VALUE", "THIS")},
            id="flatten",
        ),
        pytest.param("SELECT $1 AS DAY FROM VALUES ('2020-01-31' :: DATE)", {"DAY": set()}, id="values"),
    ],
)
def test_a_column_comes_from_the_columns_of_its_expression(sql: str, expected: dict[str, set[str]]) -> None:
    assert lineage(sql) == expected


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT A FROM ELSEWHERE", '"ELSEWHERE" is none of the tables'),
        ("SELECT NOBODY FROM CUSTOMERS", "NOBODY is no column"),
        ("SELECT * FROM ORDERS NATURAL JOIN CUSTOMERS", "is not read"),
        ("SELECT (", "cannot be parsed"),
    ],
)
def test_what_is_not_understood_is_told_and_not_guessed(sql: str, told: str) -> None:
    with pytest.raises(UnknownLineageError, match=told):
        column_sources(sql, TABLES)
