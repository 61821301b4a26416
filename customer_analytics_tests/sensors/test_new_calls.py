"""What the sensor on call audio requests, tick by tick, with real folders and a real table of known calls."""

import json
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from customer_analytics.assets.calls import CALL_AUDIO
from customer_analytics.automation import arrivals
from customer_analytics.automation import new_calls as new_calls_module
from customer_analytics.automation.jobs import calls as calls_job
from customer_analytics.automation.new_calls import new_calls
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.calls import CallFacts, CallFile, hash_call
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.scope import read_scope
from customer_analytics.tables.sources import STG_SUPPORT_CALLS

SCOPES: dict[str, dict[str, list[str]]] = {}
"""What requested runs are about, by the names under which the warehouse keeps it."""


def recorded(request: dg.RunRequest) -> str | None:
    """The name of what a requested run is about; None for a run about all."""
    name: str | None = request.run_config.get("resources", {}).get("scope", {}).get("config", {}).get("recorded")
    return name


class Watched:
    """A source folder, the table of its known calls, and a sensor whose cursor goes from tick to tick."""

    def __init__(self, folder: Path, warehouse: EmbeddedWarehouse, instance: dg.DagsterInstance) -> None:
        self.calls = folder / "calls"
        self.calls.mkdir(parents=True)
        self.warehouse, self.instance, self.cursor = warehouse, instance, ""
        warehouse.writes.ensure_table(STG_SUPPORT_CALLS)

    def write(self, path: str, content: bytes = b"sound", age: float = 0) -> None:
        file = self.calls / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (time.time() - age,) * 2)

    def tick(self) -> dg.SensorResult:
        resources = {"source": Source(uri=str(self.calls.parent)), "warehouse": self.warehouse}
        with dg.build_sensor_context(self.instance, self.cursor, resources=resources) as context:
            result = new_calls(context)
        if isinstance(result, dg.SkipReason):
            return dg.SensorResult(skip_reason=result)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor or ""
        for request in result.run_requests or []:
            if name := recorded(request):
                SCOPES[name] = read_scope(self.warehouse, name)
        return result

    @property
    def unsettled(self) -> list[str]:
        """The files in the cursor that have not settled."""
        return sorted(json.loads(json.loads(self.cursor)["unsettled"]))

    def tell(self, *lines: str) -> None:
        """Write the manifest."""
        self.write("calls.csv", "\n".join(("file,customer_id,called_at,agent", *lines)).encode())

    def settle(self) -> dg.SensorResult:
        """Two ticks: what is new is seen, then found at rest."""
        assert requested(self.tick()) is None
        return self.tick()

    def load(self) -> None:
        """Make all calls known, as the requested run does."""
        listing = list_calls(SourceLocation.open(self.calls.parent))
        self.warehouse.writes.replace(
            STG_SUPPORT_CALLS,
            self.warehouse.session().table(
                self.warehouse.scratch.stage(STG_SUPPORT_CALLS, STG_SUPPORT_CALLS.rows(listing.calls))
            ),
        )

    def run(self, result: dg.SensorResult, status: DagsterRunStatus, ended: timedelta = timedelta()) -> str:
        """Record the requested run, as one that has this status and ended some time ago."""
        (request,) = result.run_requests or []
        run_id = str(uuid.uuid4())
        self.instance.add_run(
            dg.DagsterRun(calls_job.name, run_id, run_config=request.run_config, status=DagsterRunStatus.STARTED)
        )
        if status is not DagsterRunStatus.STARTED:
            kind = "PIPELINE_SUCCESS" if status is DagsterRunStatus.SUCCESS else "PIPELINE_FAILURE"
            event = dg.DagsterEvent(event_type_value=kind, job_name=calls_job.name)
            moment = datetime.now(UTC) - ended
            self.instance.run_storage.handle_run_event(run_id, event, moment)
        return run_id


def requested(result: dg.SensorResult) -> list[str] | None:
    """The calls that a tick requests a run for; [] for a run about all, None for no run."""
    if not result.run_requests:
        return None
    (request,) = result.run_requests
    name = recorded(request)
    return SCOPES[name]["calls"] if name else []


def partitions(result: dg.SensorResult) -> int:
    (request,) = result.dynamic_partitions_requests or []
    assert request.partitions_def_name == CALL_AUDIO.name
    return len(request.partition_keys)


@pytest.fixture
def watched(endpoint: Endpoint, endpoint_home: str, tmp_path: Path) -> Iterator[Watched]:
    schema = f"N_{uuid.uuid4().hex[:8].upper()}"
    warehouse = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=schema)
    warehouse.writes.ensure_schema()
    with dg.DagsterInstance.ephemeral() as instance:
        yield Watched(tmp_path, warehouse, instance)
    warehouse.close()


