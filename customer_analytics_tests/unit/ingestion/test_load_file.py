"""Source files as typed rows and rejected rows."""

import hashlib
import io
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.ingestion.files import SOURCE_FILES, SourceFile
from customer_analytics.ingestion.load import LoadedFile, load_file, parse_file
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.sources import STG_REJECTED_ROWS

REFERENCE = Path(__file__).resolve().parents[3].parent / "shared" / "reference"
FILES = {source.name: source for source in SOURCE_FILES}


def parse(name: str, content: str | bytes) -> LoadedFile:
    loaded = parse_file(FILES[name], content.encode() if isinstance(content, str) else content)
    assert loaded.lines_in == loaded.rows.num_rows + loaded.rejected.num_rows
    assert loaded.rows.schema == FILES[name].table.arrow_schema
    assert loaded.rejected.schema == STG_REJECTED_ROWS.arrow_schema
    loaded.rows.validate(full=True)
    loaded.rejected.validate(full=True)
    return loaded


def rejections(loaded: LoadedFile) -> list[tuple[int, str, str]]:
    return [(row["LINE"], row["REASON"], row["RAW"]) for row in loaded.rejected.to_pylist()]


def test_rows_are_typed_as_their_table_says():
    loaded = parse(
        "subscription_periods.csv",
        "subscription_id,customer_id,start_date,end_date,monthly_amount\n1,7,2019-01-15,2019-03-01,50\n2,7,2019-04-01,,9.5",
    )
    assert loaded.rows.to_pylist() == [
        {
            "SUBSCRIPTION_ID": "1",
            "CUSTOMER_ID": "7",
            "START_DATE": date(2019, 1, 15),
            "END_DATE": date(2019, 3, 1),
            "MONTHLY_AMOUNT": Decimal("50.00"),
        },
        {
            "SUBSCRIPTION_ID": "2",
            "CUSTOMER_ID": "7",
            "START_DATE": date(2019, 4, 1),
            "END_DATE": None,
            "MONTHLY_AMOUNT": Decimal("9.50"),
        },
    ]
    assert (loaded.name, loaded.table.name, loaded.lines_in) == (
        "subscription_periods.csv",
        "STG_SUBSCRIPTION_PERIODS",
        2,
    )


def test_a_session_may_lack_its_last_field_and_have_hours_of_one_digit():
    loaded = parse(
        "sessions.csv",
        "session_id,customer_id,started_at,ended_at,utm_source,utm_medium,utm_campaign\n"
        "22,2014,2020-02-04 4:29:51,2020-02-04 4:30:21,direct,\n",
    )
    assert loaded.rows.to_pylist() == [
        {
            "SESSION_ID": "22",
            "CUSTOMER_ID": "2014",
            "STARTED_AT": datetime(2020, 2, 4, 4, 29, 51),
            "ENDED_AT": datetime(2020, 2, 4, 4, 30, 21),
            "UTM_SOURCE": "direct",
            "UTM_MEDIUM": None,
            "UTM_CAMPAIGN": None,
        }
    ]


def test_a_rejected_row_has_its_line_all_its_reasons_and_its_raw_form():
    loaded = parse(
        "orders.csv", 'order_id,customer_id,order_date,status\n\n1,"x\ny",2018-02-30,\n2,5,2018-01-01,placed\n'
    )
    assert loaded.rows["ORDER_ID"].to_pylist() == ["2"]
    assert rejections(loaded) == [
        (
            3,
            "CUSTOMER_ID 'x y' has control characters; ORDER_DATE '2018-02-30' is not a date (YYYY-MM-DD); "
            "STATUS is missing",
            '1,"x\ny",2018-02-30,',
        )
    ]
    assert loaded.rejected["SOURCE"].to_pylist() == ["orders.csv"]
    assert loaded.rejected["RULE"].to_pylist() == [
        "CUSTOMER_ID has control characters; ORDER_DATE is not a date (YYYY-MM-DD); STATUS is missing"
    ]


