"""What the sensors on new files have in common: ticks, settled files, cursors, earlier runs and requests."""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

import dagster as dg

from customer_analytics.ingestion.listing import FileEntry
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.scope import LARGEST, Scope, record_scope

Stat = tuple[int, dt.datetime]
"""Size in bytes and last modification (UTC, naive) of a file."""
T = TypeVar("T")

# Ticks stay short however many files are new. The next tick goes on after the last file of this one, in the order
# of the digests of the paths. Dagster takes about 10 ms to record the event of one call.
MOST_FILES = 200
_SECONDS = 2.0
_THREADS = 4
_RUNS_READ = 20
_FIRST_WAIT, _LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=1)


class Arrivals(NamedTuple):
    """New and changed files by path: those that have not changed since the last tick, and the others."""

    settled: dict[str, FileEntry]
    unsettled: dict[str, FileEntry]


@dataclass(frozen=True)
class EarlierRuns:
    """The runs of a job, as far as the next request depends on them.

    `latest` is the id of the newest run, `is_going_on` whether any run is queued or running, and `busy` why no run
    should be requested now, if so. `failed` are the configurations of the runs that have failed since the last
    success.
    """

    latest: str
    is_going_on: bool
    busy: str | None
    failed: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Tick:
    """One evaluation of a sensor for a job that processes new files.

    The last tick has left the files that had not settled or were not requested, the manifests that it compared
    with the table, and the last file that it read. Each is known by the digest of its path, which may name a
    customer.
    """

    job: str
    earlier: EarlierRuns
    warehouse: Warehouse
    unsettled: Mapping[str, Stat]
    compared: Mapping[str, Stat]
    last: str

    def arrivals(self, files: Mapping[str, FileEntry], known: Mapping[str, Stat]) -> Arrivals:
        """Compare a listing with the known files, and with those that the last tick saw unsettled.

        Any difference makes a file new: it may arrive late with an old timestamp.
        """
        new = {path: file for path, file in files.items() if known.get(path) != _stat(file)}
        settled = {path: file for path, file in new.items() if self.unsettled.get(digest(path)) == _stat(file)}
        return Arrivals(settled, {path: file for path, file in new.items() if path not in settled})

    def next_files(self, files: Mapping[str, FileEntry]) -> dict[str, FileEntry]:
        """The files that this tick may read: at most `MOST_FILES`, from the one after the last tick's on."""
        paths = sorted(files, key=lambda path: (digest(path) <= self.last, digest(path)))[:MOST_FILES]
        return {path: files[path] for path in paths}

    def result(
        self,
        values: Mapping[str, Collection[Any]],
        contents: Collection[str],
        tags: Mapping[str, str],
        *,
        waiting: Mapping[str, FileEntry],
        compared: Mapping[str, FileEntry],
        last: str | None,
        skip_reason: str,
        **events: Any,
    ) -> dg.SensorResult:
        """A request for one run, if there are values or failed runs, and the cursor."""
        reached = self.last if last is None else digest(last)
        cursor = json.dumps({"unsettled": _text(waiting), "compared": _text(compared), "last": reached})
        if not any(values.values()) and not self.earlier.failed:
            return dg.SensorResult(skip_reason=skip_reason, cursor=cursor)
        requested = request(self.job, values, contents, self.earlier, tags, self.warehouse)
        return dg.SensorResult(run_requests=[requested], cursor=cursor, **events)


def begin(
    context: dg.SensorEvaluationContext,
    job: str,
    source: Source,
    warehouse: Warehouse,
    known: Callable[[Warehouse], dict[str, T] | None],
) -> tuple[Tick, dict[str, T]] | dg.SkipReason:
    """The tick, and what `known` has read of the loaded files; or why no run should be requested now."""
    if not source.is_set:
        return dg.SkipReason("No source is set: set CUSTOMER_ANALYTICS_SOURCE to a folder or an fsspec URI.")
    earlier = earlier_runs(context.instance, job)
    if earlier.busy:
        return dg.SkipReason(f"Waiting, because {earlier.busy}.")
    loaded = known(warehouse)
    if loaded is None:
        return dg.SkipReason("Nothing has been loaded yet: materialize all assets once.")
    left = json.loads(context.cursor) if context.cursor else {}
    unsettled, compared = _parse(left.get("unsettled")), _parse(left.get("compared"))
    return Tick(job, earlier, warehouse, unsettled, compared, left.get("last", "")), loaded