def test_a_file_counts_once_its_size_and_time_have_settled(watched: Watched) -> None:
    watched.write("8-01.wav", b"half")
    assert requested(watched.tick()) is None
    watched.write("8-01.wav", b"half and more")
    assert requested(watched.tick()) is None
    assert requested(watched.tick()) == ["8-01.wav"]
    assert watched.unsettled == []


def test_new_files_become_partitions_by_their_content_and_one_request(watched: Watched) -> None:
    watched.write("8-01.wav", b"hello")
    watched.write("a/9-01.wav", b"hello again")
    result = watched.settle()
    assert requested(result) == ["8-01.wav", "a/9-01.wav"]
    digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    events = {event.partition: event.metadata for event in result.asset_events}
    assert partitions(result) == len(events) == 2
    assert events[digest].keys() == {"size", "last_modified"}


def test_no_path_and_no_customer_reaches_dagster_s_database(watched: Watched) -> None:
    watched.write("kund-8-01.wav")
    watched.write("kund-9-note.txt")
    watched.tick()
    cursors = [watched.cursor]
    result = watched.tick()
    assert requested(result) == ["kund-8-01.wav"]
    (request,) = result.run_requests or []
    reported = [event.metadata for event in result.asset_events]
    assert "kund" not in str([*cursors, watched.cursor, request, reported, result.dynamic_partitions_requests])


