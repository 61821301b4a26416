"""Run assets from the command line, in this process and with the Dagster instance of the UI."""

import logging
import re
import time
import uuid
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from customer_analytics import run_locks, temporary
from customer_analytics.adapters import Adapters
from customer_analytics.automation import orphans as orphaned
from customer_analytics.automation.dead_runs import (
    LAUNCHED_BY_COMMAND_LINE,
    close_dead_runs_of_command_line,
    free_places_of_unknown_runs,
)
from customer_analytics.automation.jobs import ALL, calls, comments, with_rejected_rows
from customer_analytics.checks.sources import no_file_is_refused
from customer_analytics.instance import dagster_instance
from customer_analytics.resources import leftovers
from customer_analytics.scope import LARGEST, record_scope
from customer_analytics.settings import Settings
from customer_analytics.summary import Summary, summarise
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.terminal import show_messages

_log = logging.getLogger(__name__)

# Errors whose message says what is wrong and what to do.
_SELF_EXPLANATORY = {"Failure", "SourceError"}
_FAILURE = re.compile(r"^[\w.]+\.(?:Failure|SourceError): ")


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its id, one sentence per failed step, and a summary."""

    run_id: str
    success: bool
    failures: tuple[str, ...]
    summary: Summary


def run(settings: Settings, select: str | None = None, as_of: str | None = None) -> Outcome:
    """Materialize assets in this process, and drop scratch tables even if a step fails.

    Args:
        settings: The settings.
        select: A Dagster asset selection, e.g. `+pres_clv` or `group:customers`; None selects all assets.
        as_of: Last day whose events count, as YYYY-MM-DD.
    """
    if not as_of:
        return _execute(settings, ALL, {}, select)
    config = {"ops": {"source_files": {"config": {"as_of": as_of}}}}
    return _execute(settings, ALL, config, select, also=[dg.AssetKey("as_of")])


def selected(select: str) -> set[str]:
    """The names of the selected assets; raises ValueError if the selection is invalid or matches no asset."""
    from customer_analytics.definitions import defs

    return {key.to_user_string() for key in _selected(defs, select, ())}


def retry(settings: Settings) -> tuple[list[str], Outcome | None]:
    """Transcribe calls again whose transcription failed; their paths, and the result if there are any."""
    with Adapters(settings) as adapters:
        place = adapters.warehouse.name(CALL_TRANSCRIPTS.name)
        failed = adapters.warehouse.query(
            f"SELECT RELATIVE_PATH, CUSTOMER_ID FROM {place} WHERE STATUS = 'failed' ORDER BY 1"  # noqa: S608
        )
        paths: list[str] = failed["RELATIVE_PATH"].to_pylist()
        if not paths:
            return [], None
        scope: dict[str, Any] = {"again": True}
        if len(paths) <= LARGEST:
            customers = sorted(failed["CUSTOMER_ID"].drop_null().unique().to_pylist())
            affected = {"calls": paths, "customers": customers}
            scope["recorded"] = record_scope(adapters.warehouse, f"retry of {calls.name}", affected)
    return paths, _execute(settings, calls.name, {"resources": {"scope": {"config": scope}}})


def reconcile(settings: Settings) -> list[Outcome]:
    """Run the jobs for calls and comments, which also remove data of deleted files."""
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
    # Dagster uses a logger of the code location only if the run config names it.
    config = {"loggers": {"console": {"config": {}}}, **config}
    run_id = str(uuid.uuid4())
    began = time.monotonic()
    with dagster_instance(settings) as instance, run_locks.hold(settings.home, run_id):
        _complete_interrupted(settings, instance)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", dg.BetaWarning)
                result = job.execute_in_process(
                    run_config=config,
                    instance=instance,
                    asset_selection=keys,
                    run_id=run_id,
                    tags=LAUNCHED_BY_COMMAND_LINE,
                    raise_on_error=False,
                )
        finally:
            with Adapters(settings) as adapters:
                adapters.warehouse.scratch.drop(run_id)
    failed = [event for event in result.all_events if event.event_type is DagsterEventType.STEP_FAILURE]
    wanted = [key.path[-1] for key in keys or sorted(job.asset_layer.executable_asset_keys)]
    with Adapters(settings, read_only=True) as adapters:
        summary = summarise(result.all_events, wanted, time.monotonic() - began, adapters.warehouse)
    return Outcome(run_id, result.success, tuple(_sentence(event) for event in failed), summary)


def resume(settings: Settings) -> None:
    """Clean up after killed runs and complete interrupted erasures."""
    with dagster_instance(settings) as instance:
        _complete_interrupted(settings, instance)


def drop_leftovers(settings: Settings) -> list[str]:
    """Drop what ended or killed runs left in the warehouse; the ids of these runs."""
    with dagster_instance(settings) as instance, Adapters(settings) as adapters:
        return _drop_leftovers(settings, instance, adapters)


def orphans(settings: Settings, remove: bool) -> orphaned.Orphans:
    """Find data whose source was deleted; with `remove`, reconcile and then remove it."""
    if remove:
        for outcome in reconcile(settings):
            if not outcome.success:
                raise RuntimeError(f"Nothing was removed, because a run failed: {'; '.join(outcome.failures)}")
    with dagster_instance(settings) as instance, Adapters(settings) as adapters:
        return orphaned.clean(
            adapters.warehouse, adapters.source, adapters.vector_store, adapters.embedder, instance, remove=remove
        )


def _complete_interrupted(settings: Settings, instance: dg.DagsterInstance) -> None:
    from customer_analytics.erasure import key_copy
    from customer_analytics.erasure.systems import resume_erasures

    with Adapters(settings) as adapters:
        _drop_leftovers(settings, instance, adapters)
        key_copy.merge(settings.home, adapters.warehouse)
    temporary.sweep(settings.home)
    for sentence in resume_erasures(settings):
        _log.warning(sentence)


def _drop_leftovers(settings: Settings, instance: dg.DagsterInstance, adapters: Adapters) -> list[str]:
    free_places_of_unknown_runs(instance)
    close_dead_runs_of_command_line(instance, settings.home)
    return leftovers.drop_leftovers(adapters.warehouse, instance)


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
    while error and error.cause and error.cls_name not in _SELF_EXPLANATORY:
        error = error.cause
    message = _FAILURE.sub("", error.message.strip()) if error else "failed"
    return message if event.step_key == no_file_is_refused.op.name else f"{event.step_key}: {message}"
