"""What is found out about a source before anything is written."""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customer_analytics.findings import source_findings
from customer_analytics.ingestion import preflight
from customer_analytics.ingestion.csv_records import read_csv_column
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics.ingestion.preflight import FileReport, MatchedIds, Preflight, examine_source
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics_tests.small_source import write_small_source


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_small_source(tmp_path / "shop")


def looked_into(source: Path) -> Preflight:
    return examine_source(SourceLocation.open(source), maximum_rejected_share=0.1)


def report(found: Preflight, name: str) -> FileReport:
    return next(file for file in found.files if file.name == name)


def test_a_file_is_told_with_its_format_columns_rows_days_and_ids(source: Path) -> None:
    lines = "Order_ID;email;customer_id;order_date;status\n1;a@b;1;2020-01-05;completed\n2;;9;2020-03-01;placed\n"
    (source / "orders.csv").write_bytes(lines.encode("utf-16"))
    assert report(looked_into(source), "orders.csv") == FileReport(
        name="orders.csv",
        format=preflight.FileFormat("UTF-16", None, ";"),
        columns=("ORDER_ID", "CUSTOMER_ID", "ORDER_DATE", "STATUS"),
        ignored_columns=("email",),
        examined=2,
        first=dt.date(2020, 1, 5),
        last=dt.date(2020, 3, 1),
        matches=(MatchedIds("CUSTOMER_ID", "customers.csv", found=1, total=2, unmatched="9"),),
    )


def test_rows_that_would_be_rejected_are_counted_and_told_by_kind(source: Path) -> None:
    with (source / "orders.csv").open("a") as file:
        file.write(
            "4,1,2024-13-01,placed\n5,1,2024-14-01,placed\n6,1,2020-01-01,placed,x\n7,1,2020-01-01,placed\n"
        )
    found = report(looked_into(source), "orders.csv")
    assert (found.examined, found.rejected, found.refusal) == (7, 3, None)
    assert found.reasons == (
        "orders.csv line 5: ORDER_DATE '2024-13-01' is not a date (YYYY-MM-DD)",
        "orders.csv line 7: the row has 5 fields where the header has 4",
    )


def test_a_file_that_would_be_refused_stops_nothing_unless_it_has_the_customers(source: Path) -> None:
    (source / "orders.csv").write_text("order_id,customer_id,order_date\n1,1,2020-01-01\n")
    (source / "payments.csv").write_bytes(b"PK\x03\x04\x1b[2J")
    (source / "ad_spend.csv").unlink()
    (source / "sessions.csv").write_text((source / "sessions.csv").read_text().replace("2020-", "20-"))
    found = looked_into(source)
    assert report(found, "orders.csv").refusal == (
        "orders.csv lacks the column STATUS; its first line, separated by commas, names order_id, customer_id, "
        "order_date: add what is missing."
    )
    assert report(found, "payments.csv").refusal == (
        "payments.csv is an Excel workbook or another ZIP archive: save its sheet as CSV (UTF-8)."
    )
    assert report(found, "ad_spend.csv").refusal == "ad_spend.csv is missing: add it, as CSV or as Parquet."
    assert "2 of 2 rows (100 %) cannot be loaded" in (report(found, "sessions.csv").refusal or "")
    assert found.obstacle is None
    (source / "customers.csv").write_text("customer_id,first_name,last_name\n")
    assert "customers.csv has no rows" in (looked_into(source).obstacle or "")
    (source / "customers.csv").unlink()
    assert looked_into(source).obstacle == "customers.csv is missing: add it, as CSV or as Parquet."
    (source / "customers.csv.gz").write_bytes(b"")
    assert looked_into(source).obstacle == (
        "customers.csv is missing: rename customers.csv.gz to customers.csv without decompressing it."
    )