def test_a_known_file_is_not_requested_again_until_it_changes(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    assert requested(watched.settle()) is None
    assert watched.unsettled == []
    watched.write("8-01.wav", b"another sound")
    assert requested(watched.settle()) == ["8-01.wav"]


def customers(result: dg.SensorResult) -> list[str]:
    """The customers that the requested run is about."""
    (request,) = result.run_requests or []
    return SCOPES[str(recorded(request))]["customers"]


def test_a_changed_manifest_requests_the_calls_that_it_concerns_once(watched: Watched) -> None:
    for path in ("8-01.wav", "9-01.wav", "rec.wav"):
        watched.write(path)
    watched.tell("8-01.wav,8,2020-01-01,anna", "9-01.wav,9,2020-01-01,anna")
    watched.load()
    assert requested(watched.settle()) is None  # the manifest is as it was loaded
    watched.tell(
        "8-01.wav,8,2020-01-01,anna", "9-01.wav,9,2020-01-02,anna", "rec.wav,51,2020-01-03,", "gone.wav,7,,"
    )
    result = watched.settle()
    assert (requested(result), customers(result)) == (["9-01.wav", "rec.wav"], ["51", "9"])
    assert requested(watched.tick()) is None


def test_a_call_that_goes_to_another_customer_concerns_both(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    watched.tell("8-01.wav,9,,")
    result = watched.settle()
    assert (requested(result), customers(result)) == (["8-01.wav"], ["8", "9"])


def test_a_new_call_is_of_the_customer_that_the_manifest_tells(watched: Watched) -> None:
    watched.tell("rec.wav,51,2020-01-03,")
    watched.write("rec.wav")
    result = watched.settle()
    assert (requested(result), customers(result)) == (["rec.wav"], ["51"])


def test_a_date_in_the_tags_is_no_difference_from_a_manifest_without_one(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    column = "CALLED_AT = '2020-01-01 00:00:00', CALLED_AT_SOURCE = 'tags'"
    watched.warehouse.session().sql(
        f"UPDATE {watched.warehouse.name(STG_SUPPORT_CALLS.name)} SET {column}"
    ).collect()
    watched.tell("9-01.wav,9,2020-01-01,anna")
    assert requested(watched.settle()) is None


def test_a_manifest_that_cannot_be_read_stops_no_new_call(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    watched.write("calls.csv", b"no,columns\n")
    watched.write("9-01.wav")
    assert requested(watched.settle()) == ["9-01.wav"]


def test_calls_of_erased_customers_are_never_requested(watched: Watched) -> None:
    erased = ErasedKeys(frozenset({"8"}), stage_files=frozenset({f"{sha256(b'sound').hexdigest()}.wav"}))
    erased.record(watched.warehouse, "8")
    watched.write("rec-1.wav", b"another sound")
    watched.write("rec-2.wav")  # nothing tells any more whose it was
    watched.tell("rec-1.wav,8,,")
    assert requested(watched.settle()) is None
    assert requested(watched.settle()) is None


def test_calls_of_erased_customers_are_not_read_and_keep_no_other_waiting(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    ErasedKeys(frozenset({"8"})).record(watched.warehouse, "8")
    monkeypatch.setattr(arrivals, "MOST_FILES", 1)
    files_read: set[str] = set()

    def observed(location: SourceLocation, path: str, file: FileEntry, told: CallFacts) -> CallFile | Problem:
        files_read.add(path)
        return hash_call(location, path, file, told)

    monkeypatch.setattr(new_calls_module, "hash_call", observed)
    for number in range(1, 4):
        watched.write(f"8-0{number}.wav", bytes(number))
    watched.write("9-01.wav")
    ticks = [requested(watched.tick()) for _ in range(6)]
    assert ["9-01.wav"] in ticks
    assert files_read == {"9-01.wav"}


def test_a_file_that_arrives_late_with_an_old_time_is_new(watched: Watched) -> None:
    watched.write("8-02.wav")
    watched.load()
    watched.write("8-01.wav", age=400 * 24 * 3600)
    assert requested(watched.settle()) == ["8-01.wav"]


def test_two_files_of_one_content_are_two_calls_and_one_partition(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.write("8-02.wav")
    result = watched.settle()
    assert requested(result) == ["8-01.wav", "8-02.wav"]
    assert partitions(result) == 1


def test_a_file_that_disappears_before_it_has_settled_is_forgotten(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.tick()
    (watched.calls / "8-01.wav").unlink()
    assert requested(watched.tick()) is None
    assert watched.unsettled == []


def test_a_known_file_that_disappears_is_left_to_the_reconciliation(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    (watched.calls / "8-01.wav").unlink()
    assert requested(watched.settle()) is None


def test_a_renamed_file_takes_the_place_of_its_old_name(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.load()
    (watched.calls / "8-01.wav").rename(watched.calls / "9-01.wav")
    assert requested(watched.settle()) == ["8-01.wav", "9-01.wav"]


def test_what_cannot_be_read_stops_no_other_file(watched: Watched, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (watched.calls / "share").symlink_to(share)
    watched.write("share/8-01.wav")
    watched.load()
    (share / "8-01.wav").unlink()
    share.rmdir()
    watched.write("9-01.wav")
    assert requested(watched.settle()) == ["9-01.wav"]


def test_a_tick_over_ten_thousand_known_files_takes_less_than_a_second(watched: Watched) -> None:
    for number in range(10_000):
        (watched.calls / f"{number}-01.wav").write_bytes(b"%d" % number)
    watched.load()
    seconds = []
    for _ in range(3):
        began = time.process_time()
        assert requested(watched.tick()) is None
        seconds.append(time.process_time() - began)
    assert min(seconds) < 1


def test_a_repeated_tick_asks_for_the_same_run(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.tick()
    before = watched.cursor
    first = watched.tick()
    watched.cursor = before
    again = watched.tick()
    assert [r.run_key for r in first.run_requests or []] == [r.run_key for r in again.run_requests or []]


def test_a_file_that_returns_to_an_earlier_content_is_another_run(watched: Watched) -> None:
    keys = []
    for content in (b"one", b"two", b"one"):
        watched.write("8-01.wav", content, age=1000)
        result = watched.settle()
        watched.run(result, DagsterRunStatus.SUCCESS)
        watched.load()
        keys += [request.run_key for request in result.run_requests or []]
    assert len(set(keys)) == 3


def test_while_a_run_is_going_on_nothing_more_is_requested(watched: Watched) -> None:
    watched.write("8-01.wav")
    watched.run(watched.settle(), DagsterRunStatus.STARTED)
    watched.write("8-02.wav")
    assert requested(watched.settle()) is None


def test_what_a_failed_run_was_to_do_is_requested_again_with_what_is_new(watched: Watched) -> None:
    watched.write("8-01.wav")
    failed = watched.settle()
    watched.load()  # the run got as far as the first table
    watched.write("8-02.wav")
    watched.tick()
    watched.run(failed, DagsterRunStatus.FAILURE, ended=timedelta(seconds=31))
    assert requested(watched.tick()) == ["8-01.wav", "8-02.wav"]


def test_the_wait_doubles_with_each_failure_and_ends_with_a_success(watched: Watched) -> None:
    watched.write("8-01.wav")
    result = watched.settle()
    watched.load()
    for ended, again in ((20, None), (50, None), (121, ["8-01.wav"])):
        watched.run(result, DagsterRunStatus.FAILURE, ended=timedelta(seconds=ended))
        assert requested(watched.tick()) == again
    watched.run(result, DagsterRunStatus.SUCCESS)
    assert requested(watched.tick()) is None
