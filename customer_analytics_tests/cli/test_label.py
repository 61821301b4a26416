"""`customer-analytics label`, on the small shop."""

import csv
from dataclasses import replace
from pathlib import Path

from customer_analytics.embedded_snowflake import stop
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ingestion.load import parse_file
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.shop import COMMENTS

(TRAINING,) = [file for file in SOURCE_FILES if file.table.name == "STG_COMMENT_TRAINING"]
UNLABELLED = {*COMMENTS, "What a lovely puzzle", "The box came empty"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_unlabelled_comments_are_written_with_their_sentiment_as_a_hint(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    printed = shop.call("label", "--output", str(path))
    assert "Wrote 7 comments" in printed
    assert "save the file as comment_training.csv" in printed
    offered = rows(path)
    assert {row["review_text"].lstrip("\u2060") for row in offered} == UNLABELLED
    # An invisible character, which loading trims, prevents a spreadsheet from reading a text as a formula.
    assert not [row for row in offered if row["review_text"].startswith(("=", "+", "-", "@"))]
    assert {row["label"] for row in offered} == {""}
    doubts = [abs(float(row["sentiment"]) - 0.5) for row in offered]
    assert doubts == sorted(doubts)


def test_the_requested_number_is_written_and_always_the_same(shop: Deployment, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    for path in (first, second):
        shop.call("label", "--number", "3", "--output", str(path))
    assert len(rows(first)) == 3
    assert first.read_bytes() == second.read_bytes()


def test_filled_in_labels_are_loaded_and_the_rest_stays_unlabelled(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    shop.call("label", "--output", str(path))
    written = path.read_text("utf-8-sig").replace("puzzle,,", "puzzle,1,").replace("empty,,", "empty,0,")
    loaded = parse_file(replace(TRAINING, name="comment_training.csv"), written.encode("utf-8-sig"))
    assert loaded.rejected.num_rows == 0
    labels = {row["REVIEW_TEXT"]: row["LABEL"] for row in loaded.rows.to_pylist()}
    assert labels == {text: None for text in UNLABELLED} | {"What a lovely puzzle": 1, "The box came empty": 0}
    assert loaded.ignored_columns == ("sentiment",)


def test_a_file_is_overwritten_only_with_force(shop: Deployment, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("mine")
    refused = shop.attempt("label", "--output", str(path))
    assert refused.returncode == 1
    assert "already exists" in refused.stderr
    assert path.read_text() == "mine"
    shop.call("label", "--output", str(path), "--force")
    assert len(rows(path)) == 7


def test_before_the_first_run_there_is_nothing_to_label(tmp_path: Path) -> None:
    fresh = Deployment(tmp_path / "home")
    done = fresh.attempt("label", "--output", str(tmp_path / "labels.csv"))
    stop(fresh.home)
    assert done.returncode == 1
    assert "customer-analytics run" in done.stderr
