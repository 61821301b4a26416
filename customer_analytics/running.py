"""Runs started from the command line, in this process and under the same Dagster instance as the UI's."""

import os
import re
import shutil
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus, RunsFilter
from filelock import FileLock, Timeout

from customer_analytics.automation import orphans as orphaned
from customer_analytics.automation.dead_runs import close
from customer_analytics.automation.jobs import ALL, calls, comments, with_rejected_rows
from customer_analytics.checks.sources import no_file_is_refused
from customer_analytics.resources.scope import LARGEST
from customer_analytics.resources.warehouse import leftovers
from customer_analytics.settings import Settings
from customer_analytics.summary import Summary, summarise
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.terminal import show_messages

# Errors that say in their own words what is wrong and what to do.
_TOLD = {"Failure", "SourceError"}
_FAILURE = re.compile(r"^[\w.]+\.(?:Failure|SourceError): ")
_LAUNCHED_BY = {"customer_analytics/launched_by": "command line"}


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its id, one sentence for each step that failed, and what the run did."""

    run_id: str
    success: bool
    failures: tuple[str, ...]
    summary: Summary


@contextmanager
def dagster_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The Dagster instance whose home is below the state folder."""
    os.environ["DAGSTER_HOME"] = str(dagster_home(settings))
    with dg.DagsterInstance.get() as instance:
        yield instance