def test_of_rows_with_one_key_the_first_good_one_is_kept():
    loaded = parse("customers.csv", "customer_id,first_name,last_name\n1,a\n,b\n2,c\n1,d\n 1 ,e\n2,f,g,h\n2,i\n")
    assert [tuple(row.values()) for row in loaded.rows.to_pylist()] == [("1", "a", None), ("2", "c", None)]
    assert rejections(loaded) == [
        (3, "CUSTOMER_ID is missing", ",b"),
        (5, "repeats CUSTOMER_ID '1' of line 2", "1,d"),
        (6, "repeats CUSTOMER_ID '1' of line 2", " 1 ,e"),
        (7, "the row has 4 fields where the header has 3", "2,f,g,h"),
        (8, "repeats CUSTOMER_ID '2' of line 4", "2,i"),
    ]
    assert loaded.rejected["RULE"].to_pylist()[1] == "repeats CUSTOMER_ID of an earlier line"


def test_a_rejected_row_does_not_take_the_key_from_a_later_one():
    loaded = parse(
        "orders.csv", "order_id,customer_id,order_date,status\n1,5,soon,placed\n1,5,2018-01-01,placed\n"
    )
    assert loaded.rows["ORDER_DATE"].to_pylist() == [date(2018, 1, 1)]
    assert [line for line, *_ in rejections(loaded)] == [2]


def test_a_key_of_several_columns_repeats_only_as_a_whole():
    table = Table(
        "PAIRS",
        "One row per pair.",
        (Column("A", SqlType.TEXT, "One.", nullable=False), Column("B", SqlType.DATE, "Other.", nullable=False)),
        key=("A", "B"),
    )
    content = "a,b\nx,2020-01-01\ny,2020-01-01\nx,2020-01-02\nx,2020-01-01\n"
    loaded = parse_file(SourceFile("pairs.csv", table), content.encode())
    assert loaded.rows.num_rows == 3
    assert rejections(loaded) == [(5, "repeats A 'x' and B '2020-01-01' of line 2", "x,2020-01-01")]


def test_rows_without_a_key_may_repeat():
    content = "customer_id,converted_at,revenue\n" + "1,2020-02-03 14:20:08,15\n" * 3
    assert parse("customer_conversions.csv", content).rows.num_rows == 3


def test_a_period_or_session_that_ends_before_it_starts_is_rejected():
    periods = parse(
        "subscription_periods.csv",
        "subscription_id,customer_id,start_date,end_date,monthly_amount\n"
        "1,7,2019-02-01,2019-01-31,50\n2,7,2019-02-01,2019-02-01,50\n3,7,2019-02-01,,50\n",
    )
    assert periods.rows["SUBSCRIPTION_ID"].to_pylist() == ["2", "3"]
    assert rejections(periods) == [
        (2, "END_DATE '2019-01-31' is before START_DATE '2019-02-01'", "1,7,2019-02-01,2019-01-31,50")
    ]
    sessions = parse(
        "sessions.csv",
        "session_id,customer_id,started_at,ended_at,utm_source,utm_medium,utm_campaign\n"
        "1,7,2020-02-01 12:00,2020-02-01 11:59:59,a,b,c\n2,7,2020-02-01 12:00,,a,b,c\n",
    )
    assert sessions.rows["SESSION_ID"].to_pylist() == ["2"]
    assert rejections(sessions)[0][1] == (
        "ENDED_AT '2020-02-01 11:59:59.000000' is before STARTED_AT '2020-02-01 12:00:00.000000'"
    )


def test_a_label_is_0_or_1():
    file = io.BytesIO()
    pq.write_table(pa.table({"review_text": ["a", "b", None, "d"], "label": [1.0, 2.0, 0.0, None]}), file)
    loaded = parse("comment_training.parquet", file.getvalue())
    # A text without a label has not been labelled yet.
    assert loaded.rows.to_pylist() == [{"REVIEW_TEXT": "a", "LABEL": 1}, {"REVIEW_TEXT": "d", "LABEL": None}]
    assert rejections(loaded) == [
        (2, "LABEL '2' is not one of 0, 1", '{"REVIEW_TEXT": "b", "LABEL": "2"}'),
        (3, "REVIEW_TEXT is missing", '{"REVIEW_TEXT": null, "LABEL": "0"}'),
    ]


