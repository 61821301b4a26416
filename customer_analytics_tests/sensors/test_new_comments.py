"""What the sensor on files of comments requests, tick by tick, with real files and a real table of known ones."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from dagster import DagsterRunStatus

from customer_analytics.automation.jobs import comments as comments_job
from customer_analytics.automation.new_comments import new_comments
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ingestion.comments import CommentFile, list_comments, load_comments
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.scope import read_scope
from customer_analytics.tables import Table
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_TWITTER_COMMENTS
from customer_analytics_tests.small_source import write_small_source

HEADER = "customer_id,date,review_text\n"
FIRST = "twitter_comments.parquet"


SCOPES: dict[str, dict[str, list[str]]] = {}
"""What requested runs are about, by the names under which the warehouse keeps it."""


class Watched:
    """A source folder, the tables of its known comments, and a sensor whose cursor goes from tick to tick."""

    def __init__(self, folder: Path, warehouse: EmbeddedWarehouse, instance: dg.DagsterInstance) -> None:
        self.folder = write_small_source(folder)
        self.drops = folder / "comments"
        self.drops.mkdir()
        self.warehouse, self.instance, self.cursor = warehouse, instance, ""

    def write(self, name: str, *customers: int) -> None:
        lines = [f"{customer},2020-03-06,Splendid\n" for customer in customers]
        (self.drops / name).write_text(HEADER + "".join(lines))

    def load(self) -> None:
        """Make all files known, as the requested run does."""
        location = SourceLocation.open(self.folder)
        listed = list_comments(location).files
        loaded = {path: load_comments(location, path, entry) for path, entry in listed.items()}
        rows = pa.concat_tables([file.rows for file in loaded.values()])
        files = [
            CommentFile(
                path,
                listed[path].size,
                file.file_hash,
                listed[path].last_modified,
                file.lines_in,
                file.rows.num_rows,
            )
            for path, file in loaded.items()
        ]
        self.replace(STG_TWITTER_COMMENTS, rows)
        self.replace(STG_COMMENT_FILES, STG_COMMENT_FILES.rows(files))

    def replace(self, table: Table, rows: pa.Table) -> None:
        self.warehouse.writes.replace(
            table, self.warehouse.session().table(self.warehouse.scratch.stage(table, rows))
        )

    def tick(self) -> dg.SensorResult:
        resources = {"source": Source(uri=str(self.folder)), "warehouse": self.warehouse}
        with dg.build_sensor_context(self.instance, self.cursor, resources=resources) as context:
            result = new_comments(context)
        if isinstance(result, dg.SkipReason):
            return dg.SensorResult(skip_reason=result)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor or ""
        for request in result.run_requests or []:
            if name := request.run_config.get("resources", {}).get("scope", {}).get("config", {}).get("recorded"):
                SCOPES[name] = read_scope(self.warehouse, name)
        return result

    def settle(self) -> dg.SensorResult:
        """Two ticks: what is new is seen, then found at rest."""
        assert requested(self.tick()) is None
        return self.tick()

    def fail(self, result: dg.SensorResult) -> None:
        """Record the requested run as one that failed a minute ago."""
        (request,) = result.run_requests or []
        run_id, job = str(uuid.uuid4()), comments_job.name
        self.instance.add_run(
            dg.DagsterRun(job, run_id, run_config=request.run_config, status=DagsterRunStatus.STARTED)
        )
        event = dg.DagsterEvent(event_type_value="PIPELINE_FAILURE", job_name=job)
        self.instance.run_storage.handle_run_event(run_id, event, datetime.now(UTC) - timedelta(minutes=1))


def requested(result: dg.SensorResult) -> tuple[list[str], list[int]] | None:
    """Files and customers that a tick requests a run for; none of either for a run about all, None for no run."""
    if not result.run_requests:
        return None
    (request,) = result.run_requests
    name = request.run_config.get("resources", {}).get("scope", {}).get("config", {}).get("recorded")
    scope: dict[str, Any] = SCOPES.get(name, {})
    return scope.get("comment_files", []), scope.get("customers", [])


@pytest.fixture
def watched(endpoint: Endpoint, endpoint_home: str, tmp_path: Path) -> Iterator[Watched]:
    schema = f"N_{uuid.uuid4().hex[:8].upper()}"
    warehouse = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=schema)
    warehouse.writes.ensure_schema()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(tmp_path / "source", warehouse, instance)
    warehouse.close()


def test_before_the_first_run_nothing_is_requested(watched: Watched) -> None:
    assert "Nothing has been loaded yet" in str(watched.tick().skip_reason)


def test_a_settled_drop_is_requested_with_the_customers_who_wrote_it(watched: Watched) -> None:
    watched.load()
    watched.write("monday.csv", 2, 1, 2)
    assert requested(watched.settle()) == (["comments/monday.csv"], ["1", "2"])
    assert json.loads(watched.cursor)["unsettled"] == "{}"


def test_a_drop_that_is_still_growing_is_not_requested(watched: Watched) -> None:
    watched.load()
    watched.write("monday.csv", 2)
    assert requested(watched.tick()) is None
    watched.write("monday.csv", 2, 1)
    assert requested(watched.tick()) is None


def test_known_files_are_not_requested_whatever_their_number(watched: Watched) -> None:
    watched.write("monday.csv", 2)
    watched.load()
    assert requested(watched.settle()) is None
    watched.write("tuesday.csv", 3)
    assert requested(watched.settle()) == (["comments/tuesday.csv"], ["3"])


def test_a_changed_file_concerns_those_who_wrote_it_before_and_now(watched: Watched) -> None:
    watched.write("monday.csv", 2)
    watched.load()
    watched.write("monday.csv", 3, 3)
    assert requested(watched.settle()) == (["comments/monday.csv"], ["2", "3"])


def test_the_first_file_is_watched_like_the_others(watched: Watched) -> None:
    watched.load()
    (watched.folder / FIRST).write_bytes((watched.folder / FIRST).read_bytes())
    assert requested(watched.settle()) == ([FIRST], ["1", "2"])


def test_a_first_file_that_is_damaged_is_requested_when_it_is_whole_again(watched: Watched) -> None:
    watched.load()
    whole = (watched.folder / FIRST).read_bytes()
    (watched.folder / FIRST).write_bytes(whole[:100])
    assert requested(watched.settle()) is None
    assert requested(watched.tick()) is None
    (watched.folder / FIRST).write_bytes(whole)
    assert requested(watched.settle()) == ([FIRST], ["1", "2"])


def test_a_damaged_drop_is_requested_once_for_its_rejection_to_be_recorded(watched: Watched) -> None:
    watched.load()
    (watched.drops / "monday.parquet").write_bytes(b"no parquet")
    assert requested(watched.settle()) == (["comments/monday.parquet"], [])
    watched.load()
    assert requested(watched.settle()) is None


def test_more_customers_than_a_scope_holds_make_a_run_about_all(watched: Watched) -> None:
    watched.load()
    watched.write("monday.csv", *range(1001))
    assert requested(watched.settle()) == ([], [])


def test_a_drop_that_disappears_is_left_to_the_reconciliation(watched: Watched) -> None:
    watched.write("monday.csv", 2)
    watched.load()
    (watched.drops / "monday.csv").unlink()
    assert requested(watched.settle()) is None


def test_what_a_failed_run_was_to_do_is_requested_again_with_what_is_new(watched: Watched) -> None:
    watched.load()
    watched.write("monday.csv", 2)
    failed = watched.settle()
    watched.load()  # the run got as far as the first table
    watched.write("tuesday.csv", 3)
    watched.tick()
    watched.fail(failed)
    assert requested(watched.tick()) == (["comments/monday.csv", "comments/tuesday.csv"], ["2", "3"])


def test_a_repeated_tick_asks_for_the_same_run(watched: Watched) -> None:
    watched.load()
    watched.write("monday.csv", 2)
    watched.tick()
    before = watched.cursor
    first = watched.tick()
    watched.cursor = before
    again = watched.tick()
    assert [r.run_key for r in first.run_requests or []] == [r.run_key for r in again.run_requests or []]


def test_a_tick_over_ten_thousand_known_files_takes_less_than_a_second(watched: Watched) -> None:
    for number in range(10_000):
        watched.write(f"{number}.csv", number)
    listed = list_comments(SourceLocation.open(watched.folder)).files
    files = [CommentFile(path, file.size, "00ff", file.last_modified, 1, 1) for path, file in listed.items()]
    watched.replace(STG_COMMENT_FILES, STG_COMMENT_FILES.rows(files))
    seconds = []
    for _ in range(3):
        began = time.process_time()
        assert requested(watched.tick()) is None
        seconds.append(time.process_time() - began)
    assert min(seconds) < 1


def test_a_file_that_a_run_would_refuse_is_not_requested(watched: Watched) -> None:
    watched.write("monday.csv", 1)
    watched.load()
    (watched.drops / "bad.csv").write_text(HEADER + "1,soon,Lost\n")
    (watched.drops / "monday.csv").write_text("nothing of comments\n")
    assert requested(watched.settle()) is None
    watched.write("bad.csv", 2)
    assert requested(watched.settle()) == (["comments/bad.csv"], ["2"])
