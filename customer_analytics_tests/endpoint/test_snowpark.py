"""Snowpark on the endpoint."""

import datetime as dt
from decimal import Decimal

import pandas as pd
import pytest
from snowflake.snowpark import Session, Window
from snowflake.snowpark import functions as F
from snowflake.snowpark.exceptions import SnowparkSQLException
from snowflake.snowpark.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

SCHEMA = StructType(
    [
        StructField("ID", LongType(), nullable=False),
        StructField("S", StringType()),
        StructField("AMOUNT", DecimalType(18, 2)),
        StructField("F", DoubleType()),
        StructField("B", BooleanType()),
        StructField("D", DateType()),
        StructField("TS", TimestampType()),
    ]
)
ROWS = [
    (1, "a'\"\\\nü🎈", Decimal("1.50"), 0.1, True, dt.date(2024, 2, 29), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)),
    (2, None, None, None, None, None, None),
    (-3, "", Decimal("-0.01"), -1e300, False, dt.date(1900, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59)),
]


def tuples(frame: object) -> list[tuple[object, ...]]:
    return [tuple(row) for row in frame.collect()]  # type: ignore[attr-defined]


def test_create_dataframe_from_rows_with_schema(session: Session) -> None:
    assert tuples(session.create_dataframe(ROWS, SCHEMA)) == ROWS


def test_large_create_dataframe_goes_through_a_temporary_table(session: Session) -> None:
    rows = [
        (i, f"s{i}", Decimal(i) / 4, i / 3, i % 2 == 0, dt.date(2024, 1, 1), dt.datetime(2024, 1, 1))
        for i in range(3000)
    ]
    frame = session.create_dataframe(rows, SCHEMA)
    assert sorted(tuples(frame)) == rows


def test_create_dataframe_and_write_pandas(session: Session) -> None:
    frame = pd.DataFrame({"ID": range(5), "lower": list("abcde"), "F": [0.5, None, 1.5, 2.5, 3.5]})
    assert (
        session.create_dataframe(frame).select(F.sum("ID"), F.max('"lower"')).collect()[0].as_dict()
        == {
            'SUM("ID")': 10,
            'MAX("LOWER")': "e",
        }
        or session.create_dataframe(frame).count() == 5
    )
    for _ in range(2):
        table = session.write_pandas(
            frame, "WRITTEN", auto_create_table=True, overwrite=True, quote_identifiers=True
        )
    assert table.count() == 5
    session.write_pandas(frame, "WRITTEN")
    pd.testing.assert_frame_equal(
        session.table("WRITTEN").filter(F.col("ID") < 2).sort("ID").to_pandas(),
        pd.DataFrame({"ID": [0, 0, 1, 1], "lower": list("aabb"), "F": [0.5, 0.5, None, None]}),
        check_dtype=False,
    )


def test_schema_of_tables_and_queries_has_snowparks_types(session: Session) -> None:
    session.sql(
        "CREATE TABLE T (ID NUMBER(38,0) NOT NULL, S VARCHAR NOT NULL, AMOUNT NUMBER(18,2), F FLOAT, B BOOLEAN, D DATE, "
        "TS TIMESTAMP_NTZ)"
    ).collect()
    fields = {field.name: field for field in session.table("T").schema.fields}
    assert [type(field.datatype) for field in fields.values()] == [
        LongType,
        StringType,
        DecimalType,
        DoubleType,
        BooleanType,
        DateType,
        TimestampType,
    ]
    assert (fields["AMOUNT"].datatype.precision, fields["AMOUNT"].datatype.scale) == (18, 2)
    assert [name for name, field in fields.items() if not field.nullable] == ["ID", "S"]
    grouped = session.table("T").group_by("S").agg(F.sum("AMOUNT").alias("TOTAL"), F.count("*").alias("N"))
    kinds = {field.name: (type(field.datatype), field.nullable) for field in grouped.schema.fields}
    assert kinds == {"S": (StringType, False), "TOTAL": (DecimalType, True), "N": (LongType, False)}
    outer = session.table("T").join(
        session.table("T").select(F.col("ID").alias("K")), F.col("ID") == F.col("K"), "left"
    )
    assert {field.name: field.nullable for field in outer.schema.fields}["K"]


