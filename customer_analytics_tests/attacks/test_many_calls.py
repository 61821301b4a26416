"""Ten thousand calls at once: short ticks, bounded requests, and none of the calls lost or asked for twice."""

import time
from datetime import timedelta

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from customer_analytics.automation import arrivals, new_calls
from customer_analytics.ingestion.call_staging import list_calls
from customer_analytics.ingestion.calls import CallFacts, CallFile
from customer_analytics.ingestion.listing import FileEntry, Problem
from customer_analytics.ingestion.location import SourceLocation
from customer_analytics.tables.sources import STG_SUPPORT_CALLS
from customer_analytics_tests.sensors.test_new_calls import Watched, requested, watched

__all__ = ["watched"]
A_SLICE = 200


def put(watched: Watched, calls: int) -> None:
    """Put calls into the folder at once, and look at them a first time."""
    for number in range(calls):
        (watched.calls / f"{number}-01.wav").write_bytes(b"%d" % number)
    assert requested(watched.tick()) is None


def load(watched: Watched, result: dg.SensorResult) -> list[str]:
    """Make the calls known that a tick has requested, as their run does."""
    calls = requested(result) or []
    watched.run(result, DagsterRunStatus.SUCCESS)
    listing = list_calls(SourceLocation.open(watched.calls.parent), only=calls)
    watched.warehouse.writes.upsert(STG_SUPPORT_CALLS, STG_SUPPORT_CALLS.rows(listing.calls))
    return calls


def test_a_tick_over_ten_thousand_new_calls_is_short_and_asks_for_few(watched: Watched) -> None:
    put(watched, 10_000)
    began = time.process_time()
    result = watched.tick()
    assert time.process_time() - began < 2.5
    calls = requested(result)
    assert calls
    assert len(calls) <= A_SLICE
    assert len(watched.unsettled) == 10_000 - len(calls)
    # The daemon takes 10 ms of processor time to write each of these: 2 s.
    (partitions,) = result.dynamic_partitions_requests or []
    assert len(partitions.partition_keys) == len(result.asset_events) == len(calls)


def test_slices_follow_one_another_and_lose_and_repeat_no_call(watched: Watched) -> None:
    put(watched, 2 * A_SLICE + 50)
    seen: list[str] = []
    while (result := watched.tick()).run_requests:
        seen += load(watched, result)
    assert sorted(seen) == sorted(f"{number}-01.wav" for number in range(2 * A_SLICE + 50))
    assert watched.unsettled == []


def test_no_slice_is_requested_while_the_one_before_is_going_on(watched: Watched) -> None:
    put(watched, A_SLICE + 1)
    watched.run(watched.tick(), DagsterRunStatus.STARTED)
    assert requested(watched.tick()) is None


def test_a_slice_whose_run_failed_is_requested_again_with_the_next(watched: Watched) -> None:
    put(watched, A_SLICE + 50)
    first = watched.tick()
    watched.run(first, DagsterRunStatus.FAILURE, ended=timedelta(seconds=31))
    assert set(requested(first) or []) <= set(requested(watched.tick()) or [])


def test_calls_that_cannot_be_read_keep_no_others_waiting(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_hash = new_calls.hash_call

    def hash_call(location: SourceLocation, path: str, file: FileEntry, told: CallFacts) -> CallFile | Problem:
        is_broken = path.startswith("0-")
        return Problem(path, "cannot be read") if is_broken else really_hash(location, path, file, told)

    monkeypatch.setattr(arrivals, "MOST_FILES", 4)
    monkeypatch.setattr(new_calls, "hash_call", hash_call)
    for number in range(6):
        watched.write(f"0-{number:02}.wav")
    watched.write("1-01.wav")
    assert requested(watched.tick()) is None
    assert ["1-01.wav"] in [requested(watched.tick()) for _ in range(2)]
