"""Files that may be absent, and files that may be CSV or Parquet."""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import load_file, present_name
from customer_analytics.ingestion.location import SourceError, SourceLocation
from customer_analytics_tests.small_source import write_small_source

FILES = {file.name: file for file in SOURCE_FILES}
ORDERS, TRAINING = FILES["orders.csv"], FILES["comment_training.parquet"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_small_source(tmp_path / "source")


def test_labels_and_comments_are_optional_and_nothing_else() -> None:
    assert {name for name, file in FILES.items() if file.optional} == {
        "comment_training.parquet",
        "twitter_comments.parquet",
    }


def test_an_optional_file_that_is_absent_has_no_rows_and_the_hash_of_nothing(folder: Path) -> None:
    (folder / TRAINING.name).unlink()
    loaded = load_file(SourceLocation.open(folder), TRAINING)
    assert loaded.absent
    assert (loaded.rows.num_rows, loaded.rejected.num_rows, loaded.lines_in) == (0, 0, 0)
    assert loaded.rows.schema == TRAINING.table.arrow_schema
    assert loaded.file_hash == hashlib.sha256(b"").hexdigest()


def test_a_required_file_that_is_absent_is_an_error(folder: Path) -> None:
    (folder / "orders.csv").unlink()
    with pytest.raises(SourceError, match=r"orders\.csv does not exist"):
        load_file(SourceLocation.open(folder), ORDERS)


def test_any_file_may_be_csv_or_parquet(folder: Path) -> None:
    (folder / "orders.csv").unlink()
    orders = pa.table(
        {"order_id": ["1"], "customer_id": ["1"], "order_date": ["2020-01-05"], "status": ["placed"]}
    )
    pq.write_table(orders, folder / "orders.parquet")
    (folder / TRAINING.name).unlink()
    (folder / "comment_training.csv").write_text("review_text,label\nfine,1\nnot judged yet,\nodd,2\n")
    location = SourceLocation.open(folder)
    assert present_name(location, ORDERS) == load_file(location, ORDERS).name == "orders.parquet"
    labels = load_file(location, TRAINING)
    assert (labels.name, labels.absent) == ("comment_training.csv", False)
    assert [row["LABEL"] for row in labels.rows.to_pylist()] == [1, None]
    assert labels.rejected["SOURCE"].to_pylist() == ["comment_training.csv"]
    assert labels.lines_in == 3


def test_a_file_that_is_there_as_both_is_an_error(folder: Path) -> None:
    (folder / "comment_training.csv").write_text("review_text,label\nfine,1\n")
    with pytest.raises(
        SourceError,
        match=r"has both comment_training\.parquet and comment_training\.csv, .*: remove one of them\.",
    ):
        load_file(SourceLocation.open(folder), TRAINING)