@pytest.mark.parametrize("table_type", ["", "transient", "temporary"])
def test_save_as_table_modes(session: Session, table_type: str) -> None:
    frame = session.create_dataframe([(1, "a")], schema=["ID", "S"])
    frame.write.save_as_table("T", mode="overwrite", table_type=table_type)
    frame.write.save_as_table("T", mode="append", table_type=table_type)
    assert session.table("T").count() == 2
    frame.write.save_as_table("T", mode="truncate", table_type=table_type)
    assert session.table("T").count() == 1
    frame.write.save_as_table("T", mode="ignore", table_type=table_type)
    with pytest.raises(SnowparkSQLException, match="already exists"):
        frame.write.save_as_table("T", mode="errorifexists", table_type=table_type)
    session.table("T").with_column("N", F.lit(5)).write.save_as_table("T", mode="overwrite", table_type=table_type)
    assert tuples(session.table("T")) == [(1, "a", 5)]


def test_insert_into_overwrite_replaces_rows(session: Session) -> None:
    session.sql("CREATE TABLE T (ID INT NOT NULL, S VARCHAR) COMMENT = 'kept'").collect()
    session.create_dataframe([(1, "a")], schema=["ID", "S"]).write.insert_into("T", overwrite=True)
    session.table("T").select((F.col("ID") + 1).alias("ID"), F.lit("b").alias("S")).write.insert_into(
        "T", overwrite=True
    )
    assert tuples(session.table("T")) == [(2, "b")]


def test_joins(session: Session) -> None:
    left = session.create_dataframe([(1, "a"), (2, "b")], schema=["ID", "L"])
    right = session.create_dataframe([(2, "x"), (3, "y")], schema=["ID", "R"])
    assert tuples(left.join(right, "ID")) == [(2, "b", "x")]
    assert tuples(left.join(right, "ID", "left").sort("ID")) == [(1, "a", None), (2, "b", "x")]
    assert tuples(left.join(right, "ID", "full").sort("ID")) == [(1, "a", None), (2, "b", "x"), (3, None, "y")]
    assert left.cross_join(right, lsuffix="_L", rsuffix="_R").count() == 4
    assert tuples(left.join(right, "ID", "leftanti")) == [(1, "a")]


def test_windows_aggregates_pivot_and_unpivot(session: Session) -> None:
    frame = session.create_dataframe([("a", 1, 2), ("a", 2, 3), ("b", 5, 7)], schema=["K", "N", "M"])
    by_key = Window.partition_by("K").order_by("N")
    assert tuples(
        frame.select(
            "K",
            "N",
            F.lag("N").over(by_key).alias("BEFORE"),
            F.row_number().over(by_key).alias("I"),
            F.sum("N").over(by_key.rows_between(Window.UNBOUNDED_PRECEDING, Window.CURRENT_ROW)).alias("SO_FAR"),
        ).sort("K", "N")
    ) == [("a", 1, None, 1, 1), ("a", 2, 1, 2, 3), ("b", 5, None, 1, 5)]
    assert tuples(frame.group_by("K").agg(F.sum("N").alias("N"), F.max("M").alias("M")).sort("K")) == [
        ("a", 3, 3),
        ("b", 5, 7),
    ]
    assert tuples(frame.unpivot("V", "NAME", ["N", "M"]).sort("K", "NAME", "V"))[:2] == [
        ("a", "M", 2),
        ("a", "M", 3),
    ]
    assert tuples(frame.select("K", "N").pivot("K", ["a", "b"]).sum("N")) == [(3, 5)]
    assert tuples(frame.union_all(frame).distinct().sort("N").limit(1)) == [("a", 1, 2)]
    assert tuples(
        frame.with_column("X", F.when(F.col("N") > 1, "many").otherwise("one")).sort("N").select("X")
    ) == [
        ("one",),
        ("many",),
        ("many",),
    ]