def test_comments_may_be_dated_by_day_by_text_or_by_midnight():
    for dates in (["2018-03-30"], [date(2018, 3, 30)], pa.array([datetime(2018, 3, 30)], pa.timestamp("ns"))):
        file = io.BytesIO()
        pq.write_table(pa.table({"CUSTOMER_ID": ["66"], "Date": dates, "review_text": ["  ok "]}), file)
        rows = parse("twitter_comments.parquet", file.getvalue()).rows
        assert rows.select(["CUSTOMER_ID", "DATE", "REVIEW_TEXT"]).to_pylist() == [
            {"CUSTOMER_ID": "66", "DATE": date(2018, 3, 30), "REVIEW_TEXT": "ok"}
        ]


def test_accepted_values_are_left_to_a_later_check():
    loaded = parse("payments.csv", "payment_id,order_id,payment_method,amount\n1,1,barter,1000\n")
    assert loaded.rows["PAYMENT_METHOD"].to_pylist() == ["barter"]


def test_quotes_and_sql_in_values_are_only_text():
    name = "Robert'); DROP TABLE CUSTOMERS;--"
    loaded = parse("customers.csv", f'customer_id,first_name,last_name\n1,"{name}","""x"""\n')
    assert loaded.rows.to_pylist() == [{"CUSTOMER_ID": "1", "FIRST_NAME": name, "LAST_NAME": '"x"'}]


def test_surplus_columns_are_reported():
    assert parse("customers.csv", "customer_id,email,first_name,last_name\n1,e,a,b\n").ignored_columns == (
        "email",
    )


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".csv")])
def test_a_header_alone_loads_no_rows(name: str):
    loaded = parse(name, ",".join(FILES[name].table.column_names))
    assert (loaded.rows.num_rows, loaded.rejected.num_rows, loaded.lines_in) == (0, 0, 0)


def test_the_same_content_gives_the_same_result_and_hash():
    content = b"customer_id,first_name,last_name\n1,a,b\n1,c,d\n,e,f\n"
    first, second = parse("customers.csv", content), parse("customers.csv", content)
    assert first == second
    assert first.file_hash == hashlib.sha256(content).hexdigest()


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(SourceError, match=r"orders\.csv does not exist"):
        load_file(SourceLocation.open(tmp_path), FILES["orders.csv"])


def test_a_file_of_another_kind_is_an_error(tmp_path: Path):
    with pytest.raises(SourceError, match=r"orders\.xlsx is neither \.csv nor \.parquet"):
        parse_file(SourceFile("orders.xlsx", FILES["orders.csv"].table), b"")


FIELD = st.sampled_from(
    ["", "1", "2", "x", " 3 ", '"', '"a"', "2020-02-03", "2020-02-30", "2020-02-03 4:05", "1.005"]
)
ROW = st.lists(FIELD, max_size=9).map(",".join)


@given(st.sampled_from([name for name in FILES if name.endswith(".csv")]), st.lists(ROW) | st.lists(st.binary()))
@settings(deadline=None)
def test_whatever_follows_the_header_is_loaded_or_rejected(name: str, lines: list[str] | list[bytes]):
    encoded = [line.encode() if isinstance(line, str) else line for line in lines]
    parse(name, b"\n".join([",".join(FILES[name].table.column_names).encode(), *encoded]))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference data are not beside this checkout")
def test_the_reference_data_load_completely():
    location = SourceLocation.open(REFERENCE)
    loaded = [load_file(location, source) for source in SOURCE_FILES]
    assert {file.name: (file.rows.num_rows, file.rejected.num_rows, file.ignored_columns) for file in loaded} == {
        "ad_spend.csv": (42, 0, ()),
        "sessions.csv": (90, 0, ()),
        "customers.csv": (100, 0, ()),
        "payments.csv": (113, 0, ()),
        "subscription_periods.csv": (121, 0, ()),
        "customer_conversions.csv": (21, 0, ()),
        "orders.csv": (99, 0, ()),
        "twitter_comments.parquet": (12638, 0, ()),
        "comment_training.parquet": (1987, 0, ()),
    }