def test_optional_files_may_be_absent(source: Path) -> None:
    (source / "comment_training.parquet").unlink()
    (source / "twitter_comments.parquet").unlink()
    (source / "calls").rmdir()
    found = looked_into(source)
    absent = [file for file in found.files if not file.present]
    assert [(file.name, file.refusal) for file in absent] == [
        ("twitter_comments.parquet", None),
        ("comment_training.parquet", None),
    ]


def test_a_folder_without_source_files_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(SourceError, match=r"has none of the source files \(ad_spend\.csv, .*\): name the folder"):
        looked_into(tmp_path)


def test_further_comments_and_calls_are_told_with_what_is_not_used(source: Path) -> None:
    (source / "comments").mkdir()
    (source / "comments" / "may.csv").write_text("customer_id,date,review_text\n1,2020-05-01,Nice\n8,soon,Hm\n")
    (source / "comments" / "june.csv").write_text("nothing of the kind\n")
    (source / "comments" / "july.xlsx").write_bytes(b"PK\x03\x04")
    for name in ("1-01.mp3", "7-01.mp3", "hello.wav", "notes.txt"):
        (source / "calls" / name).write_bytes(b"x")
    found = looked_into(source)
    assert (found.comments.files, found.comments.rows, found.comments.rejected) == (2, 2, 1)
    assert found.comments.ignored == ("comments/july.xlsx",)
    assert found.comments.problems[0].startswith(
        "comments/june.csv lacks the columns CUSTOMER_ID, DATE, REVIEW_TEXT"
    )
    assert found.comments.reasons == ("comments/may.csv line 3: DATE 'soon' is not a date (YYYY-MM-DD)",)
    assert found.comments.matches == (MatchedIds("CUSTOMER_ID", "customers.csv", 1, 1, None),)
    assert (found.calls.files, found.calls.nameless, found.calls.ignored) == (3, 1, ("notes.txt",))
    assert found.calls.matches == (MatchedIds("CUSTOMER_ID", "customers.csv", found=1, total=2, unmatched="7"),)


def test_the_manifest_of_calls_is_examined_too(source: Path) -> None:
    (source / "calls" / "hello.wav").write_bytes(b"x")
    manifest = source / "calls" / "calls.csv"
    manifest.write_text("file,customer_id,called_at\nhello.wav,3,2020-01-02\ngone.wav,3,\nhello.wav,3,soon\n")
    found = looked_into(source).calls
    assert (found.files, found.nameless, found.strays, found.rows, found.rejected) == (1, 0, 1, 3, 1)
    assert found.reasons[0].startswith("calls/calls.csv line 4: CALLED_AT 'soon' is not a date")
    manifest.write_text("path\nhello.wav\n")
    assert looked_into(source).calls.problems == (
        "calls/calls.csv lacks the column FILE; its first line, separated by commas, names path: add what is missing.",
    )


def test_of_long_files_the_first_rows_are_examined_but_all_keys_known(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "ROWS_EXAMINED", 2)
    with (source / "orders.csv").open("a") as file:
        file.write("4,3,soon,placed\n")
    payments = report(looked_into(source), "payments.csv")
    assert (payments.examined, payments.unread) == (2, 2)
    orders = report(looked_into(source), "orders.csv")
    assert (orders.examined, orders.unread, orders.rejected) == (2, 2, 0)
    with (source / "payments.csv").open("w") as file:
        file.write("payment_id,order_id,payment_method,amount\n1,4,coupon,1\n2,5,coupon,1\n3,6,coupon,1\n")
    assert report(looked_into(source), "payments.csv").matches == (
        MatchedIds("ORDER_ID", "orders.csv", 1, 2, "5"),
    )


JUNK = st.binary(max_size=200) | st.lists(
    st.sampled_from(
        [b'"', b",", b";", b"\n", b"\r", b"\0", b"\xff", b"PAR1", b"customer_id", b"2020-01-01", b"\xff\xfe"]
    )
).map(b"".join)


