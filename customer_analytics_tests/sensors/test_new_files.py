"""What the sensor on source files requests, tick by tick."""

from pathlib import Path

import dagster as dg
import pytest

from customer_analytics.automation.new_files import new_files
from customer_analytics.ingestion.files import whole_files
from customer_analytics.ingestion.load import load_file
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.ingestion.source import Source
from customer_analytics_tests.small_source import write_small_source

Requests = list[tuple[str | None, list[str]]]


class Watched:
    def __init__(self, folder: Path) -> None:
        self.folder, self.cursor = write_small_source(folder), ""
        self.instance = dg.DagsterInstance.ephemeral()
        self.keys: list[str | None] = []
        self.load()

    def load(self) -> None:
        """Report all tables as loaded from the files as they are."""
        location = SourceLocation.open(self.folder)
        for file in whole_files():
            metadata = {"file_hash": load_file(location, file).file_hash}
            self.instance.report_runless_asset_event(
                dg.AssetMaterialization(file.table.name.lower(), metadata=metadata)
            )

    def tick(self) -> Requests:
        resources = {"source": Source(uri=str(self.folder))}
        context = dg.build_sensor_context(self.instance, self.cursor, resources=resources)
        result = new_files(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor or ""
        requests = result.run_requests or []
        self.keys += [request.run_key for request in requests]
        return [(r.job_name, [key.to_user_string() for key in r.asset_selection or []]) for r in requests]

    def settle(self) -> Requests:
        assert self.tick() == []
        return self.tick()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "source")


def test_files_that_have_been_loaded_are_not_requested(watched: Watched) -> None:
    assert watched.settle() == []
    assert watched.settle() == []


def test_of_a_new_structured_file_only_its_table_is_requested(watched: Watched) -> None:
    watched.settle()
    with (watched.folder / "orders.csv").open("a") as orders:
        orders.write("4,2,2020-03-03,placed\n")
    assert watched.settle() == [("files", ["stg_orders", "stg_rejected_rows"])]
    watched.load()
    assert watched.settle() == []


def test_a_file_written_anew_with_the_same_content_is_not_new(watched: Watched) -> None:
    watched.settle()
    (watched.folder / "orders.csv").write_bytes((watched.folder / "orders.csv").read_bytes())
    assert watched.settle() == []


def test_labels_are_requested_with_all_that_is_made_of_them(watched: Watched) -> None:
    watched.settle()
    write_small_source(watched.folder, texts_a_label=41)
    assert ("sentiment", []) in watched.settle()


def test_a_content_that_could_not_be_loaded_has_the_same_key_until_the_file_changes(watched: Watched) -> None:
    watched.settle()
    (watched.folder / "orders.csv").write_text("damaged")
    watched.settle()
    watched.tick()
    (watched.folder / "orders.csv").write_text("damaged in another way")
    watched.settle()
    first, again, changed = watched.keys
    assert first == again != changed


def test_labels_in_the_other_format_are_requested_and_files_there_twice_are_left_alone(watched: Watched) -> None:
    (watched.folder / "comment_training.parquet").rename(watched.folder / "kept.parquet")
    watched.load()
    assert watched.settle() == []
    (watched.folder / "comment_training.csv").write_text("review_text,label\nfine,1\n")
    assert watched.settle() == [("sentiment", [])]
    (watched.folder / "kept.parquet").rename(watched.folder / "comment_training.parquet")
    with (watched.folder / "orders.csv").open("a") as orders:
        orders.write("4,2,2020-03-03,placed\n")
    assert watched.settle() == [("files", ["stg_orders", "stg_rejected_rows"])]