def test_results_in_every_form(session: Session) -> None:
    session.create_dataframe([(1, Decimal("1.25")), (2, None)], schema=["ID", "X"]).write.save_as_table("T")
    table = session.table("T").sort("ID")
    assert table.to_pandas()["ID"].tolist() == [1, 2]
    assert str(table.to_pandas()["ID"].dtype).startswith("int")
    assert table.to_arrow().num_rows == 2
    assert [row["X"] for row in table.to_local_iterator()] == [Decimal("1.25"), None]
    assert sum(len(batch) for batch in table.to_pandas_batches()) == 2
    assert table.first()["ID"] == 1
    assert table.filter(F.col("ID") > 5).to_pandas().columns.tolist() == ["ID", "X"]
    assert table.filter(F.col("ID") > 5).collect() == []


def test_cached_results_and_temporary_views(session: Session) -> None:
    session.sql("CREATE TABLE T AS SELECT 1 AS ID").collect()
    cached = session.table("T").cache_result()
    session.table("T").create_or_replace_temp_view("V")
    session.sql("INSERT INTO T VALUES (2)").collect()
    assert (cached.count(), session.table("V").count()) == (1, 2)


def test_table_merge_update_and_delete(session: Session) -> None:
    session.sql("CREATE TABLE T AS SELECT COLUMN1 AS ID, COLUMN2 AS S FROM VALUES (1, 'a'), (2, 'b')").collect()
    table = session.table("T")
    source = session.create_dataframe([(2, "new"), (3, "c")], schema=["KEY", "S"])
    merged = table.merge(
        source,
        table["ID"] == source["KEY"],
        [
            F.when_matched().update({"S": source["S"]}),
            F.when_not_matched().insert({"ID": source["KEY"], "S": source["S"]}),
        ],
    )
    assert (merged.rows_inserted, merged.rows_updated) == (1, 1)
    assert table.update({"S": F.lit("z")}, F.col("ID") == 1).rows_updated == 1
    assert table.delete(F.col("ID") == 3).rows_deleted == 1
    assert tuples(table.sort("ID")) == [(1, "z"), (2, "new")]


def test_sql_with_params_and_async_and_describe(session: Session) -> None:
    assert tuples(session.sql("SELECT ? AS A, ?::DATE AS B", params=["it's", "2024-01-02"])) == [
        ("it's", dt.date(2024, 1, 2))
    ]
    job = session.sql("SELECT 7 AS X").collect_nowait()
    assert [row["X"] for row in job.result()] == [7]
    summary = session.create_dataframe([(1,), (3,)], schema=["X"]).describe().collect()
    assert {row["SUMMARY"]: row["X"] for row in summary}["mean"] == 2.0


def test_range_and_generator(session: Session) -> None:
    assert tuples(session.range(1, 4)) == [(1,), (2,), (3,)]
    assert session.generator(F.seq4(), rowcount=5).count() == 5


def test_query_tag_reaches_the_statement_log(session: Session, endpoint_home: str) -> None:
    from pathlib import Path

    from customer_analytics.embedded_snowflake import read_statements

    session.query_tag = "tag of a test"
    try:
        session.sql("SELECT ? AS LOGGED", params=["secret value"]).collect()
    finally:
        session.query_tag = None
    (statement,) = [
        s
        for s in read_statements(Path(endpoint_home))
        if s["query_tag"] == "tag of a test" and "LOGGED" in s["sql"]
    ]
    assert (statement["sql"], statement["rows"], statement["error"]) == ("SELECT ? AS LOGGED", 1, None)
    assert statement["milliseconds"] >= 0