def read_in_time(paths: Iterable[str], read: Callable[[str], T]) -> dict[str, T]:
    """Read files in their order while there is time; the first one always."""
    paths, until = list(paths), time.monotonic() + _SECONDS

    def timed(path: str) -> tuple[T] | None:
        return (read(path),) if path == paths[0] or time.monotonic() <= until else None

    with ThreadPoolExecutor(_THREADS) as threads:
        results = takewhile(lambda result: result is not None, threads.map(timed, paths))
        return {path: result[0] for path, result in zip(paths, results, strict=False) if result}


def digest(path: str) -> str:
    """A path's key in Dagster's database."""
    return hashlib.sha256(path.encode(errors="backslashreplace")).hexdigest()


def _text(files: Mapping[str, FileEntry]) -> str:
    return json.dumps({digest(path): [file.size, file.last_modified.isoformat()] for path, file in files.items()})


def _parse(text: str | None) -> dict[str, Stat]:
    written = json.loads(text) if text else {}
    return {key: (size, dt.datetime.fromisoformat(moment)) for key, (size, moment) in written.items()}


def _stat(file: FileEntry) -> Stat:
    return file.size, file.last_modified


def earlier_runs(instance: dg.DagsterInstance, job: str) -> EarlierRuns:
    """The runs of a job, newest first.

    After a failure the next request waits 30 seconds, and twice as long after each further failure, up to an hour.
    A cancelled run is not retried.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=_RUNS_READ)
    going_on = [record.dagster_run.run_id for record in records if not record.dagster_run.is_finished]
    failed = list(takewhile(lambda record: record.dagster_run.status is dg.DagsterRunStatus.FAILURE, records))
    busy = None
    if going_on:
        busy = f"run {going_on[-1]} is in progress"
    elif failed and (ended := failed[0].end_time) is not None:
        wait = min(_FIRST_WAIT * int(2 ** (len(failed) - 1)), _LONGEST_WAIT)
        retry_at = dt.datetime.fromtimestamp(ended, dt.UTC) + wait
        if dt.datetime.now(dt.UTC) < retry_at:
            busy = f"{len(failed)} runs have failed in a row; the next one starts after {retry_at:%H:%M:%S} UTC"
    return EarlierRuns(
        latest=records[0].dagster_run.run_id if records else "",
        is_going_on=bool(going_on),
        busy=busy,
        failed=tuple(dict(record.dagster_run.run_config) for record in failed),
    )


def request(
    job: str,
    values: Mapping[str, Iterable[Any]],
    contents: Iterable[str],
    earlier: EarlierRuns,
    tags: Mapping[str, str],
    warehouse: Warehouse,
) -> dg.RunRequest:
    """A run whose scope is these values and those of failed runs, by the fields of `Scope`.

    It has no scope if a failed run had none, or with more than `LARGEST` values of a field.

    The run key is derived from the contents and from the previous run: a repeated tick requests the same run,
    while a file that returns to an earlier content, or whose run has failed, requests another. The warehouse keeps
    the values, so that the run's configuration has only their name.
    """
    scopes = [_scope(config) for config in earlier.failed]
    failed = [_resolved(scope, warehouse) for scope in scopes]
    joined = {
        field: sorted({*new, *(value for scope in failed for value in getattr(scope, field))})
        for field, new in values.items()
    }
    is_too_large = any(len(values) > LARGEST for values in joined.values())
    named = (str(value) for values in joined.values() for value in values)
    key = hashlib.sha256("\n".join([earlier.latest, *named, *sorted(contents)]).encode()).hexdigest()
    config: dict[str, Any] = {}
    if not is_too_large and not any(scope.is_whole for scope in failed):
        recorded = record_scope(warehouse, job, joined, [scope.recorded for scope in scopes])
        config = {"resources": {"scope": {"config": {"recorded": recorded}}}}
    return dg.RunRequest(run_key=key, run_config=config, tags=dict(tags))


def _scope(run_config: Mapping[str, Any]) -> Scope:
    return Scope(**run_config.get("resources", {}).get("scope", {}).get("config", {}))


def _resolved(scope: Scope, warehouse: Warehouse) -> Scope:
    """The scope with its values; an empty one if they are no longer recorded."""
    try:
        return scope.resolved(warehouse)
    except LookupError:
        return Scope()