def dagster_home(settings: Settings) -> Path:
    """Dagster's home below the state folder, with the settings of dagster.yaml as they are now."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shipped = Path(__file__).resolve().parents[1] / "dagster.yaml"
    if shipped.exists():
        shutil.copyfile(shipped, home / "dagster.yaml")
    return home


def run(settings: Settings, select: str | None = None, as_of: str | None = None) -> Outcome:
    """Materialize assets in this process and clean up behind them, also when a step fails.

    Args:
        settings: Where state and source are.
        select: A Dagster asset selection, e.g. `+pres_clv` or `group:customers`; all assets if none.
        as_of: Day up to which events count, as YYYY-MM-DD.
    """
    if not as_of:
        return _execute(settings, ALL, {}, select)
    config = {"ops": {"source_files": {"config": {"as_of": as_of}}}}
    return _execute(settings, ALL, config, select, also=[dg.AssetKey("as_of")])


def selected(select: str) -> set[str]:
    """The names of the assets that a selection chooses; raises ValueError if it is none, or chooses none."""
    from customer_analytics.definitions import defs

    return {key.to_user_string() for key in _selected(defs, select, ())}


def retry(settings: Settings) -> tuple[list[str], Outcome | None]:
    """Listen again to the calls that could not be transcribed; their paths, and how that ended."""
    from customer_analytics.deployment import warehouse

    with dg.build_resources({"warehouse": warehouse(settings)}) as built:
        place = built.warehouse.name(CALL_TRANSCRIPTS.name)
        failed = built.warehouse.query(
            f"SELECT RELATIVE_PATH, CUSTOMER_ID FROM {place} WHERE STATUS = 'failed' ORDER BY 1"  # noqa: S608
        )
    paths: list[str] = failed["RELATIVE_PATH"].to_pylist()
    if not paths:
        return [], None
    scope: dict[str, Any] = {"again": True}
    if len(paths) <= LARGEST:
        customers = sorted({customer for customer in failed["CUSTOMER_ID"].to_pylist() if customer is not None})
        scope |= {"calls": paths, "customers": customers}
    return paths, _execute(settings, calls.name, {"resources": {"scope": {"config": scope}}})


def reconcile(settings: Settings) -> list[Outcome]:
    """Bring everything about calls and comments to what their files are, and forget what is gone."""
    return [_execute(settings, job.name, {}) for job in (calls, comments)]


def _execute(
    settings: Settings,
    job_name: str,
    config: dict[str, Any],
    select: str | None = None,
    also: Sequence[dg.AssetKey] = (),
) -> Outcome:
    from customer_analytics.definitions import defs

    show_messages()
    job = defs.resolve_job_def(job_name)
    keys = _selected(defs, select, also) if select else None
    # Without being named, a logger of the code location is not used.
    config = {"loggers": {"console": {"config": {}}}, **config}
    run_id = str(uuid.uuid4())
    began = time.monotonic()
    with dagster_instance(settings) as instance, _alive(settings.home, run_id):
        close_dead_runs(settings.home, instance)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dg.BetaWarning)
                result = job.execute_in_process(
                    run_config=config,
                    instance=instance,
                    asset_selection=keys,
                    run_id=run_id,
                    tags=_LAUNCHED_BY,
                    raise_on_error=False,
                )
        finally:
            _drop_scratch(settings, run_id)
    failed = [event for event in result.all_events if event.event_type is DagsterEventType.STEP_FAILURE]
    wanted = [key.path[-1] for key in keys or sorted(job.asset_layer.executable_asset_keys)]
    summary = _summary(settings, result.all_events, wanted, time.monotonic() - began)
    return Outcome(run_id, result.success, tuple(_sentence(event) for event in failed), summary)


def close_dead_runs(home: Path, instance: dg.DagsterInstance) -> list[str]:
    """Mark runs of the command line as failed whose process has died; their ids."""
    unfinished = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]
    dead = []
    for run in instance.get_runs(RunsFilter(statuses=unfinished, tags=_LAUNCHED_BY)):
        try:
            with FileLock(_lock_path(home, run.run_id), timeout=0):
                close(instance, run)
                dead.append(run.run_id)
        except Timeout:
            continue  # the process holds its lock: it is alive
        _lock_path(home, run.run_id).unlink(missing_ok=True)
    return dead


def drop_leftovers(settings: Settings) -> list[str]:
    """Drop what ended or killed runs have left in the warehouse; the ids of these runs."""
    from customer_analytics.deployment import warehouse

    with (
        dagster_instance(settings) as instance,
        dg.build_resources({"warehouse": warehouse(settings)}) as built,
    ):
        close_dead_runs(settings.home, instance)
        return leftovers.drop_leftovers(built.warehouse, instance)


def orphans(settings: Settings, remove: bool) -> orphaned.Orphans:
    """What has no source any more; removed, after a reconciliation, if wanted."""
    from customer_analytics.deployment import resources

    if remove:
        for outcome in reconcile(settings):
            if not outcome.success:
                raise RuntimeError(f"Nothing was removed, because a run failed: {'; '.join(outcome.failures)}")
    made = resources(settings)
    ports = {name: made[name] for name in ("warehouse", "source", "vector_store", "embedder")}
    with dagster_instance(settings) as instance, dg.build_resources(ports) as built:
        return orphaned.clean(
            built.warehouse, built.source, built.vector_store, built.embedder, instance, remove=remove
        )


@contextmanager
def _alive(home: Path, run_id: str) -> Iterator[None]:
    """Hold a lock that the operating system lets go when this process dies."""
    path = _lock_path(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield
    path.unlink(missing_ok=True)


def _lock_path(home: Path, run_id: str) -> Path:
    return home / "runs" / f"{run_id}.lock"


def _summary(
    settings: Settings, events: Sequence[dg.DagsterEvent], wanted: Sequence[str], seconds: float
) -> Summary:
    from customer_analytics.deployment import warehouse

    with dg.build_resources({"warehouse": warehouse(settings, reading=True)}) as built:
        return summarise(events, wanted, seconds, built.warehouse)


def _drop_scratch(settings: Settings, run_id: str) -> None:
    from customer_analytics.deployment import warehouse

    with dg.build_resources({"warehouse": warehouse(settings)}) as built:
        built.warehouse.drop_scratch(run_id)


def _selected(defs: dg.Definitions, select: str, also: Sequence[dg.AssetKey]) -> Sequence[dg.AssetKey]:
    graph = defs.resolve_asset_graph()
    known = graph.materializable_asset_keys
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            selection = dg.AssetSelection.from_string(select).required_multi_asset_neighbors()
            keys = selection.resolve(graph) & known
    except dg.DagsterError as error:
        examples = "'+pres_clv', 'group:customers' or 'key:mrr or key:orders'"
        raise ValueError(f"{select!r} is not an asset selection; write it like {examples}.") from error
    if not keys:
        names = ", ".join(sorted(key.to_user_string() for key in known))
        raise ValueError(f"No asset matches {select!r}; the assets are {names}.")
    return sorted(with_rejected_rows(keys) | set(also))


def _sentence(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error and error.cause and error.cls_name not in _TOLD:
        error = error.cause
    message = _FAILURE.sub("", error.message.strip()) if error else "failed"
    return message if event.step_key == no_file_is_refused.op.name else f"{event.step_key}: {message}"