@given(st.sampled_from([file.name for file in SOURCE_FILES] + ["comments/x.csv", "calls/calls.csv"]), JUNK)
@settings(deadline=None)
def test_junk_is_told_in_visible_words(name: str, junk: bytes) -> None:
    with TemporaryDirectory() as folder:
        source = write_small_source(Path(folder) / "shop", texts_a_label=1)
        (source / "comments").mkdir()
        (source / name).write_bytes(junk)
        printed = list(map(str, source_findings(looked_into(source))))
    assert all(line.isprintable() and len(line) < 500 for finding in printed for line in finding.split("\n"))


def test_nothing_is_written(source: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    looked_into(source)
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*")} == before


KEYS = Table("KEYS", "One row per key.", (Column("ID", SqlType.TEXT, "Identifies the row."),))


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b'sep=;\r\nx;id\r\n1;a\r\n"2";"b;c"\r\n3; d', ["a", "b;c", " d"]),
        ("x\tid\n\tä\n".encode("utf-16"), ["ä"]),
        (b"x,id\n", []),
        (b"x,id\n1,a\n\n2,b\n", None),
        (b"id,x\na,1\nb\n", None),
        (b'x,id\n1,"a\nb"\n2,c\n', None),
        (b"x,id\n1,a,b\n", None),
        (b"x,id\n1,\xff\n", None),
    ],
)
def test_a_column_is_read_fast_only_where_every_line_is_a_whole_row(content: bytes, ids: list[str] | None) -> None:
    column = read_csv_column("keys.csv", content, KEYS)
    assert (None if column is None else column.to_pylist()) == ids


def test_findings_stand_in_columns_with_reasons_beneath(source: Path) -> None:
    with (source / "customers.csv").open("a") as file:
        file.write("4,\x1b[2J,x,y,z\n")
    (source / "sessions.csv").write_text("session_id;customer_id\n")
    training = pa.table({"review_text": ["Fine"], "label": [1]})
    pq.write_table(training, source / "comment_training.parquet")
    (source / "twitter_comments.parquet").unlink()
    printed = "\n".join(map(str, source_findings(looked_into(source)))).replace(str(source), "/shop")
    assert printed == (
        """\
ok    source data: /shop
ok    ad_spend.csv:                      1 row    5 columns  UTF-8, separated by commas  2020-03-01 to 2020-03-01
FAIL  sessions.csv:             lacks the columns STARTED_AT, ENDED_AT, UTM_SOURCE, UTM_MEDIUM, UTM_CAMPAIGN; its first line, separated by semicolons, names session_id, customer_id: add what is missing.
ok    customers.csv:                     4 rows   3 columns  UTF-8, separated by commas
          1 of 4 rows (25 %) cannot be loaded:
            customers.csv line 5: the row has 5 fields where the header has 3
ok    payments.csv:                      4 rows   4 columns  UTF-8, separated by commas
          3 of 3 ORDER_ID are in orders.csv
ok    subscription_periods.csv:          2 rows   5 columns  UTF-8, separated by commas  2020-01-01 to 2020-02-15
          2 of 2 CUSTOMER_ID are in customers.csv
ok    customer_conversions.csv:          2 rows   3 columns  UTF-8, separated by commas  2020-03-02 to 2020-03-05
          2 of 2 CUSTOMER_ID are in customers.csv
ok    orders.csv:                        3 rows   4 columns  UTF-8, separated by commas  2020-01-05 to 2020-03-01
          2 of 2 CUSTOMER_ID are in customers.csv
ok    twitter_comments.parquet: not there, and not required
ok    comment_training.parquet:          1 row    2 columns  Parquet"""
    )


def test_a_file_is_not_refused_for_bad_rows_at_its_begin_alone(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "ROWS_EXAMINED", 200)
    rows = [f"{number},Ann,B." + ",more" * (number < 30) for number in range(1000)]
    (source / "customers.csv").write_text("\n".join(["customer_id,first_name,last_name", *rows, ""]))
    found = looked_into(source)
    assert found.obstacle is None
    told = report(found, "customers.csv")
    assert (told.refusal, told.examined, told.unread, told.rejected) == (None, 1000, 0, 30)
