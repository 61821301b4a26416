"""New files of comments: what a run about them changes, and that it changes nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from customer_analytics.adapters import Adapters
from customer_analytics.embedded_snowflake import stop
from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
from customer_analytics.settings import Settings
from customer_analytics_tests.deployment import Deployment, located
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)
HEADER = "customer_id,date,review_text\n"
OF_CUSTOMERS = ["PRES_CHURN", "PRES_CLV", "PRES_SENTIMENT"]


class Shop(Deployment):
    """A small source, loaded whole once; then one file of comments after the other."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "home")
        self.source = write_small_source(folder / "source")
        self.comments = self.source / "comments"
        self.comments.mkdir()
        settings = Settings(home=self.home, source=str(self.source))
        self.located, self.adapters = located(settings), Adapters(settings)
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, job: str, *files: str, customers: tuple[str, ...] = ()) -> dg.ExecuteInProcessResult:
        scope = {"comment_files": list(files), "customers": list(customers)}
        config = {"resources": {"scope": {"config": scope}}}
        return self.located.resolve_job_def(job).execute_in_process(config, self.instance, raise_on_error=False)

    def contents(self) -> set[tuple[str, str]]:
        """Rows of all tables: the name of the table, and the row as text."""
        return {(name, row) for name, rows in self.tables().items() for row in rows}

    def changes(self, *files: str, customers: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """The tables in which rows go and come by a run about these files: `-` and `+` with the table's name."""
        before = self.contents()
        assert self.run("comments", *files, customers=customers).success
        after = self.contents()
        gone, come = sorted(before - after), sorted(after - before)
        return [("-", name) for name, _ in gone] + [("+", name) for name, _ in come]

    def texts(self) -> list[str]:
        """What customer 3 has written, according to the table, the predictions and the collection alike."""
        written = self.rows("SELECT REVIEW_TEXT FROM STG_TWITTER_COMMENTS WHERE CUSTOMER_ID = '3' ORDER BY 1")
        scored = self.rows("SELECT REVIEW_TEXT FROM PRED_TWITTER_COMMENTS WHERE CUSTOMER_ID = '3' ORDER BY 1")
        with self.adapters as built:
            target = collection(CUSTOMER_COMMENT, built.embedder)
            batches = built.vector_store.scan(target, ["review_text"], {"customer_id": ["3"]})
            embedded = sorted(text for batch in batches for text in batch["review_text"].to_pylist())
        texts = [row["REVIEW_TEXT"] for row in written]
        assert texts == [row["REVIEW_TEXT"] for row in scored] == embedded
        return texts


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"))
    assert made.run("all_assets").success
    yield made
    stop(made.home)


def test_a_run_about_a_new_file_adds_its_rows_and_renews_its_customers(shop: Shop) -> None:
    (shop.comments / "monday.csv").write_text(HEADER + "3,2020-03-06,Splendid\n3,2020-03-06,Splendid\n")
    (shop.comments / "later.csv").write_text(
        HEADER + "2,2020-03-06,Dull\n"
    )  # as new, but not what the run is about
    assert shop.changes("comments/monday.csv", customers=("3",)) == [
        ("-", "AS_OF"),
        ("+", "AS_OF"),
        *(("+", name) for name in ["PRED_TWITTER_COMMENTS"] * 2),
        ("+", "PRES_SENTIMENT"),
        *(("+", name) for name in ["STG_COMMENT_FILES", *["STG_TWITTER_COMMENTS"] * 2]),
    ]
    assert shop.texts() == ["Splendid", "Splendid"]
    (shop.comments / "later.csv").unlink()


def test_the_same_run_again_changes_nothing(shop: Shop) -> None:
    assert shop.changes("comments/monday.csv", customers=("3",)) == []


def test_a_copy_under_another_name_adds_no_comment(shop: Shop) -> None:
    (shop.comments / "copy.csv").write_bytes((shop.comments / "monday.csv").read_bytes())
    assert shop.changes("comments/copy.csv", customers=("3",)) == [("+", "STG_COMMENT_FILES")]


def test_of_a_changed_file_the_old_comments_go_unless_a_copy_has_them(shop: Shop) -> None:
    (shop.comments / "copy.csv").write_text(HEADER + "3,2020-03-07,Dreadful\n")
    shop.run("comments", "comments/copy.csv", customers=("3",))
    assert shop.texts() == ["Dreadful", "Splendid", "Splendid"]
    (shop.comments / "copy.csv").write_text(HEADER + "3,2020-03-07,Dreadful indeed\n")
    shop.run("comments", "comments/copy.csv", customers=("3",))
    assert shop.texts() == ["Dreadful indeed", "Splendid", "Splendid"]


def test_a_copy_that_is_gone_keeps_its_comments_until_all_files_are_looked_at(shop: Shop) -> None:
    for name in ("one.csv", "two.csv"):
        (shop.comments / name).write_text(HEADER + "3,2020-03-09,So so\n")
    shop.run("comments", "comments/one.csv", "comments/two.csv", customers=("3",))
    (shop.comments / "two.csv").unlink()
    (shop.comments / "one.csv").write_text(HEADER)
    shop.run("comments", "comments/one.csv", customers=("3",))
    assert "So so" in shop.texts()
    (shop.comments / "one.csv").unlink()
    shop.run("comments")
    assert "So so" not in shop.texts()


def test_a_file_that_names_other_customers_than_the_run_is_left_to_the_next_one(shop: Shop) -> None:
    (shop.comments / "monday.csv").write_text(HEADER + "3,2020-03-06,Splendid\n2,2020-03-06,Dull\n")
    assert shop.changes("comments/monday.csv", customers=("3",)) == []
    changes = shop.changes("comments/monday.csv", customers=("2", "3"))
    assert changes.count(("+", "STG_TWITTER_COMMENTS")) == 2
    assert shop.texts() == ["Dreadful indeed", "Splendid"]


def test_rejected_rows_come_and_go_with_their_file(shop: Shop) -> None:
    rejected = "SELECT LINE FROM STG_REJECTED_ROWS WHERE SOURCE = 'comments/bad.csv'"
    (shop.comments / "bad.csv").write_text(HEADER + "3,soon,Lost\n9,2020-03-06,Fine\n")
    shop.run("comments", "comments/bad.csv", customers=("9",))
    assert shop.rows(rejected) == [{"LINE": 2}]
    (shop.comments / "bad.csv").write_text(HEADER + "\n\n3,soon,Lost\n9,2020-03-06,Fine\n")
    shop.run("comments", "comments/bad.csv", customers=("9",))
    assert shop.rows(rejected) == [{"LINE": 4}]
    (shop.comments / "bad.csv").unlink()
    shop.run("comments")
    assert shop.rows(rejected) == []


def test_a_refused_file_keeps_its_comments_and_is_forgotten_with_its_end(shop: Shop) -> None:
    refused = "SELECT SOURCE FROM STG_REJECTED_ROWS WHERE LINE = 0 ORDER BY 1"
    (shop.comments / "new.csv").write_text(HEADER + "3,soon,Lost\n")
    monday = (shop.comments / "monday.csv").read_text()
    (shop.comments / "monday.csv").write_text("nothing of comments\n")
    shop.run("comments")
    assert [row["SOURCE"] for row in shop.rows(refused)] == ["comments/monday.csv", "comments/new.csv"]
    assert "Splendid" in shop.texts()
    shop.run("comments", "comments/another.csv", customers=("3",))
    assert len(shop.rows(refused)) == 2
    (shop.comments / "new.csv").unlink()
    (shop.comments / "monday.csv").write_text(monday)
    assert shop.run("comments").success
    assert shop.rows(refused) == []


def test_a_run_about_all_brings_what_was_missed_and_forgets_what_is_gone(shop: Shop) -> None:
    (shop.comments / "copy.csv").unlink()
    (shop.comments / "missed.csv").write_text(HEADER + "3,2020-03-08,Better now\n")
    shop.run("comments")
    assert shop.texts() == ["Better now", "Splendid"]


def test_a_damaged_first_file_fails_the_run_and_nothing_is_lost(shop: Shop) -> None:
    first = shop.source / "twitter_comments.parquet"
    whole, status = first.read_bytes(), first.stat()
    before = shop.contents()
    first.write_bytes(whole[:100])
    assert not shop.run("comments").success
    (refusal,) = shop.contents() - before
    assert "'LINE': 0" in refusal[1]
    first.write_bytes(whole)
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert shop.run("comments").success
    assert shop.contents() == before


def test_comments_that_were_lost_from_the_table_are_read_again(shop: Shop) -> None:
    before = shop.contents()
    with shop.adapters as built:
        built.warehouse.session().sql("DELETE FROM STG_TWITTER_COMMENTS WHERE CUSTOMER_ID = '3'").collect()
    shop.run("comments")
    assert shop.contents() == before


def test_after_all_that_a_run_about_everything_changes_nothing(shop: Shop) -> None:
    before = shop.contents()
    shop.run("all_assets")
    assert shop.contents() == before
