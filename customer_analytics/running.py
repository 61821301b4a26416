"""Runs started from the command line, in this process and under the same Dagster instance as the UI's."""

import filecmp
import logging
import os
import re
import shutil
import sqlite3
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
from sqlalchemy.exc import DatabaseError

from customer_analytics import private_files, temporary
from customer_analytics.at_work import at_work, lock_path
from customer_analytics.automation import orphans as orphaned
from customer_analytics.automation.dead_runs import close, free_places_of_unknown_runs
from customer_analytics.automation.jobs import ALL, calls, comments, with_rejected_rows
from customer_analytics.checks.sources import no_file_is_refused
from customer_analytics.damage import damaged
from customer_analytics.resources.recorded_scopes import record
from customer_analytics.resources.scope import LARGEST
from customer_analytics.resources.warehouse import leftovers
from customer_analytics.settings import Settings
from customer_analytics.summary import Summary, summarise
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.terminal import show_messages

_log = logging.getLogger(__name__)

# Errors that say in their own words what is wrong and what to do.
_TOLD = {"Failure", "SourceError"}
_FAILURE = re.compile(r"^[\w.]+\.(?:Failure|SourceError): ")
_CREATION_SECONDS = 60.0
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
    with _damage_told(settings.home / "dagster"), dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def _damage_told(home: Path) -> Iterator[None]:
    """Raise DamagedError with a sentence where SQLite cannot read one of Dagster's databases."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError) or not isinstance(error.orig, sqlite3.DatabaseError):
            raise
        raise damaged(f"A database of Dagster in {home}", str(error.orig)) from None


def dagster_home(settings: Settings) -> Path:
    """Dagster's home below the state folder, with its databases, and the settings of dagster.yaml as they are."""
    home = settings.home / "dagster"
    private_files.make_folder(home)
    created = home / "history" / "created"
    with FileLock(home / "home.lock", timeout=_CREATION_SECONDS):
        _copy_settings(Path(__file__).resolve().parents[1] / "dagster.yaml", home / "dagster.yaml")
        if not created.exists():
            # By one process alone: of several, each would write the schema's version into each database, and with
            # two versions in it none can be opened.
            with dg.DagsterInstance.from_config(str(home)):
                created.parent.mkdir(exist_ok=True)
                created.touch()
    return home


def _copy_settings(shipped: Path, used: Path) -> None:
    if shipped.exists() and not (used.exists() and filecmp.cmp(shipped, used, shallow=False)):
        unfinished = used.with_suffix(".new")
        shutil.copyfile(shipped, unfinished)
        unfinished.replace(used)  # at once, because Dagster's processes read it without a lock


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
        with dg.build_resources({"warehouse": warehouse(settings)}) as built:
            about = {"calls": paths, "customers": customers}
            scope["recorded"] = record(built.warehouse, f"retry of {calls.name}", about)
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
    with dagster_instance(settings) as instance, at_work(settings.home, run_id):
        close_dead_runs(settings.home, instance)
        prepare(settings, instance)
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
    """Mark runs of the command line as failed whose process has died; their ids. Unknown runs lose places."""
    free_places_of_unknown_runs(instance)
    unfinished = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]
    dead = []
    for run in instance.get_runs(RunsFilter(statuses=unfinished, tags=_LAUNCHED_BY)):
        try:
            with FileLock(lock_path(home, run.run_id), timeout=0):
                close(instance, run)
                dead.append(run.run_id)
        except Timeout:
            continue  # the process holds its lock: it is alive
        lock_path(home, run.run_id).unlink(missing_ok=True)
    return dead


def prepare(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Complete what was interrupted: scratch of killed runs goes, and erasures come to their end."""
    from customer_analytics.deployment import warehouse
    from customer_analytics.erasure import kept
    from customer_analytics.erasure.systems import resume_erasures

    with dg.build_resources({"warehouse": warehouse(settings)}) as built:
        leftovers.drop_leftovers(built.warehouse, instance)
        kept.keep(settings.home, built.warehouse)
    temporary.sweep(settings.home)
    for sentence in resume_erasures(settings):
        _log.warning(sentence)


def resume(settings: Settings) -> None:
    """See `prepare`."""
    with dagster_instance(settings) as instance:
        close_dead_runs(settings.home, instance)
        prepare(settings, instance)


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
